"""Write batches as Parquet, a row group when enough rows have come. Floor 3. Reading: Apache Parquet's format, "Row group"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from tcpinspect.errors import MissingDependency
from tcpinspect.schema import Column

# DuckDB's own size, which it and Polars read in parallel; about 50 MiB before compression.
_ROW_GROUP = 122_880


def libraries() -> tuple[Any, Any]:
    """pyarrow and its Parquet, loaded. Raises MissingDependency where they are not."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingDependency("parquet needs pyarrow: install it with: pip install pyarrow") from None
    return pa, pq


class ParquetWriter:
    """Compressed by zstd; unit, meaning and other tools' names are metadata of each field."""

    def __init__(self, schema: Sequence[Column], out: BinaryIO) -> None:
        pa, pq = libraries()
        self._pa = pa
        self._columns = schema
        self._types = {"int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
        self._schema = pa.schema([
            pa.field(column.name, self._types[column.type], nullable=column.nullable, metadata=_field_metadata(column))
            for column in schema
        ])  # fmt: skip
        # a pipe can neither seek nor tell, which pyarrow asks of a Python file: it writes into a counting wrapper
        self._out = pa.PythonFile(_Counted(out), mode="w")
        self._writer = pq.ParquetWriter(
            self._out, self._schema, compression="zstd", use_dictionary=[c.name for c in schema if c.type == "str"]
        )
        self._waiting: list[Any] = []
        self._rows = 0

    def batch(self, batch: Any) -> None:
        """Take all rows of a batch."""
        if len(batch):
            self._take(batch.arrow())

    def columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """Take rows given as one list a column."""
        self._take([
            self._pa.array(_utf8(values, c), type=self._types[c.type]) for values, c in zip(columns, self._columns, strict=True)
        ])  # fmt: skip

    def _take(self, arrays: list[Any]) -> None:
        batch = self._pa.record_batch(arrays, schema=self._schema)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(self._pa.Table.from_batches(self._waiting, self._schema), row_group_size=self._rows)
            self._waiting, self._rows = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()


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
