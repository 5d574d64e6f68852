"""Where rows wait on the disk for their turn in a table: memory grows with the connections alive, not with those behind them. Floor 2.

A table is in the order of the streams, so that one connection that never ends keeps all rows behind it waiting. They lie in a temporary
file (TMPDIR says where) that has no name and goes with the process.
"""

from __future__ import annotations

from typing import IO, Any


# Numbers of 8 octets: 24 MiB, some ten thousand connections with their steps.
MOST = 3 << 20


class Shelf:
    """Keeps what chunks (engine.finish.Chunk) unload, until they take it back; `most` numbers may wait in memory."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._file: IO[bytes] | None = None
        self._places: dict[int, list[tuple[int, list[int]]]] = {}  # by a chunk's first stream: where a load begins, the sizes of its pieces
        self._end = 0

    def put(self, chunk: Any) -> None:
        """Store the rows that a chunk has. Raises OSError when the disk takes no more."""
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile(prefix="tcpinspect-")  # noqa: SIM115 - closed with the shelf
        pieces = chunk.unload()
        self._file.seek(self._end)
        self._file.write(b"".join(pieces))
        self._places.setdefault(chunk.first, []).append((self._end, list(map(len, pieces))))
        self._end += sum(map(len, pieces))

    def take(self, chunk: Any) -> None:
        """Give a chunk back all that was stored of it."""
        assert self._file is not None
        for start, sizes in self._places.pop(chunk.first):
            self._file.seek(start)
            chunk.load(*(self._file.read(size) for size in sizes))

    def close(self) -> None:
        """Give the disk its room back."""
        if self._file is not None:
            self._file.close()
            self._file = None
