"""The segments that a page carries for its own script: as small as it goes, harmless inside HTML. Floor 4.

Reading: HTML Living Standard §4.12.1.3 (what may stand in a script element), RFC 8259.

A connection is a dictionary of columns. A column whose values are all alike is that one value; frames and times are differences
to the row before; sentences are numbers of lines in one list for the whole page. `templates/data.js` reads it back. Connections
are taken in the given order, most interesting first, until the room is spent; of a long one the segments that say something.
Explaining is a replay of all segments; those of a very long connection (LONGEST_TOLD) are told by the words of a ladder instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from tcpinspect.insight.outcome_words import outcome_line
from tcpinspect.insight.phrases import rfc_reference
from tcpinspect.insight.why import Told, tell_all
from tcpinspect.insight.words import words
from tcpinspect.model.address import endpoint_text
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import Event, Evidence, State
from tcpinspect.report.safe import plain
from tcpinspect.schema import ANALYSIS_FLAGS

# More rows than this are a wall: of a longer connection the first, the last and the telling ones are carried.
MOST_SEGMENTS = 600
_EDGE = 150
# A longer connection is not explained, and so much of all connections is: a replay costs some 50 µs a segment.
LONGEST_TOLD = 20_000
_MOST_READ = 60_000
_AT_ONCE = 15_000  # segments fetched in one pass over the capture's: as many rows are in memory

STATES = [str(state) for state in State]
EVENTS = [str(event) for event in Event]
EVIDENCE = [str(evidence) for evidence in Evidence]
CHECKSUMS = ["good", "bad", "unfinished", "unverified"]
_STAMPS = re.compile(r"TS val \d+ ecr \d+")
Say = Callable[[str], str]


class Lines:
    """Texts by number, each once; harmless and in the page's language. `size` is what they take in the page, in octets."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._known: dict[str, int] = {}
        self.texts: list[str] = []
        self.size = 0

    def number(self, text: str) -> int:
        """The number of a text, new or known."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = len(self.texts)
            self.texts.append(plain(self._say(text)))
            self.size += len(_compact(self.texts[-1]).encode()) + 1
        return known


class PageData:
    """The data of one page, filled connection by connection while there is room (in octets of JSON)."""

    def __init__(self, analysis: Any, *, room: int, say: Say = str) -> None:
        self._analysis = analysis
        self._room = room
        self._lines = Lines(say)
        self.streams: dict[int, str] = {}
        self.segments = 0

    def fill(self, order: Iterable[int]) -> None:
        """Take connections in this order until the room or the time is spent; one that does not fit is passed over."""
        rows = self._analysis.connection_rows
        for batch in _batches(order, rows):
            told = [stream for stream in batch if _size(rows[stream]) <= LONGEST_TOLD]
            found = self._analysis.segments_by_stream(told, most=LONGEST_TOLD)
            for stream in batch:
                if self._room <= 0:
                    return
                timeline = self._analysis.steps_of(stream)
                long = stream not in found
                some = picked_of_long(self._analysis, stream, timeline) if long else picked(found[stream], timeline)
                self._take(rows[stream], some, timeline)

    def _take(self, row: Any, some: Picked, timeline: list[Any]) -> None:
        before = self._lines.size
        text = _compact(connection(row, some, timeline, self._lines))
        # Lines stay even where the connection does not.
        self._room -= self._lines.size - before
        if len(text) + len(f'"{row.stream}":,') > self._room:
            return
        self._room -= len(text) + len(f'"{row.stream}":,')
        self.streams[row.stream] = text
        self.segments += len(some.segments)

    def text(self, **more: Any) -> str:
        """All of it as JSON that may stand inside a script element; `more` are further members."""
        head = {
            "lines": self._lines.texts, "states": STATES, "events": EVENTS, "evidence": EVIDENCE, "marks": list(ANALYSIS_FLAGS),
            "checksums": CHECKSUMS, **more,
        }  # fmt: skip
        streams = ",".join(f'"{stream}":{text}' for stream, text in sorted(self.streams.items()))
        return f'{_compact(head)[:-1]},"streams":{{{streams}}}}}'


def _batches(order: Iterable[int], rows: list[Any]) -> Iterator[list[int]]:
    """The streams in this order, in groups of about _AT_ONCE segments, until _MOST_READ."""
    batch: list[int] = []
    in_batch = read = 0
    for stream in order:
        size = min(_size(rows[stream]), LONGEST_TOLD + 1)
        if size > LONGEST_TOLD:
            size = MOST_SEGMENTS
        elif read + size > _MOST_READ:
            break
        read += size
        if batch and in_batch + size > _AT_ONCE:
            yield batch
            batch, in_batch = [], 0
        batch.append(stream)
        in_batch += size
    if batch:
        yield batch


def _size(row: Any) -> int:
    return int(row.client_packets + row.server_packets)


def _compact(value: Any) -> str:
    """JSON without a blank, and without any character that HTML would act upon."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class Picked(NamedTuple):
    """The segments of a connection that are carried, their places in it, and what is said of each; `explained`: by a replay of all."""

    segments: list[Any]
    places: list[int]
    told: list[Told]
    explained: bool


def picked(segments: list[Any], timeline: list[Any]) -> Picked:
    """All segments of a connection; of a long one the first, the last, and those that say something."""
    told = tell_all(segments, timeline)
    stepping = {step.frame for step in timeline}
    weighty = [n for n, s in enumerate(segments) if s.frame in stepping or s.tcp_flags & (SYN | FIN | RST)]
    chosen = _chosen(len(segments), weighty, [n for n, one in enumerate(told) if one.cause])
    return Picked([segments[n] for n in chosen], chosen, [told[n] for n in chosen], True)


def picked_of_long(analysis: Any, stream: int, timeline: list[Any]) -> Picked:
    """The same for a connection too long for a replay: what says something is told by steps, flags and Wireshark's marks."""
    import numpy as np

    from tcpinspect.plot.context import context

    arrays = analysis.connections[stream].arrays
    stepping = {step.frame for step in timeline if step.frame is not None}
    weighty = np.isin(arrays["frame"], list(stepping)) | ((arrays["tcp_flags"] & (SYN | FIN | RST)) != 0)
    chosen = _chosen(len(arrays), np.flatnonzero(weighty).tolist(), np.flatnonzero(arrays["analysis"] != 0).tolist())
    known = context(arrays, chosen, stepping, also=())
    rows = arrays.rows(known)
    said = dict(zip(known, words(rows), strict=True))
    at = dict(zip(known, rows, strict=True))
    told = [Told("", f"{said[n][:1].upper()}{said[n][1:]}.", ()) for n in chosen]
    return Picked([at[n] for n in chosen], chosen, told, False)


def connection(row: Any, some: Picked, timeline: list[Any], lines: Lines) -> dict[str, Any]:
    """One connection for `data.js`: facts under single letters, explained there."""
    told, chosen = some.told, some.places
    places = {segment.frame: n for n, segment in enumerate(some.segments)}
    total = _size(row)
    out: dict[str, Any] = {
        "c": endpoint_text(row.client, row.client_port), "s": endpoint_text(row.server, row.server_port),
        "o": lines.number(outcome_line(row)),
        "t": [_step(step, places, row.start_ns, lines) for step in timeline], **_columns(some.segments, row.start_ns, lines),
        "y": _column([lines.number(one.sentence) for one in told]),
    }  # fmt: skip
    if len(chosen) != total:
        out["of"] = total
        out["i"] = _differences(chosen)
    if not some.explained:
        out["j"] = 1
    away = _away(row)
    if away:
        out["r"] = away
    details = {n: [lines.number(line) for line in one.details] for n, one in enumerate(told) if one.details}
    if details:
        out["d"] = details
    return out


def _away(row: Any) -> list[int] | None:
    """What an answer of the client and of the server took in the handshake, seen from the capture point; None where unknown."""
    if row.syn_to_syn_ack_ns is not None and row.syn_ack_to_ack_ns is not None:
        return [row.syn_ack_to_ack_ns, row.syn_to_syn_ack_ns]
    return None


def _chosen(total: int, weighty: Sequence[int], unusual: Sequence[int]) -> list[int]:
    """Which segments are carried: all, or the first and the last, then the weighty and the unusual ones as far as it goes.

    Where not all of a kind have room, they are taken evenly over the connection; what is left goes to those after the first.
    """
    if total <= MOST_SEGMENTS:
        return list(range(total))
    chosen = {*range(_EDGE), *range(total - _EDGE, total)}
    for rest in (weighty, unusual, range(MOST_SEGMENTS)):
        new = [n for n in rest if n not in chosen]
        room = MOST_SEGMENTS - len(chosen)
        # The fillers go on from the first ones; the others are spread.
        some = new[:room] if isinstance(rest, range) or len(new) <= room else [new[n * len(new) // room] for n in range(room)]
        chosen.update(some)
    return sorted(chosen)


def _columns(rows: list[Any], start_ns: int, lines: Lines) -> dict[str, Any]:
    times = [row.time_ns - start_ns for row in rows]
    # Most captures count microseconds: three digits less each.
    unit = 1 if any(ns % 1000 for ns in times) else 1000
    first: dict[bool, int] = {}
    for row in rows:
        if row.ts_val is not None:
            first.setdefault(row.from_client, row.ts_val)
    return {
        "u": unit,
        "f": _differences([row.frame for row in rows]),
        "n": _differences([ns // unit for ns in times]),
        "k": _column([row.tcp_flags | row.from_client << 9 | row.reserved << 10 for row in rows]),
        "q": _column([row.seq for row in rows]),
        "a": _column([row.ack for row in rows]),
        "b": _bases(rows),
        "l": _column([row.payload_len for row in rows]),
        "w": _column([row.window_raw for row in rows]),
        "h": _factors(rows),
        "m": _column([sum(1 << n for n, name in enumerate(ANALYSIS_FLAGS) if getattr(row, name)) for row in rows]),
        "x": _column([row.checksum << 2 | CHECKSUMS.index(row.checksum_status) for row in rows]),
        "g": _column([row.urgent_pointer for row in rows]),
        "z": _column([row.data_offset for row in rows]),
        "p": _column([lines.number(_STAMPS.sub("TS", row.options)) for row in rows]),
        "v0": [first.get(True), first.get(False)],
        "v": _column([None if row.ts_val is None else row.ts_val - first[row.from_client] for row in rows]),
        "e": _column([None if row.ts_ecr is None else row.ts_ecr - first.get(not row.from_client, 0) for row in rows]),
    }


def _bases(rows: list[Any]) -> list[int | None]:
    """What to add to a relative number for the raw one (modulo 2³²), client's and server's; None where nothing tells."""
    found: dict[bool, int] = {}
    for row in rows:
        if row.seq is not None:
            found.setdefault(row.from_client, (row.seq_raw - row.seq) % 2**32)
        if row.ack is not None:
            found.setdefault(not row.from_client, (row.ack_raw - row.ack) % 2**32)
    return [found.get(True), found.get(False)]


def _factors(rows: list[Any]) -> list[int | None]:
    """By what a window field is multiplied outside SYN segments, client's and server's; None where it is not known."""
    found: dict[bool, int] = {}
    for row in rows:
        if not row.tcp_flags & SYN and row.window_raw and row.window is not None:
            found.setdefault(row.from_client, row.window // row.window_raw)
    return [found.get(True), found.get(False)]


def _step(step: Any, places: dict[int, int], start_ns: int, lines: Lines) -> list[Any]:
    """A row of the timeline: side, place of its segment, new state, event, evidence, rule; at the end frame and time if not carried."""
    out = [
        0 if step.side == "client" else 1, places.get(step.frame), STATES.index(step.to_state), EVENTS.index(step.event),
        EVIDENCE.index(step.evidence), lines.number(rfc_reference(step.rfc)),
    ]  # fmt: skip
    if step.frame is not None and step.frame not in places:
        out += [step.frame, step.time_ns - start_ns]
    return out


def _column(values: list[Any]) -> Any:
    """One value where all are alike."""
    return values[0] if values and values.count(values[0]) == len(values) else values


def _differences(values: list[int]) -> list[int]:
    return [value - before for value, before in zip(values, [0, *values[:-1]], strict=True)]
