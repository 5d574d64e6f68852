"""The line of progress: on a terminal, when the work lasts, and gone at the end."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tcpinspect.cli.progress import line

from .conftest import LOSSY, start

DATA = Path(LOSSY).read_bytes()


@pytest.mark.parametrize(
    ("octets", "packets", "seconds", "total", "says"),
    [
        (50_000_000, 500_000, 2.0, 200_000_000, "25 % of 200 MB, 500,000 packets, 250,000/s, 6 s left"),
        (1, 10, 1.0, 10_000, "0 % of 10 kB, 10 packets, 10/s, 2 h 46 min left"),
        (1500, 15, 1.0, None, "1.5 kB, 15 packets, 15/s"),
        (4_000, 8, 2.0, 4_000, "all of 4.0 kB read, 8 packets; putting the connections together"),
        (0, 0, 1.0, 0, "0 B, 0 packets, 0/s"),
    ],
)
def test_words_of_the_line(octets: int, packets: int, seconds: float, total: int | None, says: str) -> None:
    assert line(octets, packets, seconds, total) == says


def seen(*words: str, terminal: bool = True, interrupt: bool = False, env: dict[str, str] | None = None) -> tuple[str, int, bytes]:
    """What stderr got while a capture came slowly through a pipe, the exit code, and stdout."""
    if terminal:
        ours, theirs = pty.openpty()
    else:
        ours, theirs = os.pipe()
    process = start("connections", "-", "-T", "csv", *words, stdin=subprocess.PIPE, stderr=theirs, env=env or {})
    os.close(theirs)
    assert process.stdin is not None and process.stdout is not None
    step = len(DATA) // 64
    for n in range(32):
        process.stdin.write(DATA[n * step : (n + 1) * step])
        process.stdin.flush()
        time.sleep(0.06)
    n = 32
    if terminal and "-q" not in words:
        # a slow machine may only just have begun
        deadline = time.monotonic() + 20
        while not select.select([ours], [], [], 0.3)[0] and time.monotonic() < deadline and n < 48:
            process.stdin.write(DATA[n * step : (n + 1) * step])
            process.stdin.flush()
            n += 1
    if interrupt:
        process.send_signal(signal.SIGINT)
    else:
        process.stdin.write(DATA[n * step :])
    out, _ = process.communicate(timeout=30)
    text = b""
    try:
        while piece := os.read(ours, 65536):
            text += piece
    except OSError:  # a terminal whose other side is closed
        pass
    os.close(ours)
    return text.decode(), process.returncode, out


def test_progress_appears_and_goes_away() -> None:
    text, code, out = seen()
    assert code == 0 and out.count(b"\n") == 2
    assert " packets, " in text and "\x1b" not in text and "\n" not in text
    assert text.endswith("\r") and text.rsplit("\r", 2)[1].strip() == ""


def test_ctrl_c_clears_the_line() -> None:
    text, code, out = seen(interrupt=True)
    assert code == 130 and out.count(b"\n") == 2
    shown, _, rest = text.partition("tcpinspect: warning: interrupted")
    assert " packets, " in shown and shown.endswith("\r") and shown.rsplit("\r", 2)[1].strip() == "" and rest


def test_quiet_and_pipes_show_none() -> None:
    assert seen("-q")[0] == ""
    assert seen(terminal=False)[0] == ""
