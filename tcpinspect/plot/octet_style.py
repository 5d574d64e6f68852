"""Colours, paper and letters of the pictures of octets: one hue for each group of fields, light and dark. Floor 4. Reading: Okabe and Ito.

No meaning rests on the hue: every cell carries its name, and what is forbidden has a thick border and a remark.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpinspect.errors import UsageError
from tcpinspect.plot.shown import shown_axes
from tcpinspect.plot.style import DARK, LIGHT, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LANGUAGES = ("en", "zh")


class Paper(NamedTuple):
    """The colours of a picture: ink, quiet and faint ink, the paper, what marks a fault, and a fill for each group of cells."""

    ink: str
    quiet: str
    faint: str
    paper: str
    fault: str
    fills: dict[str, str]


_GROUPS = ("port", "number", "control", "flag", "window", "check", "option", "data")
# Okabe and Ito's hues, thinned so that black (or, on dark paper, white) text stands out: contrast above 7 with all of them.
_LIGHT_FILLS = ("#cfe6f7", "#c9ebde", "#eceef1", "#fbe3b0", "#d5e3ef", "#e6dcf0", "#f6dbe8", "#f4f5f7")
_DARK_FILLS = ("#17405c", "#14503f", "#2a303a", "#5c4209", "#1b3b57", "#42305a", "#5a2b45", "#1d232c")
THEMES: dict[str, Paper] = {
    "light": Paper(LIGHT.ink, LIGHT.quiet, LIGHT.faint, LIGHT.paper, "#c1350b", dict(zip(_GROUPS, _LIGHT_FILLS, strict=True))),
    "dark": Paper(DARK.ink, DARK.quiet, "#56606e", DARK.paper, "#ff7a55", dict(zip(_GROUPS, _DARK_FILLS, strict=True))),
}
# Families with simplified Chinese, free ones first.
_CHINESE_FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
                  "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei", "SimHei", "Noto Serif CJK SC")  # fmt: skip


@contextmanager
def sheet(ax: Axes | None, size: tuple[float, float], theme: str, lang: str) -> Iterator[tuple[Any, Paper, bool]]:
    """The axes to draw into (a new figure of `size` inches without `ax`), the colours, and whether to speak Chinese.

    Raises UsageError for a theme or language there is not. Where no font has Chinese, warns and speaks English.
    """
    if theme not in THEMES:
        raise UsageError(f'no theme "{theme}": there is {", ".join(THEMES)}')
    if lang not in LANGUAGES:
        raise UsageError(f'no language "{lang}" for pictures: there is {", ".join(LANGUAGES)}')
    font = chinese_font() if lang == "zh" else None
    if lang == "zh" and font is None:
        warnings.warn("no font with Chinese characters was found, so the picture is in English: install fonts-noto-cjk", stacklevel=4)
    import matplotlib

    colors = THEMES[theme]
    chosen = settings() | ({"font.family": ["DejaVu Sans", font]} if font else {})
    with matplotlib.rc_context(chosen):
        if ax is None:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure

            figure = Figure(figsize=size, facecolor=colors.paper)
            FigureCanvasAgg(figure)
            ax = figure.add_axes((0.0, 0.0, 1.0, 1.0), axes_class=shown_axes())
        elif theme != "light":  # axes that are switched off do not paint themselves
            from matplotlib.patches import Rectangle

            ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, facecolor=colors.paper, zorder=0))
        ax.set_axis_off()
        yield ax, colors, font is not None


@cache
def chinese_font() -> str | None:
    """An installed family with Chinese characters."""
    from matplotlib import font_manager

    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return next((name for name in _CHINESE_FONTS if name in known), None)


def svg_of(ax: Any) -> str:
    """The picture as SVG for a page or a notebook, the same text for the same picture."""
    import io

    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context(settings()):
        ax.get_figure().savefig(out, format="svg", metadata={"Creator": "tcpinspect", "Date": None})
    return out.getvalue()[out.getvalue().index("<svg") :]


def scale_of(ax: Any, size: tuple[float, float]) -> float:
    """How much smaller than wanted the axes are, at most 1: texts shrink with them."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return float(min(1.0, box.width / size[0], box.height / size[1]))
