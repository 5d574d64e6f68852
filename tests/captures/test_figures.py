"""The figures of RFC 9293 and the hard cases: written octet for octet the same, and told as the figure tells them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tcpinspect as ti

CAPTURES = Path(__file__).parents[2] / "captures"
FILES = sorted(path.name for path in CAPTURES.glob("figure-*.pcap"))

ACTIVE = "SYN-SENT ESTABLISHED"
PASSIVE = "LISTEN SYN-RECEIVED ESTABLISHED"
CLOSES_FIRST = " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
CLOSES_SECOND = " CLOSE-WAIT LAST-ACK CLOSED"
# File → a line a stream: states of A (the client), states of B, handshake, teardown.
TOLD: dict[str, list[tuple[str, str, str, str]]] = {
    "figure-6-three-way-handshake": [(ACTIVE, PASSIVE, "three-way", "open")],
    "figure-7-simultaneous-open": [
        ("SYN-SENT SYN-RECEIVED ESTABLISHED", "SYN-SENT SYN-RECEIVED ESTABLISHED", "simultaneous", "open"),
    ],
    # Whoever watches at B cannot know that A did not send the old SYN.
    "figure-8-old-duplicate-syn": [
        ("SYN-SENT CLOSED", "LISTEN SYN-RECEIVED CLOSED", "incomplete", "aborted"),
        (ACTIVE, PASSIVE, "three-way", "open"),
    ],
    "figure-8-seen-at-a": [(ACTIVE, "LISTEN SYN-RECEIVED CLOSED LISTEN SYN-RECEIVED ESTABLISHED", "three-way", "open")],
    "figure-9-half-open-found-by-syn": [
        (ACTIVE, PASSIVE, "three-way", "open"),
        (ACTIVE, "ESTABLISHED CLOSED " + PASSIVE, "three-way", "open"),
    ],
    "figure-10-half-open-found-by-data": [(ACTIVE + " CLOSED", PASSIVE + " CLOSED", "three-way", "aborted")],
    "figure-11-old-syn-at-two-listeners": [("", "LISTEN SYN-RECEIVED CLOSED", "incomplete", "aborted")],
    "figure-12-normal-close": [(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_SECOND, "three-way", "four-segment")],
    "figure-13-simultaneous-close": [
        (ACTIVE + " FIN-WAIT-1 CLOSING TIME-WAIT", PASSIVE + " FIN-WAIT-1 CLOSING TIME-WAIT", "three-way", "simultaneous"),
    ],
    "figure-reset-in-window": [(ACTIVE + " FIN-WAIT-1 TIME-WAIT", PASSIVE + CLOSES_SECOND, "three-way", "three-segment")],
    "figure-reset-injected": [(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_SECOND, "three-way", "four-segment")],
    "figure-challenge-ack-in-last-ack": [(ACTIVE + CLOSES_FIRST, PASSIVE + CLOSES_SECOND, "three-way", "four-segment")],
    "figure-overlap-conflict": [(ACTIVE + " FIN-WAIT-1 TIME-WAIT", PASSIVE + CLOSES_SECOND, "three-way", "three-segment")],
    "figure-syn-ack-never-acknowledged": [("SYN-SENT", "LISTEN SYN-RECEIVED", "incomplete", "open")],
    "figure-midstream-close": [("ESTABLISHED" + CLOSES_SECOND, "ESTABLISHED" + CLOSES_FIRST, "none", "four-segment")],
    "figure-syn-cookie": [(ACTIVE, PASSIVE, "three-way", "open")],
}
# The steps that each case is about: (stream, side, state entered) → (frame, event).
STEPS: dict[str, dict[tuple[int, str, str], tuple[int, str]]] = {
    "figure-7-simultaneous-open": {(0, "client", "SYN-RECEIVED"): (2, "RCV-SYN"), (0, "server", "SYN-SENT"): (2, "OPEN-ACTIVE")},
    "figure-8-seen-at-a": {(0, "client", "ESTABLISHED"): (4, "RCV-SYN-ACK")},
    "figure-9-half-open-found-by-syn": {(1, "server", "CLOSED"): (8, "RCV-RST"), (1, "client", "ESTABLISHED"): (10, "RCV-SYN-ACK")},
    "figure-10-half-open-found-by-data": {(0, "client", "CLOSED"): (7, "ABORT"), (0, "server", "CLOSED"): (7, "RCV-RST")},
    "figure-13-simultaneous-close": {(0, "client", "CLOSING"): (5, "RCV-FIN"), (0, "server", "CLOSING"): (4, "RCV-FIN")},
    "figure-challenge-ack-in-last-ack": {
        (0, "client", "FIN-WAIT-2"): (5, "RCV-ACK-OF-FIN"),
        (0, "client", "TIME-WAIT"): (11, "RCV-FIN"),
        (0, "server", "CLOSED"): (12, "RCV-ACK-OF-FIN"),
    },
    "figure-syn-ack-never-acknowledged": {(0, "server", "SYN-RECEIVED"): (1, "RCV-SYN")},
}

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def test_every_figure_is_told_and_in_the_readme() -> None:
    assert [f"{name}.pcap" for name in sorted(TOLD)] == FILES
    readme = (CAPTURES / "README.md").read_text(encoding="utf-8")
    assert [name for name in FILES if f"| `{name}` |" not in readme] == []


def test_writing_anew_gives_the_same_octets(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(CAPTURES / "figures.py"), "-o", str(tmp_path)], check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (CAPTURES / name).read_bytes(), name


def test_list_names_every_figure_and_writes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(CAPTURES / "figures.py"), "--list", "-o", str(tmp_path)]
    listed = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    assert sorted(line.split()[0] for line in listed.splitlines()) == FILES and not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", TOLD)
def test_both_sides_go_through_the_states_of_the_figure(name: str) -> None:
    analysis = ti.analyze(CAPTURES / f"{name}.pcap")
    told = [
        (*(" ".join(step.to_state for step in side.timeline) for side in (c.client, c.server)), c.handshake, c.teardown)
        for c in analysis.connections
    ]
    assert told == TOLD[name]
    assert {c.client.address for c in analysis.connections} == {"192.0.2.10"}
    steps = {(row.stream, row.side, row.to_state): (row.frame, row.event) for row in analysis.table("timeline")}
    assert {key: steps[key] for key in STEPS.get(name, {})} == STEPS.get(name, {})


@pytest.mark.parametrize("name", TOLD)
def test_a_step_without_a_frame_is_assumed_and_what_is_observed_has_one(name: str) -> None:
    for row in ti.analyze(CAPTURES / f"{name}.pcap").table("timeline"):
        assert (row.frame is None) == (row.event in ("OPEN-PASSIVE", "TIMEOUT-2MSL"))
        assert row.frame is not None or row.evidence == "assumed"


def test_the_syn_ack_that_nobody_answered_leaves_a_doubt() -> None:
    (c,) = ti.analyze(CAPTURES / "figure-syn-ack-never-acknowledged.pcap").connections
    assert "never answered" in c.client.timeline[-1].doubt
    assert c.server.timeline[-1].doubt is None


@needs_tshark
@pytest.mark.parametrize("name", TOLD)
def test_tshark_finds_nothing_malformed_and_every_checksum_right(name: str) -> None:
    command = ["tshark", "-n", "-r", str(CAPTURES / f"{name}.pcap"), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command += ["-T", "fields", "-e", "tcp.checksum.status", "-e", "ip.checksum.status", "-e", "_ws.malformed"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    frames = len(list(ti.analyze(CAPTURES / f"{name}.pcap").table("segments")))
    assert lines == ["1\t1\t"] * frames
