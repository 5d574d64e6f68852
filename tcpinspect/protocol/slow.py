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


def ones_sum(octets: bytes, at: int, end: int) -> int:
    """The ones' complement sum of 16-bit words of the octets `at` … `end` (RFC 1071); an odd last octet is the higher half of one."""
    total = int.from_bytes(bytes(octets[at:end]) + bytes((end - at) % 2), "big")
    return total % 0xFFFF or (0xFFFF if total else 0)
