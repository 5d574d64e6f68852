"""Every format holds the same rows: what is written is read back by other programs' readers and compared."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.errors import UsageError
from tcpinspect.model import export
from tcpinspect.schema import CONNECTIONS, SEGMENTS, TABLES, Column

NASTY = ["", "plain", 'a,"b"', "line\nbreak\r", "tab\tand\\", "\x1b[31m\x9b", "\u202eturned", "100% %s %d", "é µ 中", "=1+1"]


def values(column: Column) -> st.SearchStrategy[Any]:
    own: st.SearchStrategy[Any] = {
        "int": st.integers(-(2**63), 2**63 - 1),
        "bool": st.booleans(),
        "str": st.one_of(st.sampled_from(NASTY), st.text(max_size=8, alphabet=st.characters(exclude_categories=["Cs"]))),
    }[column.type]
    return st.none() | own if column.nullable else own


def rows_of(schema: Sequence[Column]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(*map(values, schema)), max_size=4)


def written(schema: Sequence[Column], rows: list[tuple[Any, ...]], format: export.Format) -> bytes:
    out = io.BytesIO()
    export.write_table(export.Rows(schema, rows), schema, format, out)
    return out.getvalue()


def from_text(column: Column, field: str) -> Any:
    if field == "" and column.nullable:
        return None
    return {"int": int, "bool": {"true": True, "false": False}.get, "str": str}[column.type](field)


@pytest.mark.parametrize("table", sorted(TABLES))
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_rows_come_back_from_json_and_csv(table: str, data: st.DataObject) -> None:
    schema = TABLES[table]
    names = [column.name for column in schema]
    rows = data.draw(rows_of(schema))
    objects = [json.loads(line) for line in written(schema, rows, "ndjson").split(b"\n") if line]
    assert [tuple(o.values()) for o in objects] == rows
    assert all(list(o) == names for o in objects)
    assert json.loads(written(schema, rows, "json")) == objects
    lines = list(csv.reader(io.StringIO(written(schema, rows, "csv").decode(), newline="")))
    assert lines[0] == names
    # csv has one empty field for the empty text and for null; no nullable text of ours is ever empty
    plain = [tuple(None if value == "" and column.nullable else value for column, value in zip(schema, row, strict=True)) for row in rows]
    assert [tuple(map(from_text, schema, line)) for line in lines[1:]] == plain


@given(rows=rows_of(SEGMENTS))
@settings(max_examples=10, deadline=None)
def test_rows_come_back_from_parquet(rows: list[tuple[Any, ...]]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(written(SEGMENTS, rows, "parquet")))
    assert table.column_names == [column.name for column in SEGMENTS]
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


def test_parquet_says_types_units_and_where_null_can_be() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    schema = parquet.read_schema(io.BytesIO(written(SEGMENTS, [], "parquet")))
    assert [str(schema.field(name).type) for name in ("frame", "src", "retransmission")] == ["int64", "string", "bool"]
    assert schema.field("time_ns").metadata[b"unit"] == b"ns"
    assert schema.field("window").nullable and not schema.field("frame").nullable


def test_parquet_goes_through_a_pipe() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    read, write = os.pipe()
    with open(write, "wb") as out:
        export.write_table(export.Rows(CONNECTIONS, []), CONNECTIONS, "parquet", out)
    with open(read, "rb") as back:
        assert parquet.read_table(io.BytesIO(back.read())).num_rows == 0


def test_tsv_has_one_line_a_row_whatever_the_text() -> None:
    schema = TABLES["findings"]
    row = (None, "TI-X", "warn", 1, None, 2, "a\tb\nc\\d", "3.1")
    lines = written(schema, [row], "tsv").decode().split("\n")
    assert lines[1:] == ["\tTI-X\twarn\t1\t\t2\ta\\tb\\nc\\\\d\t3.1", ""]


def test_text_escapes_what_moves_the_cursor() -> None:
    schema = TABLES["findings"]
    text = written(schema, [(None, "TI-X", "warn", 1, None, 2, "\x1b[2J\u202e\n", "3.1")], "text").decode()
    assert "\\x1b[2J\\u202e\\n" in text
    assert "\x1b" not in text and text.count("\n") == 2


def test_ndjson_escapes_what_moves_the_cursor() -> None:
    schema = TABLES["findings"]
    line = written(schema, [(None, "TI-X", "warn", 1, None, 2, "\x1b[2J\x9b\u202e", "3.1")], "ndjson").decode().rstrip("\n")
    assert line.isprintable()


def test_lone_surrogate_becomes_its_escape_in_every_format() -> None:
    schema = TABLES["findings"]
    for format in export.FORMATS:
        assert b"\\udcff" in written(schema, [(None, "TI-X", "warn", 1, None, 2, "\udcff", "3.1")], format)


def test_empty_table_has_headings_only() -> None:
    assert written(CONNECTIONS, [], "ndjson") == b""
    assert json.loads(written(CONNECTIONS, [], "json")) == []
    assert written(CONNECTIONS, [], "csv").count(b"\n") == 1


def test_many_rows_cross_the_pieces_in_order() -> None:
    schema = TABLES["findings"]
    rows = [(None, "TI-X", "warn", n, None, 2, str(n), "3.1") for n in range(5000)]
    assert [json.loads(line)["frame"] for line in written(schema, rows, "ndjson").splitlines()] == list(range(5000))


def test_unknown_format_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="ndjson"):
        written(CONNECTIONS, [], "xml")  # type: ignore[arg-type]
