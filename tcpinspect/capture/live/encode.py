"""Records to the octets of a capture file: pcap records or pcapng's enhanced packet blocks. Floor 1; compiled.

Little-endian. Reading: draft-ietf-opsawg-pcap §5, draft-ietf-opsawg-pcapng §4.3.
"""

import cython

from tcpinspect.capture import pcapng

if cython.compiled:
    from cython.cimports.libc.string import memcpy
else:
    from tcpinspect.capture.live.frames import Frames

PCAP_US, PCAP_NS, PCAPNG = 0, 1, 2
KIND_US = cython.declare(cython.longlong, PCAP_US)
KIND_PCAPNG = cython.declare(cython.longlong, PCAPNG)
NANO = cython.declare(cython.longlong, 1000000000)
ENHANCED_PACKET = cython.declare(cython.longlong, pcapng.ENHANCED_PACKET)
BLOCK_OVERHEAD = cython.declare(cython.longlong, 44)  # fixed fields 28, epb_flags 8, end of options 4, the length again 4
FLAGS_OPTION = cython.declare(cython.longlong, pcapng.EPB_FLAGS | 4 << 16)  # its code, four octets
WHOLE = 1 << 62


class Encoder:
    """Writes records behind one another into `out`: `filled` octets of it hold.

    `most` cuts packets to so many octets. `links` are the link types met, in the order of their interfaces' numbers.
    """

    def __init__(self, kind, capacity, most=WHOLE):
        self.kind = kind
        self.out = bytearray(capacity)
        self.octets = self.out
        self.size = capacity
        self.filled = 0
        self.most = most
        self.links = []
        self.link = -1
        self.interface = 0

    def encode(self, records, first, last, room):
        """Write records first … last − 1 into the emptied `out`, until `room` octets are reached or passed. The next record."""
        n: cython.longlong = first
        length: cython.longlong
        self.filled = 0
        self.extent = len(records.view)
        self.marked = records if isinstance(records, Frames) else None
        while n < last and self.filled < room:
            length = records.lengths[n] if records.lengths[n] < self.most else self.most
            if self.filled + length + BLOCK_OVERHEAD + 4 > self.size:
                break
            if self.kind == KIND_PCAPNG:
                self.enhanced_packet(records, n, length)
            else:
                self.pcap_record(records, n, length)
            n += 1
        return n

    def pcap_record(self, records, n, length):
        time_ns: cython.longlong = records.times[n]
        self.put32(time_ns // NANO)
        self.put32(time_ns % NANO // (1000 if self.kind == KIND_US else 1))
        self.put32(length)
        self.put32(records.wire_lengths[n])
        self.put(records, records.offsets[n], length)
        return 0

    def enhanced_packet(self, records, n, length):
        time_ns: cython.longlong = records.times[n]
        total: cython.longlong = ((length + 3) & -4) + BLOCK_OVERHEAD
        if records.links[n] != self.link:
            self.choose(records.links[n])
        self.put32(ENHANCED_PACKET)
        self.put32(total)
        self.put32(self.interface)
        self.put32(time_ns >> 32)
        self.put32(time_ns)
        self.put32(length)
        self.put32(records.wire_lengths[n])
        self.put(records, records.offsets[n], length)
        while self.filled & 3:
            self.octets[self.filled] = 0
            self.filled += 1
        self.put32(FLAGS_OPTION)
        self.put32(0 if self.marked is None else self.marked.marks[n])
        self.put32(0)
        self.put32(total)
        return 0

    def choose(self, link):
        """The interface of packets with this link type."""
        if link not in self.links:
            self.links.append(link)
        self.link = link
        self.interface = self.links.index(link)
        return 0

    def put32(self, value):
        at: cython.longlong = self.filled
        self.octets[at] = value & 0xFF
        self.octets[at + 1] = value >> 8 & 0xFF
        self.octets[at + 2] = value >> 16 & 0xFF
        self.octets[at + 3] = value >> 24 & 0xFF
        self.filled = at + 4
        return 0

    def put(self, records, at, length):
        """Copy octets of the records; `encode` has seen to the room in `out`, the sum is checked against theirs."""
        if length == 0:
            return 0
        if at + length > self.extent:
            raise IndexError("a record beyond its block")
        if cython.compiled:
            memcpy(cython.address(self.octets[self.filled]), cython.address(records.view[at]), length)
        else:
            self.octets[self.filled : self.filled + length] = records.view[at : at + length]
        self.filled += length
        return 0
