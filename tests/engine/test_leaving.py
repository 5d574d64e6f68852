"""engine.track: connections leave the table, and what is said of them stays the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.engine.finish import Chunk, Finisher
from tcpinspect.engine.signs import Suspects
from tcpinspect.engine.track import Tracker
from tcpinspect.model.batches import ConnectionBatch, TimelineBatch
from tcpinspect.model.endpoints import Endpoints

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.pcap*"))


def tables(path: Path, **limits: int) -> tuple[list[Any], list[Any], Tracker]:
    """Both tables of a capture; with limits, of a table from which connections leave."""
    finisher = Finisher(True)
    tracker = Tracker(finisher, None, bool(limits), Suspects())
    for name, value in limits.items():
        setattr(tracker, name, value)
    records = Records(Source(str(path)))
    chunks: list[Chunk] = []
    while records.next_block():
        tracker.block(records, 0, records.count)
        while limits and (chunk := finisher.take(tracker.last_ns, 0)):
            chunks.append(chunk)
    tracker.end()
    while chunk := finisher.take(tracker.last_ns, 1):
        chunks.append(chunk)
    ends = Endpoints(chunks)
    rows = [row for c in chunks for row in zip(*ConnectionBatch(c, ends, tracker.last_ns).lists(), strict=True)]
    steps = [row for c in chunks for row in zip(*TimelineBatch(c, ends).lists(), strict=True)]
    return rows, steps, tracker


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_leaving_after_five_seconds_changes_nothing(path: Path) -> None:
    rows, steps, _ = tables(path)
    left, left_steps, tracker = tables(path, roomy=0)
    assert tracker.late_segments == 0
    assert left == rows
    assert left_steps == steps


def test_a_table_of_none_keeps_its_numbers() -> None:
    """Where all leave at once, late segments are counted, and their streams keep their numbers."""
    path = next(path for path in CAPTURES if path.name.startswith("many-connections"))
    rows, _, whole = tables(path)
    left, _, tracker = tables(path, roomy=0, closed_ns=0, attempt_ns=0, idle_ns=0, hurry_ns=0)
    assert [row[:5] for row in left] == [row[:5] for row in rows], "stream and addresses"
    assert tracker.segments == whole.segments and tracker.late_segments > 0
    assert len(tracker.alive) == 0
