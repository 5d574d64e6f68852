"""The front door: what a person gets who types `ti.analyze(...)`."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.schema import TABLES

TYPES = {"int": "Int64", "bool": "boolean", "str": "string"}


def test_a_connection_tells_its_story(shown: Path) -> None:
    connection = ti.analyze(shown).connections[0]
    assert [step.to_state for step in connection.client.timeline] == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert [step.to_state for step in connection.server.timeline] == [
        "LISTEN",
        "SYN-RECEIVED",
        "ESTABLISHED",
        "CLOSE-WAIT",
        "LAST-ACK",
        "CLOSED",
    ]
    assert connection.handshake == "three-way" and connection.teardown == "four-segment" and connection.conn_state == "SF"
    assert connection.client.state == "TIME-WAIT" and connection.server.state == "CLOSED"
    assert str(connection.server).endswith(":80")
    assert len(connection.segments) == connection.client.packets + connection.server.packets


def test_steps_of_a_side_join(captures: list[Path]) -> None:
    for path in captures:
        for connection in ti.analyze(path).connections:
            for side in (connection.client, connection.server):
                steps = side.timeline
                assert not steps or steps[0].from_state == "CLOSED", path
                assert all(a.to_state == b.from_state for a, b in itertools.pairwise(steps)), path


def test_every_step_is_an_arc_of_the_table_or_the_start_of_the_capture(captures: list[Path]) -> None:
    arcs = {(str(t.state), str(t.event), str(t.to)) for t in ti.TRANSITIONS}
    for path in captures:
        for step in ti.analyze(path).table("timeline"):
            assert step.event == "CAPTURE-START" or (step.from_state, step.event, step.to_state) in arcs, (path.name, step)


@pytest.mark.parametrize("name", TABLES)
def test_frames_have_the_schemas_columns_and_nullable_types(name: str, captures: list[Path]) -> None:
    for path in captures:
        frame = ti.analyze(path).frame(name)
        assert list(frame.columns) == [c.name for c in TABLES[name]]
        for column in TABLES[name]:
            assert str(frame[column.name].dtype) == TYPES[column.type], column.name


@pytest.mark.parametrize("name", ["segments", "connections", "timeline"])
def test_rows_and_frames_are_the_same(name: str, captures: list[Path]) -> None:
    for path in captures:
        table = ti.analyze(path).table(name)
        columns = table.to_arrow().to_pydict()
        assert [tuple(row) for row in table] == list(zip(*columns.values(), strict=True))


def test_columns_that_cannot_be_null_are_not(captures: list[Path]) -> None:
    for path in captures:
        analysis = ti.analyze(path)
        for name, columns in TABLES.items():
            for row in analysis.table(name):
                for column, value in zip(columns, row, strict=True):
                    assert value is not None or column.nullable, (path.name, name, column.name)
                    assert value is None or type(value) is {"int": int, "bool": bool, "str": str}[column.type], (
                        path.name,
                        column.name,
                        value,
                    )


def test_path_bytes_and_stream_are_the_same(shown: Path) -> None:
    def tables(where) -> list[tuple]:
        analysis = ti.analyze(where)
        return [tuple(row) for name in ("segments", "connections", "timeline") for row in analysis.table(name)]

    data = shown.read_bytes()
    assert tables(shown) == tables(str(shown)) == tables(data) == tables(bytearray(data)) == tables(io.BytesIO(data))


def test_no_such_stream_says_which_there_are(shown: Path) -> None:
    with pytest.raises(ti.UsageError, match=r"no stream 7 in .*: it has only 0"):
        ti.analyze(shown).connections[7]


def test_notebook_display_is_escaped(shown: Path) -> None:
    analysis = ti.analyze(shown)
    analysis.name = "<script>alert(1)</script>"
    assert "<script>" not in analysis._repr_html_()
    assert "&lt;script&gt;" in analysis._repr_html_()
    assert "<table>" in analysis.connections[0]._repr_html_()


def test_lists_show_themselves(shown: Path) -> None:
    analysis = ti.analyze(shown)
    connection = analysis.connections[0]
    for rows in (connection.timeline, connection.segments, connection.client.timeline, analysis.connections):
        assert "<table>" in rows._repr_html_() and "0.000000" in rows._repr_html_()
        assert re.match(r"(no|\d+) rows? of ", repr(rows)) and len(repr(rows).splitlines()) > 2
    assert isinstance(connection.timeline, list)
    assert {"conn_state", "client_rtt_min_ns", "timeline"} <= set(dir(connection))
    hostile = connection.timeline[0]._replace(event="<b>\x1b[31m")
    connection.timeline[0] = hostile
    assert "<b>" not in connection.timeline._repr_html_() and "\x1b" not in repr(connection.timeline)


def test_an_analysis_shows_facts_and_warnings(shown: Path) -> None:
    analysis = ti.analyze(shown.read_bytes()[:-3])
    assert repr(analysis).endswith(", 1 warning>")
    page = analysis._repr_html_()
    assert "<li>" in page and "pcap" in page
    assert page.count("<th ") == 12


def test_a_capture_without_tcp_is_empty_tables() -> None:
    import struct

    analysis = ti.analyze(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    assert [len(analysis.table(name)) for name in TABLES] == [0, 0, 0, 0]
    assert analysis.capture.first_ns is None
    assert list(analysis.frame("segments").columns) == [c.name for c in TABLES["segments"]]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda a: a.connections["0"], "a stream is a whole number, not '0'"),
        (lambda a: a.connections[0.0], "a stream is a whole number, not 0.0"),
        (lambda a: a.stream_of("3"), "a frame is a whole number, not '3'"),
        (lambda a: a.segment(1.5), "a frame is a whole number, not 1.5"),
        (lambda a: a.why(None), "a frame is a whole number, not None"),
        (lambda a: a.segments_of(7), "no stream 7 in "),
        (lambda a: a.steps_of(7), "no stream 7 in "),
        (lambda a: a.steps_of(-1), "no stream -1 in "),
        (lambda a: a.steps_of("0"), "a stream is a whole number, not '0'"),
        (lambda a: a.frame(["segments"]), "no table ['segments']: there are segments, "),
        (lambda a: ti.analyze(a.given, follow="1"), "follow is a number of seconds, or None, not '1'"),
    ],
)
def test_a_wrong_question_gets_one_typed_answer(ask: Callable[[ti.Analysis], object], said: str, shown: Path) -> None:
    with pytest.raises(ti.UsageError) as raised:
        ask(ti.analyze(shown))
    assert str(raised.value).startswith(said)


def test_a_connection_is_the_same_each_time_it_is_asked_for(captures: list[Path]) -> None:
    (path,) = (path for path in captures if path.name == "many-connections.pcapng")
    first, second = ti.analyze(path), ti.analyze(path)
    assert first.connections[3] in first.connections and first.connections[3] == list(first.connections)[3]
    assert first.connections[3] != first.connections[4] and first.connections[3] != second.connections[3]
    assert len({*first.connections, *first.connections}) == len(first.connections)


def test_rows_go_to_another_process_and_an_analysis_says_that_it_does_not(shown: Path) -> None:
    analysis = ti.analyze(shown)
    for name in TABLES:
        rows = list(analysis.table(name))
        assert pickle.loads(pickle.dumps(rows)) == rows
    connection = analysis.connections[0]
    steps = pickle.loads(pickle.dumps(connection.timeline))
    assert steps == connection.timeline and repr(steps) == repr(connection.timeline)
    for kept in (analysis, connection, connection.client, connection.segments[0]):
        with pytest.raises(ti.UsageError, match="cannot be pickled"):
            pickle.dumps(kept)
    assert copy.deepcopy(connection).timeline == connection.timeline
