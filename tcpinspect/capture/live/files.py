"""Capture files that are whole at every moment, one or a ring of them. Floor 1.

Each write ends with the statistics, and the next begins by overwriting them. So a file that a full disk, a signal or even
SIGKILL ends holds whole packets and how many were lost until then.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from tcpinspect.capture.live import blocks
from tcpinspect.capture.live.encode import PCAP_NS, PCAP_US, PCAPNG, Encoder
from tcpinspect.capture.live.frames import Frames
from tcpinspect.capture.live.tap import Counts
from tcpinspect.capture.pcapng import Interface
from tcpinspect.errors import CaptureError, UsageError

FORMATS = {"pcapng": PCAPNG, "pcap": PCAP_US, "nsecpcap": PCAP_NS}  # tshark's names for -F
_ENDLESS = 1 << 62
_NOTHING = Counts(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Rotation:
    """When to go on in another file, and how many to keep. None: that is no reason."""

    octets: int | None = None
    duration_s: float | None = None
    packets: int | None = None
    keep: int | None = None

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.octets, self.duration_s, self.packets))


class WriteFailed(CaptureError):
    """A capture file takes no more. What was written before is whole; `records` of the last batch are in it."""

    def __init__(self, path: str, error: OSError, records: int) -> None:
        what = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EFBIG: "the file may not grow"}
        super().__init__(f"cannot write {path}: {what.get(error.errno or 0, error.strerror or str(error))}")
        self.records = records
        self.broken_pipe = error.errno == errno.EPIPE


class _File:
    """One open file: `size` octets of it are settled, the statistics stand behind them."""

    def __init__(self, path: str, kind: int, header: bytes) -> None:
        self.path, self.kind = path, kind
        self.size = self._settled = self.packets = 0
        self.opened_s = time.monotonic()
        self.opened_ns = time.time_ns()
        # Others' traffic is nobody else's business: only the owner may read it, as with dumpcap.
        self._fd = os.dup(1) if path == "-" else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self.regular = path != "-" and stat.S_ISREG(os.fstat(self._fd).st_mode)
        try:
            self.add(memoryview(header), 0, b"")
        except WriteFailed:
            os.close(self._fd)
            if self.regular:
                os.unlink(path)
            raise

    def add(self, octets: memoryview, packets: int, statistics: bytes) -> None:
        """Write these whole records, with the statistics behind them. Raises WriteFailed, leaving the file whole."""
        done = 0
        try:
            if self.regular:
                done = self._write_at(self.size, octets, statistics)
            else:
                while done < len(octets):
                    done += os.write(self._fd, octets[done:])
        except OSError as error:
            raise WriteFailed(self.path, error, self._repair(octets, statistics)) from None
        self.size += len(octets)
        self.packets += packets
        self._settled = self.size + len(statistics)

    def _write_at(self, at: int, octets: memoryview, statistics: bytes) -> int:
        done, whole = 0, len(octets) + len(statistics)
        while done < whole:
            pieces: list[memoryview | bytes] = [octets[done:], statistics] if done < len(octets) else [statistics[done - len(octets) :]]
            done += os.pwritev(self._fd, pieces, at + done)
            self._settled = max(self._settled, at + done)
        return done

    def _repair(self, octets: memoryview, statistics: bytes) -> int:
        """After a failed write: keep the whole records that got there and end the file as it should. Their number.

        Only what the file has already is written over: a full disk gives no more.
        """
        if not self.regular:
            return 0
        records, length = blocks.whole_records(self.kind, octets, self._settled - self.size - len(statistics))
        try:
            end = self.size + length
            os.pwrite(self._fd, statistics, end)
            os.ftruncate(self._fd, end + len(statistics))
        except OSError:  # a disk that failed altogether: what is there stays
            return 0
        self.size, self.packets = end, self.packets + records
        return records

    def finish(self, statistics: bytes) -> None:
        """End the file; where it takes no more, the statistics of the last write stay. Once is enough."""
        if self._fd < 0:
            return
        try:
            if self.regular:
                os.pwrite(self._fd, statistics, self.size)
                os.ftruncate(self._fd, self.size + len(statistics))
            else:
                os.write(self._fd, statistics)
        except OSError:
            pass
        os.close(self._fd)
        self._fd = -1


class FileSink:
    """Writes records to `path` (`-` is stdout), or to a ring of files named after it.

    `counts` is what the statistics tell; whoever knows brings it up to date. `full` says that `limit` octets are reached.
    """

    def __init__(
        self, path: str, kind: int, interface: Interface, batch: int, *, rotation: Rotation | None = None,
        limit: int | None = None, max_files: int | None = None,
    ) -> None:  # fmt: skip
        self.counts = _NOTHING
        self.path, self.files = path, 0
        self._kind, self._interface, self._rotation = kind, interface, rotation or Rotation()
        self._limit, self._max_files = limit, max_files
        self._encoder = Encoder(kind, batch + (1 << 20))
        self._names: list[str] = []
        self._before = _NOTHING
        self.full = False
        try:
            self._open()
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}" + _whose(error)) from None

    @property
    def current(self) -> str:
        """The name of the file that is being written."""
        return self._file.path

    @property
    def size(self) -> int:
        """Octets of packets and headers in that file."""
        return self._file.size

    def write(self, records: Frames, first: int, last: int) -> int:
        """Write records first … last − 1; how many were taken: fewer when `full`. Raises WriteFailed."""
        at = first
        while at < last and not self.full:
            if self._due():
                if self._max_files is not None and self.files >= self._max_files:
                    self.full = True
                    break
                self._file.finish(self._statistics())
                self._next(at - first)
            at = self._write_some(records, first, at, last)
        return at - first

    def _write_some(self, records: Frames, first: int, at: int, last: int) -> int:
        rotation = self._rotation
        most = last if rotation.packets is None else min(last, at + rotation.packets - self._file.packets)
        size = rotation.octets if rotation.octets is not None else self._limit
        upto = self._encoder.encode(records, at, most, max(1, size - self._file.size) if size is not None else _ENDLESS)
        octets = memoryview(self._encoder.out)[: self._encoder.filled]
        try:
            self._file.add(octets, upto - at, self._statistics(upto - at))
        except WriteFailed as failed:
            failed.records += at - first
            raise
        finally:
            octets.release()
        self.full = not rotation and self._limit is not None and self._file.size >= self._limit
        return upto

    def finish(self) -> None:
        """End the last file."""
        self._file.finish(self._statistics())

    def _due(self) -> bool:
        """Whether the next packet belongs into another file."""
        rotation, file = self._rotation, self._file
        return (
            (rotation.octets is not None and file.size >= rotation.octets)
            or (rotation.packets is not None and file.packets >= rotation.packets)
            or (rotation.duration_s is not None and time.monotonic() - file.opened_s >= rotation.duration_s)
        )

    def _next(self, records: int) -> None:
        """Go on in another file; `records` of the batch are in the one before."""
        try:
            self._open()
        except WriteFailed as failed:
            failed.records = records
            raise
        except OSError as error:
            raise WriteFailed(error.filename or self.path, error, records) from None

    def _open(self) -> None:
        name = self.path
        if self._rotation:
            self._before = self.counts
            name = ring_name(self.path, self.files + 1, time.time())
            if self._rotation.keep is not None and len(self._names) >= self._rotation.keep:
                Path(self._names.pop(0)).unlink(missing_ok=True)
        self._file = _File(name, self._kind, blocks.beginning(self._kind, self._interface))
        self._names.append(name)
        self.files += 1

    @property
    def kept(self) -> str:
        """Where the packets are, in words: the file, or those of the ring."""
        before = len(self._names) - 1
        return self._names[-1] + ("" if not before else f" and the {before if before > 1 else 'one'} before it")

    def _statistics(self, more: int = 0) -> bytes:
        """The statistics of this file alone: what came and went since it was opened."""
        now, before, file = self.counts, self._before, self._file
        interface = None
        if now.dropped_interface is not None and before.dropped_interface is not None:
            interface = now.dropped_interface - before.dropped_interface
        own = Counts(now.received - before.received, now.dropped_kernel - before.dropped_kernel, interface)
        return blocks.ending(self._kind, self._interface, own, file.packets + more, file.opened_ns, time.time_ns())


def ring_name(path: str, number: int, time_s: float) -> str:
    """tshark's names for the files of a ring: `name_00001_20261121130000.pcapng`, local time."""
    given = Path(path)
    return str(given.with_name(f"{given.stem}_{number:05}_{time.strftime('%Y%m%d%H%M%S', time.localtime(time_s))}{given.suffix}"))


def format_of(path: str, wanted: str | None) -> int:
    """The format asked for, or the one that the name says; else pcapng."""
    if wanted is not None:
        return FORMATS[wanted]
    return PCAP_US if Path(path).suffix.lower() in (".pcap", ".cap", ".dmp") else PCAPNG


def _whose(error: OSError) -> str:
    """After "permission denied": who is not permitted, for privileges may have been dropped."""
    if error.errno not in (errno.EACCES, errno.EPERM):
        return ""
    import pwd

    try:
        return f" for user {pwd.getpwuid(os.geteuid()).pw_name}: write elsewhere, or keep root with -Z root"
    except KeyError:
        return f" for user {os.geteuid()}"
