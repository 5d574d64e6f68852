"""engine.spool: segments that waited on the disk are the segments that came, and take no memory meanwhile."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.engine import spool
from tcpinspect.engine.columns import SegmentColumns
from tcpinspect.engine.run import run
from tcpinspect.engine.spool import Spool
from tcpinspect.model import export
from tcpinspect.model.stream import stream
from tcpinspect.schema import SEGMENTS

CAPTURES = sorted(path for path in (Path(__file__).parents[2] / "captures").iterdir() if ".pcap" in path.name)


def spooled(path: Path, most: int) -> Spool:
    columns = SegmentColumns()
    kept = columns.chunks = Spool(most)
    run(path, segments=columns, steps=False)
    return kept


def values(count: int, arrays: dict[str, Any]) -> dict[str, list[int]]:
    octets = bytes(arrays["options_pool"])[: arrays["options_at"][count - 1] + arrays["options_len"][count - 1]]
    return {name: list(of[:count]) for name, of in arrays.items() if name != "options_pool"} | {"options_pool": list(octets)}


@pytest.mark.parametrize("most", [0, 10**9], ids=["disk", "memory"])
@pytest.mark.parametrize("path", CAPTURES[::4], ids=lambda path: path.name)
def test_what_was_put_down_comes_back(path: Path, most: int) -> None:
    kept = spooled(path, most)
    there = run(path, steps=False).segment_chunks
    assert len(kept) == len(there) > 0
    for _ in range(2):
        assert [values(*chunk) for chunk in kept] == [values(*chunk) for chunk in there]
        kept.passed(len(kept) - 1)
    kept.close()


@pytest.mark.parametrize("format", ["ndjson", "csv", "parquet"])
def test_a_table_from_the_disk_is_the_table_of_the_analysis(format: export.Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool.Spool.__init__, "__defaults__", (0,))
    for path in CAPTURES[::4]:
        whole, out = io.BytesIO(), io.BytesIO()
        export.write_table(ti.analyze(path).table("segments"), SEGMENTS, format, whole)
        to = export.writer(SEGMENTS, format, out)
        stream(path, "segments", to.batch)
        to.close()
        assert out.getvalue() == whole.getvalue(), path


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")
def test_nothing_is_left_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    kept = spooled(CAPTURES[0], 0)
    assert len(os.listdir("/proc/self/fd")) > before
    kept.close()
    assert len(os.listdir("/proc/self/fd")) == before
