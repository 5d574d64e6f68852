"""Records to the octets of a capture file: pcap records or pcapng's enhanced packet blocks. Floor 1; compiled.

Little-endian. Reading: draft-ietf-opsawg-pcap §5, draft-ietf-opsawg-pcapng §4.3.
"""

import cython

if cython.compiled:
    from cython.cimports.libc.string import memcpy

PCAP_US, PCAP_NS, PCAPNG = 0, 1, 2
KIND_US = cython.declare(cython.longlong, PCAP_US)
KIND_PCAPNG = cython.declare(cython.longlong, PCAPNG)
NANO = cython.declare(cython.longlong, 1000000000)
ENHANCED_PACKET = cython.declare(cython.longlong, 6)
BLOCK_OVERHEAD = cython.declare(cython.longlong, 44)  # fixed fields 28, epb_flags 8, end of options 4, the length again 4
FLAGS_OPTION = cython.declare(cython.longlong, 2 | 4 << 16)  # epb_flags: code 2, four octets


class Encoder:
    """Writes records behind one another into `out`: `filled` octets of it hold."""

    def __init__(self, kind, capacity):
        self.kind = kind
        self.out = bytearray(capacity)
        self.octets = self.out
        self.size = capacity
        self.filled = 0

    def encode(self, frames, first, last, room):
        """Write records first … last − 1 into the emptied `out`, until `room` octets are reached or passed. The next record."""
        n: cython.longlong = first
        needs: cython.longlong
        self.filled = 0
        while n < last and self.filled < room:
            needs = frames.lengths[n] + BLOCK_OVERHEAD + 4
            if self.filled + needs > self.size:
                break
            if self.kind == KIND_PCAPNG:
                self.enhanced_packet(frames, n)
            else:
                self.pcap_record(frames, n)
            n += 1
        return n

    def pcap_record(self, frames, n):
        time_ns: cython.longlong = frames.times[n]
        self.put32(time_ns // NANO)
        self.put32(time_ns % NANO // (1000 if self.kind == KIND_US else 1))
        self.put32(frames.lengths[n])
        self.put32(frames.wire_lengths[n])
        self.put(frames, frames.offsets[n], frames.lengths[n])
        return 0

    def enhanced_packet(self, frames, n):
        time_ns: cython.longlong = frames.times[n]
        length: cython.longlong = frames.lengths[n]
        total: cython.longlong = ((length + 3) & -4) + BLOCK_OVERHEAD
        self.put32(ENHANCED_PACKET)
        self.put32(total)
        self.put32(0)
        self.put32(time_ns >> 32)
        self.put32(time_ns)
        self.put32(length)
        self.put32(frames.wire_lengths[n])
        self.put(frames, frames.offsets[n], length)
        while self.filled & 3:
            self.octets[self.filled] = 0
            self.filled += 1
        self.put32(FLAGS_OPTION)
        self.put32(frames.marks[n])
        self.put32(0)
        self.put32(total)
        return 0

    def put32(self, value):
        at: cython.longlong = self.filled
        self.octets[at] = value & 0xFF
        self.octets[at + 1] = value >> 8 & 0xFF
        self.octets[at + 2] = value >> 16 & 0xFF
        self.octets[at + 3] = value >> 24 & 0xFF
        self.filled = at + 4
        return 0

    def put(self, frames, at, length):
        """Copy octets of the records; `encode` has seen to the room in `out`, the sum is checked against theirs."""
        if length == 0:
            return 0
        if at + length > frames.extent:
            raise IndexError("a record beyond its block")
        if cython.compiled:
            memcpy(cython.address(self.octets[self.filled]), cython.address(frames.ring[at]), length)
        else:
            self.octets[self.filled : self.filled + length] = frames.ring[at : at + length]
        self.filled += length
        return 0
