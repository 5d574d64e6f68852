"""Where segments wait on the disk until their connections have ended: memory grows with those alive, not with the capture. Floor 2.

A segment's row needs what only the end of its connection tells: who was the client, and whether a retransmission was needed. So all
rows wait; beyond a number they lie in a temporary file (TMPDIR says where, about 140 octets a row) that has no name and goes with
the process. Reading: mmap(2), madvise(2).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import IO, Any

from tcpinspect.engine.columns import SEGMENT_ARRAYS

Chunk = tuple[int, dict[str, Any]]  # rows, arrays by name: `columns.SegmentColumns.chunks`

MOST = 1 << 17  # rows that may wait in memory
_POOL = "options_pool"
_ALIGNED = 8


class Spool:
    """Takes the chunks that `SegmentColumns` closes, `append` by `append`, and gives them back in order, as often as one likes."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._rows = 0
        self._kept: list[Chunk] = []  # those in memory
        self._file: IO[bytes] | None = None
        self._map: mmap.mmap | None = None
        self._places: list[tuple[int, int, dict[str, tuple[int, int]]]] = []  # rows, end in the file, (begin, octets) of each array

    def __len__(self) -> int:
        return len(self._places) + len(self._kept)

    def append(self, chunk: Chunk) -> None:
        """Store a chunk. Raises OSError when the disk takes no more."""
        self._rows += chunk[0]
        self._kept.append(chunk)
        if self._rows > self._most:
            for waiting in self._kept:
                self._store(*waiting)
            self._kept = []

    def _store(self, count: int, arrays: dict[str, Any]) -> None:
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile(prefix="tcpinspect-")  # noqa: SIM115 - closed with the spool
        places = {}
        for name, values in arrays.items():
            used = arrays["options_at"][count - 1] + arrays["options_len"][count - 1] if name == _POOL else count
            octets = memoryview(values)[:used].cast("B")
            begin = self._file.tell()
            self._file.write(octets)
            self._file.write(bytes(-len(octets) % _ALIGNED))
            places[name] = (begin, len(octets))
        self._places.append((count, self._file.tell(), places))

    def __getitem__(self, number: int) -> Chunk:
        if number >= len(self._places):
            return self._kept[number - len(self._places)]
        assert self._file is not None
        if self._map is None:
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        count, _, places = self._places[number]
        whole = memoryview(self._map)
        arrays: dict[str, Any] = {}
        for name, (begin, size) in places.items():
            code: Any = SEGMENT_ARRAYS.get(name, "B")
            arrays[name] = whole[begin : begin + size].cast(code)
        return count, arrays

    def __iter__(self) -> Iterator[Chunk]:
        return (self[number] for number in range(len(self)))

    def passed(self, number: int) -> None:
        """The chunks up to this one are not wanted soon: the file keeps them, memory need not."""
        if self._map is not None and number < len(self._places) and hasattr(self._map, "madvise"):
            end = self._places[number][1] // mmap.PAGESIZE * mmap.PAGESIZE
            if end:
                self._map.madvise(mmap.MADV_DONTNEED, 0, end)

    def close(self) -> None:
        """Give the disk its room back. Views of the chunks keep the map as long as they live."""
        self._places, self._kept = [], []
        self._map = None
        if self._file is not None:
            self._file.close()
            self._file = None
