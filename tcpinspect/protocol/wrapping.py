"""The headers TCP is wrapped in: their fields and bits, from the link to IP. Floor 0. Reading: the source named at each.

A header is a list of fields in the order of the wire: name, bits, and how the value is written. The engine walks over these
headers and knows their lengths; this module says what stands in them. Bits count from the start of the header.
"""

from __future__ import annotations

from typing import NamedTuple


class HeaderField(NamedTuple):
    """A field: its name, the bits it takes (0: all that is left) and the way to write its value.

    `style` is "" for a decimal number, x for hexadecimal, le for a little-endian number, host for one in
    the byte order of who captured, mac, ip4, ip6, or hex for octets.
    """

    name: str
    bits: int
    style: str = ""


class Header(NamedTuple):
    """A header: its name, its source, the fields it always has, and those behind them that it may have."""

    name: str
    source: str
    fields: tuple[HeaderField, ...]
    rest: str = "Options"

    @property
    def octets(self) -> int:
        """The length of the fields it always has."""
        return sum(field.bits for field in self.fields) // 8


def _header(name: str, source: str, fields: str, rest: str = "Options") -> Header:
    """Fields written as `Name bits style`, separated by commas."""
    made = []
    for text in fields.split(","):
        words = text.split()
        style = words.pop() if not words[-1].isdigit() else ""
        made.append(HeaderField(" ".join(words[:-1]), int(words[-1]), style))
    return Header(name, source, tuple(made), rest)


ETHERNET = _header("Ethernet", "IEEE 802.3", "Destination 48 mac, Source 48 mac, EtherType 16 x")
ETHERNET_WITH_LENGTH = _header("Ethernet", "IEEE 802.3", "Destination 48 mac, Source 48 mac, Length 16")
VLAN = _header("VLAN", "IEEE 802.1Q", "PCP 3, DEI 1, VLAN ID 12, EtherType 16 x")
VN_TAG = _header("VN-Tag", "IEEE 802.1BR", "Tag 32 x, EtherType 16 x")
BACKBONE = _header("Service tag", "IEEE 802.1ah", "PCP 3, DEI 1, UCA 1, Reserved 3, I-SID 24")
MPLS = _header("MPLS", "RFC 3032", "Label 20, TC 3, S 1, TTL 8")
PSEUDOWIRE = _header("Pseudowire control word", "RFC 4385", "Control Word 32 x")
PPPOE = _header("PPPoE", "RFC 2516", "Version 4, Type 4, Code 8, Session ID 16, Length 16")
LLC = _header("LLC", "IEEE 802.2", "DSAP 8 x, SSAP 8 x, Control 8 x")
SNAP = _header("LLC, SNAP", "IEEE 802.2", "DSAP 8 x, SSAP 8 x, Control 8 x, OUI 24 x, EtherType 16 x")
HDLC = _header("Cisco HDLC", "tcpdump.org, LINKTYPE_C_HDLC", "Address 8 x, Control 8 x, EtherType 16 x")
PPP_ADDRESSED = _header("PPP", "RFC 1662", "Address 8 x, Control 8 x, Protocol 16 x")
PPP_ADDRESSED_SHORT = _header("PPP", "RFC 1662", "Address 8 x, Control 8 x, Protocol 8 x")
PPP = _header("PPP", "RFC 1661", "Protocol 16 x")
PPP_SHORT = _header("PPP", "RFC 1661", "Protocol 8 x")
COOKED = _header("Linux cooked", "tcpdump.org, LINKTYPE_LINUX_SLL",
                 "Packet Type 16, ARPHRD Type 16, Address Length 16, Address 64 hex, EtherType 16 x")  # fmt: skip
COOKED_2 = _header("Linux cooked 2", "tcpdump.org, LINKTYPE_LINUX_SLL2",
                   "EtherType 16 x, Reserved 16, Interface 32, ARPHRD Type 16, Packet Type 8, "
                   "Address Length 8, Address 64 hex")  # fmt: skip
LOOPBACK = _header("BSD loopback", "tcpdump.org, LINKTYPE_NULL", "Address Family 32 host")
FDDI = _header("FDDI", "ISO 9314-2", "Frame Control 8 x, Destination 48 mac, Source 48 mac")
TOKEN_RING = _header("Token Ring", "IEEE 802.5",
                     "Access Control 8 x, Frame Control 8 x, Destination 48 mac, Source 48 mac", "Routing Information")  # fmt: skip
INFINIBAND = _header("IP over InfiniBand", "RFC 4391", "Destination 160 hex, Source 160 hex, EtherType 16 x, Reserved 16")
ARCNET = _header("ARCnet", "RFC 1201",
                 "Source 8, Destination 8, Offset 16, Protocol 8, Split Flag 8, Sequence 16")  # fmt: skip
NETFILTER = _header("Netfilter log", "tcpdump.org, LINKTYPE_NFLOG", "Family 8, Version 8, Resource ID 16", "Attributes")
JUNIPER = _header("Juniper Ethernet", "tcpdump.org, LINKTYPE_JUNIPER_ETHER", "Magic 24 x, Flags 8 x", "Extensions")
RADIOTAP = _header("Radiotap", "radiotap.org", "Version 8, Pad 8, Length 16 le, Present 32 le", "Fields")
WIRELESS = _header("802.11", "IEEE 802.11", "Frame Control 16 x, Duration 16 le, Address 1 48 mac, Address 2 48 mac, "
                   "Address 3 48 mac, Sequence Control 16 le", "More addresses and control")  # fmt: skip
IPV4 = _header("IPv4", "RFC 791 3.1", "Version 4, IHL 4, DSCP 6, ECN 2, Total Length 16, Identification 16 x, Reserved 1, DF 1, MF 1, "
               "Fragment Offset 13, Time to Live 8, Protocol 8, Header Checksum 16 x, Source Address 32 ip4, "
               "Destination Address 32 ip4")  # fmt: skip
IPV6 = _header("IPv6", "RFC 8200 3", "Version 4, Traffic Class 8 x, Flow Label 20 x, Payload Length 16, Next Header 8, Hop Limit 8, "
               "Source Address 128 ip6, Destination Address 128 ip6")  # fmt: skip
EXTENSION = _header("IPv6 extension", "RFC 8200 4", "Next Header 8, Hdr Ext Len 8", "Options")
FRAGMENT = _header("IPv6 fragment", "RFC 8200 4.5",
                   "Next Header 8, Reserved 8, Fragment Offset 13, Res 2, M 1, Identification 32 x")  # fmt: skip
AUTHENTICATION = _header("Authentication", "RFC 4302 2", "Next Header 8, Payload Len 8, Reserved 16, SPI 32 x, Sequence Number 32", "ICV")
GRE = _header("GRE", "RFC 2784, RFC 2890",
              "C 1, R 1, K 1, S 1, s 1, Recur 3, A 1, Flags 4, Version 3, Protocol 16 x", "Checksum, key, sequence")  # fmt: skip
ERSPAN = _header("ERSPAN", "draft-foschiano-erspan-03", "Version 4, VLAN 12, COS 3, En 2, T 1, Session ID 10", "Index")
UDP = _header("UDP", "RFC 768", "Source Port 16, Destination Port 16, Length 16, Checksum 16 x", "Data")
VXLAN = _header("VXLAN", "RFC 7348 5", "Flags 8 x, Reserved 24 x, VNI 24, Reserved 8")
GENEVE = _header("Geneve", "RFC 8926 3.4",
                 "Version 2, Opt Len 6, O 1, C 1, Reserved 6, Protocol Type 16 x, VNI 24, Reserved 8")  # fmt: skip
GTP = _header("GTP-U", "3GPP TS 29.281 5.1",
              "Version 3, PT 1, Reserved 1, E 1, S 1, PN 1, Message Type 8, Length 16, TEID 32 x",
              "Sequence, N-PDU, extensions")  # fmt: skip
TEREDO = _header("Teredo indications", "RFC 4380 5.1.1", "Type 16 x", "Indication")
AYIYA = _header("AYIYA", "draft-massar-v6ops-ayiya-02", "Identity Length 4, Identity Type 4, Signature Length 4, Hash Method 4, "
                "Authentication 4, Operation 4, Next Header 8, Epoch 32", "Identity, signature")  # fmt: skip
ICMP = _header("ICMP", "RFC 792", "Type 8, Code 8, Checksum 16 x, Rest of Header 32 x", "Data")
ICMPV6 = _header("ICMPv6", "RFC 4443", "Type 8, Code 8, Checksum 16 x, Message 32 x", "Data")
ARP = _header("ARP", "RFC 826", "Hardware Type 16, Protocol Type 16 x, Hardware Length 8, Protocol Length 8, Operation 16", "Addresses")
