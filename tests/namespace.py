"""A private network namespace for a test: its own interfaces, its own packets, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


class Namespace:
    """Runs commands inside; `left` and `right` are the ends of a veth pair without addresses."""

    PEER = Path(__file__).with_name("peer.py")

    def __init__(self) -> None:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self._holder = subprocess.Popen(
            ["unshare", *user, "--net", "sh", "-c", "echo there; exec sleep 600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None and self._holder.stderr is not None
        if self._holder.stdout.readline() != "there\n":
            pytest.skip(f"no private network namespace here: {self._holder.stderr.read().strip()}")
        enter = ["--user", "--preserve-credentials"] if user else []
        self._enter = ["nsenter", "--target", str(self._holder.pid), *enter, "--net"]
        # Linux says something over IPv6 of its own accord whenever a link comes up; these tests count packets.
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
        self.run("ip", "link", "set", "left", "up")
        self.run("ip", "link", "set", "right", "up")
        self.at_work("left", "right")

    def run(self, *command: str) -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run([*self._enter, *command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def at_work(self, *devices: str) -> None:
        """Wait until the kernel's worker has seen that they are up: before, what is sent there is dropped, and no tap sees it."""
        for device in devices:
            while " state UP " not in self.run("ip", "-o", "link", "show", device):
                time.sleep(0.001)

    def start(self, *command: str, **options: object) -> subprocess.Popen[str]:
        """Start a command; its output is piped."""
        streams: dict[str, object] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}  # type: ignore[dict-item]
        return subprocess.Popen([*self._enter, *command], env=environment, **{**streams, **options})  # type: ignore[call-overload, no-any-return]

    def listener(self, *words: str, **options: object) -> subprocess.Popen[str]:
        """`tcpinspect capture` with these words, once it listens."""
        return self.listening(self.start(sys.executable, "-m", "tcpinspect", "capture", *words, **options))

    def tcpdump(self, *words: str) -> subprocess.Popen[str]:
        """tcpdump with these words, once it listens; the test skips where there is none."""
        if shutil.which("tcpdump") is None:
            pytest.skip("tcpdump is not installed")
        # In immediate mode its buffer is an array of packets as large as the snap length: few, unless that is small.
        return self.listening(self.start("tcpdump", "-Z", "root", "--immediate-mode", "-U", "-s", "65535", "-B", "65536", *words))

    def peer(self, *words: str) -> str:
        """Make traffic: see peer.py."""
        return self.run(sys.executable, str(self.PEER), *words)

    @property
    def enter(self) -> tuple[str, ...]:
        """The words before a command that run it inside."""
        return tuple(self._enter)

    def close(self) -> None:
        """End it, with all that lives in it."""
        self._holder.kill()
        self._holder.wait()

    @staticmethod
    def listening(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        """The process once its stderr says that it listens."""
        assert process.stderr is not None
        line = process.stderr.readline()
        while "istening on" not in line:
            assert line, f"{process.args} ended with {process.wait()}"
            line = process.stderr.readline()
        return process

    @staticmethod
    def ended(process: subprocess.Popen[str], signal_number: int | None = None, *, after_s: float = 0.2) -> tuple[int, str]:
        """Send the signal, if any, and wait: the exit code, and what else it said on stderr."""
        if signal_number is not None:
            time.sleep(after_s)
            process.send_signal(signal_number)
        said = process.communicate(timeout=30)[1]
        return process.returncode, said
