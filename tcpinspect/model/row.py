"""A row of one of the four tables: a named tuple with the schema's column names, values int, bool, str or None. Floor 3."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

from tcpinspect.schema import TABLES

Row = Any
ROW_TYPES: dict[str, Callable[..., Row]] = {
    name: namedtuple(name.capitalize().rstrip("s"), [c.name for c in columns])  # noqa: PYI024
    for name, columns in TABLES.items()
}
# pickle, and with it every pool of processes, looks for a row's type under its name here.
globals().update({kind.__name__: kind for kind in ROW_TYPES.values()})
