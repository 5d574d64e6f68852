"""Growing files, pipes and compressed streams give the same packets, however their octets arrive."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

import tcpinspect as ti
from tcpinspect.capture import inflate
from tcpinspect.capture.source import Source, cores

from ..conftest import CAPTURES
from .test_records import block, enhanced, interface, packet, pcap, section

WHOLE = (CAPTURES / "lossy-transfer.pcap").read_bytes()
# Appends a file to another in pieces of every size, so that headers and packets are cut everywhere.
WRITER = """
import random, sys, time
data, chance = open(sys.argv[1], "rb").read(), random.Random(7)
with open(sys.argv[2], "ab", buffering=0) as out:
    at = 0
    while at < len(data):
        size = chance.choice((1, 3, 7, 15, 16, 17, 23, 1000, 9000))
        out.write(data[at : at + size])
        at += size
        time.sleep(chance.choice((0, 0, 0, 0.0005)))
"""


def rows(where: object, **options: float) -> list[tuple[object, ...]]:
    return [tuple(row) for row in ti.analyze(where, **options).table("segments")]  # type: ignore[arg-type]


def contents(source: Source) -> bytes:
    out, buffer = b"", memoryview(bytearray(1 << 21))
    while came := source.readinto(buffer):
        out += buffer[:came]
    source.close()
    return out


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_a_growing_file_is_followed_to_its_end(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    complete, growing = tmp_path / "complete", tmp_path / "growing"
    complete.write_bytes(pack(WHOLE))
    growing.write_bytes(b"")
    with subprocess.Popen([sys.executable, "-c", WRITER, complete, growing]):
        found = rows(growing, follow=1.0)
    assert found == rows(complete)


def test_a_pcapng_block_larger_than_the_buffer_arrives_in_pieces(tmp_path: Path) -> None:
    data = section("<") + interface("<") + block("<", 0xBAD, b"x" * (5 << 20)) + enhanced("<", 0, 1, packet())
    read, write = os.pipe()

    def send() -> None:
        with open(write, "wb", buffering=0) as out:
            for at in range(0, len(data), 50_001):
                out.write(data[at : at + 50_001])

    sender = threading.Thread(target=send)
    sender.start()
    with open(read, "rb") as pipe:
        assert len(rows(pipe)) == 1
    sender.join()


def test_following_ends_after_the_quiet_seconds_and_says_what_was_cut(tmp_path: Path) -> None:
    growing = tmp_path / "growing.pcap"
    growing.write_bytes(pcap(packets=5)[:-3])
    begin = time.monotonic()
    capture = ti.analyze(growing, follow=0.3).capture
    assert 0.3 <= time.monotonic() - begin < 5
    assert capture.packets == 4 and len(capture.warnings) == 1


def test_a_followed_file_that_is_begun_anew_is_said(tmp_path: Path) -> None:
    growing = tmp_path / "growing.pcap"
    growing.write_bytes(pcap(packets=5))

    def begin_anew(octets: int, packets: int) -> None:
        growing.write_bytes(pcap(packets=2))

    capture = ti.analyze(growing, follow=60.0, progress=begin_anew).capture
    assert capture.packets == 5 and "begun anew" in capture.warnings[0]


def test_the_newest_of_several_files_is_followed(tmp_path: Path) -> None:
    old, new = tmp_path / "old.pcap", tmp_path / "new.pcap"
    old.write_bytes(WHOLE[: len(WHOLE)])
    later = bytearray(pcap(packets=30))
    for n in range(30):  # three decades behind the others
        at = 24 + n * 70
        later[at : at + 4] = (3_000_000_000 + n).to_bytes(4, "little")
    complete = tmp_path / "complete"
    complete.write_bytes(later)
    new.write_bytes(b"")
    with subprocess.Popen([sys.executable, "-c", WRITER, complete, new]):
        found = rows([new, old], follow=1.0)
    assert found == rows([old, complete]) and len(found) == len(rows(old)) + 30


@pytest.mark.parametrize("library", ["zlib-ng", "zlib"])
def test_gzip_of_several_members_with_zeros_between(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    if library == "zlib":
        monkeypatch.setattr(inflate, "_zlib", lambda: zlib)
    elif inflate._zlib() is zlib:
        pytest.skip("zlib-ng is not installed")
    chance = random.Random(3)
    data = chance.randbytes(3 << 20) + bytes(5 << 20)  # does not shrink, then shrinks a thousandfold
    members = [gzip.compress(data[at : at + (1 << 20)]) for at in range(0, len(data), 1 << 20)]
    assert contents(Source(b"\0\0\0".join(members) + bytes(512))) == data
    assert contents(Source(gzip.compress(b"") + members[0])) == data[: 1 << 20]


def test_zstd_of_several_frames() -> None:
    data = random.Random(4).randbytes(1 << 20) + bytes(4 << 20)
    frames = b"".join(zstandard.compress(data[at : at + 700_000]) for at in range(0, len(data), 700_000))
    assert contents(Source(frames)) == data


def test_a_damaged_gzip_gives_what_is_before_the_damage() -> None:
    data = random.Random(5).randbytes(1 << 19)
    packed = bytearray(gzip.compress(data, compresslevel=0))
    packed[300_000:300_100] = bytes(range(100))
    source = Source(bytes(packed))
    found = contents(source)
    assert data.startswith(found[:299_000]) and len(found) >= 299_000
    assert source.damage is not None and source.damage.startswith("the gzip stream is damaged")
    wrong_sum = bytearray(gzip.compress(b"all of this is before the damage" * 9))
    wrong_sum[-6] ^= 1
    assert contents(Source(bytes(wrong_sum))) == b"all of this is before the damage" * 9
    cut = Source(gzip.compress(data)[:-100_000])
    assert data.startswith(contents(cut)) and "ends inside" in str(cut.damage)
    garbage = Source(gzip.compress(data) + b"not another member")
    assert contents(garbage) == data and garbage.damage


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_of_a_long_stream_comes_all_up_to_where_it_is_cut(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = random.Random(6).randbytes(9 << 20)
    path = tmp_path / "x"
    path.write_bytes(pack(data))
    assert contents(Source(path)) == data
    path.write_bytes(pack(data)[: 5 << 20])
    short = Source(path)
    assert data.startswith(found := contents(short)) and len(found) > 4 << 20
    assert short.damage is not None and "it ends inside a" in short.damage


def test_zstd_that_ends_inside_a_frame_is_damaged_wherever_it_ends() -> None:
    data = random.Random(7).randbytes(200_000) + bytes(200_000)
    frames = [
        zstandard.ZstdCompressor(**options).compress(part)
        for options in ({}, {"write_checksum": True}, {"write_content_size": False})
        for part in (data, b"")
    ] + [bytes.fromhex("502a4d18 03000000") + b"any"]  # and one to be passed over
    ends = {sum(map(len, frames[:n])) for n in range(len(frames) + 1)}
    whole = b"".join(frames)
    for end in sorted(ends | {end + by for end in ends for by in (-5, -1, 1, 4, 9) if 4 < end + by < len(whole)}):
        source = Source(whole[:end])
        assert data.startswith(contents(source)[: len(data)])
        assert (source.damage is None) == (end in ends), end


def test_cores_counts_those_this_process_may_use() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


class Slow(io.RawIOBase):
    """A stream that does not block and has nothing every other time."""

    def __init__(self, data: bytes) -> None:
        self.rest, self.calls = data, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        self.calls += 1
        if self.calls % 2:
            return None
        size = min(len(buffer), 900)
        piece, self.rest = self.rest[:size], self.rest[size:]
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_stream_that_has_nothing_yet_is_asked_again() -> None:
    assert len(rows(Slow(pcap(packets=40)))) == 40


@pytest.mark.parametrize(("what", "called"), [(3, "int"), (None, "None"), ([3], "int"), ({"a": 1}, "dict"), (io.StringIO("x"), "text")])
def test_what_is_no_capture_at_all_is_told_what_is(what: object, called: str) -> None:
    with pytest.raises(ti.UsageError, match=rf"a path, bytes, a file object.*a list of these; this is .*{called}") as raised:
        ti.analyze(what)  # type: ignore[arg-type]
    assert isinstance(raised.value, TypeError)


@pytest.mark.parametrize("end", ["", os.sep])
def test_a_directory_is_told_to_name_its_captures(tmp_path: Path, end: str) -> None:
    with pytest.raises(ti.CaptureError) as raised:
        ti.analyze(str(tmp_path) + end)
    assert str(raised.value) == (
        f"cannot read {str(tmp_path) + end!r}: it is a directory; name the captures in it, such as {tmp_path / '*.pcap'}"
    )


def test_a_file_that_cannot_be_read_from_is_told_why(tmp_path: Path) -> None:
    class Words:
        def read(self, size: int) -> str:
            return "words"

    closed = (CAPTURES / "half-close-with-data.pcap").open("rb")
    closed.close()
    with (tmp_path / "new.pcap").open("wb") as new:
        for wrong, called in ((closed, "a file that is closed"), (new, "a file opened for writing"), (Words(), "read() gives text")):
            with pytest.raises(ti.UsageError, match=rf"{re.escape(called)}$") as raised:
                ti.analyze(wrong)  # type: ignore[arg-type]
            assert isinstance(raised.value, TypeError)
    for name in ("nul\0.pcap", "half\ud800.pcap"):  # no file can be called so
        with pytest.raises(ti.CaptureError, match=r"^no file .*: check the name$"):
            ti.analyze(name)
