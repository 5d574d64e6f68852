"""Peel what tags, labels, LLC, PPP and 802.11 put in front of IP. Floor 2; compiled.

Every read is preceded by a comparison with `end`, the end of what was captured of the layer; `wire_end` is where the layer
ended on the wire (snap length). Reading: IEEE 802.1Q, 802.2 and 802.11, RFC 3032 (MPLS), RFC 2516 (PPPoE),
RFC 1661 and 1662 (PPP), RFC 8300 (NSH).
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
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_MALFORMED = cython.declare(cython.longlong, MALFORMED)
R_NOT_IP = cython.declare(cython.longlong, NOT_IP)
R_ARP = cython.declare(cython.longlong, ARP)
R_ENCRYPTED = cython.declare(cython.longlong, ENCRYPTED)
R_FRAGMENT = cython.declare(cython.longlong, FRAGMENT)

# EtherTypes by which a frame behind MPLS labels is known.
_FRAMED = frozenset((0x0800, 0x0806, 0x8100, 0x86DD, 0x8847, 0x8864, 0x88A8))


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

    def six(self):
        """IPv6 announced: the version must agree; IPv4 announced goes by the version alone, as in Wireshark."""
        self.layer = L_IP
        if self.at >= self.end:
            return R_CUT_OFF
        return 0 if self.view[self.at] >> 4 == 6 else R_NOT_IP

    def wireless(self, swapped, padded):
        """An 802.11 data frame; protected ones stay closed. `swapped`: the octets of its frame control; `padded`: to four octets."""
        at: cython.longlong = self.at
        length: cython.longlong = 24
        kind: cython.longlong
        control: cython.longlong
        if self.end - at < 24:
            return R_CUT_OFF
        kind = self.view[at + 1 if swapped else at]
        control = self.view[at if swapped else at + 1]
        if kind & 0x4F != 8:
            return R_NOT_IP  # management, control, data without data, or another version
        if control & 0x40:
            return R_ENCRYPTED
        if control & 4 or self.view[at + 22] & 15:
            return R_FRAGMENT
        if control & 3 == 3:
            length += 6
        if kind & 0x80:
            length += 2
            if self.end - at < length:
                return R_CUT_OFF
            if self.view[at + length - 2] & 0x80:
                return self.aggregate(length)
            if control & 0x80:
                length += 4
        if padded:
            length = (length + 3) & -4
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
        self.narrow(last + 14 + self.u16(last + 12))
        self.at = last
        return self.skip(14, L_LLC, 0)

    def ethernet(self):
        if self.end - self.at < 14:
            return R_CUT_OFF
        if self.view[self.at] & 0xFD == 1 and self.u32(self.at + 1) == 0x000C0000:  # Cisco ISL: 26 octets around the frame
            return self.skip(26, L_ETHERNET, 0)
        self.value = self.u16(self.at + 12)
        self.at += 14
        self.layer = L_ETHERTYPE
        return 0

    def ppp(self):
        """The PPP protocol field, one or two octets (RFC 1661 §2), behind address and control (RFC 1662 §3.1) or not."""
        if self.end - self.at < 4:
            return R_CUT_OFF
        # PPPoE leaves address and control out (RFC 2516 §4).
        if self.view[self.at] == 0xFF and self.view[self.at + 1] == 3 and self.value != 0x8864:
            self.at += 2
        if self.view[self.at] & 1:
            self.value = self.view[self.at]
            self.at += 1
        else:
            self.value = self.u16(self.at)
            self.at += 2
        self.layer = L_IP
        if self.value == 0x21:
            return 0
        if self.value == 0x57:
            return self.six()
        if self.value == 0x281 or self.value == 0x283:
            return self.mpls()
        if self.value == 0x3D:  # multilink (RFC 1990): a packet in one piece, its first and last
            if self.end - self.at < 4:
                return R_CUT_OFF
            return self.skip(4, L_PPP, 0) if self.view[self.at] & 0xC0 == 0xC0 else R_FRAGMENT
        if self.value == 0x31:  # bridged (RFC 3518): flags, type 1 for Ethernet, a LAN's number where a flag says so
            if self.end - self.at < 2:
                return R_CUT_OFF
            if self.view[self.at + 1] != 1:
                return R_NOT_IP
            return self.skip(6 if self.view[self.at] & 0x40 else 2, L_ETHERNET, 0)
        return R_NOT_IP

    def ethertype(self):
        """IP, or something in front of the next layer."""
        at: cython.longlong = self.at
        value: cython.longlong = self.value
        if value == 0x0800:
            self.layer = L_IP
            return 0
        if value == 0x86DD:
            return self.six()
        if value == 0x8100 or value == 0x88A8 or value == 0x9100:
            return self.skip(4, L_ETHERTYPE, -2)
        if value == 0x0806:
            return R_ARP
        if value == 0x8847 or value == 0x8848:
            return self.mpls()
        if value == 0x8864:  # PPPoE session: version, code, session, length
            if self.end - at < 6:
                return R_CUT_OFF
            self.narrow(at + 6 + self.u16(at + 4))
            return self.skip(6, L_PPP, 0x8864)
        if value == 0x6558:  # transparent Ethernet bridging
            self.layer = L_ETHERNET
            return 0
        if value <= 1500 or value == 0x8870:  # a length, or the type of frames too long for one
            self.layer = L_LLC
            return 0
        return self.rare_tag(value)

    def rare_tag(self, value):
        """Tags of bridges and fabrics: VN-Tag, 802.1BR, backbone bridging, FabricPath, TrustSec, TRILL, MACsec, HSR, NSH, batman-adv."""
        at: cython.longlong = self.at
        if value == 0x8926:
            return self.skip(6, L_ETHERTYPE, -2)
        if value == 0x893F or value == 0x8909:
            return self.skip(8, L_ETHERTYPE, -2)
        if value == 0x892F:
            return self.skip(6, L_ETHERTYPE, -2)
        if value == 0x88E7:
            return self.skip(4, L_ETHERNET, 0)
        if value == 0x8903:
            return self.skip(2, L_ETHERNET, 0)
        if self.end - at < 6:
            return R_CUT_OFF
        if value == 0x22F3:  # RFC 6325 §3: five bits say how many words of options follow
            return self.skip(6 + (self.u16(at) >> 6 & 31) * 4, L_ETHERNET, 0)
        if value == 0x88E5:  # neither encrypted nor changed; the channel's identifier where a bit says so
            if self.view[at] & 0x0C:
                return R_ENCRYPTED
            return self.skip(16 if self.view[at] & 0x20 else 8, L_ETHERTYPE, -2)
        if value == 0x894F:
            return self.service()
        if value == 0x4305:  # unicast, of version 15 or 14
            return self.skip(10, L_ETHERNET, 0) if self.view[at] == 0x40 or self.view[at] == 3 else R_NOT_IP
        return R_NOT_IP

    def service(self):
        """Network service header (RFC 8300 §2.2): its length in words, and what comes next."""
        following: cython.longlong
        length: cython.longlong
        if self.end - self.at < 8:
            return R_CUT_OFF
        length = (self.view[self.at + 1] & 63) * 4
        following = self.view[self.at + 3]
        if length < 8:
            return R_MALFORMED
        if self.skip(length, L_IP, 0):
            return R_CUT_OFF
        if following == 1:
            return 0
        if following == 2:
            return self.six()
        if following == 3:
            self.layer = L_ETHERNET
            return 0
        return self.mpls() if following == 5 else R_NOT_IP

    def narrow(self, wire_end):
        """The layer itself says where it ends."""
        if wire_end < self.wire_end:
            self.wire_end = wire_end
            if wire_end < self.end:
                self.end = wire_end
        return 0

    def llc(self):
        """IEEE 802.2: SNAP with an EtherType or a bridged frame (RFC 2684 §5.2), IP directly, or OSI's NLPIDs (RFC 2684 §5.1)."""
        at: cython.longlong = self.at
        length: cython.longlong = 3
        vendor: cython.longlong
        if self.end - at < 5:
            return R_CUT_OFF
        if self.view[at + 2] & 3 != 3:
            length = 4  # numbered frames have two octets of control
        if self.view[at] == 6:
            return self.skip(length, L_IP, 0)
        if self.view[at] == 0xFE and self.view[at + 1] == 0xFE and self.view[at + 2] == 3:
            self.at = at + 3
            return self.network_layer()
        if self.view[at] != 0xAA or self.view[at + 1] != 0xAA:
            return R_NOT_IP
        if self.end - at < length + 5:
            return R_CUT_OFF
        vendor = self.u32(at + length - 1) & 0xFFFFFF
        if self.skip(length + 5, L_ETHERTYPE, -2):
            return R_CUT_OFF
        if vendor == 0x0080C2:
            return self.skip(2, L_ETHERNET, 0) if self.value == 1 or self.value == 7 else R_NOT_IP
        return 0 if vendor == 0 or vendor == 0xF8 else R_NOT_IP

    def network_layer(self):
        """ISO/IEC TR 9577's identifiers of network protocols: IPv4, IPv6, SNAP, PPP."""
        if self.end - self.at < 1:
            return R_CUT_OFF
        self.value = self.view[self.at]
        self.at += 1
        self.layer = L_IP
        if self.value == 0xCC:
            return 0
        if self.value == 0x8E:
            return self.six()
        self.layer = L_PPP
        return 0 if self.value == 0xCF else R_NOT_IP

    def mpls(self):
        """Labels until the bottom of the stack; IP by its version, an associated channel (RFC 5586), else a pseudowire (RFC 4448)."""
        at: cython.longlong = self.at
        bottom: cython.longlong = 0
        kind: cython.longlong
        while not bottom:
            if self.end - at < 5:
                return R_CUT_OFF
            bottom = self.view[at + 2] & 1
            at += 4
        self.at = at
        self.layer = L_IP
        if self.view[at] >> 4 == 4 or self.view[at] >> 4 == 6:
            return 0
        if self.view[at] >> 4 == 1:
            if self.end - at < 4:
                return R_CUT_OFF
            kind = self.u16(at + 2)
            return self.skip(4, L_IP, 0) if kind == 0x21 or kind == 0x57 else R_NOT_IP
        # A control word begins with four zero bits, and so do most addresses: where it would be none, a type follows them.
        if self.view[at] >> 4 or self.end - at >= 14 and self.u16(at + 12) in _FRAMED:
            return self.skip(0, L_ETHERNET, 0)
        return self.skip(4, L_ETHERNET, 0)
