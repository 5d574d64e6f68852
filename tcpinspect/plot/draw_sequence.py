"""Draw a time–sequence graph with matplotlib. Floor 4. Reading: tcptrace's manual (its marks), Stevens, TCP/IP Illustrated 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpinspect.plot.door import one_connection
from tcpinspect.plot.flow import Numbers, first_of_each_cell
from tcpinspect.plot.pen import Pen, empty, frame, legend, pen
from tcpinspect.plot.scales import Room, time_unit
from tcpinspect.plot.timeseq import Sequence
from tcpinspect.plot.timeseq import sequence as lay_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (10.0, 5.6)
# From so many on, a picture's lines are pixels also in SVG and PDF, which else would be huge.
_RASTER = 4000
# So few segments get arrow heads at both ends, as tcptrace draws them.
_HEADS = 400
_MARK_POINTS = 7.0
_MARK_HEIGHT, _MARK_LETTER = 0.125, 0.075
# How a segment of each kind is drawn: the hue and what the legend says.
_KINDS = ((0, "data", "segment"), (2, "order", "out of order (O)"), (1, "again", "retransmission (R)"))


def sequence(connection: Any, *, side: str | None = None, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw sequence numbers over time for what one side sends, with the other side's ACKs, window and SACK blocks.

    `side` is "client" or "server", without it the one that sends more data. Marks: R sent again, O out of order, 3 third duplicate
    ACK, S selective acknowledgment, diamond PSH, U urgent, Z zero window, probe, SYN, FIN, RST. Draws into `ax` or a new
    figure; returns the axes. Of more than 20,000 segments those on one dot are drawn once, and the picture says so.
    """
    one_connection(connection, "sequence")
    picture = lay_out(connection, side=side)
    with pen(ax, _SIZE, theme=theme, lang=lang) as drawing:
        _draw(drawing, picture)
        return drawing.ax


def _draw(pen: Pen, picture: Sequence) -> None:
    say = pen.say
    last = max((int(part[-1]) for part in (picture.time_ns, picture.ack_time_ns) if len(part)), default=0)
    unit, size = time_unit(last)
    title = say("Sequence numbers, {sender} → {receiver}", sender=picture.sender, receiver=picture.receiver)
    axes = {"x": say("time since the first segment, {unit}", unit=unit), "y": say("sequence number, from the initial one")}
    if not picture.segments:
        frame(pen, title=title, **axes)
        empty(pen, say("this side sent nothing"))
        return
    _lines(pen, picture, size)
    _segments(pen, picture, size)
    _limits(pen, picture, size, last)
    left_out = _marks(pen, picture, size)
    notes = []
    if picture.drawn < picture.segments:
        notes.append(say("{drawn:,} of {all:,} segments drawn: those on the same dot once.", drawn=picture.drawn, all=picture.segments))
    if left_out:
        notes.append(say("{n:,} marks not written for want of room.", n=left_out))
    if len(picture.edge) and (picture.edge < 0).any():
        notes.append(say("Where the window's edge is missing, its scale was not seen."))
    frame(pen, title=title, notes=notes, **axes)
    pen.ax.ticklabel_format(axis="y", style="plain", useOffset=False)
    large = pen.ax.get_ylim()[1] >= 10_000_000
    pen.ax.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:,g} M" if large else f"{value:,.0f}")
    legend(pen, loc=_corner(pen, picture, size))


def _corner(pen: Pen, picture: Sequence, size: int) -> str:
    """The corner in which the legend hides least: no mark if it can be, then as few segments as can be."""
    import numpy as np

    ax, renderer = pen.ax, pen.ax.figure.canvas.get_renderer()
    x = picture.time_ns / size
    points = np.concatenate([ax.transData.transform(np.stack((x, y), axis=1)) for y in (picture.low, picture.high)])
    texts = [text.get_window_extent(renderer) for text in ax.texts]

    def hidden(corner: str) -> tuple[int, int]:
        legend(pen, loc=corner)
        box = ax.get_legend().get_window_extent(renderer).padded(2)
        inside = (points[:, 0] > box.x0) & (points[:, 0] < box.x1) & (points[:, 1] > box.y0) & (points[:, 1] < box.y1)
        return sum(box.overlaps(text) for text in texts), int(inside.sum())

    return min(("upper left", "lower right", "upper right", "lower left"), key=hidden)


def _limits(pen: Pen, picture: Sequence, size: int, last: int) -> None:
    """Room for the marks at the edges; a window far above the data does not press it flat."""
    edge = picture.edge[picture.edge >= 0]
    top = int(picture.high.max())
    low = int(min(picture.low.min(), picture.ack.min() if len(picture.ack) else picture.low.min()))
    reach = max(top - low, 1)
    if len(edge) and int(edge.max()) - low < 3 * reach:
        top = max(top, int(edge.max()))
    reach = max(top - low, 1)
    width = max(last, 1) / size
    pen.ax.set_xlim(-0.03 * width, 1.04 * width)
    pen.ax.set_ylim(low - 0.05 * reach, top + 0.1 * reach)


def _lines(pen: Pen, picture: Sequence, size: int) -> None:
    import numpy as np

    hues, ax, many = pen.look.hues, pen.ax, len(picture.ack) > _RASTER
    x = picture.ack_time_ns / size
    if len(x):
        ax.step(x, picture.ack, where="post", color=hues["ack"], linewidth=1.1, zorder=3, label=pen.say("ACK line"), rasterized=many)
        known = np.where(picture.edge >= 0, picture.edge, np.nan)
        ax.step(x, known, where="post", color=hues["window"], linewidth=1.0, linestyle=(0, (4, 1.5)), zorder=2,
                label=pen.say("window's edge"), rasterized=many)  # fmt: skip
    if len(picture.duplicates):
        ax.scatter(picture.duplicates[:, 0] / size, picture.duplicates[:, 1], marker="_", s=16, linewidth=0.8, color=hues["ack"], zorder=3,
                   label=pen.say("duplicate ACK"), rasterized=len(picture.duplicates) > _RASTER)  # fmt: skip
    if len(picture.sack):
        t, left, right = picture.sack.T
        _bars(pen, t / size, left, right, hues["sack"], pen.say("SACK block (S)"), 1.4, 2.5, 0.6)


def _segments(pen: Pen, picture: Sequence, size: int) -> None:
    x = picture.time_ns / size
    bare = picture.kind == 3
    if bare.any():
        pen.ax.scatter(x[bare], picture.low[bare], marker=".", s=9, color=pen.look.quiet, zorder=3, linewidth=0,
                       label=pen.say("without data"), rasterized=int(bare.sum()) > _RASTER)  # fmt: skip
    for kind, hue, words in _KINDS:
        mine = picture.kind == kind
        if mine.any():
            color = pen.look.hues[hue]
            label = pen.say(words) + (f": {int(mine.sum()):,}" if kind and picture.drawn == picture.segments else "")
            _bars(pen, x[mine], picture.low[mine], picture.high[mine], color, label, 1.3 if kind == 0 else 2.0, 4 + (kind != 0))
            if picture.drawn <= _HEADS:
                pen.ax.scatter(x[mine], picture.high[mine], marker=6, s=9, color=color, linewidth=0, zorder=4)
                pen.ax.scatter(x[mine], picture.low[mine], marker=7, s=9, color=color, linewidth=0, zorder=4)
    if len(picture.pushes):
        pen.ax.scatter(picture.pushes[:, 0] / size, picture.pushes[:, 1], marker="D", s=9, facecolor=pen.look.paper, linewidth=0.7,
                       edgecolor=pen.look.hues["data"], zorder=6, label="PSH", rasterized=len(picture.pushes) > _RASTER)  # fmt: skip


def _bars(
    pen: Pen, x: Numbers, low: Numbers, high: Numbers, color: str, label: str, width: float, layer: float, alpha: float = 1.0
) -> None:
    import numpy as np
    from matplotlib.collections import LineCollection

    lines: Any = np.stack((np.stack((x, low), axis=1), np.stack((x, high), axis=1)), axis=1)
    pen.ax.add_collection(
        LineCollection(lines, colors=color, linewidths=width, zorder=layer, label=label, alpha=alpha, rasterized=len(x) > _RASTER),
        autolim=False,
    )


def _marks(pen: Pen, picture: Sequence, size: int) -> int:
    """Write the marks, the weighty ones first, none over another; how many had no room."""
    ax = pen.ax
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    room = Room(box.width, box.height)
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    left_out = 0
    hues = pen.look.hues
    colors = {"R": hues["again"], "RST": hues["again"], "RST in": hues["again"], "O": hues["order"], "S": hues["sack"], "3": hues["ack"],
              "Z": hues["window"], "ECE": hues["ack"]}  # fmt: skip
    for name, points in picture.marks.items():
        below = name in ("3", "Z", "S", "ECE", "gap")
        text = pen.say(name)
        wide = _MARK_LETTER * sum(1 if ord(letter) < 0x2E80 else 1.8 for letter in text)
        chosen = first_of_each_cell(points[:, 0], points[:, 1], int(box.width / 0.1) + 1, int(box.height / 0.1) + 1)
        missing = len(points) - len(chosen)
        for t, number in points[chosen].tolist():
            x, y = (t / size - x0) / (x1 - x0) * box.width, (number - y0) / (y1 - y0) * box.height
            if not room.take(x - wide / 2, y - 0.05 - _MARK_HEIGHT if below else y + 0.05, wide, _MARK_HEIGHT):
                missing += 1
                continue
            ax.annotate(text, (t / size, number), (0, -4 if below else 4), textcoords="offset points", ha="center",
                        va="top" if below else "bottom", size=_MARK_POINTS, weight="bold", color=colors.get(name, hues["data"]),
                        bbox={"facecolor": pen.look.paper, "alpha": 0.75, "edgecolor": "none", "pad": 0.4}, zorder=8)  # fmt: skip
        # A block without its letter is still a block of its colour.
        left_out += missing if name != "S" else 0
    return left_out
