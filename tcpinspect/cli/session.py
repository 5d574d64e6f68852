"""What every command shares: reading the capture, where output goes, what the terminal can show, how errors end. Floor 5."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, TypeVar

from tcpinspect.cli import INTERRUPTED
from tcpinspect.errors import CaptureError, UsageError

if TYPE_CHECKING:
    from tcpinspect.engine.run import Progress
    from tcpinspect.model.analysis import Analysis
    from tcpinspect.model.stream import Streamed, Streaming
    from tcpinspect.model.survey import Survey

Read = TypeVar("Read", "Analysis", "Streamed", "Survey")
DONE, FAILED = 0, 2
BROKEN_PIPE = 141  # 128 + SIGPIPE: what a shell reports of any tool whose reader went away


def one_line(text: str) -> str:
    """The text as one printable line: names in it may come from a capture or a hostile file name."""
    from tcpinspect.model.table import printable

    return printable(" ".join(text.split("\n")).strip())


def complain(text: str) -> None:
    """One line on stderr; where even that is closed, nothing."""
    try:
        sys.stderr.write(f"tcpinspect: {one_line(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def failed(text: str) -> int:
    """Say what went wrong and give the exit code for it."""
    complain(text)
    return FAILED


def silence_stdout() -> None:
    """After a failed write: let the interpreter's last flush go nowhere instead of failing again."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError, AttributeError):
        pass


def write_failed(error: OSError) -> int:
    """The exit code when stdout (or a file) takes no more; quiet when its reader has simply seen enough."""
    silence_stdout()
    if isinstance(error, BrokenPipeError) or error.errno == errno.EPIPE:
        return BROKEN_PIPE
    where = f" {error.filename}" if error.filename else ""
    return failed(f"cannot write{where}: {error.strerror or error}")


def write_out(text: str) -> int:
    """Write the text to stdout and give the exit code."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        return write_failed(error)
    return DONE


class Session:
    """One call of the command: the options all commands have, and how the reading of the capture ended."""

    def __init__(self) -> None:
        self.strict = False
        self.quiet = False
        self.color = "auto"
        self.follow: float | None = None  # seconds to wait for more at the end of a file
        self.damaged = False
        self.interrupted = False
        self._target: str | None = None  # the file that the command writes, once it has said so

    def check_input(self, files: Sequence[str]) -> None:
        """Refuse to wait for a capture that somebody would have to type."""
        if "-" in files and sys.stdin is not None and sys.stdin.isatty():
            raise UsageError("standard input is the terminal: give a file, or a pipe such as: tcpdump -w - | tcpinspect -")

    def analyze(self, files: Sequence[str], *, segments: bool = True) -> Analysis:
        """Analyse the captures as one, warnings to stderr; `segments` False saves their memory. Raises TcpinspectError."""
        import tcpinspect

        return self._read(files, lambda shown: tcpinspect.analyze(files, segments=segments, progress=shown, follow=self.follow))

    def survey(self, files: Sequence[str], *, jobs: int | None = None) -> Survey:
        """The same, but only what a summary needs, in memory that does not grow with the capture; by so many processes."""
        from tcpinspect.model.survey import survey

        return self._read(files, lambda shown: survey(files, jobs=jobs, progress=shown, follow=self.follow))

    def stream(self, files: Sequence[str], table: Streaming, write: Callable[[Any], None]) -> Streamed:
        """The same, but one table goes to `write` while the captures are read; errors of `write` come out as they are."""
        from tcpinspect.model.stream import stream

        return self._read(files, lambda shown: stream(files, table, write, progress=shown, follow=self.follow), writes=True)

    def _read(self, files: Sequence[str], read: Callable[[Progress | None], Read], *, writes: bool = False) -> Read:
        self.check_input(files)
        self._say_slow(files)
        from tcpinspect.cli.progress import progress

        # rows that go to the terminal as they come are progress enough
        wanted = not self.quiet and not (writes and is_terminal(sys.stdout))
        try:
            with progress(files, follow=self.follow is not None, wanted=wanted) as shown:
                found = read(shown)
        except CaptureError:
            raise
        except OSError as error:
            if writes:  # the output's, not the capture's
                raise
            raise CaptureError(f"cannot read {error.filename or files[0]}: {error.strerror or error}") from error
        self.interrupted = found.interrupted
        for warning in found.capture.warnings:
            self.damaged = True
            self.warn(warning)
        return found

    def _say_slow(self, files: Sequence[str]) -> None:
        """Where the engine was not compiled, say so before a long wait, once."""
        from tcpinspect.engine import speed

        def large(file: str) -> bool:
            return file == "-" or (os.path.exists(file) and os.path.getsize(file) > speed.LARGE_OCTETS)

        if not speed.compiled() and any(map(large, files)):
            self.warn(f"the engine is not compiled here: {speed.SLOWER}; install gcc and Python's headers, and then tcpinspect again")

    def warn(self, text: str) -> None:
        """A warning of one line on stderr, unless -q."""
        if not self.quiet:
            complain(f"warning: {text}")

    def broken_off(self) -> int:
        """Say that Ctrl-C came before all was written, and give the exit code for it."""
        left = f"{self._target} was not written" if self._target else "the output is not whole"
        complain(f"interrupted: {left}")
        return INTERRUPTED

    def exit_code(self) -> int:
        """After everything is printed: an interrupted reading of a pipe still printed what it had."""
        if self.interrupted:
            return INTERRUPTED
        return FAILED if self.strict and self.damaged else DONE

    def colored(self, stream: TextIO | None = None) -> bool:
        """Whether to write colours: --color first, then NO_COLOR (no-color.org), then whether somebody looks."""
        if self.color != "auto":
            return self.color == "always"
        return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and is_terminal(stream or sys.stdout)

    @contextmanager
    def output(self, path: str | None, captures: Sequence[str] = ()) -> Iterator[BinaryIO]:
        """The binary file to write to: stdout for None and "-". `captures` are the files that were read, which must live."""
        if path is None or path == "-":
            sys.stdout.flush()
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        self.check_output(path, captures)
        try:
            out = open(path, "wb")  # noqa: SIM115 - closed below, where a failing close is told apart
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        try:
            with out:
                yield out
        except BaseException as error:
            discard(path)
            if isinstance(error, OSError) and not isinstance(error, CaptureError) and error.filename is None:
                raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
            raise

    def check_output(self, path: str | None, captures: Sequence[str]) -> None:
        """Refuse to write over a capture that is read; what is written is remembered, for whoever interrupts it."""
        self._target = None if path == "-" else path
        for capture in captures:
            try:
                same = path not in (None, "-") and capture != "-" and os.path.samefile(str(path), capture)
            except (OSError, ValueError):
                same = False
            if same:
                raise UsageError(f"{path} is the capture itself: write to another file")


def discard(path: str) -> None:
    """Remove a half-written regular file: half a table looks like a whole one."""
    try:
        if os.path.isfile(path) and not os.path.islink(path):
            os.unlink(path)
    except OSError:
        pass


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody looks at what is written here; a stream that is closed or missing is no terminal."""
    try:
        return stream.isatty()
    except (ValueError, AttributeError):
        return False


def terminal_width() -> int | None:
    """Characters in a line of the terminal; None when stdout is none (COLUMNS overrides both)."""
    if os.environ.get("COLUMNS", "").isdigit() or is_terminal(sys.stdout):
        import shutil

        return max(20, shutil.get_terminal_size().columns)
    return None


def unicode_output() -> bool:
    """Whether stdout can show box drawing and arrows. LC_ALL=C asks for ASCII, although Python by itself writes UTF-8
    then."""
    if os.environ.get("LC_ALL") in ("C", "POSIX") and not os.environ.get("PYTHONIOENCODING"):
        return False
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "") in ("utf8", "utf16", "utf32")


def encoded(text: str, *, unicode: bool = True) -> bytes:
    """Text for people as bytes: UTF-8, or plain ASCII for a terminal that has no more."""
    if unicode:
        return text.encode("utf-8", "backslashreplace")
    from tcpinspect.report.safe import ascii_only

    return ascii_only(text).encode("ascii")
