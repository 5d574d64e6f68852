"""One interface as a source of records: socket, filter, ring and frames together. Floor 1.

Blocks come out as batches, in the shape that the engine and the encoder take. Nothing that came in is lost at the end:
`stop` shuts the door, and `next_batch` goes on until what had come in is out.
"""

from __future__ import annotations

import os
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass

from tcpinspect.capture.live.filter import compile_filter, without_copies
from tcpinspect.capture.live.frames import Frames
from tcpinspect.capture.live.interfaces import COOKED, dropped_by, interface, interfaces
from tcpinspect.capture.live.ring import RETIRE_MS, InterfaceGone, Ring
from tcpinspect.capture.pcapng import Interface
from tcpinspect.errors import CaptureError

SNAPLEN = 262144  # tcpdump's and Wireshark's: more than any packet
BUFFER_MIB = 32
_LAST_BLOCK_S = 4 * RETIRE_MS / 1000
_NANOSECONDS = 9


@dataclass(frozen=True, slots=True)
class Counts:
    """`received` passed the filter; of them the kernel `dropped_kernel` for want of room. `dropped_interface` is what the
    interface lost before anybody saw it, whether the filter would have taken it or not; None where nobody can tell."""

    received: int
    dropped_kernel: int
    dropped_interface: int | None


class Tap:
    """Listens on an interface. Raises UsageError, FilterError or CaptureError where that cannot be.

    `records` holds the current batch; `described` is the interface as a capture file describes it.
    """

    def __init__(
        self, name: str, capture_filter: str = "", *, snaplen: int = SNAPLEN, buffer_mib: int = BUFFER_MIB, promiscuous: bool = True
    ) -> None:
        self.interface = interface(name)
        self.snaplen = snaplen if 0 < snaplen <= SNAPLEN else SNAPLEN
        self.link_type = self.interface.link_type
        if not self.interface.up:
            raise CaptureError(f'{self.interface.name} is down: bring it up with "sudo ip link set {self.interface.name} up"')
        self.described = Interface(self.link_type, self.snaplen, self.interface.name, "", _NANOSECONDS, 0, capture_filter.strip())
        cooked = self.link_type == COOKED
        self._ring = Ring(self.interface, cooked=cooked, buffer_mib=buffer_mib, promiscuous=promiscuous)
        try:
            device = "" if cooked else self.interface.name
            program = compile_filter(capture_filter, self.link_type, self.snaplen, device)
            if self.interface.loopback or not self.interface.index:
                program = without_copies(program, next((one.index for one in interfaces() if one.loopback), 1))
            self._ring.filter(program)
            self.records = Frames(self._ring.octets, self._ring.block_size, self.link_type)
            self._held = False
            self._gone: InterfaceGone | None = None
            self._until = 0.0
            self._stopped_at: float | None = None
            self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            weakref.finalize(self, os.close, self._wake)  # not in `close`: another thread may be about to wake
            self._ring.wake_on(self._wake)
            self._dropped_before = self._dropped_last = dropped_by(self.interface.index)
            self._ring.start()
        except BaseException:
            self.close()
            raise

    @property
    def largest_batch(self) -> int:
        """Octets of ring memory that one batch may fill."""
        return self._ring.block_size

    def next_batch(self, timeout_s: float = 0.2) -> int:
        """Wait for records and put them into `records`: their number, 0 when the time is over or somebody calls `wake`.

        The batch before becomes invalid. Raises InterfaceGone once all that came before is out.
        """
        self._let_go()
        if self._gone is None:
            try:
                if not self._ring.wait(timeout_s):
                    self._woken()
                    return 0
            except InterfaceGone as gone:
                self._gone, self._until = gone, time.monotonic() + _LAST_BLOCK_S
        if self._gone is not None and not self._last_blocks():
            raise self._gone
        self._held = True
        return self.records.walk(self._ring.block())

    def _last_blocks(self) -> bool:
        """After the interface went: whether a block that it had begun is there, or still comes."""
        while not self._ring.ready() and time.monotonic() < self._until:
            time.sleep(RETIRE_MS / 1000)
        return self._ring.ready()

    def _let_go(self) -> None:
        if self._held:
            self.records.count = 0
            self._ring.release()
            self._held = False

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)

    def wake(self) -> None:
        """Make a waiting `next_batch` return. From any thread, and from a signal handler."""
        os.eventfd_write(self._wake, 1)

    def stop(self) -> None:
        """Let nothing more in. `drained` tells when all that was in is out."""
        if self._stopped_at is None:
            self._ring.stop()
            self._stopped_at = time.monotonic()

    @property
    def drained(self) -> bool:
        """Whether the last block that was begun before `stop` must have come by now."""
        return self._stopped_at is not None and time.monotonic() - self._stopped_at > _LAST_BLOCK_S and not self._ring.ready()

    def counts(self) -> Counts:
        """How many packets came and how many were lost until now."""
        self._ring.count()
        now = dropped_by(self.interface.index)
        if now is not None:  # of an interface that is gone, the last that was heard
            self._dropped_last = now
        before, last = self._dropped_before, self._dropped_last
        lost = None if before is None or last is None else max(0, last - before)
        return Counts(self._ring.received, self._ring.dropped, lost)

    def close(self) -> None:
        """Stop listening; `records` is gone."""
        self._held = False
        if hasattr(self, "records"):
            del self.records
        self._ring.close()
