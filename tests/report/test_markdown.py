"""The Markdown report: whole tables, and nothing from outside that Markdown would act upon."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.report.markdown import markdown_report
from tcpinspect.report.safe import ascii_only, markdown, plain

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda path: path.name)
def test_every_table_is_rectangular(path: Path) -> None:
    text = markdown_report(ti.analyze(str(path)))
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        bars = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(bars)) == 1, block
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_every_connection_of_a_small_capture_has_its_story() -> None:
    analysis = ti.analyze(str(CAPTURES / "reused-port.pcap"))
    text = markdown_report(analysis)
    assert re.findall(r"^### #(\d+)", text, re.M) == [str(c.stream) for c in analysis.connections]


def test_a_hostile_name_is_only_text() -> None:
    analysis = ti.analyze(str(CAPTURES / "refused.pcap"))
    changed: Any = SimpleNamespace(
        name="a|b](http://x)<img src=x>\n# no heading\x1b[2J", capture=analysis.capture, table=analysis.table, findings=analysis.findings,
        connections=analysis.connections, connection_rows=analysis.connection_rows,
    )  # fmt: skip
    text = markdown_report(changed)
    assert "<img" not in text and "\x1b" not in text and "\n# no heading" not in text and "a\\|b\\](http" in text


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb", "a\\nb"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\x9b2J", "\\x9b2J"),
        ("\ud800", "\\ud800"),
        ("é → ok", "é → ok"),
    ],
)
def test_plain_writes_out_what_cannot_be_seen(raw: str, seen: str) -> None:
    assert plain(raw) == seen


def test_plain_cuts_long_text() -> None:
    assert plain("abcdef", limit=4) == "abc…"


def test_markdown_escapes_html_and_marks() -> None:
    assert markdown("<b>*x*|`y`&") == "&lt;b&gt;\\*x\\*\\|\\`y\\`&amp;"


def test_ascii_only_has_no_other_character() -> None:
    assert ascii_only("1 µs → 2 ms – é") == "1 us -> 2 ms - \\xe9"
