"""The four tables with their logical columns: the same rows as named tuples, pandas frame or Arrow table. Floor 3.

A Table is made of batches; each batch gives its columns as plain lists (no numpy needed) and as Arrow arrays. So a table
of ten rows costs nothing to print, and one of five million goes to pandas without a Python object a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tcpinspect.model.row import ROW_TYPES, Row
from tcpinspect.schema import TABLES, Column

if TYPE_CHECKING:
    import pandas
    import pyarrow


class Batch(Protocol):
    """Some rows of a table."""

    def __len__(self) -> int: ...
    def lists(self) -> list[Sequence[Any]]: ...
    def arrow(self) -> list[Any]: ...


class Coded(NamedTuple):
    """One column of a batch, or several booleans together, as numbers in an array.

    `words` turns a code into the value (into a tuple for several columns); without it the numbers are the values. Numbers not
    above `null_limit` are null. `stamps`: a code lines.STAMPED means the options text made of these two arrays.
    """

    values: Any
    null_limit: int | None = None
    words: Callable[[int], Any] | None = None
    stamps: tuple[Any, Any] | None = None


class Texts(NamedTuple):
    """The texts of a column one behind the other: an array of where each begins and the last ends, and their octets."""

    offsets: Any
    octets: bytes

    def arrow(self) -> pyarrow.LargeStringArray:
        import pyarrow as pa

        return pa.LargeStringArray.from_buffers(len(self.offsets) - 1, pa.py_buffer(self.offsets), pa.py_buffer(self.octets))


class Table:
    """One of the four tables. `len()`, iteration over rows, `to_pandas()`, `to_arrow()`."""

    def __init__(self, name: str, batches: Sequence[Batch]) -> None:
        self.name = name
        self.schema: tuple[Column, ...] = TABLES[name]
        self._batches = batches

    def __len__(self) -> int:
        return sum(map(len, self._batches))

    def __iter__(self) -> Iterator[Row]:
        return self.rows()

    def rows(self) -> Iterator[Row]:
        """Named tuples in order; null is None."""
        make = ROW_TYPES[self.name]._make  # type: ignore[attr-defined]
        for batch in self._batches:
            yield from map(make, zip(*batch.lists(), strict=True))

    def pieces(self) -> Iterator[list[Sequence[Any]]]:
        """The columns as lists, for some thousand rows at a time: the fast way to write a table out."""
        return (batch.lists() for batch in self._batches if len(batch))

    @property
    def batches(self) -> Sequence[Batch]:
        """The pieces the table is made of: the fast way to write it out (`export`)."""
        return self._batches

    def where(self, keep: Callable[[Row], bool]) -> Table:
        """The rows for which `keep(row)` is true, as a table of its own."""
        return Table(self.name, [RowBatch(self.name, [row for row in self.rows() if keep(row)])])

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table: int64, bool, string; null where unknown; units and meanings in the fields' metadata."""
        import pyarrow as pa

        schema = pa.schema([pa.field(c.name, arrow_type(c), c.nullable, {"unit": c.unit, "meaning": c.meaning}) for c in self.schema])
        batches = [pa.record_batch(batch.arrow(), schema=schema) for batch in self._batches if len(batch)]
        return pa.Table.from_batches(batches, schema=schema)

    def to_pandas(self) -> pandas.DataFrame:
        """A frame with fixed columns and nullable types: Int64, boolean, string; and with `.tcp` (`model.accessor`).

        A column takes on its values when it is first looked at (`model.later`).
        """
        import pandas as pd

        from tcpinspect.model import accessor  # noqa: F401 - for what it registers

        if all(hasattr(batch, "column") for batch in self._batches):
            from tcpinspect.model.frames import frame_of

            return frame_of(self.schema, self._batches)
        import pyarrow as pa

        types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): pd.StringDtype("pyarrow")}
        return self.to_arrow().to_pandas(types_mapper=types.get)

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self)} rows, {len(self.schema)} columns>"

    def _repr_html_(self) -> str:
        from html import escape
        from itertools import islice

        head = "".join(f"<th>{escape(c.name)}</th>" for c in self.schema)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape('' if value is None else printable(str(value)))}</td>" for value in row) + "</tr>"
            for row in islice(self.rows(), 20)
        )
        more = f"<p>{len(self) - 20:,} more rows</p>" if len(self) > 20 else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def printable(text: str) -> str:
    """Text from a capture with its control characters made visible, safe for a terminal or a page."""
    return text if text.isprintable() else "".join(ch if ch.isprintable() else ch.encode("unicode_escape").decode() for ch in text)


def arrow_type(column: Column) -> pyarrow.DataType:
    """The Arrow type of a column."""
    import pyarrow as pa

    return {"int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}[column.type]


class RowBatch:
    """Rows that already exist as tuples."""

    def __init__(self, name: str, rows: Sequence[Row]) -> None:
        self._columns = TABLES[name]
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def lists(self) -> list[Sequence[Any]]:
        if not self._rows:
            return [[] for _ in self._columns]
        return [list(column) for column in zip(*self._rows, strict=True)]

    def arrow(self) -> list[Any]:
        import pyarrow as pa

        return [pa.array(values, arrow_type(c)) for values, c in zip(self.lists(), self._columns, strict=True)]
