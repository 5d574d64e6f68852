"""Colours and lines of all pictures: one per state, one per kind of arrow. Floor 4. Reading: Okabe and Ito, Color Universal Design.

The hues are told apart with every common kind of colour blindness, and no meaning rests on colour alone: states carry their
names, retransmissions are dashed, lost segments end in mid-air, assumed states are hatched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tcpinspect.errors import UsageError
from tcpinspect.model.state_colors import STATE_COLORS, UNKNOWN_STATE, luminance

_INK, _PAPER = "#1a1a1a", "#ffffff"


class Stroke(NamedTuple):
    """How an arrow of one kind is drawn: colour, width in points, dash pattern (on, off in points; empty: solid)."""

    color: str
    width: float
    dashes: tuple[float, ...] = ()


STROKES: dict[str, Stroke] = {
    "syn": Stroke("#b87400", 1.5),
    "fin": Stroke("#0f5c94", 1.5),
    "reset": Stroke("#c1350b", 1.8),
    "data": Stroke("#1a1a1a", 1.1),
    "control": Stroke("#6b7280", 0.9),
    "retransmission": Stroke("#d55e00", 1.3, (5.0, 2.5)),
    "out_of_order": Stroke("#a3447a", 1.3, (2.0, 2.0)),
    "fold": Stroke("#6b7280", 2.6, (1.0, 1.6)),
}

# On dark paper the same hues, lighter.
_DARK_STROKES: dict[str, Stroke] = {
    "syn": Stroke("#f0b840", 1.5),
    "fin": Stroke("#6db9ee", 1.5),
    "reset": Stroke("#ff7a55", 1.8),
    "data": Stroke("#e8eaed", 1.1),
    "control": Stroke("#9aa3b2", 0.9),
    "retransmission": Stroke("#ff9a3c", 1.3, (5.0, 2.5)),
    "out_of_order": Stroke("#e39bc6", 1.3, (2.0, 2.0)),
    "fold": Stroke("#9aa3b2", 2.6, (1.0, 1.6)),
}

# What happened to a connection in the end. The tones differ in lightness too, and each has a mark of its own.
TONES: dict[str, str] = {"fine": "#1aa67d", "open": "#0f5c94", "unanswered": "#9ca3af", "bad": "#c1350b", "unknown": "#e0a3c4"}
_DARK_TONES: dict[str, str] = {"fine": "#2fc79a", "open": "#5aa9e6", "unanswered": "#7d8694", "bad": "#ff7a55", "unknown": "#e0a3c4"}


@dataclass(frozen=True, slots=True)
class Look:
    """The colours of a picture on light or on dark paper; `hues` are those of curves and marks, by what they show, `fills` those of
    cells that hold text, by `CELLS`. What is forbidden has the colour of a reset."""

    name: str
    ink: str
    quiet: str
    faint: str
    tint: str
    paper: str
    strokes: Mapping[str, Stroke]
    tones: Mapping[str, str]
    hues: Mapping[str, str]
    fills: Mapping[str, str]


# The groups of cells in the pictures of octets. Okabe and Ito's hues, thinned so that black text, or white on dark paper, stands out:
# contrast above 7 with all of them. No meaning rests on the hue: every cell carries its name.
CELLS = ("port", "number", "control", "flag", "window", "check", "option", "data")
_LIGHT_FILLS = ("#cfe6f7", "#c9ebde", "#eceef1", "#fbe3b0", "#d5e3ef", "#e6dcf0", "#f6dbe8", "#f4f5f7")
_DARK_FILLS = ("#17405c", "#14503f", "#2a303a", "#5c4209", "#1b3b57", "#42305a", "#5a2b45", "#1d232c")

LIGHT = Look(
    "light", _INK, "#6b7280", "#d1d5db", "#f4f5f7", _PAPER, STROKES, TONES,
    {
        "data": "#1a1a1a", "ack": "#0e8a66", "window": "#b87400", "sack": "#8a4a9e", "again": "#d1340b", "order": "#a3447a",
        "client": "#b3540a", "server": "#0f5c94", "one": "#0f5c94", "two": "#d55e00", "three": "#0e8a66",
    },
    dict(zip(CELLS, _LIGHT_FILLS, strict=True)),
)  # fmt: skip
DARK = Look(
    "dark", "#e8eaed", "#9aa3b2", "#3b424d", "#1d232c", "#12161c", _DARK_STROKES, _DARK_TONES,
    {
        "data": "#e8eaed", "ack": "#37cf9f", "window": "#f0b840", "sack": "#c79be0", "again": "#ff7a55", "order": "#e39bc6",
        "client": "#ff9a3c", "server": "#6db9ee", "one": "#6db9ee", "two": "#ff9a3c", "three": "#37cf9f",
    },
    dict(zip(CELLS, _DARK_FILLS, strict=True)),
)  # fmt: skip
THEMES: dict[str, Look] = {"light": LIGHT, "dark": DARK}


def look(theme: str | None, background: Any = None) -> Look:
    """The colours of a theme, "light" or "dark"; without a name, those that suit a background (RGBA; none: light).

    Raises UsageError for another name.
    """
    if theme is None:
        return LIGHT if background is None or luminance(background[:3]) > 0.18 or background[3] == 0 else DARK
    if theme not in THEMES:
        raise UsageError(f'no theme "{theme}": there is {", ".join(THEMES)}')
    return THEMES[theme]


# The darkest and the palest of them stand out from dark paper only when changed.
_DARK_STATES = {"TIME-WAIT": "#2f7fbf", "CLOSED": "#7b8492", "LISTEN": "#98a1ae"}


def state_color(state: str, colors: Look = LIGHT) -> str:
    """The colour of a state; grey for one nobody knows."""
    known = STATE_COLORS.get(state, UNKNOWN_STATE)
    return _DARK_STATES.get(state, known) if colors.name == "dark" else known


def settings(families: Sequence[str] = ("DejaVu Sans",)) -> dict[Any, Any]:
    """What a drawing sets for itself and for nobody else (matplotlib.rc_context): text stays text, names stay the same.

    In PDF a TrueType font is embedded as such (42); one with PostScript outlines, as Chinese fonts have, only shows as Type 3.
    """
    return {
        "font.family": list(families),
        "svg.fonttype": "none",
        "svg.hashsalt": "tcpinspect",
        "pdf.fonttype": 42 if len(families) == 1 else 3,
        "hatch.linewidth": 0.6,
        "path.simplify": False,
        "text.usetex": False,
        "text.parse_math": False,
        "axes.unicode_minus": True,
    }
