"""All connections of a capture: bars, and how long things took."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tcpinspect as ti
from tcpinspect.plot import outcomes, spreads
from tcpinspect.schema import CONNECTIONS, TIMELINE

CAPTURES = Path(__file__).parents[2] / "captures"
MANY = ti.analyze(CAPTURES / "many-connections.pcapng")
_BLANK = {column.name: None if column.nullable else {"int": 0, "str": "", "bool": False}[column.type] for column in CONNECTIONS}
SECOND = 1_000_000_000


def capture(rows: list[dict[str, Any]], steps: list[tuple[int, str, int | None, str]] = [], last_ns: int = 0) -> Any:  # noqa: B006
    """An analysis made by hand: rows of connections; steps as (stream, side, time, state)."""
    names = [column.name for column in TIMELINE]
    columns = dict.fromkeys(names, [None] * len(steps))
    columns |= dict(zip(("stream", "side", "time_ns", "to_state"), map(list, zip(*steps, strict=True)), strict=True)) if steps else {}
    table = SimpleNamespace(schema=TIMELINE, pieces=lambda: iter([[columns[name] for name in names]] if steps else []))
    made = [SimpleNamespace(**{**_BLANK, "stream": n, "client": "c", "server": "s", "client_packets": 3, "server_packets": 3,
                               "handshake": "three-way", "teardown": "four-segment", **row}) for n, row in enumerate(rows)]  # fmt: skip
    return SimpleNamespace(connection_rows=made, table=lambda name: table, capture=SimpleNamespace(last_ns=last_ns))


def test_only_where_rows_are_shared_the_picture_says_so() -> None:
    shared = "A row holds several connections, one after the other."
    flood = ti.analyze(CAPTURES / "syn-flood-small.pcap")  # 41 connections, all at the same time
    for analysis, said in ((MANY, True), (flood, False)):
        texts = [text.get_text() for text in ti.plot.overview(analysis).texts]
        assert any(shared in text for text in texts) is said


def test_bars_of_one_row_never_meet_and_every_connection_is_counted() -> None:
    picture = outcomes.overview(MANY)
    assert len(picture.spans) == picture.connections == sum(picture.counts.values()) == len(MANY.connections)
    assert not picture.alone and picture.rows < 20
    for _, row in itertools.groupby(sorted(picture.spans, key=lambda span: (span.row, span.start_ns)), key=lambda span: span.row):
        for one, other in itertools.pairwise(row):
            assert one.end_ns < other.start_ns


def test_tones_agree_with_zeeks_outcome() -> None:
    expected = {"SF": "fine", "REJ": "bad", "RSTO": "bad", "RSTR": "bad", "S0": "unanswered", "S1": "open"}
    for row in MANY.connection_rows:
        assert outcomes.tone(row) == expected[row.conn_state], row.stream


def test_few_connections_have_a_row_and_a_name_each() -> None:
    picture = outcomes.overview(ti.analyze(CAPTURES / "reused-port.pcap"))
    assert picture.alone and [span.row for span in picture.spans] == [0, 1]
    assert picture.spans[1].name == "1  192.0.2.10:40000 → 198.51.100.20:80"


def test_of_very_many_bars_those_on_one_dot_are_drawn_once() -> None:
    picture = outcomes.overview(capture([{"start_ns": n * 1000, "duration_ns": 10**9} for n in range(30_000)]))
    assert picture.connections == 30_000 > len(picture.spans) >= outcomes.MOST_ROWS


def test_handshakes_are_those_of_the_table_and_the_rest_is_counted() -> None:
    picture = spreads.handshakes(MANY)
    rows = {row.name: row for row in picture.rows}
    known = sorted(row.initial_rtt_ns for row in MANY.connection_rows if row.handshake == "three-way" and row.initial_rtt_ns is not None)
    assert list(rows["three-way"].values) == known
    assert sum(picture.without.values()) == sum(row.initial_rtt_ns is None for row in MANY.connection_rows)


def test_teardown_lasts_from_the_first_fin_until_both_are_done() -> None:
    steps = [
        (0, "client", 1 * SECOND, "ESTABLISHED"), (0, "server", 1 * SECOND, "ESTABLISHED"), (0, "client", 2 * SECOND, "FIN-WAIT-1"),
        (0, "server", 2 * SECOND, "CLOSE-WAIT"), (0, "server", 5 * SECOND, "LAST-ACK"), (0, "client", 5 * SECOND, "TIME-WAIT"),
        (0, "server", 6 * SECOND, "CLOSED"), (1, "client", 3 * SECOND, "FIN-WAIT-1"), (1, "server", 3 * SECOND, "CLOSE-WAIT"),
    ]  # fmt: skip
    picture = spreads.teardowns(capture([{}, {"teardown": "open"}, {"teardown": "aborted"}], steps, 10 * SECOND))
    assert [(row.name, row.values, row.at_least) for row in picture.rows] == [
        ("four-segment", (4 * SECOND,), ()), ("open", (), (7 * SECOND,)),
    ]  # fmt: skip
    assert picture.without == {"aborted": 1}


def test_leak_of_close_wait_is_seen() -> None:
    steps = [step for n in range(5) for step in ((n, "server", n * SECOND, "ESTABLISHED"), (n, "server", (n + 1) * SECOND, "CLOSE-WAIT"))]
    picture = spreads.dwell(capture([{"teardown": "open"}] * 5, steps, 100 * SECOND))
    rows = {row.name: row for row in picture.rows}
    assert rows["CLOSE-WAIT"].values == () and rows["CLOSE-WAIT"].at_least == tuple(n * SECOND for n in range(95, 100))
    assert rows["ESTABLISHED"].values == (SECOND,) * 5


def test_dwell_counts_every_stay_of_known_length() -> None:
    picture = spreads.dwell(MANY)
    entered = Counter(step.to_state for step in MANY.table("timeline").rows() if step.time_ns is not None)
    for row in picture.rows:
        assert len(row.values) + len(row.at_least) == entered[row.name], row.name


def test_capture_without_connections_is_empty() -> None:
    assert outcomes.overview(capture([])).spans == () and spreads.dwell(capture([])).rows == spreads.handshakes(capture([])).rows == ()
