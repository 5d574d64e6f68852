"""Segments are followed connection by connection: that must change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.engine import track
from tcpinspect.engine.finish import CONNECTION_FIELD, CONNECTION_FIELDS, STEP_FIELDS, Finisher, Sink
from tcpinspect.engine.run import run
from tcpinspect.engine.track import Tracker

from ..conftest import CAPTURES

OCTETS = 8


def found(path: Path, *, one_by_one: bool) -> list[Any]:
    """All that a run tells, but for the rows of segments (those: test_columns)."""
    with pytest.MonkeyPatch.context() as patch:
        if one_by_one:
            patch.setattr(track, "WINDOW", 1)
        result = run(str(path), segments=False)
    rows = [chunk.rows.tobytes()[: chunk.done * len(CONNECTION_FIELDS) * OCTETS] for chunk in result.chunks]
    steps = [chunk.steps.data.tobytes()[: chunk.steps.count * len(STEP_FIELDS) * OCTETS] for chunk in result.chunks]
    counted = [result.segments, result.late_segments, result.octets, result.checksums, result.not_tcp, result.steps_back]
    return [rows, steps, [bytes(chunk.letters) for chunk in result.chunks], counted, result.health]


@pytest.mark.parametrize("path", sorted(CAPTURES.rglob("*.pcap*")), ids=lambda path: path.name)
def test_connection_by_connection_is_one_by_one(path: Path) -> None:
    assert found(path, one_by_one=False) == found(path, one_by_one=True)


def test_a_window_ends_where_a_number_is_used_again(tmp_path: Path) -> None:
    """Ports used again and again within one window: what waits is followed before a SYN is judged, and before a connection leaves."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    packets = []
    for round_ in range(40):
        at = round_ * 0.5
        seq, ack = 1000 + round_ * 5000, 900_000 + round_ * 7000
        for client, flags, number, answer in (
            (True, "S", seq, 0), (False, "SA", ack, seq + 1), (True, "A", seq + 1, ack + 1), (True, "FA", seq + 1, ack + 1),
            (False, "FA", ack + 1, seq + 2), (True, "A", seq + 2, ack + 2),
        ):  # fmt: skip
            ends = ("10.0.0.1", 4000, "10.0.0.2", 80) if client else ("10.0.0.2", 80, "10.0.0.1", 4000)
            packet = Ether() / IP(src=ends[0], dst=ends[2]) / TCP(sport=ends[1], dport=ends[3], flags=flags, seq=number, ack=answer)
            packet.time = at = at + 0.001
            packets.append(packet)
    path = tmp_path / "again.pcap"
    wrpcap(str(path), packets)
    result = run(str(path), segments=False)
    assert sum(chunk.done for chunk in result.chunks) == 40
    assert found(path, one_by_one=False) == found(path, one_by_one=True)


def test_what_waits_is_told_although_ctrl_c_came_amid_a_window(tmp_path: Path) -> None:
    """Ctrl-C arrives where the engine calls Python: when a connection leaves. Others wait then; only the segment in hand is lost."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    packets = []
    for n in range(150):
        lasting = [(0.2, "A", (1000 + k, 80)) for k in range(10)]
        for at, flags, ends in ((0.0, "S", (4000 + n, 80)), (0.1, "RA", (80, 4000 + n)), *lasting):
            packet = Ether() / IP(src="10.0.0.1", dst="10.0.0.1") / TCP(sport=ends[0], dport=ends[1], flags=flags, seq=n, ack=n + 1)
            packet.time = n + at
            packets.append(packet)
    path = tmp_path / "refused.pcap"
    wrpcap(str(path), packets)

    told, interrupts = [], [True]

    class Counter(Sink):
        def take(self, chunk: Any) -> int:
            if interrupts and len(told) > 128:
                interrupts.pop()
                raise KeyboardInterrupt
            told.extend(chunk.column(CONNECTION_FIELD[f"{end}_packets"])[0] for end in ("client", "server"))
            return 0

    finisher = Finisher(False, sinks=[Counter()])
    tracker = Tracker(finisher, None, True)
    tracker.roomy = tracker.closed_ns = tracker.reset_ns = tracker.hurry_ns = 0
    records = Records(Source(str(path)))
    records.next_block()
    with pytest.raises(KeyboardInterrupt):
        tracker.block(records, 0, records.count)
    tracker.end()
    assert 64 < tracker.segments < len(packets)
    assert sum(told) == tracker.segments - 1
