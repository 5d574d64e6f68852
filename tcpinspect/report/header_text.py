"""A TCP header in characters: RFC 9293's bit drawing with its values, and the octets with their fields. Floor 4. Reading: RFC 9293 §3.1.

The same cells as the picture (`plot.header_cells`). A bit is two characters wide, as in the RFCs; ASCII alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import zip_longest

from tcpinspect.insight.dissect import Dissection, Layer
from tcpinspect.plot.header_cells import ROW_BITS, Cell, header_layout
from tcpinspect.report.safe import ascii_only, plain

_LINE = "+-" * ROW_BITS + "+"
_TENS = " " + "".join(f"{n // 10}" + " " * 19 for n in range(0, ROW_BITS, 10)).rstrip()
_ONES = " " + " ".join(str(n % 10) for n in range(ROW_BITS))
_OCTETS_A_LINE = 16
_UNFINISHED = {"en": "checksum left to the network card (only the pseudo-header is summed)", "zh": "校验和留给网卡计算（只含伪首部之和）"}
_MOST_TEXT = 80 - 33  # characters beside eight octets, in the 80 of a common terminal
_MOST_DATA = 8  # lines of data in the octets' listing


def bit_drawing(segment: bytes, src: str = "", dst: str = "", *, lang: str = "en") -> str:
    """The header of the segment as the RFC draws it, with the values; below it what is odd, in English or ("zh") Chinese.

    65 characters wide.
    """
    picture = header_layout(segment, src, dst)
    lines = [_TENS, _ONES, _LINE]
    for row in range(picture.rows):
        lines += _row(picture.row(row))
        lines.append(_LINE)
    if picture.data:
        lines.append(f"|{f'Data: {picture.data} octets':^63}|")
        lines.append(_LINE)
    for oddity in picture.oddities:
        # a Chinese character is as wide as two others
        lines += textwrap.wrap(f"! {oddity.said(lang)}", 65 if lang == "en" else 44, subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _row(cells: list[Cell]) -> Iterator[str]:
    """The lines of a row: as many as its narrowest cell needs."""
    columns = [(_words(cell), 2 * cell.bits - 1) for cell in cells]
    filled = sum(cell.bits for cell in cells)
    if filled < ROW_BITS:  # the octets end before the row does
        columns.append(([], 2 * (ROW_BITS - filled) - 1))
    height = max(len(words) for words, _ in columns)
    for line in range(height):
        text = "|"
        for words, width in columns:
            # short cells stand in the middle of the row's height, as in the RFC
            index = line - (height - len(words)) // 2
            text += f"{words[index] if 0 <= index < len(words) else '':^{width}}" + "|"
        yield text


def _words(cell: Cell) -> list[str]:
    """The lines of a cell: its name, and its value; a flag downwards, a letter a line."""
    width = 2 * cell.bits - 1
    if cell.bits == 1:
        return [*cell.name, cell.value]
    if cell.piece:
        return ["..."]
    if cell.name == "Reserved":
        return ["Rsrvd", cell.value]
    both = f"{cell.name} {cell.value}"
    if len(both) <= width:
        return [both]
    names = textwrap.wrap(cell.name, width)
    value = cell.value if len(cell.value) <= width else cell.value[: max(1, width - 3)] + "..."
    return [*names, value]


def field_listing(layer: Layer) -> Iterator[str]:
    """The octets of a layer, a line for those that share a field, each with the fields it is part of: place, octets, fields."""
    start = layer.at or 0
    groups: list[tuple[int, int, list[str]]] = []
    for field in layer.fields:
        first, end = field.first_bit // 8, (field.first_bit + field.bits + 7) // 8
        text = f"{field.name} {field.text}"
        if groups and first < groups[-1][1]:  # shares an octet with the field before it
            a, b, texts = groups[-1]
            groups[-1] = (a, max(b, end), [*texts, text])
        else:
            groups.append((first, end, [text]))
    for first, end, texts in groups:
        yield from _listed(start + first, layer.octets[first:end], ", ".join(texts))
    if not layer.fields:
        shown = layer.octets[: _OCTETS_A_LINE * _MOST_DATA]
        for at in range(0, len(shown), _OCTETS_A_LINE):
            piece = shown[at : at + _OCTETS_A_LINE]
            yield f"  {start + at:04x}  {piece.hex(' '):<47}  {''.join(chr(c) if 32 <= c < 127 else '.' for c in piece)}"
        if len(shown) < len(layer.octets):
            yield f"        and {len(layer.octets) - len(shown):,} octets more"


def _listed(at: int, octets: bytes, text: str) -> Iterator[str]:
    """Octets and what they are; more than eight stand on lines of their own."""
    # a line ends between fields, and within one only where it is longer than a line
    whole = textwrap.wrap(text.replace(" ", "\xa0").replace(",\xa0", ", "), _MOST_TEXT, break_long_words=False)
    texts = [line for field in whole for line in textwrap.wrap(field.replace("\xa0", " "), _MOST_TEXT)]
    pieces = [octets[n : n + 8] for n in range(0, len(octets), 8)]
    for n, (piece, words) in enumerate(zip_longest(pieces, texts, fillvalue=None)):
        where = f"{at + 8 * n:04x}" if piece else ""
        yield f"  {where:<4}  {(piece or b'').hex(' '):<23}  {words or ''}".rstrip()


def hex_listing(segment: bytes) -> str:
    """Every octet of a segment with its field."""
    from tcpinspect.insight.dissect import segment_layers

    return "\n".join(line for layer in segment_layers(segment) for line in field_listing(layer)) + "\n"


def frame_text(found: Dissection, name: str, *, unicode: bool = True, lang: str = "en") -> str:
    """A captured frame: what it is wrapped in, every octet with its field, and the bit drawing of its TCP header.

    `lang` is the language of the remarks; names of headers, fields and flags are the RFC's in any.
    """
    whole = "" if len(found.octets) == found.wire_length else f" captured of {found.wire_length:,}"
    lines = [f"{plain(name)}, frame {found.frame}: {len(found.octets):,} octets{whole}"]
    for layer in found.layers:
        where = (
            f"octets {layer.at}–{layer.at + len(layer.octets) - 1}" if layer.at is not None else f"{len(layer.octets)} octets, reassembled"
        )
        lines += ["", f"{layer.name}  ({where}{'; ' + layer.source if layer.source else ''})", *field_listing(layer)]
    if found.segment:
        a, b = found.addresses
        checksum = f"  {_UNFINISHED.get(lang, _UNFINISHED['en'])}" if found.checksum == "unfinished" else ""
        # a checksum that was left to the card, or cannot be judged, is not called wrong
        judged = (a, b) if found.checksum in ("good", "bad") else ("", "")
        lines += ["", f"TCP from {a} to {b}{checksum}", "", bit_drawing(found.segment, *judged, lang=lang).rstrip("\n")]
    if found.reason != "TCP":
        lines += ["", f"No TCP segment: {found.reason}."]
    text = "\n".join(lines) + "\n"
    return text if unicode else ascii_only(text)
