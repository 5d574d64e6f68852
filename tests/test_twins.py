"""The compiled engine and the same files uncompiled give the same tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import tcpinspect
from tcpinspect.engine import track

from .conftest import CAPTURES

PROGRAM = """
import hashlib, sys
import tcpinspect as ti
from tcpinspect.engine import track
from tcpinspect.engine.jobs import survey_run
print(track.__file__)
for path in sys.argv[1:]:
    analysis = ti.analyze(path)
    for name in ("segments", "connections", "timeline"):
        digest = hashlib.sha256()
        for row in analysis.table(name):
            digest.update(repr(tuple(row)).encode())
        print(path, name, digest.hexdigest())
    counted, classes = survey_run(path, jobs=1)
    kinds = sorted((kind.key, kind.count, kind.examples) for kind in classes.by_key.values())
    print(path, counted.segments, counted.octets, counted.steps_back, counted.checksums, counted.not_tcp, kinds)
"""


def run(where: Path, captures: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *captures], cwd=where, env={"PYTHONPATH": str(where)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_compiled_and_uncompiled_agree(tmp_path: Path) -> None:
    if not track.__file__.endswith(tuple(EXTENSION_SUFFIXES)):
        pytest.skip("the engine is not compiled here: there is only one twin")
    package = Path(tcpinspect.__file__).parent
    shutil.copytree(package, tmp_path / "tcpinspect", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    captures = [str(p) for p in sorted(CAPTURES.iterdir()) if ".pcap" in p.name and p.stat().st_size < 100_000]
    compiled, uncompiled = run(package.parent, captures), run(tmp_path, captures)
    assert compiled[0].endswith(tuple(EXTENSION_SUFFIXES)) and uncompiled[0].endswith(".py")
    assert compiled[1:] == uncompiled[1:]
    assert len(compiled) == 1 + 4 * len(captures)
