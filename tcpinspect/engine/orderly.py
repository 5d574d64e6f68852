"""Logs in which everything comes in its turn, by their pattern, and where each pattern led. Floor 2; compiled.

Of most connections only the end is asked for, and most of them open, talk and close as thousands before. Where the three-way handshake
is whole and each later record carries on where its sender was, acknowledges all that was sent to him and denies nothing, `Walk` goes
through to the end, and all that decides where that leads is who sent each record, whether it has a FIN, and whether its sender's
numbers had moved: that is the pattern, three bits a record. So `Solver` solves the first log of a pattern, and looks the others up.
Reading: RFC 9293 §3.5, §3.6.
"""

import cython

from tcpinspect.engine.moments import FIELDS, FLOOR_KNOWN, PEER_TOP_KNOWN, SIDE_BIT, STAMPED, SUM_RIGHT, SUM_WRONG, TOP_KNOWN
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.moments import Moments  # noqa: F401
    from tcpinspect.protocol.seqnum import difference

# The lowest bit of the flags, so that what is left of them also tells how many numbers a FIN takes: one.
FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
ACK = cython.declare(cython.longlong, header.ACK)
SYN_ACK = cython.declare(cython.longlong, header.SYN | header.ACK)
KINDS = cython.declare(cython.longlong, header.SYN | header.FIN | header.RST | header.ACK)
WRONG = cython.declare(cython.longlong, SUM_WRONG)
HAS_STAMPS = cython.declare(cython.longlong, STAMPED)
HAS_FLOOR = cython.declare(cython.longlong, FLOOR_KNOWN)
TOPS = cython.declare(cython.longlong, TOP_KNOWN | PEER_TOP_KNOWN)
# What a record tells beside the segment itself.
BESIDES = cython.declare(cython.longlong, SUM_RIGHT | SUM_WRONG | STAMPED | FLOOR_KNOWN | TOP_KNOWN | PEER_TOP_KNOWN)
CROOKED = cython.declare(cython.longlong, header.SYN | header.RST | SUM_WRONG)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
HALF = cython.declare(cython.longlong, 0x80000000)

WIDTH = cython.declare(cython.longlong, len(FIELDS))
SIDE = cython.declare(cython.longlong, SIDE_BIT)
F_SEQ = cython.declare(cython.longlong, FIELDS.index("seq"))
F_ACK = cython.declare(cython.longlong, FIELDS.index("ack"))
F_WORD = cython.declare(cython.longlong, FIELDS.index("flags"))
F_LENGTH = cython.declare(cython.longlong, FIELDS.index("length"))
F_TS_VAL = cython.declare(cython.longlong, FIELDS.index("ts_val"))
F_TS_ECR = cython.declare(cython.longlong, FIELDS.index("ts_ecr"))
F_FLOOR = cython.declare(cython.longlong, FIELDS.index("floor"))
F_TOP = cython.declare(cython.longlong, FIELDS.index("top"))
F_PEER_TOP = cython.declare(cython.longlong, FIELDS.index("peer_top"))
# More records have no pattern: their bits would not fit one number.
MOST = cython.declare(cython.longlong, 20)
# So many patterns are remembered, the last one of each remainder. A prime.
ROOM = cython.declare(cython.longlong, 127)


class Orderly:
    """Remembers a number for each pattern. While a log is read each side has the first number it sent, `isn`; from there `reach`, how far
    its numbers are known to go, and of its last record `begins`, `ends` and `word`; `closed`, its FIN was there; `stamp`, the latest
    timestamp that it sent with no more than an acknowledgment, -1 none."""

    def __init__(self):
        if not cython.compiled:
            for name in ("isn", "reach", "begins", "ends", "word", "closed", "stamp"):
                setattr(self, name, [0, 0])
            self.patterns, self.found = [0] * ROOM, [0] * ROOM

    def find(self, pattern):
        """What was remembered for a pattern, -1 if nothing was."""
        slot: cython.longlong = pattern % ROOM
        return self.found[slot] if self.patterns[slot] == pattern else -1

    def remember(self, pattern, number):
        """Remember a number, not negative, for a pattern."""
        self.patterns[pattern % ROOM] = pattern
        self.found[pattern % ROOM] = number
        return 0

    def pattern_of(self, m):
        """The pattern of a log, 0 if it is not orderly as far as that shows at once: `Walk` knows more."""
        log: cython.p_uint = m.log
        at: cython.longlong = 2 * WIDTH
        end: cython.longlong = m.n * WIDTH
        side: cython.longlong
        moved: cython.longlong
        pattern: cython.longlong = 1
        if m.n < 3 or m.n > MOST or not self.opens(log):
            return 0
        while at < end:
            if log[at + F_SEQ] != log[at + F_TOP] or log[at + F_ACK] != log[at + F_PEER_TOP] or ~log[at + F_WORD] & TOPS:
                return 0
            side = log[at + F_WORD] >> SIDE & 1
            moved = self.carries_on(log, at, side, 1 - side)
            if moved < 0:
                return 0
            pattern = pattern << 3 | side << 2 | (log[at + F_WORD] & FIN) << 1 | moved
            at += WIDTH
        return pattern

    def opens(self, log):
        """The log begins with a SYN, its SYN-ACK and a record of the client's."""
        word: cython.longlong = log[F_WORD]
        answer: cython.longlong = log[WIDTH + F_WORD]
        side: cython.longlong
        if word & KINDS != SYN or answer & KINDS != SYN_ACK or (word | answer) & WRONG or log[F_LENGTH] or log[WIDTH + F_LENGTH]:
            return 0
        if word >> SIDE & 1 or not answer >> SIDE & 1 or log[2 * WIDTH + F_WORD] >> SIDE & 1:
            return 0
        for side in range(2):
            self.isn[side] = log[side * WIDTH + F_SEQ]
            self.word[side] = log[side * WIDTH + F_WORD]
            self.begins[side] = self.closed[side] = 0
            self.reach[side] = self.ends[side] = 1
            self.stamp[side] = -1
        return log[WIDTH + F_ACK] == (log[F_SEQ] + 1) & MASK

    def carries_on(self, log, at, side, peer):
        """Whether the record at this place shows new numbers of its sender, beside a FIN's; -1 if it is out of its turn."""
        word: cython.longlong = log[at + F_WORD]
        stamp: cython.longlong = log[at + F_TS_VAL] if word & HAS_STAMPS else -1
        begins: cython.longlong = (log[at + F_SEQ] - self.isn[side]) & MASK
        ends: cython.longlong = begins + log[at + F_LENGTH]
        acked: cython.longlong = (log[at + F_ACK] - self.isn[peer]) & MASK
        moved: cython.longlong = ends != self.ends[side]
        if word & (CROOKED | ACK) != ACK:
            return -1
        # Numbers that never go back, within half of the number space, are before a later FIN, too.
        if begins < self.reach[side] or acked < self.reach[peer] or ends >= HALF - 1 or acked >= HALF:
            return -1
        if ends > begins or word & FIN:
            if self.closed[side] or word & HAS_FLOOR and difference(log[at + F_FLOOR], log[at + F_SEQ]) > 0:
                return -1
            if begins == self.begins[side] and not (word ^ self.word[side]) & ~BESIDES:
                return -1  # the same segment twice, it may be
            self.closed[side] = word & FIN
        elif stamp >= 0 and (self.stamp[side] < 0 or difference(stamp, self.stamp[side]) > 0):
            self.stamp[side] = stamp
        if word & HAS_STAMPS and self.stamp[peer] >= 0 and difference(log[at + F_TS_ECR], self.stamp[peer]) < 0:
            return -1
        self.reach[peer] = acked
        self.reach[side] = self.ends[side] = ends + (word & FIN)
        self.begins[side] = begins
        self.word[side] = word
        return moved
