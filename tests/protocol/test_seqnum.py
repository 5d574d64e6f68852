"""Sequence numbers on their circle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcpinspect.protocol.seqnum import MODULUS, add, difference

numbers = st.integers(0, MODULUS - 1)


@given(numbers, st.integers(-(1 << 31), (1 << 31) - 1))
def test_difference_undoes_add(a: int, octets: int) -> None:
    assert difference(add(a, octets), a) == octets


@given(numbers, numbers, st.integers(0, 1 << 40))
def test_turning_the_circle_changes_nothing(a: int, b: int, turn: int) -> None:
    assert difference(add(a, turn), add(b, turn)) == difference(a, b)


def test_the_number_after_the_last_is_zero() -> None:
    assert add(MODULUS - 1, 1) == 0
    assert difference(0, MODULUS - 1) == 1
