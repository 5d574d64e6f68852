"""The header's fields, flags and options, held against Scapy, which decodes them on its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpinspect.protocol import header
from tcpinspect.protocol.header import options_text, parse_options


def test_the_fields_fill_the_header_without_a_gap() -> None:
    fixed = [field for field in header.FIELDS if field.bits > 0]
    assert [field.first_bit for field in fixed] == [sum(f.bits for f in fixed[:n]) for n in range(len(fixed))]
    assert sum(field.bits for field in fixed) == header.MINIMUM_LENGTH * 8


def test_flag_letters_are_tcpdumps() -> None:
    assert header.flag_letters(header.SYN | header.ACK) == "S."
    assert header.flag_letters(header.FIN | header.PSH | header.ACK) == "FP."
    assert header.flag_letters(0) == "none"
    assert header.flag_names(header.SYN | header.ACK) == "SYN,ACK"


OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 9)), ("NOP", None), ("WScale", 7), ("SAck", (1, 2, 5, 6)), ("EOL", None)]
TEXTS = ["mss 1460", "sackOK", "TS val 7 ecr 9", "nop", "wscale 7", "sack 1:2 5:6", "eol"]


def test_options_as_scapy_builds_them() -> None:
    from scapy.layers.inet import TCP

    for option, text in zip(OPTIONS, TEXTS, strict=True):
        raw = bytes(TCP(options=[option]))[20:]
        assert header.parse_options(raw)[0].text == text


def test_the_usual_timestamps_take_the_short_way_to_the_same_text() -> None:
    raw = b"\x01\x01\x08\x0a\x00\x00\x00\x07\xff\xff\xff\xff"
    assert header.options_text(raw) == ",".join(option.text for option in header.parse_options(raw))


@pytest.mark.parametrize("raw", [b"\x02", b"\x02\x00", b"\x02\x01", b"\x02\x05\x01", b"\x02\x03\x05", b"\x05\x03\x01", b"\x08\x0a\x00"])
def test_impossible_lengths_are_marked(raw: bytes) -> None:
    assert header.parse_options(raw)[-1].malformed


@given(st.binary(max_size=40))
def test_any_bytes_are_a_list_of_options(raw: bytes) -> None:
    options = header.parse_options(raw)
    assert all(option.text.isprintable() for option in options)
    assert sum(option.malformed for option in options[:-1]) == sum(o.malformed for o in options) - (bool(options) and options[-1].malformed)
    assert sum(option.malformed for option in options[:-1]) == sum(o.malformed for o in options) - (bool(options) and options[-1].malformed)


@given(raw=st.lists(st.one_of(st.sampled_from([b"\x01", b"\x02\x04\x05\xb4", b"\x03\x03\x07", b"\x04\x02", b"\x05\x0a" + bytes(8),
                                               b"\x08\x0a" + bytes(range(8)), b"\0", b"\x05\x12" + bytes(range(16))]),
                              st.binary(max_size=3)), max_size=6).map(b"".join))  # fmt: skip
def test_options_in_one_line_are_the_options_one_by_one(raw: bytes) -> None:
    assert options_text(raw) == ",".join(option.text for option in parse_options(raw))
