"""Every way TCP is wrapped, one packet each, written by hand; where tshark is installed it must see the same segment."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpinspect.engine import links
from tcpinspect.engine.decode import Decoder
from tcpinspect.engine.links import ARP, CUT_OFF, ENCRYPTED, MALFORMED, NOT_IP, REASONS, SEGMENT, UDP
from tcpinspect.engine.segment import Segment

ETHERNET, RAW, LOOPBACK, PPP, FDDI, HDLC, COOKED, COOKED2 = 1, 101, 0, 9, 10, 104, 113, 276
WLAN, RADIOTAP, ARCNET, NFLOG, IPOIB, BARE_PPPOE, PPP_SERIAL = 105, 127, 129, 239, 242, 51, 50
OPENBSD_LOOPBACK, IPV4_ONLY, IPV6_ONLY = 108, 228, 229
IP, IP6, ARP_TYPE = 0x0800, 0x86DD, 0x0806
PAYLOAD = b"GET / HTTP/1.0\r\n\r\n"
CLIENT, SERVER = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 2])
OUTSIDE, INSIDE = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
CLIENT6, SERVER6 = (bytes.fromhex("20010db8") + bytes(11) + bytes([n]) for n in (1, 2))
MACS = b"\x02\0\0\0\0\1\x02\0\0\0\0\2"

TCP = struct.pack(">HHIIBBHHH", 40000, 8888, 0xCAFE0001, 0x00C0FFEE, 5 << 4, 0x18, 1024, 0, 0) + PAYLOAD


def ipv4(data: bytes, protocol: int = 6, source: bytes = CLIENT, target: bytes = SERVER) -> bytes:
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 1, 0, 64, protocol, 0) + source + target + data


def ipv6(data: bytes, following: int = 6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(data), following, 64) + CLIENT6 + SERVER6 + data


def outer(data: bytes, protocol: int) -> bytes:
    """The tunnel's own IP header."""
    return ipv4(data, protocol, OUTSIDE, INSIDE)


def udp(data: bytes, port: int) -> bytes:
    return outer(struct.pack(">HHHH", 50000, port, 8 + len(data), 0) + data, 17)


def ethernet(data: bytes, kind: int = IP) -> bytes:
    return MACS + struct.pack(">H", kind) + data


def tag(data: bytes, kind: int = IP, vlan: int = 5) -> bytes:
    return struct.pack(">HH", vlan, kind) + data


def label(number: int, bottom: bool) -> bytes:
    return struct.pack(">I", number << 12 | bottom << 8 | 64)


def snap(data: bytes, kind: int = IP) -> bytes:
    return b"\xaa\xaa\3\0\0\0" + struct.pack(">H", kind) + data


def gre(data: bytes, kind: int, flags: int = 0, more: bytes = b"") -> bytes:
    return outer(struct.pack(">HH", flags, kind) + more + data, 47)


def vxlan(data: bytes) -> bytes:
    return udp(struct.pack(">II", 8 << 24, 5 << 8) + data, 4789)


def gtp(data: bytes) -> bytes:
    return udp(struct.pack(">BBHI", 0x30, 255, len(data), 1) + data, 2152)


def session(data: bytes, protocol: bytes = b"\0\x21") -> bytes:
    return struct.pack(">BBHH", 0x11, 0, 9, len(protocol + data)) + protocol + data


def wlan(data: bytes, control: bytes = b"\x08\x01", more: bytes = b"") -> bytes:
    return control + b"\0\0" + MACS + b"\x02\0\0\0\0\3" + b"\0\0" + more + data


def nflog(data: bytes) -> bytes:
    mark = struct.pack("<HH", 6, 10) + b"p\0" + b"\0\0"
    return b"\2\0\0\0" + mark + struct.pack("<HH", 4 + len(data), 9) + data


def radiotap(data: bytes) -> bytes:
    return struct.pack("<BBHIB", 0, 0, 9, 2, 0) + data


V4, V6 = ipv4(TCP), ipv6(TCP)
ERSPAN2 = struct.pack(">II", 0x10050001, 0)
ERSPAN3 = struct.pack(">III", 0x20050001, 0, 0)

NSH = b"\x0f\xc6\1"
BRIDGED = b"\xaa\xaa\3\0\x80\xc2\0\7\0\0"

# Name: link type, packet. The innermost is always V4 or V6.
WRAPPINGS: dict[str, tuple[int, bytes]] = {
    "Ethernet, IPv4": (ETHERNET, ethernet(V4)),
    "Ethernet, IPv6": (ETHERNET, ethernet(V6, IP6)),
    "Token Ring": (6, b"\x10\x40" + MACS + snap(V4)),
    "Token Ring with a route": (6, b"\x10\x40" + MACS[:6] + b"\x82" + MACS[7:] + b"\x06\x30\x00\x11\x00\x20" + snap(V4)),
    "raw IPv4": (RAW, V4),
    "raw IPv6": (RAW, V6),
    "LINKTYPE_IPV4": (IPV4_ONLY, V4),
    "LINKTYPE_IPV6": (IPV6_ONLY, V6),
    "BSD loopback, little-endian": (LOOPBACK, struct.pack("<I", 2) + V4),
    "BSD loopback, big-endian": (LOOPBACK, struct.pack(">I", 2) + V4),
    "BSD loopback, IPv6 of Darwin": (LOOPBACK, struct.pack("<I", 30) + V6),
    "OpenBSD loopback": (OPENBSD_LOOPBACK, struct.pack(">I", 24) + V6),
    "Linux cooked": (COOKED, struct.pack(">HHH8sH", 0, 1, 6, MACS[:8], IP) + V4),
    "Linux cooked 2": (COOKED2, struct.pack(">HHIHBB8s", IP6, 0, 2, 1, 0, 6, MACS[:8]) + V6),
    "Linux cooked, VLAN": (COOKED, struct.pack(">HHH8sH", 0, 1, 6, MACS[:8], 0x8100) + tag(V4)),
    "VLAN": (ETHERNET, ethernet(tag(V4), 0x8100)),
    "QinQ": (ETHERNET, ethernet(tag(tag(V6, IP6), 0x8100), 0x88A8)),
    "QinQ, old EtherType": (ETHERNET, ethernet(tag(tag(V4), 0x8100), 0x9100)),
    "MPLS": (ETHERNET, ethernet(label(16, True) + V4, 0x8847)),
    "MPLS, three labels, IPv6": (ETHERNET, ethernet(label(16, False) + label(17, False) + label(18, True) + V6, 0x8847)),
    "MPLS in VLAN": (ETHERNET, ethernet(tag(label(16, True) + V4, 0x8847), 0x8100)),
    "MPLS, Ethernet with control word": (ETHERNET, ethernet(label(16, True) + bytes(4) + ethernet(V4), 0x8847)),
    "PPPoE": (ETHERNET, ethernet(session(V4), 0x8864)),
    "PPPoE, IPv6": (ETHERNET, ethernet(session(V6, b"\0\x57"), 0x8864)),
    "PPPoE in QinQ": (ETHERNET, ethernet(tag(tag(session(V4), 0x8864), 0x8100), 0x88A8)),
    "PPPoE without Ethernet": (BARE_PPPOE, session(V4)),
    "PPP": (PPP, b"\0\x21" + V4),
    "PPP, address and control": (PPP, b"\xff\3\0\x57" + V6),
    "PPP, short protocol field": (PPP_SERIAL, b"\xff\3\x21" + V4),
    "Cisco HDLC": (HDLC, b"\x0f\0\x08\0" + V4),
    "LLC with SNAP": (ETHERNET, ethernet(snap(V4), len(snap(V4)))),
    "LLC with IP": (ETHERNET, ethernet(b"\6\6\3" + V4, 3 + len(V4))),
    "FDDI": (FDDI, b"\x50" + MACS + snap(V4)),
    "802.11": (WLAN, wlan(snap(V4))),
    "802.11 QoS": (WLAN, wlan(snap(V4), b"\x88\x02", b"\0\0")),
    "802.11 between access points": (WLAN, wlan(snap(V6, IP6), b"\x08\x03", b"\x02\0\0\0\0\4")),
    "802.11 A-MSDU": (WLAN, wlan(MACS + struct.pack(">H", len(snap(V4))) + snap(V4), b"\x88\x02", b"\x80\0")),
    "802.11 with radiotap": (RADIOTAP, radiotap(wlan(snap(V4)))),
    "provider backbone bridge": (ETHERNET, ethernet(b"\0\0\0\x07" + ethernet(V4), 0x88E7)),
    "VN-Tag": (ETHERNET, ethernet(b"\0\0\0\x07" + struct.pack(">H", IP) + V4, 0x8926)),
    "ARCnet": (ARCNET, bytes([1, 2, 0, 0, 212, 0, 0, 1]) + V4),
    "netfilter log": (NFLOG, nflog(V4)),
    "netfilter log, IPv6": (NFLOG, b"\x0a" + nflog(V6)[1:]),
    "IP over InfiniBand": (IPOIB, bytes(40) + struct.pack(">HH", IP, 0) + V4),
    "IP in IP": (RAW, outer(V4, 4)),
    "6in4": (RAW, outer(V6, 41)),
    "4in6": (RAW, ipv6(V4, 4)),
    "6in6 behind extension headers": (RAW, ipv6(bytes([60, 0, 1, 4, 0, 0, 0, 0]) + bytes([41, 0, 1, 4, 0, 0, 0, 0]) + V6, 0)),
    "IPv6 routing header": (RAW, ipv6(bytes([6, 2, 4, 0, 0, 0, 0, 0]) + SERVER6 + TCP, 43)),
    "authentication header": (RAW, ipv6(bytes([6, 4, 0, 0]) + bytes(20) + TCP, 51)),
    "GRE": (RAW, gre(V4, IP)),
    "GRE, IPv6": (RAW, gre(V6, IP6)),
    "GRE, checksum, key and sequence": (RAW, gre(V4, IP, 0xB000, bytes(12))),
    "GRE, Ethernet": (RAW, gre(ethernet(V4), 0x6558)),
    "GRE, MPLS": (RAW, gre(label(16, True) + V4, 0x8847)),
    "PPTP": (RAW, gre(b"\xff\3\0\x21" + V4, 0x880B, 0x3081, struct.pack(">HHII", 4 + len(V4), 1, 1, 1))),
    "ERSPAN I": (RAW, gre(ethernet(V4), 0x88BE)),
    "ERSPAN II": (RAW, gre(ERSPAN2 + ethernet(V4), 0x88BE, 0x1000, bytes(4))),
    "ERSPAN III": (RAW, gre(ERSPAN3 + ethernet(V4), 0x22EB, 0x1000, bytes(4))),
    "ERSPAN III with a subheader": (RAW, gre(ERSPAN3[:-1] + b"\1" + bytes(8) + ethernet(V4), 0x22EB, 0x1000, bytes(4))),
    "Aruba": (RAW, gre(wlan(snap(V4), b"\x08\x02"), 0x8200)),
    "GRE in UDP": (RAW, udp(struct.pack(">HH", 0, IP) + V4, 4754)),
    "VXLAN": (RAW, vxlan(ethernet(V4))),
    "VXLAN, VLAN inside": (RAW, vxlan(ethernet(tag(V6, IP6), 0x8100))),
    "Geneve": (RAW, udp(struct.pack(">BBHI", 0, 0, 0x6558, 5 << 8) + ethernet(V4), 6081)),
    "Geneve with options": (RAW, udp(struct.pack(">BBHI", 2, 0, 0x6558, 5 << 8) + b"\1\2\3\1abcd" + ethernet(V6, IP6), 6081)),
    "GTP-U": (RAW, gtp(V4)),
    "GTP-U with sequence number": (RAW, udp(struct.pack(">BBHIHBB", 0x32, 255, len(V6) + 4, 1, 7, 0, 0) + V6, 2152)),
    "GTP-U with extension header": (
        RAW,
        udp(struct.pack(">BBHIHBB", 0x34, 255, len(V4) + 8, 1, 0, 0, 0x85) + b"\1\x10\1\0" + V4, 2152),
    ),
    "Teredo": (RAW, udp(V6, 3544)),
    "Teredo with origin": (RAW, udp(bytes(8) + V6, 3544)),
    "Teredo with authentication and origin": (RAW, udp(b"\0\1\0\0" + bytes(9) + bytes(8) + V6, 3544)),
    "GTP-U with Ethernet": (RAW, gtp(ethernet(V4))),
    "GTP-U, version 0": (RAW, udp(struct.pack(">BBHHH", 0x1E, 255, len(V4), 1, 1) + bytes(12) + V4, 3386)),
    "VXLAN-GPE": (RAW, udp(b"\x0c\0\0\2" + bytes(4) + V6, 4790)),
    "VXLAN-GPE, NSH, Ethernet": (RAW, udp(b"\x0c\0\0\4" + bytes(4) + NSH + b"\3" + bytes(20) + ethernet(V4), 4790)),
    "MPLS in UDP": (RAW, udp(label(16, True) + V4, 6635)),
    "L2TP": (RAW, udp(struct.pack(">HHH", 2, 1, 1) + b"\xff\3\0\x21" + V4, 1701)),
    "L2TP with length, numbers and offset": (
        RAW, udp(struct.pack(">HHHHHHHH", 0x4A02, 20 + len(V6), 1, 1, 0, 0, 2, 0) + b"\0\x57" + V6, 1701),
    ),
    "LISP": (RAW, udp(b"\xc0\0\0\1\0\0\0\1" + V4, 4341)),
    "CAPWAP, Ethernet": (RAW, udp(b"\0\x10\2\0\0\0\0\0" + ethernet(V4), 5247)),
    "CAPWAP, 802.11": (RAW, udp(b"\0\x10\3\0\0\0\0\0" + wlan(snap(V4), b"\x01\x08"), 5247)),
    "TZSP": (RAW, udp(b"\1\0\0\1\x0a\1\5\1" + ethernet(V4), 37008)),
    "AYIYA": (RAW, udp(b"\x44\x51\x11\x29" + bytes(4 + 16 + 20) + V6, 5072)),
    "EtherIP": (RAW, outer(b"\x30\0" + ethernet(V4), 97)),
    "MPLS in IP": (RAW, outer(label(16, True) + V6, 137)),
    "authentication header, IPv4": (RAW, outer(bytes([4, 4, 0, 0]) + bytes(20) + V4, 51)),
    "PIM register": (RAW, outer(b"\x21" + bytes(7) + V4, 103)),
    "GTP-U in UDP-Lite": (RAW, outer(gtp(V4)[20:], 136)),
    "GRE with a route": (RAW, gre(V4, IP, 0x4000, bytes(4) + b"\0\x02\0\4abcd" + bytes(4))),
    "GRE, PPP": (RAW, gre(b"\xff\3\0\x21" + V4, 0x880B)),
    "GRE, WCCP": (RAW, gre(bytes(4) + V4, 0x883E)),
    "GRE, NSH": (RAW, gre(NSH + b"\2" + bytes(20) + V6, 0x894F)),
    "NSH": (ETHERNET, ethernet(NSH + b"\1" + bytes(20) + V4, 0x894F)),
    "802.1BR": (ETHERNET, ethernet(bytes(6) + struct.pack(">H", IP) + V4, 0x893F)),
    "FabricPath": (ETHERNET, ethernet(b"\0\x40" + ethernet(V4) + bytes(4), 0x8903)),
    "TrustSec": (ETHERNET, ethernet(b"\1\1\0\1\0\0" + struct.pack(">H", IP) + V4, 0x8909)),
    "TRILL": (ETHERNET, ethernet(struct.pack(">HHH", 4, 1, 2) + ethernet(V4), 0x22F3)),
    "MACsec, only signed": (ETHERNET, ethernet(bytes(5) + b"\1" + struct.pack(">H", IP) + V4 + bytes(16), 0x88E5)),
    "HSR": (ETHERNET, ethernet(struct.pack(">HH", 0x1000 + len(V4) + 4, 1) + struct.pack(">H", IP) + V4, 0x892F)),
    "batman-adv": (ETHERNET, ethernet(b"\x40\x0f\x32\1" + bytes(6) + ethernet(V4), 0x4305)),
    "ISL": (ETHERNET, b"\1\0\x0c\0\0\0" + bytes(6) + struct.pack(">H", len(V4) + 30) + b"\xaa\xaa\3" + bytes(9) + ethernet(V4) + bytes(8)),
    "MPLS, Ethernet without control word": (ETHERNET, ethernet(label(16, True) + b"\0" + ethernet(V4)[1:], 0x8847)),
    "MPLS, associated channel": (ETHERNET, ethernet(label(16, True) + b"\x10\0\0\x21" + V4, 0x8847)),
    "PPPoE, MPLS": (ETHERNET, ethernet(session(label(16, True) + V4, b"\2\x81"), 0x8864)),
    "PPPoE, multilink": (ETHERNET, ethernet(session(b"\xc0\0\0\1\0\x21" + V4, b"\0\x3d"), 0x8864)),
    "PPPoE, bridged": (ETHERNET, ethernet(session(b"\0\1" + ethernet(V4), b"\0\x31"), 0x8864)),
    "LLC, numbered frame": (ETHERNET, ethernet(b"\xaa\xaa\0" + snap(V4)[2:], 1 + len(snap(V4)))),
    "LLC, bridged Ethernet": (ETHERNET, ethernet(BRIDGED + ethernet(V4), len(BRIDGED) + 14 + len(V4))),
    "LLC, jumbo frame": (ETHERNET, ethernet(snap(V4), 0x8870)),
    "OSI's number for PPP": (100, b"\xfe\xfe\3\xcf\0\x21" + V4),
    "ATM by RFC 1483": (100, snap(V6, IP6)),
    "SunATM": (123, b"\2\0\0\x64" + snap(V4)),
    "frame relay": (107, b"\x18\x41\3\xcc" + V4),
    "frame relay, SNAP": (107, b"\x18\x41\3\0\x80\0\0\0" + struct.pack(">H", IP6) + V6),
    "frame relay, bridged": (107, b"\x18\x41\3\0\x80\0\x80\xc2\0\7" + ethernet(V4)),
    "frame relay, Cisco": (107, b"\x18\x41\x08\0" + V4),
    "PPP with direction": (204, b"\1\xff\3\0\x21" + V4),
    "IP over IEEE 1394": (138, bytes(16) + struct.pack(">H", IP) + V4),
    "IP over Fibre Channel": (122, bytes(16) + snap(V4)),
    "OpenBSD enc": (109, struct.pack("<III", 2, 1, 0) + V4),
    "OpenBSD pflog": (117, b"\x3d\x18\0\0eth0" + bytes(56) + V6),
    "ARCnet of BSD": (7, bytes([1, 2, 212, 0, 0, 1]) + V4),
    "BSD loopback with an EtherType": (LOOPBACK, struct.pack("<I", IP6) + V6),
    "BSD loopback with PPP": (LOOPBACK, b"\xff\3\0\x21" + V4),
    "Linux cooked, radiotap": (COOKED, struct.pack(">HHH8sH", 0, 803, 0, bytes(8), 4) + radiotap(wlan(snap(V4)))),
    "802.11 with radiotap and padding": (
        RADIOTAP, struct.pack("<BBHIQBx", 0, 0, 18, 3, 0, 0x20) + wlan(bytes(2) + snap(V4), b"\x88\x02", b"\0\0"),
    ),
    "802.11 with Prism": (119, struct.pack("<II", 0x44, 144) + bytes(136) + wlan(snap(V4))),
    "802.11 with AVS": (163, struct.pack(">II", 0x80211001, 64) + bytes(56) + wlan(snap(V4))),
    "PPI": (192, struct.pack("<BBHI", 0, 0, 8, 105) + wlan(snap(V4))),
    "pktap": (258, struct.pack("<III", 108, 1, 0) + bytes(96) + struct.pack("<I", 30) + V6),
    "Juniper PPP": (179, b"MGC\1\xff\3\0\x21" + V4),
    "Juniper frame relay": (180, b"MGC\1\x18\x41\3\xcc" + V4),
    "Juniper Cisco HDLC": (181, b"MGC\1\x0f\0\x08\0" + V4),
    "Juniper PPPoE": (167, b"MGC\1" + ethernet(V4)),
    "Juniper Ethernet with extensions": (178, b"MGC\x81\0\6abcdef" + ethernet(V4)),
    "VXLAN in GTP-U in VLAN": (ETHERNET, ethernet(tag(gtp(vxlan(ethernet(V4)))), 0x8100)),
}  # fmt: skip
# tshark shows a pseudowire as data unless told per label what it carries.
NOT_IN_TSHARK = {"MPLS, Ethernet with control word", "MPLS, Ethernet without control word"}

NO_SEGMENT: dict[str, tuple[int, bytes, int]] = {
    "unknown link type": (147, V4, links.UNKNOWN_LINK),
    "ARP": (ETHERNET, ethernet(bytes(28), ARP_TYPE), ARP),
    "LLDP": (ETHERNET, ethernet(bytes(40), 0x88CC), NOT_IP),
    "spanning tree": (ETHERNET, ethernet(b"\x42\x42\3" + bytes(40), 43), NOT_IP),
    "UDP": (RAW, udp(TCP, 53), UDP),
    "SCTP": (RAW, ipv4(TCP, 132), links.SCTP),
    "ESP": (RAW, ipv4(TCP, 50), ENCRYPTED),
    "OSPF": (RAW, ipv4(TCP, 89), links.OTHER_PROTOCOL),
    "802.11 encrypted": (WLAN, wlan(snap(V4), b"\x08\x41"), ENCRYPTED),
    "802.11 beacon": (WLAN, wlan(snap(V4), b"\x80\0"), NOT_IP),
    "802.11 without data": (WLAN, wlan(b"", b"\x48\x01"), NOT_IP),
    "IP version 5": (RAW, b"\x55" + V4[1:], NOT_IP),
    "IPv4 header of 16 octets": (RAW, b"\x44" + V4[1:], MALFORMED),
    "IPv4 shorter than its header": (RAW, V4[:2] + b"\0\x10" + V4[4:], MALFORMED),
    "netfilter log with an attribute of 0 octets": (NFLOG, b"\2\0\0\0" + bytes(8), MALFORMED),
    "802.11 fragment": (WLAN, wlan(snap(V4), b"\x08\x05"), links.FRAGMENT),
    "802.11 of another version": (WLAN, wlan(snap(V4), b"\x09\x01"), NOT_IP),
    "IPv4 where IPv6 was announced": (ETHERNET, ethernet(V4, IP6), NOT_IP),
    "IPv4 in protocol 41": (RAW, outer(V4, 41), NOT_IP),
    "VLAN in GRE": (RAW, gre(tag(V4), 0x8100), NOT_IP),
    "PPP with address and control in PPPoE": (ETHERNET, ethernet(session(b"\xff\3\0\x21" + V4, b""), 0x8864), NOT_IP),
    "SNAP of an unknown organisation": (ETHERNET, ethernet(b"\xaa\xaa\3\1\2\3\x08\0" + V4, 8 + len(V4)), NOT_IP),
    "FDDI's own frames": (FDDI, b"\x41" + MACS + snap(V4), NOT_IP),
    "OpenBSD loopback, little-endian": (OPENBSD_LOOPBACK, struct.pack("<I", 2) + V4, NOT_IP),
    "netlink": (COOKED, struct.pack(">HHH8sH", 0, 824, 0, bytes(8), IP) + V4, NOT_IP),
    "IPv6 of length 0": (RAW, V6[:4] + b"\0\0" + V6[6:], CUT_OFF),
    "IPv4 in IPv4 in IPv4 and so on": (RAW, b"".join(ipv4(bytes(20 * (39 - n)), 4)[:20] for n in range(40)), links.TOO_DEEP),
    "nothing": (ETHERNET, b"", CUT_OFF),
}  # fmt: skip


def decode(link: int, packet: bytes, captured: int | None = None) -> tuple[int, Segment]:
    """The packet between octets that must never be read."""
    decoder, segment = Decoder(), Segment()
    decoder.use(b"\x45" * 33 + packet + b"\x45" * 80)
    return decoder.decode(segment, 33, len(packet) if captured is None else captured, len(packet), link), segment


@pytest.mark.parametrize(("link", "packet"), WRAPPINGS.values(), ids=WRAPPINGS)
def test_wrapped(link: int, packet: bytes) -> None:
    reason, s = decode(link, packet)
    assert REASONS[reason] == "TCP"
    assert (s.src_port, s.dst_port, s.seq, s.ack, s.flags, s.window_raw) == (40000, 8888, 0xCAFE0001, 0x00C0FFEE, 0x18, 1024)
    assert s.payload_len == s.payload_captured == len(PAYLOAD)
    v4 = (s.family, s.src_hi, s.src_lo, s.dst_hi, s.dst_lo) == (4, 0, int.from_bytes(CLIENT), 0, int.from_bytes(SERVER))
    high = int.from_bytes(CLIENT6[:8])
    assert v4 or (s.family, s.src_hi, s.src_lo, s.dst_hi, s.dst_lo) == (6, high, 1, high, 2)


@pytest.mark.parametrize(("link", "packet"), WRAPPINGS.values(), ids=WRAPPINGS)
def test_wrapped_with_padding_behind(link: int, packet: bytes) -> None:
    reason, s = decode(link, packet + b"\xee" * 9)
    assert reason == SEGMENT and s.payload_len == len(PAYLOAD)


@pytest.mark.parametrize(("link", "packet"), WRAPPINGS.values(), ids=WRAPPINGS)
def test_wrapped_and_cut_off_anywhere(link: int, packet: bytes) -> None:
    whole = packet.index(PAYLOAD) + len(PAYLOAD)  # a trailer may follow
    for captured in range(whole):
        reason, s = decode(link, packet, captured)
        if whole - captured <= len(PAYLOAD):
            assert reason == SEGMENT and s.payload_len == len(PAYLOAD) and s.payload_captured == len(PAYLOAD) - (whole - captured)
        else:
            assert reason in (CUT_OFF, UDP, NOT_IP)


@pytest.mark.parametrize(("link", "packet", "why"), NO_SEGMENT.values(), ids=NO_SEGMENT)
def test_no_segment(link: int, packet: bytes, why: int) -> None:
    assert REASONS[decode(link, packet)[0]] == REASONS[why]


@pytest.mark.parametrize(("link", "packet"), WRAPPINGS.values(), ids=WRAPPINGS)
def test_any_damaged_octet_is_survived(link: int, packet: bytes) -> None:
    for at in range(len(packet) - len(PAYLOAD)):
        for value in (0, 0xFF, packet[at] ^ 0x80, packet[at] ^ 1):
            reason, _ = decode(link, packet[:at] + bytes([value]) + packet[at + 1 :])
            assert 0 <= reason < len(REASONS)


@pytest.fixture(scope="session")
def seen_by_tshark(tmp_path_factory: pytest.TempPathFactory, tshark: Callable[..., list[dict[str, str]]]) -> dict[str, dict[str, str]]:
    """All wrappings in one pcapng file, an interface each, through tshark once."""
    order = "<"
    out = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    for link, _ in WRAPPINGS.values():
        out += struct.pack("<IIHHII", 1, 20, link, 0, 0, 20)
    for number, (_, packet) in enumerate(WRAPPINGS.values()):
        padded = packet + b"\0" * (-len(packet) % 4)
        total = 32 + len(padded)
        out += struct.pack(order + "IIIIIII", 6, total, number, 0, number, len(packet), len(packet)) + padded + struct.pack("<I", total)
    path: Path = tmp_path_factory.mktemp("layers") / "wrappings.pcapng"
    path.write_bytes(out)
    names = list(WRAPPINGS)
    fields = ("frame.number", "tcp.srcport", "tcp.seq_raw", "tcp.len", "ip.src", "ipv6.src")
    return {names[int(row["frame.number"]) - 1]: row for row in tshark(path, *fields)}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_tshark_sees_the_same(name: str, seen_by_tshark: dict[str, dict[str, str]]) -> None:
    if name in NOT_IN_TSHARK:
        pytest.skip("tshark does not open this")
    row = seen_by_tshark[name]
    assert (row["tcp.srcport"], row["tcp.seq_raw"], row["tcp.len"]) == ("40000", str(0xCAFE0001), str(len(PAYLOAD)))
    assert row["ip.src"] == "192.0.2.1" or row["ipv6.src"] == "2001:db8::1"
