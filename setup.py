"""Compile the engine: every module with a .pxd beside it. Where that fails, the package installs uncompiled and says so.

What is compiled is a copy of the sources in `build/folded` in which each constant has its value. The sources say where a constant
comes from (`SYN = cython.declare(cython.longlong, header.SYN)`), which for C is a variable, read from memory whenever it is used; with
the values in their places a tenth of the engine's instructions and an eighth of its accesses to memory are gone.
"""

import importlib
import os
import re
import sys
from functools import partial
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SLOWER = "about ninety times slower"
FOLDED = ROOT / "build" / "folded"
CONSTANT = re.compile(r"^([A-Z_0-9]+) = cython\.declare\(cython\.longlong, .*?\)(  #.*)?$", re.MULTILINE)


class OptionalBuild(build_ext):
    """A missing compiler is not an error: the same files run uncompiled."""

    def run(self):
        try:
            super().run()
        except Exception as error:  # a missing compiler raises FileNotFoundError, a failing one its own errors
            self.extensions = []
            print(
                f"warning: tcpinspect's engine was not compiled ({error}); it works, {SLOWER}: install gcc and Python's headers",
                file=sys.stderr,
            )


class Uncompiled:
    """Finds the modules of the package as Python sources, whatever was compiled beside them."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] != "tcpinspect":
            return None
        finders = (FileFinder(str(place), (SourceFileLoader, SOURCE_SUFFIXES)) for place in path or [ROOT])
        return next(filter(None, (finder.find_spec(name) for finder in finders)), None)


def fold(modules):
    """Copy the package to FOLDED, the constants of these modules with their values. Files that would not change stay as old as they are."""
    sys.meta_path.insert(0, Uncompiled)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        values = {module: constants(".".join(module.parts)) for module in modules}
    finally:
        sys.meta_path.remove(Uncompiled)
        sys.dont_write_bytecode = before
    for path in sorted(path for kind in ("*.py", "*.pxd") for path in (ROOT / "tcpinspect").rglob(kind)):
        text, place = path.read_text(), path.relative_to(ROOT)
        if path.suffix == ".py" and values.get(place.with_suffix("")):
            text = CONSTANT.sub(partial(valued, values[place.with_suffix("")]), text)
        copy = FOLDED / place
        if not copy.exists() or copy.read_text() != text:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text)


def constants(name):
    """The names of a module and their values. An engine that needs more than Python to be imported is compiled with variables."""
    try:
        return vars(importlib.import_module(name))
    except ImportError as error:
        print(f"warning: {name} is compiled with its constants as variables ({error})", file=sys.stderr)
        return {}


def valued(values, line):
    """A constant's line with its value."""
    return f"{line[1]} = cython.declare(cython.const[cython.longlong], {int(values[line[1]])})"


def extensions():
    try:
        from Cython.Build import cythonize
    except ImportError:
        print(f"warning: no Cython, tcpinspect's engine stays uncompiled: {SLOWER}", file=sys.stderr)
        return []
    declared = sorted((ROOT / "tcpinspect").rglob("*.pxd"))
    modules = [path.relative_to(ROOT).with_suffix("") for path in declared if path.with_suffix(".py").exists()]
    fold(modules)
    folded = FOLDED.relative_to(ROOT)
    return cythonize(
        [Extension(".".join(m.parts), [str(folded / m.with_suffix(".py"))], extra_compile_args=["-O2", "-g0"]) for m in modules],
        build_dir="build/cython",
        nthreads=os.cpu_count(),
        include_path=[str(folded)],
        quiet=True,
        compiler_directives={
            "language_level": 3,
            "boundscheck": True,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "binding": False,
        },
    )


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuild}, options={"build_ext": {"parallel": os.cpu_count()}})
