"""Which headers a step of the engine's walk has passed: it may take several at once. Floor 3. Reading: `engine.links`, `.tunnels`.

The engine decides what is a header and how long it is; these functions only cut what a step passed into its headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tcpinspect.engine.layers import ETHERTYPE, IP, LLC, PPP, TRANSPORT
from tcpinspect.engine.links import ETHERNET
from tcpinspect.protocol import wrapping as w
from tcpinspect.protocol.wrapping import Header

Pieces = Iterator[tuple[Header, bytes]]

DATA = Header("Data", "", (), "")
_LINKS: dict[int, Header] = {
    113: w.COOKED, 276: w.COOKED_2, 0: w.LOOPBACK, 108: w.LOOPBACK, 9: w.HDLC, 50: w.HDLC, 104: w.HDLC, 10: w.FDDI, 6: w.TOKEN_RING,
    242: w.INFINIBAND, 129: w.ARCNET, 239: w.NETFILTER, 178: w.JUNIPER,
}  # fmt: skip
_ETHERTYPES: dict[int, Header] = {
    0x8100: w.VLAN, 0x88A8: w.VLAN, 0x9100: w.VLAN, 0x9200: w.VLAN, 0x8864: w.PPPOE, 0x8926: w.VN_TAG, 0x88E7: w.BACKBONE,
}  # fmt: skip
_FRAGMENT, _AUTHENTICATION, _GRE, _UDP = 44, 51, 47, 17
_LONGEST_802_3 = 1500  # beyond, the field is an EtherType
_FIXED_IPV6, _UDP_HEADER = 40, 8


def link_headers(link: int, octets: bytes) -> Pieces:
    """What lies in front of the first step: the headers of the link type itself."""
    yield from _to_the_last(_link(link, octets), octets, Header("Link header", f"tcpdump.org, link type {link}", (), ""))


def _to_the_last(pieces: Pieces, octets: bytes, otherwise: Header) -> Pieces:
    """The pieces, and what they leave of the octets: headers that the engine passes and that have no drawing here."""
    covered = 0
    for head, piece in pieces:
        covered += len(piece)
        yield head, piece
    yield otherwise, octets[covered:]


def _link(link: int, octets: bytes) -> Pieces:
    if link == 127:
        length = int.from_bytes(octets[2:4], "little")
        yield w.RADIOTAP, octets[:length]
        yield from _wireless(octets[length:])
    elif link == 105:
        yield from _wireless(octets)
    elif link in (113, 276):
        yield _LINKS[link], octets[: _LINKS[link].octets]
    elif link in _LINKS:
        yield _LINKS[link], octets


def step_headers(kind: int, value: int, octets: bytes, *, whole: bool = True, inside: bool = False) -> Pieces:
    """The headers in what a step passed, by what came (`kind` and `value` of the walk before it).

    `whole` False: the octets are the rest of the packet, of which only the headers up to a fragment's data are meant. `inside`:
    they are the beginning of the datagram that this fragment completed.
    """
    names = {ETHERTYPE: f"EtherType 0x{value:04x}", TRANSPORT: f"IP protocol {value}", PPP: f"PPP protocol 0x{value:04x}"}
    pieces = _step(kind, value, octets, whole, inside)
    yield from _to_the_last(pieces, octets, Header(names.get(kind, "Header"), "IEEE and IANA registries", (), ""))


def _step(kind: int, value: int, octets: bytes, whole: bool, inside: bool) -> Pieces:
    if inside:
        yield from _extensions(octets, value)
    elif kind == ETHERTYPE and value in (0x8847, 0x8848):
        yield from _labels(octets)
    elif kind == ETHERTYPE and value in _ETHERTYPES:
        yield _ETHERTYPES[value], octets
    elif kind == ETHERNET:
        yield w.ETHERNET_WITH_LENGTH if int.from_bytes(octets[12:14], "big") <= _LONGEST_802_3 else w.ETHERNET, octets
    elif kind == PPP:
        yield from _ppp(octets)
    elif kind == LLC:
        yield w.SNAP if len(octets) >= 8 else w.LLC, octets
    elif kind == IP:
        yield from _ip(octets, whole)
    elif kind == TRANSPORT and value == _GRE:
        yield from _gre(octets)
    elif kind == TRANSPORT and value == _UDP and octets:
        yield from _tunnel(octets)


def unpeeled(kind: int, value: int, octets: bytes) -> Pieces:
    """Where the walk ended without TCP: the header it ended at, where that is one we can name, and the rest."""
    ends: dict[tuple[int, int], Header] = {
        (TRANSPORT, _UDP): w.UDP, (TRANSPORT, 1): w.ICMP, (TRANSPORT, 58): w.ICMPV6, (ETHERTYPE, 0x0806): w.ARP,
    }  # fmt: skip
    head = ends.get((kind, value))
    if head is not None and len(octets) >= head.octets:
        yield head, octets[: head.octets]
        octets = octets[head.octets :]
    yield DATA, octets


def _wireless(octets: bytes) -> Pieces:
    """802.11, and in an aggregate (A-MSDU) the frames in front of the last and that one's own header."""
    length = 24 + (6 if octets[1:2] and octets[1] & 3 == 3 else 0)
    if octets and octets[0] & 0x80:
        length += 2
        if not (len(octets) >= length and octets[length - 2] & 0x80) and octets[1] & 0x80:
            length += 4
    yield w.WIRELESS, octets[:length]
    yield Header("A-MSDU", "IEEE 802.11", (), ""), octets[length:]


def _labels(octets: bytes) -> Pieces:
    at, bottom = 0, False
    while not bottom and at + 4 <= len(octets):
        bottom = bool(octets[at + 2] & 1)
        yield w.MPLS, octets[at : at + 4]
        at += 4
    yield w.PSEUDOWIRE, octets[at:]


def _ppp(octets: bytes) -> Pieces:
    at = 2 if octets[:2] == b"\xff\x03" else 0
    if octets[at : at + 1] and octets[at] & 1:
        head = w.PPP_ADDRESSED_SHORT if at else w.PPP_SHORT
    else:
        head = w.PPP_ADDRESSED if at else w.PPP
    yield head, octets[: head.octets]


def _ip(octets: bytes, whole: bool) -> Pieces:
    if octets and octets[0] >> 4 == 4:
        length = (octets[0] & 15) * 4
        yield w.IPV4, octets[:length]
        if not whole:
            yield Header("Fragment", "RFC 791 3.2", (), ""), octets[length:]
    elif octets:
        yield w.IPV6, octets[:_FIXED_IPV6]
        yield from _extensions(octets[_FIXED_IPV6:], octets[6], fragment=not whole)


def _extensions(octets: bytes, following: int, *, fragment: bool = False) -> Pieces:
    """IPv6 extension headers, as RFC 8200 §4 counts their lengths; up to the first fragment header where that is asked."""
    while len(octets) >= 8:
        if following == _FRAGMENT:
            head, length = w.FRAGMENT, 8
        elif following == _AUTHENTICATION:
            head, length = w.AUTHENTICATION, (octets[1] + 2) * 4
        else:
            head, length = w.EXTENSION, (octets[1] + 1) * 8
        yield head, octets[:length]
        if fragment and following == _FRAGMENT:
            yield Header("Fragment", "RFC 8200 4.5", (), ""), octets[length:]
            return
        following, octets = octets[0], octets[length:]


def _gre(octets: bytes) -> Pieces:
    flags, kind = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")
    if flags & 7 == 1:  # RFC 2637: key with the length, sequence, acknowledgment
        length = 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x80 else 0)
    else:
        length = 4 + (4 if flags & 0xC000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
    yield w.GRE, octets[:length]
    rest = octets[length:]
    if kind in (0x88BE, 0x22EB):
        yield w.ERSPAN, rest
    elif 0x8200 <= kind <= 0x83F0:
        yield from _wireless(rest)


def _teredo(octets: bytes) -> Pieces:
    yield w.TEREDO, octets


_TUNNELS: dict[int, Header | Callable[[bytes], Pieces]] = {
    4789: w.VXLAN, 6081: w.GENEVE, 2152: w.GTP, 4754: _gre, 3544: _teredo, 5072: w.AYIYA,
}  # fmt: skip


def _tunnel(octets: bytes) -> Pieces:
    """UDP and the header of the tunnel its port names, in the engine's order of ports."""
    yield w.UDP, octets[:_UDP_HEADER]
    ports = {int.from_bytes(octets[0:2], "big"), int.from_bytes(octets[2:4], "big")}
    tunnel = next((tunnel for port, tunnel in _TUNNELS.items() if port in ports), DATA)
    rest = octets[_UDP_HEADER:]
    if isinstance(tunnel, Header):
        yield tunnel, rest
    else:
        yield from tunnel(rest)
