"""Segments as text and as octets: what one writes is what goes on the wire, and back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.errors import NotationError, UsageError
from tcpinspect.lab.draft import EOL, NOP, RAW, Draft, DraftOption, checksum, filler, mss, sack, timestamps, window_scale
from tcpinspect.lab.notation import notation, parse
from tcpinspect.protocol.header import ACK, AE, CWR, ECE, FIN, PSH, SYN, parse_options

A, B = "192.0.2.1", "192.0.2.2"


def test_syn_with_the_usual_options() -> None:
    syn = parse("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>")
    assert (syn.flags, syn.seq, syn.ack, syn.window, syn.seg_len) == (SYN, 0, None, 65535, 1)
    assert syn.options == (mss(1460), DraftOption(4), timestamps(1, 0), NOP, window_scale(7))
    octets = Draft(**{**vars_of(syn), "src_port": 1, "dst_port": 2}).to_bytes(A, B)
    # the engine's own reader of options, written apart from this one, agrees
    assert [o.text for o in parse_options(octets[20:])] == ["mss 1460", "sackOK", "TS val 1 ecr 0", "nop", "wscale 7"]


@pytest.mark.parametrize("text", [
    "S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>", "S. 0:0(0) ack 1", "F.", "-", "R 5:5(0)",
    "P. 1:101(100) ack 1 win 257", ". 1:1(0) ack 301 win 257 <nop,nop,sack 401:501 601:701>", ". 4294967295:4(5) ack 1 <...>",
    "SEWA 0:0(0) win 65535 <FO,nop,nop>", "S 0:5(5) <FO 0123456789abcdef>", "S 0:0(0) <FOEXP 01020304,uto 60>",
    "U. 1:2(1) ack 1 win 5 urg 1", "F 1:1(0) data_offset=3 checksum=0 reserved=5", "P. 1:3(2) data=0x6869",
    "S 0:0(0) <mss 1460 length 9,wscale 7>", "S 0:0(0) <kind2 0x05,raw 0x02,md5 0x00112233445566778899aabbccddeeff>",
])  # fmt: skip
def test_text_to_draft_to_the_same_text(text: str) -> None:
    assert notation(parse(text)) == text


def test_keywords_mean_the_same_as_the_short_form() -> None:
    assert parse("S seq=0 win=65535 <mss 1460,TS 1 0>") == parse("S 0:0(0) win 65535 <mss 1460,TS val 1 ecr 0>")
    assert parse("P. seq=1 len=100 ack=1") == parse("P. 1:101(100) ack 1")
    assert parse(r'P. seq=1 data="hi\r\n\x00"').payload == b"hi\r\n\x00"
    assert parse(". seq=-1 ack=1").seq == 2**32 - 1


def test_names_stand_for_numbers() -> None:
    assert parse("S. y:y(0) ack x+1", names={"x": 2**32 - 1, "y": 7}) == Draft(flags=SYN | ACK, seq=7, ack=0)
    assert parse(". 1:1(0) ack 1 <sack x:x+100>", names={"x": 3}).options == (sack((3, 103)),)


def test_flags_by_letter_and_by_ace_digit() -> None:
    assert parse("SEWe").flags == SYN | ECE | CWR | AE == parse("S7").flags
    assert parse("FP.5").flags == FIN | PSH | ACK | AE | ECE


@pytest.mark.parametrize(("text", "position", "what"), [
    ("", 0, "flags are missing"), ("X", 0, "no flag"), ("SS", 1, "twice"), ("S 0:0(1)", 6, "0 octets, not 1"),
    ("S 0:0(0", 7, '")" expected'),
    ("S win 65536", 6, "does not fit: 0 to 65535"), ("S win", 5, "number expected"), ("S <mss 1460", 11, '"," or ">"'),
    ("S <msx 1>", 3, 'no option "msx"'), ("S seq=x", 6, 'no number is called "x"'), ("S win 1 win 2", 8, "given twice"),
    ("S <FO 0x123>", 6, "two digits each"), ("S size 5", 2, "not understood"), ("S data=hi", 7, "data is written as"),
])  # fmt: skip
def test_an_error_shows_the_place(text: str, position: int, what: str) -> None:
    with pytest.raises(NotationError, match=what.replace("(", r"\(").replace(")", r"\)")) as error:
        parse(text)
    assert error.value.position == position
    assert "\n" not in str(error.value)


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=20, max_size=90))
def test_any_octets_to_draft_to_text_and_back_to_the_same_octets(octets: bytes) -> None:
    draft = Draft.from_bytes(octets)
    assert draft.to_bytes() == octets
    assert parse(notation(draft)) == draft


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='SFRP.UEWA-0123456789:() ack=win<mssTSvalecr,nop>x"\\', max_size=60))
def test_any_text_is_a_segment_or_one_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse(text)


def test_options_are_padded_to_words_and_overlap_on_purpose() -> None:
    assert Draft(options=(window_scale(7),)).options_bytes() == b"\x03\x03\x07\0"
    lying = Draft(options=(DraftOption(2, b"\x05\xb4", 9), window_scale(7)), src_port=1, dst_port=2, window=0)
    assert parse_options(lying.to_bytes(A, B)[20:])[0].malformed
    assert Draft.from_bytes(b"\0" * 12 + b"\x60\0" + b"\0" * 6 + b"\1\1\0\7").options == (NOP, NOP, EOL, DraftOption(RAW, b"\7"))


def test_relative_numbers_become_those_of_the_wire() -> None:
    near_the_end = 2**32 - 1
    there = parse(". 1:11(10) ack 1 <nop,nop,sack 11:21>").shifted(seq=near_the_end, ack=100)
    assert (there.seq, there.ack, there.options) == (0, 101, (NOP, NOP, sack((111, 121))))
    assert parse("R 1:1(0) ack 7").shifted(seq=1, ack=100).ack == 7, "without ACK the number means nothing"


def test_filler_is_the_same_for_every_cut() -> None:
    whole = filler(5, 100)
    assert filler(35, 20) == whole[30:50]


def test_checksum_of_rfc_1071() -> None:
    # RFC 1071 §3: the words 0001 f203 f4f5 f6f7 sum to ddf2
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@pytest.mark.parametrize(("draft", "what"), [
    (Draft(window=1), "no src_port"), (Draft(src_port=1, dst_port=2, window=3), "give both"),
    (Draft(src_port=1, dst_port=2, window=3, options=None), "any options"),
])  # fmt: skip
def test_what_is_missing_is_said(draft: Draft, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        draft.to_bytes()


def test_values_beyond_their_bits_are_refused() -> None:
    with pytest.raises(UsageError, match="4 bits"):
        Draft(data_offset=16)
    with pytest.raises(UsageError, match="room for 40"):
        Draft(options=(NOP,) * 41)


def vars_of(draft: Draft) -> dict[str, object]:
    return {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
