"""watch: a table that a person reads and works with keys (in a real pseudo-terminal), lines elsewhere; the wire beside the kernel."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tcpinspect as ti

from .conftest import CAPTURES, MANY, Command, assert_refused

if TYPE_CHECKING:
    from tests.namespace import Namespace

pyte = pytest.importorskip("pyte", reason="pyte reads the screen: pip install pyte")
WATCH = (sys.executable, "-m", "tcpinspect", "watch")


class Terminal:
    """`watch` in a pseudo-terminal of 120 × 30 characters; `screen` is what a person sees."""

    def __init__(self, *words: str, before: tuple[str, ...] = (), columns: int = 120) -> None:
        self.screen = pyte.Screen(columns, 30)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._ours, theirs = pty.openpty()
        self._size(columns, 30)
        environment = {**os.environ, "PYTHONPATH": str(CAPTURES.parent), "PYTHONIOENCODING": "utf-8", "TERM": "xterm"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.process = subprocess.Popen([*before, *WATCH, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        self._size(columns, lines)
        self.screen.resize(lines, columns)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, what: str | Callable[[str], bool], *, patience_s: float = 15) -> str:
        """The screen once this is on it."""
        met = (lambda text: re.search(what, text)) if isinstance(what, str) else what
        end = time.monotonic() + patience_s
        while not met(self.text):
            assert time.monotonic() < end, f"never seen: {what}\n{self.text}"
            self._read(0.1)
        return self.text

    def _read(self, wait_s: float) -> bool:
        if not select.select([self._ours], [], [], wait_s)[0]:
            return False
        got = os.read(self._ours, 65536)
        self.raw += got
        self._stream.feed(got)
        return bool(got)

    def ended(self) -> int:
        """Its exit code, once all it wrote is on the screen."""
        while self.process.poll() is None:
            self._read(0.05)
        while self._read(0.1):
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(*words: str, **options: object) -> Terminal:
        made.append(Terminal(*words, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_replay_fills_the_table_and_the_keys_do_what_they_say(terminal: Callable[..., Terminal]) -> None:
    watch = terminal(MANY, "--speed", "1000")
    text = watch.until("no more packets; q ends")
    rows = list(ti.analyze(MANY).table("connections"))
    ends = [state for row in rows for state in (row.client_state, row.server_state) if state]
    assert f"{len(rows)} connections" in text
    for state in set(ends):
        assert re.search(rf"{state} {ends.count(state)}\b", text), "the counts per state stand at the top"
    assert re.search(r"client is +since +server is", text)
    watch.type("s")
    text = watch.until("order: stream")
    assert re.search(r"^ *0 +192", text, re.MULTILINE)
    watch.type("/client_state == 'SYN-SENT' and server_port == 135\r")
    wanted = [row.stream for row in rows if row.client_state == "SYN-SENT" and row.server_port == 135]
    text = watch.until("filter: client_state ==.* no more")
    assert [int(one) for one in re.findall(r"^ *(\d+) +192", text, re.MULTILINE)] == wanted
    watch.type("/nonsense ==\r")
    watch.until("filter: .*nonsense.*_")
    watch.type("\x1b")
    watch.type("h")
    watch.until("The keys")
    watch.type("x")
    watch.resize(80, 20)
    watch.until(lambda text: "Enter ladder" in text.splitlines()[-1])
    watch.type("\r")
    text = watch.until("asks to connect; no answer")
    assert f"connection {wanted[0]} while it runs" in text
    watch.type("\x1bq")
    assert watch.ended() == 0
    assert "How the connections ended" in watch.text or "What to type next" in watch.text, "the summary stays on the screen"


def test_pause_stops_the_clock_of_a_replay(terminal: Callable[..., Terminal]) -> None:
    watch = terminal(MANY, "--speed", "0.5")
    watch.until(r"[1-9]\d* connections?")
    watch.type("p")
    first = watch.until("PAUSED").splitlines()[0]
    time.sleep(0.7)
    watch.type("s")
    assert watch.until("order: stream").splitlines()[0] == first
    watch.type("pq")
    assert watch.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_terminal_is_as_before_however_it_ends(terminal: Callable[..., Terminal], number: signal.Signals) -> None:
    watch = terminal(MANY)
    watch.until("ESTABLISHED|SYN-SENT")
    assert termios.tcgetattr(watch.theirs) != watch.before
    watch.process.send_signal(number)
    assert watch.ended() == 0
    assert termios.tcgetattr(watch.theirs) == watch.before
    assert watch.raw.index(b"\x1b[?1049h") < watch.raw.rindex(b"\x1b[?25h") < watch.raw.rindex(b"\x1b[?1049l")


def added_up(lines: list[str]) -> dict[tuple[int, str], list[tuple[object, ...]]]:
    """The timeline that somebody has who follows ndjson: steps void are dropped, times and frames left out."""
    steps: dict[tuple[int, str], list[tuple[object, ...]]] = defaultdict(list)
    for line in lines:
        step = json.loads(line)
        told = steps[step["stream"], step["side"]]
        if step["takes_back"]:
            del told[-step["takes_back"] :]
        told.append(tuple(step[name] for name in ("address", "port", "from_state", "to_state", "event", "evidence", "rfc")))
    return steps


def timeline(path: Path | str) -> dict[tuple[int, str], list[tuple[object, ...]]]:
    steps: dict[tuple[int, str], list[tuple[object, ...]]] = defaultdict(list)
    for row in ti.analyze(path).table("timeline"):
        steps[row.stream, row.side].append((row.address, row.port, row.from_state, row.to_state, row.event, row.evidence, row.rfc))
    return steps


def test_lines_for_programs_are_the_timeline(command: Command) -> None:
    done = command("watch", MANY, "--speed", "0", "-T", "ndjson")
    assert done.code == 0
    assert list(json.loads(done.out.splitlines()[0])) == [c.name for c in ti.schema.TIMELINE] + ["takes_back"]
    assert added_up(done.text.splitlines()) == timeline(MANY)
    assert "61 connections" in done.err


def test_lines_for_people(command: Command) -> None:
    done = command("watch", str(CAPTURES / "normal-close-by-client.pcap"), "--speed", "0", "-t", "r", "-q")
    assert done.err == ""
    assert re.search(r"^0\.000000 #0 client [\d.]+:\d+ CLOSED > SYN-SENT OPEN-ACTIVE observed$", done.text, re.MULTILINE)
    assert done.text.splitlines()[-1].endswith("LAST-ACK > CLOSED RCV-ACK-OF-FIN observed")


def test_wrong_calls_say_what_is_missing(command: Command) -> None:
    assert_refused(command("watch"), "-i IFACE")
    assert_refused(command("watch", MANY, "-T", "table"), "needs a terminal")
    assert_refused(command("watch", "-i", "lo", "--speed", "2"), "--speed")
    assert_refused(command("watch", "/nowhere.pcap"), "nowhere.pcap")


def test_the_wire_gives_the_tables_of_the_file(namespace: Namespace, tmp_path: Path) -> None:
    """Captures are sent over a cable once more; what is seen live, and what an analysis of both says, is the same but for times."""
    names = ["simultaneous-close.pcap", "reused-port.pcap", "half-close-with-data.pcap"]
    for name in names:
        packets = [bytes(raw) for raw in ethernet_frames(CAPTURES / name)]
        sent, path = tmp_path / "sent", tmp_path / name
        sent.write_bytes(b"".join(struct.pack("!I", len(one)) + one for one in packets))
        watch = namespace.start(*WATCH, "-i", "right", "-T", "ndjson")
        assert watch.stderr is not None and "watching right" in watch.stderr.readline()
        recorder = namespace.listener("-i", "right", "-w", str(path))
        namespace.run(sys.executable, "-c", SEND, str(sent))
        namespace.ended(recorder, signal.SIGINT)
        watch.send_signal(signal.SIGINT)
        out, _ = watch.communicate(timeout=20)
        assert added_up(out.splitlines()) == timeline(CAPTURES / name) == timeline(path), name


# With the first half of a millisecond between packets, as in a quick network.
SEND = """
import socket, struct, sys, time
data, at = open(sys.argv[1], "rb").read(), 0
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
    out.bind(("left", 0))
    while at < len(data):
        size, = struct.unpack_from("!I", data, at)
        out.send(data[at + 4 : at + 4 + size])
        at += 4 + size
        time.sleep(0.0005)
"""


def ethernet_frames(path: Path) -> Iterator[bytes]:
    """The packets of a capture as Ethernet frames."""
    from tcpinspect.capture.records import Records
    from tcpinspect.capture.source import Source

    records = Records(Source(str(path)))
    while records.next_block():
        for n in range(records.count):
            at, length, _, _, link = records.record(n)
            octets = bytes(records.view[at : at + length])
            yield octets if link == 1 else bytes.fromhex("020000000002020000000001" + ("0800" if octets[0] >> 4 == 4 else "86dd")) + octets


def test_every_end_agrees_with_the_kernel_under_a_browsers_load(namespace: Namespace) -> None:
    watch = namespace.start(*WATCH, "-i", "lo", "tcp port 8080", "--kernel", "-T", "ndjson")
    assert watch.stderr is not None and "watching lo" in watch.stderr.readline()
    namespace.run(sys.executable, "-c", LOAD)
    watch.send_signal(signal.SIGINT)
    out, said = watch.communicate(timeout=20)
    found = re.search(r"kernel and wire: (\d+) local ends compared, (\d+) agree$", said, re.MULTILINE)
    assert found, said
    assert found[1] == found[2] == "400", said
    assert {json.loads(line)["stream"] for line in out.splitlines()} == set(range(200))


# Forty connections at a time, two hundred in all, against Python's own HTTP server; then a quiet moment.
LOAD = """
import concurrent.futures, http.client, http.server, threading, time
class Quiet(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        body = b"x" * 20000
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
server = Server(("127.0.0.1", 8080), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
def get(n):
    one = http.client.HTTPConnection("127.0.0.1", 8080)
    one.request("GET", "/"); one.getresponse().read(); one.close()
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    list(pool.map(get, range(200)))
time.sleep(0.6)
"""
