"""The digest in the terminal: one screen, any width, no surprise from a file name."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from tcpinspect.model.survey import survey
from tcpinspect.report.overview import finding_groups
from tcpinspect.report.summary import summary_text

CAPTURES = Path(__file__).parents[2] / "captures"
ALL = sorted(CAPTURES.glob("*.pcap*"))
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
@pytest.mark.parametrize("width", [40, 80, 132])
def test_no_line_is_wider_than_the_terminal(path: Path, width: int) -> None:
    lines = summary_text(survey(str(path)), width=width).splitlines()
    assert max(len(line) for line in lines if not line.startswith("  tcpinspect ")) <= width, "only commands to copy are never cut"
    assert width < 80 or len(lines) <= 48


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_it_names_what_to_type_next(path: Path) -> None:
    text = summary_text(survey(str(path)))
    assert f"tcpinspect report {path} -o report.html" in text


def test_colour_adds_nothing_but_colour() -> None:
    analysis = survey(str(CAPTURES / "many-connections.pcapng"))
    assert _COLOR.sub("", summary_text(analysis, color=True)) == summary_text(analysis)
    assert "\x1b" not in summary_text(analysis)


def test_without_unicode_it_is_ascii() -> None:
    assert summary_text(survey(str(CAPTURES / "ipv6-normal-close.pcap")), unicode=False).isascii()


def test_a_hostile_name_cannot_move_the_cursor() -> None:
    analysis = survey(str(CAPTURES / "refused.pcap"))
    analysis.given = "x\x1b[2J\u202e; rm -rf ~"
    text = summary_text(analysis)
    assert "\x1b" not in text and "\u202e" not in text
    assert "tcpinspect show FILE" in text, "a name that cannot be typed is not offered for typing"


def test_a_name_with_a_blank_is_quoted_for_the_shell() -> None:
    analysis = survey(str(CAPTURES / "refused.pcap"))
    analysis.given = "my file.pcap"
    assert "tcpinspect show 'my file.pcap' --stream 0" in summary_text(analysis)


def test_the_refused_connection_is_worth_a_look() -> None:
    text = summary_text(survey(str(CAPTURES / "refused.pcap")))
    assert "Worth a look first" in text and "TI-OPEN-01" in text


def test_every_connection_is_counted_under_one_outcome() -> None:
    found = survey([str(path) for path in ALL])
    told = summary_text(found).partition("How the connections ended\n")[2].partition("\n\n")[0].splitlines()
    assert re.fullmatch(r" +\d+ +in \d other ways", told[-1]), "more outcomes than are listed: the last line counts the rest"
    assert any("refused" in line for line in told), "what went wrong is not cut off before what went well"
    assert sum(int(line.split()[0].replace(",", "")) for line in told) == found.digest.connections


def test_findings_of_a_kind_are_alike_only_when_their_words_are() -> None:
    one = SimpleNamespace(stream=0, id="TI-OPEN-01", severity="warn", frame=None, time_ns=None, count=1, text="a", rfc="")
    same, other = SimpleNamespace(**{**vars(one), "stream": 1}), SimpleNamespace(**{**vars(one), "stream": 1, "text": "b"})
    assert finding_groups([one, same])[0].alike
    assert not finding_groups([one, other])[0].alike
