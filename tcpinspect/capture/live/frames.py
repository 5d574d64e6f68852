"""Walk a block of the kernel's ring: its packets as records, in place. Floor 1; compiled.

What the kernel took out of a packet is put back in front of it, inside the ring: VLAN tags, and for cooked sockets the
LINKTYPE_LINUX_SLL2 header. So a record is what a file would hold, and nothing is copied.
Reading: packet(7); <linux/if_packet.h> (tpacket3_hdr, sockaddr_ll, TP_STATUS_*); tcpdump.org, LINKTYPE_LINUX_SLL2.
"""

import cython
from array import array

from tcpinspect.capture import pcapng

if not cython.compiled:
    from tcpinspect.capture.batch import Batch

# tpacket_block_desc: version, offset of private data, then tpacket_hdr_v1; here in 32-bit words.
BLOCK_STATUS = 2
BLOCK_PACKETS = cython.declare(cython.longlong, 3)
BLOCK_FIRST = cython.declare(cython.longlong, 4)
# tpacket3_hdr in 32-bit words; sockaddr_ll stands behind it, at octet 48.
NEXT = cython.declare(cython.longlong, 0)
SECONDS = cython.declare(cython.longlong, 1)
NANOSECONDS = cython.declare(cython.longlong, 2)
CAPTURED = cython.declare(cython.longlong, 3)
ON_WIRE = cython.declare(cython.longlong, 4)
STATUS = cython.declare(cython.longlong, 5)
VLAN_TCI = cython.declare(cython.longlong, 8)
MAC = cython.declare(cython.longlong, 12)  # in 16-bit halves, as VLAN_TPID
VLAN_TPID = cython.declare(cython.longlong, 18)
ADDRESS = cython.declare(cython.longlong, 48)
HEADERS = cython.declare(cython.longlong, 68)  # TPACKET3_HDRLEN: what stands behind may be overwritten up to the packet
SMALLEST = 96  # no packet with its headers takes less of a block: TPACKET_ALIGN(68 + 16)

CHECKSUM_NOT_READY = cython.declare(cython.longlong, 1 << 3)
VLAN_VALID = cython.declare(cython.longlong, 1 << 4)
TPID_VALID = cython.declare(cython.longlong, 1 << 6)
CHECKSUM_VALID = cython.declare(cython.longlong, 1 << 7)
GSO_TCP = cython.declare(cython.longlong, 1 << 8)
OUTGOING = cython.declare(cython.longlong, 4)
DOT1Q = cython.declare(cython.longlong, 0x8100)
NANO = cython.declare(cython.longlong, 1000000000)
ETHERNET = cython.declare(cython.longlong, 1)
COOKED = cython.declare(cython.longlong, 276)
COOKED_HEADER = cython.declare(cython.longlong, 20)

MARK_INBOUND = cython.declare(cython.longlong, pcapng.INBOUND)
MARK_OUTBOUND = cython.declare(cython.longlong, pcapng.OUTBOUND)
MARK_CHECKSUM_NOT_READY = cython.declare(cython.longlong, pcapng.CHECKSUM_NOT_READY)
MARK_CHECKSUM_VALID = cython.declare(cython.longlong, pcapng.CHECKSUM_VALID)
MARK_SEGMENTATION_OFFLOADED = cython.declare(cython.longlong, pcapng.SEGMENTATION_OFFLOADED)


class Frames(Batch):
    """The records of one block of `ring`; `marks` has what the kernel says of each, in the bits of pcapng's epb_flags."""

    def __init__(self, ring, block_size, link):
        super().__init__(block_size // SMALLEST)
        self.ring = ring
        self.view = ring
        self.words = ring.cast("I")
        self.halves = ring.cast("H")
        self.marks = array("q", bytes(8 * (block_size // SMALLEST)))
        self.extent = len(ring)
        self.link = link

    def walk(self, block):
        """Make the packets of the block that begins at this octet of the ring the records. Their number."""
        self.count = 0
        left: cython.longlong = self.words[(block >> 2) + BLOCK_PACKETS]
        at: cython.longlong = block + self.words[(block >> 2) + BLOCK_FIRST]
        while left:
            self.frame(at)
            at += self.words[(at >> 2) + NEXT]
            left -= 1
        return self.count

    def frame(self, at):
        n: cython.longlong = self.count
        word: cython.longlong = at >> 2
        status: cython.longlong = self.words[word + STATUS]
        start: cython.longlong = at + self.halves[(at >> 1) + MAC]
        added: cython.longlong = 0
        if self.link == COOKED:
            added = self.cook(at, start, status)
        elif self.link == ETHERNET and status & VLAN_VALID and self.words[word + CAPTURED] >= 12:
            added = self.tag(at, start, status)
        self.offsets[n] = start - added
        self.lengths[n] = self.words[word + CAPTURED] + added
        self.wire_lengths[n] = self.words[word + ON_WIRE] + added
        self.times[n] = self.words[word + SECONDS] * NANO + self.words[word + NANOSECONDS]
        self.links[n] = self.link
        self.marks[n] = self.mark(at, status)
        self.count = n + 1
        return 0

    def mark(self, at, status):
        marks: cython.longlong = MARK_OUTBOUND if self.ring[at + ADDRESS + 10] == OUTGOING else MARK_INBOUND
        if status & CHECKSUM_NOT_READY:
            marks |= MARK_CHECKSUM_NOT_READY
        elif status & CHECKSUM_VALID:
            marks |= MARK_CHECKSUM_VALID
        if status & GSO_TCP:
            marks |= MARK_SEGMENTATION_OFFLOADED
        return marks

    def tag(self, at, start, status):
        """Put the VLAN tag back behind the two addresses. Octets added: none where the kernel left no room."""
        n: cython.longlong
        if start - 4 < at + HEADERS:
            return 0
        for n in range(12):
            self.ring[start - 4 + n] = self.ring[start + n]
        self.put16(start + 8, self.tag_type(at, status))
        self.put16(start + 10, self.words[(at >> 2) + VLAN_TCI] & 0xFFFF)
        return 4

    def tag_type(self, at, status):
        return self.halves[(at >> 1) + VLAN_TPID] if status & TPID_VALID else DOT1Q

    def cook(self, at, start, status):
        """Write the header of LINKTYPE_LINUX_SLL2 from the sockaddr_ll; a VLAN tag goes between it and what it announced."""
        address: cython.longlong = at + ADDRESS
        added: cython.longlong = COOKED_HEADER + (4 if status & VLAN_VALID else 0)
        to: cython.longlong = start - added
        index: cython.longlong = self.words[(address >> 2) + 1]
        n: cython.longlong
        protocol: cython.longlong = (self.ring[address + 2] << 8) | self.ring[address + 3]
        if to < at + HEADERS:
            return 0
        if status & VLAN_VALID:
            self.put16(start - 4, self.words[(at >> 2) + VLAN_TCI] & 0xFFFF)
            self.put16(start - 2, protocol)
            protocol = self.tag_type(at, status)
        self.put16(to, protocol)
        self.put16(to + 2, 0)
        self.put16(to + 4, index >> 16)
        self.put16(to + 6, index & 0xFFFF)
        self.put16(to + 8, self.halves[(address >> 1) + 4])
        self.ring[to + 10] = self.ring[address + 10]
        for n in range(9):  # the address's length and its eight octets
            self.ring[to + 11 + n] = self.ring[address + 11 + n]
        return added

    def put16(self, at, value):
        self.ring[at] = value >> 8
        self.ring[at + 1] = value & 0xFF
        return 0
