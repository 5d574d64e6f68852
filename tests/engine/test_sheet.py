"""engine.sheet: segments that were spread over 64-bit columns are the segments that came, however they came and however they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcpinspect.engine import sheet
from tcpinspect.engine.columns import SEGMENT_ARRAYS, SegmentColumns
from tcpinspect.engine.run import run
from tcpinspect.engine.sheet import Sheet

CAPTURES = sorted(path for path in (Path(__file__).parents[2] / "captures").iterdir() if ".pcap" in path.name)
PLACES = ("options_at", "options_pool")  # what lies elsewhere in a sheet

Chunks = Any  # list, Sheet: of (rows, arrays by name)


def chunks_of(path: Path) -> Chunks:
    columns = SegmentColumns()
    run(path, segments=columns, steps=False)
    return columns.chunks


def rows(chunks: Chunks) -> list[tuple[Any, ...]]:
    """Every row: its numbers, and its options as octets."""
    out: list[tuple[Any, ...]] = []
    for count, arrays in chunks:
        numbers = [list(arrays[name][:count]) for name in SEGMENT_ARRAYS if name not in PLACES]
        places = zip(arrays["options_at"][:count], arrays["options_len"][:count], strict=True)
        options = [bytes(arrays["options_pool"][at : at + length]) for at, length in places]
        out += zip(*numbers, options, strict=True)
    return out


@pytest.mark.parametrize("path", CAPTURES[::3], ids=lambda path: path.name)
def test_what_was_spread_is_what_came(path: Path) -> None:
    assert rows(run(path, steps=False).segment_chunks) == rows(chunks_of(path)) != []


def test_it_grows_and_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FIRST_ROOM", 4), ("PIECE", 100), ("LARGE", 1 << 16)):
        monkeypatch.setattr(sheet, name, value)
    came = [chunk for path in CAPTURES[::5] for chunk in chunks_of(path)] * 4
    whole = Sheet()
    for chunk in came:
        whole.append(chunk)
    assert rows(whole) == rows([whole.whole()]) == rows(came)
    assert len(whole) == -(-whole.count // 100) > 5
    with pytest.raises(IndexError):
        whole[len(whole)]


def test_who_looked_before_it_grew_still_sees_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "FIRST_ROOM", 4)
    whole, chunk = Sheet(), chunks_of(CAPTURES[0])[0]
    whole.append(chunk)
    before = whole.whole()
    for _ in range(9):
        whole.append(chunk)
    assert rows([before]) == rows([chunk])
    assert rows(whole) == rows([chunk]) * 10


def test_nothing_is_a_sheet_too() -> None:
    assert list(Sheet()) == []
    assert rows([Sheet().whole()]) == []
