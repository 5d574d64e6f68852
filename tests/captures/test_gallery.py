"""The gallery in the README is the one that captures/gallery.py makes: every kind of picture, small, with its command."""

from __future__ import annotations

import importlib.util
import shlex
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def gallery() -> Any:
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "captures" / "gallery.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gallery"] = module
    spec.loader.exec_module(module)
    return module


def test_readme_has_the_section_that_is_made(gallery: Any) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.partition(gallery.BEGIN)[2].partition(gallery.END)[0].strip() == gallery.section()


def test_every_picture_is_there_and_all_of_them_are_small(gallery: Any) -> None:
    sizes = []
    for piece in gallery.GALLERY:
        data = (gallery.PICTURES / f"{piece.kind}.png").read_bytes()
        width, height = struct.unpack(">II", data[16:24])
        assert data.startswith(b"\x89PNG") and 600 < width < 1000 and height > 100, piece.kind
        sizes.append(len(data))
    assert sum(sizes) < 600_000


def test_every_command_is_one_and_every_kind_is_shown(gallery: Any) -> None:
    import click

    from tcpinspect.cli.plot import plot

    assert {piece.kind for piece in gallery.GALLERY} == set(plot.commands)
    for piece in gallery.GALLERY:
        _, _, kind, *rest = shlex.split(piece.command)
        # Parsed, not run: the pictures themselves are tested elsewhere.
        context = plot.commands[kind].make_context(kind, [str(ROOT / rest[0]), *rest[1:]], resilient_parsing=False, obj=None,
                                                   parent=click.Context(plot))  # fmt: skip
        assert context.params["out"] == f"{kind}.png"


def test_a_picture_is_made_as_the_command_makes_it(gallery: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    piece = next(piece for piece in gallery.GALLERY if piece.kind == "states")
    gallery.write(piece, tmp_path / "x.png")
    stored = (gallery.PICTURES / "states.png").read_bytes()
    assert (tmp_path / "x.png").read_bytes()[16:24] == stored[16:24]
