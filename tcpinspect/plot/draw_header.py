"""Draw a laid-out TCP header with matplotlib: RFC 9293's bit drawing with the values of a real segment. Floor 4. Reading: RFC 9293 §3.1."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from tcpinspect.plot.door import octets_of_segment
from tcpinspect.plot.header_cells import ROW_BITS, Cell, HeaderLayout, header_layout
from tcpinspect.plot.pen import Pen, bare, pen, scale_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: a bit, a row, the row of the flags (their names stand upright), ruler above, a line of remarks below.
_BIT, _ROW, _FLAG_ROW, _RULER, _REMARK = 0.285, 0.46, 0.82, 0.42, 0.2
_MARGIN = 0.18
_NAME_POINTS, _VALUE_POINTS, _SMALL_POINTS = 8.0, 9.0, 6.8
# Width of an average character at one point, in inches; Chinese ones are about square.
_CHARACTER, _SQUARE = 0.0086, 0.0145
_REMARK_CHARACTERS = 125


def header(segment: Any, *, src: str = "", dst: str = "", theme: str | None = None, lang: str = "en", ax: Axes | None = None) -> Axes:
    """Draw the TCP header of a segment as RFC 9293 does, 32 bits a row, with its values and its options; returns the axes.

    `segment` is the octets of header and data, or anything with such a `segment` (a crafted segment, a dissected frame). With
    both addresses the checksum is judged. `theme` is "light" or "dark", `lang` "en" or "zh". Forbidden values have a thick
    border and a remark below.
    """
    octets = octets_of_segment(segment, "header")
    picture = header_layout(octets, src or getattr(segment, "src", ""), dst or getattr(segment, "dst", ""))
    size = _size(picture, lang)
    with pen(ax, size, theme=theme, lang=lang, margins=(0, 0, 0, 0)) as drawing:
        _Drawing(drawing, scale_of(drawing.ax, size)).draw(picture, size)
        return drawing.ax


def _remarks(picture: HeaderLayout, lang: str) -> list[str]:
    # a Chinese character is as wide as two others
    most = _REMARK_CHARACTERS if lang == "en" else _REMARK_CHARACTERS // 2
    return [line for odd in picture.oddities for line in textwrap.wrap(f"! {odd.said(lang)}", most)]


def _heights(picture: HeaderLayout) -> list[float]:
    """The height of each row in inches, the data's at the end."""
    tall = {cell.row for cell in picture.cells if cell.bits == 1}
    return [_FLAG_ROW if row in tall else _ROW for row in range(picture.rows)] + ([_ROW] if picture.data else [])


def _size(picture: HeaderLayout, lang: str) -> tuple[float, float]:
    below = len(_remarks(picture, lang)) * _REMARK + (0.08 if picture.oddities else 0)
    return ROW_BITS * _BIT + 2 * _MARGIN, _RULER + sum(_heights(picture)) + below + _MARGIN


class _Drawing:
    """Axes in inches, y downwards."""

    def __init__(self, pen: Pen, scale: float) -> None:
        self.ax, self.colors, self.say, self.scale = pen.ax, pen.look, pen.say, scale
        self.chinese = pen.lang == "zh"
        self.fault = pen.look.strokes["reset"].color
        bare(pen)

    def draw(self, picture: HeaderLayout, size: tuple[float, float]) -> None:
        self.ax.set_xlim(0, size[0])
        self.ax.set_ylim(size[1], 0)
        self._ruler()
        heights = _heights(picture)
        tops = [_RULER + sum(heights[:n]) for n in range(len(heights) + 1)]
        for cell in picture.cells:
            self._cell(cell, tops[cell.row], heights[cell.row])
        # faults on top, so that no neighbour's border hides them
        for cell in picture.cells:
            if cell.odd:
                self._box(cell.first_bit, cell.bits, tops[cell.row], heights[cell.row], "none", self.fault, 2.2)
        if picture.data:
            self._box(0, ROW_BITS, tops[picture.rows], _ROW, self.colors.fills["data"], self.colors.quiet, 0.7)
            middle = (_MARGIN + ROW_BITS * _BIT / 2, tops[picture.rows] + _ROW / 2)
            self._text(*middle, f"{self.say('Data')}: {picture.data:,} {self.say('octets')}", _VALUE_POINTS, color=self.colors.quiet)
        for n, line in enumerate(_remarks(picture, "zh" if self.chinese else "en")):
            self._text(_MARGIN, tops[-1] + 0.16 + n * _REMARK, line, _SMALL_POINTS + 0.6, ha="left", color=self.fault)

    def _ruler(self) -> None:
        for bit in range(ROW_BITS):
            x = _MARGIN + (bit + 0.5) * _BIT
            self._text(x, _RULER - 0.1, str(bit % 10), _SMALL_POINTS, color=self.colors.quiet)
            if bit % 10 == 0:
                self._text(x, _RULER - 0.27, str(bit // 10), _SMALL_POINTS, color=self.colors.quiet)

    def _box(self, first: int, bits: int, top: float, height: float, fill: str, edge: str, width: float) -> None:
        from matplotlib.patches import Rectangle

        place = (_MARGIN + first * _BIT, top)
        order = 3 if fill == "none" else 2
        self.ax.add_patch(Rectangle(place, bits * _BIT, height, facecolor=fill, edgecolor=edge, linewidth=width, zorder=order))

    def _cell(self, cell: Cell, top: float, height: float) -> None:
        fill = self.colors.fills[cell.group]
        if cell.bits == 1 and cell.value == "0":
            fill = self.colors.paper  # a flag that is not set
        self._box(cell.first_bit, cell.bits, top, height, fill, self.colors.quiet, 0.7)
        x, room = _MARGIN + (cell.first_bit + cell.bits / 2) * _BIT, cell.bits * _BIT - 0.06
        name = cell.chinese if self.chinese else cell.name
        if cell.bits == 1:
            set_ = cell.value != "0"
            weight = "bold" if set_ else "normal"
            color = self.colors.ink if set_ else self.colors.quiet
            self._text(x, top + height * 0.36, name, 7.6, rotation=90, weight=weight, color=color)
            self._text(x, top + height * 0.82, cell.value, _VALUE_POINTS, weight=weight, color=color)
            return
        if cell.piece:
            self._text(x, top + height / 2, "…", _VALUE_POINTS, color=self.colors.quiet)
            return
        names = textwrap.wrap(name, 8) if cell.bits == 4 and not self.chinese else [name]
        step = 0.15
        first = top + height * 0.5 - step * len(names) / 2
        for n, line in enumerate(names):
            self._text(x, first + n * step, line, _fitting(line, _NAME_POINTS, room), color=self.colors.quiet)
        value = cell.value if len(cell.value) < 44 else cell.value[:40] + "…"
        self._text(x, first + len(names) * step + 0.02, value, _fitting(value, _VALUE_POINTS, room), weight="bold", color=self.colors.ink)

    def _text(self, x: float, y: float, text: str, points: float, **how: Any) -> None:
        how.setdefault("ha", "center")
        self.ax.text(x, y, text, va="center", size=max(3.5, points * self.scale), zorder=5, **how)


def _fitting(text: str, points: float, room: float) -> float:
    """The size at which the text takes no more than the room, in inches."""
    inches = sum(_CHARACTER if ord(c) < 0x2E80 else _SQUARE for c in text)
    return min(points, room / inches) if inches else points
