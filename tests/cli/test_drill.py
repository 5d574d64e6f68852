"""drill and export as commands: what they print, their exit codes, their captures."""

from __future__ import annotations

from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.lab.namespaces import usable

from .conftest import CAPTURES, HALF_CLOSE, MANY, Command, assert_refused

SCRIPT = str(Path(__file__).parents[1] / "lab" / "packetdrill" / "scripts" / "passive-open-and-close.pkt")


def test_a_script_that_passes(command: Command, tmp_path: Path) -> None:
    end = command("drill", SCRIPT, "--end", "endpoint", "-o", str(tmp_path / "x.pcap"))
    assert end.code == 0
    first, states, agreement = end.text.splitlines()
    assert first == f"passed: {SCRIPT} against our own endpoint: 20 of 20 events, 5 segments from it"
    assert states == "  states: CLOSED → LISTEN → SYN-RECEIVED → ESTABLISHED → CLOSE-WAIT → LAST-ACK → CLOSED"
    assert agreement == "  the analysis of the capture agrees on 5 of 5 steps"
    assert ti.analyze(tmp_path / "x.pcap").connections[0].teardown


def test_a_script_that_a_kernel_does_not_pass(command: Command, tmp_path: Path) -> None:
    if reason := usable():
        pytest.skip(reason)
    path = tmp_path / "wrong.pkt"
    path.write_text("--tolerance_usecs=150000\n0 < S 5:5(0) win 9\n+0 > R. 0:0(0) ack 7\n")
    end = command("drill", str(path))
    assert end.code == 1
    assert "line 3: acknowledgment number 6, not 7" in end.text
    assert "    expected > R. 0:0(0) ack 7\n    got      > R. 0:0(0) ack 6 win 0\n" in end.text


def test_a_capture_on_stdout_is_alone_there(command: Command) -> None:
    end = command("drill", SCRIPT, "--end", "endpoint", "-o", "-")
    assert len(ti.analyze(end.out).connections) == 1
    assert end.err.startswith("passed: ")


def test_what_is_refused(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.pkt"
    path.write_text("`true`\n0 < S 5:5(0) win 9\n+0 > R. 0:0(0) ack 6\n")
    assert_refused(command("drill", str(path)), "line 1: a shell command is never executed")
    end = command("drill", str(path), "--skip-commands", "--end", "endpoint")
    assert (end.code, end.err) == (0, f"tcpinspect: warning: {path} line 1: a shell command was left out\n")
    assert_refused(command("drill", str(tmp_path / "none.pkt")), "No such file")
    assert_refused(command("export", HALF_CLOSE), "--packetdrill")
    assert_refused(command("export", "--packetdrill", MANY), "choose one with --stream")


def test_a_capture_becomes_a_test(command: Command, tmp_path: Path) -> None:
    out = tmp_path / "figure.pkt"
    assert command("export", "--packetdrill", str(CAPTURES / "figure-6-three-way-handshake.pcap"), "-o", str(out)).code == 0
    assert command("drill", str(out), "--end", "endpoint").code in (0, 1)
    end = command("export", "--packetdrill", str(CAPTURES / "simultaneous-close.pcap"))
    assert end.code == 0
    assert end.text.startswith("// 192.0.2.10:")
    assert end.err.startswith("tcpinspect: warning: stream 0: frame 9 does not acknowledge")
