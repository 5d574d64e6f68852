"""The kernel's tracepoint beside sock_diag: what each shows and the other does not. Needs root."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcpinspect.errors import LabError
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.kernel.tracepoint import StateChange, Tracepoint, with_ports
from tcpinspect.lab.wire import Wire
from tcpinspect.protocol.rfc9293 import State

from .conftest import connected

QUIET_NS = 15_000_000


def addresses() -> list[str]:
    """Two that no other test at the same time uses: the events carry no namespace. RFC 2544's network for benchmarks."""
    return [f"198.{18 + random.getrandbits(1)}.{random.randrange(256)}.{host}" for host in (1, 2)]


@pytest.fixture
def watched(private_network: None) -> Iterator[tuple[KernelEnd, KernelEnd, Tracepoint]]:
    """Two kernels whose truth has the tracepoint, and a tracepoint besides."""
    a, b = addresses()
    try:
        tracepoint = Tracepoint([a, b])
    except LabError as error:
        pytest.skip(str(error))
    with tracepoint, KernelEnd(a, watch=True) as left, KernelEnd(b, watch=True) as right:
        yield left, right, tracepoint


def played(left: KernelEnd, right: KernelEnd) -> Wire:
    """A whole connection, closed by the one that opened it."""
    wire = Wire(left, right, delay_ns=0)
    server, client = right.socket(), left.socket()
    server.bind(right.addresses[0], 80)
    server.listen()
    client.connect(right.addresses[0], 80)
    wire.run(10**9, quiet_ns=QUIET_NS)
    accepted = server.accept().result
    client.shutdown()
    wire.run(10**9, until=lambda: accepted.recv().result == b"")
    accepted.close()
    wire.run(10**9, quiet_ns=QUIET_NS)
    return wire


def test_states_passed_within_one_segment_are_seen(watched: tuple[KernelEnd, KernelEnd, Tracepoint]) -> None:
    kernel, _, _ = watched
    peer, client = connected(kernel)
    client.close()
    peer.listen()
    peer.send("F. 1:1(0) ack 2")
    assert [(str(step.to_state), step.source, step.optional) for step in kernel.steps][2:] == [
        ("FIN-WAIT-1", "sock_diag", False), ("FIN-WAIT-2", "tracepoint", True), ("TIME-WAIT", "sock_diag", False),
    ]  # fmt: skip
    assert [str(step.event) for step in kernel.steps][2:] == ["CLOSE", "RCV-ACK-OF-FIN", "RCV-FIN"]


def test_what_the_tracepoint_alone_would_say(watched: tuple[KernelEnd, KernelEnd, Tracepoint]) -> None:
    left, right, tracepoint = watched
    played(left, right)
    changes = tracepoint.take()
    assert tracepoint.lost == 0
    client = [change for change in changes if change.address == left.addresses[0]]
    # The port that was not chosen yet is joined from the next change, and TIME-WAIT never appears.
    assert len({change.port for change in client} - {0}) == 1
    assert client[0].port == client[1].port
    assert [str(change.to_state) for change in client] == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSED"]
    # SYN-RECEIVED is said only at the third segment: no earlier than sock_diag has it, and right before ESTABLISHED.
    server = [change for change in changes if change.address == right.addresses[0] and change.peer_port]
    assert [str(change.to_state) for change in server][:2] == ["SYN-RECEIVED", "ESTABLISHED"]
    received = next(step for step in right.steps if step.to_state == State.SYN_RECEIVED)
    assert received.time_ns < server[0].time_ns
    assert server[1].time_ns - server[0].time_ns < 1_000_000


def test_its_clock_is_the_clock_of_the_calls(watched: tuple[KernelEnd, KernelEnd, Tracepoint]) -> None:
    left, right, tracepoint = watched
    played(left, right)
    (connect,) = [call for call in left.calls if call.call == "connect"]
    sent = next(change for change in tracepoint.take() if change.to_state == State.SYN_SENT)
    assert 0 < sent.time_ns - connect.time_ns < 50_000_000


def test_nothing_is_mounted_for_it(watched: tuple[KernelEnd, KernelEnd, Tracepoint]) -> None:
    before = Path("/proc/self/mounts").read_text()
    Tracepoint(["192.0.2.9"]).close()
    assert Path("/proc/self/mounts").read_text() == before


def test_ports_are_joined_on_the_socket_and_the_peer() -> None:
    peer = ("192.0.2.2", 80)
    first = StateChange(1, 7, "192.0.2.1", 0, *peer, State.CLOSED, State.SYN_SENT)
    other = StateChange(2, 8, "192.0.2.1", 5000, *peer, State.CLOSED, State.SYN_SENT)
    second = StateChange(3, 7, "192.0.2.1", 4000, *peer, State.SYN_SENT, State.ESTABLISHED)
    reused = StateChange(4, 9, "192.0.2.1", 0, "192.0.2.3", 80, State.CLOSED, State.SYN_SENT)
    assert [change.port for change in with_ports([first, other, second, reused])] == [4000, 5000, 4000, 0]
