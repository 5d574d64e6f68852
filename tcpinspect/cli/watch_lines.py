"""A line for every step of a side, for people or as ndjson. Floor 5."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tcpinspect.cli.timestyle import TimeStyle
from tcpinspect.insight.phrases import duration
from tcpinspect.model.address import endpoint_text

if TYPE_CHECKING:
    from tcpinspect.model.watching import Step


class StepLines:
    """Writes steps to stdout as they come, and what is written is out at once."""

    def __init__(self, format: str, style: str) -> None:
        self._json = format == "ndjson"
        self._style, self._times = style, None if self._json else TimeStyle(style, None)
        self._first = True

    def write(self, steps: Sequence[Step], kernel_ns: Sequence[int | None] | None = None) -> None:
        """The next steps; `kernel_ns`: when the kernel set each state, as far as it said."""
        if not steps:
            return
        told = zip(steps, kernel_ns or [None] * len(steps), strict=True)
        if self._json:
            lines = [json.dumps({**step._asdict(), "kernel_ns": at}, ensure_ascii=True, separators=(",", ":")) for step, at in told]
        else:
            lines = [self._text(step, at) for step, at in told]
        _write("\n".join(lines) + "\n")

    def _text(self, step: Step, kernel_ns: int | None) -> str:
        if self._first and step.time_ns is not None:
            self._times, self._first = TimeStyle(self._style, step.time_ns), False
        assert self._times is not None
        time = self._times.text(step.time_ns) or "-"
        void = f" (instead of {step.takes_back} earlier)" if step.takes_back else ""
        return (
            f"{time} #{step.stream} {step.side} {endpoint_text(step.address, step.port)} "
            f"{step.from_state} > {step.to_state} {step.event} {step.evidence}{void}{_beside(step.time_ns, kernel_ns)}"
        )


def _beside(time_ns: int | None, kernel_ns: int | None) -> str:
    """How long before or after the segment the kernel set the state."""
    if time_ns is None or kernel_ns is None:
        return ""
    return f" (kernel {duration(abs(kernel_ns - time_ns))} {'later' if kernel_ns >= time_ns else 'earlier'})"


def _write(text: str) -> None:
    """Write to stdout, whole: a signal may come while a slow reader holds the write up, and every octet still has its place."""
    try:
        out = sys.stdout.fileno()
    except OSError:  # no file of the system behind it
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    rest = memoryview(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
    while rest:
        rest = rest[os.write(out, rest) :]
