"""Peel the tunnels: GRE, and those that run over UDP, known by their registered ports. Floor 2; compiled.

Reading: RFC 2784, 2890 and 1701 (GRE), RFC 2637 (PPTP), RFC 8086 (GRE in UDP), RFC 7348 (VXLAN), RFC 8926 (Geneve), RFC 7510 (MPLS),
3GPP TS 29.281 (GTP-U), RFC 4380 (Teredo), RFC 2661 (L2TP), RFC 9300 (LISP), RFC 5415 (CAPWAP).
"""

import cython

from tcpinspect.engine.links import CUT_OFF, ETHERNET, ETHERTYPE, IP, NOT_IP, PPP, UDP

if not cython.compiled:
    from tcpinspect.engine.wires import Wires

L_ETHERTYPE = cython.declare(cython.longlong, ETHERTYPE)
L_IP = cython.declare(cython.longlong, IP)
L_ETHERNET = cython.declare(cython.longlong, ETHERNET)
L_PPP = cython.declare(cython.longlong, PPP)
MAX_DEPTH = cython.declare(cython.longlong, 24)
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_NOT_IP = cython.declare(cython.longlong, NOT_IP)
R_UDP = cython.declare(cython.longlong, UDP)


class Tunnels(Wires):
    """The walk through tunnel headers."""

    def gre(self):
        """GRE with the fields its flags announce; ERSPAN mirrors have a header of their own behind it."""
        at: cython.longlong = self.at
        flags: cython.longlong
        kind: cython.longlong
        length: cython.longlong = 4
        if self.end - at < 8:
            return R_CUT_OFF
        flags = self.u16(at)
        kind = self.u16(at + 2)
        if flags & 7 == 1:  # RFC 2637: key with the length, sequence, acknowledgment
            length = 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x80 else 0)
            return self.skip(length, L_PPP, 0)
        if flags & 0xC000:
            length += 4
        if flags & 0x2000:
            length += 4
        if flags & 0x1000:
            length += 4
        if self.end - at < length:
            return R_CUT_OFF
        self.at = at + length
        if flags & 0x4000 and self.routed(self.at):
            return R_CUT_OFF
        if kind == 0x88BE:  # ERSPAN: type I has no header, type II comes with a sequence number
            return self.skip(8 if flags & 0x1000 else 0, L_ETHERNET, 0)
        if kind == 0x22EB:  # ERSPAN type III, with an optional subheader
            if self.end - self.at < 12:
                return R_CUT_OFF
            return self.skip(12 + (8 if self.view[self.at + 11] & 1 else 0), L_ETHERNET, 0)
        if 0x8200 <= kind <= 0x83F0:  # Aruba's access points send 802.11 frames
            return self.wireless(0, 0)
        if kind == 0x880B:
            return self.skip(0, L_PPP, 0)
        if kind == 0x883E:  # WCCP: a redirect header in its second version
            if self.end > self.at and self.view[self.at] >> 4 == 4:
                return self.skip(0, L_IP, 0)
            return self.skip(4, L_IP, 0)
        if kind == 0x8100 or kind == 0x88A8 or kind == 0x8864 or kind <= 1500:
            return R_NOT_IP
        return self.skip(0, L_ETHERTYPE, kind)

    def routed(self, at):
        """RFC 1701's source routes: family, offset, length, until one without either; 1 when they are cut off."""
        family: cython.longlong = 1
        length: cython.longlong = 1
        while family or length:
            if self.end - at < 4:
                return 1
            family = self.u16(at)
            length = self.view[at + 3]
            at += 4 + length
        self.at = at
        return 1 if at > self.end else 0

    def udp(self):
        """The tunnels that run over UDP, known by their registered ports."""
        at: cython.longlong = self.at
        source: cython.longlong
        target: cython.longlong
        if self.end - at < 16:
            return R_UDP
        source = self.u16(at)
        target = self.u16(at + 2)
        if target == 4789 or source == 4789:
            return self.skip(16, L_ETHERNET, 0)
        if target == 6081 or source == 6081:
            return self.skip(16 + (self.view[at + 8] & 63) * 4, L_ETHERTYPE, self.u16(at + 10))
        if target == 2152 or source == 2152 or target == 2123 or source == 2123 or target == 3386 or source == 3386:
            return self.gtp(at + 8)
        if target == 4754 or source == 4754:
            self.at = at + 8
            return self.gre()
        if target == 3544 or source == 3544:
            return self.teredo(at + 8)
        return self.rare_port(source, target)

    def rare_port(self, source, target):
        at: cython.longlong = self.at
        if target == 5072 or source == 5072:  # AYIYA: identity of 2ⁿ octets, signature of n words, forwarded, next header
            if self.view[at + 11] != 41 or self.view[at + 10] & 15 != 1:
                return R_UDP
            return self.skip(16 + (1 << (self.view[at + 8] >> 4)) + (self.view[at + 9] >> 4) * 4, L_IP, 0)
        if target == 1701 or source == 1701:
            return self.l2tp(at + 8)
        if target == 4790 or source == 4790:  # VXLAN-GPE
            return self.gpe(self.view[at + 11])
        if target == 6635 or source == 6635:
            self.at = at + 8
            return self.mpls()
        if target == 4341 or source == 4341:
            return self.skip(16, L_IP, 0)
        if target == 5247 or source == 5247:
            return self.capwap(at + 8)
        if target == 37008 or source == 37008:
            return self.sniffed(at + 8)
        return R_UDP

    def gpe(self, following):
        """VXLAN's generic form: the header names what follows."""
        if self.skip(16, L_IP, 0):
            return R_CUT_OFF
        if following == 1:
            return 0
        if following == 2:
            return self.six()
        if following == 3:
            self.layer = L_ETHERNET
            return 0
        return self.service() if following == 4 else self.mpls() if following == 5 else R_UDP

    def l2tp(self, at):
        """Data messages of version 2; flags announce length, sequence numbers and an offset (RFC 2661 §3.1)."""
        flags: cython.longlong = self.u16(at)
        length: cython.longlong = 6
        if flags & 0x800F != 2:
            return R_UDP
        if flags & 0x4000:
            length += 2
        if flags & 0x0800:
            length += 4
        if flags & 0x0200:
            if self.end - at < length + 2:
                return R_CUT_OFF
            length += 2 + self.u16(at + length)
        self.at = at
        return self.skip(length, L_PPP, 0)

    def capwap(self, at):
        """Data of access points (RFC 5415 §4.3): five bits of header length; a bit tells 802.11 frames, their control swapped."""
        length: cython.longlong = (self.view[at + 1] >> 3) * 4
        frame: cython.longlong = at + length
        if self.view[at] or length < 8 or self.view[at + 3] & 0x80:
            return R_UDP  # encrypted, or a fragment
        if self.end - frame < 2:
            return R_CUT_OFF
        self.at = frame
        return self.wireless(1, 0) if self.view[at + 2] & 1 else self.skip(0, L_ETHERNET, 0)

    def sniffed(self, at):
        """TaZmen sniffer protocol: version, type, link type, then tags up to the one that says end."""
        link: cython.longlong = self.u16(at + 2)
        kind: cython.longlong = 0
        if self.view[at] != 1 or self.view[at + 1] > 1:
            return R_UDP
        at += 4
        while kind != 1:
            if self.end - at < 2:
                return R_CUT_OFF
            kind = self.view[at]
            at += 1 if kind < 2 else 2 + self.view[at + 1]
        if at > self.end:
            return R_CUT_OFF
        self.at = at
        if link == 1:
            return self.skip(0, L_ETHERNET, 0)
        if link == 18:
            return self.wireless(0, 0)
        return self.monitored() if link == 119 or link == 127 else R_UDP

    def gtp(self, at):
        """GTP-U version 1, user data only, with its extension headers; version 0 has a header of twenty octets."""
        length: cython.longlong = 8
        following: cython.longlong
        hops: cython.longlong = 0
        if self.end - at < 12 or self.view[at + 1] != 255:
            return R_UDP
        if self.view[at] & 0xF0 == 0x10:
            return self.gtp_content(at, 20)
        if self.view[at] & 0xF0 != 0x30:
            return R_UDP
        self.narrow(at + 8 + self.u16(at + 2))
        if self.view[at] & 7:
            length = 12
            following = self.view[at + 11] if self.view[at] & 4 else 0
            while following:
                hops += 1
                if self.end - at < length + 4 or not self.view[at + length] or hops > MAX_DEPTH:
                    return R_UDP
                length += self.view[at + length] * 4
                if self.end - at < length:
                    return R_UDP
                following = self.view[at + length - 1]
        return self.gtp_content(at, length)

    def gtp_content(self, at, length):
        """IP, or else a user's Ethernet frame (PDU sessions of type Ethernet)."""
        self.at = at
        if self.skip(length, L_IP, 0):
            return R_CUT_OFF
        if self.end > self.at and self.view[self.at] >> 4 != 4 and self.view[self.at] >> 4 != 6 and self.view[self.at] != 0xFF:
            self.layer = L_ETHERNET
        return 0

    def teredo(self, at):
        """Authentication and origin indications, then IPv6 (RFC 4380 §5.1.1)."""
        if self.end - at >= 13 and self.u16(at) == 1:
            at += 13 + self.view[at + 2] + self.view[at + 3]
        if self.end - at >= 8 and self.u16(at) == 0:
            at += 8
        if at >= self.end or self.view[at] >> 4 != 6:
            return R_UDP
        self.at = at
        self.layer = L_IP
        return 0
