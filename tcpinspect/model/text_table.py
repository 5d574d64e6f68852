"""Tables for people: columns as wide as their content, fitted to the terminal, every text made printable. Floor 3.

What a capture holds is hostile: control characters, escape sequences and characters that reverse the direction of
writing are shown as escapes, never sent to the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from tcpinspect.model.table import printable

_SAMPLE = 500  # rows read ahead to choose the widths
_GAP = "  "


class TextColumn(NamedTuple):
    """One column on the screen. Numbers are set to the right and never cut; a text is cut down to `least` characters, of
    which the last `tail` are its end (the port of an endpoint), or with `wrap` continued below, not cut. On a narrow screen
    the highest `rank` is left out first."""

    heading: str
    text: Callable[[Any], str]
    right: bool = False
    rank: int = 0
    least: int = 8
    tail: int = 0
    wrap: bool = False


class TextTable:
    """Lines of a table. `width` in characters, None: as wide as it gets. `every` keeps columns that do not fit: the lines
    are then longer; otherwise `left_out` names them."""

    def __init__(
        self, columns: Sequence[TextColumn], rows: Iterable[Any], *, width: int | None = None, every: bool = False, ellipsis: str = "…"
    ) -> None:
        self._rows = iter(rows)
        self._ellipsis = ellipsis
        self._cut = width is not None
        sample = list(islice(self._rows, _SAMPLE))
        texts = [[printable(column.text(row)) for row in sample] for column in columns]
        natural = [max([len(column.heading), *map(len, cells)]) for column, cells in zip(columns, texts, strict=True)]
        kept, self._widths = _fit(columns, natural, width, every)
        self._columns = [columns[i] for i in kept]
        self._sample = list(zip(*(texts[i] for i in kept), strict=True))
        self.left_out: list[str] = [column.heading for i, column in enumerate(columns) if i not in kept]

    def lines(self) -> Iterator[str]:
        """The heading and the rows, without line ends; rows are read as they are needed."""
        yield self._line([column.heading for column in self._columns])
        later = ([printable(column.text(row)) for column in self._columns] for row in self._rows)
        wrapping = [i for i, column in enumerate(self._columns) if column.wrap] if self._cut else []
        for cells in chain(self._sample, later):
            if wrapping and any(len(cells[i]) > self._widths[i] for i in wrapping):
                yield from self._wrapped(list(cells), wrapping)
            else:
                yield self._line(cells)

    def _wrapped(self, cells: list[str], wrapping: list[int]) -> Iterator[str]:
        """A row whose long texts go on in lines of their own."""
        import textwrap

        parts = {i: textwrap.wrap(cells[i], self._widths[i]) or [""] for i in wrapping}
        for n in range(max(map(len, parts.values()))):
            for i, lines in parts.items():
                cells[i] = lines[n] if n < len(lines) else ""
            yield self._line(cells)
            cells = [""] * len(cells)

    def _line(self, cells: Sequence[str]) -> str:
        parts = []
        for column, cell, width in zip(self._columns, cells, self._widths, strict=True):
            if column.right:
                parts.append(cell.rjust(width))
            elif self._cut and len(cell) > width:
                start, end = width - len(self._ellipsis) - column.tail, len(cell) - column.tail
                parts.append(cell[:start] + self._ellipsis + cell[end:])
            else:
                parts.append(cell.ljust(width))
        return _GAP.join(parts).rstrip()


def _fit(columns: Sequence[TextColumn], natural: list[int], width: int | None, every: bool) -> tuple[list[int], list[int]]:
    """Which columns stay and how wide: texts give way, the widest first; if that is not enough, whole columns go."""
    kept = list(range(len(columns)))
    if width is None:
        return kept, natural
    least = [
        size if column.right else min(size, max(column.least, len(column.heading)))
        for column, size in zip(columns, natural, strict=True)
    ]  # fmt: skip
    while not every and len(kept) > 1 and sum(least[i] for i in kept) + len(_GAP) * (len(kept) - 1) > width:
        kept.remove(max(kept, key=lambda i: (columns[i].rank, i)))
    widths = [natural[i] for i in kept]
    excess = sum(widths) + len(_GAP) * (len(kept) - 1) - width
    while excess > 0:
        flexible = [k for k, i in enumerate(kept) if widths[k] > least[i]]
        if not flexible:
            break
        widths[max(flexible, key=lambda k: widths[k])] -= 1
        excess -= 1
    return kept, widths
