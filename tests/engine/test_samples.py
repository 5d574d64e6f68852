"""The round-trip times of a connection against those of its segments: the least, the median, the most."""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median_low

import pytest

import tcpinspect as ti

from ..broken import MS, written
from ..conftest import CAPTURES
from .test_steady import SNAPLEN, Talk


def assert_told(path: Path) -> int:
    """Holds each connection against its segments; returns how many round trips the busiest side made."""
    analysis = ti.analyze(str(path))
    times: dict[tuple[int, str, int], list[int]] = {}
    for segment in analysis.table("segments"):
        if segment.ack_rtt_ns is not None:
            times.setdefault((segment.stream, segment.dst, segment.dst_port), []).append(segment.ack_rtt_ns)
    for connection in analysis.table("connections"):
        for side in ("client", "server"):
            told = [getattr(connection, f"{side}_rtt_{which}_ns") for which in ("min", "median", "max")]
            seen = times.get((connection.stream, getattr(connection, side), getattr(connection, f"{side}_port")))
            assert told == ([min(seen), median_low(seen), max(seen)] if seen else [None] * 3)
    return max(map(len, times.values()), default=0)


@pytest.mark.parametrize("path", sorted(CAPTURES.rglob("*.pcap*")), ids=lambda path: path.name)
def test_round_trips_of_captures(path: Path) -> None:
    assert_told(path)


@pytest.mark.parametrize("trips", [1, 2, 9, 40, 1001])
@pytest.mark.parametrize("most", [3, 10**9])
def test_many_round_trips(tmp_path: Path, trips: int, most: int) -> None:
    chance = random.Random(trips)
    talk = Talk((1, 1), timestamps=False, snaplen=SNAPLEN, handshake=False)
    for _ in range(trips):
        talk.go("data", 0, 10)
        talk.at_ns += chance.randrange(1, most) * MS // 1000
        talk.go("answer", 1, 0)
    (tmp_path / "talk.pcap").write_bytes(written(talk.packets))
    assert assert_told(tmp_path / "talk.pcap") == trips
