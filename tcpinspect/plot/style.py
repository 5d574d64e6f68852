"""Colours and lines of all pictures: one per state, one per kind of arrow. Floor 4. Reading: Okabe and Ito, Color Universal Design.

The hues are told apart with every common kind of colour blindness, and no meaning rests on colour alone: states carry their
names, retransmissions are dashed, lost segments end in mid-air, assumed states are hatched.
"""

from __future__ import annotations

from typing import Any, NamedTuple

INK = "#1a1a1a"
QUIET = "#6b7280"
FAINT = "#d1d5db"
PAPER = "#ffffff"

# Opening warm, open green, closing by the first closer blue, by the other purple; nothing there: grey.
STATE_COLORS: dict[str, str] = {
    "CLOSED": "#d4d7dd",
    "LISTEN": "#aab2bd",
    "SYN-SENT": "#f0c04a",
    "SYN-RECEIVED": "#e69f00",
    "ESTABLISHED": "#1aa67d",
    "FIN-WAIT-1": "#8fcbf0",
    "FIN-WAIT-2": "#56b4e9",
    "CLOSING": "#2f86c5",
    "TIME-WAIT": "#0f5c94",
    "CLOSE-WAIT": "#e0a3c4",
    "LAST-ACK": "#c4699b",
}
UNKNOWN_STATE = "#9ca3af"


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

# How an outcome is coloured, by the tones of insight.meanings.
TONES: dict[str, str] = {"fine": "#1aa67d", "open": "#0f5c94", "bad": "#c1350b"}


def state_color(state: str) -> str:
    """The colour of a state; grey for one nobody knows."""
    return STATE_COLORS.get(state, UNKNOWN_STATE)


def readable(background: str) -> str:
    """Black or white for a text, whichever stands out more from the colour (WCAG's luminance)."""
    parts = [int(background[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (luminance + 0.05) ** 2 > 1.05 * 0.06 else PAPER


def settings() -> dict[Any, Any]:
    """What a drawing sets for itself and for nobody else (matplotlib.rc_context): text stays text, names stay the same."""
    return {
        "font.family": ["DejaVu Sans"],
        "svg.fonttype": "none",
        "svg.hashsalt": "tcpinspect",
        "pdf.fonttype": 42,
        "hatch.linewidth": 0.6,
        "path.simplify": False,
        "text.usetex": False,
        "text.parse_math": False,
    }
