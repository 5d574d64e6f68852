"""Keep a tap and a sink going until a limit is reached, somebody stops it, or it breaks. Floor 1."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tcpinspect.capture.live.files import WriteFailed
from tcpinspect.capture.live.frames import Frames
from tcpinspect.capture.live.ring import InterfaceGone
from tcpinspect.capture.live.tap import Counts, Tap
from tcpinspect.errors import CaptureError

_TICK_S = 0.2


class Sink(Protocol):
    """What takes records: files, lines on a terminal."""

    counts: Counts
    full: bool

    def write(self, records: Frames, first: int, last: int) -> int:
        """Take records first … last − 1; how many were taken, fewer when `full`."""
        ...

    def finish(self) -> None:
        """No more will come."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop by itself; None: never for that reason. The sink knows further ones."""

    packets: int | None = None
    duration_s: float | None = None

    def __bool__(self) -> bool:
        return self.packets is not None or self.duration_s is not None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a capture ended: `reached` a limit, was stopped, or broke with `trouble`."""

    counts: Counts
    written: int
    reached: bool
    trouble: CaptureError | None


class Recorder:
    """Moves packets from the tap to the sink. `written` counts those that the sink took."""

    def __init__(self, tap: Tap, sink: Sink, limits: Limits) -> None:
        self.tap, self.sink, self.limits = tap, sink, limits
        self.written = 0
        self._asked = False

    def stop(self) -> None:
        """End soon, with everything that has come in by now. From any thread, and from a signal handler."""
        self._asked = True
        self.tap.wake()

    def run(self, tick: Callable[[], None] | None = None) -> Ending:
        """Record until the end. `tick` is called a few times a second; the tap stays open. An exception from either passes."""
        reached, trouble = False, None
        try:
            reached = self._record(tick)
        except (InterfaceGone, WriteFailed) as error:
            trouble = error
            self.written += error.records if isinstance(error, WriteFailed) else 0
        finally:
            self.tap.stop()
            self.sink.counts = self.tap.counts()
            self.sink.finish()
        return Ending(self.sink.counts, self.written, reached, trouble)

    def _record(self, tick: Callable[[], None] | None) -> bool:
        now = time.monotonic()
        deadline = now + self.limits.duration_s if self.limits.duration_s is not None else None
        next_tick, reached = now, False
        while not self.tap.drained:
            count = self.tap.next_batch(_TICK_S if deadline is None else max(0.0, min(_TICK_S, deadline - now)))
            if count and self._take(count):
                return True
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                reached = True
            if self._asked or reached:
                self.tap.stop()
            if now >= next_tick:
                next_tick = now + _TICK_S
                self.sink.counts = self.tap.counts()
                if tick:
                    tick()
        return reached

    def _take(self, count: int) -> bool:
        """Hand a batch on; whether that was the last."""
        most = count if self.limits.packets is None else min(count, self.limits.packets - self.written)
        self.written += self.sink.write(self.tap.records, 0, most)
        return self.sink.full or self.written == self.limits.packets
