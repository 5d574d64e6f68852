"""Decompress captures: gzip by the fastest library there is, zstd, bzip2, xz. Floor 1.

On 95 MB of packets (28.6 MB as gzip), CPU seconds: zlib-ng 0.15, isal 0.15, the standard library's zlib 0.26, zstandard 0.09.
zlib-ng has zlib's own interface, so that one loop serves it and the standard library where it is missing. A thread that decompresses
ahead brings nothing: the engine holds the interpreter's lock while it works, so that both took turns, and paid for it.
Reading: RFC 1952 §2.2 (members), RFC 8878 §3.1 (frames).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

_INPUT = 1 << 16  # compressed octets in one go
_OUTPUT = 1 << 18
_SALVAGE = 256  # steps of compressed octets up to the place of the damage
_WITH_GZIP_HEADER = 31
# A frame may ask for a window of 2 GiB; 2^27 (the zstd tool's own default limit) bounds the memory.
_ZSTD_WINDOW = 1 << 27
# The octets of a frame's headers, RFC 8878 §3.1.1 and §3.1.2.
_ZSTD_HEADERS = {"magic": 4, "skippable": 4, "frame": 1, "block": 3}

Into = Callable[[memoryview], int]


class Reads(Protocol):
    """Where compressed octets come from: some of them, none at the end."""

    def read(self, size: int = -1, /) -> bytes: ...


def decompressor(kind: str, stream: Reads) -> Into:
    """A function that fills a buffer with decompressed octets as far as it can in one go: 0 at the end, an error at damage."""
    if kind == "gzip":
        return _Gzip(stream).readinto
    if kind == "zstd":
        return _zstd(stream)
    if kind == "bzip2":
        import bz2

        return _stepwise(bz2.BZ2File(stream))  # type: ignore[call-overload]
    import lzma

    return _stepwise(lzma.LZMAFile(stream))  # type: ignore[arg-type]


def _zstd(stream: Reads) -> Into:
    import zstandard

    watched = _ZstdFrames(stream)
    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
        watched,  # type: ignore[arg-type]
        read_size=_INPUT,
        read_across_frames=True,
    )

    def readinto(buffer: memoryview) -> int:
        size = reader.readinto(buffer[:_OUTPUT])
        if not size and watched.inside:
            raise EOFError("it ends inside a frame")
        return size

    return readinto


class _ZstdFrames:
    """A zstd stream, watched on its way to the library, which takes one that ends too early for a whole one."""

    def __init__(self, stream: Reads) -> None:
        self._stream = stream
        self._part, self._header = "magic", b""
        self._over = 0  # octets that are passed over before the next header
        self._checksum = 0

    @property
    def inside(self) -> bool:
        """Whether what went past so far ends inside a frame."""
        return self._part != "magic" or bool(self._header) or self._over > 0

    def read(self, size: int = -1, /) -> bytes:
        piece = self._stream.read(size)
        at = 0
        while at < len(piece):
            step = min(self._over, len(piece) - at)
            self._over -= step
            at += step
            wanted = _ZSTD_HEADERS[self._part] - len(self._header)
            self._header += piece[at : at + wanted]
            at += wanted
            if len(self._header) == _ZSTD_HEADERS[self._part]:
                self._take(int.from_bytes(self._header, "little"))
                self._header = b""
        return piece

    def _take(self, header: int) -> None:
        """A header is complete: what it is followed by."""
        if self._part == "magic":
            self._part = "skippable" if header >> 4 == 0x184D2A5 else "frame"
        elif self._part == "skippable":
            self._part, self._over = "magic", header
        elif self._part == "frame":
            single = header >> 5 & 1
            self._over = (1 - single) + (0, 1, 2, 4)[header & 3] + (single, 2, 4, 8)[header >> 6]  # window, dictionary, content size
            self._checksum = header & 4
            self._part = "block"
        else:
            self._over = 1 if header >> 1 & 3 == 1 else header >> 3  # of a run of one octet only that octet is there
            if header & 1:
                self._over += self._checksum
                self._part = "magic"


def _stepwise(file: Any) -> Into:
    # read() of a damaged stream raises and loses what it had; read1() hands over piece by piece.
    def readinto(buffer: memoryview) -> int:
        piece = file.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    return readinto


def _zlib() -> Any:
    try:
        from zlib_ng import zlib_ng
    except ImportError:
        import zlib

        return zlib
    return zlib_ng


class _Gzip:
    """The members of a gzip file, one after the other. Of a damaged one comes all that is before the damage."""

    def __init__(self, stream: Reads) -> None:
        self._zlib = _zlib()
        self._stream = stream
        self._member = self._zlib.decompressobj(_WITH_GZIP_HEADER)
        self._input = b""
        self._more_inside = False  # the last call gave all it was allowed to: the decompressor holds more
        self._begun = False
        self._damage: Exception | None = None

    def readinto(self, buffer: memoryview) -> int:
        limit = min(len(buffer), _OUTPUT)
        while self._damage is None:
            if not self._input and not self._more_inside:
                self._input = self._stream.read(_INPUT)
                if not self._input:
                    if self._begun:
                        raise EOFError("it ends inside a member")
                    return 0
            if not self._begun and not self._begin():
                continue
            piece = self._step(limit)
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)
        raise self._damage

    def _begin(self) -> bool:
        """Start a member, past the zeros that tape drives leave between and behind them."""
        self._input = self._input.lstrip(b"\0")
        self._begun = bool(self._input)
        return self._begun

    def _step(self, limit: int) -> bytes:
        before = self._member.copy()
        try:
            piece: bytes = self._member.decompress(self._input, limit)
        except self._zlib.error as error:
            self._damage = error
            return self._salvage(before)
        self._input = self._member.unconsumed_tail
        self._more_inside = len(piece) == limit
        if self._member.eof:
            self._input = self._member.unused_data
            self._member = self._zlib.decompressobj(_WITH_GZIP_HEADER)
            self._begun = self._more_inside = False
        return piece

    def _salvage(self, member: Any) -> bytes:
        """What a step gives up to the damage in it, by going there in small steps, at last octet by octet."""
        out, at, size = b"", 0, _SALVAGE
        while at < len(self._input) and len(out) < _OUTPUT:
            before = member.copy()
            try:
                out += member.decompress(self._input[at : at + size], _OUTPUT - len(out))
            except self._zlib.error:
                if size == 1:
                    break
                member, size = before, 1
            else:
                at += size
        return out
