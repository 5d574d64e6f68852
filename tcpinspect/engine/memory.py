"""Memory of the kernel's own for long columns: it grows without being copied, and what is never written takes none. Floor 2.

Large pages are not asked for: they spare page faults, but a virtual machine may have to ask its host for each, and with five million
packets that cost a fifth more than the faults. Reading: mmap(2), mremap(2).
"""

from __future__ import annotations

import mmap
from typing import Any

_PRIVATE: dict[str, Any] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def anonymous(octets: int) -> mmap.mmap:
    """All zeros."""
    return mmap.mmap(-1, octets, **_PRIVATE)


def grown(memory: mmap.mmap, octets: int) -> mmap.mmap:
    """The same with more room, behind it zeros; who still looks at the old one sees what was there."""
    try:
        memory.resize(octets)
    except (BufferError, SystemError, ValueError):  # somebody looks at it, or the system cannot
        fresh = anonymous(octets)
        fresh[: len(memory)] = memory[:]
        return fresh
    return memory
