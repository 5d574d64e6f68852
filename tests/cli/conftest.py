"""What the tests of the command share: the project's own captures, and the command run in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tcpinspect.cli import main

CAPTURES = Path(__file__).parents[2] / "captures"
HALF_CLOSE = str(CAPTURES / "half-close-with-data.pcap")
LOSSY = str(CAPTURES / "lossy-transfer.pcap")
MANY = str(CAPTURES / "many-connections.pcapng")


class Ending(NamedTuple):
    """How a run of the command ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


Command = Callable[..., Ending]


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with these words, in this process; stdout is no terminal."""
    for name in ("COLUMNS", "LC_ALL", "NO_COLOR", "TCPINSPECT_DEBUG", "_TCPINSPECT_COMPLETE"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Ending:
        capsysbinary.readouterr()
        code = main(words)
        out, err = capsysbinary.readouterr()
        return Ending(code, out, err.decode())

    return run


def start(*words: str, **options: object) -> subprocess.Popen[bytes]:
    """The command as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(CAPTURES.parent), "PYTHONIOENCODING": "utf-8"}
    environment.update(options.pop("env", {}))  # type: ignore[call-overload]
    streams: dict[str, object] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-m", "tcpinspect", *words], env=environment, **streams)  # type: ignore[call-overload, no-any-return]


def assert_refused(end: Ending, says: str = "") -> None:
    """Exit code 2, nothing on stdout, one printable line on stderr that says why."""
    assert end.code == 2
    assert end.out == b""
    assert end.err.startswith("tcpinspect: ") and end.err.endswith("\n")
    assert end.err[:-1].isprintable()
    assert says in end.err
