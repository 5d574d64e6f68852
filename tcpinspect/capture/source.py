"""Open what the user names as a capture: a path, `-`, bytes or a file object, compressed or not. Floor 1.

Compression is recognised by its first bytes, never by the name. A compressed stream that is cut short or corrupt gives
all it can; what went wrong is left in `damage`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

from tcpinspect.errors import CaptureError

Input = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_LONGEST_MAGIC = max(map(len, _MAGIC))


class _Reads(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Source:
    """A stream of capture bytes with a name for people.

    `given` is what the user wrote, `name` its last part; `compression` is "", "gzip", "bzip2", "xz" or "zstd"; `damage` is
    None until reading meets the end of what is readable; `interrupted` says that Ctrl-C ended the reading; `bytes_read`
    counts octets after decompression.
    """

    def __init__(self, where: Input) -> None:
        self.damage: str | None = None
        self.interrupted = False
        self.bytes_read = 0
        self._close = False
        self.name, raw = self._open(where)
        self.given = os.fspath(where) if isinstance(where, (str, os.PathLike)) else self.name
        head = _read_exactly(raw, _LONGEST_MAGIC)
        self.compression = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
        whole = _Prepended(head, raw)
        self._stream: _Reads = _decompressor(self.compression, whole) if self.compression else whole
        # read() of a damaged stream raises and loses what it had; read1() hands over piece by piece.
        self._read: Callable[[int], bytes] = getattr(self._stream, "read1", self._stream.read)
        self._raw = raw

    def _open(self, where: Input) -> tuple[str, Any]:
        if isinstance(where, (bytes, bytearray, memoryview)):
            return "<bytes>", io.BytesIO(where)
        if hasattr(where, "read"):
            return Path(str(getattr(where, "name", "<stream>"))).name, where
        if str(where) == "-":
            return "<stdin>", sys.stdin.buffer
        path = Path(where)
        try:
            self._close = True
            return path.name, path.open("rb", buffering=0)
        except FileNotFoundError:
            raise CaptureError(f"no file {str(path)!r}: check the name") from None
        except OSError as error:
            raise CaptureError(f"cannot read {str(path)!r}: {error.strerror}") from None

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer as far as the stream goes; less than its size only at the end, damage or Ctrl-C. Octets read."""
        filled = 0
        while filled < len(buffer):
            try:
                piece = self._read(len(buffer) - filled)
            except KeyboardInterrupt:  # what came until now is still a result
                self.interrupted = True
                break
            except Exception as error:  # each decompressor has errors of its own; all mean the same here
                if isinstance(error, (MemoryError, ValueError)) and not self.compression:
                    raise
                self.damage = f"the {self.compression or 'input'} stream is damaged: {error}".rstrip(": ")
                break
            if not piece:
                break
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        self.bytes_read += filled
        return filled

    def close(self) -> None:
        """Close what was opened here; a file object handed in stays open."""
        if self._close:
            self._raw.close()


class _Prepended(io.RawIOBase):
    """The bytes already read for a look at the magic, then the rest of the stream."""

    def __init__(self, head: bytes, rest: _Reads) -> None:
        self._head = head
        # Of a pipe, take what is there: waiting for more would lose it to Ctrl-C.
        self._read_rest: Callable[[int], bytes] = getattr(rest, "read1", rest.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            piece = self._head if size < 0 else self._head[:size]
            self._head = self._head[len(piece) :]
            return piece
        return self._read_rest(size) or b""


def _read_exactly(stream: _Reads, size: int) -> bytes:
    data = b""
    while len(data) < size:
        try:
            piece = stream.read(size - len(data))
        except OSError as error:
            raise CaptureError(f"cannot read the input: {error.strerror or error}") from None
        if not piece:
            break
        data += piece
    return data


def _decompressor(kind: str, stream: io.RawIOBase) -> _Reads:
    if kind == "gzip":
        import gzip

        return gzip.GzipFile(fileobj=stream)
    if kind == "bzip2":
        import bz2

        return bz2.BZ2File(stream)
    if kind == "xz":
        import lzma

        return lzma.LZMAFile(stream)  # type: ignore[arg-type]
    import zstandard

    # A frame may ask for a window of 2 GiB; 2^27 (the zstd tool's own default limit) bounds the memory.
    return zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(stream, read_across_frames=True)  # type: ignore[arg-type]
