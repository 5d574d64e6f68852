"""Find the TCP header in a captured packet and read all of it. Floor 2; compiled.

One loop peels layer after layer (`layers`) until TCP or until the reason why there is none.
Reading: RFC 9293 §3.1, §3.2; RFC 1071 (the checksum), RFC 2018, RFC 7323, RFC 7413, RFC 8684 (options).
"""

import cython

from tcpinspect.engine.layers import CUT_OFF, MALFORMED, TOO_DEEP
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.layers import Layers
    from tcpinspect.engine.segment import Segment
    from tcpinspect.protocol.slow import be16, be32, fold16, hosts_hash, ones_sum

CHECKSUM_STATUS = ("unverified", "good", "bad", "unfinished")

MAX_WIRE = cython.declare(cython.longlong, 1 << 30)  # a jumbogram may claim more; no capture has shown one
MAX_DEPTH = cython.declare(cython.longlong, 24)
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_MALFORMED = cython.declare(cython.longlong, MALFORMED)
R_TOO_DEEP = cython.declare(cython.longlong, TOO_DEEP)
MINIMUM = cython.declare(cython.longlong, header.MINIMUM_LENGTH)
ETHERNET = cython.declare(cython.longlong, 1)  # link type
IPV4_PLAIN = cython.declare(cython.longlong, 0x08004500)  # the EtherType, then version 4 and a header of five words
UPPER24 = cython.declare(cython.longlong, 0xFFFFFF00)
PLAIN_HEADERS = cython.declare(cython.longlong, 14 + 20 + 20)
PROTOCOL_TCP = cython.declare(cython.longlong, 6)
# The only right length of an option by its kind; 0: several are right, or nobody knows. Asked of rare options only.
OPTION_LENGTHS = bytes(header.OPTION_KINDS[kind].length if kind in header.OPTION_KINDS else 0 for kind in range(256))


class Decoder(Layers):
    """Decodes packets of the buffer given to `use`. One object serves a whole capture."""

    def decode(self, s, at, captured, wire, link):
        """Fill `s` from the packet at `at`; 0 when it is a segment, else the index of the reason in layers.REASONS."""
        reason: cython.longlong
        if self.away:
            self.come_home()
        if self.is_plain(at, captured, wire, link) and self.plain(s, at, captured):
            return 0
        reason = self.begin(at, captured, wire, link)
        while reason == 0:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                return R_TOO_DEEP
            if self.layer == 3 and self.value == PROTOCOL_TCP:  # L_TRANSPORT
                return self.tcp(s)
            reason = self.next_layer(s)
        return reason

    def come_home(self):
        """Read from the block again, if the packet before completed a datagram and was read from there."""
        if self.away:
            self.look(self.block)
            self.away = 0
        return 0

    @cython.boundscheck(False)
    def deal(self, records, first, last, dealt, counts):
        """Put the numbers of plain records, from `first` on, into the rows of `dealt`, into which row by their two hosts (`hosts_hash`);
        `counts` has how many a row holds, and is a power of two long. Ends at the first record that is not plain and returns it, or `last`.
        """
        n: cython.longlong
        at: cython.longlong
        row: cython.longlong
        rows: cython.longlong = len(counts)
        room: cython.longlong = len(dealt) // rows
        for n in range(first, last):
            at = records.offsets[n]
            if not self.is_plain(at, records.lengths[n], records.wire_lengths[n], records.links[n]):
                return n
            row = hosts_hash(be32(self.octets, at + 26), be32(self.octets, at + 30)) & (rows - 1)
            dealt[row * room + counts[row]] = n
            counts[row] += 1
        return last

    def is_plain(self, at, captured, wire, link):
        """1 for what almost every packet is: TCP in IPv4 without options in Ethernet, no fragment, with a length that fits the frame."""
        total: cython.longlong
        if link != ETHERNET or captured < PLAIN_HEADERS:
            return 0
        # EtherType, version and header length; then flags and offset of a fragment, and the protocol.
        if be32(self.octets, at + 12) & UPPER24 != IPV4_PLAIN or be32(self.octets, at + 20) & 0x3FFF00FF != PROTOCOL_TCP:
            return 0
        total = be16(self.octets, at + 16)
        return PLAIN_HEADERS - 14 <= total <= wire - 14

    @cython.boundscheck(False)
    def several(self, kept, into, records, picks, first, last, before):
        """Read plain packets, those with the numbers `picks[first]` … `picks[last - 1]` of the batch, into `kept[into]` and those that
        follow; the frame of record n is `before` + n. Returns how many: it ends before one whose TCP header is not sound."""
        k: cython.longlong
        n: cython.longlong
        s: Segment
        for k in range(last - first):
            n = picks[first + k]
            s = cython.cast(Segment, kept[into + k])
            s.frame = before + n
            s.time_ns = records.times[n]
            if not self.plain(s, records.offsets[n], records.lengths[n]):
                return k
        return last - first

    @cython.boundscheck(False)
    def as_they_come(self, kept, into, records, first, last, before):
        """The same of the records `first` … `last - 1`, whatever they are: it ends before one that is not plain, too."""
        n: cython.longlong
        at: cython.longlong
        captured: cython.longlong
        s: Segment
        self.come_home()
        for n in range(first, last):
            at = records.offsets[n]
            captured = records.lengths[n]
            s = cython.cast(Segment, kept[into + n - first])
            s.frame = before + n
            s.time_ns = records.times[n]
            if not self.is_plain(at, captured, records.wire_lengths[n], records.links[n]) or not self.plain(s, at, captured):
                return n - first
        return last - first

    def plain(self, s, at, captured):
        """Read a plain packet at once; 0 when its TCP header is not sound."""
        length: cython.longlong = be16(self.octets, at + 16) - 20
        captured -= 34
        if s.family != 4:
            s.family = 4
            s.src_hi = 0
            s.dst_hi = 0
        s.src_lo = be32(self.octets, at + 26)
        s.dst_lo = be32(self.octets, at + 30)
        s.ip_id = be16(self.octets, at + 18)
        s.ttl = self.octets[at + 22]
        if not self.header(s, at + 34, length, captured if captured < length else length):
            return 0
        self.options(s, at + 54)
        if captured < length:
            s.checksum_status = 0
        # The addresses stand just before: what is summed of the pseudo-header, but for protocol and length.
        elif ones_sum(self.octets, at + 26, at + 34 + length, PROTOCOL_TCP + length) == 0xFFFF:
            s.checksum_status = 1
        else:
            s.checksum_status = self.checksum(s, at + 34, length)
        return 1

    def begin(self, at, captured, wire, link):
        """Stand in front of a packet and pass its link layer; 0, or the reason why there is no more."""
        self.come_home()
        self.at = at
        self.end = at + captured
        self.wire_end = at + (wire if wire < MAX_WIRE else MAX_WIRE)
        self.depth = 0
        return self.link_layer(link)

    def peel(self, s):
        """After `begin`, one layer more, for callers who look at each: 0, or the reason why there is no more.

        With `layer` 3 (transport) and `value` 6 the TCP header is next; peeling that fills `s` and is the last.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            return R_TOO_DEEP
        return self.tcp(s) if self.layer == 3 and self.value == PROTOCOL_TCP else self.next_layer(s)

    def cut(self, start, end):
        """Octets of what is being read: the block, or the datagram that the packet completed (`away`)."""
        return bytes(self.view[start:end])

    def tcp(self, s):
        """The TCP header at which the walk stands; 0, or the reason why it is none."""
        if self.end - self.at < MINIMUM:
            return R_CUT_OFF
        length: cython.longlong = self.wire_end - self.at
        if not self.header(s, self.at, length, self.end - self.at):
            return R_MALFORMED
        self.options(s, self.at + MINIMUM)
        # A segment longer than the packet has a checksum that covers more than is here.
        whole: cython.bint = self.claimed_end <= self.wire_end and self.end - self.at >= length
        s.checksum_status = self.checksum(s, self.at, length) if whole else 0
        return 0

    def header(self, s, at, length, captured):
        """Read the header at `at` of a segment of so many octets, `captured` of them here; 0 when its own length is impossible."""
        word: cython.longlong = be32(self.octets, at + 12)  # data offset, reserved, flags, window
        size: cython.longlong = word >> 28 << 2
        if size < MINIMUM or size > length:
            return 0
        s.src_port = be16(self.octets, at)
        s.dst_port = be16(self.octets, at + 2)
        s.seq = be32(self.octets, at + 4)
        s.ack = be32(self.octets, at + 8)
        s.header_len = size
        s.flags = (word >> 16) & 0x1FF
        s.window_raw = word & 0xFFFF
        s.payload_len = length - size
        s.payload_captured = captured - size if captured > size else 0
        s.options_len = (size if size < captured else captured) - MINIMUM
        if s.shown:
            self.rest_of_header(s, at)
        return 1

    def rest_of_header(self, s, at):
        """What only those read who look at the segment itself."""
        s.reserved = (self.octets[at + 12] >> 1) & 7
        s.checksum = be16(self.octets, at + 16)
        s.urgent_pointer = be16(self.octets, at + 18)
        s.payload_at = at + s.header_len
        s.options_at = at + MINIMUM
        return 0

    def options(self, s, at):
        """Read the options, which begin at `at`."""
        # In the order in which they lie: what is alike is written together.
        s.options_malformed = 0
        s.sack_count = 0
        s.sack_permitted = 0
        s.fast_open = -1
        s.mptcp = -1
        s.window_shift = -1
        s.mss = -1
        # Almost every segment carries just NOP, NOP, timestamps (RFC 7323 appendix A).
        if s.options_len == 12 and be32(self.octets, at) == 0x0101080A:
            s.ts_val = be32(self.octets, at + 4)
            s.ts_ecr = be32(self.octets, at + 8)
        else:
            s.ts_val = -1
            s.ts_ecr = -1
            if s.options_len:
                self.other_options(s, at)
        return 0

    def other_options(self, s, at):
        """Kinds and lengths as protocol.header names them, from `at` on; a wrong length marks the segment and ends the list."""
        end: cython.longlong = at + s.options_len
        kind: cython.longlong
        length: cython.longlong
        block: cython.longlong
        while at < end:
            kind = self.octets[at]
            if kind == 0:
                return 0
            if kind == 1:
                at += 1
                continue
            length = self.octets[at + 1] if at + 1 < end else 0
            if length < 2 or at + length > end:
                # A header cut off by the snap length is not the sender's fault.
                s.options_malformed = 1 if s.options_len == s.header_len - MINIMUM else 0
                return 0
            if kind == 2 and length == 4:
                s.mss = be16(self.octets, at + 2)
            elif kind == 3 and length == 3:
                s.window_shift = self.octets[at + 2]
            elif kind == 4 and length == 2:
                s.sack_permitted = 1
            elif kind == 5 and length < 10:
                # RFC 2018 §3: 8n + 2 octets for n blocks; with fewer than one, Wireshark reads no further.
                s.options_malformed = 2
                return 0
            elif kind == 5 and (length - 2) % 8 == 0:
                block = 0
                while block < 4 and (block + 1) * 8 <= length - 2:
                    s.sack_left[block] = be32(self.octets, at + 2 + block * 8)
                    s.sack_right[block] = be32(self.octets, at + 6 + block * 8)
                    block += 1
                s.sack_count = block
            elif kind == 8 and length == 10:
                s.ts_val = be32(self.octets, at + 2)
                s.ts_ecr = be32(self.octets, at + 6)
            elif kind == 30 and length > 2:
                s.mptcp = self.octets[at + 2] >> 4
            elif kind == 34:
                s.fast_open = length - 2
            elif (kind == 253 or kind == 254) and length >= 4 and be16(self.octets, at + 2) == 0xF989:
                s.fast_open = length - 4  # RFC 7413's experimental form
            elif kind == 5 or (OPTION_LENGTHS[kind] and OPTION_LENGTHS[kind] != length):
                s.options_malformed = 1
            at += length
        return 0

    def checksum(self, s, at, length):
        """Good, bad, or unfinished: only the pseudo-header summed, which the network card would have completed."""
        total: cython.longlong = ones_sum(self.octets, at, at + length, 0)
        given: cython.longlong = be16(self.octets, at + 16)
        pseudo: cython.longlong = 6
        if s.family == 4:
            pseudo += (s.src_lo >> 16) + (s.src_lo & 0xFFFF) + (s.dst_lo >> 16) + (s.dst_lo & 0xFFFF)
        else:
            pseudo += ((s.src_hi >> 48) & 0xFFFF) + ((s.src_hi >> 32) & 0xFFFF) + ((s.src_hi >> 16) & 0xFFFF) + (s.src_hi & 0xFFFF)
            pseudo += ((s.src_lo >> 48) & 0xFFFF) + ((s.src_lo >> 32) & 0xFFFF) + ((s.src_lo >> 16) & 0xFFFF) + (s.src_lo & 0xFFFF)
            pseudo += ((s.dst_hi >> 48) & 0xFFFF) + ((s.dst_hi >> 32) & 0xFFFF) + ((s.dst_hi >> 16) & 0xFFFF) + (s.dst_hi & 0xFFFF)
            pseudo += ((s.dst_lo >> 48) & 0xFFFF) + ((s.dst_lo >> 32) & 0xFFFF) + ((s.dst_lo >> 16) & 0xFFFF) + (s.dst_lo & 0xFFFF)
        if fold16(total + pseudo + (length >> 16) + (length & 0xFFFF)) == 0xFFFF:
            return 1
        # Linux leaves the pseudo-header's sum in the field, with the length or (large segments) without it.
        if given == fold16(pseudo) or given == 0 or given == fold16(pseudo + (length >> 16) + (length & 0xFFFF)):
            return 3
        return 2
