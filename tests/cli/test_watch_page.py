"""The table of watch: who talks to whom, and both states, before anything else."""

from __future__ import annotations

import pytest

import tcpinspect as ti
from tcpinspect.cli.watch_page import Pages, Shown
from tcpinspect.model.address import endpoint_text
from tcpinspect.model.watching import Line

from .conftest import CAPTURES, MANY


@pytest.mark.parametrize("width", [60, 80, 120])
def test_addresses_and_both_states_are_whole(width: int) -> None:
    rows = list(ti.analyze(MANY).table("connections").rows())[:12]
    lines = [Line(row, 0, row.start_ns, row.start_ns) for row in rows]
    shown = Shown("x", 0, len(rows), len(rows), 0, None, {}, [], "stream")
    table = Pages(width, 40, color=False, unicode=True).table(shown, lines, None, rows[0].start_ns, None)
    assert max(map(len, table)) <= width
    for row in rows:
        client = endpoint_text(row.client, row.client_port)
        text = next(line for line in table if client in line)
        for part in (endpoint_text(row.server, row.server_port), row.client_state or "?", row.server_state or "?"):
            assert part in text, part


@pytest.mark.parametrize("width", [80, 120])
def test_of_long_addresses_both_states_stay(width: int) -> None:
    (row,) = ti.analyze(CAPTURES / "ipv6-normal-close.pcap").table("connections").rows()
    shown = Shown("x", 0, 1, 1, 0, None, {}, [], "stream")
    table = Pages(width, 40, color=False, unicode=True).table(shown, [Line(row, 0, None, None)], None, row.start_ns, None)
    assert any("TIME-WAIT" in line and "CLOSED" in line and "]:44514" in line for line in table)
