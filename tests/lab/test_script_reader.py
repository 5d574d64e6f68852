"""A scenario's text is understood, and what is not is shown with its place."""

from __future__ import annotations

import pytest

from tcpinspect.errors import ScenarioError
from tcpinspect.lab import catalogue
from tcpinspect.lab.script import Call, Expectation, Flood, Injection
from tcpinspect.lab.script_reader import read

TEXT = """What one learns.
学到什么。

play on: ours, kernels
A: iss 300, timestamps off, keep_alive 1.5 s, never_ack
wire: delay 30 ms, tap at B
wire: lose the second FIN from A

  0 ms  B listen
  5 ms  A open with "GET /"                       # a comment
 20 ms  inject from A: S seq=a-10 win 100 <mss 1460>
[ours] 1.5 s  B receive 10 -> "say \\"hello\\""
 30 ms  B is SYN-RECEIVED or LISTEN
 40 ms  flood B with 7 SYNs

A goes SYN-SENT ESTABLISHED
analysis 1: handshake three-way, 2 retransmission
"""


def test_everything_that_can_be_said() -> None:
    scenario = read(TEXT, "all")
    assert (scenario.lesson, scenario.lesson_zh) == ("What one learns.", "学到什么。")
    assert scenario.pairs == ("ours", "kernels")
    assert scenario.settings["A"] == {"iss": 300, "timestamps": False, "keep_alive_ns": 1_500_000_000, "never_ack": True}
    assert (scenario.delay_ns, scenario.tap, scenario.rules) == (30_000_000, "B", ("lose the second FIN from A",))
    actions = [line.action for line in scenario.lines]
    assert actions[0:2] == [Call("B", "listen", None, None), Call("A", "open", b"GET /", None)]
    assert isinstance(actions[2], Injection) and actions[2].end == "A" and actions[2].read.window == 100
    assert actions[3:] == [
        Call("B", "receive", 10, '"say \\"hello\\""'),
        Expectation("B", ("SYN-RECEIVED", "LISTEN")),
        Flood("B", 7),
    ]
    assert (scenario.end_ns("ours"), scenario.end_ns("kernels")) == (1_500_000_000, 40_000_000)
    assert [(claim.stream, claim.what, claim.value) for claim in scenario.claims] == [
        (1, "handshake", "three-way"),
        (1, "retransmission", "2"),
    ]


@pytest.mark.parametrize(
    ("line", "character", "says"),
    [
        ("hello", 1, "not understood"),
        ("play on: ours, theirs", 16, 'no pair of ends "theirs"'),
        ("A: iss 300, timestamp off", 13, 'no setting "timestamp"'),
        ("A: keep_alive 300", 15, "a time such as 200 ms"),
        ("wire: loose the first SYN", 7, "no rule for a wire"),
        (" 5 ms  A opens", 10, 'no call "opens"'),
        (" 5 ms  A send", 14, "send takes text in quotes"),
        (' 5 ms  A send "unfinished', 15, "text in quotes"),
        (" 5 ms  A receive -> something", 20, "a call returns"),
        (" 5 ms  A is FIN-WAIT", 13, 'no state "FIN-WAIT"'),
        (" 5 ms  inject from B: S seq=c", 29, 'no number is called "c"'),
        (" 5 ms  flood B with 9999 SYNs", 21, "at most 256"),
        ("A goes SYN-SENT OPEN", 17, 'no state "OPEN"'),
        ("analysis: handshakes three-way", 11, 'no column of a connection "handshakes"'),
    ],
)
def test_an_error_names_its_place(line: str, character: int, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(f"A lesson.\n\n{line}\n", "wrong")
    assert str(caught.value).startswith(f"scenario wrong, line 3, character {character}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_text_of_the_catalogue_says_what_one_learns_in_two_languages() -> None:
    for name in catalogue.names():
        scenario = catalogue.load(name)
        assert 20 < len(scenario.lesson) <= 140, name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in scenario.lesson_zh), name
        assert scenario.beside is None or scenario.beside in catalogue.names()
