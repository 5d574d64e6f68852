"""The colour of each state, the same in pictures, pages and notebooks. Floor 3. Reading: Okabe and Ito, Color Universal Design.

Opening is warm, open green, closing blue at the first closer and purple at the other; where there is nothing: grey.
"""

from __future__ import annotations

from collections.abc import Sequence

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
DARK_INK, LIGHT_INK = "#1a1a1a", "#ffffff"


def readable(background: str) -> str:
    """Black or white for a text, whichever stands out more from the colour (WCAG's luminance)."""
    light = luminance([int(background[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    return DARK_INK if (light + 0.05) ** 2 > 1.05 * 0.06 else LIGHT_INK


def luminance(rgb: Sequence[float]) -> float:
    """WCAG's relative luminance, 0 to 1, of red, green and blue from 0 to 1."""
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
