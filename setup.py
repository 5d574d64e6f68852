"""Compile the engine: every module with a .pxd beside it. Where that fails, the package installs uncompiled and says so."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SLOWER = "about ninety times slower"


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


def extensions():
    try:
        from Cython.Build import cythonize
    except ImportError:
        print(f"warning: no Cython, tcpinspect's engine stays uncompiled: {SLOWER}", file=sys.stderr)
        return []
    declared = sorted((ROOT / "tcpinspect").rglob("*.pxd"))
    modules = [path.relative_to(ROOT).with_suffix("") for path in declared if path.with_suffix(".py").exists()]
    return cythonize(
        [Extension(".".join(m.parts), [str(m.with_suffix(".py"))], extra_compile_args=["-O3", "-g0"]) for m in modules],
        build_dir="build/cython",
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
