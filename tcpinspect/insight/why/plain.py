"""The causes of one connection at the price of its unusual segments. Floor 3; compiled.

Most segments are the next octets in order, the first acknowledgment of some, or a step of the handshake: they have no cause,
and all they do is move the numbers of `way.Way`. `Quick` moves these itself and makes no Fact of them; every other segment goes
through `cause` as always. What comes out is the same, which a test holds on every capture. Reading: as `cause`.
"""

import cython
from array import array

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED, UNKNOWN
from tcpinspect.insight.why.cause import final, judged, kind_of
from tcpinspect.insight.why.moment import States
from tcpinspect.insight.why.need import doubled, settle
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.insight.why.replay import Fact, Replay
    from tcpinspect.insight.why.spans import Sent  # noqa: F401
    from tcpinspect.insight.why.way import Way  # noqa: F401

NOTHING = cython.declare(cython.longlong, UNKNOWN)
FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)
SACK_PERMITTED = cython.declare(cython.longlong, MARK_SACK_PERMITTED)
MALFORMED = cython.declare(cython.longlong, MARK_OPTIONS_MALFORMED)
CELLS = cython.declare(cython.longlong, 4)  # of a place: the number of its row and who sent it; time, flags, sequence number
FIRST_ROOM = cython.declare(cython.longlong, 16)
_NO_STATES = States(())


class Seen:
    """What the causes ask of a segment: columns of `segments`, but the options as octets, and numbers instead of the addresses.

    What few segments are asked for is read late, by the number of the row in the `table`.
    """

    seq = ack = None

    def __init__(self, table, number, from_client):
        self.table = table
        self.number = number
        self.from_client = from_client
        if not cython.compiled:
            self.octets = None

    def place(self, alone):
        """Say where from and where to: all that matters is whether both ends are the same."""
        self.src = self.src_port = 0 if self.from_client or alone else 1
        self.dst = self.dst_port = 0 if not self.from_client or alone else 1
        return 0

    @property
    def frame(self):
        return self.table.late(self.number, "frame")

    @property
    def checksum(self):
        return self.table.late(self.number, "checksum")

    @property
    def options(self):
        if self.octets is None:
            self.octets = self.table.late(self.number, "options")
        return self.octets

    @property
    def ts_val(self):
        value = self.table.late(self.number, "ts_val")
        return None if value < 0 else value

    @property
    def ts_ecr(self):
        value = self.table.late(self.number, "ts_ecr")
        return None if value < 0 else value


class Facts:
    """The facts by place, as the rules ask for them; an ordinary segment's is made when it is asked for."""

    def __init__(self, quick):
        self.quick = quick

    def __getitem__(self, place):
        return self.quick.fact(place)


class Quick(Replay):
    """A replay that makes Facts only of segments that are not ordinary. `take` it every segment, then ask for the `causes`.

    `table` (`column.Table`) knows the rows by their numbers.
    """

    def __init__(self, table):
        Replay.__init__(self)
        self.table = table
        self.room = FIRST_ROOM
        self.cells = array("q", bytes(8 * CELLS * FIRST_ROOM))
        self.view = self.cells
        self.facts = Facts(self)
        self.clear(False)

    def clear(self, alone):
        """Begin another connection; `alone`: both its ends are the same."""
        self.server.clear()
        self.client.clear()
        self.initial_rtt_ns = self.syn_ns = NOTHING
        self.alone = alone
        self.count = 0
        self.carriers = 0
        self.again = 0
        self.odd = {}
        if self.room > 64:
            self.room = FIRST_ROOM
            self.cells = array("q", bytes(8 * CELLS * FIRST_ROOM))
            self.view = self.cells
        return 0

    # what a replay asks of the places

    def time(self, index):
        return self.view[CELLS * index + 1]

    def number(self, index):
        """The number of a place's row in the table."""
        return self.view[CELLS * index] >> 1

    def from_client(self, index):
        return self.view[CELLS * index] & 1

    def row(self, index):
        fact = self.odd.get(index)
        if fact is not None:
            return fact.row
        row: Seen = self.table.seen(self.number(index), self.from_client(index))
        row.place(self.alone)
        return row

    def flags(self, index):
        return self.view[CELLS * index + 2]

    def seq(self, index):
        return self.view[CELLS * index + 3]

    def prompt(self, fact):
        place: cython.longlong
        if fact.prompt is None:
            return None
        place = fact.prompt
        # an ordinary one matters only if it is a SYN or a SYN-ACK, which come first
        return self.odd.get(place) if place > 1 else self.fact(place)

    def note(self, fact):
        self.odd[self.count] = fact
        self.count += 1
        return 0

    def fact(self, place):
        """The Fact of a place; for an ordinary segment only what those ask for that look back at it."""
        found: Fact = self.odd.get(place)
        if found is not None:
            return found
        row = self.row(place)
        found = Fact()
        found.index = place
        found.row = row
        found.own = self.client if row.from_client else self.server
        found.other = self.server if row.from_client else self.client
        found.flags = row.tcp_flags
        found.payload = row.payload_len
        found.begin = found.own.place(row.seq_raw)
        found.end = found.begin + found.payload + (1 if found.flags & (SYN | FIN) else 0)
        found.ack = found.other.place(row.ack_raw) if found.flags & ACK else None
        return found

    def take(self, number, mine, now, flags, payload, seq_raw, ack_raw, window_raw, window, sack_blocks, marks, options):
        """The next segment; `window` is -1 where it is not known. The `options` are given where there are SACK blocks, else None."""
        place: cython.longlong = self.count
        fact: Fact
        if place == self.room:
            self.cells = self.cells + self.cells
            self.view = self.cells
            self.room *= 2
        self.view[CELLS * place] = 2 * number + (1 if mine else 0)
        self.view[CELLS * place + 1] = now
        self.view[CELLS * place + 2] = flags
        self.view[CELLS * place + 3] = seq_raw
        if not self.alone and not sack_blocks and payload >= 0:
            if flags & (SYN | RST | ACK) == ACK:
                if self.ordinary(mine, now, flags, payload, seq_raw, ack_raw, window_raw, window):
                    self.count += 1
                    self.carriers += 1 if payload or flags & FIN else 0
                    return 0
            elif flags & SYN and not flags & (FIN | RST) and not payload:
                if self.opening(mine, now, flags, seq_raw, ack_raw, window_raw, window, marks & SACK_PERMITTED != 0):
                    self.count += 1
                    self.carriers += 1
                    return 0
        row: Seen = Seen(self.table, number, mine)
        row.time_ns = now
        row.tcp_flags = flags
        row.payload_len = payload
        row.seq_raw = seq_raw
        row.ack_raw = ack_raw
        row.window_raw = window_raw
        row.window = None if window < 0 else window
        row.sack_blocks = sack_blocks
        row.sack_permitted = marks & SACK_PERMITTED != 0
        row.options_malformed = marks & MALFORMED != 0
        row.octets = options
        row.place(self.alone)
        fact = self.step(row)
        fact.kind = kind_of(fact, self, _NO_STATES)
        self.done(fact)
        if fact.again or fact.twin is not None or "retransmission" in fact.kind:
            self.again = 1
        if fact.end > fact.begin and fact.top is not None and fact.begin < fact.top:
            # until this is acknowledged, what was sent twice or late is on the way
            fact.own.resent = max(fact.end, fact.top, fact.own.resent)
        return 0

    def opening(self, mine, now, flags, seq_raw, ack_raw, window_raw, window, sack_permitted):
        """Note a SYN that comes first, or the SYN-ACK that answers it; 0, and nothing noted, where it is neither."""
        own: Way = self.client if mine else self.server
        other: Way = self.server if mine else self.client
        place: cython.longlong = self.count
        if flags & ACK:
            if place != 1 or own.base != NOTHING or self.syn_ns == NOTHING or other.top != 1 or ack_raw != (other.base + 1) & MASK32:
                return 0
            other.una = other.top
            other.timer_ns = now
            other.delivered = 0
            other.last_ack = place
            other.unanswered = 0
            other.edge = 1 + window if window >= 0 else NOTHING
            if now >= self.view[1]:
                other.measured(now - self.view[1])
            own.accepted = True
        else:
            if place:
                return 0
            self.syn_ns = now
            own.asked = True
        own.base = seq_raw
        own.syn = 0
        own.top = 1
        own.sent.append(0, 1, place)
        own.window_raw = window_raw
        own.sack_offered = sack_permitted
        own.last_control = SYN
        own.last_new = place
        own.timer_ns = now
        own.remember(place)
        return 1

    def ordinary(self, mine, now, flags, payload, seq_raw, ack_raw, window_raw, window):
        """Note the segment if it is the next data in order or a first acknowledgment, and nothing is in doubt; 0 where it is not."""
        own: Way = self.client if mine else self.server
        other: Way = self.server if mine else self.client
        place: cython.longlong = self.count
        top: cython.longlong = own.top
        una: cython.longlong = other.una
        fin: cython.longlong = flags & FIN
        ack: cython.longlong
        end: cython.longlong
        if top == NOTHING or other.top == NOTHING or seq_raw != (own.base + top) & MASK32:
            return 0
        ack = other.top - ((other.base + other.top - ack_raw) & MASK32)
        if una == NOTHING:
            if ack != other.top:
                return 0
            una = ack - 1
        if ack < una:
            return 0
        if ack > una and (other.recovery != NOTHING or una < other.resent or len(other.sacked)):
            return 0
        if payload or fin:
            end = top + payload + (1 if fin else 0)
            if (payload == 1 and not fin) or not own.sent.append(top, end, place):
                return 0
            if payload:
                own.last_data = place
            if fin:
                own.fin = end - 1
            own.last_new = place
            if own.una >= top:
                own.timer_ns = now
            own.top = end
        elif ack == una or not window_raw or other.asked:
            return 0
        if ack > una:
            self.in_order(other, una, ack, now)
            other.una = ack
            other.timer_ns = now
            other.duplicates = 0
            other.last_duplicate = NOTHING
        other.last_ack = place
        other.unanswered = 0
        own.remember(place)
        own.last_control = fin
        own.asked = False
        own.opened = True
        own.window_raw = window_raw
        if window >= 0 and ack + window > other.edge:
            other.edge = ack + window
        if self.syn_ns != NOTHING and own.syn != NOTHING and other.accepted:
            self.initial_rtt_ns = max(0, now - self.syn_ns)
            self.syn_ns = NOTHING
        return 1

    def in_order(self, way, una, ack, now):
        """What `arrived` notes, where nothing between was sent twice or out of order."""
        sent: Sent = way.sent
        at: cython.longlong = 5 * sent.ending(ack)
        last: cython.longlong
        if at < 0 or sent.cells[at + 4] != 1:
            self.arrived(way, una, ack, now, True)
            return 0
        last = sent.cells[at + 3]
        if last > way.delivered:
            way.delivered = last
        if now >= self.view[CELLS * last + 1]:
            way.measured(now - self.view[CELLS * last + 1])
        return 0

    def causes(self):
        """(number of the row, cause) of each segment that has one."""
        facts = list(self.odd.values())
        if not facts:
            return facts
        if doubled(facts, self.carriers):
            # The bare ACKs are there twice as well, which only a look at all of them tells.
            facts = judged([self.row(place) for place in range(self.count)])
        else:
            if self.again:
                settle(self.facts, facts)
            final(facts)
        return [(self.number(fact.index), fact.cause) for fact in facts if fact.cause]
