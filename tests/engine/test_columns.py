"""engine.columns: rows come out as they were entered, whatever room there is, and in whatever order they were completed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpinspect.engine import columns, track
from tcpinspect.engine.columns import SEGMENT_ARRAYS, Rows
from tcpinspect.engine.run import run

CAPTURES = sorted(path for path in (Path(__file__).parents[2] / "captures").iterdir() if ".pcap" in path.name)
PLACES = ("options_at", "options_pool")  # which differ with the room of a chunk


def rows(chunks: Any) -> list[tuple[Any, ...]]:
    """Every row: its numbers, and its options as octets."""
    out: list[tuple[Any, ...]] = []
    for count, arrays in chunks:
        numbers = [list(arrays[name][:count]) for name in SEGMENT_ARRAYS if name not in PLACES]
        places = zip(arrays["options_at"][:count], arrays["options_len"][:count], strict=True)
        options = [bytes(arrays["options_pool"][at : at + length]) for at, length in places]
        out += zip(*numbers, options, strict=True)
    return out


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_rows_of_segments_followed_connection_by_connection_are_those_of_segments_followed_one_by_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = rows(run(path, steps=False).segment_chunks)
    monkeypatch.setattr(track, "WINDOW", 1)
    assert together == rows(run(path, steps=False).segment_chunks) != []


def test_a_chunk_ends_before_a_window_that_it_has_no_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(path) for path in CAPTURES] * 3
    found = run(files, steps=False).segment_chunks
    first, *_ = (count for count, _ in found)
    assert len(found) > 1 and first < len(found[0][1]["frame"])
    monkeypatch.setattr(track, "WINDOW", 1)
    assert rows(found) == rows(run(files, steps=False).segment_chunks)


def test_the_numbers_of_a_chunk_stand_where_they_should() -> None:
    at = 0
    for values in columns.empty_arrays(64).values():
        assert at % values.itemsize == 0
        at += len(values) * values.itemsize


def test_rows_grow_with_what_is_in_them() -> None:
    table = Rows(3)
    for n in range(1000):
        table.append((n, -n, n * n))
    assert table.count == 1000
    assert list(table.data[: 3 * 1000]) == [cell for n in range(1000) for cell in (n, -n, n * n)]


def test_rows_that_were_octets_are_added_behind_the_others() -> None:
    one, other = Rows(2), Rows(2)
    one.append((1, 2))
    for n in range(500):
        other.append((n, n + 1))
    one.join(other.data[:1000].tobytes())
    assert one.count == 501
    assert list(one.data[: 2 * 501]) == [1, 2, *other.data[:1000]]
