"""Break a healthy capture on purpose: what a bad recording does to packets, as functions from packets to packets."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

MS = 1_000_000
SECOND = 1_000_000_000
ETHERNET = 14


class Packet(NamedTuple):
    """A packet of a capture: its time, its octets as far as captured, and its length on the wire."""

    time_ns: int
    octets: bytes
    wire: int

    @property
    def tcp(self) -> int:
        """Where the TCP header of an IPv4 packet in an Ethernet frame begins; 0 when it is something else."""
        if self.octets[12:14] != b"\x08\x00" or self.octets[ETHERNET + 9] != 6:
            return 0
        return ETHERNET + (self.octets[ETHERNET] & 15) * 4

    @property
    def source_port(self) -> int:
        return int.from_bytes(self.octets[self.tcp : self.tcp + 2], "big")

    @property
    def payload(self) -> int:
        """Octets of data, by the IP length."""
        total = int.from_bytes(self.octets[ETHERNET + 2 : ETHERNET + 4], "big")
        return ETHERNET + total - self.tcp - (self.octets[self.tcp + 12] >> 4) * 4 if self.tcp else 0


Packets = list[Packet]


def read(path: Path) -> Packets:
    """The packets of one of our own pcap files (little-endian)."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    unit = {0xA1B23C4D: 1, 0xA1B2C3D4: 1000}[struct.unpack_from("<I", data)[0]]
    at, out = 24, []
    while at < len(data):
        seconds, rest, captured, wire = struct.unpack_from("<IIII", data, at)
        out.append(Packet(seconds * SECOND + rest * unit, data[at + 16 : at + 16 + captured], wire))
        at += 16 + captured
    return out


def written(packets: Iterable[Packet], *, link: int = 1) -> bytes:
    """A pcap file with nanoseconds."""
    parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for time_ns, octets, wire in packets:
        parts += [struct.pack("<IIII", time_ns // SECOND, time_ns % SECOND, len(octets), wire), octets]
    return b"".join(parts)


def pcapng(packets: Iterable[Packet], *, dropped: int) -> bytes:
    """A pcapng file whose interface reports `dropped` packets."""

    def block(kind: int, body: bytes) -> bytes:
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    parts.append(block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHB3x", 9, 1, 9)))
    for time_ns, octets, wire in packets:
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(octets), wire)
        parts.append(block(6, head + octets + bytes(-len(octets) % 4)))
    parts.append(block(5, struct.pack("<III", 0, 0, 0) + struct.pack("<HHQ", 5, 8, dropped)))
    return b"".join(parts)


def doubled(packets: Packets, *, after_ns: int = 40_000) -> Packets:
    """Every packet again a moment later, as a mirror port of both directions gives it."""
    copies = [p._replace(time_ns=p.time_ns + after_ns) for p in packets]
    return sorted(packets + copies, key=lambda p: p.time_ns)


def shuffled(packets: Packets, *, by_ns: int = 30_000, seed: int = 1) -> Packets:
    """Packets written out up to `by_ns` late, with their true stamps: queues emptied one after the other."""
    moved = random.Random(seed)
    return sorted(packets, key=lambda p: p.time_ns + moved.randrange(by_ns))


def restamped(packets: Packets) -> Packets:
    """The packets in this order, with their times in ascending order: the mistake no stamp shows."""
    return [p._replace(time_ns=t) for p, t in zip(packets, sorted(p.time_ns for p in packets), strict=True)]


def cut(packets: Packets, *, snaplen: int = 60) -> Packets:
    return [p._replace(octets=p.octets[:snaplen]) for p in packets]


def only(packets: Packets, keep: Callable[[Packet], bool]) -> Packets:
    return [p for p in packets if keep(p)]


def clock_moved(packets: Packets, *, at: int, by_ns: int) -> Packets:
    """From packet `at` (from 0) on, the clock is `by_ns` off."""
    return [p._replace(time_ns=p.time_ns + (by_ns if n >= at else 0)) for n, p in enumerate(packets)]


def rewritten(packets: Packets, *, port: int | None = None) -> Packets:
    """Another checksum in each TCP header, or only in those sent from `port`."""
    out = []
    for p in packets:
        if p.tcp and port in (None, p.source_port):
            at = p.tcp + 16
            wrong = (int.from_bytes(p.octets[at : at + 2], "big") + 0x1234) & 0xFFFF
            p = p._replace(octets=p.octets[:at] + wrong.to_bytes(2, "big") + p.octets[at + 2 :])
        out.append(p)
    return out
