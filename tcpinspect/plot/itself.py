"""The steps of a connection for its pictures: a socket connected to itself shows them at both rails. Floor 4.

Reading: RFC 9293 §3.5 (simultaneous open, which is how a socket reaches itself).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

UNKNOWN = "unknown"
_FIELDS = ("side", "frame", "time_ns", "from_state", "to_state", "event", "evidence", "rfc")


def steps_of(connection: Any) -> Sequence[Any]:
    """The timeline; where both ends are one socket and only one side has steps, the other side gets the same."""
    steps = [_known(step) for step in connection.timeline]
    sides = {step.side for step in steps}
    if len(sides) != 1 or str(connection.client) != str(connection.server):
        return steps
    other = "server" if sides == {"client"} else "client"
    return [*steps, *(_changed(step, side=other) for step in steps)]


def _known(step: Any) -> Any:
    """The step itself, or one that says `unknown` where the timeline leaves a state open."""
    if step.from_state is not None and step.to_state is not None:
        return step
    return _changed(step, from_state=step.from_state or UNKNOWN, to_state=step.to_state or UNKNOWN)


def _changed(step: Any, **values: str) -> Any:
    return SimpleNamespace(**{**{name: getattr(step, name) for name in _FIELDS}, **values})
