"""Forbidden values in a single segment are named, ordinary segments are not blamed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpinspect.insight.dissect import frame_of
from tcpinspect.insight.oddities import oddities
from tcpinspect.lab.crafting import craft

from ..conftest import CAPTURES

WAY = {"src": "192.0.2.1", "dst": "192.0.2.2"}


def odd(text: str) -> list[str]:
    one = craft(text, **WAY)
    return [oddity.field for oddity in oddities(one.segment, one.src, one.dst)]


@pytest.mark.parametrize("text", [
    "S seq=1 <mss 1460,wscale 14,sackOK,TS 1 0>", ". seq=1 ack=1", "R seq=1", "R. seq=1 ack=1", "FP. seq=1 ack=1 len=3",
    "U. seq=1 ack=1 len=9 urg 4", "SEWA seq=1",
])  # fmt: skip
def test_an_ordinary_segment_has_none(text: str) -> None:
    assert odd(text) == []


@pytest.mark.parametrize(("text", "fields"), [
    ("S src_port=0 dst_port=0", ["Source Port", "Destination Port"]), ("SF", ["FIN"]), ("SR", ["RST"]), ("-", ["ACK"]), ("F", ["ACK"]),
    ("S reserved=1", ["Reserved"]), (". urg 1", ["Urgent Pointer"]), ("S checksum=1", ["Checksum"]), ("S data_offset=4", ["Data Offset"]),
    ("S data_offset=6", ["Data Offset"]), (". <mss 1460>", ["Option mss"]), ("S <wscale 15>", ["Option wscale"]),
    ("S <mss 1460 length 9>", ["Option mss"]), ("S <mss 1460 length 0>", ["Option mss"]), ("R len=3", ["RST"]),
])  # fmt: skip
def test_what_is_forbidden_is_named(text: str, fields: list[str]) -> None:
    assert odd(text) == fields


def test_each_remark_is_said_in_chinese_too_with_the_same_sections() -> None:
    texts = ["SF src_port=0 reserved=1 urg 1 checksum=1", "SR data_offset=4 len=2", "-", "S data_offset=6", ". <mss 1460>"]
    for text in [*texts, "S <wscale 15>", "S <mss 1460 length 9>"]:
        made = craft(text, **WAY)
        for remark in oddities(made.segment, made.src, made.dst):
            assert re.search(r"[\u4e00-\u9fff]", remark.chinese), remark
            cited = [re.findall(r"RFC \d+ [\d.]+|0x\w+", text) for text in (remark.text, remark.chinese)]
            assert cited[0] == cited[1]
        assert made.draw(lang="zh").isascii() is not bool(oddities(made.segment, made.src, made.dst))


def test_the_right_checksum_is_told() -> None:
    right = craft("S", **WAY).segment
    wrong = craft("S checksum=1", **WAY)
    said = oddities(wrong.segment, wrong.src, wrong.dst)[0].text
    assert said == f"should be 0x{right[16:18].hex()}"


@pytest.mark.parametrize("name", ["normal-close-by-client.pcap", "ipv6-normal-close.pcap"])
def test_real_traffic_has_none(name: str) -> None:
    path: Path = CAPTURES / name
    for frame in range(1, 9):
        found = frame_of(path, frame)
        if found.checksum in ("good", "bad"):
            assert oddities(found.segment, *found.addresses) == []
