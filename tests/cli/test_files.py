"""Several captures and growing ones on the command line."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tcpinspect.cli.app import COMMANDS, with_value

from .conftest import HALF_CLOSE, LOSSY, MANY, Command, assert_refused, start


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["summary", "--follow", "x"], ["summary", "--follow=inf", "x"]),
        (["--follow=3", "x"], ["--follow=3", "x"]),
        (["x", "--", "--follow"], ["x", "--", "--follow"]),
    ],
)
def test_the_word_behind_follow_is_never_its_value(words: list[str], expected: list[str]) -> None:
    assert with_value(words) == expected


# Commands that read no capture, or something else, or more than one picture.
NO_CAPTURE = ("plot", "states", "completion", "craft", "capture", "drill", "lab", "watch", "export")


@pytest.mark.parametrize("name", [n for n in COMMANDS if n not in NO_CAPTURE])
def test_every_command_reads_several_files_as_one(command: Command, tmp_path: Path, name: str) -> None:
    merged = tmp_path / "merged.pcapng"
    if shutil.which("mergecap") is None:
        pytest.skip("mergecap is not installed (Debian package wireshark-common)")
    subprocess.run(["mergecap", "-w", merged, HALF_CLOSE, LOSSY], check=True)
    more = {"show": ["--stream", "1"], "why": ["--stream", "1"], "report": ["-T", "md", "-o", "-"], "summary": ["-T", "json"]}.get(name, [])
    several, one = (command(name, *files, *more) for files in ((LOSSY, HALF_CLOSE), (str(merged),)))
    assert several.code == one.code == 0

    def plain(text: str) -> object:
        if name == "summary":
            return {k: v for k, v in json.loads(text).items() if k not in ("name", "format", "bytes")}
        told = ("lossy-transfer.pcap", "merged.pcapng", "pcap,", "| packets |")
        return [line for line in text.splitlines() if not any(word in line for word in told)]

    assert plain(several.text) == plain(one.text)


def test_one_of_several_missing_or_overwritten_is_refused(command: Command, tmp_path: Path) -> None:
    assert_refused(command("segments", HALF_CLOSE, "no-such.pcap"), "no-such.pcap")
    assert_refused(command("segments", "-", "-"), "once")
    copy = tmp_path / "x.csv"
    shutil.copy(HALF_CLOSE, copy)
    assert_refused(command("segments", MANY, str(copy), "-o", str(copy)), "is the capture itself")
    assert_refused(command("connections", HALF_CLOSE, LOSSY, "--stream", "9"), HALF_CLOSE)
    assert command("-r", HALF_CLOSE, "-r", LOSSY, "-T", "json").text == command(HALF_CLOSE, LOSSY, "-T", "json").text


def test_follow_ends_with_ctrl_c_and_the_full_result(tmp_path: Path) -> None:
    data = Path(LOSSY).read_bytes()
    growing = tmp_path / "growing.pcap"
    growing.write_bytes(data[:50_000])
    process = start("segments", str(growing), "--follow", "-T", "ndjson")
    time.sleep(1.0)
    with growing.open("ab") as out:
        out.write(data[50_000:])
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out_text, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"")
    whole, _ = start("segments", LOSSY, "-T", "ndjson").communicate(timeout=30)
    assert out_text == whole


def test_follow_ends_after_the_quiet_seconds() -> None:
    process = start("connections", HALF_CLOSE, "--follow=0.2", "-T", "csv")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"") and out.count(b"\n") == 2
