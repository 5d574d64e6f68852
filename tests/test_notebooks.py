"""The notebooks run from top to bottom in a clean kernel, in time, and show what their stories say; also where the lab cannot run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tcpinspect.lab.namespaces import usable

from .conftest import ROOT

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NO_LAB = usable()
MOST_SECONDS = 60
# What each must say, as it stands in an output, and how many pictures it has at least. The second list needs the lab.
SAYS: dict[str, tuple[int, list[str], list[str]]] = {
    "01-first-look": (
        3,
        [r"The client closed first: its FIN is in frame 8\.", r"client 192\.0\.2\.10:\d+ +ends in TIME-WAIT", "server .* ends in CLOSED"],
        [],
    ),
    "02-the-header": (3, ["SYN  00000010  set", "0014  02 04 05 b4 +Option mss 1460", "numbers that occur twice: 0"], []),
    "03-the-handshake": (7, [r"\[1\.0\d, 1\.0\d, ", "REJ"], ["The lab works here"]),
    "04-the-teardown": (
        7,
        [r"\(8, 'client', 46, 80\), \(9, 'server', 80, 46\)"],
        [r"b'question' +and then: .*= b''", r"the kernel was in +(\[.*'FIN-WAIT-2', 'TIME-WAIT'\])\n *the capture tells +\1"],
    ),
    "05-eleven-states": (4, ["CLOSING +3", r"242\.010 s  A  TIME-WAIT → CLOSED", "simultaneous-open-and-close.pcap"], []),
    "06-loss-and-the-clock": (5, ["at the sender +4 retrans.* 0 gaps", "fast-retransmission +2"], [r"try and the next: \[(\d+, ){4}\d+\]"]),
    "07-windows": (3, ["65,535 octets: at most +5.2 Mbit/s", "2.96 s"], [r"reads at last: [1-9]\d* octets"]),
    "08-no-messages": (
        3,
        ["the same three messages", r"\[b'hello', b'world', b'and so on'\]"],
        [r"recv\(65536\) = b'one\.two\.three\.'", r"with TCP_NODELAY +\[4, 4, 6\]"],
    ),
    "09-a-slow-capture": (3, ["round trip 20.6 ms, the whole connection 544 ms", "lossy-transfer +577"], []),
    "10-ten-thousand-connections": (3, ["10,000 connections after", "SF +8", "stuck in CLOSE-WAIT"], []),
    "11-capturing-live": (1, ["b'HELLO OUT THERE'", r"\{'ARP': 8\}"], []),
}  # fmt: skip
# Notebooks with a laboratory in them that begin again without it.
WITH_LAB = [
    "01-first-look",
    "03-the-handshake",
    "04-the-teardown",
    "06-loss-and-the-clock",
    "07-windows",
    "08-no-messages",
    "11-capturing-live",
]


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def run(path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook with its outputs, run by a kernel of its own that knows nothing of this user's settings."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(directory))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    notebook = nbformat.read(path, 4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=environment)
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_every_notebook_has_its_sentence() -> None:
    assert [path.stem for path in NOTEBOOKS] == sorted(SAYS)


def test_the_page_shows_every_notebook_with_its_picture() -> None:
    page = (FOLDER / "README.md").read_text()
    assert re.findall(r"\((\d\d-[\w-]+)\.ipynb\)", page) == sorted(SAYS)
    pictures = re.findall(r'src="(pictures/[^"]+)"', page)
    assert [Path(name).stem for name in pictures] == sorted(SAYS)
    assert all((FOLDER / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_tells_its_story(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    shown = outputs(run(path, tmp_path, monkeypatch))
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # a machine with other work gets so many times as long
    assert time.monotonic() - began < MOST_SECONDS * crowd
    assert not [output for output in shown if output.output_type == "error" or output.get("name") == "stderr"]
    text = "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in shown)
    pictures, sentences, of_the_lab = SAYS[path.stem]
    for sentence in sentences + ([] if NO_LAB else of_the_lab):
        assert re.search(sentence, text), f"{sentence}\n{text}"
    drawn = [data for output in shown if (data := output.get("data", {})) and ("image/png" in data or "image/svg+xml" in data)]
    assert len(drawn) >= pictures


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None, cell.id
    assert "MINE = " in path.read_text(), "the reader's own capture"
    assert "**1. " in path.read_text(), "and what it answers"


@pytest.mark.parametrize("name", WITH_LAB)
def test_without_the_right_to_a_namespace_the_story_goes_on(name: str, tmp_path: Path) -> None:
    """The cells in one process that may neither make namespaces nor capture: it says so, and tells the story with stored captures."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("taking the rights away needs root and setpriv (Debian package util-linux)")
    cells = tmp_path / "cells.py"
    cells.write_text("\n".join(code_of(FOLDER / f"{name}.ipynb")))
    command = ["setpriv", "--bounding-set", "-sys_admin,-net_admin,-net_raw", sys.executable, str(cells)]
    done = subprocess.run(command, cwd=FOLDER, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no private network namespace" in done.stdout or "capturing" in done.stdout, done.stdout
