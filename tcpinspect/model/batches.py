"""The engine's connections and steps as batches of logical columns. Floor 3.

Here UNKNOWN becomes null, codes become words, and a connection's number its addresses. (Segments: `segment_batches`.)
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from tcpinspect.engine.columns import UNKNOWN
from tcpinspect.engine.finish import CONNECTION_FIELD, HANDSHAKE_WORDS, SECTIONS, STEP_FIELDS, TEARDOWN_WORDS, Chunk
from tcpinspect.engine.states import DOUBTS
from tcpinspect.engine.zeek import CONN_STATES
from tcpinspect.insight.details import AT_WORK_NS, REPEATED_NS, Facts, details
from tcpinspect.model.endpoints import Endpoints
from tcpinspect.model.table import Coded, Texts
from tcpinspect.protocol.rfc9293 import Event, Evidence, State
from tcpinspect.schema import CONNECTIONS, TIMELINE

_STATES = [str(state) for state in State]
_EVENTS = [str(event) for event in Event]
_EVIDENCE = [str(evidence) for evidence in Evidence]
_WORDS: dict[str, Callable[[int], Any]] = {  # of the columns of connections that are codes
    "conn_state": CONN_STATES.__getitem__, "handshake": HANDSHAKE_WORDS.__getitem__, "teardown": TEARDOWN_WORDS.__getitem__,
    "client_evidence": _EVIDENCE.__getitem__, "client_state": _STATES.__getitem__, "server_state": _STATES.__getitem__,
    "sack": bool, "timestamps": bool,
}  # fmt: skip
_NULLABLE = {column.name for column in CONNECTIONS if column.nullable}
_STEP_WORDS: dict[str, Callable[[int], Any]] = {  # of those of the timeline
    "from_state": _STATES.__getitem__, "to_state": _STATES.__getitem__, "event": _EVENTS.__getitem__,
    "evidence": _EVIDENCE.__getitem__, "rfc": SECTIONS.__getitem__, "doubt": DOUBTS.__getitem__,
}  # fmt: skip


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
        ready: dict[str, Sequence[Any]] = {
            "client": ends.client[mine],
            "server": ends.server[mine],
            "conn_state": [CONN_STATES[code] for code in raw["conn_state"]],
            "history": self._histories(),
            "handshake": [HANDSHAKE_WORDS[code] for code in raw["handshake"]],
            "teardown": [TEARDOWN_WORDS[code] for code in raw["teardown"]],
            "client_evidence": [_EVIDENCE[code] for code in raw["client_evidence"]],
            "client_state": [None if code == UNKNOWN else _STATES[code] for code in raw["client_state"]],
            "server_state": [None if code == UNKNOWN else _STATES[code] for code in raw["server_state"]],
        }
        ready["handshake_detail"], ready["teardown_detail"] = self._details()
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

    def coded(self) -> list[Coded]:
        """The columns for `export`."""
        chunk, ends = self._chunk, self._ends
        raw = {name: chunk.column(n) for name, n in CONNECTION_FIELD.items()}
        first = chunk.first - ends.first
        each = array("q", range(chunk.done))
        place = array("q", range(first, first + chunk.done))
        opening, closing = self._details()
        ready = {
            "client": Coded(place, None, ends.client.__getitem__),
            "server": Coded(place, None, ends.server.__getitem__),
            "history": Coded(each, None, self._histories().__getitem__),
            "handshake_detail": Coded(each, None, opening.__getitem__),
            "teardown_detail": Coded(each, None, closing.__getitem__),
        } | {name: Coded(raw[name], UNKNOWN, words) for name, words in _WORDS.items()}
        return [ready[c.name] if c.name in ready else Coded(raw[c.name], UNKNOWN if c.nullable else None) for c in CONNECTIONS]

    def column(self, name: str) -> Coded | Texts:
        """One of the columns for `frames`."""
        import numpy as np

        first, ends = self._chunk.first - self._ends.first, self._ends
        mine = slice(first, first + self._chunk.done)
        if name in ("client", "server"):
            numbers = ends.client_number if name == "client" else ends.server_number
            return Coded(np.asarray(numbers[mine]), None, ends.texts.__getitem__)
        if name == "history":
            return self._history
        if name in ("handshake_detail", "teardown_detail"):
            alike, *words = self._details_alike
            return Coded(alike, None, words[name == "teardown_detail"].__getitem__)
        if name in _WORDS:
            return Coded(self._raw[name], UNKNOWN, _WORDS[name])
        return Coded(self._raw[name], UNKNOWN if name in _NULLABLE else None)

    @cached_property
    def _raw(self) -> dict[str, Any]:
        """The engine's columns, as they lie."""
        import numpy as np

        rows, width = self._chunk.done, len(CONNECTION_FIELD)
        cells = np.asarray(self._chunk.rows)[: rows * width].reshape(rows, width)
        return {name: cells[:, n] for name, n in CONNECTION_FIELD.items()}

    @cached_property
    def _history(self) -> Texts:
        """The histories, which lie one behind the other unless connections left before the capture ended."""
        import numpy as np

        at, length = self._raw["history_at"], self._raw["history_length"]
        offsets = np.zeros(len(at) + 1, np.int64)
        np.cumsum(length, out=offsets[1:])
        letters = self._chunk.letters
        if (at != offsets[:-1]).any():
            letters = b"".join([letters[start : start + size] for start, size in zip(at.tolist(), length.tolist(), strict=True)])
        return Texts(offsets, bytes(letters))

    @cached_property
    def _details_alike(self) -> tuple[Any, list[str | None], list[str | None]]:
        """Which group of rows that are alike in what their details rest on each row belongs to, and the details of each group."""
        import numpy as np

        raw = self._raw
        quiet = self._end_ns - raw["start_ns"] - raw["duration_ns"]
        waited = np.where(raw["syn_ack_to_ack_ns"] == UNKNOWN, quiet, raw["syn_ack_to_ack_ns"])
        key = self._history.arrow().dictionary_encode().indices.to_numpy().astype(np.int64)
        for values, size in (
            *((raw[name], 64) for name in ("handshake", "teardown", "completeness")),
            *((np.maximum(raw[name], -1) + 1, 16) for name in ("client_state", "server_state")),
            *((raw[name] > 0, 2) for name in ("client_payload_bytes", "server_payload_bytes", "server_retransmissions")),
            (waited >= REPEATED_NS, 2), (quiet >= AT_WORK_NS, 2),
        ):  # fmt: skip
            key = key * size + values
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        return group, *self._details(first.tolist())

    def _histories(self) -> list[str]:
        chunk, letters = self._chunk, self._chunk.letters.decode("ascii")
        ats, lengths = (chunk.column(CONNECTION_FIELD[name]) for name in ("history_at", "history_length"))
        return [letters[at : at + n] for at, n in zip(ats, lengths, strict=True)]

    def _details(self, rows: Sequence[int] | None = None) -> tuple[list[str | None], list[str | None]]:
        """The details of these rows, or of all."""
        end_ns = self._end_ns
        names = ("handshake", "teardown", "completeness", "client_state", "server_state", "client_payload_bytes", "server_payload_bytes",
                 "server_retransmissions", "syn_ack_to_ack_ns", "start_ns", "duration_ns", "history_at", "history_length")  # fmt: skip
        columns = [self._chunk.column(CONNECTION_FIELD[name]) for name in names]
        if rows is not None:
            columns = [array("q", [values[row] for row in rows]) for values in columns]
        letters = self._chunk.letters.decode("ascii")
        opening: list[str | None] = []
        closing: list[str | None] = []
        for handshake, teardown, bits, client, server, sent, received, again, wait, start, lasted, at, length in zip(*columns, strict=True):
            quiet = end_ns - start - lasted
            one, other = details(Facts(
                HANDSHAKE_WORDS[handshake], TEARDOWN_WORDS[teardown], bits, letters[at : at + length],
                None if client == UNKNOWN else _STATES[client], None if server == UNKNOWN else _STATES[server],
                sent > 0, received > 0, again > 0, (quiet if wait == UNKNOWN else wait) >= REPEATED_NS, quiet >= AT_WORK_NS,
            ))  # fmt: skip
            opening.append(one)
            closing.append(other)
        return opening, closing


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

    def _cells(self, field: int) -> array[int]:
        """One of STEP_FIELDS."""
        width = len(STEP_FIELDS)
        out = array("q")
        out.frombytes(self._chunk.steps.data[self._rows.start * width + field : self._rows.stop * width : width].tobytes())
        return out

    def _columns(self) -> tuple[array[int], ...]:
        return tuple(map(self._cells, range(len(STEP_FIELDS))))

    def lists(self) -> list[Sequence[Any]]:
        ends = self._ends
        stream, side, frame, time_ns, source, target, event, evidence, section, doubt = (values.tolist() for values in self._columns())
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

    def coded(self) -> list[Coded]:
        """The columns for `export`."""
        return [self.column(column.name) for column in TIMELINE]

    def column(self, name: str) -> Coded:
        """One of them."""
        if name in ("side", "address", "port"):
            ends = self._ends
            values = {"side": ends.is_client, "address": ends.address, "port": ends.port}[name]
            words = {"side": ("server", "client").__getitem__, "address": ends.texts.__getitem__}.get(name)
            return Coded(array("q", [values[at] for at in self._end]), None, words)
        cells = self._cells(STEP_FIELDS.index("section" if name == "rfc" else name))
        return Coded(cells, UNKNOWN if name in ("frame", "time_ns") else None, _STEP_WORDS.get(name))

    @cached_property
    def _end(self) -> list[int]:
        """Which end each step is of, as Endpoints count them."""
        return [2 * (k - self._ends.first) + s for k, s in zip(self._cells(0), self._cells(1), strict=True)]
