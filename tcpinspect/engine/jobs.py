"""Count a capture with one process or several: what a summary needs, the same with any number of them. Floor 2.

The connections are in PARTS parts (engine.parts), each with a table and limits of its own; every process takes some of the parts and
reads the whole capture. Processes, because the engine works under the interpreter's lock; they are forked, so that nothing
is loaded twice. What reading costs is spent by each of them: a tenth of the work, measured.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tcpinspect.capture.many import Files, inputs
from tcpinspect.capture.source import Input, cores, is_plain
from tcpinspect.engine.alive import LIMITS
from tcpinspect.engine.classes import EXAMPLES_KEPT, Class, Classes
from tcpinspect.engine.finish import CONNECTION_FIELD, Finisher
from tcpinspect.engine.health import Health
from tcpinspect.engine.layers import REASONS
from tcpinspect.engine.parts import PARTS, Parts, Starts
from tcpinspect.engine.run import Progress, Result, no_collector, result_of
from tcpinspect.engine.signs import Suspects
from tcpinspect.engine.track import Tracker
from tcpinspect.engine.unbroken import unbroken
from tcpinspect.errors import CaptureError

# Below so many octets a second process takes longer to begin than it saves.
_WORTH_OCTETS = 32 << 20
_FIRST_FRAME = CONNECTION_FIELD["first_frame"]
_DIVIDED = ("roomy", "crowd", "mob")  # the limits that are numbers of connections


# An example of a class (engine.classes), and what numbers the streams of its part.
_Candidate = tuple[int, int, "array[int]", bytearray, Callable[[int], int]]


class _Found(NamedTuple):
    """What one part has found."""

    classes: Classes
    suspects: Suspects
    health: Health
    starts: array[int]
    counters: dict[str, int]
    reasons: list[int]


class _Part:
    """A tracker and where its connections go."""

    def __init__(self) -> None:
        self.classes, self.starts = Classes(PARTS), Starts()
        self.finisher = Finisher(False, sinks=(self.classes, self.starts))
        self.tracker = Tracker(self.finisher, None, True, Suspects())
        for name in _DIVIDED:
            setattr(self.tracker, name, LIMITS[name] // PARTS)

    def end(self, last_ns: int) -> _Found:
        self.tracker.now_ns = last_ns
        self.tracker.end()
        tracker = self.tracker
        counters = {name: getattr(tracker, name) for name in _COUNTERS}
        return _Found(
            self.classes, tracker.suspects, tracker.health, self.starts.frames[: self.starts.count], counters,
            [tracker.reason(n) for n in range(len(REASONS))],
        )  # fmt: skip


_COUNTERS = ("segments", "late_segments", "checksums_good", "checksums_bad", "checksums_unfinished")


def jobs_for(where: Input | Sequence[Input], jobs: int | None, follow: float | None = None) -> int:
    """How many processes to use: `jobs`, or without a wish one a core, where the capture is large; one where it cannot be opened
    twice, grows, or is compressed (each process would decompress all of it)."""
    files = inputs(where)
    if jobs == 1 or follow is not None or not hasattr(os, "fork") or not all(map(is_plain, files)):
        return 1
    if jobs is None:
        octets = sum(os.path.getsize(file) for file in files)  # type: ignore[arg-type]
        jobs = cores() if octets >= _WORTH_OCTETS else 1
    return max(1, min(jobs, PARTS))


def survey_run(
    where: Input | Sequence[Input], *, jobs: int | None = None, progress: Progress | None = None, follow: float | None = None
) -> tuple[Result, Classes]:
    """Analyse a capture and keep its classes of connections; see `engine.run.run` for the rest. Raises CaptureError when nothing can
    be read, or when a process is lost."""
    count = jobs_for(where, jobs, follow)
    helpers = _fork(where, count) if count > 1 else []
    try:
        files = Files(inputs(where), follow=follow)
        whole, found = _read(files, range(0, PARTS, count), progress)
        for helper in helpers:
            if files.interrupted:
                helper.interrupt()
            found |= helper.answer()
    finally:
        for helper in helpers:
            helper.close()
    ordered = [found[part] for part in range(PARTS)]
    classes, suspects = _join(ordered)
    return result_of(files, _Whole(whole, ordered, suspects), told=follow is None), classes


def _fork(where: Input | Sequence[Input], count: int) -> list[Any]:
    """The other processes, each at work on its parts."""
    from tcpinspect.engine.forked import Forked  # a small capture does without

    return [Forked(lambda number=number: _work(where, range(number, PARTS, count))) for number in range(1, count)]


def _work(where: Input | Sequence[Input], mine: range) -> dict[int, _Found]:
    from tcpinspect.engine.forked import no_more_interrupts

    return _read(Files(inputs(where)), mine, None, no_more_interrupts)[1]


def _read(files: Files, mine: range, progress: Progress | None, then: Callable[[], None] = lambda: None) -> tuple[Parts, dict[int, _Found]]:
    """Read the capture for some of the parts, `then` finish them."""
    own = {part: _Part() for part in mine}
    whole = Parts([own[part].tracker if part in own else None for part in range(PARTS)])
    with no_collector():
        try:
            with unbroken() as do:
                for records, first, last in files.blocks():
                    do(whole.block, records, first, last)
                    if progress:
                        progress(files.bytes_taken, whole.frames)
        except KeyboardInterrupt:
            files.interrupted = True
        finally:
            files.close()
        then()
        whole.trackers = []
        # one after the other, so that the table of one goes before the next is told
        return whole, {number: own.pop(number).end(whole.last_ns) for number in list(own)}


class _Whole:
    """The capture as a whole, with the names of a Tracker's counters."""

    def __init__(self, whole: Parts, found: list[_Found], suspects: Suspects) -> None:
        for name in ("frames", "octets", "first_ns", "last_ns", "cut", "steps_back"):
            setattr(self, name, getattr(whole, name))
        for name in _COUNTERS:
            setattr(self, name, sum(one.counters[name] for one in found))
        self._reasons = [whole.reason(n) + sum(one.reasons[n] for one in found) for n in range(len(REASONS))]
        self.health = whole.health
        for name in ("late_frame", "oversize_frame", "unfinished_frame", "bad_frame"):
            setattr(self.health, name, min((frame for one in found if (frame := getattr(one.health, name))), default=0))
        for frame, start_ns, end_ns in sorted(leap for one in found for leap in one.health.leaps):
            self.health.jumped(start_ns, end_ns, frame)
        self.suspects = suspects
        self.columns = None

    def reason(self, which: int) -> int:
        return self._reasons[which]


def _join(found: list[_Found]) -> tuple[Classes, Suspects]:
    """The parts together, streams by their numbers in the whole."""
    classes, suspects = Classes(), Suspects()
    starts = [one.starts for one in found]
    candidates: dict[int, list[_Candidate]] = {}
    for one in found:
        number = _numbers(one.starts, starts)
        classes.count += one.classes.count
        for kind in one.classes.by_key.values():
            _join_class(classes, kind)
            candidates.setdefault(kind.key, []).extend((*example, number) for example in kind.examples)
        _join_tallies(classes.ports, one.classes.ports, number)
        _join_tallies(classes.pairs, one.classes.pairs, number)
        _join_hosts(classes.hosts, one.classes.hosts, number)
        for hosts, ports in one.classes.doors.items():
            classes.doors.setdefault(hosts, set()).update(ports)
        suspects.join(one.suspects, number)
    for key, examples in candidates.items():
        classes.by_key[key].examples = _choose(examples)
    return classes, suspects


def _numbers(mine: array[int], all_starts: Sequence[array[int]]) -> Callable[[int], int]:
    """What turns a part's own stream numbers into those of the whole: streams are numbered in the order of their first frames."""
    others = [starts for starts in all_starts if starts is not mine]
    return lambda stream: stream + sum(bisect_left(starts, mine[stream]) for starts in others)


def _join_class(classes: Classes, kind: Class) -> None:
    """Add up a class, but for its examples."""
    known = classes.by_key.get(kind.key)
    if known is None:
        known = classes.by_key[kind.key] = Class(kind.key, kind.handshake)
    known.count += kind.count
    known.client_retransmissions += kind.client_retransmissions
    known.server_retransmissions += kind.server_retransmissions


def _choose(candidates: Sequence[_Candidate]) -> list[tuple[int, int, array[int], bytearray]]:
    """The examples of a class: the first member first, then those with the most trouble.

    Streams are numbered in the order of their first frames, so that numbers, which take time, are for the chosen alone.
    """

    def began(one: _Candidate) -> int:
        return one[2][_FIRST_FRAME]

    first, *others = sorted(candidates, key=began)
    chosen = [first, *sorted(others, key=lambda one: (-one[0], began(one)))[: EXAMPLES_KEPT - 1]]
    for _, stream, row, _, number in chosen:
        row[0] = number(stream)
    return [(trouble, row[0], row, history) for trouble, _, row, history, _ in chosen]


def _join_tallies(whole: dict[Any, Any], part: dict[Any, Any], number: Callable[[int], int]) -> None:
    """Add up who failed to reach whom; the row of the earliest speaks for all."""
    for name, found in part.items():
        if found[1] is not None:
            found[1][0] = number(found[1][0])
        known = whole.setdefault(name, found)
        if known is not found:
            known[0] += found[0]
            if found[1] is not None and (known[1] is None or found[1][0] < known[1][0]):
                known[1:] = found[1:]


def _join_hosts(whole: dict[Any, Any], part: dict[Any, Any], number: Callable[[int], int]) -> None:
    """Add up what failed at each host; the row of the earliest speaks for all. A client is in one part, so none counts twice."""
    for name, found in part.items():
        if found[4] is not None:
            found[4][0] = number(found[4][0])
        known = whole.setdefault(name, found)
        if known is not found:
            known[:4] = known[0] + found[0], known[1] + found[1], known[2] | found[2], known[3] | found[3]
            if found[4] is not None and (known[4] is None or found[4][0] < known[4][0]):
                known[4:] = found[4:]
