"""Memory of the kernel's own for long columns: it grows without being copied, and what is never written takes none. Floor 2.

To come by a page of 4 KiB costs more than to fill it; where it is much, large pages are asked for: a thousandth of the faults.
Reading: mmap(2), mremap(2), madvise(2).
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

LARGE = 2 << 20  # octets from which large pages are worth it
_PRIVATE: dict[str, Any] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def anonymous(octets: int) -> mmap.mmap:
    """All zeros."""
    return _in_large_pages(mmap.mmap(-1, octets, **_PRIVATE))


def grown(memory: mmap.mmap, octets: int) -> mmap.mmap:
    """The same with more room, behind it zeros; who still looks at the old one sees what was there."""
    try:
        memory.resize(octets)
    except (BufferError, SystemError, ValueError):  # somebody looks at it, or the system cannot
        fresh = anonymous(octets)
        fresh[: len(memory)] = memory[:]
        return fresh
    return _in_large_pages(memory)


def _in_large_pages(memory: mmap.mmap) -> mmap.mmap:
    if len(memory) >= LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory
