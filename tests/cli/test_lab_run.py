"""lab run: two exchanges side by side; what could not be written is said before. Signals: `tests/lab/test_interrupted.py`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tcpinspect.lab import catalogue

from .conftest import start


def lab_run(*words: str, **options: object) -> subprocess.Popen[str]:
    return start(  # type: ignore[return-value]
        "lab", "run", *words, text=True, encoding="utf-8", **options
    )


@pytest.mark.parametrize("columns", [80, 130])
def test_two_and_three_segments_stand_side_by_side(columns: int) -> None:
    done = lab_run("two-way-handshake", env={"COLUMNS": str(columns)})
    out, error = done.communicate(timeout=60)
    assert (done.returncode, error) == (0, "")
    lines = out.splitlines()
    head = next(n for n, line in enumerate(lines) if line.split() == ["time", "two-way-handshake", "old-duplicate-syn"])
    table = lines[head : lines.index("", head)]
    assert max(map(len, table)) <= columns
    old_syn = next(n for n, line in enumerate(table) if line.startswith("  215.0 ms"))
    assert table[old_syn].count("(delayed)") == 2
    assert table[old_syn + 1].replace("│", " ").split() == ["ESTABLISHED", "SYN-RECEIVED"]
    spoken = next(line for line in table if line.startswith("  218.0 ms"))
    assert "9 octets" in spoken and "error ENOT" in spoken and spoken.index("9 octets") < spoken.index("error")


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("name", ["simultaneous-close", "two-way-handshake", "half-open-found-by-syn"])
def test_an_exchange_fits_the_terminal(name: str, columns: int) -> None:
    out, _ = lab_run(name, env={"COLUMNS": str(columns)}).communicate(timeout=60)
    assert max(map(len, out.splitlines())) <= columns
    story = out[: out.index("the analysis")]
    for state in ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"):
        assert state in story, "no state is cut"
    assert catalogue.load(name).lesson in " ".join(out.split()), "the lesson is whole"


def test_what_cannot_be_written_is_said_before_the_exchange(tmp_path: Path) -> None:
    done = lab_run("simultaneous-close", "-o", str(tmp_path / "nowhere" / "close.pcap"))
    out, error = done.communicate(timeout=60)
    assert (done.returncode, out) == (2, "")
    assert "there is no directory" in error and error.count("\n") == 1
