"""doctor: what it prints for people and for programs, and where its verdicts appear besides."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from .conftest import CAPTURES, LOSSY, Command, assert_refused

OFFLOAD = str(CAPTURES / "offload-left-on.pcap.gz")


@pytest.fixture
def doubled(tmp_path: Path) -> str:
    """A capture whose packets all stand in it twice."""
    data = Path(LOSSY).read_bytes()
    records, at = [data[:24]], 24
    while at < len(data):
        length = 16 + struct.unpack_from("<I", data, at + 8)[0]
        records += [data[at : at + length]] * 2
        at += length
    path = tmp_path / "doubled.pcap"
    path.write_bytes(b"".join(records))
    return str(path)


def test_a_healthy_capture_is_told_so(command: Command) -> None:
    assert command("doctor", LOSSY) == (0, b"lossy-transfer.pcap: healthy\n", "")


def test_a_fault_is_told_with_what_it_means_and_what_to_do(command: Command, doubled: str) -> None:
    end = command("doctor", doubled)
    assert end.code == 0 and end.err == ""
    assert end.text.startswith("doubled.pcap: 1 fault\n\nwarn  TI-CAP-05  ")
    assert "means: " in end.text and "to do: " in end.text and "First in frame " in end.text
    assert max(map(len, end.text.splitlines())) <= 80


def test_json_and_ndjson_say_the_same(command: Command) -> None:
    facts = json.loads(command("doctor", OFFLOAD, "-T", "json").text)
    lines = [json.loads(line) for line in command("doctor", OFFLOAD, "-T", "ndjson").text.splitlines()]
    assert facts["diagnoses"] == lines and not facts["healthy"]
    assert [one["id"] for one in lines] == ["TI-CAP-09", "TI-CAP-10"]
    assert set(lines[0]) == {"id", "severity", "title", "text", "effect", "remedy", "count", "frame", "streams"}
    assert lines[0]["streams"] == [0] and lines[0]["frame"] == 6


def test_healthy_for_programs(command: Command) -> None:
    assert json.loads(command("doctor", LOSSY, "-T", "json").text) == {
        "name": "lossy-transfer.pcap", "packets": 150, "healthy": True, "diagnoses": [],
    }  # fmt: skip
    assert command("doctor", LOSSY, "-T", "ndjson") == (0, b"", "")


def test_colour_and_narrow_screens(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    assert max(map(len, command("doctor", OFFLOAD).text.splitlines())) <= 60
    assert "\x1b[36mnote" in command("doctor", OFFLOAD, "--color", "always").text


def test_no_capture_is_refused(command: Command, tmp_path: Path) -> None:
    assert_refused(command("doctor", str(tmp_path / "no.pcap")))


def test_the_summary_begins_with_the_health(command: Command, doubled: str) -> None:
    text = command(doubled).text
    assert text.index("Health of the capture") < text.index("How the connections ended")
    assert text.count("TI-CAP-05") >= 1 and f"tcpinspect doctor {doubled}" in text
    assert "Health" not in command(LOSSY).text and "doctor" not in command(LOSSY).text


@pytest.mark.parametrize("kind", ["html", "md"])
def test_the_report_begins_with_the_health(command: Command, doubled: str, kind: str) -> None:
    page = command("report", doubled, "-o", "-", "-T", kind).text
    assert page.index("Health of the capture") < page.index("Overview</h2>" if kind == "html" else "## Overview")
    assert "TI-CAP-05" in page and "editcap -d" in page
    assert "Health of the capture" not in command("report", LOSSY, "-o", "-", "-T", kind).text
