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
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tcpinspect as ti

from .conftest import CAPTURES, MANY, Command, assert_refused

if TYPE_CHECKING:
    from tests.namespace import Namespace

pyte = pytest.importorskip("pyte", reason="pyte reads the screen: pip install pyte")
BROWSING = CAPTURES.parent / "tests" / "browsing.py"
SENDER = CAPTURES.parent / "tests" / "benchmarks" / "sender.py"
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
    assert list(json.loads(done.out.splitlines()[0])) == [c.name for c in ti.schema.TIMELINE] + [
        "takes_back", "peer_address", "peer_port", "kernel_ns",
    ]  # fmt: skip
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
    assert_refused(command("watch", MANY, "--kernel"), "-i IFACE")
    assert_refused(command("watch", "/nowhere.pcap"), "nowhere.pcap")


def test_the_wire_gives_the_tables_of_the_file(namespace: Namespace, tmp_path: Path) -> None:
    """Every capture of the project is sent over a cable once more, a hundred in one stream. What `ti.live` tells meanwhile is what an
    analysis of its file says, to the last column; what `watch` tells is the same but for times, for it has its own ear."""
    frames = [raw for path in EVERY_CAPTURE for raw in ethernet_frames(path)]
    sent, path = tmp_path / "sent", tmp_path / "live.pcapng"
    sent.write_bytes(b"".join(struct.pack("!I", len(one)) + one for one in frames))
    for end in "left", "right":
        namespace.run("ip", "link", "set", end, "mtu", "65535")
    watch = namespace.start(*WATCH, "-i", "right", "-T", "ndjson", "-B", "128")
    assert watch.stderr is not None and "watching right" in watch.stderr.readline()
    told: list[str] = []
    reader = threading.Thread(target=lambda: told.extend(watch.stdout or ()))
    reader.start()
    found = json.loads(namespace.run(sys.executable, "-c", LIVE, str(sent), str(path), str(len(frames))))
    watch.send_signal(signal.SIGINT)
    reader.join()
    assert watch.wait(20) == 0
    analysis = ti.analyze(path)
    assert analysis.capture.packets == len(frames)
    # The captures share some addresses and numbers, so some connections went on after they were over and told.
    rows = {row.stream: row for row in analysis.table("connections")}
    last = list(rows[0]._fields).index("last_frame")
    ended = {row[0]: row for row in found["connections"] if row[last] == rows[row[0]].last_frame}
    assert {row[0] for row in found["connections"]} == set(rows) and len(ended) > 0.8 * len(rows)
    assert {stream: json.loads(json.dumps(rows[stream])) for stream in ended} == ended
    for column in "handshake", "teardown", "conn_state":
        assert len({getattr(row, column) for row in rows.values()}) >= 7, f"too few kinds of {column} to prove anything"
    steps: dict[tuple[int, str], list[list[object]]] = defaultdict(list)
    for step in found["steps"]:
        mine = steps[step[0], step[1]]
        del mine[len(mine) - step[-1] :]
        mine.append(step[:-2])  # all but the doubt, which may come and go while the step stays
    wanted: dict[tuple[int, str], list[list[object]]] = defaultdict(list)
    for row in analysis.table("timeline"):
        wanted[row.stream, row.side].append(list(row)[:-1])
    assert steps == wanted
    assert added_up(told) == timeline(path)


EVERY_CAPTURE = sorted(path for folder in ("", "lab") for path in (CAPTURES / folder).glob("*.pcap*"))
# With a moment between packets, as in a quick network; the columns of the timeline and takes_back.
LIVE = """
import json, socket, struct, sys, threading, time
import tcpinspect as ti
def send(data):
    at = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
        out.bind(("left", 0))
        while at < len(data):
            size, = struct.unpack_from("!I", data, at)
            out.send(data[at + 4 : at + 4 + size])
            at += 4 + size
            time.sleep(0.00005)
with ti.live("right", count=int(sys.argv[3]), path=sys.argv[2], buffer_mib=128) as live:
    threading.Thread(target=send, args=(open(sys.argv[1], "rb").read(),)).start()
    width = len(ti.schema.TIMELINE) + 1
    print(json.dumps({"steps": [step[:width] for step in live.transitions()], "connections": list(live.connections())}))
"""


def ethernet_frames(path: Path) -> Iterator[bytes]:
    """The packets of a capture as Ethernet frames, those of them that a cable takes."""
    from tcpinspect.capture.records import Records
    from tcpinspect.capture.source import Source

    records = Records(Source(str(path)))
    while records.next_block():
        for n in range(records.count):
            at, length, wire, _, link = records.record(n)
            octets = bytes(records.view[at : at + length])
            if link != 1:
                octets = bytes.fromhex("020000000002020000000001") + (b"\x08\x00" if octets[0] >> 4 == 4 else b"\x86\xdd") + octets
            if length == wire:
                yield octets


def test_the_interface_goes_while_it_is_watched(namespace: Namespace) -> None:
    watch = namespace.start(*WATCH, "-i", "right", "-T", "ndjson")
    assert watch.stderr is not None and "watching right" in watch.stderr.readline()
    namespace.peer("frames", "left", "20")
    namespace.run("ip", "link", "set", "right", "down")
    out, said = watch.communicate(timeout=20)
    assert watch.returncode == 2
    assert said.endswith("20 connections, 20 segments, 0 packets dropped\ntcpinspect: right was taken down or removed\n")
    assert [json.loads(line)["to_state"] for line in out.splitlines()] == ["SYN-SENT"] * 20


def test_privileges_are_gone_while_it_watches_and_the_kernel_still_speaks(namespace: Namespace) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give it up")
    watch = namespace.start(*WATCH, "-i", "lo", "--kernel", "-Z", "nobody")
    assert watch.stderr is not None and "watching lo" in watch.stderr.readline()
    status = Path(f"/proc/{watch.pid}/status").read_text()
    assert re.search(r"^Uid:\t(?!0)(\d+)\t\1\t\1\t\1$", status, re.MULTILINE) and re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    namespace.peer("connect", "2")
    time.sleep(0.5)
    watch.send_signal(signal.SIGINT)
    out, said = watch.communicate(timeout=20)
    assert "kernel and wire: 4 local ends compared, 4 agree\n" in said
    assert "states on the way: 4 local ends compared, 4 agree\n" in said and "(kernel " in out


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("flood", r"connections to port 80 of 198\.51\.100\.2 were begun and never opened: that is how a flood of SYNs looks"),
        ("everywhere", r"connections to [\d,]+ ports of 198\.51\.100\.2 from many addresses were begun and never opened: that is how a"),
    ],
)
def test_a_flood_is_named_while_it_lasts(namespace: Namespace, terminal: Callable[..., Terminal], kind: str, named: str) -> None:
    watch = terminal("-i", "right", before=namespace.enter)
    watch.until("nothing yet")
    flood = namespace.start(sys.executable, str(SENDER), "left", "5000", "60", kind)
    text = watch.until(named)
    assert flood.poll() is None
    flood.terminate()
    flood.wait()
    assert re.search(r"^SYN-SENT [\d,]+$", text, re.MULTILINE)
    assert "no answer yet" in text
    watch.type("q")
    assert watch.ended() == 0


def browsed(namespace: Namespace, connections: int, parallel: int, *words: str) -> tuple[list[dict[str, Any]], str]:
    """The lines of `watch --kernel` for programs while browsers browse, and what it said at the end; the browsers hold still then."""
    # With a buffer for half a minute: on a busy machine the watch may have to wait for its turn.
    watch = namespace.start(*WATCH, "-i", "lo", "tcp", "--kernel", "-T", "ndjson", "-B", "128", *words)
    assert watch.stderr is not None and "watching lo" in watch.stderr.readline()
    browsers = namespace.start(sys.executable, str(BROWSING), str(connections), str(parallel), stdin=subprocess.PIPE)
    assert browsers.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(watch.stdout or ()))
    reader.start()
    assert browsers.stdout.readline() == "done\n"
    time.sleep(0.6)  # longer than what counts as quiet
    watch.send_signal(signal.SIGINT)
    assert watch.stderr is not None
    said = watch.stderr.read()
    reader.join()
    assert watch.wait(20) == 0
    browsers.communicate("\n")
    return [json.loads(line) for line in lines], said


def test_every_end_agrees_with_the_kernel_while_browsers_browse(namespace: Namespace) -> None:
    """Two hundred at a time: kept alive, closed by either side, half closed, aborted by either side, refused, left open. On a busy
    machine the kernel gives some of them the addresses of an earlier one: of that no socket can tell, but its path was compared."""
    steps, said = browsed(namespace, 600, 200)
    assert " 0 packets dropped" in said
    streams: dict[tuple[object, ...], set[int]] = defaultdict(set)
    for step in steps:
        streams[step["address"], step["port"], step["peer_address"], step["peer_port"]].add(step["stream"])
    assert set().union(*streams.values()) == set(range(600))
    replaced = sum(len(one) - 1 for one in streams.values())
    compared = f"{1200 - replaced:,}"
    assert f"kernel and wire: {compared} local ends compared, {compared} agree" in said, said
    assert (f"; {replaced:,} not compared: later connections have their addresses and ports\n" in said) == bool(replaced), said
    last = {(step["stream"], step["side"]): step["to_state"] for step in steps}
    assert set(last.values()) >= {"ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"}
    if "tracepoint" in said:
        pytest.skip("the kernel's tracepoint needs root: the states on the way were not compared")
    # Of a refused connection the kernel knows the client alone.
    assert "states on the way: 1,125 local ends compared, 1,125 agree\n" in said, said
    apart = [abs(step["kernel_ns"] - step["time_ns"]) for step in steps if step["kernel_ns"] and step["time_ns"]]
    assert len(apart) > 3000 and sorted(apart)[len(apart) // 2] < 5_000_000, "the clocks are one clock"


def test_the_table_shows_the_kernel_beside_the_wire(namespace: Namespace, terminal: Callable[..., Terminal]) -> None:
    watch = terminal("-i", "lo", "tcp", "--kernel", before=namespace.enter, columns=160)
    watch.until("nothing yet")
    browsers = namespace.start(sys.executable, str(BROWSING), "16", "4", stdin=subprocess.PIPE)
    assert browsers.stdout is not None and browsers.stdout.readline() == "done\n"
    both = ("ESTABLISHED", "ESTABLISHED"), ("CLOSE-WAIT", "FIN-WAIT-2"), ("TIME-WAIT", "CLOSED")
    wanted = [rf" {one} +[\d.]+ m?s +{two} +[\d.]+ m?s +{one} / {two.replace('CLOSED', 'none')} " for one, two in both]
    text = watch.until(lambda text: "kernel says" in text and all(re.search(one, text) for one in wanted))
    assert "≠" not in text
    watch.type("q")
    assert watch.ended() == 0
    browsers.communicate("\n")


def test_where_wire_and_kernel_differ_is_marked(namespace: Namespace) -> None:
    """A reset that fits, but whose frame is addressed to another card: the wire shows it, the kernel never hears of it."""
    watch = namespace.start(*WATCH, "-i", "lo", "tcp", "--kernel")
    assert watch.stderr is not None and "watching lo" in watch.stderr.readline()
    deceived = namespace.start(sys.executable, "-c", DECEIVED, stdin=subprocess.PIPE)
    assert deceived.stdout is not None and deceived.stdout.readline() == "done\n"
    time.sleep(0.6)
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=20)
    deceived.communicate("\n")
    for side in ("client", "server"):
        assert f"tcpinspect: #0 {side}: the wire shows CLOSED, the kernel says ESTABLISHED\n" in said, said
    if "tracepoint" not in said:
        assert "#0 client: on the wire SYN-SENT > ESTABLISHED > CLOSED, in the kernel SYN-SENT > ESTABLISHED\n" in said


DECEIVED = """
import socket, sys
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind(("lo", 0))
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
    accepted, _ = server.accept()
    client.sendall(b"hello")
    seen = TCP()
    while bytes(seen.payload) != b"hello":
        seen = Ether(tap.recv(65536))[TCP]
    reset = IP(src="127.0.0.1", dst="127.0.0.1") / TCP(sport=seen.dport, dport=seen.sport, seq=seen.ack, flags="R")
    tap.send(bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / reset))
    print("done", flush=True)
    sys.stdin.readline()
"""
