"""The columns for pictures hold what the table segments holds."""

from __future__ import annotations

from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.schema import SEGMENTS

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.mark.parametrize("name", ["lossy-transfer.pcap", "many-connections.pcapng", "begins-in-the-middle.pcap", "simultaneous-open.pcap"])
def test_columns_are_those_of_the_table(name: str) -> None:
    for connection in ti.analyze(CAPTURES / name).connections[:5]:
        arrays, rows = connection.arrays, connection.segments
        assert len(arrays) == len(rows)
        derived = ("sack_permitted", "options_malformed")
        for column in SEGMENTS:
            if column.type == "str" or column.name.endswith("_port") or column.name in derived:
                continue
            expected = [getattr(row, column.name) for row in rows]
            assert arrays[column.name].tolist() == [-1 if value is None else value for value in expected], column.name
        assert [arrays.options(n) for n in range(len(rows))] == [row.options for row in rows]


def test_text_columns_are_not_there(shown: Path) -> None:
    with pytest.raises(UsageError, match="no numeric column 'src'"):
        ti.analyze(shown).connections[0].arrays["src"]


def test_stream_without_kept_segments_is_empty(shown: Path) -> None:
    arrays = ti.analyze(shown, segments=False).connections[0].arrays
    assert len(arrays) == len(arrays["time_ns"]) == len(arrays["retransmission"]) == len(arrays["from_client"]) == 0
