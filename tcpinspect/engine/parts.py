# cython: boundscheck=False
"""Deal the packets of a capture out to several trackers by the hosts that talk: what one process of several does. Floor 2; compiled.

All packets between two hosts go to the same of PARTS parts, whatever their ports: a port used again, a scan of one host and an ICMP
error stay with their connection. A part has a table, limits and classes of its own and knows nothing of the others, so that
what comes out does not hang on which process had which part, nor on their number. Each process walks the whole capture; of
packets that are plainly not its own it reads two addresses.
"""

import cython
from array import array

from tcpinspect.engine.finish import CONNECTION_FIELD, CONNECTION_FIELDS
from tcpinspect.engine.layers import ICMP, ICMPV6

if not cython.compiled:
    from tcpinspect.capture.batch import Batch
    from tcpinspect.engine.decode import Decoder
    from tcpinspect.engine.finish import Chunk  # noqa: F401
    from tcpinspect.engine.health import Health
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.track import Tracker
    from tcpinspect.protocol.slow import be16, be32

PARTS = 8

N = cython.declare(cython.longlong, PARTS)
ROOM = cython.declare(cython.longlong, 4096)
MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)
MASK31 = cython.declare(cython.longlong, 0x7FFFFFFF)
MIX = cython.declare(cython.longlong, 0x2545F491)
R_ICMP = cython.declare(cython.longlong, ICMP)
R_ICMPV6 = cython.declare(cython.longlong, ICMPV6)
WIDTH = cython.declare(cython.longlong, len(CONNECTION_FIELDS))
FIRST_FRAME = cython.declare(cython.longlong, CONNECTION_FIELD["first_frame"])
ETHERNET = cython.declare(cython.longlong, 1)
# Ethernet, IPv4 without options, TCP without options.
PLAIN_HEADERS = cython.declare(cython.longlong, 14 + 20 + 20)
IPV4 = cython.declare(cython.longlong, 0x0800)  # EtherType
PROTOCOL_TCP = cython.declare(cython.longlong, 6)


class Parts:
    """`trackers`: one a part, None for those that another process has. The counters are those of the whole capture, as in Tracker;
    so is `health`, as far as it is about the capture and not about connections."""

    def __init__(self, trackers):
        self.trackers = trackers
        self.batches = []
        for _ in range(PARTS):
            batch: Batch = Batch(ROOM)
            batch.numbers = array("q", bytes(8 * ROOM))
            batch.numbered = 1
            self.batches.append(batch)
        self.decoder = Decoder()
        self.segment = Segment()
        self.segment.shown = 0
        self.health = Health()
        if not cython.compiled:
            self.mine = [0] * PARTS
            self.reasons = [0] * 32
        for part in range(PARTS):
            self.mine[part] = trackers[part] is not None
            if trackers[part] is not None:
                tracker: Tracker = trackers[part]
                tracker.decoder = self.decoder
        self.frames = 0
        self.segments = 0
        self.first_ns = -1
        self.last_ns = -1
        self.cut = 0
        self.octets = 0
        self.steps_back = 0

    def block(self, records, first, last):
        """Deal out records `first` to `last` (not included) of those that `records.next_block()` has just read."""
        n: cython.longlong
        part: cython.longlong
        time_ns: cython.longlong
        batch: Batch
        for part in range(N):
            batch = self.batches[part]
            batch.view = records.view
        self.decoder.use(records.view)
        for n in range(first, last):
            self.frames += 1
            time_ns = records.times[n]
            self.octets += records.wire_lengths[n]
            if records.lengths[n] < records.wire_lengths[n]:
                self.cut += 1
                if not self.health.cut_frame:
                    self.health.cut_frame = self.frames
            if self.first_ns < 0 or time_ns < self.first_ns:
                self.first_ns = time_ns
            if time_ns < self.last_ns:
                self.steps_back += 1
            else:
                self.last_ns = time_ns
            self.health.clock(time_ns, self.frames)
            part = self.plain(records, n)
            if part < 0:
                self.look_inside(records, n)
            elif self.mine[part]:
                self.put(records, n, part)
        for part in range(N):
            if self.mine[part]:
                self.flush(part)
        return 0

    def plain(self, records, n):
        """The part of what almost every packet is, Ethernet with IPv4 without options and TCP; -1 for all others."""
        at: cython.longlong = records.offsets[n]
        total: cython.longlong
        if records.links[n] != ETHERNET or records.lengths[n] < PLAIN_HEADERS:
            return -1
        if be16(self.decoder.octets, at + 12) != IPV4 or self.decoder.octets[at + 14] != 0x45:
            return -1
        total = be16(self.decoder.octets, at + 16)
        if self.decoder.octets[at + 23] != PROTOCOL_TCP or be16(self.decoder.octets, at + 20) & 0x3FFF:
            return -1
        if total < PLAIN_HEADERS - 14 or total + 14 > records.wire_lengths[n]:
            return -1
        return part_of(be32(self.decoder.octets, at + 26), be32(self.decoder.octets, at + 30))

    def look_inside(self, records, n):
        """Decode a packet of another kind, and give its segment (or its ICMP error) to the part it belongs to."""
        s: Segment = self.segment
        part: cython.longlong
        reason: cython.longlong
        tracker: Tracker
        s.frame = self.frames
        s.time_ns = records.times[n]
        reason = self.decoder.decode(s, records.offsets[n], records.lengths[n], records.wire_lengths[n], records.links[n])
        if reason == 0:
            part = part_of_hosts(s)
        else:
            self.reasons[reason] += 1
            if (reason != R_ICMP and reason != R_ICMPV6) or not self.decoder.quoted:
                return self.decoder.come_home()
            part = part_of_hosts(self.decoder.quote)
        if self.mine[part]:
            self.flush(part)  # these are plain, and leave what an ICMP error quoted as it is
            tracker = self.trackers[part]
            tracker.frames = self.frames
            if s.time_ns > tracker.last_ns:
                tracker.last_ns = s.time_ns
            if reason:
                tracker.icmp_error(s.time_ns)
            else:
                tracker.track(s)
        self.decoder.come_home()
        return 0

    def put(self, records, n, part):
        """Add a record to the batch of a part."""
        batch: Batch = self.batches[part]
        at: cython.longlong = batch.count
        batch.offsets[at] = records.offsets[n]
        batch.lengths[at] = records.lengths[n]
        batch.wire_lengths[at] = records.wire_lengths[n]
        batch.times[at] = records.times[n]
        batch.links[at] = ETHERNET
        batch.numbers[at] = self.frames
        batch.count = at + 1
        if batch.count == ROOM:
            self.flush(part)
        return 0

    def flush(self, part):
        """Let a part's tracker have what waits for it."""
        batch: Batch = self.batches[part]
        tracker: Tracker
        if batch.count:
            tracker = self.trackers[part]
            tracker.block(batch, 0, batch.count)
            batch.count = 0
        return 0

    def reason(self, which):
        """How many of the packets that were looked into had no TCP, for the reason of that index."""
        return self.reasons[which]


class Starts:
    """The frame with which each stream of a part began, as chunks tell it."""

    def __init__(self):
        self.room = 1024
        self.frames = array("I", bytes(4 * self.room))
        self.count = 0

    def add(self, chunk):
        """Note the streams of a chunk of finished connections."""
        row: cython.longlong
        stream: cython.longlong
        frames: cython.uint[::1] = self.frames
        for row in range(0, chunk.done * WIDTH, WIDTH):
            stream = chunk.view[row]
            if stream >= self.room:
                frames = None
                while stream >= self.room:
                    self.room *= 2
                self.frames.frombytes(bytes(4 * (self.room - len(self.frames))))
                frames = self.frames
            frames[stream] = chunk.view[row + FIRST_FRAME]
            if stream >= self.count:
                self.count = stream + 1
        return 0


def part_of_hosts(s):
    """The part of a decoded segment."""
    return part_of(fold(s.src_hi) * 5 + fold(s.src_lo), fold(s.dst_hi) * 5 + fold(s.dst_lo))


def fold(value):
    """62 bits of an address in 31, IPv4 as it is."""
    return (value ^ ((value >> 32) * 3)) & MASK32


def part_of(a, b):
    """The part of two hosts, the same in both directions. No secret seed: results must be the same every time, and whoever
    forges a capture can only make it slow, as with one host."""
    mixed: cython.longlong = ((a ^ b) & MASK31) * MIX + ((a + b) & MASK31) * 3
    return ((mixed >> 20) ^ (mixed >> 9)) & (N - 1)
