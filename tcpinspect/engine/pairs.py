# cython: boundscheck=False
"""Which stream an address pair has: an open-addressing table of all pairs seen, and a line a stream. Floor 2; compiled.

Everything else about a connection goes when it has ended; this stays, so that a late segment or a SYN with the old number is
known for what it is, and numbers stay those of Wireshark's tcp.stream. It costs 70 to 100 octets a stream, 32 more with IPv6.
"""

import cython
import os
from array import array

if not cython.compiled:
    from tcpinspect.engine.segment import Segment  # noqa: F401
    from tcpinspect.protocol.slow import host_hash, pair_hash

MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)

# A line: the pair's ends in order, the first shifted up by one, below it `turned`: the stream's first segment went from the second
# end to the first; in `links`, 32 bits each, where the connection lives and the stream before it on the same pair, both plus 1, 0
# for none; what either side's numbers count from (-1: unknown); in `left` the states in which the connection's rows leave its
# ends, four bits each, above them the second of its last segment; where IPv6 addresses stand in `hosts`.
FIELDS = ("first", "second", "links", "base0", "base1", "left", "hosts")
WIDTH = cython.declare(cython.longlong, len(FIELDS))
LINKS = cython.declare(cython.longlong, FIELDS.index("links"))
BASE0 = cython.declare(cython.longlong, FIELDS.index("base0"))
LEFT = cython.declare(cython.longlong, FIELDS.index("left"))
HOSTS = cython.declare(cython.longlong, FIELDS.index("hosts"))
FIRST_BITS = cython.declare(cython.longlong, 10)  # so many of a hash make a slot's number
HASH_BITS = cython.declare(cython.longlong, 31)
FIRST_LINES = cython.declare(cython.longlong, 256)
IPV6 = cython.declare(cython.longlong, 6)


class Pairs:
    """`count` streams. A slot holds 31 bits of a pair's hash above the number of its newest stream plus 1; 0 is free.

    `near_…`: the pair that was found last, and its stream; `near_second` is -1 where that may hold no longer.
    An end is a host and 16 bits of port: of IPv4 the address, of IPv6 a hash of it, and then `hosts` has both addresses as well.
    """

    def __init__(self):
        self.slots = array("q", bytes(8 << FIRST_BITS))
        self.mask = (1 << FIRST_BITS) - 1
        self.shift = HASH_BITS - FIRST_BITS
        self.used = 0
        # Captures are hostile: unpredictable seeds keep them from choosing colliding pairs (`pair_hash`).
        self.seed0, self.seed1, self.seed2, self.seed3 = (seed | 1 for seed in array("q", os.urandom(32)))
        self.store = array("q", bytes(8 * WIDTH * FIRST_LINES))
        self.lines = self.store
        self.room = FIRST_LINES
        self.count = 0
        self.hosts = array("q", bytes(8 * 4))
        self.hosts_used = 0
        self.near_first = -1
        self.near_second = -1

    def find(self, s):
        """The newest stream of the segment's address pair, -1 without one; `slot` and what `add` needs remember the search.

        The segment's `side`: 0 if its source is that of the stream's first segment, else 1. `place`: where its connection lives, or -1.
        """
        if s.family == IPV6:
            return self.find_six(s)
        src: cython.longlong = s.src_lo << 16 | s.src_port
        dst: cython.longlong = s.dst_lo << 16 | s.dst_port
        first: cython.longlong = min(src, dst)
        second: cython.longlong = max(src, dst)
        # Most segments are of the pair of the one before.
        if first == self.near_first and second == self.near_second:
            s.side = self.near_turned ^ (src > dst)
            return self.near_stream
        return self.search(s, first, second, src > dst)

    def search(self, s, first, second, turned):
        """Look for the pair of an IPv4 segment; `turned`: it goes from the second end to the first."""
        tag: cython.longlong = pair_hash(first, second, self.seed0, self.seed1)
        at: cython.longlong = tag >> self.shift
        slot: cython.longlong = self.slots[at]
        line: cython.longlong
        opened: cython.longlong  # as `turned`, of the stream's first segment
        while slot:
            if slot >> 32 == tag:
                line = ((slot & MASK32) - 1) * WIDTH
                opened = self.lines[line] ^ first << 1
                if (opened == 0 or opened == 1) and self.lines[line + 1] == second:
                    s.side = opened ^ turned
                    self.slot = at
                    self.place = (self.lines[line + LINKS] & MASK32) - 1
                    self.near_first = first
                    self.near_second = second
                    self.near_turned = opened
                    self.near_stream = (slot & MASK32) - 1
                    return self.near_stream
            at = (at + 1) & self.mask
            slot = self.slots[at]
        s.side = 0
        return self.missed(at, tag, first << 1 | turned, second)

    def find_six(self, s):
        """`find` for IPv6: what agrees in ends, that is in hashes, must agree in addresses, too.

        In a way of its own: one for both would take a third longer for IPv4.
        """
        src: cython.longlong = host_hash(s.src_hi, s.src_lo, self.seed2, self.seed3) << 16 | s.src_port
        dst: cython.longlong = host_hash(s.dst_hi, s.dst_lo, self.seed2, self.seed3) << 16 | s.dst_port
        first: cython.longlong = min(src, dst)
        second: cython.longlong = max(src, dst)
        tag: cython.longlong = pair_hash(first, second, self.seed0, self.seed1)
        at: cython.longlong = tag >> self.shift
        slot: cython.longlong = self.slots[at]
        line: cython.longlong
        turned: cython.longlong
        side: cython.longlong
        self.near_second = -1
        while slot:
            if slot >> 32 == tag:
                line = ((slot & MASK32) - 1) * WIDTH
                turned = self.lines[line] ^ first << 1
                if (turned == 0 or turned == 1) and self.lines[line + 1] == second:
                    side = self.side_of(s, self.lines[line + HOSTS], turned ^ (src > dst))
                    if side >= 0:
                        self.slot = at
                        s.side = side
                        self.place = (self.lines[line + LINKS] & MASK32) - 1
                        return (slot & MASK32) - 1
            at = (at + 1) & self.mask
            slot = self.slots[at]
        s.side = 0
        return self.missed(at, tag, first << 1 | (src > dst), second)

    def missed(self, slot, tag, first, second):
        """Remember where the pair belongs."""
        self.slot = slot
        self.tag = tag
        self.first = first
        self.second = second
        self.place = -1
        self.near_second = -1
        return -1

    def side_of(self, s, at, side):
        """The side of a segment whose ends are those of a line, `side` by their order, if its hosts are, too (at `at`); else -1."""
        if side == 0 and self.hosts[at] == s.src_hi and self.hosts[at + 1] == s.src_lo:
            if self.hosts[at + 2] == s.dst_hi and self.hosts[at + 3] == s.dst_lo:
                return 0
        # With the same port on two hosts of one hash the order of the ends says nothing.
        if side == 1 or s.src_port == s.dst_port:
            if self.hosts[at] == s.dst_hi and self.hosts[at + 1] == s.dst_lo:
                if self.hosts[at + 2] == s.src_hi and self.hosts[at + 3] == s.src_lo:
                    return 1
        return -1

    def add(self, s, previous):
        """Number another stream for the pair that `find` was just asked about; `previous`: what it answered."""
        line: cython.longlong
        stream: cython.longlong = self.count
        if self.count == self.room:
            self.make_room()
        line = stream * WIDTH
        if previous >= 0:
            self.first = self.lines[previous * WIDTH] ^ s.side
            self.second = self.lines[previous * WIDTH + 1]
            self.tag = self.slots[self.slot] >> 32
        self.lines[line] = self.first
        self.lines[line + 1] = self.second
        self.lines[line + LINKS] = (previous + 1) << 32
        self.lines[line + BASE0] = -1
        self.lines[line + BASE0 + 1] = -1
        self.lines[line + LEFT] = -1
        self.lines[line + HOSTS] = -1
        if s.family == IPV6:
            self.lines[line + HOSTS] = self.hosts_used
            self.add_hosts(s)
        self.near_second = -1
        self.count = stream + 1
        self.slots[self.slot] = self.tag << 32 | self.count
        if previous < 0:
            self.used += 1
            if self.used * 2 > self.mask:
                self.spread()
        return stream

    def add_hosts(self, s):
        """Keep the addresses of an IPv6 segment."""
        at: cython.longlong = self.hosts_used
        if at == len(self.hosts):
            grown = array("q", bytes(16 * at))
            memoryview(grown)[:at] = memoryview(self.hosts)
            self.hosts = grown
        self.hosts[at] = s.src_hi
        self.hosts[at + 1] = s.src_lo
        self.hosts[at + 2] = s.dst_hi
        self.hosts[at + 3] = s.dst_lo
        self.hosts_used = at + 4
        return 0

    def live(self, stream):
        """Where the stream's connection lives; -1 when its rows are written."""
        return (self.lines[stream * WIDTH + LINKS] & MASK32) - 1

    def settle(self, stream, at):
        """The stream's connection lives at `at` from now on; -1: nowhere."""
        line: cython.longlong = stream * WIDTH + LINKS
        self.near_second = -1
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
        end: cython.longlong = self.lines[line + 1] if self.lines[line] & 1 else self.lines[line] >> 1
        hosts: cython.longlong = self.lines[line + HOSTS]
        return end & 0xFFFF == port and lo == (end >> 16 if hosts < 0 else self.hosts[hosts + 1])

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
        self.shift -= 1
        for k in range(size // 2):
            entry = old[k]
            if entry:
                at = entry >> 32 >> self.shift
                while self.slots[at]:
                    at = (at + 1) & self.mask
                self.slots[at] = entry
        return 0
