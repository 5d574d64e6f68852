"""Captures made to hurt, each in two sizes: the time of the larger over that of the smaller tells whether the cost is linear.

    python tests/benchmarks/hostile.py [--segments N]

Printed are CPU seconds of the engine alone, then those of the column `cause`, and their ratio; the sizes differ by 4, so about 4 is
linear.
"""

from __future__ import annotations

import argparse
import struct
import time
from collections.abc import Callable, Iterator

import tcpinspect as ti
from tcpinspect.engine.run import run

GROWTH = 4
CLIENT, SERVER = 0x0A000001, 0xC0000201
FIN, SYN, ACK = 1, 2, 16
Segment = tuple[int, int, int, int, int, int, bytes]  # from the client?, port, seq, ack, flags, octets of data, options


def one_connection(n: int) -> Iterator[Segment]:
    """Data and its acknowledgement, n times."""
    yield from opening()
    for k in range(n // 2):
        yield 1, 40000, 1 + k * 100, 1, ACK, 100, b""
        yield 0, 40000, 1, 101 + k * 100, ACK, 0, b""


def never_acknowledged(n: int) -> Iterator[Segment]:
    """Data that nobody acknowledges."""
    yield from opening()
    for k in range(n):
        yield 1, 40000, 1 + k * 100, 1, ACK, 100, b""


def sack_blocks(n: int) -> Iterator[Segment]:
    """Four SACK blocks in every acknowledgement, over data of which every second segment is missing."""
    yield from opening()
    for k in range(n // 2):
        yield 1, 40000, 101 + k * 200, 1, ACK, 100, b""
        edges = [101 + (k - j) * 200 for j in range(3) if k >= j]
        blocks = b"".join(struct.pack(">II", edge & 0xFFFFFFFF, (edge + 100) & 0xFFFFFFFF) for edge in edges)
        yield 0, 40000, 1, 1, ACK, 0, b"\1\1\5" + bytes([2 + len(blocks)]) + blocks


def backwards(n: int) -> Iterator[Segment]:
    """Data in reverse: every segment lies before the one captured before it."""
    yield from opening()
    for k in range(n, 0, -1):
        yield 1, 40000, 1 + k * 100, 1, ACK, 100, b""


def sent_again(n: int) -> Iterator[Segment]:
    """New data, old data again from far behind it, and an acknowledgment of neither."""
    yield from opening()
    for k in range(n // 3):
        yield 1, 40000, 1 + k * 100, 1, ACK, 100, b""
        yield 1, 40000, 1 + max(0, k - 40) * 100, 1, ACK, 100, b""
        yield 0, 40000, 1, 1, ACK, 0, b""


def port_reused(n: int) -> Iterator[Segment]:
    """One pair of addresses and ports, another connection with every SYN."""
    for k in range(n // 2):
        yield 1, 40000, k * 7919, 0, SYN, 0, b""
        yield 0, 40000, 5, k * 7919 + 1, SYN | ACK, 0, b""


def crossing_fins(n: int) -> Iterator[Segment]:
    """A FIN repeated without end."""
    yield from opening()
    for _ in range(n // 2):
        yield 1, 40000, 1, 1, FIN | ACK, 0, b""
        yield 0, 40000, 1, 1, FIN | ACK, 0, b""


def opening() -> Iterator[Segment]:
    yield 1, 40000, 0, 0, SYN, 0, b""
    yield 0, 40000, 0, 1, SYN | ACK, 0, b""
    yield 1, 40000, 1, 1, ACK, 0, b""


CASES: tuple[Callable[[int], Iterator[Segment]], ...] = (
    one_connection, never_acknowledged, sack_blocks, backwards, sent_again, port_reused, crossing_fins,
)  # fmt: skip


def capture(segments: Iterator[Segment]) -> bytes:
    """A pcap of raw IPv4, a microsecond between packets, data cut off by the snap length."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    for number, (from_client, port, seq, ack, flags, octets, options) in enumerate(segments):
        length = 40 + len(options)
        source, target = (CLIENT, SERVER) if from_client else (SERVER, CLIENT)
        ports = (port, 80) if from_client else (80, port)
        out += struct.pack("<IIII", number // 1_000_000, number % 1_000_000, length, length + octets)
        out += struct.pack(">BBHHHBBHII", 0x45, 0, length + octets, number & 0xFFFF, 0, 64, 6, 0, source, target)
        offset = (20 + len(options)) // 4 << 4
        out += struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, 1000, 0, 0) + options
    return bytes(out)


def engine(data: bytes) -> float:
    before = time.process_time()
    run(data, segments=False, steps=False, take=lambda chunk: None)
    return time.process_time() - before


def causes(data: bytes) -> float:
    segments = ti.analyze(data).frame("segments")
    before = time.process_time()
    segments["cause"].isna()
    return time.process_time() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1_000_000, help="of the larger size (default: a million)")
    most = parser.parse_args().segments
    causes(capture(opening()))  # what it imports counts for none
    for what in (engine, causes):
        print(f"{what.__name__}:")
        for case in CASES:
            small, large = what(capture(case(most // GROWTH))), what(capture(case(most)))
            growth = f"{large / small:5.2f} × for {GROWTH} ×"
            print(f"{case.__name__:<20} {most // GROWTH:>9,} {small:7.2f} s {most:>10,} {large:7.2f} s  {growth}")


if __name__ == "__main__":
    main()
