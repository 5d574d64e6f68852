"""Of a connection, the segments that a ladder has to know one by one, and how the others are folded. Floor 4. Reading: RFC 9293 §3.5, §3.6.

Of a short connection those are all. Of a long one the folds are found on columns of numbers first (`long_fold`), and only then
are the segments made objects that have an arrow of their own, or that something said about one of those rests on (`context`).
Both ways give the same picture; a test compares.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tcpinspect.plot.fold import Run, runs
from tcpinspect.plot.phases import Course, bounds, course_of, phase_bounds

# Below so many segments objects are faster than loading numpy.
LONG = 4000
# A pause of a second always counts as silence; a shorter one from 0.2 s on if it is long beside the others.
_SILENCE_NS = 1_000_000_000
SILENCE_LEAST_NS = 200_000_000
_SILENCE_TIMES = 10


class Extract(NamedTuple):
    """`segments` are known one by one; `first` and `past` say which of them are of the phase, which has `counted` in all.

    `between` are past the handshake's last one and the teardown's first, `runs` and `silences` (index of each segment that a long
    silence lies before, its ns) count from `first`.
    """

    segments: Sequence[Any]
    first: int
    past: int
    counted: int
    between: tuple[int, int]
    runs: Sequence[Run]
    silences: Mapping[int, int]


def extract(connection: Any, timeline: Sequence[Any], phase: str, *, most: int) -> Extract:
    """What a ladder of about `most` arrows needs of a phase of the connection. UsageError for a phase there is not."""
    stepping = {frame for step in timeline if (frame := step.frame) is not None}
    if connection.client_packets + connection.server_packets > LONG:
        return _of_long(connection, timeline, phase, stepping, most)
    everything = connection.segments
    course = course_of(everything, timeline)
    first, past = phase_bounds(course, phase)
    segments = everything[first:past]
    quiet = silences([s.time_ns for s in segments])
    return Extract(everything, first, past, past - first, bounds(course), runs(segments, stepping, quiet, most=most), quiet)


def _of_long(connection: Any, timeline: Sequence[Any], phase: str, stepping: set[int], most: int) -> Extract:
    import numpy as np

    from tcpinspect.plot.context import context
    from tcpinspect.plot.long_fold import fold_columns, tally

    arrays = connection.arrays
    course = Course(arrays["frame"].tolist(), arrays["tcp_flags"].tolist(), arrays["payload_len"].tolist(), timeline)
    first, past = phase_bounds(course, phase)
    between = bounds(course)
    gaps = np.clip(np.diff(arrays["time_ns"][first:past]), 0, None)
    quiet = silence_of(int(np.sort(gaps)[len(gaps) // 2])) if len(gaps) else 0
    silent = np.flatnonzero(gaps >= quiet) + 1 if len(gaps) else np.zeros(0, dtype=np.int64)
    folded = fold_columns(arrays, first, past, stepping, silent, most=most)
    shown = [first + run.first for run in folded if run.first == run.last]
    edges = [first + n for run in folded for n in (run.first, run.last)]
    known = context(arrays, shown, stepping, also=[*edges, first - 1, first, past, *(n + m for n in between for m in (-1, 0))])
    at = {place: n for n, place in enumerate(known)}
    start = bisect_left(known, first)
    found = [
        Run(at[first + run.first] - start, at[first + run.last] - start,
            tally(arrays, first + run.first, first + run.last + 1) if run.last > run.first else None)
        for run in folded
    ]  # fmt: skip
    pauses = {at[first + n] - start: int(gaps[n - 1]) for n in silent[np.isin(silent, [run.first for run in folded])].tolist()}
    return Extract(
        arrays.rows(known), start, bisect_left(known, past), past - first,
        (bisect_left(known, between[0]), bisect_left(known, between[1])), found, pauses,
    )  # fmt: skip


def silences(times_ns: Sequence[int]) -> dict[int, int]:
    """Index of each segment that a long silence lies before, and how long it is in ns."""
    gaps = [max(0, later - before) for before, later in pairwise(times_ns)]
    if not gaps:
        return {}
    least = silence_of(sorted(gaps)[len(gaps) // 2])
    return {n + 1: gap for n, gap in enumerate(gaps) if gap >= least}


def silence_of(usual_ns: int) -> int:
    """From which length on a gap is a silence, where the middle one of all is so long."""
    return min(_SILENCE_NS, max(SILENCE_LEAST_NS, _SILENCE_TIMES * usual_ns))
