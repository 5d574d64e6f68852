"""The pictures of octets: cells that cover the header without a hole, texts that stay in their cells, both themes, both languages."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

matplotlib = pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

import tcpinspect.plot as plot  # noqa: E402
from tcpinspect.errors import UsageError  # noqa: E402
from tcpinspect.insight.dissect import frame_of, packet_layers  # noqa: E402
from tcpinspect.lab.crafting import craft  # noqa: E402
from tcpinspect.plot.header_cells import header_layout  # noqa: E402
from tcpinspect.plot.layer_bands import layer_bands  # noqa: E402
from tcpinspect.plot.speech import chinese_font  # noqa: E402
from tcpinspect.plot.style import CELLS, THEMES  # noqa: E402

from .test_draw import boxes, texts  # noqa: E402

CAPTURES = Path(__file__).parents[2] / "captures"
_spec = importlib.util.spec_from_file_location("wrappings", Path(__file__).parents[1] / "engine" / "test_layers.py")
assert _spec is not None and _spec.loader is not None
_wrappings = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_wrappings)
WRAPPINGS = _wrappings.WRAPPINGS
SYN = craft("S seq=1000 <mss 1460,sackOK,TS 4294967295 4294967295,nop,wscale 7>", src="192.0.2.1", dst="192.0.2.2")
ODD = craft(
    "SFP. seq=1 urg 7 len=5 checksum=1 reserved=5 <mss 1460 length 9,wscale 7,sack 1:2 3:4294967295,FO 0x0123456789>", dst="127.0.0.1"
)


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=20, max_size=70))
def test_the_cells_cover_the_header_without_a_hole(octets: bytes) -> None:
    picture = header_layout(octets)
    length = min(len(octets), max(20, (octets[12] >> 4) * 4))
    covered = [32 * cell.row + bit for cell in picture.cells for bit in range(cell.first_bit, cell.first_bit + cell.bits)]
    assert covered == list(range(8 * length))
    assert picture.data == len(octets) - length


@pytest.mark.parametrize("one", [SYN, ODD], ids=["syn", "odd"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_two_texts_meet_in_a_header(one: Any, lang: str) -> None:
    if lang == "zh" and chinese_font() is None:
        pytest.skip("no font with Chinese characters here")
    assert_apart(one.picture(lang=lang))


@pytest.mark.parametrize("name", ["VXLAN in GTP-U in VLAN", "6in6 behind extension headers", "802.11 with radiotap", "IP over InfiniBand"])
def test_no_two_texts_meet_in_layers(name: str) -> None:
    link, packet = WRAPPINGS[name]
    assert_apart(plot.layers(packet_layers(packet, link)))


def assert_apart(ax: Any) -> None:
    found = [(text, box) for text, box in boxes(ax) if len(text) > 3]  # turned names of flags are measured below
    meeting = [(a, b) for n, (a, one) in enumerate(found) for b, other in found[n + 1 :] if one.padded(-0.5).overlaps(other)]
    assert meeting == []
    page = ax.get_figure().bbox
    assert [text for text, box in found if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1] == []


def test_what_is_forbidden_is_marked_and_said() -> None:
    shown = texts(ODD.picture())
    for part in ("! Reserved: must be zero", "! FIN: SYN and FIN at once", "! Urgent Pointer", "! Checksum: should be 0x", "! Option mss"):
        assert any(text.startswith(part) for text in shown), part
    assert not any(text.startswith("!") for text in texts(SYN.picture()))


def test_every_octet_of_a_frame_is_shown_once() -> None:
    found = frame_of(CAPTURES / "normal-close-by-client.pcap", 4)
    bands = layer_bands(found)
    assert b"".join(band.octets for band in bands) == found.octets
    assert all(one.top + one.rows < other.top for one, other in pairwise(bands))
    shown = [text.get_text() for text in plot.layers(found).texts if text.get_family() == ["monospace"]]
    assert bytes.fromhex("".join(shown)) == found.octets


def test_drawn_into_given_axes_and_in_the_dark() -> None:
    figure = Figure(figsize=(6, 4))
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    assert SYN.picture(ax) is ax
    dark = SYN.picture(theme="dark")
    assert matplotlib.colors.to_hex(dark.get_figure().get_facecolor()) == THEMES["dark"].paper


def test_texts_stand_out_from_every_fill() -> None:
    cells = {cell.group for one in (SYN, ODD) for cell in header_layout(one.segment).cells}
    assert cells <= set(CELLS)

    def luminance(color: str) -> float:
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in matplotlib.colors.to_rgb(color)]
        return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])

    for paper in THEMES.values():
        for fill in (*paper.fills.values(), paper.paper):
            low, high = sorted((luminance(fill), luminance(paper.ink)))
            assert (high + 0.05) / (low + 0.05) >= 7, "WCAG 2.1, 1.4.6"


def test_unknown_looks_are_refused() -> None:
    with pytest.raises(UsageError, match="no theme"):
        SYN.picture(theme="blue")
    with pytest.raises(UsageError, match="no language"):
        SYN.picture(lang="tlh")
