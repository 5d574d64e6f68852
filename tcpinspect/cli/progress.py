"""How far the reading is, on one line of the terminal that goes away again. Floor 5.

Only where stderr is a terminal, and only when the work lasts: what is done in half a second needs no telling. The line has no
colours and no escape sequences: a carriage return and spaces move and clear it on every terminal.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PATIENCE_S = 0.5
_EVERY_S = 0.1


class Progress:
    """Call it with the octets and packets read so far. `total`: octets of all files, None when one is a pipe or grows."""

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._begun = self._shown = time.monotonic()
        self._width = 0

    def __call__(self, octets: int, packets: int) -> None:
        now = time.monotonic()
        done = self._total is not None and octets >= self._total
        if now - self._begun < _PATIENCE_S or (now - self._shown < _EVERY_S and not done):
            return
        self._shown = now
        self._put(line(octets, packets, now - self._begun, self._total))

    def _put(self, text: str) -> None:
        import shutil

        text = text[: shutil.get_terminal_size().columns - 1]
        self._write("\r" + text.ljust(self._width))
        self._width = len(text)

    def clear(self) -> None:
        """Leave an empty line with the cursor at its start."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # nobody looks any more
            self._total = None


def line(octets: int, packets: int, seconds: float, total: int | None) -> str:
    """The words of the line: share, octets, packets, packets a second, time left (from the rate so far)."""
    rate = f"{packets:,} packets, {packets / seconds:,.0f}/s"
    if not total:
        return f"{_size(octets)}, {rate}"
    if octets >= total:
        return f"all of {_size(total)} read, {packets:,} packets; putting the connections together"
    left = seconds * (total - octets) / max(octets, 1)
    return f"{100 * octets // total} % of {_size(total)}, {rate}, {_time(left)} left"


def _size(octets: int) -> str:
    value, unit = float(octets), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress(files: Sequence[str], *, follow: bool, wanted: bool) -> Iterator[Progress | None]:
    """The progress of reading these files; None where it is not wanted or stderr is no terminal."""
    if not wanted or not _terminal():
        yield None
        return
    shown = Progress(None if follow else _octets(files))
    try:
        yield shown
    finally:
        shown.clear()


def _terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (ValueError, AttributeError):
        return False


def _octets(files: Sequence[str]) -> int | None:
    try:
        if any(file == "-" or not os.path.isfile(file) for file in files):
            return None
        return sum(os.path.getsize(file) for file in files)
    except OSError:
        return None
