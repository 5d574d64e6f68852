"""In which state each side was before and after a frame, by the timeline. Floor 3. Reading: RFC 9293 §3.3.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SIDES = ("client", "server")


class States:
    """The steps of one connection, to be asked by frame."""

    def __init__(self, timeline: Sequence[Any]) -> None:
        self._steps: dict[str, list[Any]] = {side: [step for step in timeline if step.side == side] for side in SIDES}

    def steps(self, frame: int) -> list[Any]:
        """The steps that this frame causes or first proves, both sides."""
        return [step for side in SIDES for step in self._steps[side] if step.frame == frame]

    def state(self, side: str, frame: int, *, after: bool = False) -> str | None:
        """The state of a side before this frame, or after it; None for a side of which the timeline knows nothing.

        A step without a frame (nothing on the wire shows it) counts as taken just before the next one that has a frame.
        """
        steps = self._steps[side]
        if not steps:
            return None
        state: str = steps[0].from_state
        waiting: str | None = None
        for step in steps:
            if step.frame is None:
                waiting = step.to_state
            elif step.frame < frame or (after and step.frame == frame):
                state, waiting = step.to_state, None
            else:
                return waiting if waiting is not None and step.frame == frame else state
        return state
