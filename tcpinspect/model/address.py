"""Addresses as the engine keeps them (two 64-bit halves) to their canonical text. Floor 3. Reading: RFC 5952."""

from __future__ import annotations

_MASK = (1 << 64) - 1


def address_text(family: int, high: int, low: int) -> str:
    """The text of an address; `family` 4 or 6, halves may be signed."""
    if family == 4:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    import socket  # only IPv6 needs it

    return socket.inet_ntop(socket.AF_INET6, ((high & _MASK) << 64 | low & _MASK).to_bytes(16, "big"))


def endpoint_text(address: str, port: int) -> str:
    """Address and port as people write them; IPv6 in brackets (RFC 5952 §6)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
