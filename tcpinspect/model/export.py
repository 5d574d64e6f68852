"""Write a table in the formats of the contract: ndjson, json, csv, tsv, parquet; and as plain text. Floor 3.

Every format but text has every column of the schema, in its order; unknown is null (an empty field in csv and tsv).
A writer takes batches while the capture is still read (`stream.py`); memory is bounded by a batch, or a row group of Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, Literal, Protocol, get_args

from tcpinspect.errors import UsageError
from tcpinspect.model.line_styles import LineWriter, style_of
from tcpinspect.model.table import Table
from tcpinspect.schema import Column

Format = Literal["text", "json", "ndjson", "csv", "tsv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

_PIECE = 2048  # rows converted together


class RowSource(Protocol):
    """What can be written: rows are tuples in the order of the schema."""

    def rows(self) -> Iterable[Sequence[Any]]: ...


class Rows:
    """Rows from anywhere as something `write_table` takes, for example those a filter let through."""

    def __init__(self, schema: Sequence[Column], rows: Iterable[Sequence[Any]]) -> None:
        self.schema = tuple(schema)
        self._rows = rows

    def rows(self) -> Iterable[Sequence[Any]]:
        return self._rows


class Writer(Protocol):
    """Takes the batches of a table as they come; `close` ends the table, not the file."""

    def batch(self, batch: Any) -> None: ...
    def columns(self, columns: Sequence[Sequence[Any]]) -> None: ...
    def close(self) -> None: ...


def writer(schema: Sequence[Column], format: Format, out: BinaryIO) -> Writer:
    """A writer of ndjson, json, csv, tsv or parquet. Raises UsageError for a format that does not exist, and MissingDependency
    for parquet without pyarrow."""
    if format == "parquet":
        from tcpinspect.model.parquet import ParquetWriter

        return ParquetWriter(schema, out)
    if format not in FORMATS or format == "text":
        raise UsageError(f'no format "{format}": there are {", ".join(FORMATS)}')
    return LineWriter(schema, style_of(format, schema), out)


def prepare(format: Format) -> None:
    """Load what the format needs, before a capture is read for it: a Ctrl-C amid loading would cost what was read. Raises
    MissingDependency for parquet without pyarrow."""
    if format == "parquet":
        from tcpinspect.model.parquet import libraries

        libraries()


def write_table(table: RowSource, schema: Sequence[Column], format: Format, out: BinaryIO) -> None:
    """Write the rows to a binary file object, text as UTF-8. Raises UsageError for a format that does not exist, and
    MissingDependency for parquet without pyarrow."""
    if format == "text":
        for line in _text(table, schema):
            out.write(line.encode("utf-8", "backslashreplace"))
        return
    to = writer(schema, format, out)
    if isinstance(table, Table):
        for batch in table.batches:
            to.batch(batch)
    else:
        rows = iter(table.rows())
        while piece := list(islice(rows, _PIECE)):
            to.columns(list(zip(*piece, strict=True)))
    to.close()


def _text(table: RowSource, schema: Sequence[Column]) -> Iterator[str]:
    from tcpinspect.model.text_table import TextColumn, TextTable

    def cell(i: int) -> Callable[[Any], str]:
        words = {True: "yes", False: "", None: ""}
        if schema[i].type == "bool":
            return lambda row: words[row[i]]
        return lambda row: "" if row[i] is None else str(row[i])

    columns = [TextColumn(column.name, cell(i), right=column.type == "int") for i, column in enumerate(schema)]
    for line in TextTable(columns, table.rows()).lines():
        yield line + "\n"
