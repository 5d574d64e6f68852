"""Replay one connection's segments and note, for each, what both sides had said before it. Floor 3.

One pass in plain Python over the rows of the table `segments`; numbers are unwrapped, so that they compare as integers.
What is noted is what the capture point saw; where that stands apart from what a side knew, `home_ns` says how far away it is.
Reading: RFC 9293 §3.3.1, §3.4; RFC 5681 §2 (duplicate ACK); RFC 6298 §2, §5; RFC 2883 §4 (D-SACK); RFC 8985 §6.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from struct import iter_unpack
from typing import Any

from tcpinspect.insight.why.spans import Ranges, Sent
from tcpinspect.protocol.header import ACK, FIN, RST, SYN
from tcpinspect.protocol.seqnum import MODULUS, difference

CONTROL = SYN | FIN | RST
# Two equal segments of one side closer than this are one packet that was captured, or delivered, twice.
TWIN_NS = 1_000_000
MOST_BETWEEN = 8
_BLOCK = re.compile(r"(\d+):(\d+)")
_NOP, _SACK = 1, 5


class Way:
    """One direction: what its sender has sent and what the other side said about it. None where nothing is known yet."""

    def __init__(self) -> None:
        self.base: int | None = None
        self.shift: int | None = None  # from positions to the table's relative numbers
        self.syn: int | None = None  # position of the SYN
        self.fin: int | None = None
        self.accepted = False  # sent a SYN-ACK
        self.opened = False  # sent something without SYN and RST
        self.sack_offered: bool | None = None
        self.top: int | None = None  # SND.NXT: past the highest number sent
        self.una: int | None = None  # SND.UNA: the highest acknowledgment of it
        self.window_raw: int | None = None
        self.edge: int | None = None  # right edge of the window that the other side announced
        self.sent = Sent()
        self.sacked = Ranges()
        self.duplicates = 0  # RFC 5681: how many duplicate ACKs of `una` came
        self.last: int | None = None  # place of the latest segment
        self.last_control = 0  # its SYN, FIN and RST
        self.last_new: int | None = None  # place of the latest one that sent something new
        self.last_data: int | None = None
        self.last_duplicate: int | None = None  # place of the other side's latest duplicate ACK or SACK
        self.last_ack: int | None = None  # place of the other side's latest ACK
        self.timer_ns: int | None = None  # when the retransmission timer was started last
        self.delivered: int | None = None  # place of the latest transmission known to have arrived
        self.recovery: int | None = None  # position that ends the present recovery
        self.resent: int | None = None  # until this is acknowledged, something sent again or late is on the way
        self.unanswered = 0  # keep-alives, probes and retransmissions since the other side was last heard
        self.srtt: float | None = None
        self.rttvar = 0.0
        self.rtt_min: int | None = None
        self.recent: list[int] = []  # places of the latest few segments

    def place(self, raw: int) -> int:
        """The position of a raw sequence number, nearest to what is known."""
        if self.base is None:
            self.base = raw
            return 0
        near = self.top if self.top is not None else self.una if self.una is not None else 0
        return near + difference(raw, (self.base + near) % MODULUS)

    def relative(self, position: int | None) -> int | None:
        """The table's relative number of a position, the raw one where there is none."""
        if position is None:
            return None
        return position + self.shift if self.shift is not None else ((self.base or 0) + position) % MODULUS

    def measured(self, sample: int) -> None:
        """RFC 6298 §2.2, §2.3."""
        if self.srtt is None:
            self.srtt, self.rttvar = float(sample), sample / 2
        else:
            self.rttvar += (abs(self.srtt - sample) - self.rttvar) / 4
            self.srtt += (sample - self.srtt) / 8
        self.rtt_min = sample if self.rtt_min is None else min(self.rtt_min, sample)


@dataclass(slots=True)
class Fact:
    """A segment and what was known just before it. Positions are unwrapped; times in ns; places count from 0 in the list."""

    index: int
    row: Any
    own: Way
    other: Way
    begin: int
    end: int  # SYN and FIN counted
    ack: int | None
    top: int | None = None
    una: int | None = None
    edge: int | None = None
    acked_before: int | None = None  # the highest acknowledgment this side had sent
    peer_top: int | None = None
    window_before: int | None = None  # the last window field of this side
    peer_window_raw: int | None = None
    duplicates: int = 0
    unanswered: int = 0
    last_duplicate: int | None = None
    last_ack: int | None = None
    last_data: int | None = None
    prompt: int | None = None  # the other side's latest segment, if this side has sent nothing since
    since_timer_ns: int | None = None
    srtt_ns: int | None = None
    rto_ns: int | None = None
    rtt_min_ns: int | None = None
    home_ns: int = 0  # round trip between the capture point and this sender, as far as the handshake tells
    initial_rtt_ns: int | None = None
    recovery: bool = False
    delivered: int | None = None
    sack: bool | None = None  # selective acknowledgments agreed
    opened: bool = False
    peer_opened: bool = False
    syn_before: int | None = None
    fin_before: int | None = None
    accepted_before: bool = False
    peer_syn: int | None = None
    peer_fin: int | None = None
    sacked_above: int = 0
    already_sacked: bool = False
    newly: int = 0
    dsack: tuple[int, int] | None = None
    new_sack: bool = False
    duplicate_number: int = 0
    original: int | None = None
    previous: int | None = None
    copies: int = 0
    again: int = 0  # octets that had been sent before
    same_cut: bool = True
    hole: int | None = None  # place of the segment that first went beyond the hole that this one fills
    twin: int | None = None
    probe: bool = False
    kind: str = ""
    cause: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def flags(self) -> int:
        return int(self.row.tcp_flags)

    @property
    def payload(self) -> int:
        return max(0, self.row.payload_len)


def sack_blocks(row: Any) -> list[tuple[int, int]]:
    """The raw edges of a row's SACK blocks; `options` is text as in the table, or the octets."""
    if not row.sack_blocks or row.options_malformed:
        return []
    if isinstance(row.options, bytes):
        return _blocks_in(row.options)
    _, found, rest = row.options.partition("sack ")
    return [(int(a) % MODULUS, int(b) % MODULUS) for a, b in _BLOCK.findall(rest.split(",")[0])] if found else []


def _blocks_in(options: bytes) -> list[tuple[int, int]]:
    at = 0
    while at + 1 < len(options) and options[at] != _SACK:
        at += 1 if options[at] == _NOP else max(2, options[at + 1])
    edges = options[at + 2 : at + options[at + 1]] if at + 1 < len(options) else b""
    return [(left, right) for left, right in iter_unpack("!II", edges[: len(edges) // 8 * 8])]


class Replay:
    """Feed it every row of a connection in order: `step(row)` gives the Fact; set its `kind` and `cause`, then `done(fact)`."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.ways = [Way(), Way()]  # of the server, of the client
        self.initial_rtt_ns: int | None = None
        self.syn_ns: int | None = None  # time of the SYN whose answer is awaited

    def time(self, index: int) -> int:
        """Capture time of a place, ns."""
        return int(self.facts[index].row.time_ns)

    def flags(self, index: int) -> int:
        """Flags of a place."""
        return self.facts[index].flags

    def step(self, row: Any) -> Fact:
        """What is known before this row, and what the row adds."""
        mine = bool(row.from_client)
        own, other = self.ways[mine], self.ways[not mine]
        if row.src_port == row.dst_port and row.src == row.dst:
            other = own
        flags, now = row.tcp_flags, row.time_ns
        if flags & SYN and own.syn is not None and own.base is not None and row.seq_raw != (own.base + own.syn) % MODULUS:
            # another incarnation inside the stream
            fresh = self.ways[mine] = Way()
            other = fresh if other is own else other
            own = fresh
            self.initial_rtt_ns = self.syn_ns = None
        begin = own.place(row.seq_raw)
        if row.seq is not None and own.shift is None:
            own.shift = row.seq - begin
        ack = other.place(row.ack_raw) if flags & ACK else None
        if ack is not None and row.ack is not None and other.shift is None:
            other.shift = row.ack - ack
        length = max(0, row.payload_len) + bool(flags & SYN) + bool(flags & FIN)
        fact = Fact(
            index=len(self.facts), row=row, own=own, other=other, begin=begin, end=begin + length, ack=ack,
            top=own.top, una=own.una, edge=own.edge, acked_before=other.una, peer_top=other.top,
            window_before=own.window_raw, peer_window_raw=other.window_raw,
            duplicates=own.duplicates, unanswered=own.unanswered, last_duplicate=own.last_duplicate, last_ack=own.last_ack,
            last_data=own.last_data,
            prompt=other.last if other.last is not None and (own.last is None or other.last > own.last) else None,
            since_timer_ns=None if own.timer_ns is None else now - own.timer_ns,
            srtt_ns=None if own.srtt is None else round(own.srtt),
            rto_ns=None if own.srtt is None else round(own.srtt + 4 * own.rttvar), rtt_min_ns=own.rtt_min,
            home_ns=self._home(own), initial_rtt_ns=self.initial_rtt_ns,
            recovery=own.recovery is not None and (own.una is None or own.una < own.recovery), delivered=own.delivered,
            sack=None if own.sack_offered is None or other.sack_offered is None else own.sack_offered and other.sack_offered,
            opened=own.opened, peer_opened=other.opened, syn_before=own.syn, fin_before=own.fin, accepted_before=own.accepted,
            peer_syn=other.syn, peer_fin=other.fin,
        )  # fmt: skip
        fact.twin = self._twin(fact)
        self.facts.append(fact)
        if not flags & RST:
            if ack is not None:
                self._acknowledge(fact, ack)
            if length and fact.twin is None:
                self._carry(fact)
        return fact

    def _home(self, own: Way) -> int:
        return max(0, self.initial_rtt_ns - own.rtt_min) if self.initial_rtt_ns is not None and own.rtt_min is not None else 0

    def _twin(self, fact: Fact) -> int | None:
        """An equal segment of this side just before, with no more than one segment of the other side between."""
        if not (fact.end > fact.begin) or fact.flags & RST:
            return None
        for at in reversed(fact.own.recent):
            if fact.row.time_ns - self.time(at) >= TWIN_NS:
                continue
            if fact.index - at <= MOST_BETWEEN and same_packet(self.facts[at].row, fact.row):
                answers = sum(1 for f in self.facts[at + 1 :] if f.row.from_client != fact.row.from_client)
                return at if answers <= 1 else None
        return None

    def _acknowledge(self, fact: Fact, ack: int) -> None:
        """What this segment says about the other side's octets."""
        row, other, now = fact.row, fact.other, fact.row.time_ns
        before = other.una
        blocks = [(other.place(a), other.place(b)) for a, b in sack_blocks(row)]
        if blocks and _is_dsack(blocks, ack):
            fact.dsack = blocks.pop(0)
        for low, high in blocks:
            # A block of octets that were never seen says nothing here: the capture missed them, or an editor changed the numbers.
            if low < high and (other.top is None or high <= other.top):
                for a, b in other.sacked.add(max(low, ack), high):
                    fact.new_sack = True
                    self._arrived(other, a, b, now)
        if before is None or ack > before:
            fact.newly = 0 if before is None else ack - before
            hole = before is not None and other.sacked.above(before) > 0
            self._arrived(other, ack - 1 if before is None else before, ack, now, sample=not hole)
            other.una = ack
            other.sacked.drop_below(ack)
            other.duplicates, other.last_duplicate = 0, None
            other.timer_ns = now
            if other.recovery is not None and ack >= other.recovery:
                other.recovery = None
        elif ack == before and not fact.payload and not fact.flags & CONTROL and other.top is not None and other.top > ack:
            # RFC 5681 §2; a SACK block with news counts whatever the window (RFC 6675 §2), a lone D-SACK never (RFC 2883 §4).
            if fact.new_sack or (row.window_raw == fact.window_before and fact.dsack is None):
                other.duplicates += 1
                fact.duplicate_number = other.duplicates
        if fact.new_sack or fact.duplicate_number:
            other.last_duplicate = fact.index
        other.last_ack = fact.index
        if row.window is not None:
            edge = ack + row.window
            other.edge = edge if other.edge is None else max(other.edge, edge)

    def _arrived(self, way: Way, begin: int, end: int, now: int, sample: bool = False) -> None:
        """Octets of this way are known to have arrived: what that says of round trips and of the latest delivery."""
        for piece in way.sent.within(begin, end):
            if piece.end > end:
                continue
            took = now - self.time(piece.last)
            # RFC 8985 §6.2 step 2: of something sent twice, an answer that comes too soon belongs to the earlier copy.
            if piece.copies == 1 or (way.rtt_min is not None and took >= way.rtt_min):
                way.delivered = piece.last if way.delivered is None else max(way.delivered, piece.last)
            if sample and piece.copies == 1 and piece.end == end and took >= 0:
                way.measured(took)

    def _carry(self, fact: Fact) -> None:
        """What this segment carries, and whether any of it was sent before."""
        own = fact.own
        plain = not fact.flags & CONTROL
        if plain and fact.payload <= 1 and own.top is not None and fact.begin == own.top - 1:
            return  # a keep-alive with its octet of garbage (RFC 9293 §3.8.4)
        fact.probe = plain and fact.payload == 1 and fact.begin == own.top and fact.peer_window_raw == 0
        old = own.sent.add(fact.begin, fact.end, fact.index)
        if old:
            fact.again = sum(min(p.end, fact.end) - max(p.start, fact.begin) for p in old)
            fact.original = old[0].first
            fact.previous = max(p.last for p in old)
            fact.copies = max(p.copies for p in old)
            fact.same_cut = len(old) == 1 and (old[0].start, old[0].end) == (fact.begin, fact.end)
        elif own.top is not None and fact.begin < own.top:
            beyond = own.sent.after(fact.end)
            fact.hole = beyond.first if beyond is not None else own.last_new
        if old or fact.hole is not None:
            fact.sacked_above = own.sacked.above(fact.end)
            fact.already_sacked = own.sacked.covers(fact.begin, fact.end)

    def done(self, fact: Fact) -> None:
        """Remember the segment, once its kind is set."""
        own, other, row, flags = fact.own, fact.other, fact.row, fact.flags
        self._handshake(fact)
        own.last, own.last_control = fact.index, flags & CONTROL
        own.recent = [*own.recent[-3:], fact.index]
        other.unanswered = 0
        if flags & RST:
            return
        if flags & SYN:
            own.syn, own.sack_offered = fact.begin, bool(row.sack_permitted)
            own.accepted = own.accepted or bool(flags & ACK)
        else:
            own.opened = True
        if flags & FIN:
            own.fin = fact.end - 1
        own.window_raw = row.window_raw
        again = fact.kind.endswith(("retransmission", "tail-loss-probe"))
        if again or fact.kind in ("keep-alive", "window-probe"):
            own.unanswered += 1
        if fact.kind in ("keep-alive", "window-probe", "duplicated-packet") and not fact.probe:
            return
        if fact.end == fact.begin:
            # The number of a bare ACK is SND.NXT: what lies below was sent, captured or not.
            if own.top is None or fact.end > own.top:
                own.top, own.last_new = fact.end, fact.index
            return
        if fact.payload:
            own.last_data = fact.index
        idle = own.top is None or (own.una is not None and own.una >= own.top)
        if idle or again:
            own.timer_ns = row.time_ns
        if again and fact.notes.get("starts_recovery") and not fact.recovery:
            own.recovery = own.top
        if own.top is None or fact.end > own.top:
            own.top, own.last_new = fact.end, fact.index

    def _handshake(self, fact: Fact) -> None:
        """The round trip of the handshake: from the SYN to the ACK of the SYN-ACK, the full way wherever the capture was taken."""
        flags, now = fact.flags, fact.row.time_ns
        if flags & SYN and not flags & ACK:
            self.syn_ns = None if fact.syn_before is not None else now
        elif self.syn_ns is not None and flags & ACK and not flags & (SYN | RST) and fact.own.syn is not None and fact.other.accepted:
            self.initial_rtt_ns, self.syn_ns = max(0, now - self.syn_ns), None


def same_packet(a: Any, b: Any) -> bool:
    """Whether two rows are equal in all that a copy keeps, and close in time."""
    return (
        0 <= b.time_ns - a.time_ns < TWIN_NS
        and (a.seq_raw, a.ack_raw, a.tcp_flags, a.payload_len) == (b.seq_raw, b.ack_raw, b.tcp_flags, b.payload_len)
        and (a.src, a.src_port, a.window_raw, a.checksum, a.options) == (b.src, b.src_port, b.window_raw, b.checksum, b.options)
    )


def _is_dsack(blocks: list[tuple[int, int]], ack: int) -> bool:
    """RFC 2883 §4: the first block lies below the acknowledgment, or inside the second block."""
    low, high = blocks[0]
    return high <= ack or (len(blocks) > 1 and blocks[1][0] <= low and high <= blocks[1][1])
