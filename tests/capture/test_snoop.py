"""Snoop files (RFC 1761): ours converted by editcap, and records written here byte by byte."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import FormatError

CAPTURES = Path(__file__).parents[2] / "captures"
SYN = bytes.fromhex("4500002800010000400600007f0000017f0000010fa000500000006400000000500203e800000000")
ETHERNET = b"\2" * 6 + b"\4" * 6 + b"\x08\0" + SYN
TOKEN_RING = b"\x10\x40" + b"\2" * 6 + b"\4" * 6 + b"\xaa\xaa\x03\0\0\0\x08\0" + SYN
FDDI = b"\x50" + b"\2" * 6 + b"\4" * 6 + b"\xaa\xaa\x03\0\0\0\x08\0" + SYN
Tshark = Callable[..., list[dict[str, str]]]


def snoop(*packets: bytes, datalink: int = 4, drops: int = 0, version: int = 2) -> bytes:
    out = b"snoop\0\0\0" + struct.pack(">II", version, datalink)
    for n, data in enumerate(packets):
        padding = -len(data) % 4
        out += struct.pack(">IIIIII", len(data), len(data), 24 + len(data) + padding, drops, 1_700_000_000 + n, 7) + data + b"\0" * padding
    return out


@pytest.mark.parametrize("name", ["lossy-transfer.pcap", "simultaneous-close.pcap", "ipv6-normal-close.pcap"])
def test_a_converted_capture_reads_the_same(name: str, tmp_path: Path, tshark: Tshark) -> None:
    if shutil.which("editcap") is None:
        pytest.skip("editcap is not installed (Debian package wireshark-common)")
    micro, made = tmp_path / "micro.pcap", tmp_path / "made.snoop"
    subprocess.run(["editcap", "-F", "pcap", CAPTURES / name, micro], check=True)
    subprocess.run(["editcap", "-F", "snoop", micro, made], check=True)
    ours = ti.analyze(made)
    assert ours.capture.format == "snoop" and ours.capture.drops is None and not ours.capture.warnings
    for table in ("segments", "connections", "timeline"):
        assert list(ours.table(table)) == list(ti.analyze(micro).table(table))
    theirs = tshark(made, "frame.number", "frame.time_epoch", "tcp.seq_raw")
    assert [(str(row.frame), row.time_ns, str(row.seq_raw)) for row in ours.table("segments")] == [
        (row["frame.number"], int(row["frame.time_epoch"].replace(".", "")), row["tcp.seq_raw"]) for row in theirs
    ]


@pytest.mark.parametrize(
    ("datalink", "data", "link"), [(0, ETHERNET, "Ethernet"), (4, ETHERNET, "Ethernet"), (2, TOKEN_RING, "Token Ring"), (8, FDDI, "FDDI")]
)
def test_link_types(datalink: int, data: bytes, link: str, tmp_path: Path, tshark: Tshark) -> None:
    path = tmp_path / "one.snoop"
    path.write_bytes(snoop(data, data, datalink=datalink))
    analysis = ti.analyze(path)
    assert analysis.capture.link_types == (link,)
    assert [row.seq_raw for row in analysis.table("segments")] == [100, 100]
    assert [row["tcp.seq_raw"] for row in tshark(path, "tcp.seq_raw")] == ["100", "100"]


def test_a_link_that_nobody_decodes_is_counted_as_such() -> None:
    analysis = ti.analyze(snoop(ETHERNET, datalink=7))
    assert analysis.capture.not_tcp == {"unknown link type": 1}


def test_the_drops_so_far_are_those_of_the_last_record() -> None:
    assert ti.analyze(snoop(ETHERNET, ETHERNET, drops=9)).capture.drops == 9


def test_a_file_cut_off_anywhere_is_read_up_to_there() -> None:
    whole = snoop(ETHERNET, ETHERNET)
    for end in range(16, len(whole)):
        found = len(ti.analyze(whole[:end]).table("segments"))
        # the padding behind the last packet may be missing
        assert found == (end >= 16 + 24 + len(ETHERNET)) + (end >= 16 + 2 * 24 + 2 * len(ETHERNET) + (-len(ETHERNET) % 4))


def test_a_record_that_contradicts_itself_ends_the_reading() -> None:
    data = bytearray(snoop(ETHERNET, ETHERNET))
    struct.pack_into(">I", data, 16 + 4, 0x7FFFFFFF)
    analysis = ti.analyze(bytes(data))
    assert not len(analysis.table("segments")) and "contradicts itself" in analysis.capture.warnings[0]


@pytest.mark.parametrize("data", [b"snoop\0\0\0\0\0", snoop(ETHERNET, version=1)])
def test_what_cannot_be_read_is_an_error_of_one_line(data: bytes) -> None:
    with pytest.raises(FormatError) as error:
        ti.analyze(data)
    assert "\n" not in str(error.value)
