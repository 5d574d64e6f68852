"""The engine's arrays as batches of logical columns. Floor 3.

Here -1 and UNKNOWN become null, bits become flags, codes become words, and a connection's number its addresses.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED, UNKNOWN
from tcpinspect.engine.decode import CHECKSUM_STATUS
from tcpinspect.engine.finish import CONNECTION_FIELD, HANDSHAKE_WORDS, SECTIONS, STEP_FIELDS, TEARDOWN_WORDS, Chunk
from tcpinspect.engine.states import DOUBTS
from tcpinspect.engine.zeek import CONN_STATES
from tcpinspect.insight.details import AT_WORK_NS, REPEATED_NS, Facts, details
from tcpinspect.model.address import address_text
from tcpinspect.protocol.header import options_text
from tcpinspect.protocol.rfc9293 import Event, Evidence, State
from tcpinspect.schema import ANALYSIS_FLAGS, CONNECTIONS, SEGMENTS, TIMELINE

_STATES = [str(state) for state in State]
_EVENTS = [str(event) for event in Event]
_EVIDENCE = [str(evidence) for evidence in Evidence]
SegmentChunk = tuple[int, dict[str, Any]]  # rows, arrays by name (`engine.columns.SegmentColumns`)
_FLAGS_OF = {name: 1 << n for n, name in enumerate(ANALYSIS_FLAGS)}


class Endpoints:
    """Texts of the addresses of every connection, by stream and side (0 is the first segment's sender).

    Made from `chunks`, which follow one another; lists are indexed by stream - `first`.
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.first = chunks[0].first if chunks else 0
        text: dict[tuple[int, int, int], str] = {}

        def column(name: str) -> list[int]:
            out: list[int] = []
            for chunk in chunks:
                out += chunk.column(CONNECTION_FIELD[name]).tolist()
            return out

        def texts(side: str) -> list[str]:
            out = []
            for key in zip(family, column(f"{side}_hi"), column(f"{side}_lo"), strict=True):
                known = text.get(key)
                if known is None:
                    known = text[key] = address_text(*key)
                out.append(known)
            return out

        family = column("client_family")
        self.client = texts("client")
        self.server = texts("server")
        self.client_port = column("client_port")
        self.server_port = column("server_port")
        self.client_endpoint = column("client_endpoint")


def _nullable(values: Sequence[int]) -> list[int | None]:
    return [None if value < 0 else value for value in values]


class SegmentBatch:
    """One chunk of segments; `causes` gives the code of each row's cause (`insight.why.column`) when somebody asks for the rows."""

    def __init__(self, count: int, arrays: dict[str, Any], ends: Endpoints, causes: Callable[[], Sequence[int]]) -> None:
        self.count = count
        self.arrays = arrays
        self._ends = ends
        self._causes = causes

    def __len__(self) -> int:
        return self.count

    def _options(self) -> list[str]:
        pool = self.arrays["options_pool"]
        known: dict[bytes, str] = {b"": ""}
        out = []
        for at, length in zip(self.arrays["options_at"][: self.count], self.arrays["options_len"], strict=False):
            raw = bytes(pool[at : at + length])
            text = known.get(raw)
            if text is None:
                if len(known) > 4096:
                    known = {b"": ""}
                text = known[raw] = options_text(raw)
            out.append(text)
        return out

    def lists(self) -> list[Sequence[Any]]:
        from tcpinspect.insight.why.column import CAUSE_WORDS

        n = self.count
        raw = {name: values[:n].tolist() for name, values in self.arrays.items() if name != "options_pool"}
        ends, streams = self._ends, raw["stream"]
        by_client = [side == ends.client_endpoint[stream] for side, stream in zip(raw["side"], streams, strict=True)]
        src_dst = [
            (ends.client[k], ends.server[k], ends.client_port[k], ends.server_port[k])
            if c
            else (ends.server[k], ends.client[k], ends.server_port[k], ends.client_port[k])
            for k, c in zip(streams, by_client, strict=True)
        ]
        ready: dict[str, Sequence[Any]] = (
            dict(zip(("src", "dst", "src_port", "dst_port"), zip(*src_dst, strict=True), strict=True)) if n else {}
        )
        ready["from_client"] = by_client
        ready["checksum_status"] = [CHECKSUM_STATUS[code] for code in raw["checksum_status"]]
        ready["sack_permitted"] = [bool(mark & MARK_SACK_PERMITTED) for mark in raw["marks"]]
        ready["options_malformed"] = [bool(mark & MARK_OPTIONS_MALFORMED) for mark in raw["marks"]]
        ready["options"] = self._options()
        ready["cause"] = [CAUSE_WORDS[code] for code in self._causes()]
        for name, bit in _FLAGS_OF.items():
            ready[name] = [bool(word & bit) for word in raw["analysis"]]
        out: list[Sequence[Any]] = []
        for column in SEGMENTS:
            if column.name in ready:
                out.append(ready[column.name])
            elif column.nullable:
                out.append(_nullable(raw[column.name]))
            else:
                out.append(raw.get(column.name, []))
        return out

    def arrow(self) -> list[Any]:
        import numpy as np
        import pyarrow as pa

        from tcpinspect.insight.why.column import CAUSE_WORDS

        n, ends = self.count, self._ends
        raw = {name: np.asarray(values)[:n] for name, values in self.arrays.items() if name != "options_pool"}
        stream = raw["stream"]
        by_client = raw["side"] == np.array(ends.client_endpoint)[stream]
        client = pa.array(ends.client).take(pa.array(stream))
        server = pa.array(ends.server).take(pa.array(stream))
        ports = np.array(ends.client_port)[stream], np.array(ends.server_port)[stream]
        chosen = pa.array(by_client)
        import pyarrow.compute as pc

        ready = {
            "src": pc.if_else(chosen, client, server),
            "dst": pc.if_else(chosen, server, client),
            "src_port": np.where(by_client, *ports),
            "dst_port": np.where(by_client, ports[1], ports[0]),
            "from_client": by_client,
            "checksum_status": pa.array(list(CHECKSUM_STATUS)).take(pa.array(raw["checksum_status"])),
            "sack_permitted": (raw["marks"] & MARK_SACK_PERMITTED) != 0,
            "options_malformed": (raw["marks"] & MARK_OPTIONS_MALFORMED) != 0,
            "options": pa.array(self._options(), pa.string()),
            "cause": pa.array(CAUSE_WORDS).take(pa.array(self._causes())),
        }
        out = []
        for column in SEGMENTS:
            if column.name in ready:
                values = ready[column.name]
            elif column.name in _FLAGS_OF:
                values = (raw["analysis"] & _FLAGS_OF[column.name]) != 0
            else:
                values = raw[column.name]
            if isinstance(values, np.ndarray):
                if column.type == "int":
                    wide = values.astype(np.int64)
                    values = pa.array(wide, mask=wide < 0) if column.nullable else pa.array(wide)
                else:
                    values = pa.array(values)
            out.append(values)
        return out


def segment_batches(chunks: Sequence[SegmentChunk], ends: Endpoints) -> list[SegmentBatch]:
    """The batches of the segments table, or of all segments of some connections; their causes are found together, when needed."""

    @cache
    def codes() -> array[int]:
        from tcpinspect.insight.why.column import cause_codes

        return cause_codes(chunks, ends)

    def part(start: int, count: int) -> Callable[[], Sequence[int]]:
        return lambda: codes()[start : start + count]

    starts = accumulate((count for count, _ in chunks), initial=0)
    return [SegmentBatch(count, arrays, ends, part(start, count)) for (count, arrays), start in zip(chunks, starts, strict=False)]


def rows_of_stream(chunk: SegmentChunk, stream: int) -> SegmentChunk:
    """The part of a chunk that belongs to a stream."""
    count, arrays = chunk
    rows: list[int] = []
    column, at = arrays["stream"], -1
    try:
        while True:
            at = column.index(stream, at + 1, count)
            rows.append(at)
    except ValueError:
        pass
    return pick(chunk, rows)


def pick(chunk: SegmentChunk, rows: list[int]) -> SegmentChunk:
    """Some rows of a chunk."""
    _, arrays = chunk
    picked = {name: array(values.typecode, [values[n] for n in rows]) for name, values in arrays.items() if name != "options_pool"}
    return len(rows), picked | {"options_pool": arrays["options_pool"]}


class _ListBatch:
    """A batch that is small enough to go through lists on its way to Arrow."""

    columns: tuple[Any, ...]

    def lists(self) -> list[Sequence[Any]]:
        raise TypeError("a batch of no table")

    def arrow(self) -> list[Any]:
        import pyarrow as pa

        types = {"int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
        return [pa.array(values, types[c.type]) for values, c in zip(self.lists(), self.columns, strict=True)]


class ConnectionBatch(_ListBatch):
    """The connections of one chunk."""

    columns = CONNECTIONS

    def __init__(self, chunk: Chunk, ends: Endpoints, end_ns: int) -> None:
        self._chunk = chunk
        self._ends = ends
        self._end_ns = end_ns  # when the capture ended

    def __len__(self) -> int:
        return self._chunk.done

    def lists(self) -> list[Sequence[Any]]:
        chunk, ends = self._chunk, self._ends
        mine = slice(chunk.first - ends.first, chunk.first - ends.first + chunk.done)
        raw = {name: chunk.column(n).tolist() for name, n in CONNECTION_FIELD.items()}
        letters = chunk.letters.decode("ascii")
        ready: dict[str, Sequence[Any]] = {
            "client": ends.client[mine],
            "server": ends.server[mine],
            "conn_state": [CONN_STATES[code] for code in raw["conn_state"]],
            "history": [letters[at : at + n] for at, n in zip(raw["history_at"], raw["history_length"], strict=True)],
            "handshake": [HANDSHAKE_WORDS[code] for code in raw["handshake"]],
            "teardown": [TEARDOWN_WORDS[code] for code in raw["teardown"]],
            "client_evidence": [_EVIDENCE[code] for code in raw["client_evidence"]],
            "client_state": [None if code == UNKNOWN else _STATES[code] for code in raw["client_state"]],
            "server_state": [None if code == UNKNOWN else _STATES[code] for code in raw["server_state"]],
        }
        ready["handshake_detail"], ready["teardown_detail"] = self._details(raw, ready)
        for name in ("sack", "timestamps"):
            ready[name] = [None if value == UNKNOWN else bool(value) for value in raw[name]]
        return [
            ready[c.name]
            if c.name in ready
            else [None if value == UNKNOWN else value for value in raw[c.name]]
            if c.nullable
            else raw[c.name]
            for c in CONNECTIONS
        ]

    def _details(self, raw: dict[str, list[int]], ready: dict[str, Sequence[Any]]) -> tuple[Sequence[str | None], Sequence[str | None]]:
        end_ns = self._end_ns
        last = [start + duration for start, duration in zip(raw["start_ns"], raw["duration_ns"], strict=True)]
        waits = raw["syn_ack_to_ack_ns"]
        columns = (
            ready["handshake"], ready["teardown"], raw["completeness"], ready["history"], ready["client_state"], ready["server_state"],
            [octets > 0 for octets in raw["client_payload_bytes"]], [octets > 0 for octets in raw["server_payload_bytes"]],
            [again > 0 for again in raw["server_retransmissions"]],
            [(end_ns - at if wait == UNKNOWN else wait) >= REPEATED_NS for at, wait in zip(last, waits, strict=True)],
            [end_ns - at >= AT_WORK_NS for at in last],
        )  # fmt: skip
        found = [details(Facts(*row)) for row in zip(*columns, strict=True)]
        return [handshake for handshake, _ in found], [teardown for _, teardown in found]


class TimelineBatch(_ListBatch):
    """The steps of the connections of one chunk, or of one of them."""

    columns = TIMELINE

    def __init__(self, chunk: Chunk, ends: Endpoints, rows: range | None = None) -> None:
        self._chunk = chunk
        self._ends = ends
        self._rows = range(chunk.steps.count) if rows is None else rows

    @classmethod
    def of_stream(cls, chunk: Chunk, ends: Endpoints, stream: int) -> TimelineBatch:
        """The steps of one connection of the chunk."""
        row = chunk.row(stream)
        first = row[CONNECTION_FIELD["first_step"]]
        return cls(chunk, ends, range(first, first + row[CONNECTION_FIELD["steps"]]))

    def __len__(self) -> int:
        return len(self._rows)

    def lists(self) -> list[Sequence[Any]]:
        ends, rows, width = self._ends, self._rows, len(STEP_FIELDS)
        block = self._chunk.steps.data[rows.start * width : rows.stop * width]
        stream, side, frame, time_ns, source, target, event, evidence, section, doubt = (block[n::width].tolist() for n in range(width))
        at = [k - ends.first for k in stream]
        at_client = [s == ends.client_endpoint[k] for s, k in zip(side, at, strict=True)]
        return [
            stream,
            ["client" if c else "server" for c in at_client],
            [ends.client[k] if c else ends.server[k] for k, c in zip(at, at_client, strict=True)],
            [ends.client_port[k] if c else ends.server_port[k] for k, c in zip(at, at_client, strict=True)],
            [None if value == UNKNOWN else value for value in frame],
            [None if value == UNKNOWN else value for value in time_ns],
            [_STATES[code] for code in source],
            [_STATES[code] for code in target],
            [_EVENTS[code] for code in event],
            [_EVIDENCE[code] for code in evidence],
            [SECTIONS[code] for code in section],
            [DOUBTS[code] for code in doubt],
        ]
