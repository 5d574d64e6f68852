"""The segments that a page carries for its own script: as small as it goes, harmless inside HTML. Floor 4.

Reading: HTML Living Standard §4.12.1.3 (what may stand in a script element), RFC 8259.

A connection is a dictionary of columns. A column whose values are all alike is that one value; frames and times are differences
to the row before; sentences are numbers of lines in one list for the whole page. `templates/data.js` reads it back. Connections
are taken in the given order, most interesting first, until the room is spent; of a long one the segments that say something.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tcpinspect.insight.outcome_words import outcome_line
from tcpinspect.insight.phrases import rfc_reference
from tcpinspect.insight.why import tell_all
from tcpinspect.model.address import endpoint_text
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import Event, Evidence, State
from tcpinspect.report.safe import plain
from tcpinspect.schema import ANALYSIS_FLAGS

# More rows than this are a wall: of a longer connection the first, the last and the telling ones are carried.
MOST_SEGMENTS = 600
_EDGE = 200
# So much of a connection is read at all, and so much of all connections: explaining costs some 50 µs a segment.
_LONGEST = 4000
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
            found = self._analysis.segments_by_stream(batch, most=_LONGEST)
            for stream in batch:
                if self._room <= 0:
                    return
                self._take(rows[stream], found[stream])

    def _take(self, row: Any, segments: list[Any]) -> None:
        before = self._lines.size
        text = _compact(connection(row, segments, self._analysis.steps_of(row.stream), self._lines))
        # Lines stay even where the connection does not.
        self._room -= self._lines.size - before
        if len(text) + len(f'"{row.stream}":,') > self._room:
            return
        self._room -= len(text) + len(f'"{row.stream}":,')
        self.streams[row.stream] = text
        self.segments += min(len(segments), MOST_SEGMENTS)

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
        size = min(rows[stream].client_packets + rows[stream].server_packets, _LONGEST)
        if read + size > _MOST_READ:
            break
        read += size
        if batch and in_batch + size > _AT_ONCE:
            yield batch
            batch, in_batch = [], 0
        batch.append(stream)
        in_batch += size
    if batch:
        yield batch


def _compact(value: Any) -> str:
    """JSON without a blank, and without any character that HTML would act upon."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def connection(row: Any, segments: list[Any], timeline: list[Any], lines: Lines) -> dict[str, Any]:
    """One connection for `data.js`: facts under single letters, explained there."""
    told = tell_all(segments, timeline)
    stepping = {step.frame for step in timeline}
    chosen = _telling(segments, [bool(one.cause) for one in told], stepping)
    places = {segments[at].frame: n for n, at in enumerate(chosen)}
    picked = [segments[at] for at in chosen]
    total = row.client_packets + row.server_packets
    out: dict[str, Any] = {
        "c": endpoint_text(row.client, row.client_port), "s": endpoint_text(row.server, row.server_port),
        "o": lines.number(outcome_line(row)),
        "t": [_step(step, places, row.start_ns, lines) for step in timeline], **_columns(picked, row.start_ns, lines),
        "y": _column([lines.number(told[at].sentence) for at in chosen]),
    }  # fmt: skip
    if len(chosen) != total:
        out["of"] = total
        out["i"] = _differences(chosen)
    away = _away(row)
    if away:
        out["r"] = away
    details = {n: [lines.number(line) for line in told[at].details] for n, at in enumerate(chosen) if told[at].details}
    if details:
        out["d"] = details
    return out


def _away(row: Any) -> list[int] | None:
    """What an answer of the client and of the server took in the handshake, seen from the capture point; None where unknown."""
    if row.syn_to_syn_ack_ns is not None and row.syn_ack_to_ack_ns is not None:
        return [row.syn_ack_to_ack_ns, row.syn_to_syn_ack_ns]
    return None


def _telling(segments: list[Any], unusual: list[bool], stepping: set[int | None]) -> list[int]:
    """Which segments are carried: all, or the first and last, those that change a state, and what is unusual, as far as it goes."""
    if len(segments) <= MOST_SEGMENTS:
        return list(range(len(segments)))
    chosen = {*range(_EDGE), *range(len(segments) - _EDGE, len(segments))}
    weighty = (n for n, s in enumerate(segments) if s.frame in stepping or s.tcp_flags & (SYN | FIN | RST))
    for rest in (weighty, (n for n, odd in enumerate(unusual) if odd), range(len(segments))):
        for n in rest:
            if len(chosen) >= MOST_SEGMENTS:
                return sorted(chosen)
            chosen.add(n)
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
