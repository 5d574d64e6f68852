"""Captures as scripts. The way capture, script, capture is judged by our engine and by tshark, a written script by a real kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

import tcpinspect as ti
from tcpinspect.lab.crafting import exchange
from tcpinspect.lab.packetdrill import replay, run
from tcpinspect.lab.packetdrill.reading import read
from tcpinspect.lab.packetdrill.script import Script
from tcpinspect.lab.packetdrill.writing import SideName, write
from tcpinspect.model.connection import Connection

CAPTURES = Path(__file__).parents[3] / "captures"
FILES = sorted(path for path in CAPTURES.iterdir() if ".pcap" in path.name)
EXCHANGES = ["simultaneous-open-and-close", "time-wait-reuse", "first-fin-lost", "fast-open", "old-duplicate-syn", "corruption",
             "time-wait-repeated-fin", "ecn-agreed"]  # fmt: skip
LAB = [CAPTURES / "lab" / f"{name}.pcap" for name in EXCHANGES]
# What no script can hold, and why.
INCOMPLETE = {
    "begins-in-the-middle.pcap": "begins in the middle",
    "figure-midstream-close.pcap": "begins in the middle",
    "simultaneous-open-and-close.pcap": "same socket",
    "lab/corruption.pcap": "its checksum is wrong",
}


def told(connection: Connection) -> tuple[list[Any], list[Any]]:
    """The segments with flags, relative numbers and lengths, and both sides' steps with the segments that did them."""
    segments = list(connection.segments)
    place = {row.frame: n for n, row in enumerate(segments)}
    steps = [(s.side, s.from_state, s.to_state, s.event, s.evidence, place.get(s.frame)) for s in connection.timeline]
    return [(row.from_client, row.tcp_flags, row.seq, row.ack, row.payload_len) for row in segments], steps


def again(script: Script) -> Connection:
    """The connection of the script's replay."""
    (found,) = ti.analyze(replay.capture(script)).connections
    return found


@pytest.mark.parametrize("path", [*FILES, *LAB], ids=lambda path: str(path.relative_to(CAPTURES)))
def test_capture_script_capture_keeps_flags_numbers_lengths_and_states(path: Path) -> None:
    why_not = INCOMPLETE.get(str(path.relative_to(CAPTURES)))
    for connection in ti.analyze(path).connections:
        for side in get_args(SideName):
            written = write(connection, side=side, source=path.name)
            assert written.complete == (why_not is None)
            if written.copies:
                assert "// Copies:\n//   frame " in written.text
                assert told(again(read(written.text)))[0] == told(connection)[0]
            elif written.complete:
                assert told(again(read(written.text))) == told(connection)
            else:
                assert why_not in written.lost[0]
                assert "// Segments: incomplete:\n//   " in written.text


def test_the_comparison_sees_a_segment_that_is_missing() -> None:
    """The property above would notice: without any one of its segments the script tells another story."""
    connection = ti.analyze(CAPTURES / "normal-close-by-client.pcap").connections[0]
    script = read(write(connection).text)
    for n, event in enumerate(script.events):
        if event.text[0] in "<>":
            less = replace(script, events=script.events[:n] + script.events[n + 1 :])
            assert told(again(less)) != told(connection)


@pytest.mark.parametrize("name", ["figure-7-simultaneous-open", "ipv6-normal-close", "zero-window"])
def test_tshark_sees_the_same_segments(name: str, tmp_path: Path, tshark: Callable[..., list[dict[str, str]]]) -> None:
    fields = ("tcp.flags", "tcp.len", "tcp.seq", "tcp.ack", "tcp.options.mss_val", "tcp.options.sack.count", "tcp.options.timestamp.tsval")
    connection = ti.analyze(CAPTURES / f"{name}.pcap").connections[0]
    (tmp_path / "again.pcap").write_bytes(replay.capture(read(write(connection).text), classic=True))
    assert tshark(tmp_path / "again.pcap", *fields) == tshark(CAPTURES / f"{name}.pcap", *fields)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("normal-close-by-client", "server"),
        ("three-segment-close", "client"),
        ("reset-by-linger", "client"),
        ("figure-12-normal-close", "server"),
        ("ipv6-normal-close", "server"),
        ("simultaneous-open", "client"),
    ],
)
def test_a_kernel_passes_the_script_of_its_own_capture(name: str, side: Literal["client", "server"], private_network: None) -> None:
    connection = ti.analyze(CAPTURES / f"{name}.pcap").connections[0]
    script = read(write(connection, side=side).text, name)
    # The tap was 10 to 40 ms away from this side, and this machine may have other work.
    result = run.on_kernel(replace(script, surroundings=replace(script.surroundings, tolerance_ns=400_000_000)))
    assert result.mismatch is None
    mine = [str(step.to_state) for step in getattr(connection, side).timeline if step.evidence != "assumed"]
    assert [str(step.to_state) for step in result.steps if str(step.to_state) != "LISTEN"] == mine


def test_what_cannot_be_said_is_said_in_the_script() -> None:
    made = exchange("S seq=x reserved=5", "< S. seq=y ack=x+1", ". seq=x+1 ack=y+1 checksum=1 <mss 5 length 9>").analysis()
    written = write(made.connections[0])
    assert [re.sub(r"[,:;].*", "", one) for one in written.lost] == ["frame 1", "frame 3", "frame 3"]
    for part in ("reserved bits are 101", "impossible length", "checksum is wrong"):
        assert any(part in one for one in written.lost)
        assert part in written.text
    assert read(written.text).events


def test_guesses_about_calls_are_named() -> None:
    for name, guess in (("simultaneous-close", "they crossed"), ("reset-by-linger", "written as an abort"), ("keep-alive", "SO_KEEPALIVE")):
        connection = ti.analyze(CAPTURES / f"{name}.pcap").connections[0]
        doubts = [doubt for side in get_args(SideName) for doubt in write(connection, side=side).doubts]
        assert any(guess in doubt for doubt in doubts), name


def test_the_head_names_a_hostile_capture_harmlessly() -> None:
    connection = ti.analyze(CAPTURES / "refused.pcap").connections[0]
    script = read(write(connection, source="x\n0 close(3) = 0\x1b[31m").text)
    assert [event.text for event in script.events] == ["< S 0:0(0) win 64240 " + _options(script), "> R. 0:0(0) ack 1 win 0"]


def _options(script: Script) -> str:
    return script.events[0].text.partition("win 64240 ")[2]
