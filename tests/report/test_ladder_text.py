"""The ladder in a terminal: every width, with and without Unicode, with and without colour."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.report.ladder_text import text_ladder

# Connections made by hand, shared with the tests of the pictures.
_spec = importlib.util.spec_from_file_location("conversation", Path(__file__).parents[1] / "plot" / "conversation.py")
assert _spec is not None and _spec.loader is not None
conversation = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = conversation
_spec.loader.exec_module(conversation)

CAPTURES = Path(__file__).parents[2] / "captures"
WIDTHS = (40, 60, 72, 80, 99, 100, 118, 140, 200)
CODES = re.compile("\x1b\\[[0-9;]*m")


def cases() -> dict[str, Any]:
    long_names = conversation.Conversation(client="[2001:db8:1111:2222:3333:4444:5555:6666]:54321", server="[2001:db8::1]:443")
    return {
        "usual": conversation.usual(),
        "long": conversation.usual(400),
        "syns": conversation.unanswered(12),
        "refused": conversation.refused(),
        "crossing": conversation.crossing_fins(),
        "ipv6": long_names.open().talk(3).close(300).connection(),
        "empty": conversation.Conversation().connection(),
        # the two longest states beside each other
        "older": ti.analyze(CAPTURES / "begins-in-the-middle.pcap").connections[0],
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("case", cases())
def test_no_line_is_wider_than_asked(case: str, unicode: bool, width: int) -> None:
    for phase in ("all", "handshake", "teardown"):
        text = text_ladder(cases()[case], phase=phase, width=width, unicode=unicode)
        assert max(map(len, text.splitlines())) <= width
        assert unicode or text.isascii()
        assert all(line == line.rstrip() for line in text.splitlines())


def test_arrow_says_flags_numbers_and_meaning() -> None:
    text = text_ladder(conversation.usual(), width=100)
    assert re.search(r"0\.000 +SYN-SENT │─ SYN  seq=0 len=0 ─+▶│ SYN-RECEIVED", text)
    assert re.search(r"ESTABLISHED │◀─+ SYN, ACK  seq=0 ack=1 len=0 ─│", text)
    assert "acknowledges the FIN" in text and "(LISTEN)" in text


def test_ascii_has_ascii_arrows() -> None:
    text = text_ladder(conversation.usual(), width=100, unicode=False)
    assert re.search(r"\|- SYN  seq=0 len=0 -+>\|", text) and re.search(r"\|<-+ SYN, ACK", text)


def test_wide_terminal_has_the_note_on_the_arrows_line() -> None:
    text = text_ladder(conversation.usual(), width=140)
    assert any("FIN, ACK" in line and "closes: no more to send" in line for line in text.splitlines())


def test_narrow_terminal_keeps_every_state() -> None:
    text = text_ladder(conversation.usual(), width=60)
    for state in ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "LAST-ACK", "TIME-WAIT"):
        assert state in text


def test_silence_and_lost_segments_are_told() -> None:
    text = text_ladder(conversation.unanswered(3))
    assert "⋮ 2 s of silence" in text and text.count("×") == 4 and "no answer" in text


def test_long_transfer_stays_readable() -> None:
    text = text_ladder(conversation.usual(400))
    assert len(text.splitlines()) < 60 and re.search(r"… \d+ segments, [\d,]+ octets server → client", text)


def test_crossing_fins_are_told_in_the_order_of_the_states() -> None:
    text = text_ladder(conversation.crossing_fins())
    server = re.findall(r"│ (FIN-WAIT-1|CLOSING|TIME-WAIT)", text)
    assert server == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"] and text.count("crosses the next") == 1


def test_colour_changes_nothing_but_colour() -> None:
    for width in (60, 100, 140):
        plain, painted = (text_ladder(conversation.usual(30), width=width, color=color) for color in (False, True))
        assert "\x1b[" not in plain and "\x1b[1;32m" in painted
        assert CODES.sub("", painted) == plain
        assert all(line.count("\x1b[0m") * 2 == len(CODES.findall(line)) for line in painted.splitlines())


def test_names_from_outside_cannot_command_the_terminal() -> None:
    text = text_ladder(conversation.Conversation(client="\x1b[2J\u202e:1").open().connection())
    assert "\x1b" not in text and "\u202e" not in text and r"\x1b[2J" in text


def test_phase_that_is_not_there_says_so_and_an_unknown_one_is_an_error() -> None:
    assert "no teardown was captured in stream 0" in text_ladder(conversation.refused(), phase="teardown")
    with pytest.raises(UsageError):
        text_ladder(conversation.usual(), phase="middle")


@pytest.mark.parametrize("width", [60, 100, 160])
def test_every_capture_of_the_project_fits(captures: list[Path], width: int) -> None:
    for path in captures:
        for connection in ti.analyze(path).connections[:3]:
            text = text_ladder(connection, width=width)
            assert max(map(len, text.splitlines())) <= width
            assert sum(line.count("segment") for line in text.splitlines()) >= 1
