"""Several files are one capture: cut, shuffled and interleaved in every way, the tables are those of the whole."""

from __future__ import annotations

import gzip
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.errors import CaptureError, FormatError, UsageError

from .. import broken
from ..conftest import CAPTURES
from .test_records import enhanced, interface, option, packet, pcap, section

SOURCES = ["lossy-transfer.pcap", "half-close-with-data.pcap", "syn-flood-small.pcap", "reused-port.pcap"]
TABLES = ("segments", "connections", "timeline", "findings")


def tables(*where: bytes | Path) -> list[list[tuple[object, ...]]]:
    analysis = ti.analyze(list(where))
    return [[tuple(row) for row in analysis.table(name)] for name in TABLES]


def in_order_of_time(packets: Iterable[broken.Packet]) -> broken.Packets:
    """Strictly ascending times, so that merging has one right answer."""
    out: broken.Packets = []
    for p in packets:
        out.append(p._replace(time_ns=max(p.time_ns, out[-1].time_ns + 1) if out else p.time_ns))
    return out


@pytest.mark.parametrize("name", SOURCES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_a_capture_cut_into_files_is_the_capture(name: str, data: st.DataObject) -> None:
    packets = in_order_of_time(broken.read(CAPTURES / name))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packets)), max_size=5)))
    parts = [packets[a:b] for a, b in zip([0, *cuts], [*cuts, len(packets)], strict=True)]
    data.draw(st.randoms(use_true_random=False)).shuffle(parts)
    compress = data.draw(st.sampled_from([bytes, gzip.compress, zstandard.compress]))
    assert tables(*(compress(broken.written(part)) for part in parts)) == tables(broken.written(packets))


@pytest.mark.parametrize("name", SOURCES)
@given(seed=st.integers(0, 2**32), files=st.integers(2, 5))
@settings(max_examples=12, deadline=None)
def test_interleaved_captures_are_merged_by_time(name: str, seed: int, files: int) -> None:
    chance = random.Random(seed)
    packets = in_order_of_time(broken.read(CAPTURES / name))
    hands: list[broken.Packets] = [[] for _ in range(files)]
    for p in packets:
        chance.choice(hands).append(p)
    assert tables(*map(broken.written, hands)) == tables(broken.written(packets))


def test_merging_equals_mergecap(tmp_path: Path) -> None:
    if shutil.which("mergecap") is None:
        pytest.skip("mergecap is not installed (Debian package wireshark-common)")
    several = [CAPTURES / "many-connections.pcapng", CAPTURES / "lossy-transfer.pcap", CAPTURES / "half-close-with-data.pcap"]
    moved = []
    for n, path in enumerate(several):  # all to the same second, so that they overlap
        subprocess.run(["editcap", "-F", "nsecpcap", path, tmp_path / "plain"], check=True)
        packets = broken.read(tmp_path / "plain")
        earlier = packets[0].time_ns - 10**18 - n
        out = tmp_path / f"{n}.pcap"
        out.write_bytes(broken.written(p._replace(time_ns=(p.time_ns - earlier) // 3 * 3 + n) for p in packets))
        moved.append(out)
    merged = tmp_path / "merged.pcap"
    subprocess.run(["mergecap", "-F", "nsecpcap", "-w", merged, *moved], check=True)
    assert tables(*reversed(moved)) == tables(merged)


def test_equal_times_keep_the_order_in_which_files_began() -> None:
    one, two = pcap(packets=3), pcap(packets=3)
    frames = [row.seq_raw for row in ti.analyze([one, two]).table("segments")]
    assert frames == [100, 100, 101, 101, 102, 102]


def test_records_out_of_order_stay_in_their_file() -> None:
    packets = broken.read(CAPTURES / "half-close-with-data.pcap")
    late = broken.clock_moved(packets, at=len(packets) // 2, by_ns=-(10**9))
    assert tables(broken.written(late[:3]), broken.written(late[3:])) == tables(broken.written(late))


def test_comments_are_numbered_through() -> None:
    def commented(seq: int, seconds: int) -> bytes:
        own = option("<", 1, b"packet %d" % seq)
        return (
            section("<", option("<", 1, b"file %d" % seq))
            + interface("<")
            + enhanced("<", 0, seconds * 10**6, packet(seq))
            + enhanced("<", 0, (seconds + 2) * 10**6, packet(seq + 1), own)
        )

    capture = ti.analyze([commented(50, 11), commented(10, 10)]).capture
    assert capture.comments == [(0, "file 10"), (0, "file 50"), (3, "packet 10"), (4, "packet 50")]
    assert capture.format == "2 files, pcapng, little-endian"


def test_warnings_name_their_file(tmp_path: Path) -> None:
    whole, cut, nothing, other = (tmp_path / name for name in ("whole.pcap", "cut.pcap", "empty.pcap", "notes.txt"))
    whole.write_bytes(pcap())
    cut.write_bytes(pcap()[:-5])
    nothing.write_bytes(b"")
    other.write_text("no capture at all")
    analysis = ti.analyze([whole, cut, nothing, other])
    assert analysis.capture.packets == 5 and analysis.name == "whole.pcap and 3 more"
    assert [w.split(" ")[0:3] for w in analysis.capture.warnings] == [
        ["left", "out:", "empty.pcap"], ["left", "out:", "notes.txt"], ["cut.pcap:", "the", "file"]
    ]  # fmt: skip
    with pytest.raises(FormatError, match=r"empty\.pcap"):
        ti.analyze([nothing, other])
    with pytest.raises(CaptureError, match="no file"):
        ti.analyze([whole, tmp_path / "missing.pcap"])
    with pytest.raises(UsageError):
        ti.analyze([])


def test_files_that_follow_each_other_need_few_descriptors(tmp_path: Path) -> None:
    packets = in_order_of_time(broken.read(CAPTURES / "lossy-transfer.pcap"))[:300]
    files = []
    for n, p in enumerate(packets):
        files.append(tmp_path / f"{n}.pcap.gz")
        files[-1].write_bytes(gzip.compress(broken.written([p]), compresslevel=1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 8, hard))
        found = tables(*files)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == tables(broken.written(packets))


def test_pipes_among_the_files_are_read_once(tmp_path: Path) -> None:
    packets = in_order_of_time(broken.read(CAPTURES / "lossy-transfer.pcap"))
    even, odd = tmp_path / "even.pcap", tmp_path / "odd.pcap"
    even.write_bytes(broken.written(packets[::2]))
    odd.write_bytes(broken.written(packets[1::2]))
    with subprocess.Popen(["cat", odd], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        found = tables(Path(f"/dev/fd/{cat.stdout.fileno()}"), even)
    assert found == tables(broken.written(packets))
