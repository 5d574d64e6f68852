"""A capture that runs while you look: `with ti.live("lo", "tcp port 8080") as live:`. Floor 3.

A thread records into a file; whoever iterates reads what is new from it. So nothing is lost when a notebook is slow, memory
stays small, and afterwards the file is an ordinary capture.
"""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from tcpinspect.capture.live.encode import PCAPNG
from tcpinspect.capture.live.files import FileSink
from tcpinspect.capture.live.frames import Frames
from tcpinspect.capture.live.recorder import Ending, Limits, Recorder
from tcpinspect.capture.live.tap import BUFFER_MIB, SNAPLEN, Counts, Tap
from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.errors import CaptureError, UsageError, WrongKind
from tcpinspect.model.row import Row
from tcpinspect.model.watching import Step, Watch

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

_PACKET_BLOCK = struct.Struct("<4xI4xIIII")  # of an enhanced packet block: its length, the time's halves, the packet's two lengths


class Packet(NamedTuple):
    """One captured packet: its number from 1, its time in ns since 1970 UTC, its length on the wire, its octets."""

    frame: int
    time_ns: int
    wire_length: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class PacketBatch:
    """Packets that came together: `len`, iteration as Packet, or `records()` for whoever takes them as columns."""

    first_frame: int
    count: int
    link_type: int
    header: bytes
    blocks: bytes

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Packet]:
        at = 0
        for number in range(self.count):
            length, high, low, captured, wire = _PACKET_BLOCK.unpack_from(self.blocks, at)
            yield Packet(self.first_frame + number, high << 32 | low, wire, self.blocks[at + 28 : at + 28 + captured])
            at += length

    def records(self) -> Records:
        """The packets as the engine takes them: call `next_block()` until it gives 0."""
        return Records(Source(self.header + self.blocks), max(4096, len(self.header) + len(self.blocks) + 1))


class _Piece(NamedTuple):
    start: int
    end: int
    first_frame: int
    packets: int


class _Feed(FileSink):
    """A file whose growth can be waited for. `pieces` says where in it each batch stands."""

    def __init__(self, path: str, tap: Tap) -> None:
        self.grown = threading.Condition()
        self.pieces: list[_Piece] = []
        self.ended = False
        self.on_piece: Callable[[_Piece], None] | None = None
        super().__init__(path, PCAPNG, tap.described, tap.largest_batch)
        self.header_size = self.size

    def write(self, records: Frames, first: int, last: int) -> int:
        start, before = self.size, self.pieces[-1].first_frame + self.pieces[-1].packets if self.pieces else 1
        try:
            return super().write(records, first, last)
        finally:
            if self.size > start:
                piece = _Piece(start, self.size, before, self._file.packets + 1 - before)
                with self.grown:
                    self.pieces.append(piece)
                    self.grown.notify_all()
                if self.on_piece:
                    self.on_piece(piece)

    def piece(self, number: int) -> _Piece | None:
        """Wait for the batch with this number, from 0; None when the capture ends before."""
        with self.grown:
            self.grown.wait_for(lambda: len(self.pieces) > number or self.ended)
            return self.pieces[number] if number < len(self.pieces) else None

    def finish(self) -> None:
        super().finish()
        with self.grown:
            self.ended = True
            self.grown.notify_all()


class Live:
    """A running capture; made by `live`. Use it in a `with` block, or call `stop` yourself.

    `path` is the capture file, `ending` says how it ended (None while it runs).
    """

    def __init__(self, tap: Tap, path: str | None, limits: Limits, until: Callable[[PacketBatch], bool] | None) -> None:
        self.ending: Ending | None = None
        self._failed: BaseException | None = None
        self._tap = tap
        if path is None:
            directory = tempfile.mkdtemp(prefix="tcpinspect-")
            self._remove = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
            path = os.path.join(directory, tap.interface.name.replace(os.sep, "_") + ".pcapng")
        self.path = Path(path)
        self._feed = _Feed(path, tap)
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed with the object, reading goes on after the end
        self._until = until
        if until is not None:
            self._feed.on_piece = self._stop_when
        self._recorder = Recorder(tap, self._feed, limits)
        self._thread = threading.Thread(target=self._record, name=f"tcpinspect live {tap.interface.name}", daemon=True)
        self._thread.start()

    def _record(self) -> None:
        try:
            self.ending = self._recorder.run()
        except BaseException as error:  # a thread has nobody to raise to: whoever iterates or stops gets it
            self._failed = error
        finally:
            self._tap.close()

    def _stop_when(self, piece: _Piece) -> None:
        if self._until is not None and self._until(self._batch(piece)):
            self._recorder.stop()

    def _batch(self, piece: _Piece) -> PacketBatch:
        blocks = os.pread(self._file.fileno(), piece.end - piece.start, piece.start)
        header = os.pread(self._file.fileno(), self._feed.header_size, 0)
        return PacketBatch(piece.first_frame, piece.packets, self._tap.link_type, header, blocks)

    def __iter__(self) -> Iterator[PacketBatch]:
        """The packets from the first on, in batches as they come, until the capture ends.

        Raises CaptureError at the end where the interface or the disk ended it.
        """
        at = 0
        while True:
            piece = self._feed.piece(at)
            if piece is None:
                break
            at += 1
            yield self._batch(piece)
        self._thread.join()
        self._raise()

    def transitions(self) -> Iterator[Step]:
        """Each change of state as it happens, from the first packet on, until the capture ends: rows of the timeline, and
        `takes_back`, the number of that side's latest steps that a later segment showed to be wrong."""
        watch = Watch()
        for _ in self._feeding(watch):
            yield from watch.ask()

    def connections(self) -> Iterator[Row]:
        """Each connection once, as a row of the table `connections`: when it is over, and at the end those that are not."""
        watch, told = Watch(), set[int]()
        watch.left()
        for _ in self._feeding(watch):
            watch.ask()
            for row in watch.left() + watch.rows([slot for slot, number in watch.over() if number not in told]):
                if row.stream not in told:
                    told.add(row.stream)
                    yield row
        yield from watch.rows([slot for slot, number, _ in watch.each() if number not in told])

    def _feeding(self, watch: Watch) -> Iterator[None]:
        for batch in self:
            records = batch.records()
            while records.next_block():
                watch.feed(records)
            yield

    def _raise(self) -> None:
        trouble = self._failed or (self.ending.trouble if self.ending else None)
        if trouble is not None:
            raise trouble

    @property
    def packets(self) -> int:
        """How many packets are in the capture by now."""
        return self._recorder.written

    @property
    def counts(self) -> Counts:
        """Packets received and dropped; while it runs a fraction of a second old."""
        return self._feed.counts

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the capture with everything that has come in by now. What fails in a condition of yours is raised here."""
        if self.running:
            self._recorder.stop()
        self._thread.join()
        if self._failed is not None and not isinstance(self._failed, CaptureError):
            raise self._failed

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until a limit or condition ends the capture; False when the time was over before."""
        self._thread.join(timeout_s)
        return not self.running

    def analysis(self) -> Analysis:
        """An ordinary analysis of what was captured until now. Raises CaptureError where nothing can be read."""
        from tcpinspect.model.analysis import analyze

        if not self.running:
            return analyze(self.path)
        with self._feed.grown:
            end = self._feed.pieces[-1].end if self._feed.pieces else self._feed.header_size
        return analyze(os.pread(self._file.fileno(), end, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "running" if self.running else "ended"
        return f"<live capture on {self._tap.interface.name}, {state}: {self.packets} packets>"


def live(
    interface: str, capture_filter: str = "", *, count: int | None = None, duration_s: float | None = None,
    until: Callable[[PacketBatch], bool] | None = None, path: str | os.PathLike[str] | None = None,
    snaplen: int = SNAPLEN, buffer_mib: int = BUFFER_MIB, promiscuous: bool = True,
) -> Live:  # fmt: skip
    """Start capturing on an interface in the background, and look at it meanwhile.

        with ti.live("lo", "tcp port 8080", count=100) as live:
            for batch in live:
                print(len(batch))
        live.analysis().connections

        with ti.live("lo", "tcp port 8080", duration_s=60) as live:
            for step in live.transitions():        # or live.connections(), each when it is over
                print(step.side, step.to_state)

    It ends after `count` packets, after `duration_s` seconds, when `until(batch)` is true, at `stop()` or at the end of the
    `with` block. The file at `path` stays (pcapng); without a path it goes with the object. Raises UsageError or FilterError
    for what does not exist, CaptureError (PermissionError) where capturing is not permitted.
    """
    for what, given in (
        ('an interface is named, such as "lo"', interface),
        ('a capture filter is text, such as "tcp port 80"', capture_filter),
    ):
        if not isinstance(given, str):
            raise WrongKind(f"{what}, not {given!r}")
    if (count is not None and count < 1) or (duration_s is not None and duration_s <= 0):
        raise UsageError("count and duration_s are above 0, or None for no limit")
    tap = Tap(interface, capture_filter, snaplen=snaplen, buffer_mib=buffer_mib, promiscuous=promiscuous)
    try:
        return Live(tap, os.fspath(path) if path is not None else None, Limits(count, duration_s), until)
    except BaseException:
        tap.close()
        raise
