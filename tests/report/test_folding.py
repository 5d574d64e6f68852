"""Folding: by columns of the terminal; nothing is lost; a mark that closes never begins a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpinspect.report.folding import columns_of, folded


@given(st.text(alphabet="ab（）握手，。 ", max_size=80), st.integers(12, 40))
def test_nothing_but_spaces_is_lost(text: str, width: int) -> None:
    assert "".join("".join(folded(text, width, indent="  ")).split()) == "".join(text.split())


@pytest.mark.parametrize("width", [20, 21, 30, 60])
def test_a_chinese_sentence_ends_its_lines_between_characters(width: int) -> None:
    text = "第三次握手的 ACK 丢失：A 已 ESTABLISHED 而 B 仍在 SYN-RECEIVED，直到 A 的数据带来确认。"
    lines = list(folded(text, width, indent="  "))
    assert max(map(columns_of, lines)) <= width
    assert not any(line.strip()[0] in "，。：" for line in lines)
    assert all(line.startswith("  ") for line in lines[1:]) and not lines[0].startswith(" ")
