"""Draw a laid-out ladder with matplotlib. Floor 4. Reading: RFC 9293 §3.5, §3.6 (its figures, drawn).

Client's rail left, server's right, time downwards. Only drawing: where things stand is decided in `layout`.
"""

from __future__ import annotations

from math import atan2, degrees
from typing import TYPE_CHECKING, Any

from tcpinspect.errors import UsageError
from tcpinspect.insight.phrases import duration
from tcpinspect.plot import layout
from tcpinspect.plot.door import one_connection
from tcpinspect.plot.pen import Pen, bare, pen, scale_of
from tcpinspect.plot.scales import joined
from tcpinspect.plot.style import state_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: the distance of the rails, and what a row gets (less where there are many).
_RAILS = 4.7
_ROW, _ROW_TIGHT, _TIGHT_FROM = 0.42, 0.36, 30.0
# In units of the rails' distance.
_LEFT, _RIGHT = -0.55, 1.34
_TIME_X, _FRAME_X = -0.27, -0.43
_RAIL_HALF = 0.011
_HEAD_ROWS, _FOOT_ROWS = 1.9, 1.2
_LOST_AT = 0.66
# A frame goes around the states' names; what it is stands outside, turned.
_FRAME_LEFT, _FRAME_RIGHT, _FRAME_NAME = -0.232, 1.232, (1.262, 1.3)
# Two lanes between the rail and the states' names.
_TIE_X = (0.0155, 0.0205)
# Width of an average character of the face at one point, in inches.
_CHARACTER = 0.0083
_LABEL_POINTS, _NOTE_POINTS, _SMALL_POINTS = 8.0, 7.2, 6.8
_LEAST_POINTS = 4.0
# So many characters of frame numbers have room at the left edge.
_FRAME_CHARACTERS = 9


def ladder(
    connection: Any,
    *,
    phase: str = "all",
    options: bool = False,
    one_way_ns: int | None = None,
    theme: str | None = None,
    lang: str = "en",
    ax: Axes | None = None,
) -> Axes:
    """Draw client and server as two rails with their states, and an arrow for each segment of the phase.

    `phase` is "handshake", "teardown" or "all" (UsageError otherwise, and where the connection has no such phase). `options` adds
    each header's options. Arrows fall by `one_way_ns`, a delay measured elsewhere (between captures at both ends), or else by half
    the round trip of the handshake; the picture says which. Draws into `ax`, or into a new figure of fitting size, and returns the
    axes. Long runs of like segments share an arrow, long silences are shortened; both say so.
    """
    one_connection(connection, "ladder")
    picture = layout.ladder(connection, phase=phase, options=options, one_way_ns=one_way_ns)
    if not picture.arrows and phase != "all":
        raise UsageError(layout.missing(phase, connection.stream))
    with pen(ax, size_of(picture), theme=theme, lang=lang, margins=(0, 0, 0, 0)) as drawing:
        before = len(drawing.ax.texts)
        _draw(drawing, picture)
        if not drawing.own:
            _shrink(drawing.ax, before, picture)
        return drawing.ax


def size_of(picture: layout.Ladder) -> tuple[float, float]:
    """Width and height in inches at which every text has its room."""
    row = _ROW if picture.height < _TIGHT_FROM else _ROW_TIGHT
    return (_RIGHT - _LEFT) * _RAILS, (picture.height + _HEAD_ROWS + _FOOT_ROWS) * row


def _shrink(ax: Axes, first: int, picture: layout.Ladder) -> None:
    """Make the texts from number `first` on smaller where the axes are smaller than the picture wants, but never illegible."""
    scale = scale_of(ax, size_of(picture))
    for text in ax.texts[first:]:
        text.set_fontsize(max(_LEAST_POINTS, float(text.get_fontsize()) * scale))


def _draw(pen: Pen, picture: layout.Ladder) -> None:
    pen.ax.set_xlim(_LEFT, _RIGHT)
    pen.ax.set_ylim(picture.height + _FOOT_ROWS, -_HEAD_ROWS)
    bare(pen)
    _head(pen, picture)
    if not picture.arrows:
        pen.ax.text(
            0.5, picture.height / 2, pen.say("no segment in this connection"), ha="center", va="center", color=pen.look.quiet, size=10
        )
        return
    for x in (0.0, 1.0):
        pen.ax.plot([x, x], [0.0, picture.height], color=pen.look.faint, linewidth=1.0, zorder=1)
    for one in picture.frames:
        _frame(pen, one)
    for span in picture.spans:
        _span(pen, span)
    for tie in picture.ties:
        _tie(pen, tie)
    for index, arrow in enumerate(picture.arrows):
        _arrow(pen, arrow, layout.label_share(picture, index))
        _edge(pen, arrow, picture)
    for pause in picture.breaks:
        _break(pen, pause)
    _foot(pen, picture)


def _head(pen: Pen, picture: layout.Ladder) -> None:
    # A socket connected to its own port talks to itself.
    other = "server" if picture.server != picture.client else "itself"
    for x, role, name in ((0.0, "client", picture.client), (1.0, other, picture.server)):
        # Two long addresses (IPv6) would meet in the middle: they lean outwards.
        align = "center" if len(name) <= 24 else "right" if x else "left"
        at = x if align == "center" else (_RIGHT - 0.03 if x else -0.45)
        pen.ax.text(at, -1.0, pen.say(role), ha=align, va="bottom", size=10.5, weight="bold", color=pen.look.ink)
        pen.ax.text(at, -0.42, name, ha=align, va="bottom", size=8.5 if len(name) <= 32 else 7.0, color=pen.look.ink)
    if picture.arrows:
        unit = layout.clock_unit(picture)
        pen.ax.text(_TIME_X, -0.05, pen.say("time, {unit}", unit=unit), ha="right", va="bottom", size=_SMALL_POINTS, color=pen.look.quiet)
        pen.ax.text(_FRAME_X, -0.05, pen.say("frame"), ha="right", va="bottom", size=_SMALL_POINTS, color=pen.look.quiet)


def _span(pen: Pen, span: layout.Span) -> None:
    """A coloured piece of rail and the state's name beside it, where the state begins."""
    from matplotlib.patches import Rectangle

    x = 0.0 if span.side == "client" else 1.0
    color = state_color(span.state, pen.look)
    assumed = span.evidence == "assumed"
    pen.ax.add_patch(
        Rectangle(
            (x - _RAIL_HALF, span.y_top), 2 * _RAIL_HALF, span.y_bottom - span.y_top, facecolor=pen.look.paper if assumed else color,
            edgecolor=color if assumed else pen.look.paper, hatch="//////" if assumed else None, linewidth=0.8, zorder=2,
        )
    )  # fmt: skip
    outside = -1 if span.side == "client" else 1
    pen.ax.text(
        x + outside * 0.026, span.y_top + min(0.27, (span.y_bottom - span.y_top) / 2), span.state, ha="right" if outside < 0 else "left",
        va="center", size=_NOTE_POINTS, weight="normal" if assumed else "bold", style="italic" if assumed else "normal",
        color=pen.look.quiet if assumed else pen.look.ink, zorder=4,
    )  # fmt: skip


def _arrow(pen: Pen, arrow: layout.Arrow, share: float) -> None:
    stroke = pen.look.strokes[arrow.kind]
    begin, end = (_RAIL_HALF, 1 - _RAIL_HALF) if arrow.from_client else (1 - _RAIL_HALF, _RAIL_HALF)
    y_end = arrow.y_end
    if arrow.lost:
        end = _LOST_AT if arrow.from_client else 1 - _LOST_AT
        y_end = arrow.y_start + (arrow.y_end - arrow.y_start) * _LOST_AT
    line = (0, stroke.dashes) if stroke.dashes else "solid"
    # The shaft stops inside the head, whose outline stays solid.
    ahead = 0.0 if arrow.lost else 0.012 if arrow.from_client else -0.012
    pen.ax.plot([begin, end - ahead], [arrow.y_start, y_end], color=stroke.color, linewidth=stroke.width, linestyle=line, zorder=3)
    if not arrow.lost:
        back = 0.03 if arrow.from_client else -0.03
        tail = y_end - (y_end - arrow.y_start) * 0.03
        head = {"arrowstyle": "-|>,head_length=0.42,head_width=0.2", "color": stroke.color, "linewidth": 0.6, "mutation_scale": 14}
        pen.ax.annotate("", xy=(end, y_end), xytext=(end - back, tail), arrowprops={**head, "shrinkA": 0, "shrinkB": 0}, zorder=3)
    else:
        pen.ax.plot([end], [y_end], marker="x", markersize=7, markeredgewidth=2, color=pen.look.strokes["reset"].color, zorder=4)
    _say(pen, arrow, share)


def _say(pen: Pen, arrow: layout.Arrow, share: float) -> None:
    """Label above, note below, along the arrow, in the sender's part of it; a fold's in the middle."""
    fall = arrow.y_end - arrow.y_start
    above, below = 0.11, 0.09
    if arrow.kind == "fold":
        at, align, above, below = 0.5, "center", 0.17, 0.13
    else:
        at, align = (0.025, "left") if arrow.from_client else (0.975, "right")
    if arrow.lost:
        # Nothing is written where the cross stands.
        share = min(share, _LOST_AT - 0.07)
    y = arrow.y_start + fall * (at if arrow.from_client else 1 - at)
    # Along the line as it falls: in the axes' own units, y grows downwards.
    slope = degrees(atan2(fall if arrow.from_client else -fall, 1.0))
    common: dict[str, Any] = {"ha": align, "rotation": slope, "rotation_mode": "anchor", "transform_rotates_text": True, "zorder": 5}
    color = pen.look.strokes[arrow.kind].color
    ink = pen.look.quiet if arrow.kind == "fold" else pen.look.ink
    label, note = (pen.say(arrow.label) if arrow.kind == "fold" else arrow.label), pen.say(arrow.note)
    pen.ax.text(at, y - above, label, va="baseline", size=_fitting(label, _LABEL_POINTS, share), color=ink, **common)
    if note:
        # Below a line that another crosses there is less room than above it.
        room = share if share > 0.5 else 0.75 * share
        pen.ax.text(at, y + below, note, va="top", size=_fitting(note, _NOTE_POINTS, room), color=color, **common)
        below += 0.3
    if arrow.options:
        size = _fitting(arrow.options, _SMALL_POINTS, share)
        pen.ax.text(at, y + below, arrow.options, va="top", size=size, color=pen.look.quiet, **common)


def _fitting(text: str, points: float, share: float) -> float:
    """A size at which the text takes no more than its share of the rails' distance, but readable in any case."""
    room = share * _RAILS / _CHARACTER
    return max(5.0, min(points, room / max(1, len(text))))


def _edge(pen: Pen, arrow: layout.Arrow, picture: layout.Ladder) -> None:
    """Time and frame at the left edge."""
    frames = str(arrow.frame) if arrow.segments == 1 else f"{arrow.frame}–{arrow.last_frame}"
    if len(frames) > _FRAME_CHARACTERS:
        frames = frames.replace("–", "–\n")
    pen.ax.text(_TIME_X, arrow.y_start, layout.clock(picture, arrow), ha="right", va="center", size=_NOTE_POINTS, color=pen.look.ink)
    pen.ax.text(_FRAME_X, arrow.y_start, frames, ha="right", va="center", size=_SMALL_POINTS, color=pen.look.quiet,
            linespacing=1.1)  # fmt: skip


def _break(pen: Pen, pause: layout.Break) -> None:
    """A cut through both rails, and how long nothing was said."""
    for x in (0.0, 1.0):
        wide, y = (x - 0.022, x + 0.022), pause.y
        pen.ax.fill_between(wide, [y, y - 0.12], [y + 0.12, y], color=pen.look.paper, linewidth=0, zorder=5)
        for shift in (0.0, 0.12):
            pen.ax.plot(wide, [y + shift, y - 0.12 + shift], color=pen.look.quiet, linewidth=1.1, zorder=6)
    text = pen.say("{time} of silence", time=duration(pause.silence_ns))
    pen.ax.plot([0.06, 0.94], [pause.y, pause.y], color=pen.look.faint, linewidth=1.0, linestyle=(0, (1.0, 2.5)), zorder=1)
    pen.ax.text(0.5, pause.y, text, ha="center", va="center", size=_LABEL_POINTS, style="italic", color=pen.look.quiet, zorder=5,
            bbox={"facecolor": pen.look.paper, "edgecolor": "none", "pad": 3.0})  # fmt: skip


def _foot(pen: Pen, picture: layout.Ladder) -> None:
    """What a reader has to know: only what this picture needs."""
    say = pen.say
    said = [say("Time runs downwards, in order but not to scale.")]
    if picture.one_way_ns is not None:
        way = duration(picture.one_way_ns)
        if picture.measured:
            said.append(say("Arrows slant by a way of {time}, as given: this capture does not tell it.", time=way))
        else:
            said.append(say("Arrows slant by half the handshake's round trip, {time}: one capture tells no more.", time=way))
    more = []
    if any(span.evidence == "assumed" for span in picture.spans):
        more.append(say("Hatched: assumed, nothing captured shows it."))
    if any(arrow.lost for arrow in picture.arrows):
        more.append(say("× nothing shows that it arrived."))
    if picture.ties:
        more.append(say("Dotted beside the rail: from a segment to its retransmission."))
    if any(arrow.kind == "fold" for arrow in picture.arrows):
        more.append(say("{arrows} arrows for {segments:,} segments.", arrows=len(picture.arrows), segments=picture.segments))
    for n, line in enumerate((joined(said), joined(more))):
        size = min(_SMALL_POINTS, (_RIGHT - _LEFT) * _RAILS * 0.98 / (_CHARACTER * max(1, len(line))))
        pen.ax.text((_LEFT + _RIGHT) / 2, picture.height + 0.5 + 0.4 * n, line, ha="center", va="center", size=size, color=pen.look.quiet)


def _frame(pen: Pen, one: layout.Frame) -> None:
    """A tinted field around a phase, its name and kind turned beside it."""
    from matplotlib.patches import Rectangle

    height = one.y_bottom - one.y_top
    pen.ax.add_patch(
        Rectangle((_FRAME_LEFT, one.y_top), _FRAME_RIGHT - _FRAME_LEFT, height, facecolor=pen.look.tint, edgecolor=pen.look.faint,
                  linewidth=0.8, zorder=0)
    )  # fmt: skip
    kind = pen.say(one.kind) if one.kind else ""
    lasted = duration(one.duration_ns) if one.duration_ns else ""
    for x, words, weight in (
        (_FRAME_NAME[0], pen.say(one.phase), "bold"),
        (_FRAME_NAME[1], ", ".join(filter(None, (kind, lasted))), "normal"),
    ):
        room = height * _ROW_TIGHT / (_CHARACTER * max(1, len(words)))
        pen.ax.text(x, (one.y_top + one.y_bottom) / 2, words, rotation=90, ha="center", va="center", weight=weight, color=pen.look.quiet,
                    size=max(_LEAST_POINTS, min(_SMALL_POINTS, room)), zorder=4)  # fmt: skip


def _tie(pen: Pen, tie: layout.Tie) -> None:
    """From a segment to its retransmission, outside the sender's rail."""
    x = -_TIE_X[tie.lane] if tie.from_client else 1 + _TIE_X[tie.lane]
    color = pen.look.strokes["retransmission"].color
    pen.ax.plot([x, x], [tie.y_top, tie.y_bottom], color=color, linewidth=1.1, linestyle=(0, (1, 1.2)), zorder=3)
    pen.ax.plot([x], [tie.y_top], marker="o", markersize=2.8, color=color, zorder=4)
    pen.ax.plot([x], [tie.y_bottom], marker=">" if tie.from_client else "<", markersize=3.6, color=color, zorder=4)
