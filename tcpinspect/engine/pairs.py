# cython: boundscheck=False
"""Which stream an address pair has: an open-addressing table of all pairs seen, and a line a stream. Floor 2; compiled.

Everything else about a connection goes when it has ended; this stays, so that a late segment or a SYN with the old number is
known for what it is, and numbers stay those of Wireshark's tcp.stream. It costs about 100 octets a stream.
"""

import cython
import os
from array import array

if not cython.compiled:
    from tcpinspect.engine.segment import Segment  # noqa: F401
    from tcpinspect.protocol.slow import pair_hash

MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)

# A line: both addresses, ports and family; in `links`, 32 bits each, where the connection lives and the stream before it on the
# same pair, both plus 1, 0 for none; what either side's numbers count from (-1: unknown); in `left` the states in which the
# connection's rows leave its ends, four bits each, above them the second of its last segment.
FIELDS = ("hi0", "lo0", "hi1", "lo1", "ports", "links", "base0", "base1", "left")
WIDTH = cython.declare(cython.longlong, len(FIELDS))
LINKS = cython.declare(cython.longlong, FIELDS.index("links"))
BASE0 = cython.declare(cython.longlong, FIELDS.index("base0"))
LEFT = cython.declare(cython.longlong, FIELDS.index("left"))
FIRST_SLOTS = cython.declare(cython.longlong, 1024)
FIRST_LINES = cython.declare(cython.longlong, 256)


class Pairs:
    """`count` streams. A slot holds 31 bits of a pair's hash above the number of its newest stream plus 1; 0 is free."""

    def __init__(self):
        self.slots = array("q", bytes(8 * FIRST_SLOTS))
        self.mask = FIRST_SLOTS - 1
        self.used = 0
        # Captures are hostile: an unpredictable seed keeps them from choosing colliding pairs.
        self.seed = int.from_bytes(os.urandom(7), "little")
        self.store = array("q", bytes(8 * WIDTH * FIRST_LINES))
        self.lines = self.store
        self.room = FIRST_LINES
        self.count = 0

    def find(self, s):
        """The newest stream of the segment's address pair, -1 without one; `slot`, `tag` and `side` remember the search.

        `side`: 0 if the segment's source is that of the stream's first segment, else 1.
        """
        tag: cython.longlong = pair_hash(s.src_hi, s.src_lo, s.src_port, s.dst_hi, s.dst_lo, s.dst_port, self.seed)
        at: cython.longlong = (tag >> 4) & self.mask
        slot: cython.longlong = self.slots[at]
        ports: cython.longlong = s.src_port | s.dst_port << 16 | s.family << 32
        line: cython.longlong
        self.tag = tag
        self.side = 0
        while slot:
            if slot >> 32 == tag:
                line = ((slot & MASK32) - 1) * WIDTH
                if self.lines[line + 4] == ports and self.lines[line + 1] == s.src_lo and self.lines[line + 3] == s.dst_lo:
                    if self.lines[line] == s.src_hi and self.lines[line + 2] == s.dst_hi:
                        self.slot = at
                        return (slot & MASK32) - 1
                if self.lines[line + 1] == s.dst_lo and self.lines[line + 3] == s.src_lo and self.lines[line] == s.dst_hi:
                    if self.lines[line + 4] == s.dst_port | s.src_port << 16 | s.family << 32 and self.lines[line + 2] == s.src_hi:
                        self.slot = at
                        self.side = 1
                        return (slot & MASK32) - 1
            at = (at + 1) & self.mask
            slot = self.slots[at]
        self.slot = at
        return -1

    def add(self, s, previous):
        """Number another stream for the pair that `find` was just asked about; `previous`: what it answered."""
        line: cython.longlong
        stream: cython.longlong = self.count
        if self.count == self.room:
            self.make_room()
        line = stream * WIDTH
        self.lines[line] = s.src_hi
        self.lines[line + 1] = s.src_lo
        self.lines[line + 2] = s.dst_hi
        self.lines[line + 3] = s.dst_lo
        self.lines[line + 4] = s.src_port | s.dst_port << 16 | s.family << 32
        self.lines[line + LINKS] = (previous + 1) << 32
        self.lines[line + BASE0] = -1
        self.lines[line + BASE0 + 1] = -1
        self.lines[line + LEFT] = -1
        self.count = stream + 1
        self.slots[self.slot] = self.tag << 32 | self.count
        if previous < 0:
            self.used += 1
            if self.used * 2 > self.mask:
                self.spread()
        return stream

    def live(self, stream):
        """Where the stream's connection lives; -1 when its rows are written."""
        return (self.lines[stream * WIDTH + LINKS] & MASK32) - 1

    def settle(self, stream, at):
        """The stream's connection lives at `at` from now on; -1: nowhere."""
        line: cython.longlong = stream * WIDTH + LINKS
        self.lines[line] = (self.lines[line] >> 32 << 32) + at + 1
        return 0

    def previous(self, stream):
        """The stream before it on the same pair, -1 without one."""
        return (self.lines[stream * WIDTH + LINKS] >> 32) - 1

    def left(self, stream):
        """The states in which the stream's rows leave its ends, and when (see FIELDS); -1 unknown."""
        return self.lines[stream * WIDTH + LEFT]

    def keep_left(self, stream, left):
        self.lines[stream * WIDTH + LEFT] = left
        return 0

    def base(self, stream, side):
        """What the side's numbers counted from when its connection left; -1 unknown."""
        return self.lines[stream * WIDTH + BASE0 + side]

    def keep_base(self, stream, side, base):
        self.lines[stream * WIDTH + BASE0 + side] = base
        return 0

    def opens(self, stream, lo, port):
        """The sender of the stream's first segment has this address and port."""
        line: cython.longlong = stream * WIDTH
        return self.lines[line + 1] == lo and self.lines[line + 4] & 0xFFFF == port

    def make_room(self):
        """A quarter more lines. The view must let go first: an array that is looked at cannot grow."""
        more: cython.longlong = self.room // 4 if self.room > 4 * FIRST_LINES else self.room
        self.lines = self.slots
        self.store.frombytes(bytes(8 * WIDTH * more))
        self.lines = self.store
        self.room += more
        return 0

    def spread(self):
        """Double the slots."""
        size: cython.longlong = (self.mask + 1) * 2
        old: cython.longlong[:] = self.slots
        entry: cython.longlong
        at: cython.longlong
        k: cython.longlong
        self.slots = array("q", bytes(8 * size))
        self.mask = size - 1
        for k in range(size // 2):
            entry = old[k]
            if entry:
                at = (entry >> 36) & self.mask
                while self.slots[at]:
                    at = (at + 1) & self.mask
                self.slots[at] = entry
        return 0
