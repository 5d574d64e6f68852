"""IP packets around segments: put on, taken off, looked into. Wing lab. Reading: RFC 791 §3.1, RFC 8200 §3, RFC 3168 §5."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from tcpinspect.errors import UsageError
from tcpinspect.lab.draft import Draft
from tcpinspect.protocol.checksum import checksum, pseudo_header
from tcpinspect.protocol.header import MINIMUM_LENGTH

_TCP = 6
_DONT_FRAGMENT = 0x4000
_HOPS = 64
NOT_ECT, ECT_1, ECT, CE = 0, 1, 2, 3  # RFC 3168 §5: not capable, capable (ECT(1), ECT(0)), congestion experienced


@dataclass(frozen=True, slots=True)
class Packet:
    """A TCP segment with the addresses of its IP header. `intact`: the checksums of both headers are right."""

    source: str
    destination: str
    segment: Draft
    ecn: int
    intact: bool


def wrap(segment: Draft, source: str, destination: str, *, identification: int = 0, ecn: int = NOT_ECT) -> bytes:
    """The octets of an IP packet with the segment in it; IPv4 or IPv6, as the addresses are."""
    octets = segment.to_bytes(source, destination)
    a, b = ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed
    if len(a) == 16:
        return struct.pack("!IHBB", 6 << 28 | ecn << 20, len(octets), _TCP, _HOPS) + a + b + octets
    fields = (0x45, ecn, 20 + len(octets), identification & 0xFFFF, _DONT_FRAGMENT, _HOPS, _TCP)
    head = struct.pack("!BBHHHBB", *fields)
    return head + struct.pack("!H", checksum(head + b"\0\0" + a + b)) + a + b + octets


def unwrap(packet: bytes) -> Packet | None:
    """What is in the packet; None where it is no whole TCP segment in IPv4 or IPv6 without extension headers."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        at = (packet[0] & 15) * 4
        protocol, ecn, source, destination = packet[9], packet[1] & 3, packet[12:16], packet[16:20]
        end = int.from_bytes(packet[2:4], "big")
        head_right = checksum(packet[:at]) == 0
    elif version == 6 and len(packet) >= 40:
        at, protocol, ecn, source, destination = 40, packet[6], packet[1] >> 4 & 3, packet[8:24], packet[24:40]
        end, head_right = 40 + int.from_bytes(packet[4:6], "big"), True
    else:
        return None
    octets = packet[at:end]
    if protocol != _TCP or len(octets) < MINIMUM_LENGTH or len(packet) < end:
        return None
    a, b = str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination))
    right = head_right and checksum(pseudo_header(a, b, len(octets)) + octets) == 0
    return Packet(a, b, Draft.from_bytes(octets), ecn, right)


def rewrapped(packet: bytes, segment: Draft) -> bytes:
    """The same packet with another segment; its IP header stays, but for length and checksum."""
    found = _understood(packet)
    identification = int.from_bytes(packet[4:6], "big") if packet[0] >> 4 == 4 else 0
    return wrap(segment, found.source, found.destination, identification=identification, ecn=found.ecn)


def marked(packet: bytes) -> bytes:
    """The packet with the mark "congestion experienced", as a router leaves it where the packet is ECN-capable."""
    found = _understood(packet)
    if found.ecn == NOT_ECT:
        return packet
    identification = int.from_bytes(packet[4:6], "big") if packet[0] >> 4 == 4 else 0
    return wrap(found.segment, found.source, found.destination, identification=identification, ecn=CE)


def corrupted(packet: bytes) -> bytes:
    """The packet with one bit of its last octet turned: data if there is some, else a part of the TCP header."""
    return packet[:-1] + bytes([packet[-1] ^ 1])


def _understood(packet: bytes) -> Packet:
    found = unwrap(packet)
    if found is None:
        raise UsageError("only a TCP segment in a plain IP packet can be rewritten")
    return found
