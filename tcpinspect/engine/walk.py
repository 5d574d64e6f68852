"""Both ends of a connection at once, as far as nothing crosses. Floor 2. Reading: RFC 9293 §3.5, §3.6, §3.10.7.4.

Most connections open, talk and close in turns: nothing is lost, repeated or on its way when the other end speaks. Then the state
diagram alone says what happens, and `Walk` goes through the log once, for both sides. It stops before the first record about which
`Arrivals` and `Judge` would have something to decide; from there `Solver` solves each side by itself, as it does from the beginning
where nobody walks. A test holds both ways alike.
"""

import cython

from tcpinspect.engine.moments import SUM_WRONG
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import Event, Evidence, State

if not cython.compiled:
    from tcpinspect.engine.arrivals import Arrivals
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
WRONG = cython.declare(cython.longlong, SUM_WRONG)
KINDS = cython.declare(cython.longlong, header.SYN | header.FIN | header.RST | header.ACK)
SYN_ACK = cython.declare(cython.longlong, header.SYN | header.ACK)
CROOKED = cython.declare(cython.longlong, header.SYN | header.RST | SUM_WRONG)

EVENTS = cython.declare(cython.longlong, len(Event))
CLOSED = cython.declare(cython.longlong, State.CLOSED)
SYN_RECEIVED = cython.declare(cython.longlong, State.SYN_RECEIVED)
FIN_WAIT_1 = cython.declare(cython.longlong, State.FIN_WAIT_1)
OPEN_ACTIVE = cython.declare(cython.longlong, Event.OPEN_ACTIVE)
OPEN_PASSIVE = cython.declare(cython.longlong, Event.OPEN_PASSIVE)
CLOSE = cython.declare(cython.longlong, Event.CLOSE)
RCV_SYN = cython.declare(cython.longlong, Event.RCV_SYN)
RCV_SYN_ACK = cython.declare(cython.longlong, Event.RCV_SYN_ACK)
RCV_ACK_OF_SYN = cython.declare(cython.longlong, Event.RCV_ACK_OF_SYN)
RCV_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_ACK_OF_FIN)
RCV_FIN = cython.declare(cython.longlong, Event.RCV_FIN)
RCV_FIN_ACK_OF_FIN = cython.declare(cython.longlong, Event.RCV_FIN_ACK_OF_FIN)
ASSUMED = cython.declare(cython.longlong, Evidence.assumed)
OBSERVED = cython.declare(cython.longlong, Evidence.observed)
# So many are never too many for the queue of those on their way.
MOST = cython.declare(cython.longlong, 40)


class Walk(Arrivals):
    """`walking` 0: do not (for tests); `walked`: so many records were. `finals` are the states into which that has led.

    For each side `latest` is its own last record on the way, `arrived` the first that has not reached it, `stamp` the latest timestamp
    that it has sent with no more than an acknowledgment, -1 none.
    """

    def __init__(self):
        super().__init__()
        self.walking = 1
        self.walked = 0
        if not cython.compiled:
            self.latest, self.arrived, self.stamp = [0, 0], [0, 0], [0, 0]

    def _walk(self, n):
        """Go as far as nothing crosses; the number of records that is."""
        x: cython.longlong
        k: cython.longlong = 2
        self.arrived[0] = self.arrived[1] = 0
        self.finals[0] = self.finals[1] = CLOSED
        if not self.walking or n < 2 or not self._begins(n):
            return 0
        self._take(0, OPEN_ACTIVE, 0, OBSERVED)
        self._take(1, OPEN_PASSIVE, -1, ASSUMED)
        self._take(1, RCV_SYN, 0, OBSERVED)
        while k < n and k < MOST and self._straight(k):
            x = self.side[k]
            if self.arrived[x] < k:
                self._reach(x, k)
            if self.fin_at[x] == k:
                self._take(x, CLOSE, k, OBSERVED)
            self.latest[x] = k
            self.arrived[x] = k + 1
            k += 1
        if k == n and k > 2:
            x = 1 - self.side[k - 1]
            # A FIN that nobody answers was lost, perhaps.
            if self.fin_at[1 - x] < self.arrived[x]:
                self._reach(x, n)
        return k

    def _begins(self, n):
        """The log begins with a SYN, its SYN-ACK and nothing else of the server's before it is acknowledged."""
        if self.flags[0] & KINDS != SYN or self.flags[1] & KINDS != SYN_ACK or n > 2 and self.side[2]:
            return 0
        if self.side[0] or not self.side[1] or self.octets[0] != 1 or self.octets[1] != 1:
            return 0
        if self.ack[1] != self.end[0] or (self.word[0] | self.word[1]) & WRONG:
            return 0
        self.stamp[0] = self.stamp[1] = -1
        self.latest[0] = 0
        self.latest[1] = self.arrived[0] = 1
        self.arrived[1] = 2
        return self.bare_syn[1] < 0

    def _straight(self, k):
        """Record k comes in its turn: it carries on where its sender was, acknowledges all that was sent to him, and denies nothing."""
        x: cython.longlong = self.side[k]
        y: cython.longlong = 1 - x
        if self.word[k] & CROOKED or not self.word[k] & ACK or self.seq[k] != self.top[k] or self.ack[k] != self.peer_top[k]:
            return 0
        # Numbers beyond a FIN that the log holds only later.
        if k < self.fin_at[x] and difference(self.seq[k], self.fin[x]) > 0 or k < self.fin_at[y] and self._covers_fin(k, y):
            return 0
        if k == self.fin_at[x] and 0 <= self.fin_at[y] < k and self._older_fin(k):
            return 0
        if self.octets[k] > 0:
            if 0 <= self.fin_at[x] < k:
                return 0
            if self.floor[k] >= 0 and difference(self.floor[k], self.seq[k]) > 0 or self._twin(self.latest[x], k):
                return 0
        elif self.ts_val[k] >= 0 and (self.stamp[x] < 0 or difference(self.ts_val[k], self.stamp[x]) > 0):
            self.stamp[x] = self.ts_val[k]
        return self.ts_ecr[k] < 0 or self.stamp[y] < 0 or difference(self.ts_ecr[k], self.stamp[y]) >= 0

    def _reach(self, x, k):
        """What the other side sent before record k reaches side x."""
        p: cython.longlong
        for p in range(self.arrived[x], k):
            self._hear(x, p)
        self.arrived[x] = k
        return 0

    def _hear(self, x, p):
        """Side x receives record p."""
        closed: cython.longlong = 0 <= self.fin_at[x] < p
        if self.flags[p] & SYN:
            return self._take(x, RCV_SYN_ACK, p, OBSERVED)
        if self.finals[x] == SYN_RECEIVED:
            self._take(x, RCV_ACK_OF_SYN, p, OBSERVED)
        if self.fin_at[1 - x] != p:
            return self._take(x, RCV_ACK_OF_FIN, p, OBSERVED) if closed else 0
        if closed and self.finals[x] == FIN_WAIT_1:
            return self._take(x, RCV_FIN_ACK_OF_FIN, p, OBSERVED)
        if closed:
            self._take(x, RCV_ACK_OF_FIN, p, OBSERVED)
        return self._take(x, RCV_FIN, p, OBSERVED)

    def _take(self, x, event, k, evidence):
        """Side x takes the step of an event; where no rows are wanted that is a state and a time."""
        to: cython.longlong = self.next_state[self.finals[x] * EVENTS + event]
        if to < 0:
            return 0
        if self.wanted:
            self.x = x
            self.state = self.finals[x]
            self._step(event, k, evidence)
        elif k >= 0:
            self.count[x] += 1
            self.since[x] = self.time_ns[k]
            self.reached[x] = self.frame[k]
        self.finals[x] = to
        return 0

    def _resume(self, x):
        """Be where the walk left side x, as if it had been solved alone until then; returns its latest record."""
        p: cython.longlong
        latest: cython.longlong = self.latest[x]
        self.state = self.finals[x]
        self.ended = self.state == CLOSED
        self.own = self.isn[x]
        if self.flags[latest] & ACK:
            self.acked = self.ack[latest]
        if not x and latest > 1:
            self.heard = 1
        self.sent_fin = 0 <= self.fin_at[x] <= latest
        self.fin_received = 0 <= self.fin_at[1 - x] < self.arrived[x]
        for p in range(self.arrived[x], self.walked):
            self._arrive(p)
        return latest
