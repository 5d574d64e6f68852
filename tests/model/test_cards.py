"""What a notebook shows: cards of an analysis, a connection, a timeline, a segment; and questions to frames."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.insight import reading
from tcpinspect.model import strip

from ..conftest import CAPTURES

MANY = CAPTURES / "many-connections.pcapng"


def test_every_connections_strip_has_room_for_its_names_and_tells_the_timeline(captures: list[Path]) -> None:
    for path in captures:
        for connection in ti.analyze(path).connections[:10]:
            laid_out = strip.strip(connection.timeline)
            at = strip.places(laid_out)
            assert at == sorted(at)
            for side in (connection.client, connection.server):
                mine = [box for box in laid_out.boxes if box.side == side.role]
                assert all(left.last == right.first for left, right in pairwise(mine)), path
                assert all(at[box.last] - at[box.first] >= len(box.state) * 6 for box in mine), path
                if mine and not laid_out.left_out:
                    assert mine[-1].state == (side.state or "unknown"), path


def test_the_drawings_are_well_formed(captures: list[Path]) -> None:
    for path in captures:
        analysis = ti.analyze(path)
        pages = [analysis._repr_html_()]
        if len(analysis.connections):
            connection = analysis.connections[0]
            pages += [connection._repr_html_(), connection.timeline._repr_html_(), connection.segments[0]._repr_html_()]
        for page in pages:
            for drawing in re.findall(r"<svg.*?</svg>", page, re.S):
                ET.fromstring(drawing)
        assert all("<svg" in page for page in pages[1:]), path


def test_the_states_before_the_capture_are_not_drawn() -> None:
    boxes = strip.strip(ti.analyze(CAPTURES / "begins-in-the-middle.pcap").connections[0].timeline).boxes
    assert boxes[0].state == "ESTABLISHED" and boxes[0].assumed


def test_hostile_names_are_escaped_in_the_drawing(shown: Path) -> None:
    steps = ti.analyze(shown).connections[0].timeline
    steps[0] = steps[0]._replace(to_state="<b>\x1b")
    assert "<b>" not in strip.svg(steps) and "\x1b" not in strip.svg(steps)


def test_a_card_counts_the_outcomes_and_names_the_findings() -> None:
    page = ti.analyze(MANY)._repr_html_()
    assert "SF: opened and closed normally" in page and ">44<" in page and "findings (19)" in page


def test_a_picture_shows_itself_in_a_notebook(shown: Path) -> None:
    connection = ti.analyze(shown).connections[0]
    png, size = ti.plot.ladder(connection)._repr_png_()
    assert png.startswith(b"\x89PNG") and 400 < size["width"] < 1600
    assert ti.plot.header(ti.lab.craft("S seq=1"))._repr_png_()[0].startswith(b"\x89PNG")


def test_a_frame_answers_questions() -> None:
    analysis = ti.analyze(MANY)
    connections, segments = analysis.frame("connections"), analysis.frame("segments")
    rows = {row.stream: row for row in analysis.connection_rows}
    assert set(connections.tcp.failed()["stream"]) == {n for n, row in rows.items() if row.handshake in ("refused", "unanswered")}
    assert list(connections.tcp.closed_first()) == [reading.closed_first(row) for row in rows.values()]
    assert connections.tcp.outcomes()["connections"].sum() == len(rows) == 61
    assert len(segments.tcp.connection(9)) == len(analysis.connections[9].segments)
    assert set(segments.tcp.retransmissions()["frame"]) == {s.frame for s in analysis.table("segments") if s.retransmission}
    assert set(segments.tcp.flagged("SYN", "ACK").tcp.letters()) == {"S."}
    assert segments.tcp.with_data()["payload_len"].min() > 0
    overview = connections.tcp.plot_overview()
    assert len(overview.lines) + len(overview.collections) + len(overview.patches) > 0


def test_how_long_a_side_stayed_is_the_difference_of_its_steps(shown: Path) -> None:
    analysis = ti.analyze(shown)
    stays = analysis.frame("timeline").tcp.dwell()
    steps = analysis.connections[0].client.timeline
    mine = stays[stays["side"] == "client"]
    assert list(mine["state"]) == [step.to_state for step in steps[:-1]]
    assert list(mine["seconds"]) == pytest.approx([(b.time_ns - a.time_ns) / 1e9 for a, b in pairwise(steps)])


def test_a_question_to_the_wrong_frame_says_which_is_right(shown: Path) -> None:
    frame = ti.analyze(shown).frame("timeline")
    with pytest.raises(AttributeError, match=r"a question to the segments; this is a frame of the timeline"):
        frame.tcp.retransmissions()
    with pytest.raises(AttributeError, match="no table of tcpinspect"):
        _ = frame[["address"]].tcp
