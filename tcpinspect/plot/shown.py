"""Axes that a notebook shows as their picture. Floor 4. Reading: IPython's display protocol (`_repr_png_`).

The pictures are made without pyplot, so no notebook would find them by itself: `ti.plot.ladder(connection)` at the end of a
cell shows the picture because these axes draw themselves, once, when they are asked to.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from tcpinspect.plot.style import settings

# Twice the dots of an ordinary screen, shown at half the size: sharp also where dots are small.
_DPI = 192
_SHOWN_DPI = 96


@cache
def shown_axes() -> type[Any]:
    """The class for `figure.add_axes(..., axes_class=)`; made when first asked for, since matplotlib is loaded late."""
    from matplotlib.axes import Axes

    class ShownAxes(Axes):
        """Axes of a figure of their own, which a notebook shows."""

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            return png(self)

    return ShownAxes


def png(ax: Any) -> tuple[bytes, dict[str, int]]:
    """The figure of these axes as PNG, and the width at which a notebook shows it."""
    import matplotlib
    from matplotlib.text import Text

    figure, out = ax.get_figure(), io.BytesIO()
    families: list[str] = max((text.get_fontfamily() for text in figure.findobj(Text)), key=len, default=[])
    with matplotlib.rc_context(settings(families) if families else settings()):
        figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": "tcpinspect"}, facecolor="auto")
    return out.getvalue(), {"width": round(figure.get_figwidth() * _SHOWN_DPI)}
