"""Write a table in the formats of the contract: ndjson, json, csv, tsv, parquet; and as plain text. Floor 3.

Every format but text has every column of the schema, in its order; unknown is null (an empty field in csv and tsv).
Text formats are written in pieces of some thousand rows, column by column, which is several times faster than row by
row: integers go through unchanged, booleans and texts through a dictionary, runs of booleans as one precomputed piece.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, Literal, Protocol, get_args

from tcpinspect.errors import MissingDependency, UsageError
from tcpinspect.model.table import Table
from tcpinspect.schema import Column

Format = Literal["text", "json", "ndjson", "csv", "tsv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)

_PIECE = 2048  # rows converted together
_ROW_GROUP = 65_536  # rows in a row group of Parquet
_CACHED_TEXTS = 100_000  # different texts remembered per column; addresses and options repeat, sentences need not


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


def write_table(table: RowSource, schema: Sequence[Column], format: Format, out: BinaryIO) -> None:
    """Write the rows to a binary file object, text as UTF-8. Raises UsageError for a format that does not exist, and
    MissingDependency for parquet without pyarrow."""
    if format == "parquet":
        _write_parquet(table, schema, out)
        return
    writers: dict[str, Callable[[RowSource, Sequence[Column]], Iterator[str]]] = {
        "ndjson": _ndjson,
        "json": _json,
        "csv": _csv,
        "tsv": _tsv,
        "text": _text,
    }
    if format not in writers:
        raise UsageError(f'no format "{format}": there are {", ".join(FORMATS)}')
    for piece in writers[format](table, schema):
        # a lone surrogate (undecodable bytes of a file name) is no UTF-8
        out.write(piece.encode("utf-8", "backslashreplace"))


class _Texts(dict[Any, str]):
    """A conversion that remembers its answers; the dictionary's own lookup is the fast path."""

    def __init__(self, convert: Callable[[Any], str]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, value: Any) -> str:
        text = self._convert(value)
        if len(self) < _CACHED_TEXTS:
            self[value] = text
        return text


def _pieces(table: RowSource, size: int = _PIECE) -> Iterator[Sequence[Sequence[Any]]]:
    """The columns of some rows at a time: as the table has them, or turned from rows that a filter let through."""
    if isinstance(table, Table):
        yield from table.pieces()
        return
    rows = iter(table.rows())
    while piece := list(islice(rows, size)):
        yield list(zip(*piece, strict=True))


class _Lines:
    """Turns columns into lines by a template: `keys` stand before the values, `null` for unknown, `ends` around the line."""

    def __init__(
        self, schema: Sequence[Column], *, keys: Sequence[str], null: str, text: Callable[[str], str], ends: tuple[str, str]
    ) -> None:
        self._null = null
        # (first column, past the last, how): int as it is, one text, or a run of booleans together
        self._groups: list[tuple[int, int, Column, _Texts | None]] = []
        parts: list[str] = []
        i = 0
        while i < len(schema):
            end = i + 1
            if schema[i].type == "bool":
                while end < len(schema) and schema[end].type == "bool":
                    end += 1
                parts.append("%s")
                self._groups.append((i, end, schema[i], _Texts(self._booleans(keys[i:end]))))
            else:
                # a nullable integer arrives as itself or as the text of null: %s takes both
                parts.append(keys[i].replace("%", "%%") + "%s")
                texts = _Texts(lambda value: null if value is None else text(value)) if schema[i].type == "str" else None
                self._groups.append((i, end, schema[i], texts))
            i = end
        self._template = (ends[0] + "".join(parts) + ends[1]).__mod__

    def _booleans(self, keys: Sequence[str]) -> Callable[[tuple[bool | None, ...]], str]:
        words = {True: "true", False: "false", None: self._null}
        return lambda values: "".join(key + words[value] for key, value in zip(keys, values, strict=True))

    def convert(self, columns: Sequence[Sequence[Any]]) -> Iterator[str]:
        fields: list[Iterable[Any]] = []
        for start, end, column, texts in self._groups:
            if column.type == "bool" and texts is not None:
                fields.append(map(texts.__getitem__, zip(*columns[start:end], strict=True)))
            elif texts is not None:
                fields.append(map(texts.__getitem__, columns[start]))
            elif column.nullable:
                null = self._null
                fields.append([null if value is None else value for value in columns[start]])
            else:
                fields.append(columns[start])
        return map(self._template, zip(*fields, strict=True))


def _json_text(value: str) -> str:
    """As it is where it can be seen; what moves a cursor or turns the line (C1, bidirectional controls) as \\u202e."""
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _objects(schema: Sequence[Column]) -> _Lines:
    keys = [("," if i else "") + json.dumps(column.name) + ":" for i, column in enumerate(schema)]
    return _Lines(schema, keys=keys, null="null", text=_json_text, ends=("{", "}"))


def _ndjson(table: RowSource, schema: Sequence[Column]) -> Iterator[str]:
    lines = _objects(schema)
    for columns in _pieces(table):
        yield "\n".join(lines.convert(columns)) + "\n"


def _json(table: RowSource, schema: Sequence[Column]) -> Iterator[str]:
    lines = _objects(schema)
    before = "[\n"
    for columns in _pieces(table):
        yield before + ",\n".join(lines.convert(columns))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv_text(value: str) -> str:
    """RFC 4180 §2: fields with a comma, a quote or a line break are quoted, quotes doubled."""
    if any(c in value for c in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _tsv_text(value: str) -> str:
    """A field has neither tabs nor line breaks: they are written \\t \\n \\r, and the backslash \\\\."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _separated(table: RowSource, schema: Sequence[Column], separator: str, text: Callable[[str], str]) -> Iterator[str]:
    keys = [separator if i else "" for i in range(len(schema))]
    lines = _Lines(schema, keys=keys, null="", text=text, ends=("", "\n"))
    yield separator.join(column.name for column in schema) + "\n"
    for columns in _pieces(table):
        yield "".join(lines.convert(columns))


def _csv(table: RowSource, schema: Sequence[Column]) -> Iterator[str]:
    return _separated(table, schema, ",", _csv_text)


def _tsv(table: RowSource, schema: Sequence[Column]) -> Iterator[str]:
    return _separated(table, schema, "\t", _tsv_text)


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


def _write_parquet(table: RowSource, schema: Sequence[Column], out: BinaryIO) -> None:
    """Parquet, compressed by zstd; unit, meaning and other tools' names are metadata of each field."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingDependency("parquet needs pyarrow: install it with: pip install pyarrow") from None

    types = {"int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
    target = pa.schema([
        pa.field(column.name, types[column.type], nullable=column.nullable, metadata=_field_metadata(column)) for column in schema
    ])  # fmt: skip
    to_arrow = getattr(table, "to_arrow", None)
    # a pipe can neither seek nor tell, which pyarrow asks of a Python file: it writes into a counting wrapper
    with pq.ParquetWriter(pa.PythonFile(_Counted(out), mode="w"), target, compression="zstd") as writer:
        if to_arrow is not None:
            writer.write_table(to_arrow().select(target.names).cast(target))
        else:
            for columns in _pieces(table, _ROW_GROUP):
                arrays = [pa.array(_utf8(values, c), type=types[c.type]) for values, c in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=target))


def _utf8(values: Sequence[Any], column: Column) -> Iterable[Any]:
    """Texts that Arrow accepts: a lone surrogate becomes its escape, as in the other formats."""
    if column.type != "str" or all(value is None or value.isascii() for value in values):
        return values
    return [None if value is None else value.encode("utf-8", "backslashreplace").decode("utf-8") for value in values]


def _field_metadata(column: Column) -> dict[str, str]:
    facts = {"unit": column.unit, "meaning": column.meaning, "wireshark": column.wireshark, "zeek": column.zeek}
    return {name: value for name, value in facts.items() if value}


class _Counted:
    """A binary file that is only written to, with a position of its own."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._position = 0
        self.closed = False

    def write(self, data: Any) -> int:
        # a raw pipe may take less than it was given
        view = memoryview(data).cast("B")
        while len(view):
            view = view[self._out.write(view) :]
        size = memoryview(data).nbytes
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
