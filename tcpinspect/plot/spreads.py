"""How long things took over all connections: handshakes, teardowns, the stay in each state. Floor 4.

Reading: RFC 9293 §3.3.2, §3.5, §3.6. A state that a side was still in when the capture ended lasted at least so long: those times
are kept apart, because that is where a leak is seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tcpinspect.insight import reading
from tcpinspect.protocol.rfc9293 import State

_ENDED = ("TIME-WAIT", "CLOSED")
_CLOSING = ("FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK")
# What a stay in a state can be measured of; a listener and a closed connection have no end in a capture.
_MEASURED = tuple(str(state) for state in State if state not in (State.CLOSED, State.LISTEN))


@dataclass(frozen=True, slots=True)
class Row:
    """Durations in ns of one kind, sorted; `at_least`: of those that had not ended when the capture did."""

    name: str
    values: tuple[int, ...]
    at_least: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """Rows from top to bottom; `without`: how many connections have no such duration, by kind; `connections` in all."""

    rows: tuple[Row, ...]
    without: dict[str, int]
    connections: int


def handshakes(analysis: Any) -> Spread:
    """From SYN to SYN-ACK, from there to the third segment, and the whole of it by kind of handshake."""
    rows = analysis.connection_rows
    whole: dict[str, list[int]] = defaultdict(list)
    without: Counter[str] = Counter()
    for row in rows:
        if row.initial_rtt_ns is None:
            without[row.handshake] += 1
        else:
            whole[row.handshake].append(row.initial_rtt_ns)
    made = [
        _row("SYN to SYN-ACK", (row.syn_to_syn_ack_ns for row in rows)),
        _row("SYN-ACK to ACK", (row.syn_ack_to_ack_ns for row in rows)),
        *(_row(kind, values) for kind, values in sorted(whole.items(), key=lambda item: -len(item[1]))),
    ]
    return Spread(tuple(row for row in made if row.values), dict(without), len(rows))


def teardowns(analysis: Any) -> Spread:
    """From the first FIN until both sides had done with the connection (TIME-WAIT or CLOSED), by kind of teardown."""
    found: dict[str, list[int]] = defaultdict(list)
    waiting: dict[str, list[int]] = defaultdict(list)
    without: Counter[str] = Counter()
    end_ns = analysis.capture.last_ns
    kinds = [row.teardown for row in analysis.connection_rows]
    closings = {stream: _closing(steps) for stream, steps in _by_stream(analysis)}
    for stream, kind in enumerate(kinds):
        began, ended = closings.get(stream, (None, None))
        if began is None:
            without[kind] += 1
        elif ended is not None and (kind in reading.ORDERLY or kind == "reset"):
            found[kind].append(max(0, ended - began))
        else:
            waiting[kind].append(max(0, end_ns - began))
    order = sorted({*found, *waiting}, key=lambda kind: (-len(found[kind]) - len(waiting[kind]), kind))
    return Spread(tuple(_row(kind, found[kind], waiting[kind]) for kind in order), dict(without), len(kinds))


def dwell(analysis: Any) -> Spread:
    """How long each side stayed in each state, over all connections; a side counts once for each stay."""
    stays: dict[str, list[int]] = defaultdict(list)
    waiting: dict[str, list[int]] = defaultdict(list)
    end_ns = analysis.capture.last_ns
    unknown: Counter[str] = Counter()
    for _, steps in _by_stream(analysis):
        for side in ("client", "server"):
            mine = [(state, time_ns) for of, time_ns, state in steps if of == side]
            for (state, since), (_, until) in pairwise(mine):
                if since is None or until is None:
                    unknown[state] += state in _MEASURED
                else:
                    stays[state].append(max(0, until - since))
            if mine and mine[-1][0] in _MEASURED and mine[-1][1] is not None:
                waiting[mine[-1][0]].append(max(0, end_ns - mine[-1][1]))
    rows = tuple(_row(state, stays[state], waiting[state]) for state in _MEASURED if stays[state] or waiting[state])
    return Spread(rows, {state: n for state, n in unknown.items() if n}, len(analysis.connection_rows))


def _row(name: str, values: Iterable[int | None], at_least: Iterable[int] = ()) -> Row:
    return Row(name, tuple(sorted(value for value in values if value is not None)), tuple(sorted(at_least)))


# A step: whose, when (None unknown), into which state.
_Step = tuple[str, int | None, str]


def _by_stream(analysis: Any) -> Iterator[tuple[int, list[_Step]]]:
    """The steps of each connection, in the order of the table."""
    table = analysis.table("timeline")
    at = [[column.name for column in table.schema].index(name) for name in ("stream", "side", "time_ns", "to_state")]
    current = -1
    steps: list[_Step] = []
    for piece in table.pieces():
        for stream, *step in zip(*(piece[n] for n in at), strict=True):
            if stream != current:
                if steps:
                    yield current, steps
                current, steps = stream, []
            steps.append((step[0], step[1], step[2]))
    if steps:
        yield current, steps


def _closing(steps: list[_Step]) -> tuple[int | None, int | None]:
    """When the first FIN began to close the connection, and when both sides had done; None where it did not happen."""
    began = min((time_ns for _, time_ns, state in steps if state in _CLOSING and time_ns is not None), default=None)
    ends = []
    for side in ("client", "server"):
        ends.append(next((ns for of, ns, state in steps if of == side and state in _ENDED and ns is not None and ns >= (began or 0)), None))
    return began, None if None in ends else max(end for end in ends if end is not None)
