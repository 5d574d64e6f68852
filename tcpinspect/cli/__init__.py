"""The command `tcpinspect`. Floor 5, and the only one that prints or exits.

`main` answers `--version` by itself, because scripts ask it often: not even the command-line library is loaded for it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it


def version_line() -> str:
    """What `tcpinspect --version` prints."""
    import tcpinspect

    return f"tcpinspect {tcpinspect.__version__}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: those of the process) and return its exit code: 0 done, 1 a check
    failed, 2 a wrong call or unreadable input, 130 interrupted."""
    # Tables are millions of small objects in no cycle; looking at them again and again cost a third of the run.
    gc.set_threshold(200_000, 50, 1000)
    words = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:  # closed by the caller (>&-): what would go there goes nowhere, and its number is taken
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        if words == ["--version"]:
            from tcpinspect.cli.session import write_out

            return write_out(version_line() + "\n")
        from tcpinspect.cli.app import run

        return run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if arguments is None:
            gc.freeze()  # the process ends: the interpreter need not look for cycles in all that was loaded, thrice
