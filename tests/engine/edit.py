"""Captures taken apart, changed and put together again, for tests that compare two readings of the same exchange."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tcpinspect.engine.decode import Decoder
from tcpinspect.engine.segment import Segment
from tcpinspect.protocol import header

SACK = 5
UNFINISHED = 3


class Frame(NamedTuple):
    """One packet. `tcp` is where its TCP header begins, -1 without one; `length` the segment's (SEG.LEN).

    `low` and `to_low` say that its sender and its receiver are the lower endpoint (both, where a socket talks to itself),
    `finished` that its checksum is not one that was left to the network card.
    """

    time_ns: int
    data: bytes
    wire: int
    tcp: int
    low: bool
    to_low: bool
    length: int
    finished: bool


class Capture(NamedTuple):
    """All packets of a file with one link type."""

    link: int
    frames: list[Frame]


def read(path: Path) -> Capture:
    """The packets of a pcap file, compressed or not."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    magic, link = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
    unit = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    at, frames = 24, []
    while at < len(data):
        seconds, part, length, wire = struct.unpack_from("<IIII", data, at)
        frames.append(_frame(seconds * 10**9 + part * unit, data[at + 16 : at + 16 + length], wire, link))
        at += 16 + length
    return Capture(link, frames)


def _frame(time_ns: int, data: bytes, wire: int, link: int) -> Frame:
    decoder, segment = Decoder(), Segment()
    decoder.use(data)
    if decoder.decode(segment, 0, len(data), wire, link):
        return Frame(time_ns, data, wire, -1, False, False, 0, False)
    ends = [(segment.src_hi, segment.src_lo, segment.src_port), (segment.dst_hi, segment.dst_lo, segment.dst_port)]
    length = segment.payload_len + bool(segment.flags & header.SYN) + bool(segment.flags & header.FIN)
    tcp = segment.options_at - header.MINIMUM_LENGTH
    return Frame(time_ns, data, wire, tcp, ends[0] <= ends[1], ends[1] <= ends[0], length, segment.checksum_status != UNFINISHED)


def write(link: int, frames: Iterable[Frame]) -> bytes:
    """A capture file of these packets."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for f in frames:
        out.append(struct.pack("<IIII", f.time_ns // 10**9, f.time_ns % 10**9, len(f.data), f.wire) + f.data)
    return b"".join(out)


def shifted(frame: Frame, low: int, high: int) -> Frame:
    """The sequence numbers of the lower endpoint moved by `low`, those of the other by `high`, with all that refers to them.

    The checksum moves along (RFC 1624), so that a right one stays right and a wrong one wrong; an unfinished one, which
    knows nothing of the numbers, stays as it is.
    """
    if frame.tcp < 0:
        return frame
    data, at = bytearray(frame.data), frame.tcp
    mine, other = (low if frame.low else high), (low if frame.to_low else high)
    end = min(at + (data[at + 12] >> 4) * 4, len(data))
    before = _sum(data[at:end], at)
    _move(data, at + 4, mine)
    if data[at + 13] & header.ACK:
        _move(data, at + 8, other)
    here = at + header.MINIMUM_LENGTH
    while here + 1 < end and data[here]:
        length = 1 if data[here] == 1 else data[here + 1]
        if data[here] == SACK:
            for edge in range(here + 2, min(here + length, end) - 3, 4):
                _move(data, edge, other)
        here += max(length, 1)
    if frame.finished:
        (old,) = struct.unpack_from(">H", data, at + 16)
        total = (~old & 0xFFFF) + (~before & 0xFFFF) + _sum(data[at:end], at)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        struct.pack_into(">H", data, at + 16, ~total & 0xFFFF)
    return frame._replace(data=bytes(data))


def _move(data: bytearray, at: int, by: int) -> None:
    (number,) = struct.unpack_from(">I", data, at)
    struct.pack_into(">I", data, at, (number + by) % 2**32)


def _sum(data: bytes | bytearray, at: int) -> int:
    """One's complement sum of a TCP header without its checksum field."""
    words = list(struct.unpack(f">{len(data) // 2}H", data[: len(data) // 2 * 2]))
    words[8] = 0
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def has_zero(frames: Iterable[Frame]) -> bool:
    """Some segment begins, ends or acknowledges at the number 0, which Wireshark's analysis takes for "not known yet"."""
    for f in frames:
        if f.tcp >= 0:
            seq, ack, _, flags = struct.unpack_from(">IIBB", f.data, f.tcp + 4)
            if seq == 0 or (seq + f.length) % 2**32 == 0 or (flags & header.ACK and ack == 0):
                return True
    return False
