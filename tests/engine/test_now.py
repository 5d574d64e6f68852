"""Asked after every packet, the engine tells the timeline of the file: what it takes back and adds is, added up, what an analysis finds."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.model.watching import ORDERS, Step, Watch
from tcpinspect.schema import TIMELINE

SECOND = 1_000_000_000


class Story:
    """What somebody knows who only hears the news."""

    def __init__(self) -> None:
        self.steps: dict[tuple[int, str], list[tuple[object, ...]]] = defaultdict(list)
        self.taken_back = 0

    def hear(self, news: list[Step]) -> None:
        for step in news:
            told = self.steps[step.stream, step.side]
            assert step.takes_back <= len(told)
            if step.takes_back:
                self.taken_back += 1
                del told[-step.takes_back :]
            assert not told or told[-1][7] == step.from_state, "the steps of a side join, also after a correction"
            told.append(step[: len(TIMELINE) - 1])


def replayed(path: Path, *, by_packet: bool = True) -> tuple[Watch, Story]:
    watch, story = Watch(), Story()
    records = Records(Source(str(path)))
    while records.next_block():
        at = 0
        while by_packet and at < records.count:
            at = watch.feed_until(records, at, records.record(at)[3])
            story.hear(watch.ask())
        if not by_packet:
            watch.feed(records)
            story.hear(watch.ask())
    return watch, story


def timeline(path: Path) -> dict[tuple[int, str], list[tuple[object, ...]]]:
    """All but the doubt: that may grow or go while the steps stay."""
    steps = defaultdict(list)
    for row in ti.analyze(path).table("timeline"):
        steps[row.stream, row.side].append(tuple(row)[:-1])
    return steps


def test_after_every_packet_the_news_add_up_to_the_timeline_of_the_file(captures: list[Path]) -> None:
    corrected = 0
    for path in captures:
        watch, story = replayed(path)
        assert story.steps == timeline(path), path.name
        assert [line.row for line in watch.lines("stream", most=1000)] == list(ti.analyze(path).table("connections")), path.name
        corrected += story.taken_back
    assert corrected, "some capture has a segment that corrects an earlier reading"


def test_one_question_at_the_end_is_enough(captures: list[Path]) -> None:
    for path in captures:
        assert replayed(path, by_packet=False)[1].steps == timeline(path), path.name


def test_only_who_heard_something_is_solved_again(shown: Path) -> None:
    watch, _ = replayed(shown)
    looks = watch.now.looks
    assert watch.ask() == []
    assert watch.now.looks == looks > 0


def test_time_wait_ends_by_the_clock_of_the_question(shown: Path) -> None:
    watch, story = replayed(shown)
    assert watch.counts()["TIME-WAIT"] == (1, 0)
    assert watch.last_ns is not None
    assert watch.ask(watch.last_ns + 59 * SECOND) == []
    story.hear(watch.ask(watch.last_ns + 61 * SECOND))
    assert story.steps[0, "client"][-1][7:9] == ("CLOSED", "TIMEOUT-2MSL")
    assert watch.counts() == {"CLOSED": (1, 1)}


def test_forgetting_the_addresses_of_those_gone_changes_no_number_and_no_step(captures: list[Path]) -> None:
    path = next(path for path in captures if path.name == "many-connections.pcapng")
    story, watch = Story(), Watch()
    watch.now.room = 7  # all the time
    records = Records(Source(str(path)))
    while records.next_block():
        at = 0
        while at < records.count:
            at = watch.feed_until(records, at, records.record(at)[3])
            story.hear(watch.ask())
    assert story.steps == timeline(path)
    assert watch.seen == len(ti.analyze(path).connections)


@pytest.mark.parametrize(("half_open", "named"), [(19, 0), (20, 1)])
def test_a_flood_is_named_once_its_attempts_wait_longer_than_a_first_retransmission(half_open: int, named: int) -> None:
    from scapy.layers.inet import IP, TCP

    watch = Watch()
    import io

    from tcpinspect.capture.writing import InterfaceToWrite, PcapngWriter

    out = io.BytesIO()
    with PcapngWriter(out, [InterfaceToWrite(101)]) as file:
        for n in range(half_open):
            file.write(bytes(IP(src=f"192.0.2.{n + 1}", dst="198.51.100.1") / TCP(sport=4000 + n, dport=80, flags="S", seq=n)), SECOND + n)
    records = Records(Source(out.getvalue()))
    while records.next_block():
        watch.feed(records)
    watch.ask()
    assert watch.floods() == [], "they are only under way"
    found = watch.floods(3 * SECOND)
    assert len(found) == named
    assert all("20 connections to port 80 of 198.51.100.1" in text for text in found)


def test_who_asks_for_no_steps_sees_the_same_lines(captures: list[Path]) -> None:
    """Where only one SYN came nothing is solved then; at every moment that must make no difference."""
    for path in captures:
        with_steps, without = Watch(), Watch(steps=False)
        records = Records(Source(str(path)))
        while records.next_block():
            at = 0
            while at < records.count:
                until = records.record(at)[3]
                without.feed_until(records, at, until)
                at = with_steps.feed_until(records, at, until)
                with_steps.ask()
                without.ask()
                assert without.now.lines == with_steps.now.lines, (path.name, at)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("backwards", [False, True])
def test_lines_come_in_the_order_asked_for(captures: list[Path], order: str, backwards: bool) -> None:
    watch, _ = replayed(next(path for path in captures if path.name == "many-connections.pcapng"), by_packet=False)
    field, largest = ORDERS[order]
    values = dict(zip(watch._column("number"), watch._column(field), strict=True))
    sign = -1 if largest != backwards else 1
    wanted = sorted(values, key=lambda number: (sign * values[number], number))
    assert [line.row.stream for line in watch.lines(order, most=len(values) + 5, backwards=backwards)] == wanted
    assert [line.row.stream for line in watch.lines(order, most=7, first=10, backwards=backwards)] == wanted[10:17]
    third = [slot for slot, number, _ in watch.each() if number % 3 == 0]
    assert [line.row.stream for line in watch.lines(order, most=9, backwards=backwards, slots=third)] == [n for n in wanted if n % 3 == 0][
        :9
    ]


def test_the_end_of_a_time_wait_is_told_of_connections_that_have_left_the_table(captures: list[Path]) -> None:
    """The table holds nobody longer than it must: what the wire does not show any more is said all the same, when its time has come."""
    path = next(path for path in captures if path.name == "many-connections.pcapng")
    watch, story = Watch(), Story()
    for limit in ("roomy", "closed_ns", "reset_ns"):
        setattr(watch.now.tracker, limit, 0)
    records = Records(Source(str(path)))
    while records.next_block():
        at = 0
        while at < records.count:
            at = watch.feed_until(records, at, records.record(at)[3])
            story.hear(watch.ask())
    assert watch.last_ns is not None and len(watch) < watch.seen
    waiting = {who: steps[-1] for who, steps in story.steps.items() if steps[-1][7] == "TIME-WAIT"}
    due = sorted(int(str(step[5])) + 60 * SECOND for step in waiting.values())
    assert len(due) > 5 and watch.ask(due[0] - 1) == []
    story.hear(watch.ask(due[2]))
    assert sum(story.steps[who][-1][7] == "TIME-WAIT" for who in waiting) == len(due) - 3
    story.hear(watch.ask(due[-1]))
    ends = {who: story.steps[who][-1] for who in waiting}
    assert {step[7:9] for step in ends.values()} == {("CLOSED", "TIMEOUT-2MSL")}
    for who, step in ends.items():
        assert step[:4] == waiting[who][:4] and step[4:6] == (None, None)
