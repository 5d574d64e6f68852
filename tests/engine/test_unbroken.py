"""engine.unbroken: Ctrl-C amid the engine's work is answered behind it. (What it saves: `tests/model/test_stream.py`.)"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from tcpinspect.engine.unbroken import unbroken


def ctrl_c() -> None:
    """What a terminal does; Python answers it in the next function that it runs."""
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_for_the_end_of_the_work() -> None:
    done = []

    def work(what: str) -> None:
        ctrl_c()
        done.extend(letter for letter in what)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), unbroken() as do:
        do(work, "all of it")
    assert "".join(done) == "all of it" and signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_between_two_works_is_answered_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), unbroken() as do:
        assert do(max, 1, 2) == 2
        ctrl_c()
        do(pytest.fail, "was done after the interrupt")


def test_other_threads_have_no_signals_and_work_all_the_same() -> None:
    found: list[Any] = []

    def elsewhere() -> None:
        with unbroken() as do:
            found.append(do(min, 1, 2))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found == [1]
