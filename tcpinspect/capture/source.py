"""Open what the user names as a capture: a path, `-`, bytes or a file object, compressed or not. Floor 1.

Compression is recognised by its first bytes, never by the name. A compressed stream that is cut short or corrupt gives
all it can; what went wrong is left in `damage`.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from collections.abc import Callable
from typing import IO, Any

from tcpinspect.errors import CaptureError, WrongKind

Input = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_LONGEST_MAGIC = max(map(len, _MAGIC))
_LOOK_AGAIN_S = 0.1  # how often a followed file is looked at: tail -f takes a second, people notice a fifth


class Source:
    """A stream of capture bytes with a name for people.

    `given` is what the user wrote, `name` its last part; `compression` is "", "gzip", "bzip2", "xz" or "zstd"; `damage` is
    None until reading meets the end of what is readable; `interrupted` says that Ctrl-C ended the reading; `bytes_read`
    counts octets after decompression, `bytes_taken` those of the file itself.

    `follow`: at the end of the file wait for more, at most so many seconds in one go.
    """

    def __init__(self, where: Input, *, follow: float | None = None) -> None:
        self.damage: str | None = None
        self.interrupted = False
        self.bytes_read = 0
        self._close: list[Callable[[], object]] = []
        self.name, opened = self._open(where)
        self.given = os.fspath(where) if isinstance(where, (str, os.PathLike)) else self.name
        self._raw = _Raw(opened, follow)
        try:
            head = self._raw.peek(_LONGEST_MAGIC)
        except OSError as error:
            raise CaptureError(f"cannot read the input: {error.strerror or error}") from None
        self.compression = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
        self._readinto: Callable[[memoryview], int] = self._raw.readinto
        if self.compression:
            from tcpinspect.capture.inflate import decompressor

            self._readinto = decompressor(self.compression, self._raw)

    def _open(self, where: Input) -> tuple[str, Any]:
        if isinstance(where, (bytes, bytearray, memoryview)):
            return "<bytes>", io.BytesIO(where)
        if not isinstance(where, (str, os.PathLike)):
            return os.path.basename(str(getattr(where, "name", "<stream>"))), where
        if str(where) == "-":
            return "<stdin>", getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        path = os.fspath(where)
        try:
            opened = open(path, "rb", buffering=0)  # noqa: SIM115 - close() closes it
        except IsADirectoryError:
            inside = os.path.join(os.fsdecode(path), "*.pcap")
            raise CaptureError(f"cannot read {path!r}: it is a directory; name the captures in it, such as {inside}") from None
        except (FileNotFoundError, ValueError):  # ValueError: a name that no file can have, with a NUL in it
            raise CaptureError(f"no file {path!r}: check the name") from None
        except OSError as error:
            advice = ": too many captures overlap in time; merge some first, or raise ulimit -n" if error.errno == 24 else ""
            raise CaptureError(f"cannot read {path!r}: {error.strerror}{advice}") from None
        self._close.append(opened.close)
        return os.path.basename(path), opened

    @property
    def bytes_taken(self) -> int:
        """Octets read from the file, as it lies on the disk."""
        return self._raw.taken

    def readinto(self, buffer: memoryview) -> int:
        """Read what there is, at most the buffer's size; 0 only at the end, damage or Ctrl-C. Octets read."""
        if self.interrupted or self.damage:
            return 0
        try:
            came = self._readinto(buffer)
        except KeyboardInterrupt:  # what came until now is still a result
            self.interrupted = True
            return 0
        except Exception as error:  # each decompressor has errors of its own; all mean the same here
            if isinstance(error, (MemoryError, ValueError)) and not self.compression:
                raise
            self.damage = f"the {self.compression or 'input'} stream is damaged: {error}".rstrip(": ")
            return 0
        self.bytes_read += came
        return came

    def close(self) -> None:
        """Close what was opened here; a file object handed in stays open."""
        for close in self._close:
            close()
        self._close = []


class _Raw:
    """The bytes of the file itself, whatever kind of object gives them; they may be looked at before they are read."""

    def __init__(self, opened: Any, follow: float | None) -> None:
        self.taken = 0
        self._head = b""
        self._follow = follow
        self._file = opened if isinstance(opened, io.FileIO) else None
        direct = isinstance(opened, (io.RawIOBase, io.BytesIO))
        self._into: Callable[[memoryview], int | None] = opened.readinto if direct else _copying(opened)

    def peek(self, size: int) -> bytes:
        """The first `size` octets, less at the end; they are read again later."""
        while len(self._head) < size:
            piece = self._more(size - len(self._head))
            if not piece:
                break
            self._head += piece
        return self._head

    def _more(self, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self._fill(memoryview(buffer))])

    def read(self, size: int = -1) -> bytes:
        """Some octets, none at the end; what the decompressors call."""
        if self._head:
            piece, self._head = self._head[: size if size > 0 else None], self._head[size:] if size > 0 else b""
            return piece
        return self._more(size if size > 0 else 1 << 18)

    def readinto(self, buffer: memoryview) -> int:
        if self._head:
            piece = self.read(len(buffer))
            buffer[: len(piece)] = piece
            return len(piece)
        return self._fill(buffer)

    def _fill(self, buffer: memoryview) -> int:
        quiet_since = None
        while True:
            came = self._into(buffer)
            if came:
                self.taken += came
                return came
            if came is not None:  # None: a stream that does not block has nothing yet
                if self._follow is None:
                    return 0
                self._check_length()
                if quiet_since is None:
                    quiet_since = time.monotonic()
                elif time.monotonic() - quiet_since >= self._follow:
                    return 0
            time.sleep(_LOOK_AGAIN_S)

    def _check_length(self) -> None:
        """Raises OSError for a file that is shorter than what was read of it: somebody has begun it anew, and nothing more comes here."""
        if self._file is not None:
            status = os.fstat(self._file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size < self.taken:
                raise OSError("the file was begun anew while it was followed; what it holds now needs another run")


def _copying(opened: Any) -> Callable[[memoryview], int]:
    """readinto for other file objects."""
    # Of a pipe, take what is there: waiting for more would lose it to Ctrl-C (and readinto1 waits when it has something).
    read = getattr(opened, "read1", opened.read)

    def readinto(buffer: memoryview) -> int:
        piece = read(len(buffer)) or b""
        if isinstance(piece, str):
            raise _wrong_kind("an object whose read() gives text")
        buffer[: len(piece)] = piece
        return len(piece)

    return readinto


def check_kind(where: object) -> None:
    """Raises WrongKind for what no capture can be read from."""
    if isinstance(where, (str, os.PathLike, bytes, bytearray, memoryview)):
        return
    if not hasattr(where, "read"):
        raise _wrong_kind("None" if where is None else type(where).__name__)
    if getattr(where, "closed", False):
        raise _wrong_kind("a file that is closed")
    if isinstance(where, io.TextIOBase):
        raise _wrong_kind("a file opened as text")
    if isinstance(where, io.IOBase) and not where.readable():
        raise _wrong_kind("a file opened for writing")


def _wrong_kind(what: str) -> WrongKind:
    return WrongKind(f'a capture is a path, bytes, a file object opened with "rb", or a list of these; this is {what}')


def is_regular(where: Input) -> bool:
    """A path of a regular file: it can be opened twice, and a thread that reads it comes to an end."""
    try:
        return isinstance(where, (str, os.PathLike)) and where != "-" and stat.S_ISREG(os.stat(where).st_mode)
    except (OSError, ValueError):
        return False


def is_plain(where: Input) -> bool:
    """A path of a regular file that is not compressed."""
    if not is_regular(where):
        return False
    try:
        with open(where, "rb", buffering=0) as file:  # type: ignore[arg-type]
            head = file.read(_LONGEST_MAGIC)
    except OSError:
        return False
    return not head.startswith(tuple(_MAGIC))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
