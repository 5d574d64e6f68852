"""Every kind of picture: beside a stored one, of every capture, in the axes it is given, on light and dark paper.

The stored pictures are made again with WRITE_BASELINES=1; ALL_PICTURES=1 draws every kind of every capture, not a sample.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

matplotlib = pytest.importorskip("matplotlib")

import tcpinspect as ti  # noqa: E402
import tcpinspect.plot as plot  # noqa: E402
from tcpinspect.insight.dissect import frame_of  # noqa: E402

from .apart import meeting  # noqa: E402

CAPTURES = Path(__file__).parents[2] / "captures"
BASELINE = Path(__file__).parent / "baseline"
OF_A_CONNECTION = ("ladder", "states", "machine", "sequence", "throughput", "rtt", "window", "segments")
OF_A_CAPTURE = ("overview", "handshakes", "teardowns", "dwell")
OF_A_FRAME = ("header", "layers")
KINDS = OF_A_CONNECTION + OF_A_CAPTURE
ALL = sorted(p.name for p in CAPTURES.iterdir() if ".pcap" in p.name)
# What is rarely seen: arcs that are no part of figure 5, both sides on one way, marks where the legend would stand.
RARE = [("machine", "lab/data-after-close.pcap"), ("machine", "lab/orphaned-fin-wait-2.pcap"), ("machine", "simultaneous-open.pcap"),
        ("sequence", "lab/two-way-handshake.pcap"), ("sequence", "lab/unanswered.pcap"),
        ("sequence", "lab/old-duplicate-syn-unanswered.pcap"), ("ladder", "figure-challenge-ack-in-last-ack.pcap"),
        ("ladder", "lab/old-duplicate-syn-unanswered.pcap")]  # fmt: skip
# Letters are drawn a little differently by every version of matplotlib and freetype; another picture differs by far more.
TOLERANCE, OTHERWISE = 12.0, 20.0


def draw(kind: str, name: str, **options: Any) -> Any:
    if kind in OF_A_FRAME:
        return getattr(plot, kind)(frame_of(CAPTURES / name, 1), **options)
    analysis = ti.analyze(CAPTURES / name)
    return getattr(plot, kind)(analysis if kind in OF_A_CAPTURE else analysis.connections[0], **options)


def small(ax: Any, path: Path) -> Path:
    """The picture at a size that is kept in the repository."""
    ax.get_figure().savefig(path, dpi=45, facecolor="auto", metadata={"Software": "tcpinspect"})
    return path


@pytest.mark.parametrize("kind", KINDS + OF_A_FRAME)
def test_picture_is_like_the_stored_one(kind: str, tmp_path: Path) -> None:
    from matplotlib.testing.compare import compare_images

    ax = draw(kind, "many-connections.pcapng" if kind in OF_A_CAPTURE else "lossy-transfer.pcap")
    stored = BASELINE / f"{kind}.png"
    if os.environ.get("WRITE_BASELINES"):
        small(ax, stored)
    assert compare_images(str(stored), str(small(ax, tmp_path / stored.name)), TOLERANCE) is None


def test_comparison_sees_another_picture(tmp_path: Path) -> None:
    from matplotlib.testing.compare import compare_images

    other = small(draw("sequence", "zero-window.pcap"), tmp_path / "sequence.png")
    found = compare_images(str(BASELINE / "sequence.png"), str(other), TOLERANCE, in_decorator=True)
    assert found is not None and found["rms"] > OTHERWISE


def kinds_for(name: str) -> tuple[str, ...]:
    """Some kinds for each capture, all of them over all captures."""
    if os.environ.get("ALL_PICTURES"):
        return KINDS
    first = ALL.index(name)
    return tuple(KINDS[(first * 5 + n * 3) % len(KINDS)] for n in range(2))


def test_the_sample_holds_every_kind() -> None:
    assert {kind for name in ALL for kind in kinds_for(name)} == set(KINDS)


@pytest.mark.parametrize("name", ALL)
def test_every_capture_is_drawn_and_no_two_texts_meet(name: str, tmp_path: Path) -> None:
    analysis = ti.analyze(CAPTURES / name)
    streams = list(analysis.connections)[: 3 if os.environ.get("ALL_PICTURES") else 1]
    for kind in kinds_for(name):
        for what in [analysis] if kind in OF_A_CAPTURE else streams:
            theme = "dark" if ALL.index(name) % 2 else "light"
            ax = getattr(plot, kind)(what, theme=theme)
            assert meeting(ax) == [], kind
            plot.save(ax, tmp_path / "x.svg")
            assert (tmp_path / "x.svg").read_text(encoding="utf-8").count("<text") > 3


@pytest.mark.parametrize(("kind", "name"), RARE)
def test_no_two_texts_meet_where_much_comes_together(kind: str, name: str) -> None:
    assert meeting(draw(kind, name)) == []


@pytest.mark.parametrize("kind", KINDS + OF_A_FRAME)
def test_draws_into_given_axes_and_fits_their_paper(kind: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), facecolor="#101418")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    assert draw(kind, "half-close-with-data.pcap", ax=ax) is ax
    figure.canvas.draw()
    inks = {matplotlib.colors.to_hex(text.get_color()) for text in ax.findobj(matplotlib.text.Text) if text.get_text()}
    # On dark paper nothing is written in the ink of light paper, but on the colours of the states.
    assert plot.style.DARK.ink in inks or plot.style.DARK.quiet in inks
    assert plot.style.LIGHT.quiet not in inks


@pytest.mark.parametrize("name", ["simultaneous-close.pcap", "reset-by-linger.pcap", "fast-open.pcap", "many-connections.pcapng"])
def test_no_two_texts_of_the_diagram_meet(name: str) -> None:
    analysis = ti.analyze(CAPTURES / name)
    ax = plot.machine(analysis if len(analysis.connections) > 1 else analysis.connections[0])
    renderer = ax.get_figure().canvas.get_renderer()
    ax.get_figure().draw(renderer)
    found = [(text.get_text(), text.get_window_extent(renderer)) for text in ax.texts]
    meeting = [(a, b) for n, (a, one) in enumerate(found) for b, other in found[n + 1 :] if one.padded(-1).overlaps(other)]
    assert meeting == []


@pytest.mark.parametrize("name", ["lossy-transfer.pcap", "zero-window.pcap"])
def test_no_two_marks_of_a_sequence_graph_meet(name: str) -> None:
    ax = draw("sequence", name)
    renderer = ax.get_figure().canvas.get_renderer()
    ax.get_figure().draw(renderer)
    marks = [text for text in ax.texts if text.get_weight() == "bold"]
    found = [(text.get_text(), matplotlib.text.Text.get_window_extent(text, renderer)) for text in marks]
    assert len(found) > 2
    assert not [(a, b) for n, (a, one) in enumerate(found) for b, other in found[n + 1 :] if one.padded(-1.5).overlaps(other)]


def test_neither_pyplot_nor_pandas_is_loaded() -> None:
    path = CAPTURES / "lossy-transfer.pcap"
    code = (
        "import sys, tcpinspect as ti\n"
        f"a = ti.analyze({str(path)!r})\n"
        f"for kind in {OF_A_CONNECTION!r}: getattr(ti.plot, kind)(a.connections[0])\n"
        f"for kind in {OF_A_CAPTURE!r}: getattr(ti.plot, kind)(a)\n"
        "sys.exit(any(m in sys.modules for m in ('matplotlib.pyplot', 'pandas', 'pyarrow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["many-connections.pcapng", "syn-flood-small.pcap", "refused.pcap", "normal-close-by-client.pcap"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_way_through_the_states_runs_into_words(name: str, lang: str) -> None:
    import numpy as np

    analysis = ti.analyze(CAPTURES / name)
    ax = plot.machine(analysis if len(analysis.connections) > 1 else analysis.connections[0], lang=lang)
    renderer = ax.figure.canvas.get_renderer()
    words = [(text.get_text(), text.get_window_extent(renderer)) for text in ax.texts if text.get_zorder() == 4]
    taken = [line for line in ax.lines if line.get_zorder() == 3]
    assert words and taken
    for line in taken:
        half = line.get_linewidth() / 2 / 72 * ax.figure.dpi
        points = ax.transData.transform(np.column_stack(line.get_data()))
        for text, box in words:
            inside = (points > (box.x0 - half, box.y0 - half)) & (points < (box.x1 + half, box.y1 + half))
            assert not inside.all(axis=1).any(), text
