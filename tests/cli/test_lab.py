"""lab: what the command prints, writes, and returns."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tcpinspect.lab import catalogue
from tcpinspect.lab.namespaces import usable
from tcpinspect.report.folding import columns_of


def lab(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # os.environ and no more: libreadline, which pytest loads, sets COLUMNS behind Python's back.
    command = [sys.executable, "-m", "tcpinspect", "lab", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, encoding="utf-8", env=dict(os.environ))


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS would make one."""
    monkeypatch.delenv("COLUMNS", raising=False)


def test_list_has_a_line_for_each() -> None:
    done = lab("list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == catalogue.names()
    chinese = lab("list", "--lang", "zh").stdout
    assert "双方同时关闭" in chinese and chinese == lab("list", "--zh").stdout


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_terminal_the_list_is_folded_and_nothing_of_it_is_lost(monkeypatch: pytest.MonkeyPatch, width: int, language: str) -> None:
    whole = lab("list", "--lang", language).stdout
    monkeypatch.setenv("COLUMNS", str(width))
    lines = lab("list", "--lang", language).stdout.splitlines()
    assert width - 10 < max(map(columns_of, lines)) <= width
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == catalogue.names()
    assert "".join("".join(lines).split()) == "".join(whole.split())


def test_run_tells_both_sides_states_and_writes_the_capture(tmp_path: Path) -> None:
    done = lab("run", "simultaneous-close", "-o", str(tmp_path / "close.pcapng"))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    arrived = [line for line in lines if "F. 1:1(0) ack 1" in line]
    assert [line.split()[-1] for line in arrived[:1]] == ["CLOSING"] and "CLOSING" in arrived[1]
    assert "10 of 10 steps" in done.stdout
    shown = subprocess.run(
        [sys.executable, "-m", "tcpinspect", "timeline", str(tmp_path / "close.pcapng"), "-T", "csv"], capture_output=True, text=True
    )
    steps = list(csv.DictReader(shown.stdout.splitlines()))
    assert [(step["from_state"], step["to_state"]).count("CLOSING") for step in steps].count(1) == 4


def test_run_returns_1_where_it_does_not_go_so(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("Nobody listens.\n\n5 ms A open\n90 ms A is ESTABLISHED\n")
    done = lab("run", "mine.txt", cwd=tmp_path)
    assert done.returncode == 1
    assert "not as expected: line 4: is: CLOSED, expected ESTABLISHED" in done.stdout


def test_errors_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("A lesson.\n\n5 ms A opne\n")
    done = lab("run", "mine.txt", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('tcpinspect: scenario mine, line 3, character 8: no call "opne"')
    assert done.stderr.count("\n") == 1


def test_verify_compares_and_sums_up() -> None:
    done = lab("verify", "simultaneous-close", "last-ack-lost", "--ends", "ours")
    assert done.returncode == 0, done.stdout
    assert "2 exchanges: 20 of 20 steps agree (100.0%)" in done.stdout


def test_verify_names_its_witnesses_and_what_kernels_do_in_their_own_way() -> None:
    if reason := usable():
        pytest.skip(reason)
    done = lab("verify", "syn-flood-with-cookies", "--ends", "ours-kernel")
    if "not judged" in done.stdout:
        pytest.skip("this machine is too busy to keep the times of an exchange")
    assert done.returncode == 0, done.stdout
    assert "28 of 28 steps agree (100.0%)" in done.stdout
    assert "8  SYN cookies: the kernel kept no state" in done.stdout
    both = re.search(r"tracepoint agrees with sock_diag in (\d+) of \1 steps", done.stdout)
    assert both or "sock_diag is the only witness to the kernels: the kernel's tracepoint" in done.stdout


def test_a_flood_is_counted_by_three() -> None:
    if reason := usable():
        pytest.skip(reason)
    done = lab("run", "syn-flood")
    if "too busy" in done.stdout:
        pytest.skip("this machine is too busy to keep the times of an exchange")
    assert re.search(r"sock_diag counts 17, (ss counts 17|ss is not here), the capture shows 17", done.stdout), done.stdout


def test_record_writes_what_two_endpoints_say(tmp_path: Path) -> None:
    assert lab("record", str(tmp_path), "abort", "refused").stdout == f"2 captures in {tmp_path}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["abort.pcap", "refused.pcap"]
