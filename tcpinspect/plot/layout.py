"""Where everything in a picture of one connection stands, as a table: nothing is drawn here. Floor 4. Reading: RFC 9293 §3.5, §3.6.

    ladder(connection, phase="handshake") -> Ladder(client, server, arrows, spans, breaks, height, …)
    lanes(connection)                     -> Lanes(client, server, bars, ticks, to_scale)

Of a Ladder: Arrow(y_start, y_end, from_client, frame, time_ns, label, note, kind, lost, …), Span(side, y_top, y_bottom, state,
evidence, frame), Break(y, silence_ns). Heights are in rows, from 0 at the top to `height`; the client's rail stands at x = 0,
the server's at x = 1. Arrows start one row apart at least, so time is in order but not to scale. An arrow's label belongs above
it, its note below it, both in the sender's part of the width (`label_share`): nothing else is drawn there.
"""

from __future__ import annotations

from typing import Any

from tcpinspect.insight.words import words
from tcpinspect.plot.extract import extract
from tcpinspect.plot.frames import frames, ties
from tcpinspect.plot.itself import steps_of
from tcpinspect.plot.lanes import lanes
from tcpinspect.plot.lost import crossing_answers, lost_frames, unanswered_frames
from tcpinspect.plot.phases import PHASES, missing
from tcpinspect.plot.pieces import KINDS, Arrow, Bar, Break, Frame, Kind, Ladder, Lanes, Side, Span, Tick, Tie
from tcpinspect.plot.place import Given, place
from tcpinspect.plot.rails import attach, crowding, rail

__all__ = [
    "KINDS", "MOST_ARROWS", "PHASES", "Arrow", "Bar", "Break", "Frame", "Kind", "Ladder", "Lanes", "Side", "Span", "Tick", "Tie", "clock",
    "clock_unit", "label_share", "ladder", "lanes", "missing",
]  # fmt: skip

_SIDES: tuple[Side, Side] = ("client", "server")
# So many arrows still make a picture of one page.
MOST_ARROWS = 60
# The share of the width, from the sender's rail, that label and note may take.
_LABEL_SHARE = 0.9
_CROSSING_SHARE = 0.37


def ladder(connection: Any, *, phase: str = "all", most: int = MOST_ARROWS, options: bool = False, one_way_ns: int | None = None) -> Ladder:
    """Lay out a connection (`model.Connection`), or its "handshake" or "teardown", in about `most` arrows.

    `options`: each arrow of a single segment says the header's options. `one_way_ns`: how long a segment is on its way, measured
    between two captures; without it half the round trip of the handshake is taken.

    Raises UsageError for a phase there is not. A phase that the connection does not have gives a Ladder without arrows.
    """
    timeline = steps_of(connection)
    seen = extract(connection, timeline, phase, most=most)
    everything, first, past = seen.segments, seen.first, seen.past
    segments = everything[first:past]
    attached = {side: attach(side, timeline) for side in _SIDES}
    stepping = {frame for steps, _ in attached.values() for frame in steps}
    given = Given(
        segments=segments,
        words=words(everything[:past])[first:],
        runs=seen.runs,
        silences=seen.silences,
        lost=lost_frames(everything, timeline, connection.initial_rtt_ns),
        unanswered=unanswered_frames(everything),
        answers=crossing_answers(everything),
        steps={frame: max(crowding(steps, frame) for steps, _ in attached.values()) for frame in stepping},
        trailing=max(len(trailing) for _, trailing in attached.values()) if past == len(everything) else 0,
        one_way_ns=one_way_ns if one_way_ns is not None else half_the_round_trip(connection),
        options=options,
        apart=frozenset(n - first for n in seen.between),
    )
    rows = place(given)
    shown = (segments[0].frame, segments[-1].frame) if segments else (0, 0)
    spans: list[Span] = []
    for side in _SIDES if segments else ():
        spans.extend(rail(side, timeline, rows.ends, shown, rows.height, last=past == len(everything)))
    return Ladder(
        client=str(connection.client),
        server=str(connection.server),
        arrows=tuple(rows.arrows),
        spans=tuple(spans),
        breaks=tuple(rows.breaks),
        height=rows.height,
        start_ns=connection.start_ns,
        segments=seen.counted,
        phase=phase,
        frames=frames(connection, everything, seen.between, rows.ends, options=options),
        ties=ties(segments, given.answers, rows.ends, {arrow.frame for arrow in rows.arrows if arrow.segments == 1}),
        one_way_ns=given.one_way_ns,
        measured=one_way_ns is not None,
    )


def half_the_round_trip(connection: Any) -> int | None:
    """How long a segment is on its way as far as one capture can tell: half of SYN to third segment, in ns; None unknown."""
    whole = connection.initial_rtt_ns
    return None if whole is None else int(whole) // 2


def label_share(picture: Ladder, index: int) -> float:
    """The share of the width that label and note of an arrow may take: less where it crosses another."""
    arrows = picture.arrows
    crossed = arrows[index].crosses or (index > 0 and arrows[index - 1].crosses)
    return _CROSSING_SHARE if crossed else _LABEL_SHARE


def clock_unit(picture: Ladder) -> str:
    """The unit of a ladder's times: "ms" where all of it lies within a second of the connection's start, else "s"."""
    last = max((abs(arrow.time_ns - picture.start_ns) for arrow in picture.arrows), default=0)
    return "ms" if last < 1_000_000_000 else "s"


def clock(picture: Ladder, arrow: Arrow) -> str:
    """The time of an arrow since the connection's start in the ladder's unit, to the microsecond: `20.587`, `3.044120`."""
    ns = arrow.time_ns - picture.start_ns
    sign, micro = ("−" if ns < 0 else ""), abs(ns) // 1000
    if clock_unit(picture) == "ms":
        return f"{sign}{micro // 1000}.{micro % 1000:03d}"
    return f"{sign}{micro // 1_000_000}.{micro % 1_000_000:06d}"
