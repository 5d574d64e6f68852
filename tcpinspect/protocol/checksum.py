"""The internet checksum, and what TCP's covers besides the segment. Floor 0. Reading: RFC 1071, RFC 9293 §3.1, RFC 8200 §8.1."""

from __future__ import annotations

from functools import lru_cache

from tcpinspect.errors import UsageError

_TCP = 6  # IP's protocol number


def checksum(octets: bytes) -> int:
    """The ones' complement of the ones' complement sum of 16-bit words (RFC 1071)."""
    # 2^16 = 1 modulo 2^16 - 1, so that the sum of the words is the whole number modulo 2^16 - 1.
    total = int.from_bytes(octets + bytes(len(octets) % 2), "big") % 0xFFFF
    return 0xFFFF - total if total or not any(octets) else 0


def pseudo_header(src: str, dst: str, length: int) -> bytes:
    """What the checksum covers before the segment (RFC 9293 §3.1; RFC 8200 §8.1 for IPv6)."""
    a, b = _packed(src), _packed(dst)
    if len(a) != len(b):
        raise UsageError(f"{src} and {dst} are not of one family: give two IPv4 or two IPv6 addresses")
    if len(a) == 4:
        return a + b + bytes([0, _TCP]) + (length & 0xFFFF).to_bytes(2, "big")
    return a + b + length.to_bytes(4, "big") + bytes([0, 0, 0, _TCP])


@lru_cache(maxsize=256)
def _packed(address: str) -> bytes:
    import ipaddress

    try:
        return ipaddress.ip_address(address.partition("%")[0]).packed
    except ValueError:
        raise UsageError(f"{address!r} is no IP address: write it as 192.0.2.1 or 2001:db8::1") from None
