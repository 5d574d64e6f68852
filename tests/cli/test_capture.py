"""However a capture ends, its file is whole, the message says what happened, and the numbers are true. Judges: capinfos, tcpdump."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tcpinspect as ti

from .conftest import Command, assert_refused

if TYPE_CHECKING:
    from tests.namespace import Namespace

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packet sockets are Linux's")
NUMBERS = re.compile(r"([\d,]+) packets written, ([\d,]+) received, ([\d,]+) dropped by the kernel.*?, ([\d,]+) dropped by the interface")


def numbers(said: str) -> tuple[int, ...]:
    """(written, received, dropped by the kernel, dropped by the interface) of the last line."""
    found = NUMBERS.search(said.splitlines()[-1])
    assert found, said
    return tuple(int(one.replace(",", "")) for one in found.groups())


def whole(path: Path) -> int:
    """The number of packets in a file that tshark's own reader calls whole."""
    if shutil.which("capinfos") is None:
        pytest.skip("capinfos is not installed (Debian package wireshark-common)")
    done = subprocess.run(["capinfos", "-c", "-M", "-T", "-r", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_the_ordinary_end(namespace: Namespace, tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "a.pcapng"
    listener = namespace.listener("-i", "right", "-w", str(path))
    namespace.peer("frames", "left", "50")
    code, said = namespace.ended(listener, number, after_s=0)
    assert code == 0
    assert numbers(said) == (50, 50, 0, 0), "what came in before the signal is written"
    assert whole(path) == 50


def test_a_signal_before_the_limit_shows_in_the_exit_code(namespace: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    listener = namespace.listener("-i", "right", "-w", str(path), "-c", "100")
    namespace.peer("frames", "left", "3")
    assert namespace.ended(listener, signal.SIGINT)[0] == 130
    assert whole(path) == 3


def test_even_sigkill_leaves_a_whole_file(namespace: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    listener = namespace.listener("-i", "right", "-w", str(path))
    namespace.peer("frames", "left", "20")
    assert namespace.ended(listener, signal.SIGKILL)[0] == -signal.SIGKILL
    assert whole(path) == 20
    assert ti.analyze(path).capture.drops == 0


@pytest.mark.parametrize("change", [("link", "set", "right", "down"), ("link", "delete", "left")], ids=["down", "deleted"])
def test_the_interface_goes(namespace: Namespace, tmp_path: Path, change: tuple[str, ...]) -> None:
    path = tmp_path / "a.pcapng"
    listener = namespace.listener("-i", "right", "-w", str(path))
    namespace.peer("frames", "left", "20")
    namespace.run("ip", *change)
    code, said = namespace.ended(listener)
    assert code == 2
    assert said.startswith(f"tcpinspect: right was taken down or removed; what was captured until then is whole in {path}\n")
    assert numbers(said)[:3] == (20, 20, 0)
    assert whole(path) == 20


def test_the_namespace_at_the_other_end_goes(namespace: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    other = namespace.start(
        "unshare",
        "--net",
        "sh",
        "-c",
        "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; echo there; read line; ip link set far up; echo up; read line",
        stdin=subprocess.PIPE,
    )
    assert other.stdin is not None and other.stdout is not None and other.stdout.readline() == "there\n"
    namespace.run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
    namespace.run("ip", "link", "set", "far", "netns", str(other.pid))
    namespace.run("ip", "link", "set", "near", "up")
    print(file=other.stdin, flush=True)
    assert other.stdout.readline() == "up\n"
    namespace.at_work("near")
    listener = namespace.listener("-i", "near", "-w", str(path))
    namespace.peer("frames", "near", "5")
    other.communicate("\n")  # with its last process the namespace goes, and both ends of the cable
    code, said = namespace.ended(listener)
    assert code == 2 and "near was taken down or removed" in said
    assert whole(path) == 5


@pytest.mark.parametrize("name", ["full.pcapng", "full.pcap"])
def test_the_disk_is_full(namespace: Namespace, tmp_path: Path, name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: a small file system is mounted")
    copy = tmp_path.with_name(tmp_path.name + "-copy")
    # In a mount namespace of its own; a copy comes out of it at the end.
    script = f'mount -t tmpfs -o size=256k none "{tmp_path}" && "$@"; code=$?; cp "{tmp_path / name}" "{copy}"; exit $code'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", "tcpinspect", "capture"]
    listener = namespace.listening(namespace.start(*command, "-i", "right", "-w", str(tmp_path / name)))
    namespace.peer("frames", "left", "5000")
    code, said = namespace.ended(listener)
    assert code == 2
    assert said.startswith(f"tcpinspect: cannot write {tmp_path / name}: the disk is full; what was captured until then is whole in ")
    written, received, _, _ = numbers(said)
    assert 1000 < written < received
    assert whole(copy) == written
    assert ti.analyze(copy).capture.packets == written


def test_the_next_file_of_a_ring_cannot_be_made(namespace: Namespace, tmp_path: Path) -> None:
    """Two files fill the disk to the last page: the third cannot even begin, and the two are whole."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a small file system is mounted")
    copy = tmp_path.with_name(tmp_path.name + "-copy")
    script = f'mount -t tmpfs -o size=1m none "{tmp_path}" && "$@"; code=$?; cp -r "{tmp_path}" "{copy}"; exit $code'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", "tcpinspect", "capture"]
    words = ("-i", "right", "-w", str(tmp_path / "day.pcapng"), "-b", "filesize:524")
    listener = namespace.listening(namespace.start(*command, *words))
    namespace.peer("frames", "left", "20000")
    code, said = namespace.ended(listener)
    assert code == 2
    files = sorted(copy.iterdir())
    last = re.escape(str(tmp_path / files[1].name))
    assert re.match(
        rf"tcpinspect: cannot write \S+day_00003_\d+\.pcapng: the disk is full; what was captured until then is whole in {last} and the "
        r"one before it\n",
        said,
    ), said
    assert sum(map(whole, files)) == numbers(said)[0] > 5000


def test_a_pipe_gets_the_packets_while_they_come(namespace: Namespace) -> None:
    process = namespace.start(sys.executable, "-m", "tcpinspect", "capture", "-q", "-i", "right", "-w", "-", "-c", "40", text=False)
    time.sleep(1.5)
    namespace.peer("frames", "left", "30")
    time.sleep(0.5)
    namespace.peer("frames", "left", "30")
    out, said = process.communicate(timeout=30)
    assert process.returncode == 0
    analysis = ti.analyze(out)
    assert analysis.capture.packets == 40 and analysis.capture.drops == 0
    assert numbers(said.decode())[0] == 40


def test_the_reader_of_the_pipe_goes(namespace: Namespace) -> None:
    process = namespace.start(sys.executable, "-m", "tcpinspect", "capture", "-i", "right", "-w", "-", text=False)
    assert process.stdout is not None and process.stderr is not None
    assert process.stderr.readline().startswith(b"tcpinspect: listening on right")
    process.stdout.close()
    namespace.peer("frames", "left", "3")
    assert process.stderr.read() == b""
    assert process.wait(timeout=10) == 141


def test_a_ring_of_files_is_named_as_tshark_names_them(namespace: Namespace, tmp_path: Path) -> None:
    listener = namespace.listener("-i", "right", "-w", str(tmp_path / "day.pcapng"), "-b", "packets:10", "-b", "files:3", "-c", "45")
    namespace.peer("frames", "left", "60")
    assert namespace.ended(listener)[0] == 0
    files = sorted(tmp_path.iterdir())
    assert [re.fullmatch(r"day_(\d{5})_\d{14}\.pcapng", one.name)[1] for one in files] == ["00003", "00004", "00005"]  # type: ignore[index]
    assert [whole(one) for one in files] == [10, 10, 5]


def test_a_file_ends_behind_the_packet_with_which_dumpcaps_ends(namespace: Namespace, tmp_path: Path) -> None:
    if shutil.which("dumpcap") is None:
        pytest.skip("dumpcap is not installed (Debian package wireshark-common)")
    ours, theirs = tmp_path / "ours.pcap", tmp_path / "theirs.pcap"
    dumpcap = namespace.start("dumpcap", "-P", "-i", "right", "-w", str(theirs), "-a", "filesize:3")
    assert dumpcap.stderr is not None and dumpcap.stderr.readline().startswith("Capturing on")
    while not theirs.exists():
        time.sleep(0.05)
    listener = namespace.listener("-i", "right", "-w", str(ours), "-a", "filesize:3")
    time.sleep(0.5)
    namespace.peer("frames", "left", "300")
    assert namespace.ended(listener)[0] == namespace.ended(dumpcap)[0] == 0
    assert ours.stat().st_size == theirs.stat().st_size > 3000
    assert whole(ours) == whole(theirs)


def test_counts_on_the_terminal_while_it_runs(namespace: Namespace, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    listener = namespace.start(
        sys.executable, "-m", "tcpinspect", "capture", "-i", "right", "-w", str(tmp_path / "a.pcapng"), "-c", "60", stderr=theirs
    )
    os.close(theirs)
    seen = os.read(ours, 1000)
    assert b"listening on right" in seen
    namespace.peer("frames", "left", "30")
    time.sleep(0.6)
    namespace.peer("frames", "left", "30")
    listener.wait(timeout=30)
    while b"60 packets written" not in seen:
        seen += os.read(ours, 1000)
    assert b"\r30 packets\x1b[K" in seen
    os.close(ours)


def test_lines_are_tcpdumps_without_the_options(namespace: Namespace, tmp_path: Path) -> None:
    path = tmp_path / "same.pcap"
    recorder = namespace.tcpdump("-i", "lo", "-w", str(path))
    listener = namespace.listener("-i", "lo", "-t", "e")
    namespace.peer("connect", "2")
    time.sleep(0.3)
    listener.send_signal(signal.SIGINT)
    out, said = listener.communicate(timeout=30)
    namespace.ended(recorder, signal.SIGINT)
    assert listener.returncode == 0
    theirs = subprocess.run(["tcpdump", "-nSttr", str(path)], capture_output=True, text=True, check=True).stdout
    wanted = [re.sub(r", options \[.*?\]", "", line).partition(" ")[2] for line in theirs.splitlines()]
    assert [line.partition(" ")[2] for line in out.splitlines()] == wanted
    assert f"{len(wanted)} segments shown" in said


def test_overload_is_counted_exactly(namespace: Namespace, tmp_path: Path) -> None:
    """A stopped recorder with a small buffer must lose packets: sent = written + dropped, in the message and in the file."""
    path = tmp_path / "a.pcapng"
    listener = namespace.listener("-i", "right", "-w", str(path), "-B", "1")
    listener.send_signal(signal.SIGSTOP)
    namespace.peer("frames", "left", "20000")
    listener.send_signal(signal.SIGCONT)
    code, said = namespace.ended(listener, signal.SIGINT)
    written, received, dropped, by_interface = numbers(said)
    assert code == 0 and dropped > 0
    assert received + by_interface == 20000
    assert written + dropped == received
    assert whole(path) == written
    assert ti.analyze(path).capture.drops == dropped + by_interface


def test_without_permission_one_line_names_the_ways_out(namespace: Namespace) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give it up")
    command = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        sys.executable,
        "-m",
        "tcpinspect",
        "capture",
        "-i",
        "lo",
    ]
    process = namespace.start(*command)
    _, said = process.communicate(timeout=30)
    if "Permission denied" in said or "No module" in said:
        pytest.skip("another user cannot read this checkout")
    assert process.returncode == 2
    assert said.count("\n") == 1 and "Traceback" not in said
    assert f"sudo setcap cap_net_raw+eip {os.readlink('/proc/self/exe')}" in said
    assert "CAP_NET_RAW is missing" in said and "tcpinspect lab run" in said


def test_privileges_are_gone_before_the_first_packet(namespace: Namespace, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give it up")
    import pwd

    nobody = pwd.getpwnam("nobody")
    directory = Path(tempfile.mkdtemp(dir="/tmp"))  # the test's own directory is closed to others
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    try:
        for words, environment in (("-Z", "nobody"), {}), ((), {"SUDO_UID": str(nobody.pw_uid), "SUDO_GID": "0"}):
            path = directory / "a.pcapng"
            listener = namespace.listener("-i", "right", "-w", str(path), *words, env=environment)
            status = Path(f"/proc/{listener.pid}/status").read_text()
            assert re.search(r"^Uid:\t" + "\t".join([str(nobody.pw_uid)] * 4), status, re.MULTILINE)
            assert re.search(r"^Gid:\t" + "\t".join([str(nobody.pw_gid)] * 4), status, re.MULTILINE)
            assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE) and re.search(r"^CapPrm:\t0+$", status, re.MULTILINE)
            namespace.peer("frames", "left", "7")
            code, said = namespace.ended(listener, signal.SIGINT)
            assert code == 0 and numbers(said) == (7, 7, 0, 0)
            assert path.stat().st_uid == nobody.pw_uid and path.stat().st_mode & 0o077 == 0
            path.unlink()
    finally:
        shutil.rmtree(directory)


def test_a_wrong_call_is_refused(command: Command) -> None:
    assert_refused(command("capture", "-i", "nosuch0"), 'no interface "nosuch0"')
    assert_refused(command("capture", "-b", "files:3"), "add -w FILE")
    assert_refused(command("capture", "-w", "x.pcap", "-a", "packets:none"), "packets:N")
    assert_refused(command("capture", "-f", "tcp", "udp"), "two filters")


def test_the_list_names_what_there_is(command: Command) -> None:
    lines = command("capture", "-D").text.splitlines()
    assert any(" lo " in line and "Loopback" in line for line in lines)
    assert lines[-1].split()[1] == "any"
