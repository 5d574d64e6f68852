"""Private networks: nothing of the machine's is touched, and nothing stays, whoever is killed when. Judges: /proc and ip."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcpinspect.errors import LabError
from tcpinspect.lab.namespaces import Namespace, usable, why_forbidden

from .conftest import Run, script
from .residue import descendants, devices, firewall_rules, gone, networks

pytestmark = pytest.mark.usefixtures("private_network")


def test_it_is_empty_but_for_loopback_and_its_caller_is_root_there() -> None:
    with Namespace() as network:
        seen = network.run(["sh", "-c", "id -u; cat /proc/net/dev; readlink /proc/self/ns/net"]).stdout.split()
        assert seen[0] == "0"
        assert [word for word in seen if word.endswith(":")] == ["lo:"]
        assert seen[-1] != os.readlink("/proc/self/ns/net")


def test_a_socket_of_the_namespace_is_used_from_outside() -> None:
    with Namespace() as network, socket.socket() as own:
        server, client = (network.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(2))
        with server, client:
            server.bind(("127.0.0.1", 0))
            server.listen()
            client.connect(server.getsockname())
            assert own.connect_ex(server.getsockname()) != 0, "the same address here is another network"


def test_a_parameter_is_set_inside_only() -> None:
    mine = Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text()
    with Namespace() as network:
        assert network.sysctl("net.ipv4.tcp_fin_timeout", 7) == "7"
        assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text() == mine
        with pytest.raises(OSError, match="no_such_parameter"):
            network.sysctl("net.ipv4.no_such_parameter", 1)


@pytest.mark.parametrize("name", ["tcp_max_syn_backlog", "tcp_max_tw_buckets", "tcp_syncookies", "tcp_fin_timeout", "tcp_rmem"])
def test_its_tcp_has_the_limits_of_any_new_network(name: str) -> None:
    """The small socket table that makes readings fast changes nothing else. Judge: unshare(1)'s network."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed (Debian package util-linux)")
    command = ["unshare", "--map-root-user", "--net", "cat", f"/proc/sys/net/ipv4/{name}"]
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with Namespace() as network:
        assert network.sysctl(f"net.ipv4.{name}").split() == plain.split()


def test_commands_tell_how_they_ended() -> None:
    with Namespace() as network:
        assert network.run(["sh", "-c", "exit 7"]).returncode == 7
        assert network.run(["sh", "-c", "kill -9 $$"]).returncode == -9
        missing = network.run(["no-such-command"])
        assert (missing.returncode, missing.stderr.count("\n")) == (127, 1)


def test_closing_ends_what_still_runs_inside_grandchildren_too() -> None:
    with Namespace() as network:
        started = network.popen(["sh", "-c", "setsid sleep 300 & echo started; sleep 300"], stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        assert started.stdout.readline() == "started\n"
        inside = descendants(started.pid) | {network.pid}
        assert len(inside) >= 3
    assert gone(inside)
    with pytest.raises(LabError, match="closed"):
        network.sysctl("net.ipv4.tcp_syncookies")
    started.stdout.close()


# A whole exchange over again, so that a kill hits any moment of it: making, connecting, carrying, closing.
BUSY = """
import os
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.wire import Wire
print(os.getpid(), flush=True)
while True:
    with KernelEnd("192.0.2.1", device=DEVICE) as left, KernelEnd("192.0.2.2", device=DEVICE) as right:
        left.namespace.popen(["sh", "-c", "sleep 300 & sleep 300"])
        server = right.socket()
        server.bind("192.0.2.2", 80)
        server.listen()
        client = left.socket()
        client.connect("192.0.2.2", 80)
        Wire(left, right, delay_ns=0).run(10**8, quiet_ns=10**6)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_nothing_stays_after_a_kill_at_a_random_moment(number: signal.Signals) -> None:
    before = devices(), firewall_rules()
    mine = os.readlink("/proc/self/ns/net")
    for device in ("auto", "veth"):
        victim = subprocess.Popen(script(BUSY.replace("DEVICE", repr(device))), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert victim.stdout is not None
        assert victim.stdout.readline(), victim.communicate()[1]
        time.sleep(random.uniform(0.02, 0.4))
        below = descendants(victim.pid)
        theirs = {name for name, inside in networks().items() if below & set(inside)} - {mine}
        victim.send_signal(number)
        victim.communicate(timeout=20)
        assert gone(below | {victim.pid})
        assert not theirs & networks().keys()
    assert (devices(), firewall_rules()) == before


def test_nothing_stays_when_the_holder_is_killed() -> None:
    network = Namespace()
    held = os.readlink(f"/proc/{network.pid}/ns/net")
    below = descendants(network.pid) | {network.pid}
    os.kill(network.pid, signal.SIGKILL)
    with pytest.raises(LabError, match=r"has ended|closed"):
        for _ in range(100):
            network.sysctl("net.ipv4.tcp_syncookies")
            time.sleep(0.01)
    network.close()
    assert gone(below)
    assert held not in networks()


def test_ctrl_c_in_a_terminal_leaves_the_namespace_to_its_owner() -> None:
    """Ctrl-C goes to every process of the terminal: the holder must live on, so that the owner can put things in order."""
    code = """
import os, signal, time
from tcpinspect.lab.namespaces import Namespace
with Namespace() as network:
    try:
        os.killpg(0, signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        print(network.sysctl("net.ipv4.tcp_sack"))
"""
    done = subprocess.run(script(code), capture_output=True, text=True, start_new_session=True, timeout=30)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_an_ordinary_user_is_root_inside(as_nobody: Run) -> None:
    code = """
import os
from tcpinspect.lab.namespaces import Namespace
with Namespace() as network:
    print(os.geteuid() == 0, network.user, network.run(["id", "-u"]).stdout.strip(), network.sysctl("net.ipv4.tcp_syncookies", 2))
"""
    done = as_nobody(code)
    assert (done.stdout.split()[1:], done.stderr) == (["True", "0", "2"], "")


def test_where_user_namespaces_are_forbidden_one_line_says_so() -> None:
    """Forbidden for real: the limit of a user namespace holds for those inside it."""
    with Namespace(user=True) as network:
        network.sysctl("user.max_user_namespaces", 0)
        done = network.run(script("from tcpinspect.lab.namespaces import usable; print(usable(user=True))"), cwd="/")
    assert done.stdout == "user namespaces are forbidden here (user.max_user_namespaces is 0): run as root, or have that setting changed\n"
    assert usable(user=True) is None


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "kernel").mkdir()
    yield tmp_path


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("apparmor_restrict_unprivileged_userns", "1", "AppArmor"), ("unprivileged_userns_clone", "0", "unprivileged_userns_clone is 0")],
)
def test_the_setting_that_forbids_is_named(settings: Path, setting: str, value: str, said: str) -> None:
    (settings / "kernel" / setting).write_text(value + "\n")
    refused = PermissionError(1, "Operation not permitted")
    assert said in why_forbidden(refused, user=True, settings=settings)
    (settings / "kernel" / setting).write_text(str(1 - int(value)))
    assert "seccomp" in why_forbidden(refused, user=True, settings=settings)
    assert "CAP_SYS_ADMIN" in why_forbidden(refused, user=False, settings=settings)
