"""engine.jobs, engine.parts: what a summary says does not hang on how many processes read the capture."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.cli.summary import collect
from tcpinspect.engine import jobs
from tcpinspect.engine.finish import CONNECTION_FIELD
from tcpinspect.engine.run import run
from tcpinspect.errors import CaptureError
from tcpinspect.model.survey import survey

ROOT = Path(__file__).parents[2]
CAPTURES = sorted((ROOT / "captures").glob("*.pcap*"))
ETHERNET = 1


def packets(path: Path) -> list[bytes]:
    """The Ethernet frames of a capture, at most a hundred."""
    records = Records(Source(str(path)))
    out = []
    while records.next_block():
        for n in range(records.count):
            at, length, wire, _, link = records.record(n)
            if link == ETHERNET and length == wire:
                out.append(bytes(records.view[at : at + length]))
    return out[:100]


POOL = [frames for path in CAPTURES if (frames := packets(path))]


def interleaved(order: list[int]) -> bytes:
    """Frames of several captures, each in its own order, a millisecond between two."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET))
    at = [0] * len(POOL)
    for number, which in enumerate(order):
        frame = POOL[which][at[which] % len(POOL[which])]
        at[which] += 1
        out += struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame
    return bytes(out)


def told(path: str, count: int) -> str:
    return json.dumps(collect(survey(path, jobs=count)))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, len(POOL) - 1), max_size=400))
def test_any_number_of_processes_tells_the_same(order: list[int]) -> None:
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(interleaved(order))
        file.flush()
        assert told(file.name, 1) == told(file.name, 2) == told(file.name, 5)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_three_processes_tell_of_a_capture_what_one_tells(path: Path) -> None:
    assert told(str(path), 3) == told(str(path), 1)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_a_summary_counts_what_the_tables_count(path: Path) -> None:
    """Dealt out to parts or read one after the other: no packet is lost on the way."""
    dealt, classes = jobs.survey_run(str(path), jobs=1)
    told = run(str(path), segments=False)
    for name in ("packets", "segments", "octets", "first_ns", "last_ns", "not_tcp", "snaplen_cut", "steps_back", "checksums"):
        assert getattr(dealt, name) == getattr(told, name)
    assert classes.count == sum(chunk.done for chunk in told.chunks)


def test_what_waits_is_read_where_it_lies_although_a_datagram_was_put_together(tmp_path: Path) -> None:
    """Plain packets of two hosts wait to be followed when the last fragment of another arrives, which is read from a place of its own."""

    def ip(data: bytes, identification: int, fragment: int = 0) -> bytes:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), identification, fragment, 64, 6, 0)
        return bytes(12) + b"\x08\0" + head + bytes([10, 0, 0, 1, 10, 0, 0, 2]) + data

    def tcp(seq: int) -> bytes:
        return struct.pack(">HHIIHHHH", 1000, 80, seq, 1, 0x5010, 512, 0, 0) + bytes(44)

    frames = []
    for number in range(20):
        seq = number * 6 * 44
        frames += [ip(tcp(seq + 44 * k), 1) for k in range(5)]
        last = tcp(seq + 5 * 44)
        frames += [ip(last[:32], 100 + number, 0x2000), ip(last[32:], 100 + number, 4)]
    path = tmp_path / "between.pcap"
    records = [struct.pack("<IIII", n, 0, len(frame), len(frame)) + frame for n, frame in enumerate(frames)]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET) + b"".join(records))
    found, classes = jobs.survey_run(str(path), jobs=1)
    ((_, _, row, _),) = next(iter(classes.by_key.values())).examples
    assert found.segments == row[CONNECTION_FIELD["client_packets"]] == 120
    assert row[CONNECTION_FIELD["client_payload_bytes"]] == 120 * 44


def test_connections_that_leave_the_table_do_so_with_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    path = next(str(path) for path in CAPTURES if path.name.startswith("many-connections"))
    for name, limit in {"roomy": 0, "closed_ns": 0, "attempt_ns": 0, "idle_ns": 0, "hurry_ns": 0}.items():
        monkeypatch.setitem(jobs.LIMITS, name, limit)
    assert survey(path, jobs=1).late_segments == survey(path, jobs=4).late_segments > 0
    assert told(path, 1) == told(path, 2) == told(path, 8)


def test_jobs_are_one_where_a_capture_cannot_be_read_twice(tmp_path: Path) -> None:
    plain = next(str(path) for path in CAPTURES if path.suffix == ".pcap")
    assert jobs.jobs_for(plain, 4) == 4
    assert jobs.jobs_for(plain, None) == 1, "a small capture"
    assert jobs.jobs_for("-", 4) == jobs.jobs_for(b"", 4) == jobs.jobs_for(plain, 4, follow=1.0) == 1
    packed = tmp_path / "x.pcap"
    packed.write_bytes(b"\x1f\x8b" + bytes(100))
    assert jobs.jobs_for([plain, str(packed)], 4) == 1


def test_a_lost_process_is_said_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    path = next(str(path) for path in CAPTURES if path.suffix == ".pcap")
    monkeypatch.setattr(jobs, "_work", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(CaptureError, match="--jobs 1"):
        survey(path, jobs=2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_damaged_capture_is_told_once(tmp_path: Path) -> None:
    path = next(path for path in CAPTURES if path.name.startswith("many-connections"))
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(path.read_bytes()[:-3])
    assert len(survey(str(cut), jobs=2).capture.warnings) == 1
    (tmp_path / "none.pcap").write_bytes(b"no capture at all, this")
    with pytest.raises(CaptureError, match="not a capture"):
        survey(str(tmp_path / "none.pcap"), jobs=2)


@pytest.mark.parametrize("send", [os.killpg, os.kill], ids=["a terminal, to all", "a program, to the first"])
def test_ctrl_c_prints_what_was_read(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    """Whoever hears the signal, every process stops."""
    frame = bytearray(next(frames for frames in POOL if len(frames) > 20)[0])
    large = tmp_path / "large.pcap"
    record = b""
    for octet in range(16):  # of an address: some are in parts of one process, some in those of the other
        frame[29] = octet
        record += struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    with large.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET))
        for _ in range(100):
            out.write(record * 625)
    command = [sys.executable, "-m", "tcpinspect", "summary", "-T", "json", "-j", "2", str(large)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not children.read_text().split():
        time.sleep(0.01)
    time.sleep(0.1)
    send(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("this machine had read a million packets in a tenth of a second")
    assert process.returncode == 130, err
    assert not err or b"interrupted" in err
    if out:
        found = json.loads(out)
        assert 0 <= found["packets"] < 1_000_000 and found["segments"] < 1_000_000 * 3 // 4
