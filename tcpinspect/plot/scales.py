"""Units of axes, and which of many texts have room in a picture. Floor 4. Reading: none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tcpinspect.insight.phrases import duration

_SECOND = 1_000_000_000
_STEPS = ((1_000, "ns", 1), (1_000_000, "µs", 1_000), (_SECOND, "ms", 1_000_000), (600 * _SECOND, "s", _SECOND))


def time_unit(longest_ns: int) -> tuple[str, int]:
    """The unit for an axis that goes to `longest_ns`, and how many ns it has."""
    for below, unit, size in _STEPS:
        if longest_ns < below:
            return unit, size
    return ("min", 60 * _SECOND) if longest_ns < 180 * 60 * _SECOND else ("h", 3600 * _SECOND)


def amount_unit(most: float, unit: str) -> tuple[str, float]:
    """A decimal multiple of `unit` that keeps the numbers of an axis short."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if most >= size * 2:
            return f"{prefix}{unit}" if unit != "bytes" else {"G": "GB", "M": "MB", "k": "kB"}[prefix], size
    return unit, 1.0


def duration_ticks(axis: Any, least: float, most: float) -> None:
    """Write the ticks of a logarithmic axis of ns as durations: 1 µs, 10 ms, 1 s; over a short range also 2 and 5 of them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    words = FuncFormatter(lambda ns, _: duration(round(ns)) if ns >= 1 else "")
    axis.set_major_formatter(words)
    axis.set_minor_formatter(NullFormatter())
    if most < 300 * least:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if most > 4 * least else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)))


class Room:
    """Where on the axes something is written already. Positions in inches from the lower left corner."""

    _GRAIN = 0.02

    def __init__(self, width: float, height: float) -> None:
        import numpy as np

        self._taken = np.zeros((int(width / self._GRAIN) + 2, int(height / self._GRAIN) + 2), dtype=bool)

    def take(self, left: float, bottom: float, width: float, height: float) -> bool:
        """Whether the rectangle is free and within the axes; then it is taken."""
        a, b = int(left / self._GRAIN), int(bottom / self._GRAIN)
        c, d = a + int(width / self._GRAIN) + 1, b + int(height / self._GRAIN) + 1
        if a < 0 or b < 0 or c > self._taken.shape[0] or d > self._taken.shape[1] or self._taken[a:c, b:d].any():
            return False
        self._taken[a:c, b:d] = True
        return True


def joined(parts: Iterable[str]) -> str:
    """The notes of a picture on one line."""
    return "  ".join(part for part in parts if part)
