"""Draw throughput, round trips, windows and sizes over time with matplotlib. Floor 4. Reading: RFC 6298, RFC 9293 §3.8.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpinspect.insight.phrases import duration, octets
from tcpinspect.plot import clocks, series
from tcpinspect.plot.door import one_connection
from tcpinspect.plot.pen import Pen, empty, frame, legend, pen
from tcpinspect.plot.scales import amount_unit, time_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (10.0, 4.4)
# From so many on, dots are pixels also in SVG and PDF.
_RASTER = 4000
# A line far above all dots is said, not drawn.
_REACH = 3.0


def throughput(connection: Any, *, side: str | None = None, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw octets of data a second, in intervals: all of them, and without those sent before; and the mean of the connection.

    `side` is "client" or "server", without it the one that sends more data. Draws into `ax` or a new figure; returns the axes.
    """
    one_connection(connection, "throughput")
    picture = series.throughput(connection, side=side)
    with pen(ax, _SIZE, theme=theme, lang=lang) as drawing:
        _throughput(drawing, picture)
        return drawing.ax


def rtt(connection: Any, *, side: str | None = None, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw round trips as the capture saw them: samples, SRTT, and the RTO by RFC 6298; retransmissions with the time they waited.

    Samples of what had been sent twice are hollow and do not count (RFC 6298 §3). `side` is whose data is timed, without it who
    sends more. Draws into `ax` or a new figure; returns the axes.
    """
    one_connection(connection, "rtt")
    picture = clocks.rtt(connection, side=side)
    with pen(ax, _SIZE, theme=theme, lang=lang) as drawing:
        _rtt(drawing, picture)
        return drawing.ax


def window(connection: Any, *, side: str | None = None, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw the window the receiver offers, the octets in flight, and when the window was full or zero.

    `side` is the sender, without it the one that sends more data. Draws into `ax` or a new figure; returns the axes.
    """
    one_connection(connection, "window")
    picture = series.window(connection, side=side)
    with pen(ax, _SIZE, theme=theme, lang=lang) as drawing:
        _window(drawing, picture)
        return drawing.ax


def segments(connection: Any, *, side: str | None = None, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw the octets of data in each segment over time, how often each size occurs, and the MSS the receiver announced.

    `side` is the sender, without it the one that sends more data. Draws into `ax` or a new figure; returns the axes.
    """
    one_connection(connection, "segments")
    picture = series.sizes(connection, side=side)
    with pen(ax, _SIZE, theme=theme, lang=lang, margins=(0.9, 0.6, 1.5, 0.7)) as drawing:
        _sizes(drawing, picture)
        return drawing.ax


def _title(pen: Pen, what: str, picture: Any) -> str:
    return pen.say(what, sender=picture.sender, receiver=picture.receiver)


def _time_label(pen: Pen, unit: str) -> str:
    return pen.say("time since the first segment, {unit}", unit=unit)


def _dots(pen: Pen, drawn: int, all_of_them: int) -> str:
    return (
        pen.say("{drawn:,} of {all:,} points drawn: those on the same dot once.", drawn=drawn, all=all_of_them)
        if drawn < all_of_them
        else ""
    )


def _throughput(pen: Pen, picture: series.Throughput) -> None:
    import numpy as np

    ax, say, hues = pen.ax, pen.say, pen.look.hues
    unit, size = time_unit(picture.total_ns)
    title = _title(pen, "Throughput, {sender} → {receiver}", picture)
    if not picture.all_bytes.any():
        frame(pen, title=title, x=_time_label(pen, unit), y=say("bits a second"))
        empty(pen, say("this side sent no data"))
        return
    rate = 8e9 / picture.step_ns
    mean = picture.new_bytes.sum() * 8e9 / max(picture.total_ns, 1)
    rate_unit, scale = amount_unit(float(picture.all_bytes.max()) * rate, "bit/s")
    edges = np.arange(len(picture.all_bytes) + 1) * picture.step_ns / size
    again = int(picture.all_bytes.sum() - picture.new_bytes.sum())
    if again:
        ax.stairs(picture.all_bytes * rate / scale, edges, fill=True, color=hues["two"], alpha=0.45, linewidth=0, hatch="////",
                  edgecolor=pen.look.paper, label=say("sent again"), zorder=2)  # fmt: skip
    ax.stairs(
        picture.new_bytes * rate / scale, edges, fill=True, color=hues["one"], linewidth=0, zorder=3, label=say("data for the first time")
    )
    if picture.total_ns:
        ax.axhline(mean / scale, color=pen.look.ink, linewidth=1.0, linestyle=(0, (5, 2)), zorder=4,
                   label=say("mean of the connection, {rate}", rate=f"{mean / scale:.3g} {rate_unit}"))  # fmt: skip
    ax.set_xlim(0, float(edges[-1]))
    ax.set_ylim(0, float(picture.all_bytes.max()) * rate / scale * 1.2)
    notes = [say("Octets of data in intervals of {step}.", step=duration(picture.step_ns))]
    if again:
        notes.append(say("{amount} of {all} sent again.", amount=octets(again), all=octets(int(picture.all_bytes.sum()))))
    frame(pen, title=title, x=_time_label(pen, unit), y=rate_unit, notes=notes)
    legend(pen, loc="upper right")


def _rtt(pen: Pen, picture: clocks.Rtt) -> None:
    ax, say, hues = pen.ax, pen.say, pen.look.hues
    times = [part for part in (picture.time_ns, picture.again_ns) if len(part)]
    unit, size = time_unit(max((int(part.max()) for part in times), default=0))
    title = _title(pen, "Round trips, {sender} → {receiver} and back", picture)
    if not len(picture.sample_ns):
        frame(pen, title=title, x=_time_label(pen, unit), y=say("round trip"))
        empty(pen, say("no acknowledgment that gives a round trip"))
        return
    most = float(max(picture.sample_ns.max(), picture.timeout_ns.max(initial=0)))
    waits = picture.waited_ns[picture.waited_ns <= _REACH * most]
    most = max(most, float(waits.max(initial=0)))
    y_unit, y_size = time_unit(int(most))
    many = len(picture.time_ns) > _RASTER
    sure = ~picture.ambiguous
    ax.scatter(picture.time_ns[sure] / size, picture.sample_ns[sure] / y_size, s=14 if not many else 3, color=hues["one"], linewidth=0,
               label=say("sample"), zorder=3, rasterized=many)  # fmt: skip
    if picture.ambiguous.any():
        ax.scatter(picture.time_ns[~sure] / size, picture.sample_ns[~sure] / y_size, s=18, facecolor="none", edgecolor=hues["one"],
                   linewidth=0.9, label=say("sent twice: does not count"), zorder=3, rasterized=many)  # fmt: skip
    ax.step(picture.clock_ns / size, picture.smoothed_ns / y_size, where="post", color=hues["three"], linewidth=1.4, label="SRTT", zorder=4,
            rasterized=many)  # fmt: skip
    ax.step(picture.clock_ns / size, picture.timeout_ns / y_size, where="post", color=hues["two"], linewidth=1.2, linestyle=(0, (4, 1.5)),
            label="SRTT + max(G, 4·RTTVAR)", zorder=4, rasterized=many)  # fmt: skip
    if len(picture.again_ns):
        near = picture.waited_ns <= _REACH * most
        ax.scatter(picture.again_ns[near] / size, picture.waited_ns[near] / y_size, marker="x", s=26, linewidth=1.4, color=hues["again"],
                   label=say("sent again, after so long"), zorder=5, rasterized=many)  # fmt: skip
    notes = [say("As seen where the capture was made.")]
    if most >= clocks.LEAST_RTO_NS / _REACH:
        most = max(most, clocks.LEAST_RTO_NS * 1.02)
        ax.axhline(clocks.LEAST_RTO_NS / y_size, color=pen.look.quiet, linewidth=0.9, linestyle=(0, (1, 2)), label=say("least RTO, 1 s"))
    else:
        notes.append(say("RTO is this, but at least 1 s (RFC 6298 §2.4), which is above the picture."))
    high = int((picture.waited_ns > _REACH * most).sum())
    if high:
        notes.append(say("{n:,} sent again after longer than the picture is high.", n=high))
    notes.append(_dots(pen, picture.drawn, picture.samples))
    ax.set_ylim(0, most / y_size * 1.3)
    frame(pen, title=title, x=_time_label(pen, unit), y=say("round trip, {unit}", unit=y_unit), notes=notes)
    # "best" looks at every point.
    legend(pen, loc="upper right" if many else "best")


def _window(pen: Pen, picture: series.Window) -> None:
    import numpy as np

    ax, say, hues = pen.ax, pen.say, pen.look.hues
    times = [part for part in (picture.offered_ns, picture.flight_ns) if len(part)]
    last = max((int(part.max()) for part in times), default=0)
    unit, size = time_unit(last)
    title = _title(pen, "Window and octets in flight, {sender} → {receiver}", picture)
    known = picture.offered >= 0
    if not known.any() and not len(picture.flight):
        frame(pen, title=title, x=_time_label(pen, unit), y=say("octets"))
        empty(pen, say("neither a window nor data in flight is known"))
        return
    most = float(max(picture.offered.max(initial=0), picture.flight.max(initial=0), 1))
    y_unit, scale = amount_unit(most, "bytes")
    many = max(len(picture.offered), len(picture.flight)) > _RASTER
    if known.any():
        # Beyond its last announcement the window stays as it is.
        x = np.append(picture.offered_ns, last) / size
        y = np.append(np.where(known, picture.offered, np.nan), picture.offered[-1] if known[-1] else np.nan) / scale
        ax.step(x, y, where="post", color=hues["window"], linewidth=1.3, linestyle=(0, (4, 1.5)), label=say("window offered"), zorder=3,
                rasterized=many)  # fmt: skip
    if len(picture.flight):
        ax.step(picture.flight_ns / size, picture.flight / scale, where="post", color=hues["one"], linewidth=1.0,
                label=say("in flight: sent, not acknowledged"), zorder=4, rasterized=many)  # fmt: skip
    if len(picture.full_ns):
        ax.scatter(picture.full_ns / size, picture.full / scale, marker="s", s=30, facecolor="none", edgecolor=hues["again"], linewidth=1.3,
                   label=say("window full: {n:,}", n=len(picture.full_ns)), zorder=6, rasterized=many)  # fmt: skip
    if len(picture.zero_ns):
        ax.scatter(picture.zero_ns / size, np.zeros(len(picture.zero_ns)), marker="X", s=46, color=hues["again"], linewidth=0,
                   clip_on=False, label=say("zero window: {n:,}", n=len(picture.zero_ns)), zorder=6, rasterized=many)  # fmt: skip
    ax.set_ylim(0, most / scale * 1.15)
    notes = ["" if known.all() else say("Where the window is missing, its scale was not seen."), _dots(pen, picture.drawn, picture.points)]
    frame(pen, title=title, x=_time_label(pen, unit), y=y_unit if y_unit != "bytes" else say("octets"), notes=notes)
    legend(pen, loc="upper right" if many else "best")


def _sizes(pen: Pen, picture: series.Sizes) -> None:
    ax, say, hues = pen.ax, pen.say, pen.look.hues
    unit, size = time_unit(int(picture.time_ns.max(initial=0)))
    title = _title(pen, "Octets of data a segment, {sender} → {receiver}", picture)
    if not picture.segments:
        frame(pen, title=title, x=_time_label(pen, unit), y=say("octets"))
        empty(pen, say("this side sent no data"))
        return
    many = len(picture.size) > _RASTER
    first = ~picture.again
    ax.scatter(picture.time_ns[first] / size, picture.size[first], s=14 if not many else 3, color=hues["one"], linewidth=0,
               label=say("segment"), zorder=3, rasterized=many)  # fmt: skip
    if picture.again.any():
        ax.scatter(picture.time_ns[picture.again] / size, picture.size[picture.again], marker="x", s=26, linewidth=1.3,
                   color=hues["again"], label=say("retransmission"), zorder=4, rasterized=many)  # fmt: skip
    largest = max(picture.counts)
    notes = [_dots(pen, picture.drawn, picture.segments)]
    if picture.mss is not None and picture.mss <= _REACH * largest:
        ax.axhline(picture.mss, color=hues["window"], linewidth=1.0, linestyle=(0, (4, 1.5)), zorder=2,
                   label=say("MSS announced by the receiver, {mss:,}", mss=picture.mss))  # fmt: skip
    above = sum(n for value, n in picture.counts.items() if picture.mss is not None and value > picture.mss)
    if above:
        notes.append(say("{n:,} segments larger than the MSS: put together by the network card, not on the wire.", n=above))
    top = max(largest, picture.mss or 0 if (picture.mss or 0) <= _REACH * largest else 0) * 1.3
    ax.set_ylim(0, top)
    frame(pen, title=title, x=_time_label(pen, unit), y=say("octets"), notes=notes)
    legend(pen, loc="upper right")
    _histogram(pen, picture, top)


def _histogram(pen: Pen, picture: series.Sizes, top: float) -> None:
    """Beside the dots: how many segments of each size."""
    import numpy as np

    side = pen.ax.inset_axes((1.02, 0, 0.14, 1))
    values = np.array(list(picture.counts))
    counts, edges = np.histogram(values, bins=40, range=(0, top), weights=np.array(list(picture.counts.values())))
    side.stairs(counts, edges, orientation="horizontal", fill=True, color=pen.look.hues["one"], alpha=0.8)
    side.set_ylim(0, top)
    side.set_yticks([])
    side.set_facecolor("none")
    for name, spine in side.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(pen.look.faint)
    side.set_xticks([0, int(counts.max())], ["0", f"{int(counts.max()):,}"])
    side.tick_params(color=pen.look.faint, labelcolor=pen.look.quiet, labelsize=7)
    side.set_xlabel(pen.say("segments"), size=7.5, color=pen.look.quiet)
