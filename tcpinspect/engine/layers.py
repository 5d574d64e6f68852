"""Peel a packet down to its innermost IP header and what that carries; put fragments together on the way. Floor 2; compiled.

An ICMP error is the end of the walk, but the TCP header that it quotes is read into `quote`.
Reading: RFC 791, RFC 8200 §4, RFC 6946 (atomic fragments), RFC 2675 (jumbograms), RFC 792, RFC 4443, RFC 1191 §4.
"""

import cython

from tcpinspect.engine.links import (
    CUT_OFF, ENCRYPTED, ETHERNET, ETHERTYPE, FRAGMENT, ICMP, ICMPV6, IP, LLC, MALFORMED, NOT_IP, OTHER_PROTOCOL, PPP, REASONS, SCTP,
    TOO_DEEP, TRANSPORT,
)  # fmt: skip

if not cython.compiled:
    from tcpinspect.engine.fragments import Fragments
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.tunnels import Tunnels

L_ETHERTYPE = cython.declare(cython.longlong, ETHERTYPE)
L_IP = cython.declare(cython.longlong, IP)
L_TRANSPORT = cython.declare(cython.longlong, TRANSPORT)
L_PPP = cython.declare(cython.longlong, PPP)
L_LLC = cython.declare(cython.longlong, LLC)
L_ETHERNET = cython.declare(cython.longlong, ETHERNET)
MAX_DEPTH = cython.declare(cython.longlong, 24)
R_CUT_OFF = cython.declare(cython.longlong, CUT_OFF)
R_MALFORMED = cython.declare(cython.longlong, MALFORMED)
R_NOT_IP = cython.declare(cython.longlong, NOT_IP)
R_FRAGMENT = cython.declare(cython.longlong, FRAGMENT)
R_ICMP = cython.declare(cython.longlong, ICMP)
R_ICMPV6 = cython.declare(cython.longlong, ICMPV6)
R_SCTP = cython.declare(cython.longlong, SCTP)
R_OTHER = cython.declare(cython.longlong, OTHER_PROTOCOL)
R_ENCRYPTED = cython.declare(cython.longlong, ENCRYPTED)
R_TOO_DEEP = cython.declare(cython.longlong, TOO_DEEP)

SIGN = cython.declare(cython.longlong, 1 << 31)
MODULUS = cython.declare(cython.longlong, 1 << 32)
# RFC 791 §3.1 and RFC 8200 §4.5: 65,535 octets, in IPv4 with the header, in IPv6 what comes behind the fixed one.
LARGEST = cython.declare(cython.longlong, 65535)
PROTOCOL_TCP = cython.declare(cython.longlong, 6)


class Layers(Tunnels):
    """The walk through IP headers.

    After an ICMP or ICMPv6 message `quoted` tells whether it was an error that quotes a TCP segment: `quote` then has the
    segment's family, addresses, ports and sequence number, `icmp_type` and `icmp_code` are the message's, and `icmp_mtu`
    is the next hop's, -1 unless the message is about it (0 from routers older than RFC 1191).
    """

    def __init__(self):
        Tunnels.__init__(self)
        self.fragments = Fragments()
        self.quote = Segment()
        self.quoted = 0
        self.icmp_type = -1
        self.icmp_code = -1
        self.icmp_mtu = -1

    def i64(self, at):
        """Eight octets as a signed number, so that compiled and uncompiled agree."""
        high: cython.longlong = self.u32(at)
        if high >= SIGN:
            high -= MODULUS
        return high * MODULUS + self.u32(at + 4)

    def next_layer(self, s):
        """Peel one layer; 0, or the index of the reason why there is no TCP."""
        if self.layer == L_ETHERTYPE:
            return self.ethertype()
        if self.layer == L_IP:
            if self.at >= self.end:
                return R_CUT_OFF
            if self.view[self.at] >> 4 == 4:
                return self.ipv4(s)
            if self.view[self.at] >> 4 == 6:
                return self.ipv6(s)
            return R_NOT_IP
        if self.layer == L_TRANSPORT:
            return self.transport()
        if self.layer == L_PPP:
            return self.ppp()
        if self.layer == L_LLC:
            return self.llc()
        return self.ethernet()

    def ipv4(self, s):
        at: cython.longlong = self.at
        length: cython.longlong
        total: cython.longlong
        fragment: cython.longlong
        if self.end - at < 20:
            return R_CUT_OFF
        length = (self.view[at] & 15) * 4
        if length < 20:
            return R_MALFORMED
        total = self.u16(at + 2)
        # A total length of 0 is what segmentation offload leaves in packets that are larger than 65,535 octets.
        if total == 0:
            total = self.wire_end - at
        if total < length:
            return R_MALFORMED
        self.claimed_end = at + total
        self.narrow(at + total)
        if self.end - at < length:
            return R_CUT_OFF
        s.family = 4
        s.src_hi = 0
        s.src_lo = self.u32(at + 12)
        s.dst_hi = 0
        s.dst_lo = self.u32(at + 16)
        s.ip_id = self.u16(at + 4)
        s.ttl = self.view[at + 8]
        self.value = self.view[at + 9]
        self.at = at + length
        self.layer = L_TRANSPORT
        fragment = self.u16(at + 6) & 0x3FFF
        if fragment:  # more fragments, or not the first
            return self.join(s, s.ip_id, (fragment & 0x1FFF) << 3, fragment & 0x2000, LARGEST - length)
        return 0

    def ipv6(self, s):
        at: cython.longlong = self.at
        length: cython.longlong
        if self.end - at < 40:
            return R_CUT_OFF
        length = self.u16(at + 4)
        # Length 0 in a packet too long for the field: a jumbogram (RFC 2675) or offload, which ends where the wire says.
        if not length and self.wire_end - at - 40 > LARGEST:
            length = self.wire_end - at - 40
        self.claimed_end = at + 40 + length
        self.narrow(self.claimed_end)
        s.family = 6
        s.src_hi = self.i64(at + 8)
        s.src_lo = self.i64(at + 16)
        s.dst_hi = self.i64(at + 24)
        s.dst_lo = self.i64(at + 32)
        s.ip_id = 0
        s.ttl = self.view[at + 7]
        self.value = self.view[at + 6]
        self.at = at + 40
        self.layer = L_TRANSPORT
        return 0 if self.value == PROTOCOL_TCP else self.extensions(s)

    def extensions(self, s):
        """Extension headers, RFC 8200 §4: hop-by-hop, routing, destination, shim6; AH counts in words. Mobility and HIP carry nothing."""
        at: cython.longlong = self.at
        start: cython.longlong = at
        value: cython.longlong = self.value
        length: cython.longlong
        reason: cython.longlong
        hops: cython.longlong = 0
        while value == 0 or value == 43 or value == 60 or value == 44 or value == 51 or value == 140:
            hops += 1
            if hops > MAX_DEPTH:
                return R_TOO_DEEP
            if self.end - at < 8:
                return R_CUT_OFF
            length = 8
            if value == 51:
                length = (self.view[at + 1] + 2) * 4
            elif value != 44:
                length = (self.view[at + 1] + 1) * 8
            elif self.u16(at + 2) & 0xFFF9:
                self.at = at + 8
                self.value = self.view[at]
                reason = self.join(s, self.u32(at + 4), self.u16(at + 2) & 0xFFF8, self.view[at + 3] & 1, LARGEST - (at - start))
                if reason:
                    return reason
                at = start = 0
                value = self.value
                continue
            # Else an atomic fragment (RFC 6946), which is whole.
            if self.end - at < length:
                return R_CUT_OFF
            value = self.view[at]
            at += length
        self.at = at
        self.value = value
        return 0

    def join(self, s, identification, offset, more, limit):
        """A fragment at `at`: it is held, or completes its datagram and the walk goes on inside that."""
        if self.claimed_end > self.end:
            return R_FRAGMENT  # cut off by the snap length: what is missing cannot be put together
        if not self.fragments.add(s, self.view, self.at, self.claimed_end - self.at, identification, self.value, offset, more, limit):
            return R_FRAGMENT
        self.look(self.fragments.whole)
        self.away = 1
        self.at = 0
        self.end = self.fragments.length
        self.wire_end = self.fragments.length
        self.claimed_end = self.fragments.length
        self.value = self.fragments.protocol
        return 0

    def transport(self):
        """Not TCP: a packet inside, or the reason to stop."""
        if self.value == 4:
            self.layer = L_IP
            return 0
        if self.value == 41:
            return self.six()
        if self.value == 47:
            return self.gre()
        if self.value == 17 or self.value == 136:  # UDP, UDP-Lite
            return self.udp()
        if self.value == 1:
            self.icmp(4)
            return R_ICMP
        if self.value == 58:
            self.icmp(6)
            return R_ICMPV6
        if self.value == 132:
            return R_SCTP
        if self.value == 50:
            return R_ENCRYPTED
        return self.wrapped()

    def wrapped(self):
        """Packets in IP by other numbers: EtherIP (RFC 3378), MPLS (RFC 4023), AH (RFC 4302), PIM's register (RFC 7761 §4.9.3)."""
        at: cython.longlong = self.at
        if self.value != 97 and self.value != 137 and self.value != 51 and self.value != 103:
            return R_OTHER
        if self.end - at < 2:
            return R_CUT_OFF
        if self.value == 97:
            return self.skip(2, L_ETHERNET, 0)
        if self.value == 137:
            return self.mpls()
        if self.value == 51:
            return self.skip((self.view[at + 1] + 2) * 4, L_TRANSPORT, self.view[at])
        return self.skip(8, L_IP, 0) if self.view[at] == 0x21 else R_OTHER

    def icmp(self, family):
        """Errors quote the packet they are about: its IP header and at least 8 octets more (RFC 792, RFC 4443 §3)."""
        at: cython.longlong = self.at
        self.quoted = 0
        if self.end - at < 8:
            return 0
        self.icmp_type = self.view[at]
        self.icmp_code = self.view[at + 1]
        self.icmp_mtu = -1
        if family == 4:
            # Unreachable, source quench, redirect, time exceeded, parameter problem.
            if self.icmp_type != 3 and self.icmp_type != 4 and self.icmp_type != 5 and self.icmp_type != 11 and self.icmp_type != 12:
                return 0
            if self.icmp_type == 3 and self.icmp_code == 4:
                self.icmp_mtu = self.u16(at + 6)
            return self.quote_ipv4(at + 8)
        # Unreachable, too big, time exceeded, parameter problem.
        if self.icmp_type < 1 or self.icmp_type > 4:
            return 0
        if self.icmp_type == 2:
            self.icmp_mtu = self.u32(at + 4)
        return self.quote_ipv6(at + 8)

    def quote_ipv4(self, at):
        length: cython.longlong
        if self.end - at < 20 or self.view[at] >> 4 != 4:
            return 0
        length = (self.view[at] & 15) * 4
        # Fragments but the first show no ports.
        if length < 20 or self.view[at + 9] != PROTOCOL_TCP or self.u16(at + 6) & 0x1FFF:
            return 0
        self.quote.family = 4
        self.quote.src_hi = 0
        self.quote.src_lo = self.u32(at + 12)
        self.quote.dst_hi = 0
        self.quote.dst_lo = self.u32(at + 16)
        return self.quote_tcp(at + length)

    def quote_ipv6(self, at):
        value: cython.longlong
        hops: cython.longlong = 0
        if self.end - at < 40 or self.view[at] >> 4 != 6:
            return 0
        self.quote.family = 6
        self.quote.src_hi = self.i64(at + 8)
        self.quote.src_lo = self.i64(at + 16)
        self.quote.dst_hi = self.i64(at + 24)
        self.quote.dst_lo = self.i64(at + 32)
        value = self.view[at + 6]
        at += 40
        while value == 0 or value == 43 or value == 60 or value == 44 or value == 51:
            hops += 1
            if hops > MAX_DEPTH or self.end - at < 8 or value == 44 and self.u16(at + 2) & 0xFFF8:
                return 0
            if value == 44:
                value = self.view[at]
                at += 8
            elif value == 51:
                value = self.view[at]
                at += (self.view[at + 1] + 2) * 4
            else:
                value = self.view[at]
                at += (self.view[at + 1] + 1) * 8
        return self.quote_tcp(at) if value == PROTOCOL_TCP else 0

    def quote_tcp(self, at):
        if self.end - at < 8:
            return 0
        self.quote.src_port = self.u16(at)
        self.quote.dst_port = self.u16(at + 2)
        self.quote.seq = self.u32(at + 4)
        self.quoted = 1
        return 0
