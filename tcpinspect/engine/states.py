"""Tell through which states of RFC 9293 each end of a connection went, from its moments. Floor 2. Reading: RFC 9293 §3.10.7.

What a side sends proves its state; what was sent to it counts when it had arrived (`Arrivals`). Each side is solved
alone, with the whole log in sight; rules of transition come from protocol.rfc9293 only. Where nothing crosses, both are walked through
at once (`Walk`); and where only the end is asked for, an exchange like one before is not solved again (`Orderly`).
"""

import cython

from tcpinspect.engine.doubts import DOUBTS
from tcpinspect.engine.kinds import CLIENT_EVIDENCE, HANDSHAKES, TEARDOWNS, likely_client
from tcpinspect.engine.ledger import ROW_FIELDS
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import TRANSITIONS, Event, Evidence, State

if not cython.compiled:
    from tcpinspect.engine.doubts import doubt_rows
    from tcpinspect.engine.kinds import handshake_of, name_client, teardown_of
    from tcpinspect.engine.moments import Moments  # noqa: F401
    from tcpinspect.engine.orderly import Orderly
    from tcpinspect.engine.walk import Walk
    from tcpinspect.protocol.seqnum import difference

__all__ = ["CLIENT_EVIDENCE", "DOUBTS", "HANDSHAKES", "ROW_FIELDS", "TEARDOWNS", "Solver", "likely_client"]

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)

CLOSED = cython.declare(cython.longlong, State.CLOSED)
LISTEN = cython.declare(cython.longlong, State.LISTEN)
SYN_SENT = cython.declare(cython.longlong, State.SYN_SENT)
SYN_RECEIVED = cython.declare(cython.longlong, State.SYN_RECEIVED)
ESTABLISHED = cython.declare(cython.longlong, State.ESTABLISHED)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)

CAPTURE_START = cython.declare(cython.longlong, Event.CAPTURE_START)
OPEN_PASSIVE = cython.declare(cython.longlong, Event.OPEN_PASSIVE)
OPEN_ACTIVE = cython.declare(cython.longlong, Event.OPEN_ACTIVE)
CLOSE = cython.declare(cython.longlong, Event.CLOSE)
ABORT = cython.declare(cython.longlong, Event.ABORT)
RCV_SYN = cython.declare(cython.longlong, Event.RCV_SYN)
RCV_SYN_ACK = cython.declare(cython.longlong, Event.RCV_SYN_ACK)
RCV_ACK_OF_SYN = cython.declare(cython.longlong, Event.RCV_ACK_OF_SYN)
RCV_FIN = cython.declare(cython.longlong, Event.RCV_FIN)
RCV_ICMP = cython.declare(cython.longlong, Event.RCV_ICMP)
TIMEOUT_2MSL = cython.declare(cython.longlong, Event.TIMEOUT_2MSL)

ASSUMED = cython.declare(cython.longlong, Evidence.assumed)
INFERRED = cython.declare(cython.longlong, Evidence.inferred)
OBSERVED = cython.declare(cython.longlong, Evidence.observed)

EVENTS = cython.declare(cython.longlong, len(Event))
RULES = cython.declare(cython.longlong, len(TRANSITIONS))

THREE_WAY = cython.declare(cython.longlong, HANDSHAKES.index("three-way"))

# Linux keeps TIME-WAIT for 60 s, RFC 9293 for twice the MSL of two minutes: before that nothing says it ended.
TIME_WAIT_LASTS_S = 60
TIME_WAIT_NS = cython.declare(cython.longlong, TIME_WAIT_LASTS_S * 1_000_000_000)

# Room for a state, and for the number of a record of a log that has a pattern.
STATE_BITS = cython.declare(cython.longlong, 4)
RECORD_BITS = cython.declare(cython.longlong, 5)


class Solver(Walk):
    """Solves one connection after the other. After `solve`: `n` rows in time order, both sides mixed; final states; kinds.

    While it solves: `told` is the record that was told before its turn, -1 none; `fin_missed` says that the side's FIN was not captured
    when it left, and had left by the record at hand.
    """

    def __init__(self):
        super().__init__()
        self.orderly = Orderly()
        self.fin_missed = 0

    def remember(self, before_0, before_1):
        """For the next `solve`: in which states the ends of the previous connection on the same pair were left (-1: none)."""
        self.before[0] = before_0
        self.before[1] = before_1
        return 0

    def hear_error(self, side, frame, time_ns, seq, final):
        """For the next `solve`: an ICMP error said that what `side` sent with that number is unreachable; `final`: it ends the attempt."""
        if not self.error_frame[side]:
            self.error_frame[side] = frame
            self.error_ns[side] = time_ns
            self.error_seq[side] = seq
            self.error_final[side] = final
        return 0

    def hear_next_syn(self, side, time_ns):
        """For the next `solve`: when `side` opened another connection on the same pair."""
        self.next_syn_ns[side] = time_ns
        return 0

    def solve(self, m, client, capture_end_ns, rows=1):
        """Solve one connection. `client`: the side to take where no SYN names it (see likely_client), -1: whoever sent first.

        `capture_end_ns`: time of the capture's last packet (0: unknown), by which the end of TIME-WAIT and lost FINs are judged;
        `rows` 0: only where they lead is wanted, and `n` is 0.
        """
        pattern: cython.longlong = 0 if rows or not self.walking else self.orderly.pattern_of(m)
        self.wanted = rows
        self.n = 0
        if not pattern or not self._recall(m, pattern, capture_end_ns):
            self._work_out(m, pattern, client, capture_end_ns)
        self.before[0] = -1
        self.before[1] = -1
        self.error_frame[0] = 0
        self.error_frame[1] = 0
        self.next_syn_ns[0] = self.next_syn_ns[1] = 0
        return 0

    def _work_out(self, m, pattern, client, capture_end_ns):
        """Solve a connection, and remember where its log led if that has a pattern."""
        n: cython.longlong = m.n
        side: cython.longlong
        self._read(m)
        self._survey(n)
        self.walked = self._walk(n)
        if self.wanted or self.arrived[0] < n or self.arrived[1] < n:
            self._round_trip(n)
        elif pattern and (self.fin[0] < 0) == (self.fin[1] < 0):  # what a FIN alone means hangs on more than the log
            self._remember(m, pattern)
        for side in range(2):
            self._solve_side(side, n, capture_end_ns)
            if self.anew:
                self._survey(n)
        name_client(self, client)
        if self.wanted:
            self._merge()
        self.handshake = THREE_WAY if self.walked > 2 else handshake_of(self, n)
        self.teardown = teardown_of(self, n, m)
        return 0

    def _remember(self, m, pattern):
        """Remember for a pattern how it was closed, and for each side its state and the record that led there."""
        side: cython.longlong
        k: cython.longlong
        found: cython.longlong = teardown_of(self, m.n, m)
        for side in range(1, -1, -1):
            k = 0
            while self.frame[k] != self.reached[side]:
                k += 1
            found = (found << RECORD_BITS | k) << STATE_BITS | self.finals[side]
        return self.orderly.remember(pattern, found)

    def _recall(self, m, pattern, capture_end_ns):
        """Be where a log of this pattern led before; 0 where none did."""
        side: cython.longlong
        found: cython.longlong = self.orderly.find(pattern)
        if found < 0:
            return 0
        for side in range(2):
            self.finals[side] = found & (1 << STATE_BITS) - 1
            self.since[side] = m.time_of(found >> STATE_BITS & (1 << RECORD_BITS) - 1)
            found >>= RECORD_BITS + STATE_BITS
            self.count[side] = 0
            self.arrived[side] = m.n
            self._solve_side(side, m.n, capture_end_ns)
        self.client = 0
        self.client_evidence = OBSERVED
        self.handshake = THREE_WAY
        self.teardown = found
        return 1

    def _solve_side(self, x, n, capture_end_ns):
        """Solve one side."""
        self.x = x
        self.end_ns = capture_end_ns
        if self.wanted or self.arrived[x] < n:
            self._solve_alone(x, n)
        else:
            self.state = self.finals[x]  # the walk has seen all of it
        if self.state == TIME_WAIT and self.since[x] and capture_end_ns > 0 and capture_end_ns - self.since[x] >= TIME_WAIT_NS:
            self._row(0, 0, CLOSED, TIMEOUT_2MSL, ASSUMED, self.rule_of[TIME_WAIT * EVENTS + TIMEOUT_2MSL])
        self.finals[x] = self.state
        if self.wanted:
            doubt_rows(self, n, capture_end_ns)
        return 0

    def _solve_alone(self, x, n):
        """Solve one side with the whole log in sight, from where the walk left it."""
        i: cython.longlong
        latest: cython.longlong = -1
        self.state = CLOSED
        self.sent_fin = 0
        self.fin_received = 0
        self.either_first = 0
        self.fin_missed = 0
        self.heard = self.acked = self.refused = self.told = self.own = -1
        self.waiting = 0
        self.ended = 0
        if self.walked:
            latest = self._resume(x)
        for i in range(self.walked, n):
            if self.side[i] == x:
                if latest >= 0 and self._twin(latest, i) and self.octets[i] > 0:
                    continue
                latest = i
                if i == self.told or self._stale_syn(i):
                    continue
                self._tell_overtaken(i)
                if self.state == CLOSED and not self.count[x] and not self.flags[i] & (SYN | RST):
                    self._begin(i)
                self._flush(i)
                self._send(i)
            else:
                self._arrive(i)
        if latest < 0:
            self._unseen(n)
        self._flush(-1)
        if self.state == SYN_SENT and self.error_frame[x]:
            self._error()
        return 0

    def _tell_overtaken(self, i):
        """Before record i tell what its side had sent earlier, though it passed the capture point later: its own SYN or FIN."""
        k: cython.longlong = self._syn_behind(i) if self.state == CLOSED and not self.count[self.x] else self._fin_behind(i)
        if k < 0:
            return 0
        if self.state == CLOSED:
            return self._send_early(k)
        if k == i or self._missed(k, i) or self._knew_alike(k, i):
            return self._tell_missed(i)
        if self.state < ESTABLISHED:
            return self._send_early(k)
        self.sent_fin = 1
        self._step(CLOSE, k, OBSERVED)
        # Where the FIN that passed does not know the peer's, it tells nothing new; a repeated one may.
        if not self._covers_fin(k, 1 - self.x):
            self.told = k
        return 0

    def _knew_alike(self, k, i):
        """FIN k acknowledges the peer's, as record i does: whichever copy of it left first, it may have left in answer to that."""
        return not self.fin_received and self._covers_fin(k, 1 - self.x) and self._covers_fin(i, 1 - self.x)

    def _send_early(self, k):
        """Record k, which passed the capture point later, was sent now."""
        self._flush(k)
        self._send(k)
        self.told = k
        return 0

    def _tell_missed(self, i):
        """Record i is the first to show that its side had closed: before the peer's FIN came, or in answer to it."""
        first: cython.longlong = self.state >= ESTABLISHED and self._closed_first(i)
        if first:
            self.sent_fin = 1
            return self._step(CLOSE, i, INFERRED)
        # Where neither order shows: far more ends close in answer to the other than by chance at the same moment.
        self.either_first = not self.fin_received and self._covers_fin(i, 1 - self.x)
        self.fin_missed = 1
        return 0

    def _unseen(self, n):
        """Nothing of the side was captured, yet the peer answers its SYN-ACK, and nothing shows that it sent any more."""
        k: cython.longlong
        other: cython.longlong = 1 - self.x
        last: cython.longlong = self.last_alive[other]
        if self.bare_syn[other] < 0:
            return 0
        for k in range(self.bare_syn[other] + 1, n):
            if self.flags[k] & ACK and not self.flags[k] & (SYN | RST) and difference(self.seq[k], self.isn[other]) == 1:
                if self.ack[k] != self.ack[last]:
                    return 0
                self._step(OPEN_PASSIVE, -1, ASSUMED)
                self._step(RCV_SYN, self.bare_syn[other], INFERRED)
                return self._step(RCV_ACK_OF_SYN, k, OBSERVED)
        return 0

    def _error(self):
        """RFC 9293 §3.9.2.2: some ICMP errors end an attempt to connect. One that goes on shows that they did not."""
        if self.error_seq[self.x] != self.own or not self.error_final[self.x]:
            return 0
        if self.last_alive[self.x] >= 0 and self.time_ns[self.last_alive[self.x]] > self.error_ns[self.x]:
            return 0
        return self._row(
            self.error_frame[self.x], self.error_ns[self.x], CLOSED, RCV_ICMP, OBSERVED, self.rule_of[SYN_SENT * EVENTS + RCV_ICMP]
        )

    def _again(self, s):
        """A SYN with another number from an end that had closed: a new incarnation inside the stream."""
        k: cython.longlong = s
        flags: cython.longlong
        side: cython.longlong
        if self.state >= ESTABLISHED:
            return 0
        self.anew = 1
        self.ended = 0
        self.sent_fin = 0
        self.fin_received = 0
        self.acked = -1
        self.isn[self.x] = self.seq[s]
        self.syn_ack[self.x] = s
        self.fin[0] = -1
        self.fin[1] = -1
        while k < self.size:
            side = self.side[k]
            flags = self.flags[k]
            if flags & FIN and not flags & RST and self.fin[side] < 0:
                self.fin[side] = (self.end[k] - 1) & MASK
            k += 1
        return 0

    def _send(self, s):
        """Record s was sent by the side: make its state one that sends this."""
        flags: cython.longlong = self.flags[s]
        other: cython.longlong = 1 - self.x
        peer_fin: cython.longlong
        if flags & RST:
            return self._send_rst(s)
        if flags & SYN:
            if self.state == CLOSED and self.own >= 0 and self.seq[s] != self.own or self.own < 0 and self.count[self.x]:
                self._again(s)
            self.own = self.seq[s]
        if flags & SYN and not flags & ACK:
            if self.state == CLOSED and not self.ended:
                self._step(OPEN_ACTIVE, s, OBSERVED)
            return 0
        if not flags & ACK:
            return 0
        if flags & ACK and (self.acked < 0 or difference(self.ack[s], self.acked) > 0):
            self.acked = self.ack[s]
        if flags & SYN:
            if self.state == CLOSED and not self.ended:
                self._step(OPEN_PASSIVE, -1, ASSUMED)
            if self.state == LISTEN or self.state == SYN_SENT:
                self._hear_syn(s)
        elif self.state == SYN_SENT and (self.isn[other] < 0 or self._covers_syn(s, other)):
            self._step(RCV_SYN_ACK, s, INFERRED)
        elif self.state == SYN_RECEIVED and self.octets[s] > 0 and not self._fast_open(self.x) and not self._closes_unopened(s):
            self._step(RCV_ACK_OF_SYN, s, INFERRED)
        if self.state == CLOSED:
            return 0
        peer_fin = self._covers_fin(s, other) and not self.fin_received
        if peer_fin and self.state >= ESTABLISHED:
            self.fin_received = 1
            self._step(RCV_FIN, s, INFERRED)
        if flags & FIN and not self.sent_fin:
            self.sent_fin = 1
            self._step(CLOSE, s, OBSERVED)
        elif self.fin_missed and not self.sent_fin:
            self.sent_fin = 1
            self._step(CLOSE, s, INFERRED)
        return 0

    def _hear_syn(self, s):
        """The SYN that the side answers with s: a captured one, if s acknowledges its number."""
        p: cython.longlong = self.heard
        self.heard = -1
        if p >= 0 and difference(self.ack[s], self.seq[p]) > 0:
            return self._step(RCV_SYN, p, OBSERVED)
        return self._step(RCV_SYN, s, INFERRED)

    def _send_rst(self, s):
        """A RST ends the sender's connection, unless it only turns away a segment of another one (RFC 9293 §3.5.2)."""
        p: cython.longlong = self.refused
        good: cython.longlong = 0
        self.refused = -1
        if p >= 0:
            good = self._covers_syn(p, self.x) and self._acks_seen(p)
        if p >= 0 and not self.flags[p] & ACK:
            # CLOSED answers so (§3.10.7.1): the connection had ended before, and no segment shows how.
            return self._step(ABORT, s, INFERRED) if self.last_alive[self.x] < s else 0
        if self.state == SYN_SENT:
            # SYN-SENT ends without a segment (§3.10.5): a RST to a good SYN-ACK is the answer of CLOSED.
            return self._step(ABORT, s, INFERRED) if good and self.last_alive[self.x] < s else 0
        if self.state == SYN_RECEIVED and p >= 0 and not good:
            return 0
        if self._outlives(s):
            # Somebody else sent it in this side's name (RFC 5961 §1).
            return 0
        return self._step(ABORT, self._first_of(s), OBSERVED)

    def _begin(self, s):
        """The first segment of a side without SYN: the capture began later, or missed the SYN."""
        other: cython.longlong = 1 - self.x
        if not self.flags[s] & ACK:
            return 0
        if self.isn[other] >= 0 and self.isn[self.x] < 0 and difference(self.ack[s], self.isn[other]) > 0 and self._acks_seen(s):
            if self.bare_syn[other] >= 0:
                self._step(OPEN_PASSIVE, -1, ASSUMED)
                self._step(RCV_SYN, self.bare_syn[other], INFERRED)
                return self._step(RCV_ACK_OF_SYN, s, INFERRED)
            self._step(OPEN_ACTIVE, -1, INFERRED)
            return self._step(RCV_SYN_ACK, self.syn_ack[other], INFERRED)
        state: cython.longlong = self.before[self.x]
        if state < ESTABLISHED:
            state = ESTABLISHED
        return self._row(self.frame[s], self.time_ns[s], state, CAPTURE_START, ASSUMED, RULES)
