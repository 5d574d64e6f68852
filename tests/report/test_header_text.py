"""The RFC's bit drawing in characters: the very lines of RFC 9293, with values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.insight.dissect import frame_of, packet_layers
from tcpinspect.lab.crafting import craft
from tcpinspect.report.header_text import bit_drawing, frame_text, hex_listing

from ..conftest import CAPTURES

LINE = "+-" * 32 + "+"


def test_a_syn_is_drawn_as_the_rfc_draws_it() -> None:
    drawing = craft("S seq=1000 win=65535 <mss 1460>", src="192.0.2.1", dst="192.0.2.2").draw()
    assert (
        drawing
        == """\
 0                   1                   2                   3
 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|       Source Port 49152       |      Destination Port 80      |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                     Sequence Number 1000                      |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|                    Acknowledgment Number 0                    |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
| Data  |       |C|E|U|A|P|R|S|F|                               |
|Offset | Rsrvd |W|C|R|C|S|S|Y|I|         Window 65535          |
|   6   |   0   |R|E|G|K|H|T|N|N|                               |
|       |       |0|0|0|0|0|0|1|0|                               |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|        Checksum 0x4fea        |       Urgent Pointer 0        |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
|  Kind 2 mss   |   Length 4    |           MSS 1460            |
+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""
    )


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1, max_size=70))
def test_any_octets_make_a_drawing_of_the_rfcs_width(octets: bytes) -> None:
    lines = bit_drawing(octets, "192.0.2.1", "192.0.2.2").splitlines()
    assert all(len(line) == 65 for line in lines if line[0] in "|+")
    assert all(len(line) <= 65 and line.isprintable() for line in lines)
    assert hex_listing(octets).isascii() and max(map(len, hex_listing(octets).splitlines())) <= 80


def test_a_captured_frame_tells_every_octet() -> None:
    found = frame_of(CAPTURES / "normal-close-by-client.pcap", 4)
    text = frame_text(found, "office.pcap")
    listed = re.findall(r"^  [0-9a-f]{4}  ((?:[0-9a-f]{2} ?)+)", text, re.MULTILINE)
    assert bytes.fromhex("".join(listed)) == found.octets
    for part in ("frame 4: 111 octets", "Ethernet  (octets 0–13", "Source Address 192.0.2.10", "GET /hello", LINE, "Data: 45 octets"):
        assert part in text
    assert frame_text(found, "x", unicode=False).isascii()


@pytest.mark.parametrize("name", ["ipv6-normal-close.pcap", "lossy-transfer.pcap"])
def test_a_frame_fits_eighty_columns_and_no_flag_is_cut(name: str) -> None:
    text = frame_text(frame_of(CAPTURES / name, 5), name)
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"CWR \d, ECE \d, URG \d, ACK \d, PSH \d, RST \d,(?: SYN \d,)?\n +(?:SYN \d, )?FIN \d\n", text)


@pytest.mark.parametrize("octets", [b"", b"\x45", bytes(60)])
def test_what_holds_no_tcp_says_why(octets: bytes) -> None:
    text = frame_text(packet_layers(octets, 101), "x\x1b[31m.pcap")
    assert "No TCP segment: " in text and "\x1b" not in text and LINE not in text


def test_a_checksum_left_to_the_card_is_not_called_wrong() -> None:
    found = frame_of(CAPTURES / "offload-left-on.pcap.gz", 1)
    if found.checksum == "unfinished":
        text = frame_text(found, "x")
        assert "left to the network card" in text and "should be" not in text
