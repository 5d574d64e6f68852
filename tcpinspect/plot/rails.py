"""The states along the rails of a ladder. Floor 4. Reading: RFC 9293 §3.3.2.

A step stands where the segment that causes it leaves its side or reaches it. A step that no frame shows stands where its
neighbours leave room: before the first arrow (a listening server), or below the last (the end of TIME-WAIT).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcpinspect.plot.pieces import Side, Span
from tcpinspect.plot.place import STATE_ROWS


def attach(side: Side, timeline: Sequence[Any]) -> tuple[dict[int, list[Any]], list[Any]]:
    """The steps of one side by the frame at which they stand, and those that come after every frame.

    A step that no frame shows stands with the next one that has a frame: the latest moment at which it can have happened.
    """
    by_frame: dict[int, list[Any]] = {}
    waiting: list[Any] = []
    for step in timeline:
        if step.side != side:
            continue
        waiting.append(step)
        if step.frame is not None:
            by_frame.setdefault(step.frame, []).extend(waiting)
            waiting = []
    return by_frame, waiting


def crowding(by_frame: Mapping[int, Sequence[Any]], frame: int) -> int:
    """How many states of one side begin at a frame, by `attach`; what went unseen before a side's first frame stands above it."""
    steps = by_frame.get(frame, ())
    if frame == next(iter(by_frame), None):
        return sum(1 for step in steps if step.frame is not None)
    return len(steps)


def rail(
    side: Side, timeline: Sequence[Any], ends: Mapping[int, tuple[float, float, bool]], shown: tuple[int, int], height: float, *, last: bool
) -> list[Span]:
    """The spans of one side from 0 to `height`; none where the timeline has no step of that side.

    `ends` gives, by frame, where a segment starts and ends and whether the client sent it; `shown` are the first and last frame
    of the phase: steps before it only decide the state at the top, steps after it are left out. `last`: the connection's last
    segment is shown, so what comes after every frame belongs below it.
    """
    by_frame, trailing = attach(side, timeline)
    first = next((step for step in timeline if step.side == side), None)
    if first is None:
        return []
    marks: list[tuple[float, Any]] = []
    y = 0.0
    for frame, steps in by_frame.items():
        if frame > shown[1]:
            break
        if frame < shown[0]:
            marks = [(0.0, steps[-1])]
            continue
        at = _height(frame, side, ends)
        for n, step in enumerate(steps):
            # What happened unseen before the first arrow happened above it; a capture that begins begins at the top.
            above = y == 0.0 and (step.event == "CAPTURE-START" or (step.frame is None and n < len(steps) - 1))
            y = 0.0 if above else max(at, y + STATE_ROWS if y else 0.0)
            marks.append((y, step))
    if last:
        below = max([y, *(max(start, end) for start, end, _ in ends.values())], default=y)
        for n, step in enumerate(trailing):
            marks.append((max(below + STATE_ROWS * (n + 1), height - STATE_ROWS * (len(trailing) - n)), step))
    return _spans(side, first.from_state, marks, height)


def _height(frame: int, side: Side, ends: Mapping[int, tuple[float, float, bool]]) -> float:
    """Where a frame leaves or reaches a side; one that is no segment of the connection (an ICMP error) below the one before it."""
    where = ends.get(frame)
    if where is None:
        before = max((known for known in ends if known < frame), default=None)
        return 0.0 if before is None else max(ends[before][:2]) + STATE_ROWS / 2
    start, end, from_client = where
    return start if from_client == (side == "client") else end


def _spans(side: Side, state: str, marks: Sequence[tuple[float, Any]], height: float) -> list[Span]:
    out: list[Span] = []
    top, evidence, frame = 0.0, "assumed", None
    for at, step in marks:
        y = min(at, height)
        if y > top:
            out.append(Span(side, top, y, state, evidence, frame))
        top, state, evidence, frame = y, step.to_state, step.evidence, step.frame
    if height > top:
        out.append(Span(side, top, height, state, evidence, frame))
    return out
