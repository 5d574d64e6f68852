"""The column `cause` of the table `segments`: the codes of all segments, from the engine's arrays. Floor 3.

Only connections in which something is unusual are replayed; which those are is told by vectors, for nearly all have nothing.
Small captures are replayed whole, in less time than it takes to load numpy. Reading: as `cause`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, groupby
from typing import Any, Protocol

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED
from tcpinspect.insight.why.cause import CAUSES
from tcpinspect.insight.why.plain import TELLING, Columns, Seen, unusual
from tcpinspect.insight.why.replay import CONTROL
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

# What a code means: None is an ordinary segment.
CAUSE_WORDS: tuple[str | None, ...] = tuple(word or None for word in CAUSES)
_CODE = {word: code for code, word in enumerate(CAUSES)}

_SMALL = 30_000  # rows
_TOGETHER = 100_000  # rows that are unpacked into lists at a time, more only where one connection has more

Chunk = tuple[int, dict[str, Any]]  # rows, arrays by name: `engine.columns.SegmentColumns.chunks`
_SEEN = ("frame", "time_ns", "tcp_flags", "payload_len", "seq_raw", "ack_raw", "window_raw", "window", "seq", "ack", "sack_blocks",
         "ts_val", "ts_ecr", "checksum", "marks", "options_at", "options_len")  # fmt: skip
_COPIED = ("stream", "side", *_SEEN)


class Ends(Protocol):
    """Both ends of every connection, by stream: what `model.endpoints.Endpoints` holds."""

    @property
    def client(self) -> list[str]: ...
    @property
    def server(self) -> list[str]: ...

    client_port: list[int]
    server_port: list[int]
    client_endpoint: list[int]


def cause_codes(chunks: Sequence[Chunk], ends: Ends) -> array[int]:
    """A code of CAUSE_WORDS for every row of the chunks."""
    total = sum(count for count, _ in chunks)
    codes = array("B", bytes(total))
    for rows in _few(chunks, total, ends) if total <= _SMALL else _many(chunks, total, ends):
        for stream, start, stop in rows.connections():
            for place, cause in unusual(rows.columns(stream, start, stop)):
                codes[rows.order[start + place]] = _CODE[cause]
    return codes


def _few(chunks: Sequence[Chunk], total: int, ends: Ends) -> Iterator[_Rows]:
    """All rows, in plain Python."""
    whole: dict[str, list[int]] = {name: [] for name in _COPIED}
    for count, arrays in chunks:
        for name, values in whole.items():
            values += arrays[name][:count].tolist()
    order = sorted(range(total), key=whole["stream"].__getitem__)
    yield _Rows(chunks, ends, order, {name: [values[n] for n in order] for name, values in whole.items()})


def _many(chunks: Sequence[Chunk], total: int, ends: Ends) -> Iterator[_Rows]:
    """The rows of connections in which something is unusual, some at a time."""
    import numpy as np

    starts = np.cumsum([0, *(count for count, _ in chunks)])

    def whole(name: str) -> Any:
        return np.concatenate([np.asarray(arrays[name])[:count] for count, arrays in chunks])

    stream = whole("stream")
    wanted = np.flatnonzero(_suspects(whole, stream, np)[stream])
    order = wanted[np.argsort(stream[wanted], kind="stable")]
    firsts = np.flatnonzero(np.diff(stream[order], prepend=-1))  # where a connection begins
    at = 0
    while at < len(order):
        later = firsts[np.searchsorted(firsts, at + _TOGETHER) :]
        end = int(later[0]) if len(later) else len(order)
        some = order[at:end]
        chunk = np.searchsorted(starts, some, side="right") - 1
        parts = [(chunks[n][1], np.flatnonzero(chunk == n), some[chunk == n] - starts[n]) for n in np.unique(chunk)]
        lists = {}
        for name in _COPIED:
            taken = np.empty(len(some), np.asarray(chunks[0][1][name]).dtype)
            for arrays, to, at_row in parts:
                taken[to] = np.asarray(arrays[name])[at_row]
            lists[name] = taken.tolist()
        yield _Rows(chunks, ends, some.tolist(), lists)
        at = end


def _suspects(whole: Callable[[str], Any], stream: Any, np: Any) -> Any:
    """By stream, whether any of its segments may have a cause.

    Without a flag, a RST or a SACK block, all numbers go on where those before ended, and every bare ACK brings something new.
    """
    flags, payload = whole("tcp_flags"), whole("payload_len")
    odd = (whole("analysis") != 0) | (flags & RST != 0) | (whole("sack_blocks") != 0)
    # after a bare SYN may come an answer to it; a SYN behind other segments of its side is repeated, crossed or stray
    by_stream = np.argsort(stream, kind="stable")
    begins = np.diff(stream[by_stream], prepend=-1) != 0
    after_syn = np.roll(flags[by_stream] & (SYN | ACK) == SYN, 1)
    odd[by_stream[~begins & after_syn & (flags[by_stream] & (SYN | ACK) != SYN | ACK)]] = True
    odd[by_stream[~begins & (flags[by_stream] & (SYN | ACK) == SYN)]] = True

    way = stream.astype(np.int64) * 2 + whole("side")
    by_way = np.argsort(way, kind="stable")
    follows = np.diff(way[by_way], prepend=-1) == 0
    flags, payload = flags[by_way], payload[by_way]
    seq, ack = whole("seq_raw")[by_way], whole("ack_raw")[by_way]
    end = seq + (payload + (flags & SYN != 0) + (flags & FIN != 0)).astype(np.uint32)
    onward = (ack - np.roll(ack, 1)).view(np.int32)
    bare = (payload == 0) & (flags & (CONTROL | ACK) == ACK)
    both = (flags & np.roll(flags, 1) & ACK) != 0
    odd[by_way[follows & ((seq != np.roll(end, 1)) | (flags & SYN != 0) | (both & ((onward < 0) | (bare & (onward == 0)))))]] = True
    found = np.zeros(int(stream.max()) + 1, bool)
    found[stream[odd]] = True
    return found


class _Rows:
    """Rows of the table, those of a connection together, their columns as lists; `order` has the place of each in the table."""

    def __init__(self, chunks: Sequence[Chunk], ends: Ends, order: list[int], columns: dict[str, list[int]]) -> None:
        self.order = order
        self._ends = ends
        self._columns = columns
        self._seen_columns = [columns[name] for name in _SEEN]
        self._pools = [arrays["options_pool"] for _, arrays in chunks]
        self._pool_starts = list(accumulate((count for count, _ in chunks), initial=0))

    def connections(self) -> Iterator[tuple[int, int, int]]:
        """(stream, first row, past the last row)."""
        at = 0
        for stream, rows in groupby(self._columns["stream"]):
            end = at + sum(1 for _ in rows)
            yield stream, at, end
            at = end

    def columns(self, stream: int, start: int, stop: int) -> Columns:
        """One connection."""
        part = {name: self._columns[name][start:stop] for name in TELLING}
        client = self._ends.client_endpoint[stream]
        from_client = [side == client for side in self._columns["side"][start:stop]]
        return Columns(part, from_client, lambda place: self._seen(stream, start + place, from_client[place]))

    def _seen(self, stream: int, at: int, mine: bool) -> Seen:
        (frame, time_ns, tcp_flags, payload_len, seq_raw, ack_raw, window_raw, window, seq, ack, sack_blocks, ts_val, ts_ecr, checksum,
         marks, options_at, options_len) = [column[at] for column in self._seen_columns]  # fmt: skip
        ends = self._ends
        here, there = (ends.client[stream], ends.client_port[stream]), (ends.server[stream], ends.server_port[stream])
        (src, src_port), (dst, dst_port) = (here, there) if mine else (there, here)
        pool = self._pools[bisect_right(self._pool_starts, self.order[at]) - 1]
        options = bytes(pool[options_at : options_at + options_len])
        return Seen(
            frame, time_ns, mine, src, dst, src_port, dst_port, tcp_flags, payload_len, seq_raw, ack_raw, window_raw,
            None if window < 0 else window, None if seq < 0 else seq, None if ack < 0 else ack, marks & MARK_SACK_PERMITTED != 0,
            sack_blocks, options, marks & MARK_OPTIONS_MALFORMED != 0,
            None if ts_val < 0 else ts_val, None if ts_ecr < 0 else ts_ecr, checksum,
        )  # fmt: skip
