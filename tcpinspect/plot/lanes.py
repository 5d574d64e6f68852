"""Both sides' states as lanes over time. Floor 4. Reading: RFC 9293 §3.3.2.

A handshake of 300 µs beside ten seconds of data: true to scale it would be a hair. Where every state is wide enough the axis is
to scale; elsewhere each stretch between two steps gets a width that grows with its time, but only by orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log10
from types import SimpleNamespace
from typing import Any

from tcpinspect.insight.phrases import duration
from tcpinspect.plot.itself import steps_of
from tcpinspect.plot.pieces import Bar, Lanes, Side, Tick

# The narrowest stretch that is still seen, as a share of the width.
_NARROWEST = 0.05
# What lies before the first and after the last segment, where nobody knows the time.
_EDGE = 0.08
_SIDES: tuple[Side, Side] = ("client", "server")
# RFC 9293 §3.4.2: "the MSL is assumed to be 2 minutes"; TIME-WAIT lasts twice as long (§3.6).
TIME_WAIT_NS = 240_000_000_000


def lanes(connection: Any) -> Lanes:
    """Lay out the states of a connection (`model.Connection`) over time. Pure: two calls give equal results."""
    points = _points(connection, _to_the_end(steps_of(connection)))
    end_ns = connection.duration_ns
    moments = _moments(points, end_ns)
    xs, to_scale = _scale(moments)
    after = max((sum(1 for moment, _ in mine if moment is None) for mine in points.values()), default=0)
    # Beyond the last segment one stretch, and one more for each step whose time nobody knows.
    right = 1.0 - _EDGE * (after + 1)
    xs = [_EDGE + x * (right - _EDGE) for x in xs]
    bars = [bar for side in _SIDES for bar in _bars(side, points[side], xs, moments, right)]
    ticks = _ticks(xs, moments)
    waited = next((bar for bar in bars if bar.seen_to is not None), None)
    if waited is not None:
        ticks = (*ticks, Tick(waited.x_right, (waited.start_ns or 0) + TIME_WAIT_NS, "2 MSL"))
    return Lanes(str(connection.client), str(connection.server), tuple(bars), ticks, to_scale)


def _to_the_end(steps: Sequence[Any]) -> list[Any]:
    """The steps, and for a side that was last seen in TIME-WAIT the end of it, which no capture shows: 2 MSL later."""
    out = list(steps)
    for side in _SIDES:
        last = next((step for step in reversed(steps) if step.side == side), None)
        if last is not None and last.to_state == "TIME-WAIT":
            out.append(
                SimpleNamespace(
                    side=side, frame=None, time_ns=None, from_state="TIME-WAIT", to_state="CLOSED", event="TIMEOUT-2MSL",
                    evidence="assumed", rfc="3.10.8",
                )
            )  # fmt: skip
    return out


# A moment: ns since the first segment, and which of several steps that one side makes in that instant.
_Moment = tuple[int, int]


def _points(connection: Any, timeline: Sequence[Any]) -> dict[Side, list[tuple[_Moment | None, Any]]]:
    """Each side's steps with the moment of each; None for those after every known moment.

    A step without a time of its own is put at the next one that has a time: the latest at which it can have happened.
    """
    out: dict[Side, list[tuple[_Moment | None, Any]]] = {}
    for side in _SIDES:
        steps = [step for step in timeline if step.side == side]
        times: list[int | None] = []
        known: int | None = None
        for step in reversed(steps):
            known = step.time_ns - connection.start_ns if step.time_ns is not None else known
            times.append(known)
        placed: list[tuple[_Moment | None, Any]] = []
        latest, again = -1, 0
        for step, ns in zip(steps, reversed(times), strict=True):
            if ns is None:
                placed.append((None, step))
                continue
            # Captures with steps back in time exist; states follow the order of the timeline.
            ns = max(ns, latest, 0)
            again = again + 1 if ns == latest and not _before_all(placed) else 0
            latest = ns
            placed.append(((ns, again), step))
        out[side] = placed
    return out


def _before_all(placed: Sequence[tuple[_Moment | None, Any]]) -> bool:
    return all(step.time_ns is None or step.event == "CAPTURE-START" for _, step in placed)


def _moments(points: dict[Side, list[tuple[_Moment | None, Any]]], end_ns: int) -> list[_Moment]:
    found = {moment for mine in points.values() for moment, _ in mine if moment is not None}
    found.add((0, 0))
    last = max(found)
    if end_ns > last[0]:
        found.add((end_ns, 0))
    return sorted(found)


def _scale(moments: Sequence[_Moment]) -> tuple[list[float], bool]:
    """Where each moment stands between 0 and 1, and whether that is to scale."""
    gaps = [b[0] - a[0] for a, b in pairwise(moments)]
    if not gaps:
        return [0.0], True
    total = sum(gaps)
    to_scale = total > 0 and min(gaps) / total >= _NARROWEST
    if to_scale:
        weights = [float(gap) for gap in gaps]
    else:
        least = min((gap for gap in gaps if gap), default=1)
        weights = [1.0 + 0.5 * log10(1 + gap / least) for gap in gaps]
    xs, whole, at = [0.0], sum(weights), 0.0
    for weight in weights:
        at += weight
        xs.append(at / whole)
    return xs, to_scale


def _bars(
    side: Side, points: Sequence[tuple[_Moment | None, Any]], xs: Sequence[float], moments: Sequence[_Moment], right: float
) -> list[Bar]:
    if not points:
        return []
    where = dict(zip(moments, xs, strict=True))
    out: list[Bar] = []
    state, evidence, frame, event = points[0][1].from_state, "assumed", None, ""
    left, start_ns, unknown = 0.0, None, 0
    for moment, step in points:
        above = moment is not None and left == 0.0 and step.time_ns is None
        if moment is None:
            unknown += 1
            x, ns = min(1.0, right + _EDGE * unknown), None
        elif above or step.event == "CAPTURE-START":
            x, ns = 0.0, None
        else:
            x, ns = where[moment], moment[0]
        if x > left:
            # Entered with the very last segment: there is nothing to tell apart.
            ends_unseen = state == "TIME-WAIT" and step.event == "TIMEOUT-2MSL" and ns is None and left <= right < x
            seen_to = (right if left < right else x) if ends_unseen else None
            out.append(Bar(side, left, x, state, evidence, frame, start_ns, ns, event, seen_to))
        left, start_ns = x, ns
        state, evidence, frame, event = step.to_state, step.evidence, step.frame, step.event
    if left < 1.0:
        out.append(Bar(side, left, 1.0, state, evidence, frame, start_ns, None, event))
    return out


def _ticks(xs: Sequence[float], moments: Sequence[_Moment]) -> tuple[Tick, ...]:
    """One tick an instant; where two are closer than their texts can tell, the later says how much later it is."""
    out: list[Tick] = []
    for x, (ns, again) in zip(xs, moments, strict=True):
        if again and out:
            continue
        text = duration(ns)
        alike = out and (duration(out[-1].time_ns) == text or ns - out[-1].time_ns < _grain(ns))
        out.append(Tick(x, ns, f"+{duration(ns - out[-1].time_ns)}" if alike else text))
    return tuple(out)


def _grain(ns: int) -> int:
    """The least difference in ns that `duration` shows at this length: three digits, then whole seconds, minutes, hours."""
    for least, grain in ((86_400, 3_600), (3_600, 60), (100, 1)):
        if ns >= least * 1_000_000_000:
            return grain * 1_000_000_000
    return max(1, 10 ** (len(str(ns)) - 3)) if ns >= 1000 else 1
