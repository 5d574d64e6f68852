"""A real kernel against a scripted peer: every state of RFC 9293, and what the user's calls return. Judges: the kernel, ss."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time

import pytest

from tcpinspect.errors import LabError, UsageError
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.kernel.sockdiag import tcp_info
from tcpinspect.protocol.rfc9293 import State

from ..conftest import Run, script
from .conftest import KERNEL, PEER, SYN_TEXT, Peer, accepted, connected, listening

OPENED = ["SYN-RECEIVED", "ESTABLISHED"]
CONNECTED = ["SYN-SENT", "ESTABLISHED"]


def test_listen_to_last_ack(either: KernelEnd) -> None:
    peer, accepted_socket = accepted(either)
    peer.send("F. 1:1(0) ack 1")
    assert peer.states() == [*OPENED, "CLOSE-WAIT"]
    # Linux holds the ACK of a FIN back for some 40 ms: its own FIN might go with it.
    peer.wait_for("ACK")
    accepted_socket.close()
    assert peer.listen() == ["FIN+ACK"]
    assert peer.send(". 2:2(0) ack 2") == []
    assert peer.states() == [*OPENED, "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    assert [str(step.event) for step in either.steps] == [
        "OPEN-PASSIVE", "RCV-SYN", "RCV-ACK-OF-SYN", "RCV-FIN", "CLOSE", "RCV-ACK-OF-FIN",
    ]  # fmt: skip
    assert [(step.arrival, step.departure) for step in either.steps] == [(None, 0), (0, 0), (1, 1), (2, 1), (None, 2), (3, 3)]


def test_syn_sent_to_time_wait(either: KernelEnd) -> None:
    peer, client = connected(either)
    client.close()
    assert peer.listen() == ["FIN+ACK"]
    peer.send(". 1:1(0) ack 2")
    assert peer.send("F. 1:1(0) ack 2") == ["ACK"]
    assert peer.states() == [*CONNECTED, "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]


def test_fin_wait_1_fin_without_ack_enters_closing(kernel: KernelEnd) -> None:
    peer, client = connected(kernel)
    client.shutdown()
    peer.listen()
    peer.send("F. 1:1(0) ack 1")
    peer.send(". 2:2(0) ack 2")
    assert peer.states() == [*CONNECTED, "FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def test_syn_sent_syn_without_ack_enters_syn_received(kernel: KernelEnd) -> None:
    client = kernel.socket()
    peer = Peer(kernel, 0, port=443)
    client.connect(PEER, 443)
    peer.listen()
    assert peer.send(SYN_TEXT) == ["SYN+ACK"]
    peer.send(". 1:1(0) ack 1")
    assert peer.states() == ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"]


def test_fin_wait_1_fin_with_ack_of_fin_enters_time_wait(kernel: KernelEnd) -> None:
    peer, client = connected(kernel)
    client.close()
    peer.listen()
    peer.send("F. 1:1(0) ack 2")
    assert peer.states() == [*CONNECTED, "FIN-WAIT-1", "TIME-WAIT"]
    assert str(kernel.steps[-1].event) == "RCV-FIN-ACK-OF-FIN"


def test_time_wait_syn_with_a_higher_number_begins_a_new_incarnation(kernel: KernelEnd) -> None:
    peer, accepted_socket = accepted(kernel)
    accepted_socket.close()
    peer.listen()
    peer.send("F. 1:1(0) ack 2")
    assert peer.send("S 100000:100000(0) <mss 1460>") == ["SYN+ACK"]
    assert peer.states() == [*OPENED, "FIN-WAIT-1", "TIME-WAIT", "SYN-RECEIVED"]


def test_syn_received_rst_leaves_nothing(kernel: KernelEnd) -> None:
    listening(kernel)
    peer = Peer(kernel, 80)
    peer.send(SYN_TEXT)
    peer.send("R 1:1(0)")
    assert peer.states() == ["SYN-RECEIVED", "CLOSED"]
    assert str(kernel.steps[-1].event) == "RCV-RST"


def test_closed_port_answers_rst_and_has_no_state(kernel: KernelEnd) -> None:
    peer = Peer(kernel, 81)
    assert peer.send(SYN_TEXT) == ["RST+ACK"]
    assert kernel.steps == []


def test_reset_recv_then_send(kernel: KernelEnd) -> None:
    peer, accepted_socket = accepted(kernel)
    peer.send("R. 1:1(0) ack 1")
    assert str(accepted_socket.recv()).endswith("recv(65536) = -1 ECONNRESET (Connection reset by peer)")
    assert accepted_socket.recv().result == b""
    assert accepted_socket.send(b"x").error == "EPIPE"
    assert peer.states() == [*OPENED, "CLOSED"]


def test_refused_connect(kernel: KernelEnd) -> None:
    client = kernel.socket()
    peer = Peer(kernel, 0, port=443)
    client.connect(PEER, 443)
    peer.listen()
    peer.send("R. 0:0(0) ack 1")
    assert client.getsockopt("SO_ERROR").result == socket.errno.ECONNREFUSED  # type: ignore[attr-defined]
    assert peer.states() == ["SYN-SENT", "CLOSED"]


@pytest.mark.parametrize("how", ["abort", "close with unread data"])
def test_established_abort_sends_rst(kernel: KernelEnd, how: str) -> None:
    peer, accepted_socket = accepted(kernel)
    if how == "abort":
        accepted_socket.abort()
    else:
        peer.send("P. 1:6(5) ack 1")
        accepted_socket.close()
    assert peer.listen() == ["RST+ACK"]
    assert peer.states() == [*OPENED, "CLOSED"]
    assert str(kernel.steps[-1].event) == "ABORT"


def test_fin_wait_2_data_after_close_is_the_kernels_own_abort(kernel: KernelEnd) -> None:
    peer, accepted_socket = accepted(kernel)
    accepted_socket.close()
    peer.listen()
    peer.send(". 1:1(0) ack 2")
    assert peer.send("P. 1:6(5) ack 2") == ["RST"]
    assert peer.states() == [*OPENED, "FIN-WAIT-1", "FIN-WAIT-2", "CLOSED"]
    assert (str(kernel.steps[-1].event), kernel.steps[-1].note) == ("ABORT", "the kernel aborted by itself")


def test_orphaned_fin_wait_2_expires_without_time_wait() -> None:
    with KernelEnd(KERNEL, sysctls={"net.ipv4.tcp_fin_timeout": 1}) as kernel:
        peer, accepted_socket = accepted(kernel)
        accepted_socket.close()
        peer.listen()
        peer.send(". 1:1(0) ack 2")
        deadline = time.monotonic() + 10
        while peer.states()[-1] != "CLOSED" and time.monotonic() < deadline:
            time.sleep(0.05)
            kernel.pending()
        assert peer.states() == [*OPENED, "FIN-WAIT-1", "FIN-WAIT-2", "CLOSED"]
        assert str(kernel.steps[-1].event) == "TIMEOUT-USER"
        assert peer.send("F. 1:1(0) ack 2") == ["RST"]


def test_syn_cookies_keep_no_state_before_the_third_segment() -> None:
    with KernelEnd(KERNEL, sysctls={"net.ipv4.tcp_syncookies": 2}) as kernel:
        listening(kernel)
        peer = Peer(kernel, 80)
        assert peer.send(SYN_TEXT) == ["SYN+ACK"]
        assert kernel.truth.states() == {}
        peer.send(". 1:1(0) ack 1")
        assert peer.states() == OPENED
        by_cookie, established = kernel.steps[-2:]
        assert (by_cookie.source, by_cookie.optional, by_cookie.arrival) == ("netstat", True, 0)
        assert "SYN cookies" in (by_cookie.note or "")
        assert (established.source, established.note) == ("sock_diag", None)


def test_urgent_data_and_options_are_set_by_name(kernel: KernelEnd) -> None:
    peer, client = connected(kernel)
    assert client.setsockopt("TCP_NODELAY", 1).ok
    assert client.getsockopt("TCP_NODELAY").result == 1
    client.send_urgent(b"!")
    assert peer.listen() == ["ACK+URG"]
    with pytest.raises(UsageError, match="no socket option 'TCP_NOSUCH'"):
        client.setsockopt("TCP_NOSUCH", 1)


def test_ipv6_and_udp(private_network: None) -> None:
    with KernelEnd(["2001:db8::1"]) as kernel:
        client = kernel.socket()
        assert client.connect("2001:db8::2", 443).error == "EINPROGRESS"
        (syn,) = kernel.pending()
        assert (syn[0] >> 4, syn[6]) == (6, 6)
        assert [str(state) for state in kernel.truth.states().values()] == ["SYN-SENT"]
        kernel.socket(kind=socket.SOCK_DGRAM).send_to(b"hello", "2001:db8::2", 53)
        (datagram,) = kernel.pending()
        assert (datagram[6], datagram[-5:]) == (17, b"hello")


SS_STATES = {"ESTAB": "ESTABLISHED", "SYN-RECV": "SYN-RECEIVED", "UNCONN": "CLOSED"}


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed (Debian package iproute2)")
def test_readings_are_those_of_ss(kernel: KernelEnd) -> None:
    accepted(kernel)
    for port, segments in ((5001, [SYN_TEXT]), (5002, [SYN_TEXT, ". 1:1(0) ack 1", "F. 1:1(0) ack 1"])):
        peer = Peer(kernel, 80, port=port)
        for text in segments:
            peer.send(text)
    peer, client = connected(kernel)
    client.close()
    peer.listen()
    peer.send("F. 1:1(0) ack 2")
    lines = kernel.namespace.run(["ss", "-tanH"]).stdout.splitlines()
    theirs = sorted((SS_STATES.get(word[0], word[0]), word[3], word[4]) for word in map(str.split, lines) if word[0] != "LISTEN")
    ours = sorted((str(state), f"{e.address}:{e.port}", f"{e.peer_address}:{e.peer_port}") for e, state in kernel.truth.states().items())
    assert ours == theirs
    assert {state for state, _, _ in ours} == {"ESTABLISHED", "SYN-RECEIVED", "CLOSE-WAIT", "TIME-WAIT"}


def test_tcp_info_is_what_the_socket_itself_tells(kernel: KernelEnd) -> None:
    peer, client = connected(kernel)
    client.send(b"x" * 3000)
    peer.listen()
    (seen,) = [tcp_info(one.info) for one in kernel.truth.sockets().values() if one.state == State.ESTABLISHED]
    own = tcp_info(client.bare.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 512))
    names = ("snd_mss", "advmss", "snd_cwnd", "unacked", "segs_out", "segs_in", "bytes_sent", "data_segs_out", "rto", "notsent_bytes")
    assert {name: seen[name] for name in names} == {name: own[name] for name in names}
    assert (seen["unacked"], seen["snd_mss"], seen["bytes_sent"]) == (3, 1460, 3000)


def test_an_unknown_parameter_is_an_error_of_one_line() -> None:
    with pytest.raises(UsageError, match=r"no parameter net.ipv4.tcp_no_such = 1") as refused:
        KernelEnd(KERNEL, sysctls={"net.ipv4.tcp_no_such": 1})
    assert "\n" not in str(refused.value)


# Connects into the void, and prints on what device and which states.
DEMONSTRATION = """
from tcpinspect.lab.kernel.end import KernelEnd
with KernelEnd("192.0.2.1"DEVICE) as end:
    print(end.device, end.socket().connect("198.51.100.7", 80).error, len(end.pending()), *map(str, end.truth.states().values()))
"""


@pytest.mark.parametrize("device", ["", ", device='veth'"])
def test_an_ordinary_user_has_a_kernel_too(as_nobody: Run, device: str) -> None:
    done = as_nobody(DEMONSTRATION.replace("DEVICE", device))
    assert (done.stdout.split()[1:], done.stderr) == (["EINPROGRESS", "1", "SYN-SENT"], "")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root, to close /dev/net/tun")
def test_where_tun_is_closed_veth_takes_its_place() -> None:
    """Closed for real, in a mount namespace of its own."""
    close = 'mount --bind /dev/null /dev/net/tun 2>/dev/null || exit 77; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", close, "sh", *script(DEMONSTRATION.replace("DEVICE", ""))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert (done.stdout.split(), done.stderr) == (["veth", "EINPROGRESS", "1", "SYN-SENT"], "")
    asked = subprocess.run(
        [*command[:6], *script(DEMONSTRATION.replace("DEVICE", ", device='tun'"))], capture_output=True, text=True, timeout=30
    )
    assert "/dev/net/tun does not open (Inappropriate ioctl for device): take the device" in asked.stderr
    assert issubclass(LabError, OSError)


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed (Debian package iproute2)")
@pytest.mark.parametrize(("cookies", "answered"), [(0, 5), (1, 40)])
def test_a_syn_flood_fills_the_backlog_and_cookies_answer_beyond_it(private_network: None, cookies: int, answered: int) -> None:
    """40 SYNs to a backlog of 4: the states that the kernel keeps are counted by ss, and by us."""
    with KernelEnd(KERNEL, sysctls={"net.ipv4.tcp_syncookies": cookies}) as kernel:
        server = kernel.socket()
        server.bind(KERNEL, 80)
        server.listen(4)
        flood = [Peer(kernel, 80, address=f"203.0.113.{n + 1}") for n in range(40)]
        assert sum(peer.send(SYN_TEXT) == ["SYN+ACK"] for peer in flood) == answered
        counted = kernel.namespace.run(["ss", "-tanH", "state", "syn-recv"]).stdout.count("\n")
        assert [*kernel.truth.states().values()] == [State.SYN_RECEIVED] * counted
        assert counted == 5
