"""When what was sent to a side reached it: the queue of the segments on their way, and what each does. Floor 2. Reading: RFC 9293 §3.10.7.

What is sent to a side waits until the side's own segments prove its arrival (the acknowledgment covers it, the timestamp
is echoed) or contradict it (a segment whose ACK does not cover the peer's FIN left before that FIN arrived; nobody repeats
what he knows to be acknowledged). Segments arrive in the order sent unless they are lost, so a proven one delivers those
before it; what nothing contradicts is delivered at the next chance.
"""

import cython

from tcpinspect.engine.judge import VERDICTS
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import Event, Evidence, State

if not cython.compiled:
    from tcpinspect.engine.judge import Judge
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
SYN_SENT = cython.declare(cython.longlong, State.SYN_SENT)
SYN_RECEIVED = cython.declare(cython.longlong, State.SYN_RECEIVED)
ESTABLISHED = cython.declare(cython.longlong, State.ESTABLISHED)
FIN_WAIT_1 = cython.declare(cython.longlong, State.FIN_WAIT_1)
RCV_SYN = cython.declare(cython.longlong, Event.RCV_SYN)
RCV_SYN_ACK = cython.declare(cython.longlong, Event.RCV_SYN_ACK)
RCV_ACK_OF_SYN = cython.declare(cython.longlong, Event.RCV_ACK_OF_SYN)
RCV_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_ACK_OF_FIN)
RCV_FIN = cython.declare(cython.longlong, Event.RCV_FIN)
RCV_FIN_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_FIN_ACK_OF_FIN)
RCV_RST = cython.declare(cython.longlong, Event.RCV_RST)
INFERRED = cython.declare(cython.longlong, Evidence.inferred)
OBSERVED = cython.declare(cython.longlong, Evidence.observed)
QUEUE = cython.declare(cython.longlong, 40)
OPEN = cython.declare(cython.longlong, VERDICTS.index("open"))
CONTRADICTED = cython.declare(cython.longlong, VERDICTS.index("contradicted"))
PROVEN = cython.declare(cython.longlong, VERDICTS.index("proven"))
PASSED = cython.declare(cython.longlong, VERDICTS.index("passed"))


class Arrivals(Judge):
    """The queue of the solved side. `heard`: the record of the SYN it received last, `refused`: of what met no connection; -1: none.

    `queue` holds records, `late` whether a segment of the side has contradicted one already (1, long after it: 2), `verdict` what the
    segment at hand says, `earlier` the first copy of a FIN where the one in the queue acknowledges the side's own and that one did not.
    """

    def __init__(self):
        super().__init__()
        self.waiting = 0
        self.heard = self.refused = -1
        self.end_ns = 0
        if not cython.compiled:
            self.queue, self.late, self.verdict, self.earlier = [0] * 40, [0] * 40, [0] * 40, [0] * 40

    def _arrive(self, p):
        """Queue a segment of the peer. A repeat takes the place of a first copy that is still in the queue: that one was lost.

        A twin made by the network (same timestamp, same IP identification) is no repeat; the first of the two counts, if it was sound.
        """
        j: cython.longlong
        q: cython.longlong
        out: cython.longlong = 0
        kind: cython.longlong = SYN | FIN | RST
        first: cython.longlong = -1
        spoiled: cython.longlong = self._spoiled(p)
        if spoiled and self.octets[p] == 0:
            return 0
        if self.flags[p] & SYN:
            kind |= ACK
        if self.octets[p] > 0 and not self.flags[p] & RST:
            for j in range(self.waiting):
                q = self.queue[j]
                if self.octets[q] > 0 and not (self.flags[q] ^ self.flags[p]) & kind and self.end[q] == self.end[p]:
                    if spoiled or not self._spoiled(q) and (self._twin(q, p) or self._together(q, p) or self._first_copy_echoed(q, p)):
                        return 0
                    if self.earlier[j] >= 0:
                        first = self.earlier[j]
                    elif self._covers_fin(p, self.x) and not self._covers_fin(q, self.x) and not self._spoiled(q):
                        first = q
                    continue
                self.queue[out] = q
                self.late[out] = self.late[j]
                self.earlier[out] = self.earlier[j]
                out += 1
            self.waiting = out
        if self.waiting == QUEUE:
            self._receive(self.queue[0], -1, self.late[0])
            for j in range(1, self.waiting):
                self.queue[j - 1] = self.queue[j]
                self.late[j - 1] = self.late[j]
                self.earlier[j - 1] = self.earlier[j]
            self.waiting -= 1
        self.queue[self.waiting] = p
        self.earlier[self.waiting] = first
        # What is acknowledged in spite of a wrong checksum was right on the wire.
        self.late[self.waiting] = 2 if spoiled else 0
        self.waiting += 1
        return 0

    def _flush(self, s):
        """Deliver what had arrived when the side sent record s (-1: when the capture ended)."""
        j: cython.longlong
        p: cython.longlong
        v: cython.longlong
        count: cython.longlong = self.waiting
        out: cython.longlong = 0
        proven: cython.longlong = -1
        blocked: cython.longlong = 0
        refused: cython.longlong = -1
        if count == 0:
            return 0
        for j in range(count):
            self.verdict[j] = self._verdict(self.queue[j], s) if s >= 0 else OPEN
            if self.verdict[j] == PROVEN:
                proven = j
                if self.earlier[j] >= 0 and self.flags[s] & FIN and difference(self.end[s], self.ack[self.queue[j]]) <= 0:
                    # The side sends its FIN again, which this copy acknowledges: what it had received was the earlier one.
                    self.queue[j] = self.earlier[j]
        # A RST takes its numbers from the segment that met no connection (§3.10.7.1): that one was not received.
        if s >= 0 and self.flags[s] & RST:
            for j in range(count):
                if self._turns_away(s, self.queue[j]):
                    refused = j
                    # The SYN-ACK, had it been received, would have been acknowledged at once (§3.10.7.3): nothing behind it was either.
                    if self.state == SYN_SENT and self.flags[self.queue[j]] & SYN:
                        break
            self.refused = self.queue[refused] if refused >= 0 else -1
        self.waiting = 0
        for j in range(count):
            p = self.queue[j]
            v = self.verdict[j]
            if j == refused:
                # It met no connection, but its acknowledgment may have been the last thing the connection heard.
                if self.sent_fin and self._covers_fin(p, self.x):
                    self._step(RCV_ACK_OF_FIN, p, OBSERVED)
                # What met no connection came after its end, and so did all that came later.
                if not self.flags[p] & ACK or self.flags[p] & SYN:
                    blocked = 1
                continue
            if v == CONTRADICTED or v == PASSED:
                if j < proven and not self.flags[p] & FIN:
                    continue
                if v == CONTRADICTED and not self._spoiled(p) and (self.flags[p] & (SYN | FIN) or not self.late[j]):
                    blocked = 1
                if s >= 0 and self.time_ns[s] - self.time_ns[p] > self.crossing_ns:
                    self.late[j] = 2
                elif not self.late[j]:
                    self.late[j] = 1
            elif v == PROVEN or not blocked or j < proven:
                if self.late[j] == 2 and v != PROVEN:
                    continue
                # A FIN is acknowledged at once (§3.10.7.4): where time was left for that and nothing came, it was lost.
                if s < 0 and self._unanswered_syn_ack(p):
                    continue
                if s < 0 and self.flags[p] & FIN and (self.late[j] or self.end_ns - self.time_ns[p] > self.crossing_ns):
                    continue
                self._receive(p, s, self.late[j])
                continue
            self.queue[out] = p
            self.late[out] = self.late[j]
            self.earlier[out] = self.earlier[j]
            out += 1
        self.waiting = out
        return 0

    def _unanswered_syn_ack(self, p):
        """A SYN-ACK is acknowledged at once (§3.10.7.3): where it had to be sent again, or time was left, it did not come."""
        k: cython.longlong
        if self.state != SYN_SENT or not self.flags[p] & SYN or not self.flags[p] & ACK:
            return 0
        k = self.syn_ack[1 - self.x]
        return k >= 0 and self.end_ns - self.time_ns[k] > self.crossing_ns

    def _receive(self, p, s, late):
        """The side receives p, at the latest before it sends s."""
        flags: cython.longlong = self.flags[p]
        covers: cython.longlong = 0
        good: cython.longlong
        if flags & RST:
            return self._receive_rst(p)
        good = flags & ACK and (self.peer_top[p] < 0 or self._acks_seen(p))
        if flags & SYN:
            self.heard = p
            if self.state == SYN_SENT:
                if not flags & ACK and self.syn_ack[self.x] < 0 <= self.syn_ack[1 - self.x]:
                    # Whoever receives a SYN in SYN-SENT answers with SYN-ACK: this one never came, the peer's SYN-ACK did.
                    self.heard = -1
                elif not flags & ACK:
                    # A SYN that crossed ours is first proven by what answers it.
                    self._step(RCV_SYN, s if late and s >= 0 else p, INFERRED if late else OBSERVED)
                elif good and self._covers_syn(p, self.x):
                    self._step(RCV_SYN_ACK, p, OBSERVED)
            elif self.state == SYN_RECEIVED and good and self._covers_syn(p, self.x):
                self._step(RCV_ACK_OF_SYN, p, OBSERVED)
        elif not good:
            return 0
        elif self.state == SYN_RECEIVED and self._covers_syn(p, self.x):
            self._step(RCV_ACK_OF_SYN, p, OBSERVED)
        if self.state < ESTABLISHED:
            return 0
        if self.sent_fin and good and self._covers_fin(p, self.x):
            covers = 1
        if flags & FIN and not self.fin_received:
            return self._receive_fin(p, s, covers)
        if covers:
            self._step(RCV_ACK_OF_FIN, p, OBSERVED)
        return 0

    def _receive_fin(self, p, s, covers):
        """The FIN counts once everything before it is there; then the segment that filled the gap is the one that ends it."""
        k: cython.longlong
        filled: cython.longlong = -1
        gap: cython.longlong = self.top[p] >= 0 and difference(self.seq[p], self.top[p]) > 0
        last: cython.longlong = s
        proof: cython.longlong = s >= 0 and self._covers_fin(s, 1 - self.x)
        if last < 0:
            last = self.size
        for k in range(p + 1, last):
            if self.side[k] == self.x:
                if self.flags[k] & ACK and not self.flags[k] & (SYN | RST) and difference(self.ack[k], self.seq[p]) < 0:
                    gap = 1
            elif gap and self.payload[k] > 0 and difference(self.seq[k], self.seq[p]) < 0:
                filled = k
        if gap and filled < 0 and not proof:
            if covers:
                self._step(RCV_ACK_OF_FIN, p, OBSERVED)
            return 0
        self.fin_received = 1
        if gap and filled >= 0:
            # What came between the FIN and its missing data was received before the FIN could count.
            for k in range(p, filled):
                if self.sent_fin and self.side[k] != self.x and self._covers_fin(k, self.x) and not self.flags[k] & RST:
                    self._step(RCV_ACK_OF_FIN, k, OBSERVED)
                    break
            p = filled
            covers = self.sent_fin and self._covers_fin(p, self.x)
        if covers and self.state == FIN_WAIT_1:
            return self._step(RCV_FIN_ACK_OF_FIN, p, OBSERVED)
        if covers:
            self._step(RCV_ACK_OF_FIN, p, OBSERVED)
        return self._step(RCV_FIN, p, OBSERVED)

    def _receive_rst(self, p):
        """A reset ends the connection if its number is right and the side does not live on."""
        if not self._reset_acceptable(p) or self._outlives(p):
            return 0
        return self._step(RCV_RST, p, OBSERVED)
