"""Draw the octets of a frame in the layers that wrap them, with matplotlib. Floor 4. Reading: RFC 9293 §3.1, `protocol.wrapping`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpinspect.insight.dissect import Dissection
from tcpinspect.plot.door import frame_taken_apart
from tcpinspect.plot.layer_bands import OCTETS_A_ROW, Band, layer_bands
from tcpinspect.plot.pen import Pen, bare, pen, scale_of
from tcpinspect.plot.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: an octet's cell, the brackets of nesting, the column of places, the column of fields.
_OCTET, _ROW, _STEP, _PLACE, _FIELDS = 0.25, 0.205, 0.1, 0.5, 5.0
_MARGIN, _HEAD = 0.2, 0.42
_OCTET_POINTS, _NAME_POINTS, _FIELD_POINTS = 7.0, 9.0, 7.2


def layers(found: Dissection, *, theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw a frame (`insight.dissect`): a band for each layer with its octets and fields, a bracket around what it carries.

    `theme` is "light" or "dark", `lang` "en" or "zh" (names of protocols and fields stay as the standards have them). Returns
    the axes. Of long data the first octets are shown, and how many are not.
    """
    frame_taken_apart(found, "layers")
    bands = layer_bands(found)
    left = _MARGIN + _STEP * len(bands) + _PLACE
    size = (left + OCTETS_A_ROW * _OCTET + 0.25 + _FIELDS + _MARGIN, _HEAD + (bands[-1].top + bands[-1].rows) * _ROW + _MARGIN)
    with pen(ax, size, theme=theme, lang=lang, margins=(0, 0, 0, 0)) as drawing:
        target, colors = drawing.ax, drawing.look
        bare(drawing)
        target.set_xlim(0, size[0])
        target.set_ylim(size[1], 0)
        scale = scale_of(target, size)
        _head(drawing, found, scale)
        for depth, band in enumerate(bands):
            _band(target, band, colors, left, scale)
            _bracket(target, band, depth, bands, colors)
        return target


def _head(pen: Pen, found: Dissection, scale: float) -> None:
    say = pen.say
    text = f"{say('frame')} {found.frame}, " if found.frame else ""
    text += f"{len(found.octets):,} {say('octets')}"
    if len(found.octets) < found.wire_length:
        text += f" {say('captured of')} {found.wire_length:,}"
    if found.reason != "TCP":
        text += f"; {say('no TCP segment')}: {found.reason}"
    pen.ax.text(_MARGIN, 0.2, text, ha="left", va="center", size=9.5 * scale, weight="bold", color=pen.look.ink)


def _band(ax: Any, band: Band, colors: Look, left: float, scale: float) -> None:
    from matplotlib.patches import Rectangle

    top = _HEAD + band.top * _ROW
    for n, octet in enumerate(band.octets):
        x, y = left + n % OCTETS_A_ROW * _OCTET, top + n // OCTETS_A_ROW * _ROW
        ax.add_patch(Rectangle((x, y), _OCTET, _ROW, facecolor=colors.fills[band.group], edgecolor=colors.paper, linewidth=0.8, zorder=2))
        ax.text(x + _OCTET / 2, y + _ROW / 2, f"{octet:02x}", ha="center", va="center", size=_OCTET_POINTS * scale, color=colors.ink,
                family="monospace", zorder=4)  # fmt: skip
        if n % OCTETS_A_ROW == 0 and band.at is not None:
            ax.text(left - 0.07, y + _ROW / 2, str(band.at + n), ha="right", va="center", size=6.4 * scale, color=colors.quiet)
    x = left + OCTETS_A_ROW * _OCTET + 0.25
    ax.text(x, top + _ROW / 2, f"{band.name}, {band.size:,}", ha="left", va="center", size=_NAME_POINTS * scale, weight="bold",
            color=colors.ink)  # fmt: skip
    for n, line in enumerate(band.lines):
        ax.text(x, top + (n + 1.5) * _ROW, line, ha="left", va="center", size=_FIELD_POINTS * scale, color=colors.quiet)


def _bracket(ax: Any, band: Band, depth: int, bands: tuple[Band, ...], colors: Look) -> None:
    """A line from the band down to the end of what it carries: the data ends it all, a trailer belongs to the link alone."""
    inner = [other for other in bands if other.name != "Trailer" or depth == 0]
    last = inner[-1] if band.name != "Trailer" else band
    x = _MARGIN + depth * _STEP
    top, bottom = _HEAD + band.top * _ROW, _HEAD + (last.top + last.rows) * _ROW
    ax.plot([x + 0.06, x, x, x + 0.06], [top, top, bottom, bottom], color=colors.quiet, linewidth=1.1, solid_capstyle="butt", zorder=3)
