"""Draw what all connections of a capture have in common: bars over time, and how long things took. Floor 4.

Reading: RFC 9293 §3.3.2, §3.5, §3.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpinspect.insight.phrases import duration
from tcpinspect.plot import outcomes, spreads
from tcpinspect.plot.door import whole_capture
from tcpinspect.plot.flow import first_of_each_cell
from tcpinspect.plot.pen import Pen, empty, frame, legend, pen
from tcpinspect.plot.scales import duration_ticks, joined, time_unit
from tcpinspect.plot.style import state_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 10.0
_NAME_POINTS = 7.0
# Width of an average character at that size, in inches.
_CHARACTER = 0.061
_MARKS = {"fine": "o", "open": ">", "unanswered": "D", "bad": "X", "unknown": "s"}
_WORDS = {
    "fine": "closed in order: {n:,}", "open": "open at the end: {n:,}", "unanswered": "never opened: {n:,}",
    "bad": "refused or reset: {n:,}", "unknown": "cannot be told: {n:,}",
}  # fmt: skip
_RASTER = 4000
# Shorter than this is drawn there: a logarithmic axis has no zero.
_SHORTEST_NS = 1_000
_MOST_DOTS = 3000


def overview(analysis: Any, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw every connection of a capture as a bar over time, its colour and the mark at its end telling what became of it.

    More than 40 share rows. Draws into `ax` or a new figure; returns the axes.
    """
    whole_capture(analysis, "overview")
    picture = outcomes.overview(analysis)
    names = max((len(span.name) for span in picture.spans), default=0)
    left = 0.5 + min(4.5, names * _CHARACTER)
    height = 1.3 + (0.2 * picture.rows if picture.alone else min(6.0, 2.0 + 0.03 * picture.rows))
    with pen(ax, (_WIDTH, max(2.4, height)), theme=theme, lang=lang, margins=(left, 0.6, 0.25, 0.75)) as drawing:
        _overview(drawing, picture)
        return drawing.ax


def handshakes(analysis: Any, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw how long the handshakes of a capture took. Draws into `ax` or a new figure; returns the axes."""
    whole_capture(analysis, "handshakes")
    picture = spreads.handshakes(analysis)
    return _spread(picture, "How long the handshakes took", "no handshake was captured whole", theme, lang, ax)


def teardowns(analysis: Any, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw how long the teardowns of a capture took, from the first FIN. Draws into `ax` or a new figure; returns the axes."""
    whole_capture(analysis, "teardowns")
    picture = spreads.teardowns(analysis)
    return _spread(picture, "How long the teardowns took, from the first FIN", "no teardown was captured", theme, lang, ax)


def dwell(analysis: Any, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw how long the sides of all connections stayed in each state; triangles were still there when the capture ended.

    A leak of CLOSE-WAIT shows as triangles far to the right. Draws into `ax` or a new figure; returns the axes.
    """
    whole_capture(analysis, "dwell")
    picture = spreads.dwell(analysis)
    return _spread(picture, "How long each state lasted", "no state has a known duration", theme, lang, ax, states=True)


def _overview(pen: Pen, picture: outcomes.Overview) -> None:
    from matplotlib.collections import LineCollection

    ax, say = pen.ax, pen.say
    unit, size = time_unit(picture.total_ns)
    title = say("{n:,} connections over time", n=picture.connections) if picture.connections != 1 else say("1 connection over time")
    if not picture.spans:
        frame(pen, title=title, x=say("time since the first segment, {unit}", unit=unit), y="")
        empty(pen, say("no TCP connection in this capture"))
        return
    thick = 5.0 if picture.alone else max(0.8, min(4.0, 250 / max(picture.rows, 1)))
    many = len(picture.spans) > _RASTER
    for tone in outcomes.TONES:
        mine = [span for span in picture.spans if span.tone == tone]
        if not mine:
            continue
        color = pen.look.tones[tone]
        lines = [((span.start_ns / size, span.row), (span.end_ns / size, span.row)) for span in mine]
        ax.add_collection(
            LineCollection(lines, colors=color, linewidths=thick, alpha=0.75, rasterized=many, capstyle="butt"), autolim=False
        )
        ax.scatter([span.end_ns / size for span in mine], [span.row for span in mine], marker=_MARKS[tone], color=color, linewidth=0.3,
                   edgecolor=pen.look.paper, s=30 if picture.alone else max(4.0, thick * 4), zorder=4, clip_on=False, rasterized=many,
                   label=say(_WORDS[tone], n=picture.counts[tone]))  # fmt: skip
    width = max(picture.total_ns, 1) / size
    ax.set_xlim(-0.01 * width, 1.02 * width)
    ax.set_ylim(picture.rows - 0.2, -0.8)
    notes = []
    if picture.rows < picture.connections:
        notes.append(say("A row holds several connections, one after the other."))
    if len(picture.spans) < picture.connections:
        notes.append(say("{drawn:,} of {all:,} bars drawn: those on the same dot once.", drawn=len(picture.spans), all=picture.connections))
    frame(pen, title="", x=say("time since the first segment, {unit}", unit=unit), y="")
    ax.annotate(title, (0, 1), (0, 38), xycoords="axes fraction", textcoords="offset points", size=10, weight="bold", color=pen.look.ink)
    ax.annotate(joined(notes), (0, 1), (0, 26), xycoords="axes fraction", textcoords="offset points", size=7.5, color=pen.look.quiet)
    if picture.alone:
        ax.set_yticks([span.row for span in picture.spans], [span.name for span in picture.spans], size=_NAME_POINTS)
        ax.tick_params(axis="y", length=0)
    else:
        ax.set_yticks([])
    # Above the bars: inside there is no place that is always free.
    legend(pen, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, handletextpad=0.2, columnspacing=1.2, borderaxespad=0.1)


def _spread(
    picture: spreads.Spread, title: str, nothing: str, theme: str | None, lang: str, ax: Axes | None, *, states: bool = False
) -> Axes:
    height = 1.65 + 0.48 * max(2, len(picture.rows))
    with pen(ax, (_WIDTH, height), theme=theme, lang=lang, margins=(1.6, 0.6, 2.6, 0.7)) as drawing:
        _rows(drawing, picture, title, nothing, states)
        return drawing.ax


def _rows(pen: Pen, picture: spreads.Spread, title: str, nothing: str, states: bool) -> None:
    ax, say = pen.ax, pen.say
    head = f"{say(title)}, " + (say("{n:,} connections", n=picture.connections) if picture.connections != 1 else say("1 connection"))
    if not picture.rows:
        frame(pen, title=head, x=say("duration"), y="")
        empty(pen, say(nothing))
        return
    everything = [max(ns, _SHORTEST_NS) for row in picture.rows for ns in (*row.values, *row.at_least)]
    least, most = min(everything), max(everything)
    ax.set_xscale("log")
    ax.set_xlim(least / 1.6, most * 1.6)
    ax.set_ylim(len(picture.rows) - 0.4, -0.6)
    left_out = 0
    for n, row in enumerate(picture.rows):
        color = state_color(row.name, pen.look) if states else pen.look.hues["one"]
        left_out += _dots(pen, n, row.values, color, "o", hollow=False)
        left_out += _dots(pen, n, row.at_least, pen.look.hues["again"] if row.name == "CLOSE-WAIT" else color, ">", hollow=True)
        _box(pen, n, row)
        text = say("{n:,}; median {median}", n=len(row.values), median=duration(_middle(row.values))) if row.values else ""
        more = say("{n:,} not ended, up to {most}", n=len(row.at_least), most=duration(row.at_least[-1])) if row.at_least else ""
        both = text and more
        for shift, words in ((5, text), (-5, more)):
            ax.annotate(words, (1.015, n), (0, shift if both else 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                        va="center", size=7.2, color=pen.look.ink if words == text else pen.look.hues["again"])  # fmt: skip
    ax.set_yticks(range(len(picture.rows)), [say(row.name) for row in picture.rows])
    notes = [say("▷ not ended when the capture did.") if any(row.at_least for row in picture.rows) else ""]
    if picture.without:
        kinds = ", ".join(f"{say(kind)} {number:,}" for kind, number in sorted(picture.without.items(), key=lambda item: -item[1]))
        notes.append(say("Without a known duration: {kinds}.", kinds=kinds))
    if left_out:
        notes.append(say("{n:,} dots on top of others not drawn.", n=left_out))
    if any(ns < _SHORTEST_NS for row in picture.rows for ns in row.values):
        notes.append(say("Less than 1 µs is drawn at 1 µs."))
    frame(pen, title=head, x=say("duration"), y="", notes=notes)
    duration_ticks(ax.xaxis, least / 1.6, most * 1.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")


def _dots(pen: Pen, row: int, values: tuple[int, ...], color: str, marker: str, *, hollow: bool) -> int:
    """The durations as dots, spread over the row so that they can be counted; how many fell onto others."""
    import numpy as np

    if not values:
        return 0
    ns = np.maximum(np.array(values), _SHORTEST_NS)
    # The golden section spreads neighbours evenly, the same way each time.
    spread = (np.arange(len(ns)) * 0.618034) % 1.0 - 0.5
    shown = np.arange(len(ns))
    if len(ns) > _MOST_DOTS:
        shown = first_of_each_cell(np.round(np.log(ns) * 1e6).astype(np.int64), np.round(spread * 1e6).astype(np.int64), 900, 12)
    reach = 0.62 if len(ns) > 1 else 0.0
    pen.ax.scatter(ns[shown], row + reach * spread[shown], marker=marker, s=20 if hollow else 12, linewidth=0.9 if hollow else 0.3,
                   facecolor="none" if hollow else color, edgecolor=color if hollow else pen.look.paper, alpha=0.9,
                   zorder=3, rasterized=len(shown) > _RASTER)  # fmt: skip
    return len(ns) - len(shown)


def _box(pen: Pen, row: int, what: spreads.Row) -> None:
    """The middle half of the durations as a bar, their median as a line."""
    if len(what.values) < 4:
        return
    low, high = (max(what.values[int(share * (len(what.values) - 1))], _SHORTEST_NS) for share in (0.25, 0.75))
    pen.ax.plot([low, high], [row, row], color=pen.look.ink, linewidth=3.5, alpha=0.35, solid_capstyle="butt", zorder=4)
    middle = max(_middle(what.values), _SHORTEST_NS)
    pen.ax.plot([middle, middle], [row - 0.36, row + 0.36], color=pen.look.ink, linewidth=1.6, zorder=5)


def _middle(values: tuple[int, ...]) -> int:
    return values[(len(values) - 1) // 2]
