"""An exchange like one before is not solved again, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from tcpinspect.engine.moments import Moments
from tcpinspect.engine.orderly import Orderly
from tcpinspect.engine.states import Solver

from .story import MS, log_of

Lines = list[str]
CLOSE = {
    "not at all": [],
    "four segments": ["C FA {c} {s}", "S A {s} {c}+1", "S FA {s} {c}+1", "C A {c}+1 {s}+1"],
    "three segments": ["S FA {s} {c}", "C FA {c} {s}+1", "S A {s}+1 {c}+1"],
    "half": ["C FA {c} {s}", "S A {s} {c}+1", "S PA {s} {c}+1 len=3", "C A {c}+1 {s}+3", "S FA {s}+3 {c}+1", "C A {c}+1 {s}+4"],
}


WORDS = ["C PA {c} {s} len=4", "S A {s} {c}+4"]


def exchange(c: int, s: int, close: Lines | None = None, *, words: Lines = WORDS, said: int = 4, pause: int = 10) -> Moments:
    """Opened with these numbers, some words of the client's, and a close whose numbers count from behind the words."""
    lines = [f"C S {c}", f"S SA {s} {c + 1}", f"C A {c + 1} {s + 1}"]
    lines += [line.format(c=c + 1, s=s + 1) for line in words] + [line.format(c=c + 1 + said, s=s + 1) for line in close or ()]
    return log_of(*(f"{added(line)} at={k * pause}" for k, line in enumerate(lines)))


def added(line: str) -> str:
    """The line with its sums worked out."""
    return " ".join(str(sum(map(int, word.split("+")))) if "+" in word else word for word in line.split())


def told(one: Solver, log: Moments, end_ms: int) -> tuple[int, ...]:
    one.solve(log, -1, (1_000_000 + end_ms) * MS if end_ms else 0, 0)
    return one.final_state(0), one.final_state(1), one.client, one.client_evidence, one.handshake, one.teardown


@pytest.mark.parametrize("close", CLOSE)
@pytest.mark.parametrize("end_ms", [0, 61_000, 200_000])
def test_another_of_its_pattern_is_told_as_if_it_were_solved(close: str, end_ms: int) -> None:
    first, second = exchange(100, 300, CLOSE[close]), exchange(2**32 - 3, 2**31 - 2, CLOSE[close], pause=900)
    one, alone = Solver(), Solver()
    alone.walking = 0
    assert told(one, first, end_ms) == told(alone, first, end_ms) and one.walked == first.n
    one.walked = -1
    assert told(one, second, end_ms) == told(alone, second, end_ms)
    assert one.walked == -1  # nobody walked


def test_what_decides_is_in_the_pattern() -> None:
    patterns = [Orderly().pattern_of(exchange(100, 300, close)) for close in CLOSE.values()]
    assert all(patterns) and len(set(patterns)) == len(CLOSE)
    assert patterns == [Orderly().pattern_of(exchange(2**32 - 1, 2**32 - 60, close, pause=1)) for close in CLOSE.values()]


OUT_OF_TURN = {
    "sent again": ["C PA {c} {s} len=4", "C PA {c} {s} len=4"],
    "a hole": ["C PA {c}+2 {s} len=2"],
    "not acknowledged yet": ["C PA {c} {s} len=4", "S PA {s} {c} len=1"],
    "acknowledged before": ["C FA {c} {s}", "S A {s} {c}+1", "S A {s} {c}"],
    "reset": ["C RA {c} {s}"],
    "opened again": ["S SA {s}+4294967295 {c}"],
    "damaged": ["C PA {c} {s} len=4 sum=bad"],
    "no acknowledgment": ["C P {c} 0 len=4"],
    "an old echo": ["C A {c} {s} ts=9/3", "S A {s} {c} ts=5/8", "S PA {s} {c} len=4 ts=6/8"],
    "more after the FIN": ["C FA {c} {s}", "C PA {c}+1 {s} len=4"],
    "twice a FIN": ["C FA {c} {s}", "C FA {c} {s}"],
    "beyond half of the numbers": [
        "S A {s} {c}", "C A {c} {s} len=2000000000", "C A {c}+2000000000 {s} len=2000000000", "C FA {c}+4000000000 {s}",
    ],
}  # fmt: skip


@pytest.mark.parametrize("words", OUT_OF_TURN)
def test_what_is_out_of_its_turn_has_no_pattern(words: str) -> None:
    assert Orderly().pattern_of(exchange(100, 300, words=OUT_OF_TURN[words])) == 0


def test_long_logs_have_no_pattern() -> None:
    def talks_on(turns: int) -> Moments:
        said = [line.format(k=k) for k in range(turns) for line in ("C PA {{c}}+{k} {{s}}+1 len=1", "C A {{c}}+{k}+1 {{s}}+1")]
        return exchange(100, 300, words=["S FA {s} {c}", *said])

    assert talks_on(8).n == 20 and Orderly().pattern_of(talks_on(8)) > 0
    assert talks_on(9).n == 22 and Orderly().pattern_of(talks_on(9)) == 0


def test_patterns_of_one_place_do_not_answer_for_each_other() -> None:
    one = Orderly()
    assert one.find(5) == -1
    one.remember(5, 7)
    assert one.find(5) == 7 and one.find(5 + 127) == -1
    one.remember(5 + 127, 8)
    assert one.find(5) == -1 and one.find(5 + 127) == 8
