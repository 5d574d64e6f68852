"""The column `cause` says what `causes` says of every segment, whichever way it is computed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.insight.why import CAUSES, causes, column, plain
from tcpinspect.model.segment_batches import pick

CAPTURES = Path(__file__).parents[2] / "captures"
ALL = sorted(path for path in CAPTURES.iterdir() if ".pcap" in path.name)
LOSSY = (CAPTURES / "lossy-transfer.pcap").read_bytes()


def records(data: bytes) -> list[bytes]:
    """The records of a little-endian pcap file, headers and all."""
    out, at = [], 24
    while at < len(data):
        end = at + 16 + struct.unpack_from("<I", data, at + 8)[0]
        out.append(data[at:end])
        at = end
    return out


def by_rows(analysis: Any) -> list[str | None]:
    """The causes from whole rows, a Fact for each segment, in the order of the table."""
    rows = list(analysis.table("segments"))
    out: list[str | None] = [None] * len(rows)
    for stream in {row.stream for row in rows}:
        mine = [n for n, row in enumerate(rows) if row.stream == stream]
        for n, cause in zip(mine, causes([rows[n] for n in mine]), strict=True):
            out[n] = cause or None
    return out


def by_columns(analysis: Any, chunks: Any = None) -> list[str | None]:
    """The column, of which only the unusual segments are looked at whole."""
    return [column.CAUSE_WORDS[code] for code in column.cause_codes(chunks or analysis.segment_chunks, analysis._ends)]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_the_column_is_what_the_rows_give(path: Path) -> None:
    analysis = ti.analyze(path)
    expected = by_rows(analysis)
    assert by_columns(analysis) == expected
    pieces = [
        pick((count, arrays), list(range(at, min(at + 7, count)))) for count, arrays in analysis.segment_chunks for at in range(0, count, 7)
    ]
    assert by_columns(analysis, pieces) == expected
    assert [row.cause for row in analysis.table("segments")] == expected
    assert analysis.table("segments").to_arrow()["cause"].to_pylist() == expected
    for connection in analysis.connections:
        assert [row.cause for row in connection.segments] == [
            c for row, c in zip(analysis.table("segments"), expected, strict=True) if row.stream == connection.stream
        ]


EDITS = st.lists(st.tuples(st.sampled_from(("drop", "again", "later")), st.integers(0, 400), st.integers(1, 12)), max_size=12)


@settings(max_examples=40, deadline=None)
@example([("drop", 0, 1), ("again", 30, 1), ("later", 60, 5)])
@given(EDITS)
def test_a_damaged_capture_gives_the_same_both_ways(edits: list[tuple[str, int, int]]) -> None:
    packets = records(LOSSY)
    for what, at, by in edits:
        at %= len(packets)
        if what == "drop" and len(packets) > 1:
            del packets[at]
        elif what == "again":
            packets.insert(at + 1, packets[at])
        else:
            packets.insert(min(at + by, len(packets) - 1), packets.pop(at))
    analysis = ti.analyze(LOSSY[:24] + b"".join(packets))
    assert by_columns(analysis) == by_rows(analysis)


def test_an_ordinary_connection_has_none_and_is_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = ti.analyze(CAPTURES / "normal-close-by-client.pcap")
    monkeypatch.setattr(plain, "kind_of", lambda *_: pytest.fail("nothing in it is unusual"))
    assert set(by_columns(analysis)) == {None}
    with pytest.raises(pytest.fail.Exception):
        by_columns(ti.analyze(LOSSY))


def test_connections_and_findings_ask_for_no_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = ti.analyze(CAPTURES / "lossy-transfer.pcap")
    monkeypatch.setattr(column, "cause_codes", lambda *_: pytest.fail("nobody asked for segments"))
    assert len(list(analysis.table("connections"))) == 1 and analysis.findings and analysis.frame("connections") is not None


def test_every_word_of_the_column_has_a_meaning() -> None:
    assert column.CAUSE_WORDS[0] is None and set(column.CAUSE_WORDS[1:]) == set(CAUSES) - {""}
