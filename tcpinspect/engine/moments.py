"""The segments of one connection that can matter for its states, in a compact log. Floor 2. Reading: RFC 9293 §3.10.7.

Logged are: every SYN, FIN and RST; while the handshake or the close is in progress, each segment that differs from the
sender's last one in kind (flags, acknowledges the peer's SYN or FIN, carries data, repeats data) and up to two of the
same kind after every change (of a SYN, FIN or RST: up to sixteen); nothing in between, however long the connection lives. An
unbroken run of equal segments keeps its first and its latest. The log starts with room for four and never exceeds
CAPACITY records: past that, only a SYN, FIN or RST is still written, over the last record, and `merged` counts what was
left out. So a million half-open connections stay cheap, and a hostile one costs a constant.
"""

import cython

from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.segment import Segment  # noqa: F401
    from tcpinspect.protocol.seqnum import difference  # noqa: F401

    free = realloc = memcpy = None  # cimported where compiled

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
MASK = cython.declare(cython.longlong, 0xFFFFFFFF)

# The fields of a record, 32 bits each: a record is what a connection has most of. `flags` holds the nine flag bits, the sender's side at
# bit SIDE_BIT, whether the checksum was found wrong or right, which of the others hold a number, and the IP identification from bit 16.
# The last three say what had been seen before the record: the highest number the receiver had acknowledged, the end of what the sender
# had sent, the end of what the receiver had sent.
FIELDS = ("frame", "time_low", "time_high", "seq", "ack", "flags", "length", "ts_val", "ts_ecr", "floor", "top", "peer_top")
WIDTH = cython.declare(cython.longlong, len(FIELDS))
OCTETS = cython.declare(cython.longlong, 4 * len(FIELDS))
SIDE_BIT = 9
# Marks of a kind of segment besides its flags: it acknowledges the peer's SYN, its FIN.
ACKS_SYN = 1 << 8
ACKS_FIN = 1 << 9
SUM_WRONG = 1 << 10
SUM_RIGHT = 1 << 11
# In `flags` of a record: it has timestamps, there was a floor, a top, a top of the peer.
STAMPED, FLOOR_KNOWN, TOP_KNOWN, PEER_TOP_KNOWN = (1 << bit for bit in range(12, 16))
CAPACITY = cython.declare(cython.longlong, 256)
KEPT_ROOM = cython.declare(cython.longlong, 16)
# Room within the object itself.
NEAR = cython.declare(cython.longlong, 4)
# How far gap-filling repeats of data behind an unacknowledged FIN may fill the log.
REPEATS = cython.declare(cython.longlong, 128)

COVERS_SYN = cython.declare(cython.longlong, ACKS_SYN)
COVERS_FIN = cython.declare(cython.longlong, ACKS_FIN)
DATA = cython.declare(cython.longlong, 1 << 10)  # marks of a kind like the two above
RIGHT = cython.declare(cython.longlong, SUM_RIGHT)
WRONG = cython.declare(cython.longlong, SUM_WRONG)
HAS_STAMPS = cython.declare(cython.longlong, STAMPED)
HAS_FLOOR = cython.declare(cython.longlong, FLOOR_KNOWN)
HAS_TOP = cython.declare(cython.longlong, TOP_KNOWN)
HAS_PEER_TOP = cython.declare(cython.longlong, PEER_TOP_KNOWN)
HALF32 = cython.declare(cython.longlong, 1 << 31)
MODULUS32 = cython.declare(cython.longlong, 1 << 32)
GOOD_CHECKSUM = cython.declare(cython.longlong, 1)
BAD_CHECKSUM = cython.declare(cython.longlong, 2)

# How often an interrupted run of the same SYN, FIN or RST is logged.
SPECIALS = cython.declare(cython.longlong, 16)

PHASES = ("handshake", "established", "closing")
HANDSHAKE = cython.declare(cython.longlong, PHASES.index("handshake"))
ESTABLISHED = cython.declare(cython.longlong, PHASES.index("established"))
CLOSING = cython.declare(cython.longlong, PHASES.index("closing"))


class Moments:
    """The log of one connection; side 0 sent its first segment."""

    def __init__(self):
        self.room = NEAR
        if cython.compiled:
            self.log = self.near
        else:
            self.log = [0] * (NEAR * WIDTH)
            for name in ("syn", "fin", "top", "acked", "settled", "signature", "count", "count_epoch", "last_seq", "last_ack", "last_at"):
                setattr(self, name, [0, 0])
        self.reset()

    def __dealloc__(self):
        if cython.compiled and self.room > NEAR:
            free(self.log)

    def reset(self):
        """Begin the log of another connection."""
        side: cython.longlong
        if self.room > KEPT_ROOM:
            if cython.compiled:
                free(self.log)
                self.log = self.near
            else:
                self.log = [0] * (NEAR * WIDTH)
            self.room = NEAR
        self.n = 0
        self.merged = 0
        self.phase = HANDSHAKE
        self.epoch = 0
        self.run = 0
        for side in range(2):
            self.syn[side] = -1
            self.fin[side] = -1
            self.top[side] = -1
            self.acked[side] = -1
            self.signature[side] = -1
            self.last_at[side] = -1
            self.settled[side] = 0
            self.count[side] = 0
            self.count_epoch[side] = 0
        return 0

    def grow(self):
        """Room for three times as many records, at most CAPACITY: half a dozen are few, and most connections have nine."""
        room: cython.longlong = self.room * 3
        if room > CAPACITY:
            room = CAPACITY
        if cython.compiled:
            outside: cython.bint = self.room > NEAR
            log: cython.p_uint = cython.cast(cython.p_uint, realloc(self.log if outside else cython.NULL, room * OCTETS))
            if log is cython.NULL:
                raise MemoryError()
            if not outside:
                memcpy(log, self.near, NEAR * OCTETS)
            self.log = log
        else:
            self.log.extend([0] * ((room - self.room) * WIDTH))
        self.room = room
        return 0

    def note(self, s, side):
        """Look at one segment, sent by `side`; returns 1 when it was logged."""
        flags: cython.longlong = s.flags
        length: cython.longlong = s.payload_len
        other: cython.longlong = 1 - side
        at: cython.longlong = -1
        end: cython.longlong
        if flags & (SYN | FIN):
            length += 1
            if flags & SYN and flags & FIN:
                length += 1
        end = (s.seq + length) & MASK
        if self.phase != ESTABLISHED or flags & (SYN | FIN | RST):
            if flags & (FIN | RST):
                self.phase = CLOSING
            at = self._place(s, side)
            if at >= 0:
                self._write(s, side, at)
            if flags & SYN and self.syn[side] < 0:
                self.syn[side] = s.seq
            if flags & FIN and self.fin[side] < 0:
                self.fin[side] = (end - 1) & MASK
            if not flags & (SYN | RST) and flags & ACK and (self.syn[other] < 0 or difference(s.ack, self.syn[other]) > 0):
                self.settled[side] = 1
                if self.phase == HANDSHAKE and self.settled[other]:
                    self.phase = ESTABLISHED
        if not flags & RST:
            if self.top[side] < 0 or difference(end, self.top[side]) > 0:
                self.top[side] = end
            if flags & ACK and (self.acked[side] < 0 or difference(s.ack, self.acked[side]) > 0):
                self.acked[side] = s.ack
        return at >= 0

    def news(self, s, side, kind):
        """Log a segment of a kind that its sender's last one was not; in an opening or a close by the book all are. What it tells of the
        side's numbers is left to the caller."""
        if self.n == self.room:
            self.grow()
        self.epoch += 1
        self.signature[side] = kind
        self.count_epoch[side] = self.epoch
        self.count[side] = 1
        if kind & (SYN | FIN):
            self.count[1 - side] = 0
        self.last_seq[side] = s.seq
        self.last_ack[side] = s.ack
        self.run = 1
        self.last_at[side] = self.n
        self._write(s, side, self.n)
        self.n += 1
        return 0

    def go_on(self, s, side):
        """`note` for a segment of a steady stretch; returns what `logs_all` says then."""
        kind: cython.longlong = s.flags & ACK
        if s.payload_len > 0:
            kind |= DATA
        if self.syn[1 - side] >= 0 and difference(s.ack, self.syn[1 - side]) > 0:
            kind |= COVERS_SYN
        if kind == self.signature[side] or self.phase == CLOSING or self.n >= CAPACITY - SPECIALS:
            self.note(s, side)
            return self.logs_all()
        self.news(s, side, kind)
        self.top[side] = (s.seq + s.payload_len) & MASK
        self.acked[side] = s.ack
        if kind & COVERS_SYN or self.syn[1 - side] < 0:
            self.settled[side] = 1
            if self.settled[1 - side]:
                self.phase = ESTABLISHED
        return self.logs_all()

    def logs_all(self):
        """1 before the handshake is over, and from the first FIN or RST on."""
        return self.phase != ESTABLISHED

    def join(self, t, side):
        """Enter a steady stretch with the numbers of `side`; 0 while they are others here."""
        return self.top[side] == t.due[side] and self.acked[side] == t.ack[side]

    def catch_up(self, t, side):
        """Be as if every segment of the stretch had been noted."""
        self.top[side] = t.due[side]
        self.acked[side] = t.ack[side]
        return 0

    def _place(self, s, side):
        """The record to write the segment to; -1 where it only repeats what its sender showed twice since the last change."""
        flags: cython.longlong = s.flags & (SYN | FIN | RST | ACK)
        other: cython.longlong = 1 - side
        kind: cython.longlong = flags
        special: cython.longlong = flags & (SYN | FIN | RST)
        repeat: cython.longlong = 0
        news: cython.longlong = 0
        if flags & ACK:
            if self.syn[other] >= 0 and difference(s.ack, self.syn[other]) > 0:
                kind |= COVERS_SYN
            if self.fin[other] >= 0 and difference(s.ack, self.fin[other]) > 0:
                kind |= COVERS_FIN
                news = self.acked[side] < 0 or difference(self.acked[side], self.fin[other]) <= 0
        if s.checksum_status == BAD_CHECKSUM:
            kind |= 0x1000
        if s.payload_len > 0:
            kind |= DATA
            if self.top[side] >= 0 and difference(s.seq, self.top[side]) < 0:
                repeat = 1
                kind |= 0x800
        same: cython.longlong = self.signature[side] == kind
        if same and special and (self.last_seq[side] != s.seq or self.last_ack[side] != s.ack):
            same = 0
        if same and repeat and self.fin[side] >= 0 and self.n < REPEATS:
            if self.acked[other] < 0 or difference(self.acked[other], self.fin[side]) <= 0:
                same = 0
        if not same:
            self.signature[side] = kind
            self.epoch += 1
        if self.count_epoch[side] != self.epoch:
            self.count_epoch[side] = self.epoch
            self.count[side] = 0
        self.last_seq[side] = s.seq
        self.last_ack[side] = s.ack
        self.count[side] += 1
        if self.count[side] > 2:
            if self.last_at[side] == self.n - 1 and self.run > 1:
                self.merged += 1
                return self.n - 1
            if not special or self.count[side] > SPECIALS:
                self.merged += 1
                return -1
        if self.n >= CAPACITY or not special and not news and self.n >= CAPACITY - SPECIALS:
            self.merged += 1
            return self.n - 1 if special else -1
        if self.n == self.room:
            self.grow()
        if special:
            # What answers a repeated SYN, FIN or RST is news, even if it looks like the answer before.
            self.count[other] = 0
        self.run = self.run + 1 if same and self.last_at[side] == self.n - 1 else 1
        self.last_at[side] = self.n
        self.n += 1
        return self.n - 1

    def _write(self, s, side, at):
        """Write the segment as record `at`."""
        base: cython.longlong = at * WIDTH
        word: cython.longlong = (s.flags & 0x1FF) | side << 9 | s.ip_id << 16
        floor: cython.longlong = self.acked[1 - side]
        top: cython.longlong = self.top[side]
        peer_top: cython.longlong = self.top[1 - side]
        if s.checksum_status == BAD_CHECKSUM:
            word |= WRONG
        elif s.checksum_status == GOOD_CHECKSUM:
            word |= RIGHT
        if s.ts_val >= 0:
            word |= HAS_STAMPS
        if floor >= 0:
            word |= HAS_FLOOR
        if top >= 0:
            word |= HAS_TOP
        if peer_top >= 0:
            word |= HAS_PEER_TOP
        self.log[base] = s.frame & MASK
        self.log[base + 1] = s.time_ns & MASK
        self.log[base + 2] = s.time_ns >> 32 & MASK
        self.log[base + 3] = s.seq
        self.log[base + 4] = s.ack
        self.log[base + 5] = word & MASK
        self.log[base + 6] = s.payload_len & MASK
        self.log[base + 7] = s.ts_val & MASK
        self.log[base + 8] = s.ts_ecr & MASK
        self.log[base + 9] = floor & MASK
        self.log[base + 10] = top & MASK
        self.log[base + 11] = peer_top & MASK
        return 1

    def time_of(self, k):
        """When record k came, in nanoseconds."""
        high: cython.longlong = self.log[k * WIDTH + 2]
        return ((high ^ HALF32) - HALF32) * MODULUS32 + self.log[k * WIDTH + 1]
