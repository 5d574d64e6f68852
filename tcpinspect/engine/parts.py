# cython: boundscheck=False
"""Deal the packets of a capture out to several trackers by the hosts that talk: what one process of several does. Floor 2; compiled.

All packets between two hosts go to the same of PARTS parts, whatever their ports: a port used again, a scan of one host and an ICMP
error stay with their connection. A part has a table, limits and classes of its own and knows nothing of the others, so that
what comes out does not hang on which process had which part, nor on their number. Each process walks the whole capture; of
packets that are plainly not its own it reads two addresses.
"""

import cython
from array import array

from tcpinspect.engine.finish import CONNECTION_FIELD
from tcpinspect.engine.layers import ICMP, ICMPV6

if not cython.compiled:
    from tcpinspect.engine.decode import Decoder
    from tcpinspect.engine.finish import Sink
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.track import Tracker
    from tcpinspect.engine.whole import Whole
    from tcpinspect.protocol.slow import hosts_hash

PARTS = 8

N = cython.declare(cython.longlong, PARTS)
ROOM = cython.declare(cython.longlong, 4096)
MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)
R_ICMP = cython.declare(cython.longlong, ICMP)
R_ICMPV6 = cython.declare(cython.longlong, ICMPV6)
FIRST_FRAME = cython.declare(cython.longlong, CONNECTION_FIELD["first_frame"])


class Parts(Whole):
    """`trackers`: one a part, None for those that another process has. The counters are those of the whole capture, as in Tracker;
    so is `health`, as far as it is about the capture and not about connections."""

    def __init__(self, trackers):
        Whole.__init__(self)
        self.trackers = trackers
        self.dealt = array("i", bytes(4 * PARTS * ROOM))
        self.waiting = array("i", bytes(4 * PARTS))
        self.decoder = Decoder()
        self.segment = Segment()
        self.segment.shown = 0
        if not cython.compiled:
            self.mine = [0] * PARTS
            self.reasons = [0] * 32
        kept = None
        for part in range(PARTS):
            self.mine[part] = trackers[part] is not None
            if trackers[part] is not None:
                tracker: Tracker = trackers[part]
                tracker.decoder = self.decoder
                # One after the other they use the same segments, which so stay in the cache.
                kept = tracker.segments_kept = kept or tracker.segments_kept
        self.before = 0

    def block(self, records, first, last):
        """Deal out records `first` to `last` (not included) of those that `records.next_block()` has just read."""
        n: cython.longlong = first
        part: cython.longlong
        end: cython.longlong
        self.decoder.use(records.view)
        self.before = self.count(records, first, last)
        while n < last:
            end = min(n + ROOM, last)
            while n < end:
                n = self.decoder.deal(records, n, end, self.dealt, self.waiting)
                while n < end and not self.plain(records, n):
                    self.look_inside(records, n)
                    n += 1
            for part in range(N):
                self.flush(records, part)
        return 0

    def plain(self, records, n):
        """The record is none that must be looked into."""
        return self.decoder.is_plain(records.offsets[n], records.lengths[n], records.wire_lengths[n], records.links[n])

    def look_inside(self, records, n):
        """Decode a packet of another kind, and give its segment (or its ICMP error) to the part it belongs to."""
        s: Segment = self.segment
        part: cython.longlong
        reason: cython.longlong
        tracker: Tracker
        s.frame = self.before + n
        s.time_ns = records.times[n]
        reason = self.decoder.decode(s, records.offsets[n], records.lengths[n], records.wire_lengths[n], records.links[n])
        self.decoder.come_home()  # what waits lies in the block, not in a datagram that was put together
        if reason == 0:
            part = part_of_hosts(s)
        else:
            self.reasons[reason] += 1
            if (reason != R_ICMP and reason != R_ICMPV6) or not self.decoder.quoted:
                return 0
            part = part_of_hosts(self.decoder.quote)
        if self.mine[part]:
            self.flush(records, part)  # these are plain, and leave what an ICMP error quoted as it is
            tracker = self.trackers[part]
            if s.time_ns > tracker.now_ns:
                tracker.now_ns = s.time_ns
            if reason:
                tracker.icmp_error(s)
            else:
                tracker.track(s)
        return 0

    def flush(self, records, part):
        """Let a part's tracker have what waits for it."""
        tracker: Tracker
        if self.waiting[part] and self.mine[part]:
            tracker = self.trackers[part]
            tracker.some(records, self.dealt, part * ROOM, part * ROOM + self.waiting[part], self.before)
        self.waiting[part] = 0
        return 0

    def reason(self, which):
        """How many of the packets that were looked into had no TCP, for the reason of that index."""
        return self.reasons[which]


class Starts(Sink):
    """The frame with which each stream of a part began, as its connections tell when they end."""

    def __init__(self):
        self.room = 1024
        self.frames = array("I", bytes(4 * self.room))
        self.cells = self.frames
        self.count = 0

    def take(self, chunk):
        stream: cython.longlong = chunk.view[0]
        if stream >= self.room:
            self.cells = None
            while stream >= self.room:
                self.room *= 2
            self.frames.frombytes(bytes(4 * (self.room - len(self.frames))))
            self.cells = self.frames
        self.cells[stream] = chunk.view[FIRST_FRAME]
        if stream >= self.count:
            self.count = stream + 1
        return 0


def part_of_hosts(s):
    """The part of a decoded segment. Whoever forges a capture so that all is in one part can only make it slow, as with one host."""
    return hosts_hash(fold(s.src_hi) * 5 + fold(s.src_lo), fold(s.dst_hi) * 5 + fold(s.dst_lo)) & (N - 1)


def fold(value):
    """62 bits of an address in 31, IPv4 as it is."""
    return (value ^ ((value >> 32) * 3)) & MASK32
