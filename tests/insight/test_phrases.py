"""Amounts in words: three digits that count, in the unit that suits them."""

from __future__ import annotations

import pytest

from tcpinspect.insight.phrases import duration, octets


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"), (1, "1 ns"), (999, "999 ns"), (1_000, "1 µs"), (999_499, "999 µs"), (999_500, "1 ms"), (99_960_000, "100 ms"),
        (999_499_999, "999 ms"), (999_500_000, "1 s"), (999_999_999, "1 s"), (99_999_999_999, "100 s"), (100_000_000_000, "1 min 40 s"),
        (-999_999_999, "−1 s"), (3_720_000_000_000, "1 h 2 min"), (None, "–"),
    ],
)  # fmt: skip
def test_a_duration_never_has_a_thousand_of_a_unit(ns: int | None, text: str) -> None:
    assert duration(ns) == text


@pytest.mark.parametrize(("number", "text"), [(9_999, "9,999 bytes"), (999_499, "999 kB"), (999_500, "1 MB"), (1_250_000, "1.25 MB")])
def test_octets_keep_three_digits(number: int, text: str) -> None:
    assert octets(number) == text
