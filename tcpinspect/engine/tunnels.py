"""Peel the tunnels: GRE, and those that run over UDP, known by their registered ports. Floor 2; compiled.

Reading: RFC 2784 and 2890 (GRE), RFC 2637 (PPTP), RFC 8086 (GRE in UDP), RFC 7348 (VXLAN), RFC 8926 (Geneve),
3GPP TS 29.281 (GTP-U), RFC 4380 (Teredo).
"""

import cython

from tcpinspect.engine.links import CUT_OFF, ETHERNET, ETHERTYPE, IP, PPP, UDP

if not cython.compiled:
    from tcpinspect.engine.links import Links

L_ETHERTYPE = cython.declare(cython.longlong, ETHERTYPE)
L_IP = cython.declare(cython.longlong, IP)
L_ETHERNET = cython.declare(cython.longlong, ETHERNET)
L_PPP = cython.declare(cython.longlong, PPP)
MAX_DEPTH = cython.declare(cython.longlong, 24)
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_UDP = cython.declare(cython.longlong, UDP)


class Tunnels(Links):
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
        if kind == 0x88BE:  # ERSPAN: type I has no header, type II comes with a sequence number
            return self.skip(length + (8 if flags & 0x1000 else 0), L_ETHERNET, 0)
        if kind == 0x22EB:  # ERSPAN type III, with an optional subheader
            if self.end - at < length + 12:
                return R_CUT_OFF
            return self.skip(length + 12 + (8 if self.view[at + length + 11] & 1 else 0), L_ETHERNET, 0)
        if 0x8200 <= kind <= 0x83F0:  # Aruba's access points send 802.11 frames
            if self.end - at < length:
                return R_CUT_OFF
            self.at = at + length
            return self.wireless(105)
        return self.skip(length, L_ETHERTYPE, kind)

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
            return self.skip(16, L_ETHERNET, 0) if self.view[at + 8] & 8 else R_UDP
        if target == 6081 or source == 6081:
            if self.view[at + 8] >> 6:
                return R_UDP
            return self.skip(16 + (self.view[at + 8] & 63) * 4, L_ETHERTYPE, self.u16(at + 10))
        if target == 2152 or source == 2152:
            return self.gtp(at + 8)
        if target == 4754 or source == 4754:
            self.at = at + 8
            return self.gre()
        if target == 3544 or source == 3544:
            return self.teredo(at + 8)
        if target == 5072 or source == 5072:  # AYIYA: identity of 2ⁿ octets, signature of n words, next header
            if self.view[at + 11] != 41:
                return R_UDP
            return self.skip(16 + (1 << (self.view[at + 8] >> 4)) + (self.view[at + 9] >> 4) * 4, L_IP, 0)
        return R_UDP

    def gtp(self, at):
        """GTP-U version 1, user data only, with its extension headers."""
        length: cython.longlong = 8
        following: cython.longlong
        hops: cython.longlong = 0
        if self.end - at < 12 or self.view[at] & 0xF0 != 0x30 or self.view[at + 1] != 255:
            return R_UDP
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
        self.at = at
        return self.skip(length, L_IP, 0)

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
