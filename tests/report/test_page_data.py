"""What the page carries of a connection: all of a short one; of a long one what its caption says, from its whole length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.report import page_data
from tcpinspect.report.page_data import PageData

CAPTURES = Path(__file__).parents[2] / "captures"
LOSSY = ti.analyze(CAPTURES / "lossy-transfer.pcap")


def carried(analysis: Any, **limits: int) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(page_data, name, value)
        data = PageData(analysis, room=10**7)
        data.fill([0])
        found = json.loads(data.text())
    return {**found["streams"]["0"], "lines": found["lines"]}


def places(data: dict[str, Any]) -> list[int]:
    out: list[int] = []
    for step in data["i"]:
        out.append((out[-1] if out else 0) + step)
    return out


def test_a_short_connection_is_there_whole_and_explained() -> None:
    data = carried(LOSSY)
    assert "of" not in data and "j" not in data and len(data["f"]) == LOSSY.capture.segments
    assert any("(fast-retransmission)" in line for line in data["lines"])


@pytest.mark.parametrize("told", [10**6, 1], ids=["explained", "by its marks"])
def test_of_a_long_one_there_are_the_first_the_last_and_what_is_marked_over_all_its_length(told: int) -> None:
    segments = LOSSY.segments_of(0)
    total, room, edge = len(segments), 60, 10
    data = carried(LOSSY, MOST_SEGMENTS=room, _EDGE=edge, LONGEST_TOLD=told)
    at = places(data)
    assert len(at) == room and data["of"] == total and data.get("j") == (1 if told == 1 else None)
    assert at[:edge] == list(range(edge)) and at[-edge:] == list(range(total - edge, total))
    steps = {step.frame for step in LOSSY.steps_of(0)} - {None}
    assert steps <= {segments[n].frame for n in at}
    middle = [n for n in at if edge <= n < total - edge]
    marked = [n for n, s in enumerate(segments) if s.retransmission or s.out_of_order or s.duplicate_ack]
    assert max(middle) > max(n for n in marked if n < total - edge) - total // 8, "not only the first ones"


def test_without_a_replay_the_sentences_are_those_of_the_ladder() -> None:
    explained, by_marks = carried(LOSSY), carried(LOSSY, LONGEST_TOLD=1)
    assert len(by_marks["f"]) == len(explained["f"]) and "d" not in by_marks
    first = [by_marks["lines"][n] for n in by_marks["y"][:4]]
    assert first == ["Asks to connect.", "Accepts, acknowledges the SYN.", "Acknowledges the SYN.", "45 octets of data."]
