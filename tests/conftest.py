"""What all tests share: the project's own captures, and tshark as the yardstick."""

from __future__ import annotations

import csv
import io
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .namespace import Namespace

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = ROOT / "captures"
# A shell starts its background jobs with SIGINT ignored, and so would be all that the tests start, to interrupt it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def captures() -> list[Path]:
    """Every capture in captures/."""
    return sorted(p for p in CAPTURES.iterdir() if ".pcap" in p.name)


@pytest.fixture(scope="session")
def shown() -> Path:
    """A small capture with one complete connection."""
    return CAPTURES / "normal-close-by-client.pcap"


@pytest.fixture(scope="session")
def tshark() -> Callable[..., list[dict[str, str]]]:
    """tshark(path, field, ...) gives a dictionary a TCP frame; the test skips where tshark is missing."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (Debian package tshark)")

    def fields(path: Path, *names: str, two_pass: bool = False) -> list[dict[str, str]]:
        command = [
            "tshark",
            "-r",
            str(path),
            "-n",
            "-Y",
            "tcp && !icmp && !icmpv6",
            "-T",
            "fields",
            "-E",
            "header=y",
            "-E",
            "separator=/t",
            "-E",
            "occurrence=l",
        ]
        command += ["-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.check_checksum:FALSE"] + (["-2"] if two_pass else [])
        for name in names:
            command += ["-e", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return list(csv.DictReader(io.StringIO(done.stdout), delimiter="\t", quoting=csv.QUOTE_NONE))

    return fields


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A fresh network namespace with lo and a veth pair; the test skips where none can be made."""
    made = Namespace()
    yield made
    made.close()
