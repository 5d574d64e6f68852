"""Packets to connections: one pass over the records of a capture. Floor 2; compiled.

Streams are numbered as Wireshark numbers tcp.stream: by addresses and ports, in the order of the first segment; a SYN that
`analysis.is_new_connection` calls new opens another stream on the same pair. The pairs live in an open-addressing table.
"""

import cython
import os
from array import array

from tcpinspect.engine.links import ICMP, ICMPV6

if not cython.compiled:
    from tcpinspect.engine.analysis import Half, analyse, is_new_connection
    from tcpinspect.engine.columns import SegmentColumns
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.decode import Decoder
    from tcpinspect.engine.health import Health
    from tcpinspect.engine.segment import Segment

MIX = cython.declare(cython.longlong, 0x2545F491)
MASK31 = cython.declare(cython.longlong, 0x7FFFFFFF)
MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)
R_ICMP = cython.declare(cython.longlong, ICMP)
R_ICMPV6 = cython.declare(cython.longlong, ICMPV6)
# Routers repeat themselves (RFC 1812 §4.3.2.8 limits their rate only); the first errors tell what happened.
MAX_ICMP_EVENTS = cython.declare(cython.longlong, 32)
FLAG_ACK = cython.declare(cython.longlong, 0x10)


class Tracker:
    """Follows every connection of a capture. `columns` receives the segments when it is not None.

    `frames`, `segments`, `cut` (packets shortened by the snap length), `octets` (on the wire) count; `first_ns`, `last_ns`
    are -1 before the first packet; `steps_back` counts packets older than the one before them.
    """

    def __init__(self, columns=None):
        self.connections = []
        self.columns = columns
        self.slots = array("q", bytes(8 * 1024))
        self.mask = 1023
        self.used = 0
        # Captures are hostile: an unpredictable seed keeps them from choosing colliding pairs.
        self.seed = int.from_bytes(os.urandom(3), "little") | 1
        self.decoder = Decoder()
        self.segment = Segment()
        self.health = Health()
        if not cython.compiled:
            self.reasons = [0] * 32
        self.frames = 0
        self.segments = 0
        self.first_ns = -1
        self.last_ns = -1
        self.cut = 0
        self.octets = 0
        self.steps_back = 0
        self.checksums_good = 0
        self.checksums_bad = 0
        self.checksums_unfinished = 0

    def block(self, records):
        """Analyse the records that `records.next_block()` has just read."""
        n: cython.longlong
        reason: cython.longlong
        time_ns: cython.longlong
        s: Segment = self.segment
        self.decoder.use(records.view)
        for n in range(records.count):
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
            s.frame = self.frames
            s.time_ns = time_ns
            reason = self.decoder.decode(s, records.offsets[n], records.lengths[n], records.wire_lengths[n], records.links[n])
            self.reasons[reason] += 1
            if reason == 0:
                self.track(s)
            elif (reason == R_ICMP or reason == R_ICMPV6) and self.decoder.quoted:
                self.icmp_error(time_ns)
        return 0

    def track(self, s):
        hash: cython.longlong = self.hash_of(s)
        slot: cython.longlong = self.find(s, hash)
        side: cython.longlong = 0
        reused: cython.longlong = 0
        number: cython.longlong = self.slots[slot]
        c: Connection
        fwd: Half
        rev: Half
        self.segments += 1
        if s.checksum_status == 1:
            self.checksums_good += 1
        elif s.checksum_status == 2:
            self.checksums_bad += 1
            if not self.health.bad_frame:
                self.health.bad_frame = s.frame
        elif s.checksum_status == 3:
            self.checksums_unfinished += 1
            if not self.health.unfinished_frame:
                self.health.unfinished_frame = s.frame
        if number:
            c = self.connections[number - 1]
            if s.src_port != c.port0 or s.src_lo != c.lo0 or s.src_hi != c.hi0:
                side = 1
            if is_new_connection(s, c.half1 if side else c.half0, c.half0 if side else c.half1, c.pair):
                reused = 1
                number = 0
        if not number:
            c = Connection(s, len(self.connections), hash)
            c.previous = self.slots[slot] - 1
            self.connections.append(c)
            if not reused:
                self.used += 1
            self.slots[slot] = len(self.connections)
            side = 0
            if self.used * 2 > self.mask:
                self.grow()
        else:
            c = self.connections[number - 1]
        fwd = c.half1 if side else c.half0
        rev = c.half0 if side else c.half1
        analyse(s, fwd, rev, c.pair, reused)
        c.segment(s, side)
        c.outcome.segment(s, side)
        c.moments.note(s, side)
        if c.alone:
            c.moments.note(s, 1)
        else:
            c.watch.note(s, side, self.health)
        if self.columns is not None:
            self.columns.add(
                s, c.stream, side,
                (s.seq - fwd.base_seq) & MASK32 if fwd.base_known else -1,
                (s.ack - rev.base_seq) & MASK32 if rev.base_known and s.flags & FLAG_ACK else -1,
                self.decoder.view,
            )  # fmt: skip
        return 0

    def icmp_error(self, time_ns):
        """Tell the connection that the quoted segment belongs to; an error about none of ours opens none."""
        quote: Segment = self.decoder.quote
        number: cython.longlong = self.slots[self.find(quote, self.hash_of(quote))]
        side: cython.longlong = 0
        c: Connection
        d: Decoder
        if not number:
            return 0
        c = self.connections[number - 1]
        if quote.src_port != c.port0 or quote.src_lo != c.lo0 or quote.src_hi != c.hi0:
            side = 1
        if c.icmp_events is None:
            c.icmp_events = []
        if len(c.icmp_events) < MAX_ICMP_EVENTS:
            d = self.decoder
            c.icmp_events.append((self.frames, time_ns, d.icmp_type, d.icmp_code, side, quote.seq, d.icmp_mtu))
        return 0

    def hash_of(self, s):
        """The same for both directions; products stay below 2⁶³."""
        a: cython.longlong = (
            (s.src_lo & MASK31)
            ^ ((s.src_lo >> 31) & MASK31)
            ^ (s.src_hi & MASK31)
            ^ (((s.src_hi >> 31) & MASK31) * 3 & MASK31)
            ^ (s.src_port << 13)
        )
        b: cython.longlong = (
            (s.dst_lo & MASK31)
            ^ ((s.dst_lo >> 31) & MASK31)
            ^ (s.dst_hi & MASK31)
            ^ (((s.dst_hi >> 31) & MASK31) * 3 & MASK31)
            ^ (s.dst_port << 13)
        )
        a = ((a ^ self.seed) * MIX) & MASK32
        a = ((a ^ (a >> 15)) & MASK31) * MIX & MASK32
        b = ((b ^ self.seed) * MIX) & MASK32
        b = ((b ^ (b >> 15)) & MASK31) * MIX & MASK32
        a = (a + b) & MASK31
        return ((a ^ (a >> 13)) * MIX) & MASK32

    def find(self, s, hash):
        """The slot of the segment's address pair, or the free one where it belongs."""
        at: cython.longlong = (hash >> 7) & self.mask
        c: Connection
        while self.slots[at]:
            c = self.connections[self.slots[at] - 1]
            if c.hash == hash and c.family == s.family:
                if (
                    c.port0 == s.src_port
                    and c.port1 == s.dst_port
                    and c.lo0 == s.src_lo
                    and c.lo1 == s.dst_lo
                    and c.hi0 == s.src_hi
                    and c.hi1 == s.dst_hi
                ):
                    return at
                if (
                    c.port1 == s.src_port
                    and c.port0 == s.dst_port
                    and c.lo1 == s.src_lo
                    and c.lo0 == s.dst_lo
                    and c.hi1 == s.src_hi
                    and c.hi0 == s.dst_hi
                ):
                    return at
            at = (at + 1) & self.mask
        return at

    def grow(self):
        """Double the table; the newest connection of a pair keeps the slot."""
        size: cython.longlong = (self.mask + 1) * 2
        old = self.slots
        number: cython.longlong
        at: cython.longlong
        k: cython.longlong
        c: Connection
        self.slots = array("q", bytes(8 * size))
        self.mask = size - 1
        for k in range(size // 2):
            number = old[k]
            if number:
                c = self.connections[number - 1]
                at = (c.hash >> 7) & self.mask
                while self.slots[at]:
                    at = (at + 1) & self.mask
                self.slots[at] = number
        return 0

    def reason(self, which):
        """How many packets decoding left for the reason of that index."""
        return self.reasons[which]
