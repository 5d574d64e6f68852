"""What the engine knows of one connection while its states are solved: the log read, the rows written. Floor 2.

Reading: RFC 9293 §3.3.2. `Ledger` reads the records of Moments, applies events by the table of protocol.rfc9293 (nothing
here spells a transition), keeps the rows of each side and at the end puts both sides' rows in one order.
"""

import cython

from tcpinspect.engine.moments import FIELDS, FLOOR_KNOWN, PEER_TOP_KNOWN, STAMPED, SUM_RIGHT, SUM_WRONG, TOP_KNOWN
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import TRANSITIONS, Event, State, next_states

if not cython.compiled:
    from tcpinspect.engine.moments import Moments
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
RIGHT = cython.declare(cython.longlong, SUM_RIGHT)
WRONG = cython.declare(cython.longlong, SUM_WRONG)
HAS_STAMPS = cython.declare(cython.longlong, STAMPED)
HAS_FLOOR = cython.declare(cython.longlong, FLOOR_KNOWN)
HAS_TOP = cython.declare(cython.longlong, TOP_KNOWN)
HAS_PEER_TOP = cython.declare(cython.longlong, PEER_TOP_KNOWN)
KNOWN = cython.declare(cython.longlong, STAMPED | FLOOR_KNOWN | TOP_KNOWN | PEER_TOP_KNOWN)

CLOSED = cython.declare(cython.longlong, State.CLOSED)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)
OPEN_ACTIVE = cython.declare(cython.longlong, Event.OPEN_ACTIVE)
CLOSE = cython.declare(cython.longlong, Event.CLOSE)
ABORT = cython.declare(cython.longlong, Event.ABORT)
RCV_RST = cython.declare(cython.longlong, Event.RCV_RST)
EVENTS = cython.declare(cython.longlong, len(Event))
WIDTH = cython.declare(cython.longlong, len(FIELDS))

# By state and event: where it leads, and the row of TRANSITIONS.
NEXT_STATES = next_states()
RULE_OF = [-1] * len(NEXT_STATES)
for _number, _transition in enumerate(TRANSITIONS):
    RULE_OF[_transition.state * len(Event) + _transition.event] = _number

# A row that leaves the solver. `frame` and `time_ns` are 0 where no frame goes with it; `rule` is the row of TRANSITIONS,
# or from len(TRANSITIONS) on a row of EXTRA_SECTIONS; `doubt` an index into doubts.DOUBTS.
ROW_FIELDS = ("side", "frame", "time_ns", "from_state", "to_state", "event", "evidence", "rule", "doubt")
ROW = cython.declare(cython.longlong, 9)
EXTRA_SECTIONS = ("3.3.2",)  # CAPTURE-START: the state diagram itself
# A segment that passes this long after another one, going the other way, did not cross it: two round trips as the
# handshake showed them, within these bounds; the last where it showed none.
CROSSING_LEAST_NS = cython.declare(cython.longlong, 25_000_000)
CROSSING_MOST_NS = cython.declare(cython.longlong, 1_000_000_000)
CROSSING_NS = cython.declare(cython.longlong, 150_000_000)

# Where neither timestamps nor the IP identification tell: no timer of TCP runs out so soon (RFC 6298 §2.4).
TWIN_NS = cython.declare(cython.longlong, 1_000_000)

# Room for the rows of one side: each state is entered at most a few times, even by a stream of several incarnations.
ROOM = cython.declare(cython.longlong, 64)
LAST = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFF)

# The records of the log, a column an attribute. `word` is the record's flags with its marks, `flags` the nine bits alone;
# `octets` what the segment occupies of the number space, `end` the number behind it; the rest as moments.FIELDS names them, -1 where
# there was none.
COLUMNS = (
    "frame", "time_ns", "seq", "ack", "word", "payload", "ts_val", "ts_ecr", "floor", "top", "peer_top", "flags", "side", "octets", "end",
)  # fmt: skip
CAPACITY = 264  # moments.CAPACITY, and a line of the cache: else all columns would fall into the same few places of it

# Attributes that each side has one of. Of its steps so far: `count`; `since`, the time of the last one; `broken_at`, the frame of the
# last one if that is a reset, else 0; `reached`, the latest frame.
SIDED = (
    "count", "since", "broken_at", "reached", "isn", "bare_syn", "syn_ack", "fin", "fin_at", "last_alive",
    "sound", "finals", "before", "error_frame", "error_ns", "error_final", "error_seq", "next_syn_ns",
)  # fmt: skip


class Ledger:
    """The log, the facts that hold for all of it, and the rows, where they are `wanted`. `Solver` adds the reasoning."""

    def __init__(self):
        self.n = 0
        self.client = 0
        self.client_evidence = 0
        self.handshake = 0
        self.teardown = 0
        self.x = 0
        self.state = 0
        self.ended = 0
        self.crossing_ns = 0
        self.size = 0
        self.anew = 0
        self.wanted = 1
        if not cython.compiled:
            self.rows = [0] * (9 * 2 * 64)
            self.rows_out = [0] * (9 * 2 * 64)
            for name in COLUMNS:
                setattr(self, name, [0] * CAPACITY)
            self.next_state = [0] * 187
            self.rule_of = [0] * 187
            for name in SIDED:
                setattr(self, name, [0, 0])
        i: cython.longlong
        for i in range(187):
            self.next_state[i] = NEXT_STATES[i]
            self.rule_of[i] = RULE_OF[i]
        self.before[0] = -1
        self.before[1] = -1
        self.error_frame[0] = 0
        self.error_frame[1] = 0
        self.next_syn_ns[0] = self.next_syn_ns[1] = 0

    def get(self, k, field):
        """One field of row k; ROW_FIELDS names them."""
        return self.rows_out[k * 9 + field]

    def section(self, k):
        """The section that holds the rule of row k."""
        rule = self.rows_out[k * 9 + 7]
        return TRANSITIONS[rule].section if rule < len(TRANSITIONS) else EXTRA_SECTIONS[rule - len(TRANSITIONS)]

    def final_state(self, side):
        """The state in which the capture leaves a side."""
        return self.finals[side]

    def _read(self, m):
        """Spread the log over the columns; no steps yet."""
        k: cython.longlong
        base: cython.longlong = 0
        word: cython.longlong
        octets: cython.longlong
        log: cython.p_uint = m.log
        self.size = m.n
        for k in range(2):
            self.count[k] = self.since[k] = self.broken_at[k] = self.reached[k] = 0
        for k in range(self.size):
            self.frame[k] = log[base]
            self.time_ns[k] = m.time_of(k)
            self.seq[k] = log[base + 3]
            self.ack[k] = log[base + 4]
            word = log[base + 5]
            octets = log[base + 6]
            self.word[k] = word & ~KNOWN
            self.payload[k] = octets
            self.ts_val[k] = log[base + 7]
            self.ts_ecr[k] = log[base + 8]
            self.floor[k] = log[base + 9]
            self.top[k] = log[base + 10]
            self.peer_top[k] = log[base + 11]
            if not word & HAS_STAMPS:
                self.ts_val[k] = self.ts_ecr[k] = -1
            if not word & HAS_FLOOR:
                self.floor[k] = -1
            if not word & HAS_TOP:
                self.top[k] = -1
            if not word & HAS_PEER_TOP:
                self.peer_top[k] = -1
            if word & SYN:
                octets += 1
            if word & FIN:
                octets += 1
            self.flags[k] = word & 0x1FF
            self.side[k] = word >> 9 & 1
            self.octets[k] = octets
            self.end[k] = (self.seq[k] + octets) & MASK
            base += WIDTH
        return 0

    def _covers_syn(self, k, side):
        """Record k acknowledges the SYN of `side` (or anything, where that SYN was not captured)."""
        if not self.flags[k] & ACK:
            return 0
        return self.isn[side] < 0 or difference(self.ack[k], self.isn[side]) > 0

    def _covers_fin(self, k, side):
        """Record k acknowledges the FIN of `side`: its number is beyond the FIN, not merely later in time."""
        if self.fin[side] < 0 or not self.flags[k] & ACK:
            return 0
        return difference(self.ack[k], self.fin[side]) > 0

    def _acks_seen(self, k):
        """Record k acknowledges nothing beyond what its receiver had sent by then, and something of that was captured."""
        return self.peer_top[k] >= 0 and difference(self.ack[k], self.peer_top[k]) <= 0

    def _spoiled(self, k):
        """Record k has a wrong checksum, and its sender is known to send right ones: no receiver takes it (RFC 9293 §3.1)."""
        return self.word[k] & WRONG and self.sound[self.side[k]]

    def _survey(self, n):
        """What the whole log says about each side: its SYN, its FIN, its last sign of life."""
        side: cython.longlong
        k: cython.longlong
        flags: cython.longlong
        self.anew = 0
        for side in range(2):
            self.isn[side] = -1
            self.bare_syn[side] = -1
            self.syn_ack[side] = -1
            self.fin[side] = -1
            self.fin_at[side] = -1
            self.last_alive[side] = -1
            self.sound[side] = 0
        for k in range(n):
            side = self.side[k]
            flags = self.flags[k]
            if self.word[k] & RIGHT:
                self.sound[side] = 1
            if flags & RST:
                continue
            self.last_alive[side] = k
            if flags & SYN:
                if self.isn[side] < 0:
                    self.isn[side] = self.seq[k]
                if flags & ACK:
                    if self.syn_ack[side] < 0:
                        self.syn_ack[side] = k
                elif self.bare_syn[side] < 0:
                    self.bare_syn[side] = k
            if flags & FIN and self.fin[side] < 0 and (not flags & SYN or flags & ACK):
                self.fin[side] = (self.end[k] - 1) & MASK
                self.fin_at[side] = k
        return 0

    def _round_trip(self, n):
        """How long a segment may still be on its way when one of the other direction passes the capture point."""
        k: cython.longlong
        side: cython.longlong
        client: cython.longlong = 0 if self.bare_syn[1] < 0 or 0 <= self.bare_syn[0] < self.bare_syn[1] else 1
        answer: cython.longlong = self.syn_ack[1 - client]
        syn: cython.longlong = -1
        self.crossing_ns = CROSSING_NS
        if self.bare_syn[client] < 0 or answer < self.bare_syn[client]:
            return 0
        for k in range(n):
            side = self.side[k]
            if k < answer:
                if side == client and self.flags[k] & SYN:
                    syn = k
            elif side != client and self.flags[k] & SYN:
                answer = k
            elif side == client and self._covers_syn(k, 1 - client) and not self.flags[k] & RST:
                self.crossing_ns = 2 * (self.time_ns[k] - self.time_ns[answer])
                self.crossing_ns += 2 * (self.time_ns[self.syn_ack[1 - client]] - self.time_ns[syn])
                if self.crossing_ns < CROSSING_LEAST_NS:
                    self.crossing_ns = CROSSING_LEAST_NS
                if self.crossing_ns > CROSSING_MOST_NS:
                    self.crossing_ns = CROSSING_MOST_NS
                break
        return 0

    def _twin(self, q, p):
        """Record p is q once more, made by the network or the capture, not sent again by TCP; one of both may be damaged."""
        if (self.word[q] ^ self.word[p]) & ~(RIGHT | WRONG) or self.seq[q] != self.seq[p]:
            return 0
        if self.ack[q] != self.ack[p]:
            return 0
        if self.ts_val[p] >= 0 or self.word[p] >> 16 != 0:
            return self.ts_val[q] == self.ts_val[p]
        return self._together(q, p)

    def _together(self, q, p):
        """Record p follows q sooner than any timer could run out: TCP did not send it because q was lost."""
        return self.time_ns[p] - self.time_ns[q] < TWIN_NS

    def _fast_open(self, side):
        """The side's SYN-ACK acknowledged data of the SYN (RFC 7413): it may send before its SYN is acknowledged."""
        k: cython.longlong = self.syn_ack[side]
        other: cython.longlong = 1 - side
        return k >= 0 and self.isn[other] >= 0 and difference(self.ack[k], self.isn[other]) > 1

    def _row(self, frame, time_ns, to, event, evidence, rule):
        base: cython.longlong
        x: cython.longlong = self.x
        k: cython.longlong = self.count[x]
        if k >= ROOM:
            return 0
        if self.wanted:
            base = (x * ROOM + k) * ROW
            self.rows[base] = x
            self.rows[base + 1] = frame
            self.rows[base + 2] = time_ns
            self.rows[base + 3] = self.state
            self.rows[base + 4] = to
            self.rows[base + 5] = event
            self.rows[base + 6] = evidence
            self.rows[base + 7] = rule
            self.rows[base + 8] = 0
        self.count[x] = k + 1
        self.since[x] = time_ns
        self.reached[x] = max(self.reached[x], frame)
        self.broken_at[x] = frame if (event == ABORT or event == RCV_RST) and self.state != TIME_WAIT else 0
        self.state = to
        self.ended = to == CLOSED
        return 0

    def _step(self, event, k, evidence):
        """Apply an event shown by record k (-1: by none). Where the table has no such arc nothing happens."""
        arc: cython.longlong = self.state * EVENTS + event
        to: cython.longlong = self.next_state[arc]
        if to < 0:
            return 0
        if k < 0:
            self._row(0, 0, to, event, evidence, self.rule_of[arc])
        else:
            self._row(self.frame[k], self.time_ns[k], to, event, evidence, self.rule_of[arc])
        return 0

    def _merge(self):
        """Order the rows of both sides in time; a row without a frame goes with the next one of its side."""
        a: cython.longlong = 0
        b: cython.longlong = 0
        out: cython.longlong = 0
        side: cython.longlong
        field: cython.longlong
        take: cython.longlong
        k: cython.longlong
        key_a: cython.longlong = self._key(0, 0, 0)
        key_b: cython.longlong = self._key(1, 0, 0)
        while a < self.count[0] or b < self.count[1]:
            if a == self.count[0] or b == self.count[1]:
                side = 1 if a == self.count[0] else 0
            else:
                side = 0 if key_a < key_b or key_a == key_b and self._key_sent(0, a) else 1
            take = (side * ROOM + (b if side else a)) * ROW
            k = out * ROW
            for field in range(ROW):
                self.rows_out[k + field] = self.rows[take + field]
            if side:
                b += 1
                key_b = self._key(1, b, key_b)
            else:
                a += 1
                key_a = self._key(0, a, key_a)
            out += 1
        self.n = out
        return 0

    def _key(self, side, k, before):
        """The place in time of row k of a side: the latest frame up to it, or the next frame where it has none.

        `before`: that of the row before it.
        """
        base: cython.longlong = side * ROOM * ROW
        while k < self.count[side] and not self.rows[base + k * ROW + 1]:
            k += 1
        if k == self.count[side]:
            return LAST
        return self.rows[base + k * ROW + 1] if self.rows[base + k * ROW + 1] > before else before

    def _key_sent(self, side, k):
        """Row k of a side is something the side did, which comes before what the same frame does to its receiver."""
        event: cython.longlong = self.rows[(side * ROOM + k) * ROW + 5]
        return event == OPEN_ACTIVE or event == CLOSE or event == ABORT
