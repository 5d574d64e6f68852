"""A signal in the middle of an exchange leaves nothing behind but a whole capture."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT
from .residue import descendants, devices, firewall_rules, gone, networks


def tcpinspect(*words: str) -> subprocess.Popen[str]:
    command, environment = (
        [sys.executable, "-m", "tcpinspect", *words],
        {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [(signal.SIGINT, 130, True), (signal.SIGTERM, 143, True), (signal.SIGKILL, -signal.SIGKILL, False)],
    ids=["SIGINT", "SIGTERM", "SIGKILL"],
)
def test_a_signal_leaves_nothing_but_a_whole_capture(number: int, code: int, told: bool, private_network: None, tmp_path: Path) -> None:
    before = (devices(), firewall_rules())
    own = networks().keys()
    out = tmp_path / "cut.pcapng"
    victim = tcpinspect("lab", "run", "zero-window", "--ends", "kernels", "-o", str(out))
    assert victim.stdout is not None
    began = next((line for line in victim.stdout if "SYN-SENT" in line), None)
    assert began is not None, victim.communicate(timeout=20)[1]
    below = descendants(victim.pid)
    theirs = {link for link, members in networks().items() if below & set(members)} - own
    assert len(theirs) == 2
    with pytest.raises(subprocess.TimeoutExpired):
        victim.wait(random.uniform(0.05, 0.4))
    victim.send_signal(number)
    _, error = victim.communicate(timeout=20)
    assert victim.returncode == code
    assert gone(below | {victim.pid})
    assert not theirs & networks().keys()
    assert (devices(), firewall_rules()) == before
    assert error.count("\n") == told
    if told:
        assert error.startswith("tcpinspect: interrupted after 0.")
        timeline = tcpinspect("timeline", str(out), "-T", "csv")
        rows, complaint = timeline.communicate(timeout=60)
        assert (timeline.returncode, complaint) == (0, "")
        assert "SYN-SENT" in rows and "FIN" not in rows
    else:
        assert not out.exists()
