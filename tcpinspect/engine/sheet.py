# cython: boundscheck=False
"""All segments of a capture in one piece: each number a run of 64 bits from the first segment to the last. Floor 2; compiled.

`SegmentColumns` writes some thousand rows as narrow as they go; here they are spread while they are in the cache. So a frame takes
its columns as they lie, without a copy. The memory is the kernel's own (anonymous mappings): it grows without being copied, comes
in large pages where it is much, and what is never written (a column of zeros) takes none. Reading: mmap(2), mremap(2), madvise(2).
"""

import cython
import mmap
from contextlib import suppress

from tcpinspect.engine.columns import SEGMENT_ARRAYS

if not cython.compiled:
    from tcpinspect.engine.columns import widen

# What stays as it was written: codes, bits and a length that no table shows as a number.
CODES = {name: SEGMENT_ARRAYS[name] for name in ("side", "analysis", "checksum_status", "marks", "options_len")}
OCTETS = {"q": 8, "H": 2, "B": 1}
PIECE = 65536  # rows of the pieces that it is read in
FIRST_ROOM = 4096
LARGE = 2 << 20  # octets from which a column is worth large pages
_POOL = "options_pool"
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class Sheet:
    """Takes the chunks that `SegmentColumns` closes and copies them. Reads like a list of chunks (rows, arrays by name) of PIECE rows;
    `whole` is all in one chunk. `options_at` counts from the first octet of the whole `options_pool`."""

    def __init__(self):
        self.count = 0
        self.used = 0  # octets of options
        self.room = 0
        self.columns = {}
        self.views = {}
        self.pool = anonymous(mmap.PAGESIZE)
        self.make_room(FIRST_ROOM)

    def append(self, chunk):
        """Copy a chunk: its arrays may be written again."""
        count, arrays = chunk
        at = self.count
        if at + count > self.room:
            self.make_room(at + count)
        for name, view in self.views.items():
            values = arrays[name]
            if name in CODES:
                view[at : at + count] = memoryview(values)[:count]
            elif values[0] or values[count - 1] or values[:count].tobytes().strip(b"\0"):
                widen(values, 0, count, view, at)
        used = arrays["options_at"][count - 1] + arrays["options_len"][count - 1]
        if self.used + used > len(self.pool):
            self.pool = grown(self.pool, 2 * (self.used + used))
        self.pool[self.used : self.used + used] = memoryview(arrays[_POOL])[:used]
        if self.used:
            move(self.views["options_at"], at, at + count, self.used)
        self.used += used
        self.count = at + count

    def make_room(self, rows):
        """For at least so many rows."""
        while self.room < rows:
            self.room = max(FIRST_ROOM, 2 * self.room)
        self.views = {}
        for name in SEGMENT_ARRAYS:
            octets = self.room * OCTETS[CODES.get(name, "q")]
            self.columns[name] = grown(self.columns[name], octets) if name in self.columns else anonymous(octets)
            self.views[name] = memoryview(self.columns[name]).cast(CODES.get(name, "q"))

    def whole(self):
        """All rows as one chunk."""
        return self.part(0, self.count)

    def part(self, first, last):
        """Rows `first` to `last` (not included) as a chunk."""
        arrays = {name: view[first:last] for name, view in self.views.items()}
        arrays[_POOL] = memoryview(self.pool)
        return last - first, arrays

    def __len__(self):
        return -(-self.count // PIECE)

    def __getitem__(self, number):
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.part(number * PIECE, min(self.count, (number + 1) * PIECE))


def anonymous(octets):
    """Memory of its own, all zeros, of which only what is written takes room."""
    return in_large_pages(mmap.mmap(-1, octets, **_PRIVATE))


def grown(memory, octets):
    """The same with more room."""
    try:
        memory.resize(octets)
    except (BufferError, SystemError, ValueError):  # somebody looks at it, or the system cannot
        fresh = anonymous(octets)
        fresh[: len(memory)] = memory[:]
        return fresh
    return in_large_pages(memory)


def in_large_pages(memory):
    """Ask for them where it is worth it: a thousandth of the page faults, a sixth of their time."""
    if len(memory) >= LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def move(values, first, last, by):
    """Add `by` to each of these numbers."""
    n: cython.longlong
    begin: cython.longlong = first
    end: cython.longlong = last
    more: cython.longlong = by
    to: cython.longlong[::1] = values
    for n in range(begin, end):
        to[n] += more
