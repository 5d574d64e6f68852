"""Peel a packet down to IP: what links, tags and labels put in front. Floor 2; compiled.

Every read is preceded by a comparison with `end`, the end of what was captured of the layer; `wire_end` is where the layer
ended on the wire (snap length). Reading: tcpdump.org's list of link-layer header types, IEEE 802.1Q, RFC 3032 (MPLS),
RFC 2516 (PPPoE), RFC 1661 and 1662 (PPP), RFC 4391 (IP over InfiniBand), IEEE 802.5.
"""

import cython

# Why a packet gives no segment; decode() returns the index, 0 for a segment.
REASONS = (
    "TCP", "unknown link type", "cut off by the snap length", "malformed", "not IP", "ARP", "IP fragment", "UDP", "ICMP", "ICMPv6", "SCTP",
    "other IP protocol", "encrypted (ESP)", "nested too deeply",
)  # fmt: skip
(SEGMENT, UNKNOWN_LINK, CUT_OFF, MALFORMED, NOT_IP, ARP, FRAGMENT, UDP, ICMP, ICMPV6, SCTP, OTHER_PROTOCOL, ENCRYPTED, TOO_DEEP) = range(14)

# What comes next: one of these in `layer`, with an EtherType, a PPP or an IP protocol number in `value`.
ETHERTYPE, IP, TRANSPORT, ETHERNET, PPP, LLC = range(1, 7)
L_ETHERTYPE = cython.declare(cython.longlong, ETHERTYPE)
L_IP = cython.declare(cython.longlong, IP)
L_ETHERNET = cython.declare(cython.longlong, ETHERNET)
L_PPP = cython.declare(cython.longlong, PPP)
L_LLC = cython.declare(cython.longlong, LLC)
R_UNKNOWN_LINK = cython.declare(cython.longlong, UNKNOWN_LINK)
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_MALFORMED = cython.declare(cython.longlong, MALFORMED)
R_NOT_IP = cython.declare(cython.longlong, NOT_IP)
R_ARP = cython.declare(cython.longlong, ARP)
R_ENCRYPTED = cython.declare(cython.longlong, ENCRYPTED)


class Links:
    """A packet being peeled: `layer` and `value` say what comes at `at` of `view`.

    `view` is the block given to `use`, or a reassembled datagram that the packet completed. `claimed_end` is where the
    innermost IP header says its packet ends; beyond `wire_end` it contradicts the layer below.
    """

    def __init__(self):
        self.block = b"\0"
        self.look(self.block)
        self.away = 0
        self.at = 0
        self.end = 0
        self.wire_end = 0
        self.claimed_end = 0
        self.layer = 0
        self.value = 0
        self.depth = 0

    def use(self, buffer):
        """Read packets from this buffer from now on."""
        self.block = buffer
        self.look(buffer)
        self.away = 0
        return 0

    def look(self, buffer):
        """Read from this buffer. `octets` is the same without checks, for those who have compared with `end`."""
        self.view = buffer
        if not cython.compiled:
            self.octets = buffer
        elif len(buffer):
            self.octets = cython.address(self.view[0])
        return 0

    def u16(self, at):
        return (self.view[at] << 8) | self.view[at + 1]

    def u32(self, at):
        b0: cython.longlong = self.view[at]
        b1: cython.longlong = self.view[at + 1]
        b2: cython.longlong = self.view[at + 2]
        b3: cython.longlong = self.view[at + 3]
        return (b0 << 24) | (b1 << 16) | (b2 << 8) | b3

    def skip(self, octets, layer, value):
        """Go on behind a header; value -2 takes the EtherType in its last two octets."""
        if self.end - self.at < octets:
            return R_CUT_OFF
        self.at += octets
        self.layer = layer
        self.value = self.u16(self.at - 2) if value == -2 else value
        return 0

    def link_layer(self, link):
        """The layer in front; numbers are those of tcpdump.org's list of link-layer header types."""
        at: cython.longlong = self.at
        room: cython.longlong = self.end - at
        family: cython.longlong
        self.value = 0
        if link == 1:
            self.layer = L_ETHERNET
            return 0
        if link == 12 or link == 14 or link == 101 or link == 228 or link == 229:
            self.layer = L_IP
            return 0
        if link == 113 or link == 276:  # Linux cooked, versions 1 and 2
            if room < (16 if link == 113 else 20):
                return R_CUT_OFF
            self.value = self.u16(at + 14 if link == 113 else at)
            self.at = at + (16 if link == 113 else 20)
            self.layer = L_ETHERTYPE
            return 0
        if link == 0 or link == 108:  # BSD loopback: an address family in the byte order of the host, or big-endian
            if room < 4:
                return R_CUT_OFF
            family = self.u32(at)
            if family > 0xFFFF:
                family = self.view[at] | (self.view[at + 1] << 8)
            self.at = at + 4
            self.layer = L_IP
            # AF_INET, and AF_INET6 on Linux, NetBSD, FreeBSD and Darwin (tcpdump.org, LINKTYPE_NULL)
            if family == 2 or family == 10 or family == 24 or family == 28 or family == 30:
                return 0
            return R_NOT_IP
        if link == 9 or link == 50:  # PPP, or Cisco HDLC
            if room < 4:
                return R_CUT_OFF
            if (self.view[at] == 0x0F or self.view[at] == 0x8F) and self.view[at + 1] == 0:
                return self.skip(4, L_ETHERTYPE, self.u16(at + 2))
            self.layer = L_PPP
            return 0
        if link == 104:  # Cisco HDLC: address, control, EtherType
            return self.skip(4, L_ETHERTYPE, -2)
        if link == 51:  # PPPoE without Ethernet
            self.value = 0x8864
            self.layer = L_ETHERTYPE
            return 0
        if link == 10:  # FDDI: frame control, two addresses
            return self.skip(13, L_LLC, 0)
        if link == 6:
            return self.token_ring()
        if link == 242:  # IP over InfiniBand: two hardware addresses, EtherType, reserved (RFC 4391 §6)
            if room < 44:
                return R_CUT_OFF
            return self.skip(44, L_ETHERTYPE, self.u16(at + 40))
        if link == 129:  # ARCnet as Linux writes it; protocol 212 is IP (RFC 1201)
            if room < 8:
                return R_CUT_OFF
            return self.skip(8, L_IP, 0) if self.view[at + 4] == 212 else R_NOT_IP
        if link == 239:
            return self.nflog()
        if link == 127 or link == 105:
            return self.wireless(link)
        if link == 178:  # Juniper Ethernet: magic, flags, extensions when bit 7 says so
            if room < 6:
                return R_CUT_OFF
            if self.view[at + 3] & 0x80:
                return self.skip(6 + self.u16(at + 4), L_ETHERNET, 0)
            return self.skip(4, L_ETHERNET, 0)
        return R_UNKNOWN_LINK

    def token_ring(self):
        """IEEE 802.5: access and frame control, two addresses, and a route where the first bit of the source says so."""
        route: cython.longlong = 0
        if self.end - self.at < 14:
            return R_CUT_OFF
        if self.view[self.at + 1] & 0xC0 != 0x40:
            return R_NOT_IP  # the ring's own frames
        if self.view[self.at + 8] & 0x80:
            if self.end - self.at < 15:
                return R_CUT_OFF
            route = self.view[self.at + 14] & 0x1F
            if route < 2:
                return R_MALFORMED
        return self.skip(14 + route, L_LLC, 0)

    def nflog(self):
        """Linux netfilter's log: family, version, resource, then attributes; attribute 9 is the packet."""
        at: cython.longlong = self.at + 4
        length: cython.longlong
        while self.end - at >= 4:
            length = self.view[at] | (self.view[at + 1] << 8)
            if length < 4 or length > self.wire_end - at:
                return R_MALFORMED
            if (self.view[at + 2] | (self.view[at + 3] << 8)) & 0x7FFF == 9:
                self.wire_end = at + length
                if self.wire_end < self.end:
                    self.end = self.wire_end
                self.at = at + 4
                self.layer = L_IP
                return 0
            at += (length + 3) & -4
        return R_CUT_OFF

    def wireless(self, link):
        """802.11 data frames, with or without a radiotap header in front; protected ones stay closed."""
        at: cython.longlong = self.at
        length: cython.longlong = 24
        control: cython.longlong
        if link == 127:
            if self.end - at < 4:
                return R_CUT_OFF
            at += self.view[at + 2] | (self.view[at + 3] << 8)
        if self.end - at < 24:
            return R_CUT_OFF
        control = self.view[at + 1]
        if self.view[at] & 0x0C != 8 or self.view[at] & 0x40:
            return R_NOT_IP  # management, control, or data without data
        if control & 0x40:
            return R_ENCRYPTED
        if control & 3 == 3:
            length += 6
        if self.view[at] & 0x80:
            length += 2
            if self.end - at < length:
                return R_CUT_OFF
            self.at = at
            if self.view[at + length - 2] & 0x80:
                return self.aggregate(length)
            if control & 0x80:
                length += 4
        self.at = at
        return self.skip(length, L_LLC, 0)

    def aggregate(self, length):
        """Of several packets in one 802.11 frame (A-MSDU) the last: a frame gives one segment, as with nested headers."""
        at: cython.longlong = self.at + length
        last: cython.longlong = -1
        while self.end - at >= 14 and self.wire_end - at >= 14 + self.u16(at + 12):
            last = at
            at += (14 + self.u16(at + 12) + 3) & -4
        if last < 0:
            return R_CUT_OFF
        self.wire_end = last + 14 + self.u16(last + 12)
        if self.wire_end < self.end:
            self.end = self.wire_end
        self.at = last
        return self.skip(14, L_LLC, 0)

    def ethernet(self):
        if self.end - self.at < 14:
            return R_CUT_OFF
        self.value = self.u16(self.at + 12)
        self.at += 14
        self.layer = L_ETHERTYPE
        return 0

    def ppp(self):
        """The PPP protocol field, one or two octets (RFC 1661 §2), behind address and control (RFC 1662 §3.1) or not."""
        if self.end - self.at < 4:
            return R_CUT_OFF
        if self.view[self.at] == 0xFF and self.view[self.at + 1] == 3:
            self.at += 2
        if self.view[self.at] & 1:
            self.value = self.view[self.at]
            self.at += 1
        else:
            self.value = self.u16(self.at)
            self.at += 2
        self.layer = L_IP
        if self.value == 0x21 or self.value == 0x57:
            return 0
        return R_NOT_IP

    def ethertype(self):
        """IP, or something in front of the next layer."""
        value: cython.longlong = self.value
        if value == 0x0800 or value == 0x86DD:
            self.layer = L_IP
            return 0
        if value == 0x8100 or value == 0x88A8 or value == 0x9100 or value == 0x9200:
            return self.skip(4, L_ETHERTYPE, -2)
        if value == 0x0806:
            return R_ARP
        if value == 0x8847 or value == 0x8848:
            return self.mpls()
        if value == 0x8864:  # PPPoE session: version, code, session, length
            if self.end - self.at < 6:
                return R_CUT_OFF
            if self.at + 6 + self.u16(self.at + 4) < self.wire_end:
                self.wire_end = self.at + 6 + self.u16(self.at + 4)
                if self.wire_end < self.end:
                    self.end = self.wire_end
            return self.skip(6, L_PPP, 0)
        if value == 0x6558:  # transparent Ethernet bridging
            self.layer = L_ETHERNET
            return 0
        if value == 0x880B:
            self.layer = L_PPP
            return 0
        if value == 0x8926:  # VN-Tag
            return self.skip(6, L_ETHERTYPE, -2)
        if value == 0x88E7:  # provider backbone bridging: service tag, then the customer's frame
            return self.skip(4, L_ETHERNET, 0)
        if value <= 1500:
            self.layer = L_LLC
            return 0
        return R_NOT_IP

    def llc(self):
        """IEEE 802.2: SNAP with an EtherType, or IP directly."""
        at: cython.longlong = self.at
        if self.end - at < 3:
            return R_CUT_OFF
        if self.view[at] == 0xAA and self.view[at + 1] == 0xAA:
            return self.skip(8, L_ETHERTYPE, -2)
        if self.view[at] == 6 and self.view[at + 1] == 6:
            return self.skip(3, L_IP, 0)
        return R_NOT_IP

    def mpls(self):
        """Labels until the bottom of the stack; IP by its version, else a pseudowire with a control word (RFC 4385)."""
        at: cython.longlong = self.at
        bottom: cython.longlong = 0
        while not bottom:
            if self.end - at < 5:
                return R_CUT_OFF
            bottom = self.view[at + 2] & 1
            at += 4
        self.at = at
        if self.view[at] >> 4 == 4 or self.view[at] >> 4 == 6:
            self.layer = L_IP
            return 0
        return self.skip(4 if self.view[at] >> 4 == 0 else 0, L_ETHERNET, 0)
