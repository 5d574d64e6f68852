"""Where each field of a real TCP header stands in the RFC's bit drawing: rows of 32 bits, nothing drawn. Floor 4. Reading: RFC 9293 §3.1.

    header_layout(segment, src, dst) -> HeaderLayout(cells, rows, oddities, …)

A Cell is a stretch of one row; a value that runs over the end of a row is two cells or more (`piece` of `pieces`). The text
drawing (`report.header_text`) and the picture (`plot.draw_header`) show the same cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tcpinspect.insight.oddities import Oddity, oddities
from tcpinspect.protocol import header

ROW_BITS = 32
# The groups are those of `style.CELLS`.
_GROUP_OF = {
    "src_port": "port", "dst_port": "port", "seq_raw": "number", "ack_raw": "number", "data_offset": "control", "reserved": "control",
    "window_raw": "window", "checksum": "check", "urgent_pointer": "check",
}  # fmt: skip
# What stands in the value of an option: (name, octets) pieces, repeated as long as there is some.
_VALUES: dict[int, tuple[tuple[str, int], ...]] = {
    2: (("MSS", 2),), 3: (("Shift", 1),), 5: (("Left Edge", 4), ("Right Edge", 4)), 8: (("TSval", 4), ("TSecr", 4)), 28: (("Timeout", 2),),
}  # fmt: skip
_OPTION_CHINESE = {
    "Kind": "类型", "Length": "长度", "MSS": "最大段长", "Shift": "移位", "Left Edge": "左边界", "Right Edge": "右边界",
    "TSval": "时间戳值", "TSecr": "时间戳回显", "Timeout": "超时", "Value": "值", "Padding": "填充", "No-Operation": "空操作",
    "End of List": "选项结束",
}  # fmt: skip


class Cell(NamedTuple):
    """A stretch of a row: `first_bit` and `bits` within its 32. `odd` says why the value is forbidden, "" where it is not."""

    row: int
    first_bit: int
    bits: int
    name: str
    chinese: str
    value: str
    group: str
    odd: str = ""
    piece: int = 0
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class HeaderLayout:
    """The cells of a header row by row, how many octets of data follow, and what is odd in it."""

    cells: tuple[Cell, ...]
    rows: int
    data: int
    flags: int
    oddities: tuple[Oddity, ...]

    def row(self, number: int) -> list[Cell]:
        """The cells of a row, from the left."""
        return [cell for cell in self.cells if cell.row == number]


class _Stretch(NamedTuple):
    """A field before it is cut into rows."""

    first_bit: int
    bits: int
    name: str
    chinese: str
    value: str
    group: str
    odd: str = ""


def header_layout(segment: bytes, src: str = "", dst: str = "") -> HeaderLayout:
    """Lay out the header of a segment (its octets, data included). With both addresses its checksum is judged too.

    A header that was cut off shows the fields that are there.
    """
    words = segment[12] >> 4 if len(segment) > 12 else 5
    length = min(len(segment), max(header.MINIMUM_LENGTH, words * 4))
    head = segment[:length]
    odd = oddities(segment, src, dst)
    cells = [cell for stretch in _stretches(head, {o.field: o.text for o in reversed(odd)}) for cell in _cut(stretch)]
    flags = int.from_bytes(head[12:14], "big") & 0x1FF if length > 13 else 0
    rows = 1 + max((cell.row for cell in cells), default=-1)
    return HeaderLayout(tuple(cells), rows, len(segment) - length, flags, tuple(odd))


def _stretches(head: bytes, odd: dict[str, str]) -> Iterator[_Stretch]:
    whole = int.from_bytes(head, "big")
    for field in header.FIELDS:
        end = field.first_bit + field.bits
        if field.bits > 0 and end <= 8 * len(head):
            value = whole >> (8 * len(head) - end) & (1 << field.bits) - 1
            text = f"0x{value:04x}" if field.column == "checksum" else str(value)
            group = _GROUP_OF.get(field.column, "flag")
            yield _Stretch(field.first_bit, field.bits, field.name, field.chinese, text, group, odd.get(field.name, ""))
    at = header.MINIMUM_LENGTH
    for option in header.parse_options(head[at:]):
        size = _option_size(option, head, at)
        yield from _option(option, head[at : at + size], at, odd.get(f"Option {option.name}", ""))
        at += size
    if at < len(head):
        yield _Stretch(8 * at, 8 * (len(head) - at), "Padding", _OPTION_CHINESE["Padding"], f"0x{head[at:].hex()}", "option")


def _option_size(option: header.Option, head: bytes, at: int) -> int:
    """The octets that an option of `parse_options` covers: a malformed one that ends the list covers all that is left."""
    if option.kind in (0, 1):
        return 1
    stated = head[at + 1] if at + 1 < len(head) else 0
    return stated if 2 <= stated <= len(head) - at else len(head) - at


def _option(option: header.Option, octets: bytes, at: int, odd: str) -> Iterator[_Stretch]:
    """Kind, length and the pieces of the value; no-operation and the end of the list are a single octet."""

    def stretch(first: int, size: int, name: str, value: str) -> _Stretch:
        return _Stretch(8 * (at + first), 8 * size, name, _OPTION_CHINESE.get(name, name), value, "option", odd)

    if option.kind in (0, 1):
        yield stretch(0, 1, "No-Operation" if option.kind else "End of List", str(option.kind))
        return
    yield stretch(0, 1, "Kind", f"{option.kind} {option.name}" if not option.name.startswith("kind") else str(option.kind))
    if len(octets) > 1:
        yield stretch(1, 1, "Length", str(octets[1]))
    pieces, done = _VALUES.get(option.kind, ()), 2
    while not option.malformed and pieces and done < len(octets):
        for name, size in pieces:
            yield stretch(done, size, name, str(int.from_bytes(octets[done : done + size], "big")))
            done += size
    if done < len(octets):
        yield stretch(done, len(octets) - done, "Value", f"0x{octets[done:].hex()}")


def _cut(stretch: _Stretch) -> Iterator[Cell]:
    """The cells of a field: one for each row it touches."""
    first, end = stretch.first_bit, stretch.first_bit + stretch.bits
    pieces = (end - 1) // ROW_BITS - first // ROW_BITS + 1
    for piece in range(pieces):
        row = first // ROW_BITS
        bits = min(end, (row + 1) * ROW_BITS) - first
        yield Cell(row, first % ROW_BITS, bits, *stretch[2:], piece, pieces)
        first += bits
