"""Draw RFC 9293's state diagram and the paths through it with matplotlib. Floor 4. Reading: RFC 9293 §3.3.2 (figure 5)."""

from __future__ import annotations

from math import hypot, sqrt
from typing import TYPE_CHECKING, Any

from tcpinspect.model.state_colors import readable
from tcpinspect.plot.diagram import Arc, Machine, Node, Passage, Point
from tcpinspect.plot.diagram import machine as lay_out
from tcpinspect.plot.diagram_map import HALF_HEIGHT, HALF_WIDTH, NOTE_ABOVE, NOTE_LEFT, NOTE_RIGHT
from tcpinspect.plot.door import connections_of
from tcpinspect.plot.pen import Pen, bare, pen
from tcpinspect.plot.style import state_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (11.2, 10.05)
_LEFT, _RIGHT, _TOP, _BOTTOM = -0.75, 7.25, -0.75, 8.36
# Two sides along the same arc run so far apart.
_APART = 0.035
_POINTS = 7.0
_THINNEST, _THICKEST = 1.2, 8.0
_MOST_FRAMES = 3
# A printer's point on the map's scale.
_POINT = (_RIGHT - _LEFT) / _SIZE[0] / 72


def machine(what: Any, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw the state diagram with the way a connection took through it, and by which frames; the server's way is dashed.

    `what` is a connection (`model.Connection`), several, or an analysis: for many the arcs are the wider, the oftener they were
    taken. Draws into `ax` or a new figure; returns the axes.
    """
    picture = lay_out(connections_of(what, "machine"))
    with pen(ax, _SIZE, theme=theme, lang=lang, margins=(0.05, 0.05, 0.05, 0.05)) as drawing:
        _draw(drawing, picture)
        return drawing.ax


def _draw(pen: Pen, picture: Machine) -> None:
    ax = pen.ax
    ax.set_xlim(_LEFT, _RIGHT)
    ax.set_ylim(_BOTTOM, _TOP)
    bare(pen)
    for arc in picture.arcs:
        _arc(pen, arc, picture)
    for node in picture.nodes:
        _node(pen, node)
    _legend(pen, picture)


def _node(pen: Pen, node: Node) -> None:
    from matplotlib.patches import FancyBboxPatch

    color = state_color(node.state, pen.look)
    pen.ax.add_patch(
        FancyBboxPatch(
            (node.x - HALF_WIDTH + 0.05, node.y - HALF_HEIGHT + 0.05), 2 * HALF_WIDTH - 0.1, 2 * HALF_HEIGHT - 0.1,
            boxstyle="round,pad=0.05,rounding_size=0.08", facecolor=color if node.visited else pen.look.paper,
            edgecolor=pen.look.ink if node.visited else pen.look.quiet, linewidth=1.4 if node.visited else 0.8, zorder=5,
        )
    )  # fmt: skip
    ink = readable(color) if node.visited else pen.look.quiet
    pen.ax.text(
        node.x, node.y, node.state, ha="center", va="center", size=9, weight="bold" if node.visited else "normal", color=ink, zorder=6
    )
    if node.notes:
        text = "\n".join(pen.say(note) for note in node.notes)
        x, y, across, up = node.x, node.y + HALF_HEIGHT + 0.05, "center", "top"
        if node.name in NOTE_ABOVE:
            y, up = node.y - HALF_HEIGHT - 0.05, "bottom"
        elif node.name in NOTE_LEFT + NOTE_RIGHT:
            right = node.name in NOTE_RIGHT
            x, y, across, up = node.x + (1 if right else -1) * (HALF_WIDTH + 0.07), node.y, "left" if right else "right", "center"
            text = text.replace(": ", ":\n")
        pen.ax.text(x, y, text, ha=across, va=up, size=_POINTS, style="italic", color=pen.look.ink, zorder=7, bbox=_patch(pen))


def _arc(pen: Pen, arc: Arc, picture: Machine) -> None:
    many = picture.connections > 1
    width = _THINNEST + (_THICKEST - _THINNEST) * sqrt(arc.times / max(picture.busiest, 1))
    if not arc.passages:
        _line(pen, arc.points, pen.look.faint, 1.0, "solid", 1)
    elif many:
        _line(pen, arc.points, pen.look.hues["one"], width, "solid", 3)
    else:
        shift = _APART if len(arc.passages) > 1 else 0.0
        for passage, sign in zip(arc.passages, (-1, 1), strict=False):
            style = "solid" if passage.side == "client" else (0, (4, 1.6))
            _line(pen, _beside(arc.points, sign * shift), pen.look.hues[passage.side], 2.0, style, 3)
    words = "\n".join(arc.words)
    color = pen.look.ink if arc.passages else pen.look.quiet
    taken = [f"{arc.times:,}×"] if many and arc.passages else [] if many else [_by(pen, passage) for passage in arc.passages]
    # What took the way stands under what the way is.
    text = "\n".join([words, *taken])
    # Beside two lines, not on the nearer of them; beside a broad one, not on its edge.
    aside = 0.0 if not arc.passages else width * _POINT if many else 2 * _APART if len(arc.passages) > 1 else 0.0
    x = arc.x + {"left": aside, "right": -aside}.get(arc.align, 0.0)
    y = arc.y + {"top": aside, "bottom": -aside}.get(arc.up, 0.0)
    pen.ax.text(x, y, text, ha=arc.align, va=arc.up, size=_POINTS if arc.passages else _POINTS - 0.8, color=color,
                weight="bold" if arc.passages else "normal", zorder=4, linespacing=1.25, bbox=_patch(pen))  # fmt: skip


def _patch(pen: Pen) -> dict[str, Any]:
    """Paper behind a text, so that an arc below it does not strike it through."""
    return {"facecolor": pen.look.paper, "edgecolor": "none", "alpha": 0.85, "pad": 1.0}


def _by(pen: Pen, passage: Passage) -> str:
    """`client: frame 3`, `server: frames 3, 9`, `server: assumed`."""
    side = pen.say(passage.side)
    if not passage.frames:
        return pen.say("{side}: {evidence}, no frame shows it", side=side, evidence=pen.say(passage.evidence))
    shown = ", ".join(str(frame) for frame in passage.frames[:_MOST_FRAMES]) + (" …" if len(passage.frames) > _MOST_FRAMES else "")
    text = pen.say("{side}: frame {frames}", side=side, frames=shown)
    return text if passage.evidence == "observed" else f"{text} ({pen.say(passage.evidence)})"


def _line(pen: Pen, points: tuple[Point, ...], color: str, width: float, style: Any, layer: int) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    if len(points) < 2:
        return
    pen.ax.plot(*zip(*points[:-1], strict=True), color=color, linewidth=width, linestyle=style, zorder=layer, solid_capstyle="butt")
    # The head alone, on the last stretch, so that a dashed line has a whole one.
    head = FancyArrowPatch(
        path=Path([points[-3 if len(points) > 3 else 0], points[-1]]), arrowstyle="-|>", mutation_scale=9 + 2.4 * width, color=color,
        linewidth=0.5, shrinkA=0, shrinkB=0, zorder=layer,
    )  # fmt: skip
    pen.ax.add_patch(head)


def _beside(points: tuple[Point, ...], shift: float) -> tuple[Point, ...]:
    if not shift or len(points) < 2:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    length = hypot(x1 - x0, y1 - y0) or 1.0
    across = (-(y1 - y0) / length * shift, (x1 - x0) / length * shift)
    return tuple((x + across[0], y + across[1]) for x, y in points)


def _legend(pen: Pen, picture: Machine) -> None:
    say, ax = pen.say, pen.ax
    lines = []
    if picture.connections == 1:
        for n, side in enumerate(("client", "server")):
            y = _TOP + 0.25 + 0.22 * n
            style = "solid" if side == "client" else (0, (4, 1.6))
            ax.plot([_LEFT + 0.1, _LEFT + 0.5], [y, y], color=pen.look.hues[side], linewidth=2.0, linestyle=style)
            ax.text(_LEFT + 0.58, y, say("way of the {side}", side=say(side)), va="center", size=8, color=pen.look.ink)
    elif picture.connections:
        lines.append(say("{n:,} connections, both sides: the wider, the oftener.", n=picture.connections))
    lines.append(say("event / what is sent; faint: not taken."))
    if picture.hidden:
        lines.append(say("{n} more ways, by reset, abort, timeout or to a new connection, are drawn where taken.", n=picture.hidden))
    for n, line in enumerate(reversed(lines)):
        ax.text(_LEFT + 0.1, _BOTTOM - 0.14 - 0.18 * n, line, va="center", size=_POINTS, color=pen.look.quiet)
