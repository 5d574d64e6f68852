"""What a side's own segments say about the segments that were sent to it. Floor 2. Reading: RFC 9293 §3.10.7.4, RFC 7323 §4.3.

`Judge` adds to the ledger the numbers that a side has shown and the questions that decide: had this segment arrived when
the side sent that one, was this reset acceptable, did anybody live on after it.
"""

import cython

from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import State

if not cython.compiled:
    from tcpinspect.engine.ledger import Ledger
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)

CLOSED = cython.declare(cython.longlong, State.CLOSED)
SYN_SENT = cython.declare(cython.longlong, State.SYN_SENT)
SYN_RECEIVED = cython.declare(cython.longlong, State.SYN_RECEIVED)
ESTABLISHED = cython.declare(cython.longlong, State.ESTABLISHED)


# What a segment of a side says about one sent to it.
VERDICTS = ("open", "contradicted", "proven", "passed")
OPEN = cython.declare(cython.longlong, VERDICTS.index("open"))
CONTRADICTED = cython.declare(cython.longlong, VERDICTS.index("contradicted"))
PROVEN = cython.declare(cython.longlong, VERDICTS.index("proven"))
PASSED = cython.declare(cython.longlong, VERDICTS.index("passed"))


class Judge(Ledger):
    """The side that is being solved: `own` its SYN's number, `acked` the highest number it has acknowledged; -1 unknown.

    `either_first`: its FIN was lost before the capture point, and nothing shows whether it left before the peer's came.
    """

    def __init__(self):
        super().__init__()
        self.sent_fin = 0
        self.fin_received = 0
        self.either_first = 0
        self.acked = -1
        self.own = -1

    def _first_copy_echoed(self, q, p):
        """The side's acknowledgment of both copies echoes the timestamp of q: that one had arrived, not p (RFC 7323 §4.3)."""
        k: cython.longlong
        if self.ts_val[p] < 0:
            return 0
        for k in range(p + 1, self.last_alive[self.x] + 1):
            if self.side[k] == self.x and self.flags[k] & ACK and difference(self.ack[k], self.seq[p]) > 0:
                if self.ts_ecr[k] < 0 or difference(self.ts_ecr[k], self.ts_val[p]) >= 0:
                    return 0
                if difference(self.ts_ecr[k], self.ts_val[q]) >= 0:
                    return 1
        return 0

    def _verdict(self, p, s):
        """What the side's segment s says about p, sent to it earlier: proven, contradicted, passed (a RST outlived), or open."""
        flags: cython.longlong = self.flags[s]
        sent: cython.longlong = self.flags[p]
        length: cython.longlong = self.octets[p]
        mine: cython.longlong = self.octets[s]
        end: cython.longlong = self.end[p]
        if flags & RST:
            if flags & ACK and self.state >= SYN_RECEIVED and length > 0 and difference(self.ack[s], self.end[p]) < 0:
                return CONTRADICTED
            return OPEN
        if flags & SYN and self.seq[s] != self.own:
            return OPEN if flags & ACK or self.own >= 0 else CONTRADICTED
        if sent & RST:
            return PASSED
        if flags & SYN:
            if not flags & ACK or self._covers_syn(p, self.x):
                return CONTRADICTED
        if not flags & ACK:
            return OPEN
        if sent & SYN:
            end = (self.seq[p] + 1) & MASK
        if length > 0:
            if difference(self.ack[s], end) >= 0:
                if self.floor[p] < 0 or difference(end, self.floor[p]) > 0:
                    return PROVEN
            elif difference(self.ack[s], self.seq[p]) >= 0 or sent & FIN:
                return CONTRADICTED
        if sent & ACK and mine > 0 and difference(self.end[s], self.ack[p]) <= 0:
            if flags & FIN or self.payload[s] > 1 or self.seq[s] != (self.ack[p] - 1) & MASK:
                return CONTRADICTED
        if self.ts_val[p] >= 0 and self.ts_ecr[s] >= 0 and not flags & SYN:
            if self.ts_ecr[s] == self.ts_val[p] and not sent & SYN:
                return OPEN
            if self.floor[p] >= 0 and difference(self.seq[p], self.floor[p]) <= 0 and difference(self.ts_ecr[s], self.ts_val[p]) < 0:
                return CONTRADICTED
        return OPEN

    def _reset_acceptable(self, p):
        """RFC 9293 §3.10.7.4 and RFC 5961 §3: the number must be exactly the next one expected; in SYN-SENT it must acknowledge the SYN."""
        seq: cython.longlong = self.seq[p]
        expected: cython.longlong = self._expected(p)
        if self.state == SYN_SENT:
            return self.flags[p] & ACK and self._covers_syn(p, self.x) and self._acks_seen(p)
        if self.acked < 0:
            return 1
        if seq == expected:
            return 1
        if difference(seq, expected) > 0:
            return self.top[p] >= 0 and difference(seq, self.top[p]) <= 0
        return self.fin_received and seq == (expected - 1) & MASK

    def _expected(self, p):
        """The number that the side expected next when record p passed, as far as it had acknowledged; -1 unknown."""
        floor: cython.longlong = self.floor[p]
        if self.acked < 0 or floor < 0 or difference(floor, self.acked) < 0 or self.top[p] < 0:
            return self.acked
        if difference(floor, self.top[p]) > 0:
            return self.acked
        return floor

    def _outlives(self, p):
        """The side went on with the same connection after record p, a RST, beyond what may have crossed it or changed places with it."""
        k: cython.longlong
        mine: cython.longlong = self.side[p] == self.x
        sent: cython.longlong = self.top[p] if mine else self.peer_top[p]
        heard: cython.longlong = self.peer_top[p] if mine else self.top[p]
        for k in range(p + 1, self.last_alive[self.x] + 1):
            if self.side[k] != self.x or self.flags[k] & RST:
                continue
            if self.flags[k] & SYN and self.seq[k] != self.own:
                return 0
            if self.time_ns[k] - self.time_ns[p] > self.crossing_ns:
                return 1
            if self.flags[k] & ACK and heard >= 0 and difference(self.ack[k], heard) > 0:
                return 1
            if mine and self.payload[k] > 0 and sent >= 0 and difference(self.end[k], sent) > 0:
                return 1
        return 0

    def _first_of(self, s):
        """The first of the side's resets that are alike and follow each other: the later ones repeat it."""
        k: cython.longlong = s - 1
        while k >= 0:
            if self.side[k] == self.x:
                if self.flags[k] != self.flags[s] or self.seq[k] != self.seq[s]:
                    break
                s = k
            k -= 1
        return s

    def _turns_away(self, s, p):
        """RST s is the answer that p gets where there is no connection (RFC 9293 §3.10.7.1).

        An answer comes at once; a SYN or SYN-ACK has had no other answer before.
        """
        if self.flags[p] & RST or not self.flags[p] & SYN and self.time_ns[s] - self.time_ns[p] > self.crossing_ns:
            return 0
        if not self.flags[s] & ACK:
            return self.flags[p] & ACK and self.ack[p] == self.seq[s]
        if self.flags[p] & ACK or self.seq[s] or self.ack[s] != self.end[p]:
            return 0
        return self.top[s] != 0  # what had been sent ends elsewhere: the zero is no number of its sender's

    def _syn_behind(self, i):
        """The SYN by which the side opened, where it passed the capture point after record i of that side; -1: none."""
        other: cython.longlong = 1 - self.x
        k: cython.longlong = self.bare_syn[self.x]
        if self.flags[i] & RST or not self.flags[i] & ACK:
            return -1
        if self.flags[i] & SYN:
            # Only who has sent a SYN of its own sends one without ACK; its SYN-ACK answers a SYN that crossed.
            return k if k > i and self.seq[k] == self.seq[i] else -1
        k = self.syn_ack[self.x]
        if k < i or self.bare_syn[other] < 0 or self.bare_syn[other] > i or difference(self.seq[i], self.seq[k]) <= 0:
            return -1
        return k if difference(self.ack[k], self.isn[other]) == 1 else -1

    def _fin_behind(self, i):
        """The side's first captured FIN, where record i shows that it had been sent before what was received by then; -1: none.

        Record i bears the number behind the FIN and yet passed the capture point first; or it is the FIN, and such a one had passed; or
        it is a RST that ended the side.
        """
        if self.sent_fin or self.fin[self.x] < 0 or self.fin_at[self.x] < i:
            return -1
        if self.fin_at[self.x] == i:
            return i if 0 <= self.fin_at[1 - self.x] < i and self._closed_first(i) else -1
        if self.flags[i] & RST and self.seq[i] == self.fin[self.x]:
            return -1 if self._outlives(i) else self.fin_at[self.x]
        if self.octets[i] or not self.flags[i] & (ACK | RST) or difference(self.seq[i], self.fin[self.x]) != 1:
            return -1
        if self.flags[i] & RST and self._missed(self.fin_at[self.x], i):
            return -1
        return self.fin_at[self.x]

    def _missed(self, k, i):
        """FIN k, captured after record i that bears the number behind it, is a repeat of one that no capture shows: it came too late to
        have been overtaken, or its timestamp is later (RFC 7323 §4.1)."""
        if self.ts_val[k] >= 0 and self.ts_val[i] >= 0 and difference(self.ts_val[k], self.ts_val[i]) > 0:
            return 1
        return self.time_ns[k] - self.time_ns[i] > self.crossing_ns

    def _closed_first(self, i):
        """Of the two ends the side closed first: its number was behind the FIN already, or acknowledged, when the peer's FIN passed."""
        k: cython.longlong = self.fin_at[1 - self.x]
        if self.fin_at[self.x] == i and self._older_fin(i):
            return 1
        if k >= 0 and self.peer_top[k] >= 0 and difference(self.peer_top[k], self.fin[self.x]) > 0:
            return 1
        for k in range(i):
            if self.side[k] != self.x and self._covers_fin(k, self.x) and not self.flags[k] & RST:
                return self.fin_at[1 - self.x] >= k
        return 0

    def _older_fin(self, i):
        """A copy of FIN i that does not know of the other side's passed later: RCV.NXT never goes back, so it had been sent before."""
        k: cython.longlong
        x: cython.longlong = self.side[i]
        for k in range(i + 1, self.size):
            if self.side[k] == x and self.flags[k] & (FIN | RST | ACK) == FIN | ACK and self.end[k] == self.end[i]:
                if not self._covers_fin(k, 1 - x):
                    return 1
        return 0

    def _closes_unopened(self, s):
        """FIN s leaves SYN-RECEIVED (§3.10.4): the peer acknowledges the SYN alone, and later than this."""
        k: cython.longlong
        if not self.flags[s] & FIN or self.payload[s] or self.floor[s] >= 0:
            return 0
        for k in range(s + 1, self.size):
            if self.side[k] != self.x and self._covers_syn(k, self.x) and not self.flags[k] & RST:
                return self.ack[k] == self.seq[s]
        return 0

    def _stale_syn(self, s):
        """A SYN of the connection's own number after its sender has gone on: an old copy on the way (RFC 9293 §3.4), not an act of his."""
        if not self.flags[s] & SYN or self.flags[s] & (ACK | RST):
            return 0
        if self.state == CLOSED and not self.count[self.x] and self.syn_ack[1 - self.x] < 0:
            return self._overtaken(s)
        return self.state >= ESTABLISHED and self.acked >= 0 and self.seq[s] == self.own

    def _overtaken(self, s):
        """The peer acknowledges more than this SYN before its sender has sent more, and the sender goes on: the capture began later."""
        k: cython.longlong
        ahead: cython.longlong = self.floor[s] >= 0 and difference(self.floor[s], self.seq[s]) > 0
        for k in range(s + 1, self.size):
            if self.side[k] != self.x:
                if self.flags[k] & ACK and not self.flags[k] & RST and difference(self.ack[k], self.end[s]) > 0:
                    ahead = 1
            elif self.flags[k] & RST:
                return 0
            elif not self.flags[k] & SYN:
                return ahead
            elif self.seq[k] != self.seq[s]:
                return 0
        return 0
