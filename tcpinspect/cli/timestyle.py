"""Times on the screen in tshark's styles. Floor 5. Tables in machine formats always hold ns since 1970 UTC instead.

a, ad local time (with date); u, ud UTC (with date); e seconds since 1970; r since the first packet of the capture;
d, dd since the row printed before (the difference between both in tshark, hidden packets, does not exist here).
"""

from __future__ import annotations

import time

STYLES = ("a", "ad", "d", "dd", "e", "r", "u", "ud")
_SECOND = 1_000_000_000


class TimeStyle:
    """Writes times of one table, rows in their order (d and dd remember the row before)."""

    def __init__(self, style: str, first_ns: int | None, *, nanoseconds: bool = False) -> None:
        """`first_ns` is where style r counts from; `nanoseconds` shows nine decimals instead of six."""
        self._style = style
        self._first = first_ns
        self._digits = 9 if nanoseconds else 6
        self._previous: int | None = None

    def text(self, ns: int | None) -> str:
        """The time, "" for unknown."""
        if ns is None:
            return ""
        if self._style in ("d", "dd"):
            previous, self._previous = self._previous, ns
            return self._seconds(0 if previous is None else ns - previous)
        if self._style == "r":
            return self._seconds(ns - (self._first if self._first is not None else ns))
        if self._style == "e":
            return self._seconds(ns)
        return self._clock(ns)

    def _fraction(self, ns: int) -> str:
        return f"{ns % _SECOND:09d}"[: self._digits]

    def _seconds(self, ns: int) -> str:
        sign = "-" if ns < 0 else ""
        return f"{sign}{abs(ns) // _SECOND}.{self._fraction(abs(ns))}"

    def _clock(self, ns: int) -> str:
        pattern = "%Y-%m-%d %H:%M:%S" if self._style.endswith("d") else "%H:%M:%S"
        try:
            moment = (time.gmtime if self._style.startswith("u") else time.localtime)(ns // _SECOND)
            return f"{time.strftime(pattern, moment)}.{self._fraction(ns)}"
        except (OverflowError, ValueError, OSError):  # a time beyond the calendar, from a damaged capture
            return self._seconds(ns)
