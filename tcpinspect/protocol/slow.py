"""Reading numbers from octets, as plain Python: the uncompiled twins of `fast.pxd`. Floor 0. Reading: RFC 791 appendix B (octet order)."""

from __future__ import annotations


def be16(octets: bytes, at: int) -> int:
    """Two octets as a number, the first the highest: network byte order."""
    return octets[at] << 8 | octets[at + 1]


def be32(octets: bytes, at: int) -> int:
    """Four octets as a number, the first the highest."""
    return int.from_bytes(octets[at : at + 4], "big")


def le32(octets: bytes, at: int) -> int:
    """Four octets as a number, the last the highest."""
    return int.from_bytes(octets[at : at + 4], "little")


def ones_sum(octets: bytes, at: int, end: int, more: int) -> int:
    """The ones' complement sum of 16-bit words, `more` and the octets `at` … `end` (RFC 1071), eight at least; an odd last one is
    the higher half of a word."""
    total = int.from_bytes(bytes(octets[at:end]) + bytes((end - at) % 2), "big") + more
    return total % 0xFFFF or (0xFFFF if total else 0)


def fold16(total: int) -> int:
    """A sum in 16 bits, carries added."""
    return total % 0xFFFF or (0xFFFF if total else 0)


def pair_hash(first: int, second: int, seed0: int, seed1: int) -> int:
    """31 bits of the two ends of a pair; whoever does not know the odd seeds cannot choose pairs that collide."""
    return (first * seed0 + second * seed1 & _WORD) >> 33


def host_hash(hi: int, lo: int, seed0: int, seed1: int) -> int:
    """46 bits of an IPv6 address, the highest set."""
    return 1 << 45 | (hi * seed0 + lo * seed1 & _WORD) >> 19


def hosts_hash(a: int, b: int) -> int:
    """31 bits of two hosts, the same in both directions and every time."""
    mixed = ((a ^ b) & 0x7FFFFFFF) * 0x2545F491 + ((a + b) & 0x7FFFFFFF) * 3
    return (mixed >> 20 ^ mixed >> 9) & 0x7FFFFFFF


_WORD = (1 << 64) - 1
