"""What RFC 9293 forbids or warns of in a single segment, field by field. Floor 3. Reading: RFC 9293 §3.1, §3.2, RFC 7323 §2, RFC 9768.

A segment alone says little about right and wrong: this tells only what no other segment is needed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tcpinspect.protocol import header
from tcpinspect.protocol.checksum import checksum, pseudo_header
from tcpinspect.protocol.header import ACK, FIN, RST, SYN, URG


class Oddity(NamedTuple):
    """A field whose value no correct sender writes, and why."""

    field: str
    text: str


def oddities(segment: bytes, src: str = "", dst: str = "") -> list[Oddity]:
    """The odd values in TCP header and data, in the order of the header. The checksum is judged where both addresses are given."""
    return list(_found(segment, src, dst))


def _found(segment: bytes, src: str, dst: str) -> Iterator[Oddity]:
    if len(segment) < header.MINIMUM_LENGTH:
        return
    word = int.from_bytes(segment[12:14], "big")
    flags, words = word & 0x1FF, word >> 12
    if not int.from_bytes(segment[0:2], "big"):
        yield Oddity("Source Port", "port 0 is reserved (RFC 6335 6)")
    if not int.from_bytes(segment[2:4], "big"):
        yield Oddity("Destination Port", "port 0 is reserved (RFC 6335 6)")
    if words < 5:
        yield Oddity("Data Offset", f"{words} words are less than the header's own 5 (RFC 9293 3.1)")
    elif words * 4 > len(segment):
        yield Oddity("Data Offset", f"{words * 4} octets are more than the segment's {len(segment)}")
    if word >> 9 & 7:
        yield Oddity("Reserved", "must be zero in generated segments (RFC 9293 3.1)")
    yield from _flags(flags, len(segment) - max(5, words) * 4)
    if int.from_bytes(segment[18:20], "big") and not flags & URG:
        yield Oddity("Urgent Pointer", "means nothing without URG (RFC 9293 3.1)")
    if src and dst and words * 4 <= len(segment):
        right = checksum(pseudo_header(src, dst, len(segment)) + segment[:16] + b"\0\0" + segment[18:])
        found = int.from_bytes(segment[16:18], "big")
        if found != right and {found, right} != {0, 0xFFFF}:
            yield Oddity("Checksum", f"should be 0x{right:04x}")
    for option in header.parse_options(segment[header.MINIMUM_LENGTH : max(5, words) * 4]):
        yield from _option(option, flags)


def _flags(flags: int, data: int) -> Iterator[Oddity]:
    if flags & SYN and flags & FIN:
        yield Oddity("FIN", "SYN and FIN at once: open and close in one (RFC 9293 3.5)")
    if flags & SYN and flags & RST:
        yield Oddity("RST", "SYN and RST at once: open and reset in one (RFC 9293 3.5)")
    if not flags & (SYN | RST | ACK):
        yield Oddity("ACK", "must be set in all segments but the first SYN and a reset (RFC 9293 3.10.7.4)")
    if flags & RST and data > 0:
        yield Oddity("RST", "a reset with data is allowed, and rare (RFC 9293 3.5.3)")


def _option(option: header.Option, flags: int) -> Iterator[Oddity]:
    name = f"Option {option.name}"
    if option.malformed:
        yield Oddity(name, "its length cannot be (RFC 9293 3.2)")
    elif option.kind in (2, 3, 4) and not flags & SYN:
        yield Oddity(name, "belongs into SYN segments only (RFC 9293 3.7.1, RFC 7323 2.2, RFC 2018 2)")
    elif option.kind == 3 and option.data[0] > header.MAX_WINDOW_SHIFT:
        yield Oddity(name, "shifts above 14 are taken as 14 (RFC 7323 2.3)")
