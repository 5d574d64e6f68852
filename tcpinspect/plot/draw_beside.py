"""Several ladders in one picture: a column an exchange, its connections below each other. Floor 4. Reading: RFC 9293 §3.5 (figure 8).

For what is learnt by comparing: an exchange as it is beside what it would be otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpinspect.errors import UsageError
from tcpinspect.plot.draw_ladder import ladder, size_of
from tcpinspect.plot.layout import ladder as laid_out
from tcpinspect.plot.style import look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEAD, _GAP = 0.55, 0.25  # inches
_MOST = 12  # ladders; more are no picture that anybody reads


class Column(NamedTuple):
    """An exchange: what stands above it, and its connections."""

    title: str
    connections: Sequence[Any]


def beside(columns: Sequence[Column], *, theme: str = "light", lang: str = "en") -> Figure:
    """Draw the ladders of each column's connections, the columns side by side with their titles; returns the figure.

    Each ladder has its own clock. `theme` is "light" or "dark", `lang` "en" or "zh". Raises UsageError for no ladder at all, or
    for more than twelve.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = sum(len(column.connections) for column in columns)
    if not 0 < count <= _MOST:
        raise UsageError(f"{count} connections in one picture: there must be one, and at most {_MOST} can be read")
    sizes = [[size_of(laid_out(one)) for one in column.connections] for column in columns]
    widths = [max((width for width, _ in own), default=_GAP) for own in sizes]
    width = sum(widths) + _GAP * (len(columns) - 1)
    height = _HEAD + max(sum(tall + _GAP for _, tall in own) for own in sizes)
    colors = look(theme)
    figure = Figure(figsize=(width, height), facecolor=colors.paper)
    FigureCanvasAgg(figure)
    left = 0.0
    for column, own, wide in zip(columns, sizes, widths, strict=True):
        middle, top = (left + wide / 2) / width, height - _HEAD
        figure.text(middle, 1 - _HEAD / 2 / height, column.title, ha="center", va="center", size=12, weight="bold", color=colors.ink)
        for connection, (_, tall) in zip(column.connections, own, strict=True):
            ax = figure.add_axes((left / width, (top - tall) / height, wide / width, tall / height))
            ladder(connection, theme=theme, lang=lang, ax=ax)
            top -= tall + _GAP
        left += wide + _GAP
    return figure
