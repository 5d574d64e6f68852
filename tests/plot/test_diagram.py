"""The state diagram as data: its boxes apart, its arcs those of TRANSITIONS, and the paths of real connections on it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.plot.diagram import machine
from tcpinspect.plot.diagram_map import END, HALF_HEIGHT, HALF_WIDTH, OTHERS, PLACES, ROUTES
from tcpinspect.protocol.rfc9293 import TRANSITIONS, State

from .conversation import Conversation, usual

CAPTURES = Path(__file__).parents[2] / "captures"


def way(connection: object, side: str) -> list[tuple[str, str]]:
    arcs = machine([connection]).arcs
    return [(arc.start, arc.end) for arc in arcs if any(passage.side == side for passage in arc.passages)]


def test_every_state_has_its_box_and_no_two_meet() -> None:
    assert set(PLACES) == {str(state) for state in State} | {END}
    for (ax, ay), (bx, by) in itertools.combinations(PLACES.values(), 2):
        assert abs(ax - bx) > 2 * HALF_WIDTH + 0.2 or abs(ay - by) > 2 * HALF_HEIGHT + 0.2


def test_every_route_is_an_arc_of_the_table() -> None:
    arcs = {(str(t.state), str(t.to)) for t in TRANSITIONS}
    for start, end in [*ROUTES, *OTHERS]:
        assert (start, "CLOSED" if end == END else end) in arcs, (start, end)


def test_bare_diagram_has_the_arcs_of_figure_5_and_counts_the_others() -> None:
    picture = machine([])
    assert {(arc.start, arc.end) for arc in picture.arcs} == set(ROUTES) and picture.hidden > 0
    assert not any(arc.passages for arc in picture.arcs) and not any(node.visited for node in picture.nodes)


def test_arcs_begin_and_end_at_the_edges_of_their_boxes_and_cross_no_other() -> None:
    for arc in machine([]).arcs:
        for end, point in ((arc.start, arc.points[0]), (arc.end, arc.points[-1])):
            x, y = PLACES[end]
            assert abs(abs(point[0] - x) - HALF_WIDTH) < 0.12 or abs(abs(point[1] - y) - HALF_HEIGHT) < 0.12, arc
        others = [place for name, place in PLACES.items() if name not in (arc.start, arc.end)]
        assert not any(abs(px - x) < HALF_WIDTH and abs(py - y) < HALF_HEIGHT for px, py in arc.points for x, y in others), arc


def test_usual_connection_goes_the_usual_way() -> None:
    assert way(usual(), "client") == [
        ("CLOSED", "SYN-SENT"), ("SYN-SENT", "ESTABLISHED"), ("ESTABLISHED", "FIN-WAIT-1"), ("FIN-WAIT-1", "FIN-WAIT-2"),
        ("FIN-WAIT-2", "TIME-WAIT"),
    ]  # fmt: skip
    assert way(usual(), "server") == [
        ("CLOSED", "LISTEN"), ("LISTEN", "SYN-RECEIVED"), ("SYN-RECEIVED", "ESTABLISHED"), ("ESTABLISHED", "CLOSE-WAIT"),
        ("CLOSE-WAIT", "LAST-ACK"), ("LAST-ACK", END),
    ]  # fmt: skip


def test_passages_name_their_frames_and_the_weakest_evidence() -> None:
    by_way = {(arc.start, arc.end): arc for arc in machine([usual()]).arcs}
    (listen,) = by_way["CLOSED", "LISTEN"].passages
    assert (listen.frames, listen.evidence, listen.times) == ((), "assumed", 1)
    (opened,) = by_way["CLOSED", "SYN-SENT"].passages
    assert (opened.side, opened.frames, opened.evidence) == ("client", (1,), "observed")
    assert by_way["SYN-SENT", "ESTABLISHED"].words == ("RCV-SYN-ACK / ACK",)


def test_simultaneous_close_goes_through_closing_on_both_sides() -> None:
    connection = ti.analyze(CAPTURES / "simultaneous-close.pcap").connections[0]
    for side in ("client", "server"):
        assert {("FIN-WAIT-1", "CLOSING"), ("CLOSING", "TIME-WAIT")} <= set(way(connection, side))


def test_many_connections_are_counted_on_every_arc() -> None:
    analysis = ti.analyze(CAPTURES / "many-connections.pcapng")
    picture = machine(analysis.connections)
    steps = [step for step in analysis.table("timeline").rows() if step.event != "CAPTURE-START"]
    assert sum(arc.times for arc in picture.arcs) == len(steps)
    assert picture.connections == len(analysis.connections) and picture.busiest == 61
    resets = next(arc for arc in picture.arcs if (arc.start, arc.end) == ("ESTABLISHED", END))
    assert set(resets.words) == {"RCV-RST", "ABORT / RST"} and not resets.figure


def test_capture_that_began_in_the_middle_says_where() -> None:
    picture = machine([ti.analyze(CAPTURES / "begins-in-the-middle.pcap").connections[0]])
    notes = {node.name: node.notes for node in picture.nodes}
    assert notes["ESTABLISHED"] == ("the capture began here",) and not next(n for n in picture.nodes if n.name == "SYN-SENT").visited


@pytest.mark.parametrize("state", [None, "FIN-WAIT-2"])
def test_step_the_table_does_not_have_is_drawn_and_one_of_an_unknown_state_is_not(state: str | None) -> None:
    talk = Conversation().open()
    talk.timeline[-1].from_state, talk.timeline[-1].to_state = "SYN-RECEIVED", state
    pairs = {(arc.start, arc.end) for arc in machine([talk.connection()]).arcs if arc.passages}
    assert (("SYN-RECEIVED", "FIN-WAIT-2") in pairs) is (state is not None)
