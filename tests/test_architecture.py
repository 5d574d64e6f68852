"""The shape of the house: imports go down, heavy libraries come late, the compiled engine is the one that is written."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import tcpinspect

PACKAGE = Path(tcpinspect.__file__).parent
FLOORS = {
    "protocol": 0,
    "schema": 0,
    "errors": 0,
    "capture": 1,
    "engine": 2,
    "insight": 3,
    "model": 3,
    "plot": 4,
    "report": 4,
    "lab": 4,
    "cli": 5,
    "__main__": 6,
    "__init__": 6,
}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    out = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            out.add(node.module)
            out |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "tcpinspect"}
    return out


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_to_the_same_floor_or_down(path: Path) -> None:
    mine = FLOORS[room(path)]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "tcpinspect" and len(parts) > 1 and parts[1] in FLOORS:
            assert FLOORS[parts[1]] <= mine, f"{path.name} (floor {mine}) imports {name}"


def test_only_the_command_and_the_door_open_the_lab() -> None:
    for path in SOURCES:
        if room(path) not in ("lab", "cli", "__main__", "__init__"):
            assert not any(name.startswith("tcpinspect.lab") for name in imported(path)), path


@pytest.mark.parametrize("path", [p for p in SOURCES if FLOORS[room(p)] == 0], ids=lambda p: p.name)
def test_the_ground_floor_needs_only_the_standard_library(path: Path) -> None:
    assert all(name.split(".")[0] in sys.stdlib_module_names | {"tcpinspect"} for name in imported(path))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_stay_small_and_say_their_floor(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 500
    assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


def test_nothing_below_the_command_prints_or_exits() -> None:
    for path in SOURCES:
        if FLOORS[room(path)] < 5:
            calls = {
                node.func.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not calls & {"print", "exit"}, path


def test_only_one_module_spells_a_transition() -> None:
    for path in SOURCES:
        if path.name != "rfc9293.py":
            assert "Transition(S" not in path.read_text(), path


HEAVY = ("pandas", "matplotlib", "scapy", "numpy", "pyarrow")


def heavy_modules_after(code: str) -> str:
    code += f"; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_loads_no_heavy_library() -> None:
    assert heavy_modules_after("import tcpinspect") == "[]"


def test_an_analysis_loads_no_heavy_library(shown: Path) -> None:
    use = f"import tcpinspect as ti; a = ti.analyze({str(shown)!r}); list(a.table('segments')); a.connections[0].timeline"
    assert heavy_modules_after(use) == "[]"
    assert heavy_modules_after("import pandas") != "[]", "the check itself can see them"


def test_public_names_are_few_and_exist() -> None:
    assert len(tcpinspect.__all__) <= 20
    for name in tcpinspect.__all__:
        assert getattr(tcpinspect, name) is not None


def test_compiled_modules_are_not_older_than_their_source() -> None:
    """An edit of a compiled module is silently stale until `python setup.py build_ext --inplace`."""
    for pxd in PACKAGE.rglob("*.pxd"):
        source = pxd.with_suffix(".py")
        for suffix in EXTENSION_SUFFIXES:
            compiled = source.with_suffix("").with_name(source.stem + suffix)
            if compiled.exists():
                newest = max(source.stat().st_mtime, pxd.stat().st_mtime)
                assert compiled.stat().st_mtime >= newest, (
                    f"{compiled.name} is older than {source.name}: python setup.py build_ext --inplace"
                )


@pytest.mark.parametrize("tool", [("ruff", "check", "."), ("mypy",)], ids=lambda t: t[0])
def test_linters_are_clean(tool: tuple[str, ...]) -> None:
    root = PACKAGE.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("not a checkout: the linters' settings are not here")
    done = subprocess.run([sys.executable, "-m", *tool], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
