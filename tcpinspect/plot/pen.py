"""What every drawing begins with: axes to draw into, colours for them, and a language. Floor 4. Reading: none.

Nothing here imports pyplot: a picture of its own is a plain Figure, so no window and no global state is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpinspect.errors import WrongKind
from tcpinspect.plot.shown import shown_axes
from tcpinspect.plot.speech import Speech, speech
from tcpinspect.plot.style import Look, look, settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Left, bottom, right and top margin in inches of a picture with ordinary axes.
MARGINS = (0.9, 0.6, 0.25, 0.7)
# The width of a letter of a note, in inches.
_LETTER = 0.058


class Pen(NamedTuple):
    """The axes, the colours and the language of one drawing; `own`: the figure was made for it; `lang`: what it speaks in fact."""

    ax: Any
    look: Look
    say: Speech
    own: bool
    lang: str


@contextmanager
def pen(
    ax: Axes | None,
    size: tuple[float, float],
    *,
    theme: str | None = None,
    lang: str = "en",
    margins: tuple[float, float, float, float] = MARGINS,
) -> Iterator[Pen]:
    """Draw in here. Without `ax` a new figure of `size` inches is made. Given axes keep the colour of their paper unless `theme` asks.

    Raises UsageError for a theme or language there is not, and for axes that are none.
    """
    import matplotlib

    if ax is not None and not hasattr(ax, "get_window_extent"):
        raise WrongKind(f"ax is a matplotlib Axes, as plt.subplots() gives them, not {ax!r}")

    say, families = speech(lang)
    spoken = lang if len(families) > 1 else "en"
    with matplotlib.rc_context(settings(families)):
        if ax is None:
            colors = look(theme)
            ax = _new_axes(size, margins, colors)
            yield Pen(ax, colors, say, True, spoken)
            return
        background = matplotlib.colors.to_rgba(ax.figure.get_facecolor())
        colors = look(theme, background)
        ax.set_facecolor(colors.paper if theme else background)
        yield Pen(ax, colors, say, False, spoken)


def _new_axes(size: tuple[float, float], margins: tuple[float, float, float, float], colors: Look) -> Axes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = size
    left, bottom, right, top = margins
    figure = Figure(figsize=size, facecolor=colors.paper)
    FigureCanvasAgg(figure)
    place = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    ax: Axes = figure.add_axes(place, axes_class=shown_axes())
    ax.set_facecolor(colors.paper)
    return ax


def bare(pen: Pen) -> None:
    """Axes without axes, on the paper of the picture: those that are switched off do not paint themselves."""
    from matplotlib.patches import Rectangle

    pen.ax.set_axis_off()
    if not pen.own:
        paper = Rectangle((0, 0), 1, 1, transform=pen.ax.transAxes, facecolor=pen.ax.get_facecolor(), zorder=0)
        pen.ax.add_patch(paper)


def scale_of(ax: Any, size: tuple[float, float]) -> float:
    """How much smaller the axes are than a picture of `size` inches wants, at most 1: texts shrink with them."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return float(min(1.0, box.width / size[0], box.height / size[1]))


def frame(pen: Pen, *, title: str, x: str, y: str, notes: Sequence[str] = ()) -> None:
    """The usual axes: title above, what the picture leaves out or assumes below it, thin spines, a faint grid."""
    ax, colors = pen.ax, pen.look
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(colors.faint)
    ax.grid(True, color=colors.faint, linewidth=0.5, alpha=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(color=colors.faint, labelcolor=colors.ink, labelsize=8)
    ax.set_xlabel(x, size=8.5, color=colors.quiet)
    ax.set_ylabel(y, size=8.5, color=colors.quiet)
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    lines = packed(notes, box.width)
    if title:
        ax.set_title(title, loc="left", size=10, weight="bold", color=colors.ink, pad=8 + 11 * len(lines))
    if lines:
        ax.annotate("\n".join(lines), (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points", size=7.5, linespacing=1.2,
                    color=colors.quiet)  # fmt: skip


def packed(notes: Sequence[str], inches: float) -> list[str]:
    """The notes, several on a line as far as its width goes."""
    lines: list[str] = []
    for note in filter(None, notes):
        longer = f"{lines[-1]}  {note}" if lines else note
        if lines and sum(_LETTER if ord(letter) < 0x2E80 else 2 * _LETTER for letter in longer) <= inches:
            lines[-1] = longer
        else:
            lines.append(note)
    return lines


def legend(pen: Pen, **options: Any) -> None:
    """The legend in the colours of the picture, without a box."""
    handles, names = pen.ax.get_legend_handles_labels()
    if handles:
        shown = pen.ax.legend(
            handles, names, fontsize=7.5, frameon=True, framealpha=0.85, facecolor=pen.look.paper, edgecolor="none",
            labelcolor=pen.look.ink, **options,
        )  # fmt: skip
        shown.set_zorder(20)


def empty(pen: Pen, text: str) -> None:
    """Say in the middle of the axes why there is nothing to see."""
    pen.ax.text(0.5, 0.5, text, transform=pen.ax.transAxes, ha="center", va="center", color=pen.look.quiet, size=10)
