"""Built without a compiler from the sdist: what is installed analyses a capture. With one: that is what all other tests run on,
and `test_twins` holds both against each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ..conftest import CAPTURES, ROOT

CAPTURE = CAPTURES / "half-close-with-data.pcap"
LARGE = 6_000_000

pytestmark = pytest.mark.slow
for module in ("build", "setuptools", "Cython"):
    pytest.importorskip(module)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the checkout without what was built in it."""
    if not (ROOT / "setup.py").exists():
        pytest.skip("not a checkout: there is no setup.py")
    to = tmp_path_factory.mktemp("checkout") / "tcpinspect"
    ignore = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "build", "dist", "*.egg-info", ".git", ".venv", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, to, ignore=ignore)
    return to


def build(where: Path, out: Path, *what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check", *what, "-o", str(out), str(where)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, cwd=out)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def unpacked(wheel: Path, to: Path) -> Path:
    """The wheel as pip would install it, beside the libraries of this interpreter."""
    with zipfile.ZipFile(wheel) as file:
        file.extractall(to)
    return to


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, "-m", "tcpinspect", *words], cwd=site, env=environment, capture_output=True, text=True)


def test_from_the_sdist_without_a_compiler_it_installs_says_so_and_works(checkout: Path, tmp_path: Path) -> None:
    build(checkout, tmp_path, "--sdist")
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    tree = {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()}
    folders = [checkout / folder for folder in ("tcpinspect", "tests", "captures")]
    assert {str(p.relative_to(checkout)) for folder in folders for p in folder.rglob("*") if p.is_file()} <= tree
    # what Cython made of the same files before saves a minute
    if (ROOT / "build" / "cython").is_dir():
        shutil.copytree(ROOT / "build" / "cython", source / "build" / "cython")
        for made in (source / "build" / "cython").rglob("*.c"):
            os.utime(made)
    done = build(source, tmp_path, "--wheel", CC="false", CXX="false")
    assert "not compiled" in done.stdout + done.stderr and "slower" in done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    site = unpacked(wheel, tmp_path / "site")
    small = run(site, "connections", str(CAPTURE), "-T", "csv")
    assert (small.returncode, small.stderr) == (0, "") and "half-close" in small.stdout
    # a comment of some octets makes the file large enough to be warned of, not long to read
    large = tmp_path / "large.pcapng"
    body = b"\x01\x00\x00\x00" + bytes(LARGE - LARGE % 4)
    section = (
        b"\x0a\x0d\x0d\x0a" + (28).to_bytes(4, "little") + b"\x4d\x3c\x2b\x1a\x01\x00\x00\x00" + b"\xff" * 8 + (28).to_bytes(4, "little")
    )
    size = (len(body) + 12).to_bytes(4, "little")
    large.write_bytes(section + b"\xad\x0b\x00\x00" + size + body + size)
    warned = run(site, "connections", str(large), "-T", "csv")
    assert warned.returncode == 0 and warned.stdout.count("\n") == 1
    assert warned.stderr.count("\n") == 1 and "ninety times slower" in warned.stderr
    assert run(site, "connections", str(large), "-T", "csv", "-q").stderr == ""
