"""Tables that are written while the capture is read are the tables of the analysis; codes and rows give the same octets."""

from __future__ import annotations

import io
import os
import signal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.engine import alive, shelf
from tcpinspect.model import export
from tcpinspect.model.stream import STREAMING, stream
from tcpinspect.schema import TABLES

from .. import broken
from ..conftest import CAPTURES

FORMATS: list[export.Format] = ["ndjson", "json", "csv", "tsv", "parquet"]
_MANY = 9000  # connections: two chunks of the engine's and some more
_PORT_AT = 34  # behind Ethernet and an IP header without options


def streamed(where: Path | bytes, table: Any, format: export.Format) -> bytes:
    out = io.BytesIO()
    to = export.writer(TABLES[table], format, out)
    stream(where, table, to.batch)
    to.close()
    return out.getvalue()


def written(where: Path | bytes, table: str, format: export.Format) -> bytes:
    out = io.BytesIO()
    export.write_table(ti.analyze(where).table(table), TABLES[table], format, out)
    return out.getvalue()


def by_rows(where: Path | bytes, table: str, format: export.Format) -> bytes:
    """The same through named tuples, the way that rows go which a filter let through."""
    out = io.BytesIO()
    export.write_table(export.Rows(TABLES[table], ti.analyze(where).table(table).rows()), TABLES[table], format, out)
    return out.getvalue()


@pytest.mark.parametrize("table", TABLES)
def test_codes_and_rows_are_written_alike(table: str, captures: list[Path]) -> None:
    for path in captures:
        assert written(path, table, "ndjson") == by_rows(path, table, "ndjson"), path


@pytest.mark.parametrize("table", STREAMING)
def test_every_capture_is_streamed_as_it_is_written(table: str, captures: list[Path]) -> None:
    for path in captures:
        assert streamed(path, table, "csv") == written(path, table, "csv"), path


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_written_alike(table: str, format: export.Format) -> None:
    path = CAPTURES / "many-connections.pcapng"
    ways = [written(path, table, format), by_rows(path, table, format)]
    if table in STREAMING:
        ways.append(streamed(path, table, format))
    if format == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        first, *others = (parquet.read_table(io.BytesIO(data)) for data in ways)
    else:
        first, *others = ways
    assert all(other == first for other in others)


@cache
def connections(number: int) -> bytes:
    """As many connections, one after the other, each from a port and an address of its own."""
    packets = broken.read(CAPTURES / "half-close-with-data.pcap")
    client = packets[0].octets[26:30]
    out: broken.Packets = []
    for n in range(number):
        port, address = (1024 + n % 60_000).to_bytes(2, "big"), bytes([10, 0, n >> 14, 1])
        for p in packets:
            mine = p.octets[26:30] == client
            address_at, port_at = (26, _PORT_AT) if mine else (30, _PORT_AT + 2)
            octets = p.octets[:address_at] + address + p.octets[address_at + 4 : port_at] + port + p.octets[port_at + 2 :]
            out.append(p._replace(time_ns=p.time_ns + n * 10**10, octets=octets))
    return broken.written(out)


@pytest.mark.parametrize("table", ["connections", "timeline"])
def test_rows_come_before_the_capture_ends(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = connections(_MANY)
    whole = written(capture, table, "ndjson")
    monkeypatch.setitem(alive.LIMITS, "roomy", 0)
    out, at = io.BytesIO(), []
    to = export.writer(TABLES[table], "ndjson", out)
    last = 0

    def took(_octets: int, packets: int) -> None:
        nonlocal last
        last = packets

    def write(batch: Any) -> None:
        at.append(last)
        to.batch(batch)

    assert stream(capture, table, write, progress=took).late_segments == 0
    assert len(at) == 3 and at[0] < at[1] < last, "two batches of 4096 and the rest"
    assert out.getvalue() == whole


def test_ctrl_c_in_the_middle_of_a_batch_leaves_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(alive.LIMITS, "roomy", 0)
    taken: list[int] = []

    def write(batch: Any) -> None:
        taken.append(len(batch))
        raise KeyboardInterrupt

    done = stream(connections(_MANY), "connections", write)
    assert done.interrupted and not done.whole and len(taken) == 1


def test_ctrl_c_while_rows_go_to_the_disk_loses_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    put, puts = shelf.Shelf.put, 0

    def interrupted(self: Any, chunk: Any) -> None:
        nonlocal puts
        puts += 1
        if puts == 3:
            os.kill(os.getpid(), signal.SIGINT)
        put(self, chunk)

    monkeypatch.setattr(shelf.Shelf, "put", interrupted)
    monkeypatch.setattr(shelf.Shelf.__init__, "__defaults__", (20_000,))  # some hundred rows
    monkeypatch.setitem(alive.LIMITS, "roomy", 0)
    streams: list[int] = []
    done = stream(connections(_MANY), "connections", lambda batch: streams.extend(batch.lists()[0]))
    assert puts >= 3 and done.interrupted and done.whole
    assert streams == list(range(len(streams))) and 100 < len(streams) < _MANY


def expected(path: Path, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in ti.analyze(path).table(table)]


READ_BY_ALL = pytest.mark.parametrize("table", ["segments", "connections", "timeline"])
PATH = CAPTURES / "lossy-transfer.pcap"


@READ_BY_ALL
def test_duckdb_reads_every_format(tmp_path: Path, table: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = expected(PATH, table)
    for format, reader in (("parquet", "read_parquet"), ("csv", "read_csv"), ("ndjson", "read_ndjson_auto")):
        (tmp_path / format).write_bytes(written(PATH, table, format))  # type: ignore[arg-type]
        assert duckdb.sql(f"select * from {reader}('{tmp_path / format}')").fetchall() == rows, format


@READ_BY_ALL
def test_polars_reads_every_format(tmp_path: Path, table: str) -> None:
    polars = pytest.importorskip("polars")
    rows = expected(PATH, table)
    never_null = [column.name for column in TABLES[table] if column.type == "str" and not column.nullable]

    def csv(file: Path) -> Any:
        # an empty text and null look the same in csv
        return polars.read_csv(file, infer_schema_length=None).with_columns(polars.col(never_null).fill_null(""))

    def ndjson(file: Path) -> Any:
        return polars.read_ndjson(file, infer_schema_length=None).select([column.name for column in TABLES[table]])

    for format, reader in {"parquet": polars.read_parquet, "ndjson": ndjson, "csv": csv}.items():
        (tmp_path / format).write_bytes(written(PATH, table, format))  # type: ignore[arg-type]
        assert reader(tmp_path / format).rows() == rows, format


@READ_BY_ALL
def test_pandas_reads_every_format(tmp_path: Path, table: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = ti.analyze(PATH).frame(table)

    def parquet(file: Path) -> Any:
        return pandas.read_parquet(file, dtype_backend="numpy_nullable")

    def csv(file: Path) -> Any:
        return pandas.read_csv(file, dtype_backend="numpy_nullable")

    def ndjson(file: Path) -> Any:
        return pandas.read_json(file, lines=True, engine="pyarrow", dtype_backend="numpy_nullable")

    for format, reader in {"parquet": parquet, "csv": csv, "ndjson": ndjson}.items():
        (tmp_path / format).write_bytes(written(PATH, table, format))  # type: ignore[arg-type]
        back = reader(tmp_path / format)
        assert list(back.columns) == list(frame.columns)
        for name in ("frame", "stream", "time_ns", "src", "retransmission", "client", "history", "ack_rtt_ns", "start_ns", "rfc"):
            if name in frame.columns:
                assert back[name].astype(frame[name].dtype).equals(frame[name]), (format, name)


def test_row_groups_are_of_a_size_that_others_read_in_parallel() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    metadata = parquet.ParquetFile(io.BytesIO(written(connections(_MANY), "segments", "parquet"))).metadata
    assert metadata.num_row_groups >= 2
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert metadata.schema.to_arrow_schema().field("time_ns").metadata[b"unit"]
