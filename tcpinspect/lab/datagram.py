"""UDP beside our TCP: an end that can also send and take datagrams. Wing lab. Reading: RFC 768."""

from __future__ import annotations

import ipaddress
import struct
from collections import deque

from tcpinspect.lab.endpoint import Endpoint
from tcpinspect.lab.ends import EndpointEnd
from tcpinspect.lab.packet import unwrap
from tcpinspect.protocol.checksum import checksum

_UDP = 17
_HEADER = 8


class HostEnd(EndpointEnd):
    """An `EndpointEnd` of IPv4 with one UDP port besides, of the same number; `datagrams` are those not yet taken."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.datagrams: deque[bytes] = deque()

    def receive(self, packet: bytes, now: int) -> None:
        """A datagram to our port is kept, what is for another address is not ours, all else is the endpoint's."""
        if len(packet) >= 28 and packet[0] >> 4 == 4 and packet[9] == _UDP:
            self.arrivals += 1
            at = (packet[0] & 15) * 4
            if int.from_bytes(packet[at + 2 : at + 4], "big") == self.endpoint.local[1]:
                self.datagrams.append(packet[at + _HEADER :])
            return
        found = unwrap(packet)
        if found is not None and found.destination != self.endpoint.local[0]:
            self.not_received.append(self.arrivals)
            self.arrivals += 1
            return
        super().receive(packet, now)

    def send_datagram(self, data: bytes, peer: tuple[str, int]) -> None:
        """Send one datagram from our port."""
        local = self.endpoint.local
        self._out.append(datagram(data, local, peer, identification=self.departures))
        self.departures += 1


def datagram(data: bytes, source: tuple[str, int], destination: tuple[str, int], *, identification: int = 0) -> bytes:
    """The octets of an IPv4 packet with a UDP datagram in it."""
    a, b = ipaddress.ip_address(source[0]).packed, ipaddress.ip_address(destination[0]).packed
    size = _HEADER + len(data)
    body = struct.pack("!HHHH", source[1], destination[1], size, 0) + data
    # RFC 768: "an all zero transmitted checksum value means that the transmitter generated no checksum".
    right = checksum(a + b + struct.pack("!BBH", 0, _UDP, size) + body) or 0xFFFF
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + size, identification & 0xFFFF, 0x4000, 64, _UDP)
    head += struct.pack("!H", checksum(head + b"\0\0" + a + b)) + a + b
    return head + body[:6] + right.to_bytes(2, "big") + data
