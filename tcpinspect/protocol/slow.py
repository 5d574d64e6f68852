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


def fold16(total: int) -> int:
    """A sum in 16 bits, carries added."""
    return total % 0xFFFF or (0xFFFF if total else 0)


def pair_hash(src_hi: int, src_lo: int, src_port: int, dst_hi: int, dst_lo: int, dst_port: int, seed: int) -> int:
    """31 bits of both ends of a pair, the same in both directions; without `seed` nobody can choose pairs that collide."""
    both = _spread(src_hi, src_lo, src_port, seed) + _spread(dst_hi, dst_lo, dst_port, seed)
    return (both * 0x9E3779B97F4A7C15 & _WORD) >> 33


def _spread(hi: int, lo: int, port: int, seed: int) -> int:
    """One end over 64 bits, by multiplication with odd numbers and shifts."""
    mixed = (lo ^ seed ^ port << 40) * 0xD6E8FEB86659FD93 & _WORD
    mixed = (mixed ^ mixed >> 32 ^ hi) * 0xD6E8FEB86659FD93 & _WORD
    return mixed ^ mixed >> 29


_WORD = (1 << 64) - 1
