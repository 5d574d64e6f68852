"""Arithmetic of sequence numbers modulo 2³². Floor 0. Reading: RFC 9293 §3.4.

There is no bare `<` between sequence numbers: they meet through `difference`, which is signed and right as long as
the two are less than 2³¹ apart, which the window rules of RFC 9293 and RFC 7323 §2.3 guarantee.
"""

from __future__ import annotations

MODULUS = 1 << 32
_HALF = 1 << 31


def difference(a: int, b: int) -> int:
    """How far a lies ahead of b, in octets: −2³¹ … 2³¹−1, negative when a is older."""
    return ((a - b + _HALF) % MODULUS) - _HALF


def add(a: int, octets: int) -> int:
    """The sequence number that many octets after a (before it, when negative)."""
    return (a + octets) % MODULUS
