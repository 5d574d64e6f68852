"""Draw both sides' states as lanes over time with matplotlib. Floor 4. Reading: RFC 9293 §3.3.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpinspect.insight.phrases import duration
from tcpinspect.model.state_colors import readable
from tcpinspect.plot import layout
from tcpinspect.plot.door import one_connection
from tcpinspect.plot.pen import Pen, pen
from tcpinspect.plot.scales import joined
from tcpinspect.plot.style import state_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches.
_WIDTH, _HEIGHT, _LANE_LEFT = 10.0, 3.05, 1.7
_LANE = 0.78
_MARGIN = 0.05
# Points in an inch that a line of capitals takes at most.
_LINE = 80.0
_POINTS, _LEAST_LYING, _LEAST_POINTS = 8.0, 6.2, 3.0
# Each state gets so much room in a picture of its own, which grows up to so many times its usual width.
_NARROWEST, _WIDEST = 0.17, 2.5
# Times that would touch stand below each other, on so many lines at most.
_TICK_POINTS, _TICK_GAP, _TICK_LINES = 7.5, 0.08, 3


def states(connection: Any, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw a lane for each side with the states it went through; what nothing captured shows is hatched.

    TIME-WAIT is drawn to its end, 2 MSL after it began. Draws into `ax` or a new figure; returns the axes.
    """
    one_connection(connection, "states")
    picture = layout.lanes(connection)
    narrowest = min((bar.x_right - bar.x_left for bar in picture.bars), default=1.0)
    width = min(_WIDEST * _WIDTH, max(_WIDTH, _LANE_LEFT + 0.2 + _NARROWEST / max(narrowest, 1e-9)))
    with pen(ax, (width, _HEIGHT), theme=theme, lang=lang, margins=(_LANE_LEFT, 0.93, 0.2, 0.09)) as drawing:
        _draw(drawing, picture)
        return drawing.ax


def _draw(pen: Pen, picture: layout.Lanes) -> None:
    ax, say = pen.ax, pen.say
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(2.0, 0.0)
    for edge in ("top", "right", "left"):
        ax.spines[edge].set_visible(False)
    ax.spines["bottom"].set_color(pen.look.faint)
    ax.set_yticks(
        [0.5, 1.5],
        [f"{say('client')}\n{_broken(picture.client)}", f"{say('server')}\n{_broken(picture.server)}"],
        size=8.5,
        color=pen.look.ink,
    )
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", color=pen.look.faint, labelcolor=pen.look.ink, labelsize=_TICK_POINTS)
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    shown = _apart(picture.ticks, box.width)
    ax.set_xticks([tick.x for tick, _ in shown], [text for _, text in shown])
    for tick in picture.ticks:
        ax.plot([tick.x, tick.x], [0.0, 2.0], color=pen.look.faint, linewidth=0.7, linestyle=(0, (1.5, 2.5)), zorder=1)
    for bar in picture.bars:
        _bar(pen, bar, (box.width, box.height / 2))
    for lane, side in ((0.5, "client"), (1.5, "server")):
        if not any(bar.side == side for bar in picture.bars):
            ax.text(0.5, lane, say("unknown"), ha="center", va="center", color=pen.look.quiet, size=_POINTS, style="italic", zorder=4)
    time = (
        say("Time since the first segment, to scale.")
        if picture.to_scale
        else say("Time since the first segment, in order but not to scale.")
    )
    notes = []
    if any(bar.evidence == "assumed" or bar.seen_to is not None for bar in picture.bars):
        notes.append(say("Hatched: assumed, nothing captured shows it."))
    if any(bar.seen_to is not None for bar in picture.bars):
        notes.append(say("TIME-WAIT ends after 2 MSL: 4 min by RFC 9293, 1 min in Linux."))
    ax.set_xlabel(f"{time}\n{joined(notes)}", size=7.5, color=pen.look.quiet, labelpad=7)


def _broken(name: str) -> str:
    """A long address over two lines: the port stands alone."""
    if len(name) <= 22:
        return name
    address, _, port = name.rpartition(":")
    half = address.find(":", len(address) // 2) + 1
    return f"{address[:half]}\n{address[half:]}:{port}" if half else f"{address}\n:{port}"


def _apart(ticks: tuple[layout.Tick, ...], inches: float) -> list[tuple[layout.Tick, str]]:
    """The ticks with their texts, each on the first line with room. The last one always has room; others may be left out."""
    out: list[tuple[layout.Tick, str]] = []
    half = {tick: (_inches(tick.text) * _TICK_POINTS + _TICK_GAP) / 2 for tick in ticks}
    taken = [-1.0] * _TICK_LINES
    left_out = False
    for tick in ticks:
        at, last = tick.x * inches, tick is ticks[-1]
        text, room = tick.text, half[tick]
        if left_out and text.startswith("+"):
            # "+27 µs" would count from a moment that is not written.
            text = duration(tick.time_ns)
            room = (_inches(text) * _TICK_POINTS + _TICK_GAP) / 2
        ends = ticks[-1].x * inches - half[ticks[-1]]
        lines = range(_TICK_LINES) if last else range(_TICK_LINES - (at + room > ends))
        line = next((n for n in lines if at - room >= taken[n]), None)
        left_out = line is None
        if line is not None:
            taken[line] = at + room
            out.append((tick, "\n" * line + text))
    return out


def _bar(pen: Pen, bar: layout.Bar, inches: tuple[float, float]) -> None:
    from matplotlib.patches import Rectangle

    color = state_color(bar.state, pen.look)
    assumed = bar.evidence == "assumed"
    lane = 0.0 if bar.side == "client" else 1.0
    width = bar.x_right - bar.x_left
    ax = pen.ax
    ax.add_patch(
        Rectangle(
            (bar.x_left, lane + (1 - _LANE) / 2),
            width,
            _LANE,
            facecolor=pen.look.paper if assumed else color,
            edgecolor=color if assumed else pen.look.paper,
            hatch="///" if assumed else None,
            linewidth=1.2,
            zorder=2,
        )
    )
    if bar.seen_to is not None and bar.seen_to < bar.x_right:
        _unseen(pen, bar, lane, color)
    # The name stands where the state was seen.
    right = bar.x_right if bar.seen_to is None else bar.seen_to
    points, level = _size(bar.state, (right - bar.x_left) * inches[0], _LANE * inches[1], "normal" if assumed else "bold")
    ax.text(
        (bar.x_left + right) / 2, lane + 0.5, bar.state, ha="center", va="center", rotation=0 if level else 90, size=points,
        weight="normal" if assumed else "bold", color=pen.look.ink if assumed else readable(color), zorder=4,
        bbox={"facecolor": pen.look.paper, "edgecolor": "none", "pad": 0.4, "alpha": 0.85} if assumed else None,
    )  # fmt: skip


def _unseen(pen: Pen, bar: layout.Bar, lane: float, color: str) -> None:
    """The part of a bar beyond the last captured segment, hatched over the bar."""
    seen_to = bar.seen_to or 0.0
    box = ((seen_to, bar.x_right), (lane + (1 - _LANE) / 2,) * 2, (lane + (1 + _LANE) / 2,) * 2)
    pen.ax.fill_between(*box, facecolor=pen.look.paper, edgecolor=color, hatch="///", linewidth=0.8, zorder=3)


def _size(text: str, width: float, height: float, weight: str) -> tuple[float, bool]:
    """The size in points at which a text stays in a box of so many inches, and whether it lies or stands."""
    long, room = _inches(text, weight), 2 * _MARGIN
    lying = min(_POINTS, (width - room) / long, (height - room) * _LINE)
    standing = min(_POINTS, (height - room) / long, (width - room) * _LINE)
    if lying >= _LEAST_LYING or lying >= standing:
        return max(_LEAST_POINTS, lying), True
    return max(_LEAST_POINTS, standing), False


def _inches(text: str, weight: str = "normal") -> float:
    """How long a text is at one point, in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=100, prop=FontProperties(weight=weight)).get_extents().width) / 7200 or 0.001
