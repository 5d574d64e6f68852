"""Where watched packets come from: an interface as they pass, or a file at a chosen speed. Floor 5."""

from __future__ import annotations

import time
from typing import Protocol

from tcpinspect.capture.live.ring import InterfaceGone
from tcpinspect.capture.live.tap import Tap
from tcpinspect.capture.pcapng import Interface
from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.errors import CaptureError
from tcpinspect.model.recent import Recent
from tcpinspect.model.watching import Watch

_FOREVER = 1 << 62


class Packets(Protocol):
    """Feeds a Watch. `over` is what ended it before its time, in words; `dropped` what never came; `paused` stops a replay's clock."""

    name: str
    watch: Watch
    over: str
    paused: bool

    def step(self, timeout_s: float) -> bool:
        """Feed what is there, or wait so long for it; False when no more will come."""
        ...

    def now_ns(self) -> int:
        """The time it is, by the packets' clock."""
        ...

    def stop(self) -> None:
        """Let `step` give False soon. From a signal handler, too."""
        ...

    def skip(self) -> None:
        """Do not wait for the next packet, if that is a matter of the clock."""
        ...

    def dropped(self) -> int | None:
        """Packets that were lost; None: unknown, or not the question."""
        ...

    def interfaces(self) -> tuple[str, list[Interface]]:
        """The format and the interfaces as the summary names them."""
        ...


class Wire:
    """An interface. With `recent`, the latest packets' headers are kept there."""

    def __init__(self, tap: Tap, watch: Watch, recent: Recent | None) -> None:
        self._tap, self.watch, self._recent = tap, watch, recent
        self.name = tap.described.name + (f" {tap.described.capture_filter}" if tap.described.capture_filter else "")
        self.over, self.paused = "", False
        self._asked = False

    def step(self, timeout_s: float) -> bool:
        if self._asked:
            self._tap.stop()
        if self._tap.drained or self.over:
            return False
        try:
            if self._tap.next_batch(timeout_s):
                self.watch.feed(self._tap.records)
                if self._recent is not None:
                    self._recent.add(self._tap.records)
        except InterfaceGone as gone:
            self.over = str(gone)
        return True

    def now_ns(self) -> int:
        return time.time_ns()

    def stop(self) -> None:
        self._asked = True
        self._tap.wake()

    def skip(self) -> None:
        """Nothing can hurry the wire."""

    def dropped(self) -> int | None:
        counts = self._tap.counts()
        return counts.dropped_kernel + (counts.dropped_interface or 0)

    def interfaces(self) -> tuple[str, list[Interface]]:
        return "live", [self._tap.described]


class Replay:
    """A capture file, `speed` times as fast as it was; 0: all at once."""

    def __init__(self, path: str, speed: float, watch: Watch, recent: Recent | None) -> None:
        """Raises CaptureError where the file cannot be read."""
        self.watch, self._recent, self._speed = watch, recent, speed
        self.name, self.over = path, ""
        self._paused = False
        try:
            self._source = Source(path)
            self._records = Records(self._source)
        except CaptureError:
            raise
        except OSError as error:
            raise CaptureError(f"cannot read {path}: {error.strerror or error}") from error
        self._at, self._ended = 0, False
        self._more()
        self._clock_ns = 0 if self._ended else self._records.record(0)[3]
        self._set_ns = time.monotonic_ns()

    def _more(self) -> None:
        self._at = 0
        self._ended = not self._records.next_block()

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._clock_ns, self._set_ns = self.now_ns(), time.monotonic_ns()
        self._paused = value

    def now_ns(self) -> int:
        if self._paused or self._ended or not self._speed:
            return self._clock_ns
        return self._clock_ns + int((time.monotonic_ns() - self._set_ns) * self._speed)

    def skip(self) -> None:
        if not self._ended:
            self._clock_ns = max(self.now_ns(), self._records.record(self._at)[3])
            self._set_ns = time.monotonic_ns()

    def step(self, timeout_s: float) -> bool:
        if self._ended:
            return False
        if self._paused:  # what came due up to the pause waits with the clock
            time.sleep(timeout_s)
            return True
        now_ns = self.now_ns() if self._speed else _FOREVER
        upto = self.watch.feed_until(self._records, self._at, now_ns)
        if upto > self._at and self._recent is not None:
            self._recent.add(self._records, self._at, upto)
        if upto == self._at:
            wait_s = (self._records.record(upto)[3] - now_ns) / 1e9 / self._speed
            time.sleep(max(0.0, min(timeout_s, wait_s)))
        self._at = upto
        if self._at == self._records.count:
            self._more()
            if self._ended or not self._speed:  # the clock stands where the file ends
                self._clock_ns = self.watch.last_ns or 0
        return not self._ended

    def stop(self) -> None:
        self._clock_ns = self.now_ns()
        self._ended = True

    def dropped(self) -> int | None:
        return None

    def interfaces(self) -> tuple[str, list[Interface]]:
        return self._records.format, self._records.interfaces
