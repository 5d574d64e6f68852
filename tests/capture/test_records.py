"""Capture files in every container: written here byte by byte, so that each variant is known exactly."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
from pathlib import Path

import pytest
import zstandard

import tcpinspect as ti
from tcpinspect.errors import CaptureError, FormatError

SECOND = 1_700_000_000


def packet(seq: int = 100, flags: int = 2) -> bytes:
    """An Ethernet frame with a TCP segment from 192.0.2.1:4000 to 192.0.2.2:80, checksums left out."""
    tcp = struct.pack(">HHIIBBHHH", 4000, 80, seq, 0, 5 << 4, flags, 1000, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
    return b"\x02" * 6 + b"\x04" * 6 + b"\x08\x00" + ip + tcp


def pcap(order: str = "<", nano: bool = False, modified: bool = False, packets: int = 3, link: int = 1) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2CD34 if modified else 0xA1B2C3D4
    out = bytearray(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link))
    for n in range(packets):
        data = packet(100 + n)
        out += struct.pack(order + "IIII", SECOND + n, 7, len(data), len(data)) + (b"\0" * 8 if modified else b"") + data
    return bytes(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str, *options: bytes) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + b"".join(options))


def interface(order: str, link: int = 1, *options: bytes) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, 0) + b"".join(options))


def enhanced(order: str, number: int, ticks: int, data: bytes, *options: bytes) -> bytes:
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, head + data + b"\0" * (-len(data) % 4) + b"".join(options))


def times(data: bytes) -> list[int]:
    return [row.time_ns for row in ti.analyze(data).table("segments")]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("nano", "modified", "unit"), [(False, False, 1000), (True, False, 1), (False, True, 1000)])
def test_pcap_of_every_magic(order: str, nano: bool, modified: bool, unit: int) -> None:
    assert times(pcap(order, nano, modified)) == [(SECOND + n) * 10**9 + 7 * unit for n in range(3)]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_compression_is_known_by_content(compress, tmp_path: Path) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(compress(pcap()))
    assert len(ti.analyze(path).table("segments")) == 3


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "ticks", "nanoseconds"),
    [
        (None, 5_000_007, 5_000_007_000),
        (9, 5_000_000_007, 5_000_000_007),
        (3, 5_007, 5_007_000_000),
        (12, 5_000_000_007_000, 5_000_000_007),
        (0x80 | 20, 5 << 20 | 1 << 19, 5_500_000_000),
    ],
)
def test_pcapng_clock_of_each_resolution(order: str, resolution: int | None, ticks: int, nanoseconds: int) -> None:
    options = [option(order, 9, bytes([resolution]))] if resolution is not None else []
    data = section(order) + interface(order, 1, *options) + enhanced(order, 0, ticks, packet())
    assert times(data) == [nanoseconds]


def test_pcapng_time_offset() -> None:
    data = section("<") + interface("<", 1, option("<", 14, struct.pack("<q", 1000))) + enhanced("<", 0, 2_000_000, packet())
    assert times(data) == [1002 * 10**9]


def test_pcapng_sections_of_both_byte_orders_and_several_interfaces() -> None:
    raw = packet()[14:]
    data = (
        section("<")
        + interface("<")
        + interface("<", 101, option("<", 9, b"\x09"))
        + enhanced("<", 1, 5, raw)
        + enhanced("<", 0, 5, packet(101))
    )
    data += section(">") + interface(">", 228) + enhanced(">", 0, 9, raw)
    assert times(data) == [5, 5000, 9000]


def test_pcapng_simple_and_obsolete_packets() -> None:
    data = section("<") + interface("<")
    frame = packet()
    data += block("<", 3, struct.pack("<I", len(frame)) + frame)
    data += block("<", 2, struct.pack("<HHIIII", 0, 0xFFFF, 0, 9, len(frame), len(frame)) + frame + b"\0" * (-len(frame) % 4))
    analysis = ti.analyze(data)
    assert [row.frame for row in analysis.table("segments")] == [1, 2]
    # a simple packet block has no stamp, which is said, and is no damage
    assert analysis.capture.untimed == 1 and analysis.capture.warnings == []
    assert [one.text[:20] for one in analysis.diagnoses if one.id == "TI-CAP-15"] == ["1 packet carries no "]


def test_pcapng_comments_and_drops() -> None:
    data = section("<", option("<", 1, b"about all")) + interface("<")
    data += enhanced("<", 0, 1, packet(), option("<", 1, "caf\u00e9".encode()))
    data += block("<", 5, struct.pack("<III", 0, 0, 0) + option("<", 5, struct.pack("<Q", 17)))
    capture = ti.analyze(data).capture
    assert capture.comments == [(0, "about all"), (1, "caf\u00e9")]
    assert capture.drops == 17


@pytest.mark.parametrize("kind", [9, 0xBAD, 0x40000BAD])
def test_pcapng_custom_blocks_count_as_frames_as_in_wireshark(kind: int, tmp_path: Path, tshark) -> None:
    path = tmp_path / "custom.pcapng"
    body = bytes(8) if kind != 9 else b"__REALTIME_TIMESTAMP=1\n"
    blocks = [enhanced("<", 0, 1, packet()), block("<", kind, body), block("<", 77, bytes(8)), enhanced("<", 0, 2, packet(101))]
    path.write_bytes(section("<") + interface("<") + b"".join(blocks))
    frames = [row.frame for row in ti.analyze(path).table("segments")]
    assert frames == [1, 3] == [int(row["frame.number"]) for row in tshark(path, "frame.number", "tcp.srcport") if row["tcp.srcport"]]


def test_a_pcapng_block_whose_two_lengths_differ_ends_the_reading() -> None:
    last = enhanced("<", 0, 2, packet(101))
    analysis = ti.analyze(io.BytesIO(section("<") + interface("<") + enhanced("<", 0, 1, packet()) + last[:-4] + b"\0\0\0\1"))
    assert [row.frame for row in analysis.table("segments")] == [1]
    assert "gives its length as" in analysis.capture.warnings[0]


def test_drops_are_unknown_where_the_capture_does_not_say() -> None:
    assert ti.analyze(pcap()).capture.drops is None


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 60])
def test_a_cut_file_is_analysed_up_to_the_cut(cut: int) -> None:
    analysis = ti.analyze(pcap()[:-cut])
    assert len(analysis.table("segments")) == 2
    assert len(analysis.capture.warnings) == 1 and "after packet 2" in analysis.capture.warnings[0]


def test_a_cut_gzip_gives_what_it_can() -> None:
    analysis = ti.analyze(gzip.compress(pcap(packets=2000), compresslevel=0)[:-40000])
    assert 0 < len(analysis.table("segments")) < 2000
    assert any("gzip" in warning for warning in analysis.capture.warnings)


def test_an_absurd_length_ends_the_reading() -> None:
    data = bytearray(pcap())
    data[24 + 16 + 54 + 8 : 24 + 16 + 54 + 12] = b"\xff\xff\xff\x7f"
    analysis = ti.analyze(bytes(data))
    assert len(analysis.table("segments")) == 1 and analysis.capture.warnings


@pytest.mark.parametrize("data", [b"", b"hello", b"\xa1\xb2\xc3\xd4\0\0", b"\0" * 100])
def test_no_capture_is_an_error_of_one_line(data: bytes) -> None:
    with pytest.raises(FormatError) as error:
        ti.analyze(data)
    assert "\n" not in str(error.value) and str(error.value)


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no file"):
        ti.analyze(tmp_path / "nothing.pcap")


def test_a_file_object_stays_open() -> None:
    stream = io.BytesIO(pcap())
    assert len(ti.analyze(stream).table("segments")) == 3
    assert not stream.closed


def test_records_larger_than_a_block_and_across_blocks() -> None:
    many = pcap(packets=60_000)
    assert len(ti.analyze(many).table("segments")) == 60_000
    large = section("<") + interface("<") + block("<", 0xBAD, b"x" * (5 << 20)) + enhanced("<", 0, 1, packet())
    assert len(ti.analyze(large).table("segments")) == 1


LINKS = [
    (1, None), (101, b""), (12, b""), (14, b""), (228, b""), (0, b"\x02\0\0\0"), (0, b"\0\0\0\x02"), (108, b"\0\0\0\x02"),
    (113, b"\0" * 14 + b"\x08\0"), (276, b"\x08\0" + b"\0" * 18), (9, b"\x00\x21"), (9, b"\xff\x03\x00\x21"), (9, b"\x21"),
    (50, b"\xff\x03\x00\x21"), (104, b"\x0f\0\x08\0"),
]  # fmt: skip


@pytest.mark.parametrize(("link", "head"), LINKS)
def test_link_types(link: int, head: bytes | None) -> None:
    data = packet() if head is None else head + packet()[14:]
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link) + struct.pack("<IIII", 1, 0, len(data), len(data)) + data
    rows = list(ti.analyze(capture).table("segments"))
    assert [(row.src, row.dst_port, row.seq_raw) for row in rows] == [("192.0.2.1", 80, 100)]


def test_what_is_not_tcp_is_counted_by_reason() -> None:
    udp = bytearray(packet())
    udp[23] = 17
    data = (
        section("<")
        + interface("<")
        + interface("<", 147)
        + enhanced("<", 0, 1, bytes(udp))
        + enhanced("<", 1, 1, b"?")
        + enhanced("<", 0, 1, packet())
    )
    capture = ti.analyze(data).capture
    assert capture.not_tcp == {"UDP": 1, "unknown link type": 1}
    assert capture.packets == 3 and capture.segments == 1
