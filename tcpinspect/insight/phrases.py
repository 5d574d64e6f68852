"""Numbers and times as people read them: one spelling for every text, page and table. Floor 3. Reading: none, pure functions.

Every function takes the units of the tables (ns, octets) and returns text; None, the tables' unknown, becomes an en dash.
"""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "–"
_SECOND = 1_000_000_000
_UNITS = ((_SECOND, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def duration(ns: int | None) -> str:
    """A duration in the unit that suits it, three digits that count: `312 µs`, `1.25 s`, `2 min 5 s`, `3 h 2 min`."""
    if ns is None:
        return UNKNOWN
    if ns < 0:
        return "−" + duration(-ns)
    if ns == 0:
        return "0 s"
    if ns >= 100 * _SECOND:
        return _long_duration(round(ns / _SECOND))
    for size, unit in _UNITS:
        if _fills(ns, size):
            return f"{_three_digits(ns / size)} {unit}"
    return UNKNOWN


def _long_duration(seconds: int) -> str:
    for size, unit, part, part_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit}" + (f" {rest // part} {part_unit}" if rest // part else "")
    return f"{seconds} s"


def _fills(value: int, size: int) -> bool:
    """Whether three digits of a value are at least one such unit: 999.6 ms are 1 s, not 1000 ms."""
    return 2000 * value >= 1999 * size


def _three_digits(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def number(value: int | None) -> str:
    """An integer with commas between its thousands."""
    return UNKNOWN if value is None else f"{value:,}"


def octets(value: int | None) -> str:
    """A number of octets in decimal units, exact below 10,000: `1 byte`, `9,999 bytes`, `1.25 MB`."""
    if value is None:
        return UNKNOWN
    if abs(value) < 10_000:
        return count(value, "byte")
    for size, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if _fills(abs(value), size):
            return f"{_three_digits(value / size)} {unit}"
    return count(value, "byte")


def size(value: int | None) -> str:
    """The same for a narrow column: `0 B`, `9,999 B`, `1.25 MB`."""
    return f"{value:,} B" if value is not None and abs(value) < 10_000 else octets(value)


def count(value: int, noun: str, plural: str = "") -> str:
    """A number and its noun: `no packets`, `1 packet`, `2 packets`."""
    if value == 0:
        return f"no {plural or noun + 's'}"
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def times(value: int) -> str:
    """How often: `never`, `once`, `twice`, `7 times`."""
    return {0: "never", 1: "once", 2: "twice"}.get(value, f"{value:,} times")


def moment(ns: int | None, *, digits: int = 6) -> str:
    """A time since 1970 as UTC, `2026-01-31 12:00:00.000000 UTC`; a time beyond the calendar as plain seconds."""
    if ns is None:
        return UNKNOWN
    seconds, rest = divmod(ns, _SECOND)
    fraction = f".{rest:09d}"[: digits + 1] if digits else ""
    try:
        day = datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return f"{seconds}{fraction} s"
    return f"{day:%Y-%m-%d %H:%M:%S}{fraction} UTC"


def since(ns: int | None, start_ns: int | None, *, digits: int = 6) -> str:
    """A time as seconds since another, `+0.001250 s`, cut after at most nine `digits`: the column beside a timeline."""
    if ns is None or start_ns is None:
        return UNKNOWN
    delta = ns - start_ns
    sign = "−" if delta < 0 else "+"
    seconds, rest = divmod(abs(delta), _SECOND)
    return f"{sign}{seconds}.{rest:09d}"[: len(f"{sign}{seconds}.") + digits] + " s"


def listing(words: list[str], conjunction: str = "and") -> str:
    """Words in a sentence: `a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"


def rfc_reference(section: str | None) -> str:
    """A table's `rfc` in full: `3.10.7.4` is of RFC 9293, `RFC 6191 2` says its own number."""
    if not section:
        return UNKNOWN
    if section.startswith("RFC "):
        parts = section.split(" ")
        return f"RFC {parts[1]}" + (f" §{parts[2]}" if len(parts) > 2 else "")
    return f"RFC 9293 §{section}" if section[0].isdigit() else section
