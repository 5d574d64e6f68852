"""The cable between two hosts: a relay of Ethernet frames in user space that may delay, lose, double or reorder them.

Beside the package, for recording `captures/` only. It stands in for `tc netem`, which many kernels lack.
"""

from __future__ import annotations

import heapq
import select
import socket
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from typing import NamedTuple, NoReturn, Protocol

import tap

_MTU_AND_ETHERNET = 65535
_ETHERTYPE_IPV4 = b"\x08\x00"
_SYN = 0x02


class Parcel(NamedTuple):
    """A frame under way: who sent it and, when it holds TCP over IPv4, what a fate may want to know."""

    from_client: bool
    tcp: bool
    source_port: int
    destination_port: int
    seq: int
    flags: int
    payload_len: int


class Fate(Protocol):
    """Decides about each frame: the extra delays in ns of its copies. `[0]` delivers it, `[]` loses it."""

    def __call__(self, parcel: Parcel) -> list[int]: ...


def inspect(frame: bytes, from_client: bool) -> Parcel:
    """Read from an Ethernet frame what fates decide by; anything but whole TCP over IPv4 comes back as `tcp=False`."""
    other = Parcel(from_client, False, 0, 0, 0, 0, 0)
    if len(frame) < 34 or frame[12:14] != _ETHERTYPE_IPV4 or frame[23] != socket.IPPROTO_TCP:
        return other
    start = 14 + (frame[14] & 0x0F) * 4
    if len(frame) < start + 20:
        return other
    payload_len = int.from_bytes(frame[16:18], "big") - (start - 14) - (frame[start + 12] >> 4) * 4
    source, destination = (int.from_bytes(frame[start + at : start + at + 2], "big") for at in (0, 2))
    seq = int.from_bytes(frame[start + 4 : start + 8], "big")
    return Parcel(from_client, True, source, destination, seq, frame[start + 13], payload_len)


def faithful(parcel: Parcel) -> list[int]:
    """A fate that delivers everything."""
    return [0]


def drop_port(*ports: int) -> Fate:
    """A fate that loses all that goes to these ports, as a silent firewall does."""

    def fate(parcel: Parcel) -> list[int]:
        return [] if parcel.destination_port in ports else [0]

    return fate


class Misfortunes:
    """Loses, delays and doubles chosen segments of the server's data, and chosen bare ACKs of the client.

    Chosen and not random, so that every recording shows the same repairs. Segments of data are numbered from 0 by where
    they begin in the stream, so a retransmission has the number of its original; ACKs are counted from 1. For one
    connection, and for full segments of `mss` octets.
    """

    def __init__(self, *, mss: int, lost: dict[int, int], late: dict[int, int], doubled: set[int], lost_acks: set[int]) -> None:
        """`lost` says how many copies of a segment are lost, `late` by how many ns its first copy comes too late."""
        self.mss, self.lost, self.late, self.doubled, self.lost_acks = mss, dict(lost), dict(late), doubled, lost_acks
        self._acks = self._first = 0

    def __call__(self, parcel: Parcel) -> list[int]:
        """The extra delays of the copies of this frame."""
        if not parcel.tcp:
            return [0]
        if parcel.from_client:
            bare = parcel.payload_len == 0 and not parcel.flags & _SYN
            self._acks += bare
            return [] if bare and self._acks in self.lost_acks else [0]
        if parcel.flags & _SYN:
            self._first = parcel.seq + 1
        if parcel.payload_len == 0:
            return [0]
        number = (parcel.seq - self._first) % 2**32 // self.mss
        if self.lost.get(number, 0) > 0:
            self.lost[number] -= 1
            return []
        # The second copy of a doubled segment follows the first one at once.
        return [0, 0] if number in self.doubled else [self.late.pop(number, 0)]


def plug(interface: str) -> socket.socket:
    """A raw socket on one end of the cable, in the present namespace."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    end.bind((interface, tap.ETH_P_ALL))
    return end


def relay(client_end: socket.socket, server_end: socket.socket, *, delay_ns: int, fate: Fate, cut: Event) -> NoReturn:
    """Carry frames both ways for ever, each `delay_ns` later than it came, until the cable is cut.

    Ends only with its process.
    """
    due: list[tuple[int, int, socket.socket, bytes]] = []
    count = 0
    other: dict[socket.socket, socket.socket] = {client_end: server_end, server_end: client_end}
    clock: Callable[[], int] = time.monotonic_ns
    while True:
        wait = max(0, due[0][0] - clock()) / 1e9 if due else None
        for end in select.select(list(other), [], [], wait)[0]:
            frame, address = end.recvfrom(_MTU_AND_ETHERNET)
            if address[2] == tap.PACKET_OUTGOING or cut.is_set():
                continue
            now = clock()
            for extra_ns in fate(inspect(frame, end is client_end)):
                # The running number keeps frames of the same instant in order.
                count += 1
                heapq.heappush(due, (now + delay_ns + extra_ns, count, other[end], frame))
        while due and due[0][0] <= clock():
            _, _, end, frame = heapq.heappop(due)
            end.send(frame)
