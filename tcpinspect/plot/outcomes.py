"""All connections of a capture as bars over time, laid out in rows. Floor 4. Reading: RFC 9293 §3.5, §3.6.

Up to `NAMED` connections have a row each, with its name. More share rows, each the first that is free when it begins.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from tcpinspect.insight import reading

# What became of a connection, in the order of the legend; the keys are tones of `style.TONES`.
TONES = ("fine", "open", "unanswered", "bad", "unknown")
NAMED = 40
# More rows than dots of a page: bars of the same tone that begin on the same dot are drawn once.
MOST_ROWS = 400
DOTS = 1600


@dataclass(frozen=True, slots=True)
class Span:
    """One connection: `row` from 0 at the top, times in ns since the first segment of all; `tone` is one of `TONES`."""

    stream: int
    row: int
    start_ns: int
    end_ns: int
    tone: str
    name: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The bars; `counts` by tone of all `connections`, of which `spans` shows some; `alone`: each has a row of its own."""

    spans: tuple[Span, ...]
    rows: int
    counts: dict[str, int]
    connections: int
    alone: bool
    total_ns: int


def tone(row: Any) -> str:
    """What became of a connection: fine (closed in order), open, unanswered (or never finished), bad (refused, reset), unknown."""
    opened = reading.opening(row)
    if opened in ("refused", "contested") or row.teardown in ("reset", "aborted"):
        return "bad"
    if opened in ("unanswered", "incomplete"):
        return "unanswered"
    if opened == "one-way" or row.teardown == "unknown":
        return "unknown"
    return "fine" if row.teardown in reading.ORDERLY else "open"


def overview(analysis: Any) -> Overview:
    """Lay out the connections of an analysis (`model.Analysis`)."""
    rows = sorted(analysis.connection_rows, key=lambda row: (row.start_ns, row.stream))
    counts = dict.fromkeys(TONES, 0)
    if not rows:
        return Overview((), 0, counts, 0, True, 0)
    first = rows[0].start_ns
    alone = len(rows) <= NAMED
    total = max(row.start_ns + row.duration_ns for row in rows) - first
    spans: list[Span] = []
    free: list[tuple[int, int]] = []
    used = 0
    # Bars that touch would look like one.
    gap = max(1, total // DOTS * 3)
    for n, row in enumerate(rows):
        kind = tone(row)
        counts[kind] += 1
        start, end = row.start_ns - first, row.start_ns - first + row.duration_ns
        place = n
        if not alone:
            place = heapq.heappop(free)[1] if free and free[0][0] <= start else used
            heapq.heappush(free, (end + gap, place))
        used = max(used, place + 1)
        name = f"{row.stream}  {row.client}:{row.client_port} → {row.server}:{row.server_port}" if alone else ""
        spans.append(Span(row.stream, place, start, end, kind, name))
    if used > MOST_ROWS or len(spans) > 20_000:
        spans = _once_a_dot(spans, used, total)
    return Overview(tuple(spans), used, counts, len(rows), alone, total)


def _once_a_dot(spans: list[Span], rows: int, total: int) -> list[Span]:
    seen: dict[tuple[int, int, str], Span] = {}
    for span in spans:
        dot = (span.row * MOST_ROWS // max(rows, 1), span.start_ns * DOTS // max(total, 1), span.tone)
        kept = seen.get(dot)
        # Of those on one dot the longest says most.
        if kept is None or span.end_ns > kept.end_ns:
            seen[dot] = span
    return list(seen.values())
