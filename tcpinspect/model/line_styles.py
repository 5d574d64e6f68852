"""The words around the values in ndjson, json, csv and tsv, and the writer of such lines. Floor 3.

Batches that can give their columns as codes go through the compiled `lines.Lines`; rows that a filter let through, and the
findings, column by column through Python. Both write the same octets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, BinaryIO, NamedTuple

from tcpinspect.model.lines import Field, Lines
from tcpinspect.schema import ANALYSIS_FLAGS, Column

_SLICE = 4096  # rows turned into lines before they are written
_CACHED_TEXTS = 100_000  # different texts remembered per column; addresses and options repeat, sentences need not
_NO_LIMIT = -(1 << 62) - (1 << 61)


class Style(NamedTuple):
    """One text format: what stands before each value, for null, for a text, around a line and around the whole."""

    keys: list[str]
    null: str
    text: Callable[[str], str]
    ends: tuple[str, str]
    head: str = ""
    between: str = ""  # before every line but the first
    tail: str = ""
    empty: str = ""  # instead of head and tail when there is no line


def style_of(format: str, schema: Sequence[Column]) -> Style:
    """The style of ndjson, json, csv or tsv."""
    names = [column.name for column in schema]
    if format in ("csv", "tsv"):
        separator, text = (",", _csv_text) if format == "csv" else ("\t", _tsv_text)
        heading = separator.join(names) + "\n"
        return Style(["", *[separator] * (len(names) - 1)], "", text, ("", "\n"), heading, empty=heading)
    keys = [("," if i else "") + json.dumps(name) + ":" for i, name in enumerate(names)]
    if format == "json":
        return Style(keys, "null", _json_text, ("{", "}"), "[\n", ",\n", "\n]\n", "[]\n")
    return Style(keys, "null", _json_text, ("{", "}\n"))


def _json_text(value: str) -> str:
    """As it is where it can be seen; what moves a cursor or turns the line (C1, bidirectional controls) as \\u202e."""
    return encode_basestring(value) if value.isprintable() else encode_basestring_ascii(value)


def _csv_text(value: str) -> str:
    """RFC 4180 §2: fields with a comma, a quote or a line break are quoted, quotes doubled."""
    if any(c in value for c in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _tsv_text(value: str) -> str:
    """A field has neither tabs nor line breaks: they are written \\t \\n \\r, and the backslash \\\\."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class LineWriter:
    """Writes batches of a table as lines of a style to a binary file. `close` ends the table, not the file."""

    def __init__(self, schema: Sequence[Column], style: Style, out: BinaryIO) -> None:
        self._schema = schema
        self._style = style
        self._out = out
        self._begun = False
        self._rows = _RowLines(schema, style)
        self._fields: list[Field] = []
        self._lines: Lines | None = None

    def batch(self, batch: Any) -> None:
        """Write all rows of a batch."""
        if not len(batch):
            return
        if not hasattr(batch, "coded"):
            self.columns(batch.lists())
            return
        if self._lines is None:
            self._lines = self._prepare()
        columns: list[Any] = []
        for field, coded in zip(self._fields, batch.coded(), strict=True):
            field.forget()  # a code may mean something else in every batch
            field.words = self._words(field, coded.words) if coded.words else None
            field.null_limit = _NO_LIMIT if coded.null_limit is None else coded.null_limit
            columns += [coded.values, *(coded.stamps or ())]
        self._lines.begin()
        for at in range(0, len(batch), _SLICE):
            piece = self._lines.write(columns, at, min(at + _SLICE, len(batch)))
            self._put_line_octets(piece)

    def columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """Write rows given as one list a column."""
        text = "".join(self._rows.convert(columns))
        # a lone surrogate (undecodable bytes of a file name) is no UTF-8
        self._put_line_octets(memoryview(text.encode("utf-8", "backslashreplace")))

    def _put_line_octets(self, piece: memoryview) -> None:
        if not piece:
            return
        if not self._begun:
            self._begun = True
            self._out.write(self._style.head.encode())
            piece = piece[len(self._style.between) :]
        self._out.write(piece)

    def close(self) -> None:
        self._out.write((self._style.tail if self._begun else self._style.empty).encode())

    def _prepare(self) -> Lines:
        """A field for each column, one for all the analysis flags."""
        style, fields = self._style, self._fields
        stamps = [part.encode() for part in style.text("nop,nop,TS val 0 ecr 0").split("0")]
        at = 0
        while at < len(self._schema):
            column = self._schema[at]
            flags = column.name == ANALYSIS_FLAGS[0]
            field = Field(b"" if flags else self._key(at), null=style.null.encode(), stamps=stamps if column.name == "options" else None)
            field.first_column = at
            fields.append(field)
            at += len(ANALYSIS_FLAGS) if flags else 1
        return Lines(fields, (style.between + style.ends[0]).encode(), style.ends[1].encode())

    def _key(self, at: int) -> bytes:
        return self._style.keys[at].encode()

    def _words(self, field: Field, value_of: Callable[[int], Any]) -> Callable[[int], bytes]:
        """The octets of a code: of one value, or of several booleans with their keys."""
        style, at = self._style, field.first_column
        null = style.null
        booleans = {True: "true", False: "false", None: null}

        def words(code: int) -> bytes:
            value = value_of(code)
            if isinstance(value, tuple):
                return "".join(style.keys[at + n] + booleans[one] for n, one in enumerate(value)).encode()
            if isinstance(value, str):
                return style.text(value).encode("utf-8", "backslashreplace")
            return booleans[value].encode()

        return words


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


class _RowLines:
    """Turns columns into lines by a template: `keys` stand before the values, `null` for unknown, `ends` around the line."""

    def __init__(self, schema: Sequence[Column], style: Style) -> None:
        keys, null, text, ends = style.keys, style.null, style.text, (style.between + style.ends[0], style.ends[1])
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
