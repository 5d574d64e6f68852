"""engine.shelf: rows that waited on the disk come back as they were, in the order of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.engine.finish import Chunk, Finisher
from tcpinspect.engine.shelf import Shelf
from tcpinspect.engine.signs import Suspects
from tcpinspect.engine.track import Tracker
from tcpinspect.model.batches import ConnectionBatch, TimelineBatch
from tcpinspect.model.endpoints import Endpoints

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.pcap*"))


class Counting(Shelf):
    """A shelf that tells how often something was put on it."""

    times = 0

    def put(self, chunk: Any) -> None:
        self.times += 1
        super().put(chunk)


def tables(path: Path, shelf: Shelf | None) -> tuple[list[Any], list[Any]]:
    """Connections and timeline, everyone leaving five seconds after the end."""
    finisher = Finisher(True, shelf)
    tracker = Tracker(finisher, None, True, Suspects())
    tracker.roomy = 0
    records = Records(Source(str(path)))
    chunks: list[Chunk] = []
    while records.next_block():
        for n in range(records.count):
            tracker.block(records, n, n + 1)
        while chunk := finisher.take(tracker.last_ns, 0):
            chunks.append(chunk)
    tracker.end()
    while chunk := finisher.take(tracker.last_ns, 1):
        chunks.append(chunk)
    ends = Endpoints(chunks)
    rows = [row for c in chunks for row in zip(*ConnectionBatch(c, ends, tracker.last_ns).lists(), strict=True)]
    return rows, [row for c in chunks for row in zip(*TimelineBatch(c, ends).lists(), strict=True)]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_rows_that_waited_on_the_disk_are_the_same(path: Path) -> None:
    each, few = Counting(most=0), Counting(most=500)
    assert tables(path, each) == tables(path, few) == tables(path, None)
    assert each.times >= few.times
    each.close()
    few.close()


def test_a_shelf_is_used_and_closed() -> None:
    path = next(path for path in CAPTURES if path.name.startswith("many-connections"))
    shelf = Counting(most=2000)
    rows, _ = tables(path, shelf)
    assert shelf.times > 3 and [row[0] for row in rows] == list(range(len(rows)))
    assert shelf._file is not None and not shelf._places, "all was taken back"
    shelf.close()
    assert shelf._file is None
