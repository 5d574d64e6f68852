"""Draw a laid-out ladder with matplotlib. Floor 4. Reading: RFC 9293 §3.5, §3.6 (its figures, drawn).

Client's rail left, server's right, time downwards. Only drawing: where things stand is decided in `layout`.
"""

from __future__ import annotations

from math import atan2, degrees
from typing import TYPE_CHECKING, Any

from tcpinspect.errors import UsageError
from tcpinspect.insight.phrases import duration
from tcpinspect.plot import layout
from tcpinspect.plot.style import FAINT, INK, PAPER, QUIET, STROKES, settings, state_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: the distance of the rails, and what a row gets (less where there are many).
_RAILS = 4.7
_ROW, _ROW_TIGHT, _TIGHT_FROM = 0.42, 0.36, 30.0
# In units of the rails' distance.
_LEFT, _RIGHT = -0.55, 1.3
_TIME_X, _FRAME_X = -0.27, -0.43
_RAIL_HALF = 0.011
_HEAD_ROWS, _FOOT_ROWS = 1.9, 0.9
_LOST_AT = 0.66
# Width of an average character of the face at one point, in inches.
_CHARACTER = 0.0083
_LABEL_POINTS, _NOTE_POINTS, _SMALL_POINTS = 8.0, 7.2, 6.8
_LEAST_POINTS = 4.0


def ladder(connection: Any, *, phase: str = "all", ax: Axes | None = None) -> Axes:
    """Draw client and server as two rails with their states, and an arrow for each segment of the phase.

    `phase` is "handshake", "teardown" or "all" (UsageError otherwise, and where the connection has no such phase). Draws
    into `ax`, or into a new figure of fitting size, and returns the axes. Long runs of like segments share an
    arrow, long silences are shortened; both say so.
    """
    picture = layout.ladder(connection, phase=phase)
    if not picture.arrows and phase != "all":
        raise UsageError(layout.missing(phase, connection.stream))
    import matplotlib

    with matplotlib.rc_context(settings()):
        if ax is None:
            target = _axes(picture)
            _draw(target, picture)
        else:
            target, before = ax, len(ax.texts)
            _draw(target, picture)
            _shrink(target, before, picture)
    return target


def _size(picture: layout.Ladder) -> tuple[float, float]:
    """Width and height in inches at which every text has its room."""
    row = _ROW if picture.height < _TIGHT_FROM else _ROW_TIGHT
    return (_RIGHT - _LEFT) * _RAILS, (picture.height + _HEAD_ROWS + _FOOT_ROWS) * row


def _shrink(ax: Axes, first: int, picture: layout.Ladder) -> None:
    """Make the texts from number `first` on smaller where the axes are smaller than the picture wants, but never illegible."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    width, height = _size(picture)
    scale = min(1.0, box.width / width, box.height / height)
    for text in ax.texts[first:]:
        text.set_fontsize(max(_LEAST_POINTS, float(text.get_fontsize()) * scale))


def _axes(picture: layout.Ladder) -> Axes:
    """Axes of a figure of its own, so large that no text meets another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_size(picture), facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.0, 0.0, 1.0, 1.0))


def _draw(ax: Axes, picture: layout.Ladder) -> None:
    ax.set_xlim(_LEFT, _RIGHT)
    ax.set_ylim(picture.height + _FOOT_ROWS, -_HEAD_ROWS)
    ax.set_axis_off()
    _head(ax, picture)
    if not picture.arrows:
        ax.text(0.5, picture.height / 2, "no segment in this connection", ha="center", va="center", color=QUIET, size=10)
        return
    for x in (0.0, 1.0):
        ax.plot([x, x], [0.0, picture.height], color=FAINT, linewidth=1.0, zorder=1)
    for span in picture.spans:
        _span(ax, span)
    for index, arrow in enumerate(picture.arrows):
        _arrow(ax, arrow, layout.label_share(picture, index))
        _edge(ax, arrow, picture)
    for pause in picture.breaks:
        _break(ax, pause)
    _foot(ax, picture)


def _head(ax: Axes, picture: layout.Ladder) -> None:
    # A socket connected to its own port talks to itself.
    other = "server" if picture.server != picture.client else "itself"
    for x, role, name in ((0.0, "client", picture.client), (1.0, other, picture.server)):
        # Two long addresses (IPv6) would meet in the middle: they lean outwards.
        align = "center" if len(name) <= 24 else "right" if x else "left"
        at = x if align == "center" else (_RIGHT - 0.03 if x else -0.45)
        ax.text(at, -1.0, role, ha=align, va="bottom", size=10.5, weight="bold", color=INK)
        ax.text(at, -0.42, name, ha=align, va="bottom", size=8.5 if len(name) <= 32 else 7.0, color=INK)
    if picture.arrows:
        unit = layout.clock_unit(picture)
        ax.text(_TIME_X, -0.05, f"time, {unit}", ha="right", va="bottom", size=_SMALL_POINTS, color=QUIET)
        ax.text(_FRAME_X, -0.05, "frame", ha="right", va="bottom", size=_SMALL_POINTS, color=QUIET)


def _span(ax: Axes, span: layout.Span) -> None:
    """A coloured piece of rail and the state's name beside it, where the state begins."""
    from matplotlib.patches import Rectangle

    x = 0.0 if span.side == "client" else 1.0
    color = state_color(span.state)
    assumed = span.evidence == "assumed"
    ax.add_patch(
        Rectangle(
            (x - _RAIL_HALF, span.y_top), 2 * _RAIL_HALF, span.y_bottom - span.y_top, facecolor=PAPER if assumed else color,
            edgecolor=color if assumed else PAPER, hatch="//////" if assumed else None, linewidth=0.8, zorder=2,
        )
    )  # fmt: skip
    outside = -1 if span.side == "client" else 1
    ax.text(
        x + outside * 0.026, span.y_top + min(0.27, (span.y_bottom - span.y_top) / 2), span.state, ha="right" if outside < 0 else "left",
        va="center", size=_NOTE_POINTS, weight="normal" if assumed else "bold", style="italic" if assumed else "normal",
        color=QUIET if assumed else INK, zorder=4,
    )  # fmt: skip


def _arrow(ax: Axes, arrow: layout.Arrow, share: float) -> None:
    stroke = STROKES[arrow.kind]
    begin, end = (_RAIL_HALF, 1 - _RAIL_HALF) if arrow.from_client else (1 - _RAIL_HALF, _RAIL_HALF)
    y_end = arrow.y_end
    if arrow.lost:
        end = _LOST_AT if arrow.from_client else 1 - _LOST_AT
        y_end = arrow.y_start + (arrow.y_end - arrow.y_start) * _LOST_AT
    line = (0, stroke.dashes) if stroke.dashes else "solid"
    # The shaft stops inside the head, whose outline stays solid.
    ahead = 0.0 if arrow.lost else 0.012 if arrow.from_client else -0.012
    ax.plot([begin, end - ahead], [arrow.y_start, y_end], color=stroke.color, linewidth=stroke.width, linestyle=line, zorder=3)
    if not arrow.lost:
        back = 0.03 if arrow.from_client else -0.03
        tail = y_end - (y_end - arrow.y_start) * 0.03
        head = {"arrowstyle": "-|>,head_length=0.42,head_width=0.2", "color": stroke.color, "linewidth": 0.6, "mutation_scale": 14}
        ax.annotate("", xy=(end, y_end), xytext=(end - back, tail), arrowprops={**head, "shrinkA": 0, "shrinkB": 0}, zorder=3)
    else:
        ax.plot([end], [y_end], marker="x", markersize=7, markeredgewidth=2, color=STROKES["reset"].color, zorder=4)
    _say(ax, arrow, share)


def _say(ax: Axes, arrow: layout.Arrow, share: float) -> None:
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
    color = STROKES[arrow.kind].color
    ink = QUIET if arrow.kind == "fold" else INK
    ax.text(at, y - above, arrow.label, va="baseline", size=_fitting(arrow.label, _LABEL_POINTS, share), color=ink, **common)
    if arrow.note:
        # Below a line that another crosses there is less room than above it.
        room = share if share > 0.5 else 0.75 * share
        ax.text(at, y + below, arrow.note, va="top", size=_fitting(arrow.note, _NOTE_POINTS, room), color=color, **common)


def _fitting(text: str, points: float, share: float) -> float:
    """A size at which the text takes no more than its share of the rails' distance, but readable in any case."""
    room = share * _RAILS / _CHARACTER
    return max(5.0, min(points, room / max(1, len(text))))


def _edge(ax: Axes, arrow: layout.Arrow, picture: layout.Ladder) -> None:
    """Time and frame at the left edge."""
    frames = str(arrow.frame) if arrow.segments == 1 else f"{arrow.frame}–{arrow.last_frame}"
    ax.text(_TIME_X, arrow.y_start, layout.clock(picture, arrow), ha="right", va="center", size=_NOTE_POINTS, color=INK)
    ax.text(_FRAME_X, arrow.y_start, frames, ha="right", va="center", size=_SMALL_POINTS, color=QUIET)


def _break(ax: Axes, pause: layout.Break) -> None:
    """A cut through both rails, and how long nothing was said."""
    for x in (0.0, 1.0):
        wide, y = (x - 0.022, x + 0.022), pause.y
        ax.fill_between(wide, [y, y - 0.12], [y + 0.12, y], color=PAPER, linewidth=0, zorder=5)
        for shift in (0.0, 0.12):
            ax.plot(wide, [y + shift, y - 0.12 + shift], color=QUIET, linewidth=1.1, zorder=6)
    text = f"{duration(pause.silence_ns)} of silence"
    ax.plot([0.06, 0.94], [pause.y, pause.y], color=FAINT, linewidth=1.0, linestyle=(0, (1.0, 2.5)), zorder=1)
    ax.text(0.5, pause.y, text, ha="center", va="center", size=_LABEL_POINTS, style="italic", color=QUIET, zorder=5,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 3.0})  # fmt: skip


def _foot(ax: Axes, picture: layout.Ladder) -> None:
    """What a reader has to know: only what this picture needs."""
    said = ["Time runs downwards, in order but not to scale."]
    if any(span.evidence == "assumed" for span in picture.spans):
        said.append("Hatched: assumed, nothing captured shows it.")
    if any(arrow.lost for arrow in picture.arrows):
        said.append("× nothing shows that it arrived.")
    if any(arrow.kind == "fold" for arrow in picture.arrows):
        said.append(f"{len(picture.arrows)} arrows for {picture.segments:,} segments.")
    ax.text((_LEFT + _RIGHT) / 2, picture.height + 0.55, "  ".join(said), ha="center", va="center", size=_SMALL_POINTS, color=QUIET)
