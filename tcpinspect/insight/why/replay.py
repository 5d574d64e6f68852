"""Replay one connection's segments and note, for each, what both sides had said before it. Floor 3; compiled.

One pass over the rows of the table `segments`; numbers are unwrapped, so that they compare as integers.
What is noted is what the capture point saw; where that stands apart from what a side knew, `home_ns` says how far away it is.
Reading: RFC 9293 §3.3.1, §3.4; RFC 5681 §2 (duplicate ACK); RFC 6298 §2, §5; RFC 2883 §4 (D-SACK); RFC 8985 §6.2.
"""

import cython
import re

from tcpinspect.engine.columns import UNKNOWN
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.insight.why.spans import Sent  # noqa: F401
    from tcpinspect.insight.why.way import Way

    rint = round  # both round halves to the even number

NOTHING = cython.declare(cython.longlong, UNKNOWN)
FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
CONTROL = header.SYN | header.FIN | header.RST
CONTROLS = cython.declare(cython.longlong, CONTROL)
MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)
# Two equal segments of one side closer than this are one packet that was captured, or delivered, twice.
TWIN_NS = cython.declare(cython.longlong, 1_000_000)
MOST_BETWEEN = cython.declare(cython.longlong, 8)
_BLOCK = re.compile(r"(\d+):(\d+)")
_NOP = cython.declare(cython.longlong, 1)
_SACK = cython.declare(cython.longlong, 5)


class Fact:
    """A segment and what was known just before it. Positions are unwrapped; times in ns; places count from 0 in the list.

    None stands for what was not known.
    """

    def __init__(self):
        self.notes = {}
        self.kind = ""
        self.cause = ""
        self.same_cut = True
        if cython.compiled:
            return
        self.row = self.own = self.other = None
        self.index = self.flags = self.payload = 0
        self.begin = 0
        self.end = 0  # SYN and FIN counted
        self.ack = self.top = self.una = self.edge = None
        self.acked_before = None  # the highest acknowledgment this side had sent
        self.peer_top = None
        self.window_before = None  # the last window field of this side
        self.peer_window_raw = None
        self.duplicates = self.unanswered = 0
        self.last_duplicate = self.last_ack = self.last_data = None
        self.prompt = None  # the other side's latest segment, if this side has sent nothing since
        self.since_timer_ns = self.srtt_ns = self.rto_ns = self.rtt_min_ns = None
        self.home_ns = 0  # round trip between the capture point and this sender, as far as the handshake tells
        self.initial_rtt_ns = None
        self.recovery = False
        self.delivered = None
        self.sack = None  # selective acknowledgments agreed
        self.opened = self.peer_opened = self.accepted_before = False
        self.syn_before = self.fin_before = self.peer_syn = self.peer_fin = None
        self.sacked_above = 0
        self.already_sacked = False
        self.newly = 0
        self.dsack = None
        self.new_sack = False
        self.duplicate_number = 0
        self.original = self.previous = None
        self.copies = 0
        self.again = 0  # octets that had been sent before
        self.hole = None  # place of the segment that first went beyond the hole that this one fills
        self.twin = None
        self.probe = False


def sack_blocks(row):
    """The raw edges of a row's SACK blocks; `options` is text as in the table, or the octets."""
    if not row.sack_blocks or row.options_malformed:
        return []
    if isinstance(row.options, bytes):
        return _blocks_in(row.options)
    _, found, rest = row.options.partition("sack ")
    return [(int(a) & MASK32, int(b) & MASK32) for a, b in _BLOCK.findall(rest.split(",")[0])] if found else []


def _blocks_in(options: bytes):
    at: cython.longlong = 0
    size: cython.longlong = len(options)
    end: cython.longlong
    while at + 1 < size and options[at] != _SACK:
        at += 1 if options[at] == _NOP else max(2, options[at + 1])
    blocks = []
    if at + 1 < size:
        end = min(size, at + options[at + 1])
        at += 2
        while at + 8 <= end:
            blocks.append((_number(options, at), _number(options, at + 4)))
            at += 8
    return blocks


def _number(octets: bytes, at):
    value: cython.longlong = 0
    k: cython.longlong
    for k in range(at, at + 4):
        value = value << 8 | octets[k]
    return value


class Replay:
    """Feed it every row of a connection in order: `step(row)` gives the Fact; set its `kind` and `cause`, then `done(fact)`."""

    def __init__(self):
        self.facts = []
        self.count = 0
        self.server = Way()
        self.client = Way()
        self.initial_rtt_ns = NOTHING
        self.syn_ns = NOTHING  # time of the SYN whose answer is awaited

    def time(self, index):
        """Capture time of a place, ns."""
        return self.facts[index].row.time_ns

    def flags(self, index):
        """Flags of a place."""
        return self.facts[index].flags

    def seq(self, index):
        """Sequence number of a place, as it stands."""
        return self.facts[index].row.seq_raw

    def row(self, index):
        """The row of a place."""
        return self.facts[index].row

    def from_client(self, index):
        """Who sent the segment of a place."""
        return self.facts[index].row.from_client

    def prompt(self, fact):
        """The Fact of `fact.prompt` or None; also None where it is of no interest to a bare ACK."""
        return None if fact.prompt is None else self.facts[fact.prompt]

    def note(self, fact):
        """Keep the fact of the next place."""
        self.facts.append(fact)
        self.count += 1
        return 0

    def step(self, row):
        """What is known before this row, and what the row adds."""
        mine: cython.bint = row.from_client
        own: Way = self.client if mine else self.server
        other: Way = self.server if mine else self.client
        fact: Fact = Fact()
        flags: cython.longlong = row.tcp_flags
        now: cython.longlong = row.time_ns
        raw: cython.longlong = row.seq_raw
        payload: cython.longlong = row.payload_len
        begin: cython.longlong
        length: cython.longlong
        ack: cython.longlong = NOTHING
        alone: cython.bint = row.src_port == row.dst_port and row.src == row.dst
        if alone:
            other = own
        if flags & SYN and own.syn != NOTHING and own.base != NOTHING and raw != (own.base + own.syn) & MASK32:
            # another incarnation inside the stream
            own = Way()
            if mine:
                self.client = own
            else:
                self.server = own
            if alone:
                other = own
            self.initial_rtt_ns = self.syn_ns = NOTHING
        begin = own.place(raw)
        if own.shift == NOTHING and row.seq is not None:
            own.shift = row.seq - begin
        if flags & ACK:
            ack = other.place(row.ack_raw)
            if other.shift == NOTHING and row.ack is not None:
                other.shift = row.ack - ack
        payload = max(0, payload)
        length = payload + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
        fact.index = self.count
        fact.row = row
        fact.own = own
        fact.other = other
        fact.flags = flags
        fact.payload = payload
        fact.begin = begin
        fact.end = begin + length
        fact.ack = known(ack)
        self.before(fact, own, other, now)
        fact.twin = self.twin(fact, own, now)
        self.note(fact)
        if not flags & RST:
            if flags & ACK:
                self.acknowledge(fact, own, other, ack, now)
            if length and fact.twin is None:
                self.carry(fact, own)
        return fact

    def before(self, fact, own, other, now):
        """What both sides had said."""
        fact.top = known(own.top)
        fact.una = known(own.una)
        fact.edge = known(own.edge)
        fact.acked_before = known(other.una)
        fact.peer_top = known(other.top)
        fact.window_before = known(own.window_raw)
        fact.peer_window_raw = known(other.window_raw)
        fact.duplicates = own.duplicates
        fact.unanswered = own.unanswered
        fact.last_duplicate = known(own.last_duplicate)
        fact.last_ack = known(own.last_ack)
        fact.last_data = known(own.last_data)
        fact.prompt = other.last if other.last != NOTHING and other.last > own.last else None
        if own.timer_ns != NOTHING:
            fact.since_timer_ns = now - own.timer_ns
        if own.rtt_min != NOTHING:
            fact.srtt_ns = cython.cast(cython.longlong, rint(own.srtt))
            fact.rto_ns = cython.cast(cython.longlong, rint(own.srtt + 4 * own.rttvar))
            fact.rtt_min_ns = own.rtt_min
            if self.initial_rtt_ns != NOTHING:
                fact.home_ns = max(0, self.initial_rtt_ns - own.rtt_min)
        fact.initial_rtt_ns = known(self.initial_rtt_ns)
        fact.recovery = own.recovery != NOTHING and own.una < own.recovery
        fact.delivered = known(own.delivered)
        if own.sack_offered >= 0 and other.sack_offered >= 0:
            fact.sack = own.sack_offered == 1 and other.sack_offered == 1
        fact.opened = own.opened
        fact.peer_opened = other.opened
        fact.syn_before = known(own.syn)
        fact.fin_before = known(own.fin)
        fact.accepted_before = own.accepted
        fact.peer_syn = known(other.syn)
        fact.peer_fin = known(other.fin)
        return 0

    def twin(self, fact, own, now):
        """An equal segment of this side just before, with no more than one segment of the other side between."""
        at: cython.longlong
        k: cython.longlong
        n: cython.longlong
        answers: cython.longlong
        raw: cython.longlong
        if fact.end == fact.begin or fact.flags & RST:
            return None
        raw = fact.row.seq_raw
        for n in range(1, min(4, own.count) + 1):
            at = own.places[(own.count - n) & 3]
            if fact.index - at > MOST_BETWEEN or now - self.time(at) >= TWIN_NS or self.seq(at) != raw:
                continue
            if same_packet(self.row(at), fact.row):
                answers = 0
                for k in range(at + 1, self.count):
                    if self.from_client(k) != fact.row.from_client:
                        answers += 1
                return at if answers <= 1 else None
        return None

    def acknowledge(self, fact, own, other, ack, now):
        """What this segment says about the other side's octets."""
        row = fact.row
        before: cython.longlong = other.una
        edge: cython.longlong
        window = row.window
        hole: cython.bint
        if row.sack_blocks:
            self.selective(fact, other, ack, now)
        if before == NOTHING or ack > before:
            fact.newly = 0 if before == NOTHING else ack - before
            hole = before != NOTHING and other.sacked.above(before) > 0
            self.arrived(other, ack - 1 if before == NOTHING else before, ack, now, not hole)
            other.una = ack
            other.sacked.drop_below(ack)
            other.duplicates = 0
            other.last_duplicate = NOTHING
            other.timer_ns = now
            if other.recovery != NOTHING and ack >= other.recovery:
                other.recovery = NOTHING
        elif ack == before and not fact.payload and not fact.flags & CONTROLS and other.top != NOTHING and other.top > ack:
            # RFC 5681 §2; a SACK block with news counts whatever the window (RFC 6675 §2), a lone D-SACK never (RFC 2883 §4).
            if fact.new_sack or (own.window_raw == row.window_raw and fact.dsack is None):
                other.duplicates += 1
                fact.duplicate_number = other.duplicates
        if fact.new_sack or fact.duplicate_number:
            other.last_duplicate = fact.index
        other.last_ack = fact.index
        if window is not None:
            edge = ack + window
            if edge > other.edge:
                other.edge = edge
        return 0

    def selective(self, fact, other, ack, now):
        """What its SACK blocks say."""
        blocks = [(other.place(a), other.place(b)) for a, b in sack_blocks(fact.row)]
        if blocks and _is_dsack(blocks, ack):
            fact.dsack = blocks.pop(0)
        for low, high in blocks:
            # A block of octets that were never seen says nothing here: the capture missed them, or an editor changed the numbers.
            if low < high and (other.top == NOTHING or high <= other.top):
                for a, b in other.sacked.add(max(low, ack), high):
                    fact.new_sack = True
                    self.arrived(other, a, b, now, False)
        return 0

    def arrived(self, way, begin, end, now, sample):
        """Octets of this way are known to have arrived: what that says of round trips and of the latest delivery."""
        took: cython.longlong
        last: cython.longlong
        k: cython.longlong
        sent: Sent = way.sent
        for k in range(5 * sent.first_over(begin), 5 * sent.first_from(end), 5):
            if sent.cells[k + 1] > end:
                continue
            last = sent.cells[k + 3]
            took = now - self.time(last)
            # RFC 8985 §6.2 step 2: of something sent twice, an answer that comes too soon belongs to the earlier copy.
            if sent.cells[k + 4] == 1 or (way.rtt_min != NOTHING and took >= way.rtt_min):
                way.delivered = max(way.delivered, last)
            if sample and sent.cells[k + 4] == 1 and sent.cells[k + 1] == end and took >= 0:
                way.measured(took)
        return 0

    def carry(self, fact, own):
        """What this segment carries, and whether any of it was sent before."""
        plain: cython.bint = not fact.flags & CONTROLS
        if plain and fact.payload <= 1 and own.top != NOTHING and fact.begin == own.top - 1:
            return 0  # a keep-alive with its octet of garbage (RFC 9293 §3.8.4)
        fact.probe = plain and fact.payload == 1 and fact.begin == own.top and fact.peer_window_raw == 0
        old = own.sent.add(fact.begin, fact.end, fact.index)
        if old:
            fact.again = sum([min(p.end, fact.end) - max(p.start, fact.begin) for p in old])
            fact.original = old[0].first
            fact.previous = max([p.last for p in old])
            fact.copies = max([p.copies for p in old])
            fact.same_cut = len(old) == 1 and old[0].start == fact.begin and old[0].end == fact.end
        elif own.top != NOTHING and fact.begin < own.top:
            beyond = own.sent.after(fact.end)
            fact.hole = beyond.first if beyond is not None else known(own.last_new)
        if old or fact.hole is not None:
            fact.sacked_above = own.sacked.above(fact.end)
            fact.already_sacked = own.sacked.covers(fact.begin, fact.end)
        return 0

    def done(self, fact):
        """Remember the segment, once its kind is set."""
        own: Way = fact.own
        other: Way = fact.other
        row = fact.row
        flags: cython.longlong = fact.flags
        now: cython.longlong = row.time_ns
        kind: str = fact.kind
        again: cython.bint
        self.handshake(fact, own, other, now)
        own.last_control = flags & CONTROLS
        own.asked = flags & (SYN | ACK | RST) == SYN
        own.remember(fact.index)
        other.unanswered = 0
        if flags & RST:
            return
        if flags & SYN:
            own.syn = fact.begin
            own.sack_offered = 1 if row.sack_permitted else 0
            own.accepted = own.accepted or flags & ACK != 0
        else:
            own.opened = True
        if flags & FIN:
            own.fin = fact.end - 1
        own.window_raw = row.window_raw
        again = kind.endswith("retransmission") or kind.endswith("tail-loss-probe")
        if again or kind == "keep-alive" or kind == "window-probe":
            own.unanswered += 1
        if not fact.probe and (kind == "keep-alive" or kind == "window-probe" or kind == "duplicated-packet"):
            return
        if fact.end == fact.begin:
            # The number of a bare ACK is SND.NXT: what lies below was sent, captured or not.
            if own.top == NOTHING or fact.end > own.top:
                own.top = fact.end
                own.last_new = fact.index
            return
        if fact.payload:
            own.last_data = fact.index
        if again or own.top == NOTHING or (own.una != NOTHING and own.una >= own.top):
            own.timer_ns = now
        if again and fact.notes.get("starts_recovery") and not fact.recovery:
            own.recovery = own.top
        if own.top == NOTHING or fact.end > own.top:
            own.top = fact.end
            own.last_new = fact.index

    def handshake(self, fact, own, other, now):
        """The round trip of the handshake: from the SYN to the ACK of the SYN-ACK, the full way wherever the capture was taken."""
        flags: cython.longlong = fact.flags
        if flags & SYN and not flags & ACK:
            self.syn_ns = NOTHING if fact.syn_before is not None else now
        elif self.syn_ns != NOTHING and flags & ACK and not flags & (SYN | RST) and own.syn != NOTHING and other.accepted:
            self.initial_rtt_ns = max(0, now - self.syn_ns)
            self.syn_ns = NOTHING
        return 0


def known(value):
    """None for NOTHING."""
    return None if value == NOTHING else value


def same_packet(a, b):
    """Whether two rows are equal in all that a copy keeps, and close in time."""
    return (
        0 <= b.time_ns - a.time_ns < TWIN_NS
        and a.seq_raw == b.seq_raw and a.ack_raw == b.ack_raw and a.tcp_flags == b.tcp_flags and a.payload_len == b.payload_len
        and a.src == b.src and a.src_port == b.src_port and a.window_raw == b.window_raw
        and a.checksum == b.checksum and a.options == b.options
    )  # fmt: skip


def _is_dsack(blocks, ack):
    """RFC 2883 §4: the first block lies below the acknowledgment, or inside the second block."""
    low, high = blocks[0]
    return high <= ack or (len(blocks) > 1 and blocks[1][0] <= low and high <= blocks[1][1])
