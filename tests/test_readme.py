"""What the README says is true: its generated parts are current, its commands run, its names exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

README = (ROOT / "README.md").read_text()


def between(mark: str) -> str:
    return README.split(f"<!-- {mark} -->")[1].split(f"<!-- /{mark} -->")[0].strip()


def test_the_transition_table_is_the_programs() -> None:
    done = subprocess.run([sys.executable, "-m", "tcpinspect", "states", "--format", "md"], capture_output=True, text=True, check=True)
    assert between("transitions") == done.stdout.strip()


EXAMPLES = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith(".venv/bin/tcpinspect ")]


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_run(line: str, tmp_path: Path) -> None:
    words = shlex.split(line.removeprefix(".venv/bin/tcpinspect "))
    words = [str(ROOT / word) if word.startswith("captures/") else word for word in words]
    done = subprocess.run([sys.executable, "-m", "tcpinspect", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout or list(tmp_path.iterdir())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


def test_the_python_example_runs() -> None:
    code = re.search(r"```python\n(.*?)```", README, re.S)
    assert code
    subprocess.run([sys.executable, "-c", code[1]], cwd=ROOT, check=True)


def test_the_rooms_of_the_house_exist() -> None:
    for room in re.findall(r"^\| \d \| (.*?) \|", README, re.M):
        for name in re.findall(r"`(.*?)`", room):
            assert (ROOT / "tcpinspect" / name).exists(), name
