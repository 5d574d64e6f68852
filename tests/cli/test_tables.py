"""segments, connections, timeline, findings: the rows that were asked for, in every format, and never other columns."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tcpinspect.cli.timestyle import TimeStyle
from tcpinspect.cli.views import DEFAULT, names, notes
from tcpinspect.model.row import ROW_TYPES
from tcpinspect.schema import TABLES

from .conftest import HALF_CLOSE, LOSSY, MANY, Command, start


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("more", [[], ["--stream", "3"], ["-Y", "stream > 2"], ["-c", "2"], ["-t", "ud", "-n"]])
def test_machine_formats_have_every_column_whatever_the_options(command: Command, table: str, more: list[str]) -> None:
    expected = [column.name for column in TABLES[table]]
    found = rows(command(table, MANY, "-T", "ndjson", *more).text)
    assert all(list(row) == expected for row in found)
    assert json.loads(command(table, MANY, "-T", "json", *more).text) == found
    for format, delimiter in (("csv", ","), ("tsv", "\t")):
        lines = list(csv.reader(io.StringIO(command(table, MANY, "-T", format, *more).text, newline=""), delimiter=delimiter))
        assert lines[0] == expected
        assert len(lines) == len(found) + 1


def test_stream_filter_and_count_choose_rows(command: Command) -> None:
    every = rows(command("segments", MANY, "-T", "ndjson").text)
    two = command("segments", MANY, "-T", "ndjson", "--stream", "1", "--stream", "2")
    assert rows(two.text) == [r for r in every if r["stream"] in (1, 2)]
    for table in ("segments", "timeline", "connections", "findings"):
        both = rows(command(table, MANY, "-T", "ndjson").text)
        assert rows(command(table, MANY, "-T", "ndjson", "--stream", "2").text) == [r for r in both if r["stream"] == 2]
    data = [r for r in every if r["payload_len"] > 0]  # type: ignore[operator]
    assert rows(command("segments", MANY, "-T", "ndjson", "-Y", "tcp.len > 0", "-c", "3").text) == data[:3]
    assert rows(command("segments", MANY, "-T", "ndjson", "-c", "0").text) == []


def test_parquet_is_the_same_table(command: Command, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for more in ([], ["-Y", "stream == 1"]):
        out = tmp_path / "x.parquet"
        assert command("segments", MANY, "-T", "parquet", "-o", str(out), *more) == (0, b"", "")
        table = parquet.read_table(out)
        assert table.schema.field("time_ns").metadata[b"unit"] == b"ns"
        assert table.to_pylist() == rows(command("segments", MANY, "-T", "ndjson", *more).text)
    with open(HALF_CLOSE, "rb") as capture:
        piped, _ = start("timeline", "-", "-T", "parquet", stdin=capture).communicate(timeout=60)
    assert parquet.read_table(io.BytesIO(piped)).num_rows == len(rows(command("timeline", HALF_CLOSE, "-T", "ndjson").text))


@pytest.mark.parametrize(
    ("suffix", "start_of_file"),
    [("csv", b"frame,"), ("tsv", b"frame\t"), ("json", b"[\n{"), ("jsonl", b"{"), ("txt", b"frame  ")],
)
def test_ending_of_the_output_chooses_the_format(command: Command, tmp_path: Path, suffix: str, start_of_file: bytes) -> None:
    out = tmp_path / f"x.{suffix}"
    assert command("segments", HALF_CLOSE, "-o", str(out)).code == 0
    assert out.read_bytes().startswith(start_of_file)


@pytest.mark.parametrize("table", sorted(TABLES))
@pytest.mark.parametrize("width", [50, 80, 100, 200])
def test_text_fits_the_terminal(command: Command, monkeypatch: pytest.MonkeyPatch, table: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = command(table, MANY).text.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].split()[0] == DEFAULT[table][0]


def test_a_narrow_screen_keeps_what_a_finding_says(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert "text" in command("findings", MANY).text.splitlines()[0].split()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(("table", "column", "value"), [("segments", "notes", "fast retransmission"), ("timeline", "evidence", "observed")])
def test_a_narrow_screen_keeps_what_the_analysis_says(
    command: Command, monkeypatch: pytest.MonkeyPatch, table: str, column: str, value: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = command(table, LOSSY).text.splitlines()
    assert column in lines[0].split() and any(value in line for line in lines)
    assert max(map(len, lines)) <= width


def test_text_of_chosen_columns(command: Command) -> None:
    lines = command("segments", HALF_CLOSE, "-e", "frame", "-e", "tcp.len", "-e", "flags", "-e", "options", "-c", "1").text.splitlines()
    assert lines[0].split() == ["frame", "len", "flags", "options"]
    assert lines[1].split()[:3] == ["1", "0", "S"]
    for table in TABLES:
        words = [word for name in names(table) for word in ("-e", name)]
        assert command(table, HALF_CLOSE, *words).code == 0


def test_headings_of_the_text_are_names(command: Command) -> None:
    assert command("connections", MANY, "-e", "state", "-c", "1").text == command("connections", MANY, "-e", "conn_state", "-c", "1").text
    assert command("timeline", MANY, "-e", "from", "-e", "to", "-c", "1").text.split()[:2] == ["from", "to"]
    short = command("connections", MANY, "-Y", "state == SF and duration < 1s", "-T", "ndjson").text
    assert short and short == command("connections", MANY, "-Y", "conn_state == 'SF' and duration_ns < 1s", "-T", "ndjson").text


def test_show_takes_the_only_connection(command: Command) -> None:
    assert command("show", HALF_CLOSE) == command("show", HALF_CLOSE, "--stream", "0")


def test_text_says_what_a_segment_is(command: Command) -> None:
    text = command("segments", LOSSY, "-Y", "fast_retransmission").text
    assert "fast retransmission" in text and "fast retransmission, retransmission" not in text


def test_notes_number_the_duplicate() -> None:
    row = {c.name: None if c.nullable else {"int": 0, "bool": False, "str": ""}[c.type] for c in TABLES["segments"]}
    make = ROW_TYPES["segments"]
    assert notes(make(**row)) == ""
    assert notes(make(**{**row, "duplicate_ack": True, "duplicate_ack_num": 2, "zero_window": True})) == "duplicate ack #2, zero window"


@pytest.mark.parametrize(
    ("style", "first", "second"),
    [
        ("r", "0.500000", "1.000001"),
        ("e", "1700000000.500000", "1700000001.000001"),
        ("d", "0.000000", "0.500001"),
        ("u", "22:13:20.500000", "22:13:21.000001"),
        ("ud", "2023-11-14 22:13:20.500000", "2023-11-14 22:13:21.000001"),
    ],
)
def test_time_styles(style: str, first: str, second: str) -> None:
    time = TimeStyle(style, 1_700_000_000_000_000_000)
    assert [time.text(1_700_000_000_500_000_000), time.text(1_700_000_001_000_001_000)] == [first, second]
    assert time.text(None) == ""


def test_time_before_the_first_packet_and_beyond_the_calendar() -> None:
    assert TimeStyle("r", 2_000_000_000, nanoseconds=True).text(999_999_999) == "-1.000000001"
    assert TimeStyle("ud", None).text(10**30) == "1000000000000000000000.000000"
