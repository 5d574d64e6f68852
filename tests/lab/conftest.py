"""What the tests of the lab share: whether this machine grants private networks, and how to run something as nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tcpinspect.lab.namespaces import usable

ROOT = Path(__file__).parents[2]
_NOBODY = 65534


@pytest.fixture(scope="session")
def private_network() -> None:
    """Skip where no private network namespace can be made; the reason is the lab's own."""
    if reason := usable():
        pytest.skip(reason)


Run = Callable[[str], "subprocess.CompletedProcess[str]"]


def script(code: str, python: str = sys.executable) -> list[str]:
    """A Python that runs this code, with the package in reach whatever the working directory."""
    return [python, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]


@pytest.fixture(scope="session")
def as_nobody() -> Run:
    """as_nobody(code) runs Python code as an ordinary user; skips where the tests cannot become one.

    The interpreter of the tests may lie where only root can read; the lab's kernels need nothing but a standard library.
    """
    identity = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    refusal = "an ordinary user may not run any Python here"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):

        def run(code: str, python: str = python) -> subprocess.CompletedProcess[str]:
            return subprocess.run(script(code, python), capture_output=True, text=True, cwd="/", timeout=60, **identity)  # type: ignore[call-overload]

        try:
            tried = run("from tcpinspect.lab.namespaces import usable; print(usable() or 'usable')")
        except OSError:
            continue
        if tried.stdout.strip() == "usable":
            return run
        refusal = tried.stdout.strip() or f"an ordinary user's Python cannot import this checkout ({python})"
    pytest.skip(refusal)
