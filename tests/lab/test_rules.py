"""Rules read from sentences."""

from __future__ import annotations

import pytest

from tcpinspect.errors import UsageError
from tcpinspect.lab.fates import Passage, Traveller
from tcpinspect.lab.notation import parse
from tcpinspect.lab.packet import unwrap, wrap
from tcpinspect.lab.rules import rule

A, B = "192.0.2.1", "198.51.100.2"


def fates(sentence: str, *segments: str) -> list[list[Passage]]:
    """What becomes of the segments; each begins with the name of its sender."""
    treat, out = rule(sentence), []
    for text in segments:
        sender, _, rest = text.partition(" ")
        segment = parse(f"{rest} src_port=1 dst_port=2 win 5")
        out.append(treat(Traveller(sender, segment), [Passage(wrap(segment, A, B))]))
    return out


def lost(sentence: str, *segments: str) -> list[bool]:
    return [passages[0].lost for passages in fates(sentence, *segments)]


FIN, ACK, DATA = "F. 1:1(0) ack 1", ". 1:1(0) ack 1", "P. 1:4(3) ack 1"


def test_the_second_fin_from_a() -> None:
    assert lost("lose the second FIN from A", f"A {FIN}", f"B {FIN}", f"A {ACK}", f"A {FIN}", f"A {FIN}") == [False] * 3 + [True, False]


def test_the_first_three_and_every() -> None:
    assert lost("lose the first 2 SYNs", "A S 1:1(0)", "A S. 1:1(0) ack 1", "A S 1:1(0)", "A S 1:1(0)") == [True, False, True, False]
    assert lost("lose every ACK from B", f"B {ACK}", f"B {FIN}", f"B {DATA}", f"A {ACK}", f"B {ACK}") == [True, False, False, False, True]


def test_datagrams_are_counted_apart_from_segments() -> None:
    treat = rule("lose the second datagram from A")
    travellers = [Traveller("A", None), Traveller("A", parse("S 1:1(0) win 5")), Traveller("B", None), Traveller("A", None)]
    assert [treat(one, [Passage(b"")])[0].lost for one in travellers] == [False, False, False, True]


def test_delay_duplicate_hold_corrupt() -> None:
    assert fates("delay the 1st data by 1.5 ms", f"A {DATA}")[0][0].delay_ns == 1_500_000
    assert [p.delay_ns for p in fates("duplicate the first segment by 5 ms", f"A {DATA}")[0]] == [0, 5_000_000]
    assert fates("hold the first data from A", f"A {DATA}")[0][0].held
    spoiled = unwrap(fates("corrupt the first data", f"A {DATA}")[0][0].packet)
    assert spoiled is not None and not spoiled.intact


def test_rewrite_makes_the_checksum_right_again() -> None:
    changed = unwrap(fates("rewrite the first data: seq - 2", f"A {DATA}")[0][0].packet)
    assert changed is not None and changed.intact and changed.segment.seq == 2**32 - 1


def test_before_the_tap() -> None:
    assert [fates(f"lose the first FIN{where}", f"A {FIN}")[0][0].early for where in ("", " before the tap")] == [False, True]


@pytest.mark.parametrize(
    "sentence",
    ["drop the FIN", "corrupt the first datagram",
     "lose the eleventieth FIN", "delay the first data", "lose the first data by 3 ms", "rewrite the first data",
     "rewrite the first data: flags = 3", "lose the first FIN: seq + 1"],
)  # fmt: skip
def test_no_rule_is_an_error_that_shows_one(sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        rule(sentence)
    assert sentence in str(error.value) and "\n" not in str(error.value)
