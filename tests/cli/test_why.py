"""why: one segment explained on the command line."""

from __future__ import annotations

import json

import pytest

from .conftest import LOSSY, MANY, Command, assert_refused


def test_why_explains_a_frame(command: Command) -> None:
    end = command("why", LOSSY, "--frame", "57")
    assert end.code == 0 and end.err == ""
    assert end.text.startswith("frame 57, stream 0: 198.51.100.20:80 (server)")
    for part in ("fast-retransmission", "States", "Rules that fired", "Rules that nearly fired", "RFC 5681"):
        assert part in end.text


def test_why_keeps_to_the_width_of_the_terminal(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert max(map(len, command("why", LOSSY, "--frame", "87").text.splitlines())) <= 72


def test_why_as_json_has_rules_with_numbers(command: Command) -> None:
    facts = json.loads(command("why", LOSSY, "--frame", "57", "-T", "json").text)
    assert facts["cause"] == "fast-retransmission" and facts["frame"] == 57
    rules = {rule["rule"]: rule for rule in facts["rules"]}
    assert rules["fast retransmit"]["fired"] is True and rules["fast retransmit"]["numbers"]["duplicate_acks"] == 4
    assert rules["RACK"]["fired"] == "nearly"
    assert [one["side"] for one in facts["states"]] == ["client", "server"]


def test_why_of_a_stream_lists_what_is_not_ordinary(command: Command) -> None:
    lines = command("why", LOSSY, "--stream", "0").text.splitlines()
    assert any(line.split()[:3] == ["57", "server", "fast-retransmission"] for line in lines)
    listed = json.loads(command("why", LOSSY, "--stream", "0", "-T", "json").text)
    assert len(listed) == len(lines) and all(row["meaning"] for row in listed)


def test_why_says_what_a_frame_is_that_is_none(command: Command) -> None:
    assert_refused(command("why", LOSSY, "--frame", "9999"), "no frame 9999 in")
    assert_refused(command("why", MANY, "--frame", "1"), "is no TCP segment")
    assert_refused(command("why", LOSSY), "which segment?")
    assert_refused(command("why", LOSSY, "--frame", "0"), "")
    assert_refused(command("why", LOSSY, "--stream", "4"), "no stream 4")


def test_why_checks_that_the_frame_belongs_to_the_stream(command: Command) -> None:
    assert command("why", LOSSY, "--stream", "0", "--frame", "57").code == 0
    assert_refused(command("why", LOSSY, "--stream", "3", "--frame", "57"), "belongs to stream 0, not 3")


def test_why_writes_into_a_file(command: Command, tmp_path: object) -> None:
    out = f"{tmp_path}/why.txt"
    assert command("why", LOSSY, "--frame", "146", "-o", out).out == b""
    with open(out, encoding="utf-8") as text:
        assert "rto-retransmission" in text.read()
