"""The benchmark's own capture is clean traffic, and a hundred thousand packets of it go through every table. Judge: tshark."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tcpinspect as ti
from tcpinspect.schema import TABLES

PACKETS = 100_000


def load(name: str) -> ModuleType:
    """A module of this directory, which is no package."""
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


bench = load("bench")
traffic = load("traffic")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("bench") / "100k.pcap"
    assert traffic.write(path, PACKETS) == PACKETS
    return path


@pytest.fixture(scope="module")
def analysis(capture: Path) -> ti.Analysis:
    return ti.analyze(capture)


def tshark(capture: Path, *arguments: str) -> list[str]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    command = ["tshark", "-n", "-r", str(capture), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cut short" not in done.stderr and "malformed" not in done.stderr.lower(), done.stderr
    return done.stdout.split()


def test_traffic_is_the_same_each_time(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    traffic.write(one, 3000)
    traffic.write(two, 3000)
    assert one.read_bytes() == two.read_bytes()


def test_traffic_beyond_the_base_is_made_of_copies_in_order_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "BASE_PACKETS", 2000)
    path = tmp_path / "copies.pcap"
    traffic.write(path, 5000)
    capture = ti.analyze(path).capture
    assert (capture.packets, capture.segments, capture.steps_back, capture.checksums["bad"]) == (5000, 5000, 0, 0)
    assert bench.count_packets(path) == 5000


def test_tshark_reads_the_traffic_without_complaint(capture: Path) -> None:
    wrong = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || !tcp || tcp.len < 0"
    assert tshark(capture, "-Y", wrong, "-T", "fields", "-e", "frame.number") == []


def test_streams_are_those_of_tshark(capture: Path, analysis: ti.Analysis) -> None:
    numbers = list(map(int, tshark(capture, "-T", "fields", "-e", "tcp.stream")))
    assert len(numbers) == PACKETS
    assert max(numbers) + 1 == len(analysis.connections)
    assert numbers == analysis.frame("segments")["stream"].tolist()


def test_the_traffic_has_every_kind_of_connection(analysis: ti.Analysis) -> None:
    connections = analysis.frame("connections")
    assert {"three-way", "refused", "unanswered"} <= set(connections["handshake"])
    assert {"four-segment", "three-segment", "simultaneous", "half-close", "aborted", "open"} <= set(connections["teardown"])
    segments = analysis.frame("segments")
    for flag in ("retransmission", "fast_retransmission", "out_of_order", "lost_segment", "duplicate_ack", "keep_alive", "reused_ports"):
        assert segments[flag].any(), flag


def test_a_hundred_thousand_packets_go_through_every_table(analysis: ti.Analysis) -> None:
    frames = {name: analysis.frame(name) for name in TABLES}
    for name, frame in frames.items():
        assert list(frame.columns) == [column.name for column in TABLES[name]]
        assert len(frame) == len(analysis.table(name)) > 0
    segments, connections, timeline = frames["segments"], frames["connections"], frames["timeline"]
    assert len(segments) == analysis.capture.segments == PACKETS
    assert connections["stream"].tolist() == list(range(len(connections)))
    assert int(connections["client_packets"].sum() + connections["server_packets"].sum()) == PACKETS
    counted = segments.groupby("stream").size()
    assert (connections["client_packets"] + connections["server_packets"]).tolist() == counted.tolist()
    again = connections["client_retransmissions"].sum() + connections["server_retransmissions"].sum()
    assert int(again) == int(segments["retransmission"].sum())
    assert int(connections["lost_segments"].sum()) == int(segments["lost_segment"].sum())
    assert set(timeline["stream"]) <= set(connections["stream"])
    assert set(frames["findings"]["stream"].dropna()) <= set(connections["stream"])


def test_rows_and_frames_say_the_same(analysis: ti.Analysis) -> None:
    for name in ("connections", "timeline"):
        frame = analysis.frame(name)
        for n, row in enumerate(analysis.table(name).rows()):
            if n % 997 == 0:
                assert [None if missing else value for value, missing in zip(frame.iloc[n], frame.iloc[n].isna(), strict=True)] == list(row)


def test_the_benchmark_measures_and_prints_a_table(tmp_path: Path) -> None:
    small = tmp_path / "small.pcap"
    traffic.write(small, 500)
    found = bench.jobs(small, 500)
    bench.run(found[:1] + [job for job in found if job.peer][:1], 2)
    measured = [job for job in found if job.cpu]
    text = bench.table(measured, 500)
    assert all(len(job.cpu) == len(job.peak) == 2 and min(job.cpu) > 0 and min(job.peak) > 1 for job in measured)
    assert len(text.splitlines()) == 2 + len(measured)
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_what_takes_minutes_runs_on_small_captures_or_when_asked_for() -> None:
    def names(packets: int, **asked: bool) -> set[str]:
        return {job.name for job in bench.jobs(Path("x.pcap"), packets, **asked)}

    assert names(5_000_000) < names(5_000_000, slow=True) == names(500)


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# x\n")
    with pytest.raises(SystemExit, match="how-fast"):
        bench.write_readme("table", readme)
    assert readme.read_text() == "# x\n"
    readme.write_text("a\n<!-- how-fast -->\nold\n<!-- /how-fast -->\nz\n")
    bench.write_readme("new", readme)
    assert readme.read_text() == "a\n<!-- how-fast -->\nnew\n<!-- /how-fast -->\nz\n"
