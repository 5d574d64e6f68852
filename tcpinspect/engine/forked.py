"""A forked process that does some work and hands over what came out. Floor 2."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any

from tcpinspect.errors import CaptureError


class Forked:
    """A process that does some work and hands over what came out. It ends with this one, and Ctrl-C is this one's to answer."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._end, theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._process = os.fork()
        if not self._process:
            status = 1
            try:
                os.close(self._end)
                with os.fdopen(theirs, "wb") as out:
                    pickle.dump(_outcome(work), out, pickle.HIGHEST_PROTOCOL)
                status = 0
            finally:
                os._exit(status)
        os.close(theirs)

    def interrupt(self) -> None:
        """Let it know of a Ctrl-C that only this process heard: whoever sends SIGINT to one process means all of its work."""
        os.kill(self._process, signal.SIGINT)

    def answer(self) -> Any:
        """What came out. Raises the CaptureError that the work raised, and one when the process is lost."""
        with os.fdopen(self._end, "rb") as source:
            self._end = -1
            try:
                found = pickle.load(source)
            except (EOFError, pickle.UnpicklingError):
                raise CaptureError("a process that read the capture was lost (out of memory?): try again with --jobs 1") from None
        if isinstance(found, CaptureError):
            raise found
        return found

    def close(self) -> None:
        """Wait for the process; end it where nobody waits for its answer any more."""
        if self._end >= 0:
            os.close(self._end)
            os.kill(self._process, signal.SIGKILL)
        if self._process:
            os.waitpid(self._process, 0)
            self._process = 0


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except CaptureError as error:
        return error
    finally:
        no_more_interrupts()


def no_more_interrupts() -> None:
    """In such a process: what was found until now is handed over, however often Ctrl-C is pressed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
