"""pcapng's numbers, and its rarer blocks: interfaces with their clocks, drop counts, comments. Floor 1.

Packet blocks are walked in `records`; these are few, so plain Python reads them. `writing` and `live.encode` make blocks.
Reading: draft-ietf-opsawg-pcapng §3.5 (options), §4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MAX_COMMENTS = 1000  # a hostile capture may comment every packet

# Types of blocks (§4.1 … §4.6), and what tells the byte order of a section.
SECTION, INTERFACE, STATISTICS, ENHANCED_PACKET = 0x0A0D0D0A, 1, 5, 6
BYTE_ORDER_MAGIC = 0x1A2B3C4D
# Codes of options: §3.5.1, §4.1 (section header), §4.2 (interface), §4.3 (enhanced packet), §4.6 (interface statistics).
END_OF_OPTIONS, COMMENT = 0, 1
SHB_OS, SHB_USERAPPL = 3, 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FILTER, IF_TSOFFSET = 2, 3, 9, 11, 14
EPB_FLAGS = 2
ISB_STARTTIME, ISB_ENDTIME, ISB_IFRECV, ISB_IFDROP, ISB_FILTERACCEPT, ISB_OSDROP, ISB_USRDELIV = 2, 3, 4, 5, 6, 7, 8
# Bits of epb_flags (§4.3.1): 0–1 the direction, 9 a checksum left to the network card, 10 one that it found right, 11 a segment
# that the card was to cut into several.
INBOUND, OUTBOUND = 1, 2
CHECKSUM_NOT_READY, CHECKSUM_VALID, SEGMENTATION_OFFLOADED = 1 << 9, 1 << 10, 1 << 11


@dataclass(slots=True)
class Interface:
    """A capturing interface. `resolution` is the exponent: ticks of 10⁻ⁿ s, or of 2⁻ⁿ s when it is 128 + n. `untimed`: its simple
    packet blocks, which carry no time."""

    link_type: int
    snaplen: int
    name: str
    description: str
    resolution: int
    offset_s: int
    capture_filter: str = ""
    dropped: int | None = None
    untimed: int = 0

    def clock(self) -> tuple[int, int, int]:
        """Ticks a second, nanoseconds a tick (negative: ticks a nanosecond) and, for powers of two, the shift (else -1)."""
        exponent = self.resolution & 0x7F
        if self.resolution & 0x80:
            return 1, 1, min(exponent, 62)
        exponent = min(exponent, 18)
        return 10**exponent, 10 ** (9 - exponent) if exponent <= 9 else -(10 ** (exponent - 9)), -1


def _order(big: bool) -> Literal["big", "little"]:
    return "big" if big else "little"


def options(data: bytes, big: bool) -> Iterator[tuple[int, bytes]]:
    """(code, value) of an option list; ends at the end-of-options mark, the end of the data, or a length beyond it."""
    order = _order(big)
    at = 0
    while at + 4 <= len(data):
        code = int.from_bytes(data[at : at + 2], order)
        length = int.from_bytes(data[at + 2 : at + 4], order)
        if code == 0 or at + 4 + length > len(data):
            return
        yield code, data[at + 4 : at + 4 + length]
        at += 4 + length + (-length & 3)


def comments(data: bytes, big: bool) -> list[str]:
    """The comments in an option list."""
    return [_text(value) for code, value in options(data, big) if code == COMMENT]


def section_comments(block: bytes, big: bool) -> list[str]:
    """The comments of a whole section header block."""
    return comments(block[24:-4], big)


def interface(block: bytes, big: bool) -> Interface:
    """The interface that a whole interface description block (at least 20 octets) describes."""
    order = _order(big)
    found = Interface(int.from_bytes(block[8:10], order), int.from_bytes(block[12:16], order), "", "", 6, 0)
    for code, value in options(block[16:-4], big):
        if code == IF_NAME:
            found.name = _text(value)
        elif code == IF_DESCRIPTION:
            found.description = _text(value)
        elif code == IF_TSRESOL and value:
            found.resolution = value[0]
        elif code == IF_TSOFFSET and len(value) == 8:
            found.offset_s = max(-(10**10), min(10**10, int.from_bytes(value, order, signed=True)))
        elif code == IF_FILTER and value[:1] == b"\0":
            found.capture_filter = _text(value[1:])
    return found


def statistics(block: bytes, big: bool, interfaces: list[Interface]) -> None:
    """Note the drops that an interface statistics block reports at its interface; the last block counts."""
    order = _order(big)
    if len(block) < 24:
        return
    number = int.from_bytes(block[8:12], order)
    drops = [
        int.from_bytes(value, order) for code, value in options(block[20:-4], big) if code in (ISB_IFDROP, ISB_OSDROP) and len(value) == 8
    ]
    if drops and number < len(interfaces):
        interfaces[number].dropped = sum(drops)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").rstrip("\0")
