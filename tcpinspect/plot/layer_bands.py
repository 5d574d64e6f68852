"""The octets of a frame in the bands of its layers: which octet stands where, nothing drawn. Floor 4. Reading: RFC 9293 §3.1.

    layer_bands(dissection) -> (Band(name, top, rows, octets, lines, …), …)

Each layer has a band of its own: its octets left, 16 a row, its fields right. A band is as high as the longer of the two, in
rows. What a layer carries are all the bands below it.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from tcpinspect.insight.dissect import Dissection, Layer

OCTETS_A_ROW = 16
_MOST_ROWS = 6  # of octets in one band
_MOST_LINES = 6  # of fields in one band
_CHARACTERS = 78
# The groups (`style.CELLS`) that colour the layers, by what they are.
_GROUPS = {"TCP": "flag", "Data": "data", "Trailer": "data", "IPv4": "number", "IPv6": "number", "Ethernet": "port", "UDP": "window"}


class Band(NamedTuple):
    """A layer: its first row and their number, the octets shown (of `size`) and their place in the frame, its fields as lines."""

    name: str
    group: str
    top: float
    rows: int
    at: int | None
    size: int
    octets: bytes
    lines: tuple[str, ...]


def layer_bands(found: Dissection) -> tuple[Band, ...]:
    """The bands from the link downwards, a row of air between them."""
    bands: list[Band] = []
    top = 0.0
    for layer in found.layers:
        shown = b"" if layer.name == "Reassembled datagram" else layer.octets[: OCTETS_A_ROW * _MOST_ROWS]
        lines = _lines(layer, len(shown))
        rows = max(1 + len(lines), (len(shown) + OCTETS_A_ROW - 1) // OCTETS_A_ROW)
        group = _GROUPS.get(layer.name, "option" if layer.name.startswith("IPv6") else "check")
        bands.append(Band(layer.name, group, top, rows, layer.at, len(layer.octets), shown, lines))
        top += rows + 0.6
    return tuple(bands)


def _lines(layer: Layer, shown: int) -> tuple[str, ...]:
    """The fields, as many as fit on a line; long octet strings are shortened."""
    texts = [f"{field.name} {field.text if len(field.text) <= 40 else field.text[:36] + '…'}" for field in layer.fields]
    lines = textwrap.wrap("   ".join(text.replace(" ", "\xa0") for text in texts), _CHARACTERS, break_long_words=False)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], "…"]
    if not texts and shown < len(layer.octets):
        lines = [f"{len(layer.octets) - shown:,} octets more" if shown else "put together from this frame and earlier ones"]
    return tuple(line.replace("\xa0", " ") for line in lines)
