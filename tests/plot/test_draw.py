"""What is drawn: into which axes, with which texts, into which file; and that no two texts meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import tcpinspect as ti  # noqa: E402
import tcpinspect.plot as plot  # noqa: E402
from tcpinspect.errors import UsageError  # noqa: E402

from .conversation import Conversation, crossing_fins, refused, unanswered, usual  # noqa: E402

CAPTURES = Path(__file__).parents[2] / "captures"


def axes() -> Any:
    figure = Figure(figsize=(8, 8))
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def texts(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]


def boxes(ax: Any) -> list[tuple[str, Any]]:
    """Each text and its box on the canvas; along their arrows the texts are turned a degree or two, which is left out here."""
    figure = ax.get_figure()
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    found = []
    for text in ax.texts:
        if not text.get_text():
            continue
        turn = text.get_rotation()
        if turn != 90:
            text.set_rotation(0)
        box = text.get_window_extent(renderer)
        text.set_rotation(turn)
        found.append((text.get_text(), box))
    return found


CASES = {"1": usual(1), "10": usual(10), "60": usual(60), "400": usual(400), "syns": unanswered(30), "refused": refused()}


@pytest.mark.parametrize("case", CASES)
def test_no_two_texts_meet(case: str) -> None:
    found = boxes(plot.ladder(CASES[case]))
    meeting = [(a, b) for n, (a, one) in enumerate(found) for b, other in found[n + 1 :] if one.padded(-0.5).overlaps(other)]
    assert meeting == []


@pytest.mark.parametrize("draw", [plot.ladder, plot.states])
def test_draws_into_the_axes_it_is_given(draw: Any) -> None:
    mine = axes()
    assert draw(usual(), ax=mine) is mine and (mine.texts or mine.patches)


def test_ladder_names_both_sides_states_and_segments() -> None:
    said = texts(plot.ladder(usual()))
    assert {"client", "192.0.2.1:40000", "SYN-SENT", "TIME-WAIT", "time, ms"} <= set(said)
    assert "SYN, ACK  seq=0 ack=1 len=0" in said and "acknowledges the FIN" in said


def test_states_name_every_state() -> None:
    assert {"SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "LISTEN"} <= set(texts(plot.states(usual())))


def test_phase_that_is_not_there_says_so() -> None:
    with pytest.raises(UsageError, match="no teardown was captured in stream 0"):
        plot.ladder(refused(), phase="teardown")


def test_side_without_states_says_so() -> None:
    assert "unknown" in texts(plot.states(unanswered(2)))


@pytest.mark.parametrize("name", ["half-close-with-data.pcap", "simultaneous-open.pcap", "syn-flood-small.pcap", "many-connections.pcapng"])
def test_names_of_states_stay_in_their_boxes(name: str) -> None:
    connection = ti.analyze(CAPTURES / name).connections[0]
    ax = plot.states(connection)
    renderer = ax.get_figure().canvas.get_renderer()
    ax.get_figure().draw(renderer)
    named = [text for text in ax.texts if text.get_text() != "unknown"]
    assert len(named) == len(ax.patches)
    for box, text in zip(ax.patches, named, strict=True):
        inside, around = text.get_window_extent(renderer), box.get_window_extent(renderer)
        assert around.x0 <= inside.x0 and inside.x1 <= around.x1 and around.y0 <= inside.y0 and inside.y1 <= around.y1, text.get_text()


def test_last_tick_is_written_and_times_close_together_say_how_close() -> None:
    ax = plot.states(ti.analyze(CAPTURES / "simultaneous-open.pcap").connections[0])
    assert [label.get_text().strip() for label in ax.get_xticklabels()][-3:] == ["446 ms", "+28.1 µs", "2 MSL"]


def test_nothing_is_written_where_a_cross_stands() -> None:
    ax = plot.ladder(unanswered(5))
    renderer = ax.get_figure().canvas.get_renderer()
    crosses = [line.get_window_extent(renderer) for line in ax.lines if line.get_marker() == "x"]
    said = [box for text, box in boxes(ax) if "no answer" in text]
    assert len(crosses) == len(said) == 5
    assert not any(cross.overlaps(box) for cross in crosses for box in said)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
@pytest.mark.parametrize("draw", [plot.ladder, plot.states])
def test_same_picture_same_bytes(tmp_path: Path, suffix: str, draw: Any) -> None:
    for name in ("one", "two"):
        plot.save(draw(crossing_fins()), tmp_path / (name + suffix))
    first = (tmp_path / ("one" + suffix)).read_bytes()
    assert len(first) > 1000 and first == (tmp_path / ("two" + suffix)).read_bytes()


def test_svg_keeps_its_text_and_escapes_it(tmp_path: Path) -> None:
    plot.save(plot.ladder(Conversation(client="<script>&$x_1$").open().connection()), tmp_path / "x.svg")
    svg = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert "SYN-RECEIVED</text>" in svg and "&lt;script&gt;&amp;$x_1$</text>" in svg and "<script>" not in svg


def test_save_takes_a_figure_and_refuses_another_ending(tmp_path: Path) -> None:
    ax = plot.ladder(usual())
    plot.save(ax.get_figure(), tmp_path / "x.PNG")
    assert (tmp_path / "x.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        plot.save(ax, tmp_path / "x.gif")


def test_settings_of_others_stay_as_they_are(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plot.save(plot.ladder(usual()), tmp_path / "x.svg")
    plot.states(usual())
    assert dict(matplotlib.rcParams) == before


def test_importing_the_package_loads_no_matplotlib() -> None:
    code = "import sys, tcpinspect.plot.layout; sys.exit(any(m in sys.modules for m in ('matplotlib', 'numpy', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
