"""A capture where a connection is drawn, a connection where a capture is: one line says what to give instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

import tcpinspect as ti
import tcpinspect.plot as plot
from tcpinspect.errors import UsageError
from tcpinspect.insight.dissect import frame_of

CAPTURE = str(Path(__file__).parents[2] / "captures" / "half-close-with-data.pcap")
OF_A_CONNECTION = ("ladder", "states", "sequence", "rtt", "window", "throughput", "segments")
OF_A_CAPTURE = ("overview", "dwell", "handshakes", "teardowns")
OF_A_FRAME = ("header", "layers")


@pytest.fixture(scope="module")
def analysis() -> ti.Analysis:
    return ti.analyze(CAPTURE)


def refusal(name: str, what: Any) -> str:
    """What the picture says of it; its own kind of error is that of a wrong call and Python's own at once."""
    with pytest.raises(UsageError) as raised:
        getattr(plot, name)(what)
    assert isinstance(raised.value, TypeError)
    return str(raised.value)


def test_every_picture_is_asked_here() -> None:
    assert {*OF_A_CONNECTION, *OF_A_CAPTURE, *OF_A_FRAME, "machine", "save"} == set(plot.__all__)


@pytest.mark.parametrize("name", OF_A_CONNECTION)
def test_an_analysis_is_no_connection(name: str, analysis: ti.Analysis) -> None:
    assert refusal(name, analysis) == f"{name} draws one connection, not an Analysis: give it analysis.connections[0]"
    assert "not a list" in refusal(name, [analysis.connections[0]]) and "not a Side" in refusal(name, analysis.connections[0].client)


@pytest.mark.parametrize("name", OF_A_CAPTURE)
def test_a_connection_is_no_capture(name: str, analysis: ti.Analysis) -> None:
    said = refusal(name, analysis.connections[0])
    assert said == f"{name} draws a whole capture, not a Connection: give it the analysis, as analyze() returns it"


@pytest.mark.parametrize("name", OF_A_FRAME)
def test_a_capture_is_no_frame(name: str, analysis: ti.Analysis) -> None:
    for wrong, called in ((analysis, "an Analysis"), (analysis.connections[0], "a Connection"), (None, "None")):
        assert f"not {called}: give it" in refusal(name, wrong)
    assert getattr(plot, name)(frame_of(CAPTURE, 1)), "what the text says to give is drawn"


def test_the_machine_takes_one_connection_several_or_all(analysis: ti.Analysis) -> None:
    for right in (analysis, analysis.connections, analysis.connections[0], iter(analysis.connections)):
        assert plot.machine(right)
    for wrong in (3, None, analysis.connections[0].client, [3]):
        assert "machine draws connections, not" in refusal("machine", wrong)


def test_what_is_no_axes_is_neither_drawn_into_nor_saved(analysis: ti.Analysis, tmp_path: Path) -> None:
    for draw in (lambda: plot.ladder(analysis.connections[0], ax=5), lambda: plot.save(None, tmp_path / "no.png")):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"not (5|from None)$") as raised:
            draw()
        assert isinstance(raised.value, TypeError)
