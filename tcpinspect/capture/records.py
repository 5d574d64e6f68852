"""Walk a capture's records, block by block, without an object per packet. Floor 1; compiled.

Classic pcap: microseconds and nanoseconds in both byte orders, and Kuznetsov's modified header. pcapng: every section and
interface, enhanced, simple and obsolete packet blocks. Snoop, version 2. Reading: draft-ietf-opsawg-pcap,
draft-ietf-opsawg-pcapng, RFC 1761.
"""

import cython
from array import array

from tcpinspect.capture import pcapng as _blocks
from tcpinspect.errors import FormatError

if not cython.compiled:
    from tcpinspect.capture.batch import Batch
    from tcpinspect.protocol.slow import be32, le32

BLOCK_SIZE = 2 << 20  # stays in the second-level cache; 64 MiB blocks cost 70 % more
BATCH = cython.declare(cython.longlong, 4096)  # records; their columns stay in the cache, too
# Wireshark's limits: a packet beyond 256 KiB in pcap, or a block beyond 16 MiB in pcapng, is damage, not data.
MAX_PACKET = cython.declare(cython.longlong, 262144)
MAX_BLOCK = cython.declare(cython.longlong, 16 << 20)
MAX_INTERFACES = cython.declare(cython.longlong, 65536)
NANO = cython.declare(cython.longlong, 1000000000)
LATEST = 2**63 - 1  # no record has a later time
MAX_SECONDS = cython.declare(cython.longlong, 9000000000)
HALF32 = cython.declare(cython.longlong, 1 << 31)
MODULUS32 = cython.declare(cython.longlong, 1 << 32)
PCAP = cython.declare(cython.longlong, 1)
PCAPNG = cython.declare(cython.longlong, 2)
SNOOP = cython.declare(cython.longlong, 3)

SECTION_HEADER = cython.declare(cython.longlong, 0x0A0D0D0A)
INTERFACE = cython.declare(cython.longlong, 1)
OBSOLETE_PACKET = cython.declare(cython.longlong, 2)
SIMPLE_PACKET = cython.declare(cython.longlong, 3)
STATISTICS = cython.declare(cython.longlong, 5)
ENHANCED_PACKET = cython.declare(cython.longlong, 6)
# Blocks that hold no packet, but that Wireshark shows as frames: systemd's journal, and custom blocks (copied on or not).
JOURNAL = cython.declare(cython.longlong, 9)
CUSTOM = cython.declare(cython.longlong, 0xBAD)
CUSTOM_NOT_COPIED = cython.declare(cython.longlong, 0x40000BAD)

_PCAP_MAGIC = {
    b"\xa1\xb2\xc3\xd4": (1, 1000, 16, "microseconds"),
    b"\xd4\xc3\xb2\xa1": (0, 1000, 16, "microseconds"),
    b"\xa1\xb2\x3c\x4d": (1, 1, 16, "nanoseconds"),
    b"\x4d\x3c\xb2\xa1": (0, 1, 16, "nanoseconds"),
    b"\xa1\xb2\xcd\x34": (1, 1000, 24, "microseconds, modified"),
    b"\x34\xcd\xb2\xa1": (0, 1000, 24, "microseconds, modified"),
}


# RFC 1761: the datalink types of snoop files that have a number in tcpdump.org's list, which the engine knows.
_SNOOP_MAGIC = b"snoop\0\0\0"
_SNOOP_LINKS = {0: 1, 4: 1, 2: 6, 8: 10}
_NO_LINK = cython.declare(cython.longlong, 1 << 16)  # beyond that list: a snoop type without a number there, or no packet
_SNOOP_RECORD = cython.declare(cython.longlong, 24)


class Records(Batch):
    """The records of one source. `next_block()` leaves `count` records in the columns; offsets point into `view`.

    `interfaces` (list of pcapng.Interface), `comments` (frame or 0, text) and `warnings` (one line each) grow as blocks
    are read. Raises FormatError when the first bytes are no capture.
    """

    def __init__(self, source, block_size=BLOCK_SIZE):
        super().__init__(BATCH)
        self.source = source
        self.interfaces = []
        self.comments = []
        self.warnings = []
        self.format = ""
        self.capacity = block_size
        self.buffer = bytearray(block_size)
        self.look()
        self.if_link = array("q", bytes(8))
        self.if_snaplen = array("q", bytes(8))
        self.if_mult = array("q", bytes(8))
        self.if_div = array("q", bytes(8))
        self.if_shift = array("q", bytes(8))
        self.if_offset = array("q", bytes(8))
        self.if_count = 0
        self.base = 0
        self.at = 0
        self.filled = 0
        self.kind = 0
        self.big = 0
        self.record_header = 16
        self.mult = 1000
        self.link = 0
        self.ended = 0
        self.last_time = 0
        self.frames = 0
        self.want = 0
        self.drops = 0
        while self.filled < 24 and not self.ended:
            self.refill()
        self.open()

    def open(self):
        """Tell the format from the first bytes."""
        head = bytes(self.buffer[: min(24, self.filled)])
        if head[:4] in _PCAP_MAGIC:
            if len(head) < 24:
                raise FormatError(f"{self.source.name} is cut off inside its file header: nothing to analyse")
            big, mult, header, resolution = _PCAP_MAGIC[head[:4]]
            self.kind = PCAP
            self.big = big
            self.mult = mult
            self.record_header = header
            # The upper bits of the field carry the length of a frame check sequence; the type is in the lower 16.
            self.link = self.u32(20) & 0xFFFF
            snaplen = self.u32(16)
            self.at = 24
            self.format = f"pcap, {resolution}, {'big' if big else 'little'}-endian"
            self.interfaces.append(_blocks.Interface(self.link, snaplen, "", "", 9 if mult == 1 else 6, 0))
            self.links = array("i", [self.link]) * BATCH  # of every packet to come
        elif head[:4] == b"\x0a\x0d\x0d\x0a" and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
            self.kind = PCAPNG
            self.format = "pcapng, " + ("big" if head[8:9] == b"\x1a" else "little") + "-endian"
        elif head[:8] == _SNOOP_MAGIC:
            self.open_snoop(head)
        elif not head:
            raise FormatError(
                f"{self.source.name} is empty" + (f" ({self.source.damage})" if self.source.damage else "") + ": nothing to analyse"
            )
        else:
            begins = head[:8].hex(" ")
            raise FormatError(f"{self.source.name} is not a capture: it begins with {begins}, not with a pcap, pcapng or snoop header")
        if self.source.compression:
            self.format += ", " + self.source.compression

    def open_snoop(self, head):
        """Sixteen octets: the magic, version 2, the datalink type; all numbers are big-endian."""
        if len(head) < 16:
            raise FormatError(f"{self.source.name} is cut off inside its file header: nothing to analyse")
        version, datalink = int.from_bytes(head[8:12], "big"), int.from_bytes(head[12:16], "big")
        if version != 2:
            raise FormatError(f"{self.source.name} is a snoop file of version {version}: only version 2 (RFC 1761) can be read")
        self.kind = SNOOP
        self.big = 1
        self.link = _SNOOP_LINKS.get(datalink, _NO_LINK + min(datalink, 0xFFFF))
        self.at = 16
        self.format = "snoop"
        self.interfaces.append(_blocks.Interface(self.link, 0, "", "", 6, 0))

    def u16(self, at):
        if self.big:
            return (self.view[at] << 8) | self.view[at + 1]
        return (self.view[at + 1] << 8) | self.view[at]

    def u32(self, at):
        if self.big:
            return be32(self.octets, at)
        return le32(self.octets, at)

    def look(self):
        """Read from the buffer. `octets` is the same without checks, for those who have compared with `filled`."""
        self.view = self.buffer
        if cython.compiled:
            self.octets = cython.address(self.view[0])
        else:
            self.octets = self.buffer
        return 0

    def refill(self):
        """Move what is left to the front (of a larger buffer when one record needs it) and read what there is; nothing: the end."""
        left: cython.longlong = self.filled - self.at
        came: cython.longlong
        grown = self.buffer
        if left and left * 2 > self.capacity or self.want > self.capacity:
            self.capacity = max(self.capacity * 2, self.want)
            grown = bytearray(self.capacity)
        if left and (self.at or grown is not self.buffer):
            memoryview(grown)[:left] = memoryview(self.buffer)[self.at : self.filled]
        self.buffer = grown
        self.look()
        self.base += self.at
        self.at = 0
        came = self.source.readinto(memoryview(grown)[left:])
        self.filled = left + came
        if not came:
            self.ended = 1
        return 0

    def next_block(self):
        """Read the next records; their number, 0 at the end. Offsets stay valid until the next call."""
        self.count = 0
        while True:
            if self.kind == PCAP:
                self.walk_pcap()
            elif self.kind == SNOOP:
                self.walk_snoop()
                # 0 is also what writers put that do not count
                self.interfaces[0].dropped = self.drops if self.drops else None
            else:
                self.walk_pcapng()
            if self.count or self.ended:
                break
            self.refill()
        if not self.count and self.source.damage:
            self.warnings.append(f"{self.source.damage}; read {self.frames} packets before it")
            self.source.damage = None
        return self.count

    def time(self, n):
        """Time of record n of the block."""
        return self.times[n]

    def run_end(self, first, limit):
        """The place behind the records from `first` on that are not later than `limit`."""
        n: cython.longlong = first
        if limit == LATEST:
            return self.count
        while n < self.count and self.times[n] <= limit:
            n += 1
        return n

    def stop(self, what):
        """Damage: say where reading ends, and end it."""
        if not self.source.damage and not self.source.interrupted:
            self.warnings.append(f"{what} at byte {self.base + self.at}, after packet {self.frames}: analysed up to there")
        self.at = self.filled
        self.ended = 1

    def add(self, offset, captured, wire, time_ns, link, interface):
        n: cython.longlong = self.count
        self.offsets[n] = offset
        self.lengths[n] = captured
        self.wire_lengths[n] = wire
        self.times[n] = time_ns
        self.links[n] = link
        self.interface_numbers[n] = interface
        self.last_time = time_ns
        self.count = n + 1
        self.frames += 1
        return 0

    @cython.boundscheck(False)  # n stays below BATCH, and what is read below `filled`
    def walk_pcap(self):
        captured: cython.longlong
        wire: cython.longlong
        seconds: cython.longlong
        fraction: cython.longlong
        header: cython.longlong = self.record_header
        mult: cython.longlong = self.mult
        filled: cython.longlong = self.filled
        at: cython.longlong = self.at
        n: cython.longlong = self.count
        octets: cython.pointer(cython.const[cython.uchar]) = self.octets
        offsets: cython.uint[::1] = self.offsets
        lengths: cython.uint[::1] = self.lengths
        wire_lengths: cython.uint[::1] = self.wire_lengths
        times: cython.longlong[::1] = self.times
        big: cython.bint = self.big
        while n < BATCH and at + header <= filled:
            captured = be32(octets, at + 8) if big else le32(octets, at + 8)
            if captured > MAX_PACKET or at + header + captured > filled:
                break
            wire = be32(octets, at + 12) if big else le32(octets, at + 12)
            seconds = be32(octets, at) if big else le32(octets, at)
            fraction = be32(octets, at + 4) if big else le32(octets, at + 4)
            at += header
            offsets[n] = at
            lengths[n] = captured
            # Wireshark and tcpdump trust the longer of the two lengths: a packet is at least what was captured of it.
            wire_lengths[n] = wire if wire > captured else captured
            times[n] = seconds * NANO + fraction * mult
            at += captured
            n += 1
        self.frames += n - self.count
        self.count = n
        self.at = at
        if n == BATCH:
            return 0
        if at + header > self.filled:
            if self.ended and at < self.filled:
                self.stop("the file is cut off inside a packet header")
        elif captured > MAX_PACKET:
            self.stop(f"a packet of {captured} octets, more than any capture holds,")
        elif self.ended:
            self.stop("the file is cut off inside a packet")
        return 0

    def walk_snoop(self):
        """Records of RFC 1761: original, included and record length, drops so far, seconds, microseconds; data and padding."""
        wire: cython.longlong
        captured: cython.longlong
        total: cython.longlong
        while self.count < BATCH:
            if self.at + _SNOOP_RECORD > self.filled:
                if self.ended and self.at < self.filled:
                    self.stop("the file is cut off inside a packet header")
                return 0
            wire = self.u32(self.at)
            captured = self.u32(self.at + 4)
            total = self.u32(self.at + 8)
            if captured > MAX_PACKET or total < _SNOOP_RECORD + captured or total > MAX_BLOCK:
                self.stop(f"a snoop record of {total} octets for a packet of {captured}, which contradicts itself,")
                return 0
            if self.at + _SNOOP_RECORD + captured > self.filled or (self.at + total > self.filled and not self.ended):
                if self.ended:
                    self.stop("the file is cut off inside a packet")
                self.want = total
                return 0
            self.drops = self.u32(self.at + 12)
            self.add(
                self.at + _SNOOP_RECORD, captured, wire if wire > captured else captured,
                self.u32(self.at + 16) * NANO + self.u32(self.at + 20) * 1000, self.link, 0,
            )  # fmt: skip
            self.at += total
            if self.at > self.filled:
                self.at = self.filled
        return 0

    def walk_pcapng(self):
        kind: cython.longlong
        total: cython.longlong
        while self.count < BATCH:
            if self.at + 12 > self.filled:
                if self.ended and self.at < self.filled:
                    self.stop("the file is cut off inside a block header")
                return 0
            kind = self.u32(self.at)
            if kind == SECTION_HEADER:
                # A section may change the byte order: its own magic tells.
                self.big = 1 if self.view[self.at + 8] == 0x1A else 0
                self.if_count = 0
            total = self.u32(self.at + 4)
            if total < 12 or total % 4 or total > MAX_BLOCK:
                self.stop(f"a pcapng block of {total} octets, which none can have,")
                return 0
            if self.at + total > self.filled:
                if self.ended:
                    self.stop("the file is cut off inside a block")
                    return 0
                self.want = total
                return 0
            if self.u32(self.at + total - 4) != total:
                self.stop(f"a pcapng block that gives its length as {total} and as {self.u32(self.at + total - 4)}")
                return 0
            if kind == ENHANCED_PACKET or kind == SIMPLE_PACKET or kind == OBSOLETE_PACKET:
                if self.packet_block(kind, self.at, total) < 0:
                    return 0
            elif kind == INTERFACE:
                self.interface_block(bytes(self.buffer[self.at : self.at + total]))
            elif kind == CUSTOM or kind == CUSTOM_NOT_COPIED or kind == JOURNAL:
                self.add(self.at + 8, total - 12, total - 12, self.last_time, _NO_LINK, 0)
            elif kind == STATISTICS or kind == SECTION_HEADER:
                self.other_block(kind, bytes(self.buffer[self.at : self.at + total]))
            self.at += total
        return 0

    def packet_block(self, kind, at, total):
        interface: cython.longlong = 0
        captured: cython.longlong
        wire: cython.longlong
        time_ns: cython.longlong = self.last_time
        start: cython.longlong
        options: cython.longlong
        if kind == SIMPLE_PACKET:
            if total < 16 or not self.if_count:
                return self.bad_packet_block()
            wire = self.u32(at + 8)
            captured = wire
            if self.if_snaplen[0] and captured > self.if_snaplen[0]:
                captured = self.if_snaplen[0]
            if captured > total - 16:
                captured = total - 16
            start = at + 12
            # It has no stamp, and belongs to the first interface of its section: it is given the time of the packet before it.
            self.interfaces[len(self.interfaces) - self.if_count].untimed += 1
        else:
            if total < 32:
                return self.bad_packet_block()
            interface = self.u32(at + 8) if kind == ENHANCED_PACKET else self.u16(at + 8)
            if interface >= self.if_count:
                return self.bad_packet_block()
            captured = self.u32(at + 20)
            wire = self.u32(at + 24)
            start = at + 28
            if captured > total - 32:
                return self.bad_packet_block()
            time_ns = self.stamp(interface, self.u32(at + 12), self.u32(at + 16))
            options = start + captured + (-captured & 3)
            if options + 8 <= at + total - 4 and self.u16(options) == 1:
                self.packet_comment(bytes(self.buffer[options : at + total - 4]))
        if captured > MAX_PACKET:
            return self.bad_packet_block()
        self.add(start, captured, wire if wire > captured else captured, time_ns, self.if_link[interface], interface)
        return 0

    def bad_packet_block(self):
        self.stop("a packet block that contradicts itself")
        return -2

    def stamp(self, interface, high, low):
        """Nanoseconds since 1970 of a pcapng time stamp.

        Stamps beyond the year 2255, which 64 bits of nanoseconds cannot hold, become the largest time; those that are
        small negative numbers (clocks before 1970, or garbage) lie just below it, so that differences stay true.
        """
        value: cython.longlong
        seconds: cython.longlong
        part: cython.longlong
        base: cython.longlong = 0
        shift: cython.longlong = self.if_shift[interface]
        ticks: cython.longlong = self.if_div[interface]
        if high >= HALF32:
            base = MAX_SECONDS
            high -= MODULUS32
        value = high * MODULUS32 + low
        if shift >= 0:
            seconds = value >> shift
            part = value - (seconds << shift)
            if shift > 32:
                part >>= shift - 32
                shift = 32
            part = (part * NANO) >> shift
        else:
            seconds = value // ticks if value >= 0 else -((ticks - 1 - value) // ticks)
            part = value - seconds * ticks
            if self.if_mult[interface] > 0:
                part *= self.if_mult[interface]
            else:
                part = part // -self.if_mult[interface]
        seconds += base + self.if_offset[interface]
        if seconds > MAX_SECONDS or seconds < 0:
            return MAX_SECONDS * NANO
        return seconds * NANO + part

    def interface_block(self, block):
        if len(block) < 20 or self.if_count >= MAX_INTERFACES:
            self.stop("an interface block too short to be one")
            return
        found = _blocks.interface(block, bool(self.big))
        if not self.if_count:
            # A new section numbers its interfaces anew.
            self.if_link = array("q")
            self.if_snaplen = array("q")
            self.if_mult = array("q")
            self.if_div = array("q")
            self.if_shift = array("q")
            self.if_offset = array("q")
        ticks, mult, shift = found.clock()
        self.if_link = array("q", list(self.if_link) + [found.link_type])
        self.if_snaplen = array("q", list(self.if_snaplen) + [found.snaplen])
        self.if_div = array("q", list(self.if_div) + [ticks])
        self.if_mult = array("q", list(self.if_mult) + [mult])
        self.if_shift = array("q", list(self.if_shift) + [shift])
        self.if_offset = array("q", list(self.if_offset) + [found.offset_s])
        self.interfaces.append(found)
        self.if_count += 1

    def other_block(self, kind, block):
        if kind == STATISTICS:
            first = len(self.interfaces) - self.if_count
            _blocks.statistics(block, bool(self.big), self.interfaces[first:])
        else:
            self.add_comments(0, _blocks.section_comments(block, bool(self.big)))

    def packet_comment(self, options):
        self.add_comments(self.frames + 1, _blocks.comments(options, bool(self.big)))

    def add_comments(self, frame, texts):
        for text in texts:
            if len(self.comments) < _blocks.MAX_COMMENTS:
                self.comments.append((frame, text))
