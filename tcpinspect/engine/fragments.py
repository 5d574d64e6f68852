"""Put the fragments of IPv4 and IPv6 datagrams together. Floor 2; compiled.

A datagram is an array of units of 8 octets, the measure of fragment offsets: a fragment costs its own length, however many
there are and in whatever order. Where fragments overlap, the first to arrive wins in IPv4; an IPv6 datagram with overlapping
fragments is discarded with all that follows of it (RFC 5722 §4), except that an exact duplicate is ignored (RFC 8200 §4.5).
Reading: RFC 791 §3.2, RFC 8200 §4.5, RFC 5722.
"""

import cython
from collections import OrderedDict

if not cython.compiled:
    from tcpinspect.engine.segment import Segment

# Linux waits 30 seconds for the rest of an IPv4 datagram (RFC 791 §3.2 leaves the timer to the implementation); RFC 8200 §4.5
# has IPv6 wait 60 seconds from the first fragment to arrive.
WAIT_IPV4_NS = cython.declare(cython.longlong, 30_000_000_000)
WAIT_IPV6_NS = cython.declare(cython.longlong, 60_000_000_000)
# Captures are hostile: at most so many datagrams are held, in so many octets; the oldest goes first.
MAX_DATAGRAMS = cython.declare(cython.longlong, 1024)
MAX_OCTETS = cython.declare(cython.longlong, 16 << 20)
FIRST_OCTETS = cython.declare(cython.longlong, 4096)
LARGEST = cython.declare(cython.longlong, 65536)

# What a unit of 8 octets holds: nothing yet (0), the beginning of a fragment, or more of one.
BEGINS = cython.declare(cython.longlong, 1)
GOES_ON = cython.declare(cython.longlong, 2)


class Datagram:
    """A datagram of which fragments have come. `total` is -1 until its last fragment; a `dead` one waits for its end only."""

    def __init__(self, first_ns):
        self.first_ns = first_ns
        self.total = -1
        self.reached = 0
        self.units = 0
        self.protocol = 0
        self.dead = 0
        self.capacity = 0
        self.octets = bytearray(1)
        self.marks = bytearray(1)

    def reserve(self, octets):
        """Room for so many octets, at most LARGEST."""
        capacity: cython.longlong = self.capacity if self.capacity else FIRST_OCTETS
        if octets <= self.capacity:
            return 0
        while capacity < octets:
            capacity *= 2
        grown = bytearray(capacity)
        marked = bytearray(capacity >> 3)
        if self.capacity:
            grown[: self.capacity] = self.octets
            marked[: self.capacity >> 3] = self.marks
        self.octets = grown
        self.marks = marked
        self.capacity = capacity
        return 0

    def discard(self):
        """Keep only the knowledge that there is to be no such datagram."""
        self.dead = 1
        self.capacity = 0
        self.octets = bytearray(1)
        self.marks = bytearray(1)
        return 0

    def repeats(self, view, at, length, first, units):
        """Whether a fragment whose units are all there is the exact copy of one."""
        k: cython.longlong
        if self.marks[first] != BEGINS:
            return 0
        for k in range(first + 1, first + units):
            if self.marks[k] != GOES_ON:
                return 0
        if (first + units) * 8 < self.capacity and self.marks[first + units] == GOES_ON:
            return 0
        for k in range(length):
            if self.octets[first * 8 + k] != view[at + k]:
                return 0
        return 1

    def put(self, view, at, length, first, units):
        """Take the units that nobody brought before, run by run."""
        k: cython.longlong = 0
        begin: cython.longlong
        end: cython.longlong
        to: cython.longlong
        while k < units:
            if self.marks[first + k]:
                k += 1
                continue
            begin = k
            while k < units and not self.marks[first + k]:
                self.marks[first + k] = GOES_ON if k else BEGINS
                k += 1
            self.units += k - begin
            end = k * 8 if k * 8 < length else length
            to = (first + begin) * 8
            self.octets[to : to + end - begin * 8] = view[at + begin * 8 : at + end]
        return 0

    def is_whole(self):
        return 1 if self.total >= 0 and self.units == (self.total + 7) >> 3 else 0


class Fragments:
    """The datagrams that are not whole yet. After `add` returned 1, `whole` holds `length` octets of `protocol`."""

    def __init__(self):
        self.waiting = OrderedDict()
        self.held = 0
        self.whole = b"\0"
        self.length = 0
        self.protocol = 0

    def add(self, s, view, at, length, identification, protocol, offset, more, limit):
        """Take the fragment of `length` octets at `at`, sent from `s`'s source to its destination; 1 when that completes it.

        `limit`: how many octets the whole may have, so that with its header no more than 65,535 come together.
        """
        d: Datagram
        first: cython.longlong = offset >> 3
        units: cython.longlong
        end: cython.longlong
        fresh: cython.longlong = 0
        k: cython.longlong
        before: cython.longlong
        wait: cython.longlong
        six: cython.longlong = 1 if s.family == 6 else 0
        if more and length & 7:
            if six:
                return 0  # "that fragment must be discarded" (RFC 8200 §4.5)
            length &= -8  # an offset cannot say where the rest would go on
        if length <= 0 or offset + length > limit:
            return 0
        units = (length + 7) >> 3
        # In IPv6 the next header is not part of what identifies a datagram: the first fragment's counts.
        key = (s.family, s.src_hi, s.src_lo, s.dst_hi, s.dst_lo, identification, -1 if six else protocol)
        d = self.waiting.get(key)
        if d is not None:
            wait = WAIT_IPV6_NS if six else WAIT_IPV4_NS
            # A clock that steps back makes fragments strangers to each other, too.
            if s.time_ns - d.first_ns > wait or d.first_ns - s.time_ns > wait:
                self.forget(key)
                d = None
        if d is None:
            d = Datagram(s.time_ns)
            self.waiting[key] = d
        if d.dead:
            return 0
        end = offset + length
        # Beyond the end that the last fragment showed, or a last fragment that ends elsewhere than what has come says.
        if (d.total >= 0 and end > d.total) or (not more and (end < d.reached or (d.total >= 0 and end != d.total))):
            if six:
                self.kill(d)
            return 0
        before = d.capacity
        d.reserve(units * 8 + offset)
        self.held += d.capacity - before
        for k in range(first, first + units):
            if not d.marks[k]:
                fresh += 1
        if six and fresh < units:
            if fresh or not d.repeats(view, at, length, first, units):
                self.kill(d)
            return 0
        d.put(view, at, length, first, units)
        if offset == 0:
            d.protocol = protocol
        if end > d.reached:
            d.reached = end
        if not more:
            d.total = end
        if d.is_whole():
            self.whole = d.octets
            self.length = d.total
            self.protocol = d.protocol
            self.forget(key)
            return 1
        while self.held > MAX_OCTETS or len(self.waiting) > MAX_DATAGRAMS:
            self.forget(next(iter(self.waiting)))
        return 0

    def kill(self, d):
        self.held -= d.capacity
        d.discard()
        return 0

    def forget(self, key):
        d: Datagram = self.waiting.pop(key)
        self.held -= d.capacity
        return 0
