"""The command as a whole: its words, its exit codes, its one line of error, its quiet endings."""

from __future__ import annotations

import ctypes
import os
import pty
import resource
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import tcpinspect
from tcpinspect.cli.app import COMMANDS, with_command
from tcpinspect.model import stream

from .conftest import CAPTURES, HALF_CLOSE, LOSSY, MANY, Command, assert_refused, start


def test_version_is_one_line(command: Command) -> None:
    assert command("--version") == (0, f"tcpinspect {tcpinspect.__version__}\n".encode(), "")
    assert command("--strict", "--version").out == command("--version").out


def test_version_costs_little_and_loads_no_engine() -> None:
    code = (
        "import sys; from tcpinspect.cli import main; main(['--version']);"
        "print([m for m in ('tcpinspect.engine', 'tcpinspect.model', 'click', 'numpy', 'pandas') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(CAPTURES.parent)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout.endswith(b"\n[]\n")
    costs = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "tcpinspect", "--version"], env=environment, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(costs) <= 0.15


def test_help_has_examples_everywhere(command: Command) -> None:
    text = command("--help").text
    assert "Examples:" in text
    for name in COMMANDS:
        assert f"\n  {name} " in text
        assert "Example" in command(name, *(["ladder"] if name == "plot" else []), "--help").text


def test_file_alone_is_summarised(command: Command) -> None:
    assert command(HALF_CLOSE) == command("summary", HALF_CLOSE)
    assert command("-r", HALF_CLOSE) == command("summary", HALF_CLOSE)
    assert "half-close" in command(HALF_CLOSE).text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], []),
        (["x.pcap"], ["summary", "x.pcap"]),
        (["-"], ["summary", "-"]),
        (["-r", "x"], ["summary", "-r", "x"]),
        (["--strict", "x"], ["--strict", "summary", "x"]),
        (["--color", "always", "-q", "x"], ["--color", "always", "-q", "summary", "x"]),
        (["--color=never", "segments", "x"], ["--color=never", "segments", "x"]),
        (["--help"], ["--help"]),
        (["help"], ["--help"]),
        (["help", "segments"], ["segments", "--help"]),
        (["--", "segments"], ["summary", "--", "segments"]),
    ],
)
def test_first_word_that_is_no_command_is_a_capture(words: list[str], expected: list[str]) -> None:
    assert with_command(words) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which capture?"),
        (["segmnts", "x.pcap"], "did you mean segments?"),
        (["no-such-file.pcap"], "no-such-file.pcap"),
        ([str(CAPTURES)], "captures"),
        (["segments"], "a capture file is missing"),
        (["segments", HALF_CLOSE, "--frobnicate"], "no such option"),
        (["segments", HALF_CLOSE, "-T", "xml"], "ndjson"),
        (["segments", HALF_CLOSE, "-r", HALF_CLOSE], "one way"),
        (["segments", HALF_CLOSE, "--stream", "x"], "not a valid integer"),
        (["segments", HALF_CLOSE, "--stream", "7"], "it has only 0"),
        (["connections", MANY, "--stream", "7777"], "it has 0"),
        (["segments", HALF_CLOSE, "-Y", "payload > 0"], "near: payload_len"),
        (["segments", HALF_CLOSE, "-Y", "a\x1b[2J\n"], "\\x1b[2J"),
        (["segments", HALF_CLOSE, "-e", "fram"], "near: frame"),
        (["segments", HALF_CLOSE, "-T", "csv", "-e", "frame"], "text only"),
        (["segments", HALF_CLOSE, "-o", "/no/such/directory/x"], "cannot write"),
        (["show", MANY], "--stream"),
        (["plot", "states", MANY, "-o", "x.svg"], "tcpinspect connections"),
        (["segments", HALF_CLOSE, "-o", "x.xlsx"], ".parquet"),
        (["segments", HALF_CLOSE, "-o", "x.json.gz"], "gzip"),
        (["show", HALF_CLOSE, "-o", "x.html"], "tcpinspect report"),
        (["show", HALF_CLOSE, "-o", "x.doc"], "writes text"),
        (["summary", HALF_CLOSE, "-o", "x.html"], ".json"),
        (["connections", HALF_CLOSE, "-e", "rtt"], "initial_rtt_ns"),
        (["segments", HALF_CLOSE, "-Y", "port 80"], "tcp.port == 80"),
        (["plot", "ladder", HALF_CLOSE, "--stream", "0", "-o", "x.bmp"], ".svg"),
        (["plot", "waves", HALF_CLOSE], "waves"),
        (["report", HALF_CLOSE, "-o", "x.doc"], ".html"),
        (["completion", "tcsh"], "bash"),
        (["completion"], "Choose from: bash, zsh, fish"),
        ([HALF_CLOSE, "-Y", "retransmission"], "tcpinspect segments FILE -Y"),
        (["-r", HALF_CLOSE, "-c", "3"], "tcpinspect segments FILE -c"),
        (["segments", HALF_CLOSE, "tcp", "port", "80"], "-Y"),
        (["states", "--format", "png"], "dot"),
        (["lab"], "list, record, run, verify (see"),
        (["plot"], "which one? There are dwell,"),
        (["segments", "a\x1b[31m\nb"], "\\x1b[31m"),
        ([str(Path(__file__))], "test_app.py"),
    ],
)
def test_wrong_call_is_one_line_and_exit_2(command: Command, words: list[str], says: str) -> None:
    assert_refused(command(*words), says)


def test_capture_of_somebody_else_is_one_line(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.pcap"
    theirs.write_bytes(Path(HALF_CLOSE).read_bytes())
    theirs.chmod(0)
    kernel = ctypes.CDLL(None)

    def give_up_reading_everything() -> None:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)): root's; nobody else has them to drop
            kernel.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP (prctl(2))

    process = start("connections", str(theirs), preexec_fn=give_up_reading_everything)
    out, err = process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert err.decode() == f"tcpinspect: cannot read {str(theirs)!r}: Permission denied\n"


def test_output_onto_the_capture_is_refused(command: Command, tmp_path: Path) -> None:
    copy = tmp_path / "x.pcap"
    copy.write_bytes(Path(HALF_CLOSE).read_bytes())
    for words in (["segments", str(copy), "-T", "csv"], ["report", str(copy), "-T", "md"], ["summary", str(copy)]):
        assert_refused(command(*words, "-o", str(copy)), "capture itself")
    assert copy.read_bytes() == Path(HALF_CLOSE).read_bytes()


def test_damaged_capture_warns_and_is_fine_unless_strict(command: Command, tmp_path: Path) -> None:
    whole = Path(LOSSY).read_bytes()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole[: len(whole) // 2])
    end = command("segments", str(cut), "-T", "csv")
    assert end.code == 0 and end.out.count(b"\n") > 10
    assert end.err.startswith("tcpinspect: warning: ") and end.err.count("\n") == 1
    assert command("segments", str(cut), "-T", "csv", "-q") == (0, end.out, "")
    for words in (["--strict", "segments", str(cut), "-T", "csv"], ["segments", str(cut), "-T", "csv", "--strict"]):
        assert command(*words)[:2] == (2, end.out)
    assert command("--strict", "segments", LOSSY, "-T", "csv").code == 0


def test_unexpected_error_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("first line\nsecond line")

    monkeypatch.setattr(tcpinspect, "analyze", broken, raising=False)
    assert_refused(command("segments", HALF_CLOSE), "ZeroDivisionError: first line second line")


def test_interrupt_is_130(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tcpinspect, "analyze", interrupted, raising=False)
    monkeypatch.setattr(stream, "stream", interrupted)
    assert command("segments", HALF_CLOSE) == (130, b"", "tcpinspect: interrupted: the output is not whole\n")
    for words in (
        ["report", HALF_CLOSE, "-o", "x.html"],
        ["segments", HALF_CLOSE, "-o", "x.csv"],
        ["plot", "ladder", HALF_CLOSE, "-o", "x.svg"],
    ):
        assert command(*words) == (130, b"", f"tcpinspect: interrupted: {words[-1]} was not written\n")


def test_interrupt_of_a_pipe_prints_what_was_read() -> None:
    process = start("segments", "-", "-T", "csv", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(Path(HALF_CLOSE).read_bytes())
    process.stdin.flush()
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert out.startswith(b"frame,") and out.count(b"\n") > 5


def test_reader_that_leaves_is_no_error() -> None:
    process = start("segments", LOSSY, "-T", "ndjson")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=30) == 141
    assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["--help"], ["states"], ["segments", LOSSY, "-T", "csv"], [LOSSY]])
def test_full_disk_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        process = start(*words, stdout=full)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.startswith(b"tcpinspect: cannot write") and err.count(b"\n") == 1


def test_standard_input_is_a_capture() -> None:
    with open(HALF_CLOSE, "rb") as capture:
        out, _ = start("connections", "-", "-T", "ndjson", stdin=capture).communicate(timeout=30)
    assert b'"teardown":"half-close"' in out


def test_plain_terminal_gets_ascii_only() -> None:
    process = start(LOSSY, env={"PYTHONIOENCODING": "ascii", "COLUMNS": "60"})
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and err == b""
    assert out.isascii()
    assert max(len(line) for line in out.split(b"\n") if not line.startswith(b"  tcpinspect ")) <= 60, "commands to copy are never cut"


def test_the_c_locale_asks_for_ascii() -> None:
    for locale, ascii in (("C", True), ("C.UTF-8", False)):
        out, _ = start("show", HALF_CLOSE, env={"LC_ALL": locale, "PYTHONIOENCODING": ""}).communicate(timeout=30)
        assert out.isascii() == ascii


def test_closed_stdout_is_no_crash() -> None:
    words = f'"{sys.executable}" -m tcpinspect "{LOSSY}"'
    environment = {**os.environ, "PYTHONPATH": str(CAPTURES.parent)}
    script = f"{words} >&-; echo $? >&2; {words} 2>&- >/dev/null"
    end = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=True)
    assert (end.stdout, end.stderr) == (b"", b"0\n")


def on_a_terminal(*words: str, columns: int = 70, **environment: str) -> tuple[int, str]:
    """The command with stdin, stdout and stderr on a terminal of that width."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    process = start(*words, stdin=theirs, stdout=theirs, stderr=theirs, env={"TERM": "xterm", "COLUMNS": "", **environment})
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    return process.wait(timeout=30), written.decode().replace("\r\n", "\n")


def test_terminal_is_fitted_and_coloured() -> None:
    code, text = on_a_terminal("segments", LOSSY, "-c", "30")
    assert code == 0 and max(map(len, text.splitlines())) <= 70
    assert "\x1b[" in on_a_terminal(LOSSY)[1]
    assert "\x1b[" not in on_a_terminal(LOSSY, NO_COLOR="1")[1]


def test_terminal_is_no_place_for_parquet_nor_a_capture() -> None:
    for words, says in ((["segments", LOSSY, "-T", "parquet"], "parquet"), (["segments", "-"], "standard input is the terminal")):
        code, text = on_a_terminal(*words, columns=300)
        assert code == 2 and text.startswith("tcpinspect: ") and text.count("\n") == 1 and says in text


def test_colour_only_when_asked_for_outside_a_terminal(command: Command) -> None:
    assert b"\x1b[" not in command(LOSSY).out
    assert b"\x1b[" in command("--color", "always", LOSSY).out
    assert b"\x1b[" in command(LOSSY, "--color=always").out
