"""The project's own captures, column by column against tshark."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tcpinspect as ti
from tcpinspect.schema import ANALYSIS_FLAGS

from .conftest import CAPTURES

NAMES = sorted(p.name for p in CAPTURES.iterdir() if ".pcap" in p.name)
PLAIN = {
    "frame": "frame.number", "src_port": "tcp.srcport", "dst_port": "tcp.dstport", "seq_raw": "tcp.seq_raw", "ack_raw": "tcp.ack_raw",
    "payload_len": "tcp.len", "window_raw": "tcp.window_size_value", "seq": "tcp.seq", "urgent_pointer": "tcp.urgent_pointer",
    "duplicate_ack_num": "tcp.analysis.duplicate_ack_num", "bytes_in_flight": "tcp.analysis.bytes_in_flight", "stream": "tcp.stream",
    "mss": "tcp.options.mss_val", "window_shift": "tcp.options.wscale.shift", "ts_val": "tcp.options.timestamp.tsval",
}  # fmt: skip
TIMES = {
    "ack_rtt_ns": "tcp.analysis.ack_rtt",
    "rto_ns": "tcp.analysis.rto",
    "initial_rtt_ns": "tcp.analysis.initial_rtt",
    "time_ns": "frame.time_epoch",
}


def nanoseconds(text: str) -> int | None:
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int(part.ljust(9, "0")[:9]) if text else None


@pytest.mark.parametrize("name", NAMES)
def test_segments_are_tsharks(name: str, tshark: Callable[..., list[dict[str, str]]]) -> None:
    path = CAPTURES / name
    wanted = tshark(path, *PLAIN.values(), *TIMES.values(), *(f"tcp.analysis.{f}" for f in ANALYSIS_FLAGS), "tcp.flags")
    rows = list(ti.analyze(path).table("segments"))
    assert [row.frame for row in rows] == [int(w["frame.number"]) for w in wanted]
    for row, want in zip(rows, wanted, strict=True):
        assert row.tcp_flags == int(want["tcp.flags"], 0) & 0x1FF
        for column, field in PLAIN.items():
            value = getattr(row, column)
            if want[field] or column in ("duplicate_ack_num", "bytes_in_flight"):
                assert (None if value is None else str(value)) == (want[field] or None), f"frame {row.frame}: {column}"
        for column, field in TIMES.items():
            assert getattr(row, column) == nanoseconds(want[field]), f"frame {row.frame}: {column}"
        assert {f for f in ANALYSIS_FLAGS if getattr(row, f)} == {f for f in ANALYSIS_FLAGS if want[f"tcp.analysis.{f}"]}, (
            f"frame {row.frame}"
        )


@pytest.mark.parametrize("name", NAMES)
def test_completeness_is_tsharks_in_two_passes(name: str, tshark: Callable[..., list[dict[str, str]]]) -> None:
    path = CAPTURES / name
    final = {int(w["tcp.stream"]): int(w["tcp.completeness"]) for w in tshark(path, "tcp.stream", "tcp.completeness", two_pass=True)}
    assert {c.stream: c.completeness for c in ti.analyze(path).connections} == final


@pytest.mark.parametrize("name", NAMES)
def test_checksums_are_tsharks(name: str, tshark: Callable[..., list[dict[str, str]]]) -> None:
    import subprocess

    command = ["tshark", "-r", str(CAPTURES / name), "-n", "-Y", "tcp && !icmp", "-T", "fields", "-e", "tcp.checksum.status"]
    command += ["-o", "tcp.check_checksum:TRUE", "-o", "tcp.desegment_tcp_streams:FALSE"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [{"0": False, "1": True}.get(line.strip()) for line in done.stdout.splitlines()]
    ours = [
        {"good": True, "bad": False, "unfinished": False}.get(row.checksum_status) for row in ti.analyze(CAPTURES / name).table("segments")
    ]
    assert [(a, b) for a, b in zip(ours, theirs, strict=True) if None not in (a, b) and a != b] == []
