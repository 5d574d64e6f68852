"""Pass what a capture's link type puts in front of a packet. Floor 2; compiled.

Reading: tcpdump.org's list of link-layer header types; RFC 4391 (IP over InfiniBand), RFC 1201 (ARCnet), RFC 2427 (frame relay),
IEEE 802.5, radiotap.org.
"""

import cython

from tcpinspect.engine.links import CUT_OFF, ETHERNET, ETHERTYPE, IP, LLC, MALFORMED, NOT_IP, PPP, TOO_DEEP, UNKNOWN_LINK

if not cython.compiled:
    from tcpinspect.engine.links import Links

L_ETHERTYPE = cython.declare(cython.longlong, ETHERTYPE)
L_IP = cython.declare(cython.longlong, IP)
L_ETHERNET = cython.declare(cython.longlong, ETHERNET)
L_PPP = cython.declare(cython.longlong, PPP)
L_LLC = cython.declare(cython.longlong, LLC)
R_UNKNOWN_LINK = cython.declare(cython.longlong, UNKNOWN_LINK)
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_MALFORMED = cython.declare(cython.longlong, MALFORMED)
R_NOT_IP = cython.declare(cython.longlong, NOT_IP)
R_TOO_DEEP = cython.declare(cython.longlong, TOO_DEEP)
MAX_DEPTH = cython.declare(cython.longlong, 24)
JUNIPER = cython.declare(cython.longlong, 0x4D4743)
AVS = cython.declare(cython.longlong, 0x80211001)


class Wires(Links):
    """The first step of the walk."""

    def link_layer(self, link):
        """The layer in front; numbers are those of tcpdump.org's list of link-layer header types."""
        self.value = 0
        if link == 1:
            self.layer = L_ETHERNET
            return 0
        if link == 12 or link == 14 or link == 101 or link == 228:
            self.layer = L_IP
            return 0
        if link == 229:
            return self.six()
        if link == 113 or link == 276:
            return self.cooked(link)
        if link == 0 or link == 108:
            return self.loopback(link)
        if link == 9 or link == 50:
            return self.serial()
        if link == 104:
            return self.cisco()
        if link == 204:  # PPP behind the direction
            return self.skip(1, L_PPP, 0)
        if link == 107:
            return self.frame_relay()
        if link == 51:  # PPPoE without Ethernet
            self.value = 0x8864
            self.layer = L_ETHERTYPE
            return 0
        if link == 100:  # RFC 1483
            self.layer = L_LLC
            return 0
        if link == 242:  # IP over InfiniBand: two hardware addresses, EtherType, reserved (RFC 4391 §6)
            return self.announced(44, 40)
        if link == 138:  # IP over IEEE 1394: two addresses, EtherType
            return self.announced(18, 16)
        if link == 122:  # IP over Fibre Channel: two network addresses (RFC 2625 §3.2)
            return self.skip(16, L_LLC, 0)
        if link == 239:
            return self.nflog()
        if link == 105:
            return self.wireless(0, 0)
        if link == 127:
            return self.radiotap()
        if link == 119 or link == 163:
            return self.monitored()
        return self.rare_link(link)

    def rare_link(self, link):
        """The links of other days, and those that carry a link type of their own."""
        at: cython.longlong = self.at
        room: cython.longlong = self.end - at
        if link == 10:  # FDDI: frame control (asynchronous LLC frames), two addresses
            if room < 13:
                return R_CUT_OFF
            return self.skip(13, L_LLC, 0) if self.view[at] & 0xF0 == 0x50 else R_NOT_IP
        if link == 6:
            return self.token_ring()
        if link == 7 or link == 129:  # ARCnet as BSD and as Linux write it; protocol 212 is IP (RFC 1201)
            if room < 8:
                return R_CUT_OFF
            if link == 7:
                return self.skip(6, L_IP, 0) if self.view[at + 2] == 212 else R_NOT_IP
            return self.skip(8, L_IP, 0) if self.view[at + 4] == 212 else R_NOT_IP
        if link == 109:  # OpenBSD's enc: family, index, flags
            return self.skip(12, L_IP, 0)
        if link == 117:  # OpenBSD's pflog: the header's length without its padding
            return self.skip((self.view[at] + 3) & -4, L_IP, 0) if room > 0 else R_CUT_OFF
        if link == 123:  # SunATM: type in four bits, path, circuit
            if room < 4:
                return R_CUT_OFF
            return self.skip(4, L_LLC, 0) if self.view[at] & 15 == 2 else R_NOT_IP
        if link == 192 or link == 258 or link == 149:
            return self.labelled(link)
        if link == 178 or link == 167 or link == 179 or link == 180 or link == 181:
            return self.juniper(link)
        return R_UNKNOWN_LINK

    def le16(self, at):
        return self.view[at] | (self.view[at + 1] << 8)

    def announced(self, octets, place):
        """A header of fixed length that holds an EtherType somewhere."""
        if self.end - self.at < octets:
            return R_CUT_OFF
        return self.skip(octets, L_ETHERTYPE, self.u16(self.at + place))

    def cooked(self, link):
        """Linux cooked, versions 1 and 2; ARPHRD tells of 802.11 and of netlink."""
        at: cython.longlong = self.at
        kind: cython.longlong
        if self.end - at < (16 if link == 113 else 20):
            return R_CUT_OFF
        kind = self.u16(at + 2 if link == 113 else at + 8)
        if self.skip(16 if link == 113 else 20, L_ETHERTYPE, self.u16(at + 14 if link == 113 else at)):
            return R_CUT_OFF
        if kind == 801:
            return self.wireless(0, 0)
        if kind == 802:
            return self.monitored()
        if kind == 803:
            return self.radiotap()
        return R_NOT_IP if kind == 824 else 0

    def loopback(self, link):
        """An address family, in the byte order of the host for NULL and big-endian for LOOP; some write an EtherType or PPP's."""
        at: cython.longlong = self.at
        family: cython.longlong
        if self.end - at < 4:
            return R_CUT_OFF
        family = self.u32(at)
        if link == 0 and family & 0xFFFF0000 == 0xFF030000:
            self.layer = L_PPP
            return 0
        if link == 0 and family > 0xFFFF:
            family = self.le16(at)
        if self.skip(4, L_IP, 0):
            return R_CUT_OFF
        if family == 2 or (link == 0 and family == 0x0200):
            return 0
        # AF_INET6 on NetBSD, FreeBSD and Darwin (tcpdump.org, LINKTYPE_NULL)
        if family == 24 or family == 28 or family == 30:
            return self.six()
        if link == 0 and (family == 0x0800 or family == 0x86DD):
            self.value = family
            self.layer = L_ETHERTYPE
            return 0
        return R_NOT_IP

    def serial(self):
        """PPP, or Cisco HDLC, which the first two octets tell apart."""
        if self.end - self.at < 4:
            return R_CUT_OFF
        if (self.view[self.at] == 0x0F or self.view[self.at] == 0x8F) and self.view[self.at + 1] == 0:
            return self.cisco()
        self.layer = L_PPP
        return 0

    def cisco(self):
        """Cisco HDLC: address, control, and a type of which IP and MPLS matter here."""
        if self.skip(4, L_ETHERTYPE, -2):
            return R_CUT_OFF
        return 0 if self.value == 0x0800 or self.value == 0x86DD or self.value == 0x8847 or self.value == 0x8848 else R_NOT_IP

    def frame_relay(self):
        """An address of two to four octets, then a network layer's number (RFC 2427 §3) or, as Cisco does it, an EtherType."""
        at: cython.longlong = self.at
        if self.end - at < 8:
            return R_CUT_OFF
        while not self.view[at] & 1:
            at += 1
            if at - self.at > 3:
                return R_MALFORMED
        self.at = at + 1
        if self.view[self.at] != 3:
            return self.skip(2, L_ETHERTYPE, -2)
        self.at += 1
        if self.view[self.at] == 0:
            self.at += 1  # padding
        if self.view[self.at] != 0x80:
            return self.network_layer()
        if self.end - self.at < 6:
            return R_CUT_OFF
        if self.u32(self.at) & 0xFFFFFF == 0x80C2:
            if self.skip(6, L_ETHERNET, -2):
                return R_CUT_OFF
            return 0 if self.value == 1 or self.value == 7 else R_NOT_IP
        return self.skip(6, L_ETHERTYPE, -2)

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
        family: cython.longlong = self.view[self.at] if self.end > self.at else 0
        while self.end - at >= 4:
            length = self.le16(at)
            if length < 4 or length > self.wire_end - at:
                return R_MALFORMED
            if self.le16(at + 2) & 0x7FFF == 9:
                self.narrow(at + length)
                self.at = at + 4
                self.layer = L_IP
                return 0 if family == 2 else self.six() if family == 10 else R_NOT_IP  # AF_INET, AF_INET6
            at += (length + 3) & -4
        return R_CUT_OFF

    def radiotap(self):
        """Its length, the fields that are present, and one of them: flags, which tell whether the 802.11 header is padded."""
        at: cython.longlong = self.at
        field: cython.longlong = 8
        length: cython.longlong
        padded: cython.longlong = 0
        if self.end - at < 8:
            return R_CUT_OFF
        length = self.le16(at + 2)
        if length < 8:
            return R_NOT_IP
        if self.end - at < length:
            return R_CUT_OFF
        if self.view[at + 4] & 2:
            while field < length and self.view[at + field - 1] & 0x80:
                field += 4
            if self.view[at + 4] & 1:  # the time comes first, aligned
                field = ((field + 7) & -8) + 8
            if field < length:
                padded = self.view[at + field] & 0x20
        self.at = at + length
        return self.wireless(0, padded)

    def monitored(self):
        """802.11 behind a Prism or AVS header, or behind none."""
        at: cython.longlong = self.at
        length: cython.longlong = 0
        if self.end - at < 8:
            return R_CUT_OFF
        if self.u32(at) & 0xFFFFFFF0 == AVS & 0xFFFFFFF0 or self.u32(at) == 0x44:
            length = self.u32(at + 4)
        elif self.le16(at) == 0x44 and self.le16(at + 2) == 0:
            length = self.le16(at + 4)
        if length and self.skip(length, L_LLC, 0):
            return R_CUT_OFF
        return self.wireless(0, 0)

    def labelled(self, link):
        """PPI and Darwin's pktap: a header with its own length and the link type of what follows."""
        at: cython.longlong = self.at
        length: cython.longlong
        inner: cython.longlong
        self.depth += 1
        if self.depth > MAX_DEPTH:
            return R_TOO_DEEP
        if self.end - at < 12:
            return R_CUT_OFF
        length = self.le16(at + 2) if link == 192 else self.le16(at)
        inner = self.le16(at + 4) if link == 192 else self.le16(at + 8)
        if length < (8 if link == 192 else 12):
            return R_MALFORMED
        if self.skip(length, L_LLC, 0):
            return R_CUT_OFF
        return self.link_layer(inner)

    def juniper(self, link):
        """Juniper's magic, flags, and extensions where bit 7 says so; then the link that the number names."""
        at: cython.longlong = self.at
        length: cython.longlong = 4
        if self.end - at < 6:
            return R_CUT_OFF
        if self.u32(at) >> 8 != JUNIPER or self.view[at + 3] & 2:
            return R_NOT_IP  # nothing of layer 2 was kept
        if self.view[at + 3] & 0x80:
            length = 6 + self.u16(at + 4)
        if self.skip(length, L_ETHERNET if link == 178 or link == 167 else L_PPP, 0):
            return R_CUT_OFF
        if link == 180:
            return self.frame_relay()
        if link == 179:
            return 0 if self.end - self.at >= 2 and self.u16(self.at) == 0xFF03 else R_NOT_IP
        return self.cisco() if link == 181 else 0
