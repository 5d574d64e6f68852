"""Ctrl-C waits until a piece of the engine's work is done. Floor 2.

Python raises KeyboardInterrupt in whatever Python function runs next, also in one that compiled code calls half-way through its work:
while rows are on their way to the disk, for instance. What is left then is not whole, and the engine trusts what it has written. So
an interrupt that comes amid a block (some milliseconds) is answered behind it. Reading and writing, which may take for ever, are
interrupted at once. Reading: Python's documentation of signal, "Note on Signal Handlers and Exceptions".
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Do = Callable[..., Any]


@contextmanager
def unbroken() -> Iterator[Do]:
    """Gives `do(work, *arguments)`, which calls the work and returns what it returns; a SIGINT meanwhile is handled when the work
    has ended. Elsewhere than in the main thread, where no signal is handled, it calls and nothing else."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield lambda work, *arguments: work(*arguments)
        return
    handler: Callable[..., Any] = before
    working = False
    came: list[Any] = []

    def heard(*what: Any) -> None:
        if working:
            came[:] = what
        else:
            handler(*what)

    def do(work: Do, *arguments: Any) -> Any:
        nonlocal working
        working = True
        try:
            return work(*arguments)
        finally:
            working = False
            if came:
                what = came[:]
                came.clear()
                handler(*what)

    signal.signal(signal.SIGINT, heard)
    try:
        yield do
    finally:
        signal.signal(signal.SIGINT, handler)
