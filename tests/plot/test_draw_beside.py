"""Ladders beside each other: every exchange has its column, and none lies over another."""

from __future__ import annotations

import pytest

from tcpinspect.errors import UsageError
from tcpinspect.lab import catalogue
from tcpinspect.lab.scenario import play
from tcpinspect.plot.draw_beside import Column, beside


def column(name: str) -> Column:
    return Column(name, play(catalogue.load(name)).analysis().connections)


def test_columns_have_their_titles_and_ladders_do_not_overlap() -> None:
    figure = beside([column("two-way-handshake"), column("old-duplicate-syn")])
    assert [text.get_text() for text in figure.texts] == ["two-way-handshake", "old-duplicate-syn"]
    places = [ax.get_position() for ax in figure.axes]
    assert len(places) == 4
    for n, one in enumerate(places):
        assert 0 <= one.x0 < one.x1 <= 1 and 0 <= one.y0 < one.y1 <= 1
        assert not any(one.overlaps(other) for other in places[n + 1 :])
    said = [{text.get_text() for text in ax.texts} for ax in figure.axes]
    assert "9 octets of data" in said[0] and "9 octets of data" not in said[2]


def test_no_ladder_and_too_many_are_refused() -> None:
    with pytest.raises(UsageError, match="0 connections in one picture"):
        beside([Column("nothing", [])])
    with pytest.raises(UsageError, match="at most 12"):
        beside([Column("many", list(column("abort").connections) * 13)])
