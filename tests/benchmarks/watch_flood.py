"""How `watch` bears a flood of SYNs: how often it redraws, what it loses, how much memory it takes, whether it names the flood.

`python tests/benchmarks/watch_flood.py [--rate 50000] [--seconds 60]` in a private network namespace with a veth pair, which it
makes for itself (root, or a system that allows user namespaces). `watch` runs in a pseudo-terminal; a page begins where the
cursor goes home. Prints a line every five seconds and one at the end.
"""

from __future__ import annotations

import argparse
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from cable import cpu_seconds, enter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_HOME = b"\x1b[H"
_FLOOD = re.compile(rb"([\d,]+) connections to port 80 of 198\.51\.100\.2")
_EVERY_S = 5


class Watched:
    """`watch` in a pseudo-terminal of 120 × 40 characters: when its pages came, and what is on the last."""

    def __init__(self, words: Sequence[str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        command = [sys.executable, "-m", "tcpinspect", "watch", *words]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        self.pages: list[float] = []
        self.named_s: float | None = None
        self.text = b""

    def read(self, wait_s: float) -> bool:
        """Take what was written within this time; False at the end."""
        if not select.select([self._ours], [], [], wait_s)[0]:
            return True
        try:
            got = os.read(self._ours, 1 << 16)
        except OSError:
            return False
        if _HOME in got:
            self.pages += [time.monotonic()] * got.count(_HOME)
            self.text = b""
        self.text += got
        if self.named_s is None and _FLOOD.search(self.text):
            self.named_s = time.monotonic()
        return bool(got)

    def slowest_s(self, since: float) -> float:
        """The longest time from one page to the next."""
        pages = [one for one in self.pages if one >= since]
        return max((after - before for before, after in itertools.pairwise(pages)), default=float("inf"))

    def rss_mib(self) -> float:
        """What it occupies in memory now."""
        found = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return round(int(found[1]) / 1024, 1) if found else 0.0


def measure(rate: int, seconds: float, words: Sequence[str]) -> dict[str, object]:
    """One flood, and what it did."""
    watched = Watched(["-i", "right", *words])
    while len(watched.pages) < 4:
        if not watched.read(10):
            raise SystemExit(watched.text.decode(errors="replace"))
    sender = subprocess.Popen([sys.executable, HERE / "sender.py", "left", str(rate), str(seconds), "flood"], stdout=subprocess.PIPE)
    start, tick, most = time.monotonic(), 0, 0.0
    while sender.poll() is None:
        watched.read(0.1)
        now = time.monotonic()
        if now - start >= tick * _EVERY_S:
            tick += 1
            most = max(most, watched.rss_mib())
            sample = {"s": round(now - start), "rss_mib": watched.rss_mib(), "slowest_page_s": round(watched.slowest_s(now - _EVERY_S), 3)}
            print(json.dumps(sample), flush=True)
    slowest, pages, cpu = watched.slowest_s(start), len([one for one in watched.pages if one >= start]), cpu_seconds(watched.process.pid)
    spent = time.monotonic() - start
    until = time.monotonic() + 1
    while time.monotonic() < until:
        watched.read(0.1)
    watched.process.send_signal(signal.SIGINT)
    said = b""
    while watched.read(30):
        said = watched.text
    watched.process.wait()
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", said.decode(errors="replace"))
    return {
        **json.loads(sender.communicate()[0]), "pages_a_second": round(pages / spent, 1), "slowest_page_s": round(slowest, 3),
        "rss_mib": most, "cpu_share": round(cpu / spent, 2),
        "flood_named_after_s": None if watched.named_s is None else round(watched.named_s - start, 1), "said": plain[:1500],
    }  # fmt: skip


def main() -> None:
    """Make the namespace, then flood."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("words", nargs="*", help="for watch, after --")
    chosen = parser.parse_args()
    enter()
    print(json.dumps(measure(chosen.rate, chosen.seconds, chosen.words)), flush=True)


if __name__ == "__main__":
    main()
