"""Write a picture to a file, the same bytes for the same picture. Floor 4. Reading: none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tcpinspect.errors import UsageError, WrongKind
from tcpinspect.plot.speech import BASE_FONT
from tcpinspect.plot.style import settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
# No date and no version of the library: a picture changes only when what it shows does.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": "tcpinspect"},
    ".svg": {"Creator": "tcpinspect", "Date": None},
    ".pdf": {"Creator": "tcpinspect", "Producer": "tcpinspect", "CreationDate": None},
}
_DPI = 150


def save(picture: Axes | Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure of these axes (or a figure) as PNG, SVG (its text stays text) or PDF, by the ending of `path`.

    Raises UsageError for another ending, OSError where the file cannot be written.
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{os.fspath(path)} has no ending that says which picture it is: use {', '.join(SUFFIXES)}")
    if not hasattr(picture, "findobj"):
        raise WrongKind(f"a picture is saved from its axes or figure, as plot.ladder() and the others give them, not from {picture!r}")
    import matplotlib
    from matplotlib.text import Text

    figure = picture if not hasattr(picture, "get_figure") or picture.get_figure() is None else picture.get_figure()
    families = max((text.get_fontfamily() for text in figure.findobj(Text)), key=len, default=[])  # type: ignore[union-attr]
    with matplotlib.rc_context(settings(families or [BASE_FONT])):
        figure.savefig(path, format=suffix[1:], dpi=_DPI, metadata=_METADATA[suffix], facecolor="auto")  # type: ignore[union-attr]


def svg_of(picture: Axes) -> str:
    """The picture as SVG for a page or a notebook, from its `<svg` on: the same text for the same picture."""
    import io

    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context(settings()):
        picture.get_figure().savefig(out, format="svg", metadata=_METADATA[".svg"])  # type: ignore[union-attr]
    return out.getvalue()[out.getvalue().index("<svg") :]
