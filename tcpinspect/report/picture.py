"""From a layout's rows to the coordinates of an SVG: numbers and sizes only, the template writes them down. Floor 4.

`plot.layout` says what stands where, in rows and shares; this module knows the page: pixels of the view box, how wide letters
are, what has to shrink to fit. Everything is rounded to a tenth, so that the page is small and the same every time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import atan2, degrees
from typing import Any

from tcpinspect.insight.phrases import duration
from tcpinspect.plot import layout
from tcpinspect.report.folding import columns_of

# The view box of a ladder: states of the client, arrows between the rails, states of the server.
WIDTH = 520.0
LEFT, RIGHT = 88.0, 432.0
_ROW = 44.0
_HEAD = 40.0
_SPAN = RIGHT - LEFT
# Advance of a letter as a share of its size, monospaced and (on average) proportional: a little too much rather than too little.
_MONO, _SANS = 0.61, 0.53
_LABEL_SIZE, _NOTE_SIZE, _LEAST_SIZE = 11.0, 10.5, 8.0
_LOST_SHARE = 0.62
_LONG_NOTE, _FLAT = 0.8, 0.3
Say = Callable[[str], str]

_LANES_LEFT, _LANES_RIGHT = 62.0, 988.0
_LANE_TOPS = {"client": 12.0, "server": 58.0}


@dataclass(frozen=True, slots=True)
class Words:
    """A text with its size; cut where even the least size is too wide."""

    text: str
    size: float


@dataclass(frozen=True, slots=True)
class ArrowLine:
    """An arrow from (x1, y1) to (x2, y2). Its words stand at (x1, y1), turned by `angle`, `anchor` start or end.

    `above` are one or two pairs of words (flags, numbers), their baselines above the line; `title` says everything. It stands for
    the frames from `frame` to `last_frame`, of a fold several.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    angle: float
    anchor: str
    text_x: float
    side: str
    kind: str
    lost: bool
    flags: str
    numbers: str
    two_lines: bool
    size: float
    note: Words
    time: str
    time_x: float
    time_y: float
    title: str
    frame: int
    last_frame: int


@dataclass(frozen=True, slots=True)
class StateBand:
    """A stretch of a rail in one state."""

    side: str
    y: float
    height: float
    state: str
    evidence: str
    named: bool
    title: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A break in both rails at `y`."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class LadderPicture:
    """All of a ladder; `height` of the view box, `bottom` of the rails, `summary` for whoever cannot see it."""

    client: Words
    server: Words
    height: float
    top: float
    bottom: float
    bands: tuple[StateBand, ...]
    arrows: tuple[ArrowLine, ...]
    silences: tuple[Silence, ...]
    segments: int
    summary: str


def ladder_picture(connection: Any, phase: str, *, say: Say = str) -> LadderPicture | None:
    """The ladder of "handshake", "teardown" or "all"; None where the connection has no such phase. `say` translates its words."""
    ladder = layout.ladder(connection, phase=phase)
    if not ladder.arrows:
        return None
    bottom = _y(ladder.height)
    arrows = [_said(arrow, say) for arrow in ladder.arrows]
    return LadderPicture(
        client=_fit(ladder.client, 255.0, _LABEL_SIZE + 1, _MONO),
        server=_fit(ladder.server, 255.0, _LABEL_SIZE + 1, _MONO),
        height=round(bottom + 8, 1),
        top=_y(0),
        bottom=bottom,
        bands=tuple(_band(span, say) for span in ladder.spans),
        arrows=tuple(_arrow(arrow, ladder.start_ns, layout.label_share(ladder, n)) for n, arrow in enumerate(arrows)),
        silences=tuple(Silence(_y(pause.y), say(f"{duration(pause.silence_ns)} of silence")) for pause in ladder.breaks),
        segments=ladder.segments,
        summary="; ".join(
            f"{say('client' if a.from_client else 'server')}: {a.label}{', ' + a.note if a.note else ''}" for a in arrows[:12]
        ),
    )


def _y(rows: float) -> float:
    return round(_HEAD + rows * _ROW, 1)


def _said(arrow: layout.Arrow, say: Say) -> layout.Arrow:
    """The arrow with its words translated; flags and numbers are names."""
    label = say(arrow.label) if arrow.kind == "fold" else arrow.label
    return replace(arrow, label=label, note=say(arrow.note) if arrow.note else "")


def _fit(text: str, room: float, size: float, advance: float) -> Words:
    """The text at the largest size up to `size` that fits into `room`; cut where the least one does not."""
    if columns_of(text) * advance * size <= room:
        return Words(text, size)
    fitted = max(_LEAST_SIZE, int(10 * room / (columns_of(text) * advance)) / 10)
    most = int(room / (advance * fitted))
    return Words(text if columns_of(text) <= most else text[: most * len(text) // columns_of(text) - 1] + "…", fitted)


def _band(span: Any, say: Say) -> StateBand:
    top, bottom = _y(span.y_top), _y(span.y_bottom)
    seen = say(f"frame {span.frame}" if span.frame is not None else "no frame shows it")
    return StateBand(
        span.side,
        top,
        round(bottom - top, 1),
        span.state,
        span.evidence,
        bottom - top >= 10,
        f"{say(span.side)}: {span.state}, {say(span.evidence)} ({seen})",
    )


def _arrow(arrow: Any, start_ns: int, share: float) -> ArrowLine:
    x1, x2 = (LEFT, RIGHT) if arrow.from_client else (RIGHT, LEFT)
    y1, y2 = _y(arrow.y_start), _y(arrow.y_end)
    angle = degrees(atan2(y2 - y1, _SPAN)) * (1 if arrow.from_client else -1)
    if arrow.lost:
        x2, y2 = round(x1 + _LOST_SHARE * (x2 - x1), 1), round(y1 + _LOST_SHARE * (y2 - y1), 1)
    fold = arrow.kind == "fold"
    # The layout lets only those arrows fall so far that cross another: their words have less room, in two lines.
    steep = arrow.y_end - arrow.y_start >= 1
    room = _SPAN * (0.94 if fold else share) - 10
    if arrow.lost:
        # Before the cross; the note stands below it and has its usual room.
        room = min(room, _LOST_SHARE * _SPAN - 20)
    flags, numbers, said = (arrow.label, "", arrow.note) if fold else (arrow.flags, arrow.numbers, arrow.note)
    if fold and columns_of(flags) * _MONO * _LEAST_SIZE > room:
        # Too long for one line: what went back goes below the line.
        there, mark, back = flags.rpartition(" → ")
        name, _, back = back.strip(" …").partition(", ")
        flags, said = f"{there}{mark}{name} …", "; ".join(part for part in (back, said) if part)
    widest = max(columns_of(flags), columns_of(numbers)) if steep else columns_of(flags) + columns_of(numbers) + 1
    # Below a line that hardly falls there is nothing up to the next row: a note may be longer than the label.
    note_room = _SPAN * _LONG_NOTE if not fold and arrow.y_end - arrow.y_start <= _FLAT else room
    label = _fit("x" * widest, room, _LABEL_SIZE, _MONO)
    frames = f"#{arrow.frame}–{arrow.last_frame}" if fold else f"#{arrow.frame}"
    when = f"+{duration(arrow.time_ns - start_ns)} {frames}"
    note = "; ".join(part for part in (said, when) if part) if fold else said
    return ArrowLine(
        x1, y1, x2, y2, round(angle, 2), "start" if arrow.from_client else "end", x1 + (10 if arrow.from_client else -10),
        "client" if arrow.from_client else "server", arrow.kind, arrow.lost, flags, numbers, steep, label.size,
        _fit(note, note_room, _NOTE_SIZE, _SANS), "" if fold else when, RIGHT - 18 if arrow.from_client else LEFT + 18, _y(arrow.y_end),
        f"{when}: {arrow.label}{'; ' + arrow.note if arrow.note else ''}", arrow.frame, arrow.last_frame or arrow.frame,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LaneBar:
    """A stretch of a lane; `name` is empty where the state's name does not fit."""

    side: str
    x: float
    y: float
    width: float
    state: str
    evidence: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class LaneTick:
    """A moment on the axis."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class LanesPicture:
    """Both lanes and their axis; `states` are those that occur, for the legend; `unknown` the sides without a lane."""

    bars: tuple[LaneBar, ...]
    ticks: tuple[LaneTick, ...]
    to_scale: bool
    states: tuple[str, ...]
    unknown: tuple[str, ...]
    summary: str


def lanes_picture(connection: Any, *, say: Say = str) -> LanesPicture | None:
    """The lanes of both sides; None where the timeline says nothing. `say` translates its words."""
    lanes = layout.lanes(connection)
    if not lanes.bars:
        return None
    bars = tuple(_lane_bar(bar, say) for bar in lanes.bars)
    said = [f"{say(side)}: " + ", ".join(bar.state for bar in bars if bar.side == side) for side in ("client", "server")]
    unknown = tuple(side for side in ("client", "server") if not any(bar.side == side for bar in bars))
    ticks = tuple(
        LaneTick(_x(tick.x), tick.text, "start" if tick.x < 0.04 else "end" if tick.x > 0.96 else "middle") for tick in lanes.ticks
    )
    return LanesPicture(bars, ticks, lanes.to_scale, tuple(dict.fromkeys(bar.state for bar in bars)), unknown, "; ".join(said))


def _x(share: float) -> float:
    return round(_LANES_LEFT + share * (_LANES_RIGHT - _LANES_LEFT), 1)


def _lane_bar(bar: Any, say: Say) -> LaneBar:
    left, right = _x(bar.x_left), _x(bar.x_right)
    width = round(right - left, 1)
    fits = len(bar.state) * _MONO * _LABEL_SIZE + 8 <= width
    lasted = f", {duration(bar.end_ns - bar.start_ns)}" if bar.start_ns is not None and bar.end_ns is not None else ""
    return LaneBar(
        bar.side,
        left,
        _LANE_TOPS[bar.side],
        width,
        bar.state,
        bar.evidence,
        bar.state if fits else "",
        f"{say(bar.side)}: {bar.state}, {say(bar.evidence)}{lasted}",
    )
