"""A long connection's ladder is found on columns: it has to be the same picture as the one made from objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")

import tcpinspect as ti
from tcpinspect.plot import extract, layout
from tcpinspect.protocol.header import ACK, PSH

from .conversation import Conversation, crossing_fins, refused, unanswered, usual

CAPTURES = Path(__file__).parents[2] / "captures"


def both_ways(connection: Any, phase: str, most: int, monkeypatch: pytest.MonkeyPatch) -> tuple[layout.Ladder, layout.Ladder]:
    found = []
    for long in (10**9, -1):
        monkeypatch.setattr(extract, "LONG", long)
        found.append(layout.ladder(connection, phase=phase, most=most))
    return found[0], found[1]


@pytest.mark.parametrize("folder", [CAPTURES, CAPTURES / "lab"], ids=["captures", "lab"])
def test_both_ways_give_the_same_picture_of_every_connection_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = 0
    for path in sorted(folder.glob("*.pcap*")):
        for connection in ti.analyze(path).connections[:8]:
            for phase, most in (("all", 60), ("all", 9), ("teardown", 60)):
                plain, columns = both_ways(connection, phase, most, monkeypatch)
                assert plain == columns, (path.name, connection.stream, phase, most)
                drawn += 1
    assert drawn > 100


def transfer(count: int) -> Conversation:
    """A transfer with all that can go wrong, over and over: more of each than a page has room for."""
    talk = Conversation().open()
    for n in range(count):
        talk.say("s", PSH | ACK, 1 + 100 * n, 1, 100)
        if n % 7 == 3:
            talk.say("s", PSH | ACK, 1 + 100 * n, 1, 100, retransmission=True, after_ms=300 if n % 21 == 3 else 1)
        if n % 11 == 5:
            talk.say("s", PSH | ACK, 1 + 100 * n - 40, 1, 60, retransmission=True)
        if n % 3 == 0:
            talk.say("c", ACK, 1, 101 + 100 * n, duplicate_ack=n % 9 == 0)
    return talk.close(100 * count)


@pytest.mark.parametrize(
    "connection",
    [usual(1), usual(60), usual(400), unanswered(30), refused(), crossing_fins(), transfer(30).connection(), transfer(400).connection()],
    ids=["7", "60", "400", "syns", "refused", "crossing", "trouble", "much trouble"],
)
@pytest.mark.parametrize("most", [60, 25, 9])
def test_both_ways_fold_alike(connection: Any, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for phase in ("all", "handshake", "teardown"):
        plain, columns = both_ways(connection, phase, most, monkeypatch)
        assert plain == columns, phase


def test_of_a_long_connection_few_segments_become_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "LONG", 100)
    connection = transfer(2000).connection()
    seen = extract.extract(connection, connection.timeline, "all", most=60)
    assert len(seen.segments) < 700 < seen.counted == len(connection.segments)
    picture = layout.ladder(connection)
    assert sum(arrow.segments for arrow in picture.arrows) == picture.segments == len(connection.segments)
