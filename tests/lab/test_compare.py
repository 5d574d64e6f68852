"""The engine against the truth of real kernels, and the comparison against timelines that were spoilt on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import tcpinspect as ti
from tcpinspect.lab import catalogue
from tcpinspect.lab.compare import Comparison, compare
from tcpinspect.lab.endpoint.endpoint import Endpoint
from tcpinspect.lab.ends import CRASHED, EndpointEnd
from tcpinspect.lab.kernel.calls import KernelSocket
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.rules import rule
from tcpinspect.lab.scenario import play
from tcpinspect.lab.wire import Wire

A, B = "192.0.2.1", "192.0.2.2"
QUIET_NS, MILLISECOND = 15_000_000, 1_000_000


class TwoKernels:
    """Two kernels and a wire in between: A calls B."""

    def __init__(self, rules: list[str] | None = None, *, sysctls: dict[str, int] | None = None, watch: bool | None = False) -> None:
        self.a, self.b = KernelEnd(A, watch=watch), KernelEnd(B, watch=watch, sysctls=sysctls)
        self.wire = Wire(self.a, self.b, delay_ns=MILLISECOND, treatments=[rule(text) for text in rules or []])
        self.listener, self.client = self.b.socket(), self.a.socket()
        self.listener.bind(B, 80)
        self.listener.listen()

    def connected(self) -> tuple[KernelSocket, KernelSocket]:
        """Both sockets of an established connection."""
        self.client.connect(B, 80)
        taken: list[KernelSocket] = []

        def accepted() -> bool:
            call = self.listener.accept() if not taken else None
            taken.extend([call.result] if call and call.ok else [])
            return bool(taken)

        self.wire.run(5 * 10**9, until=accepted)
        self.settle()
        return self.client, taken[0]

    def settle(self, quiet_ns: int = QUIET_NS) -> None:
        self.wire.run(5 * 10**9, quiet_ns=quiet_ns)

    def compared(self, tmp_path: Path) -> Comparison:
        """What the engine makes of the capture, beside the truth."""
        self.wire.write(tmp_path / "wire.pcap")
        return compare(ti.analyze(tmp_path / "wire.pcap").table("timeline").rows(), self.wire)

    def states(self, end: KernelEnd) -> list[str]:
        return [str(step.to_state) for step in end.steps if str(step.to_state) != "LISTEN"]

    def close(self) -> None:
        self.a.close()
        self.b.close()


@pytest.fixture
def two(private_network: None) -> Iterator[TwoKernels]:
    hosts = TwoKernels()
    yield hosts
    hosts.close()


def agreed(comparison: Comparison) -> tuple[int, list[str]]:
    return comparison.compared, [str(check) for check in comparison.disagreements]


def test_normal_close(two: TwoKernels, tmp_path: Path) -> None:
    client, server = two.connected()
    client.send(b"question")
    two.settle()
    assert server.recv().result == b"question"
    client.shutdown()
    two.settle(60 * MILLISECOND)
    server.close()
    two.settle()
    assert two.states(two.a) == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert two.states(two.b) == ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    assert agreed(two.compared(tmp_path)) == (10, [])


def test_simultaneous_close(two: TwoKernels, tmp_path: Path) -> None:
    for one in two.connected():
        one.close()
    two.settle()
    assert two.states(two.a)[2:] == two.states(two.b)[2:] == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]
    assert agreed(two.compared(tmp_path)) == (10, [])


def test_simultaneous_open(two: TwoKernels, tmp_path: Path) -> None:
    two.listener.close()
    ends = [(two.client, A, B), (two.b.socket(), B, A)]
    for one, own, peer in ends:
        one.bind(own, 5000)
        one.connect(peer, 5000)
    two.settle()
    assert two.states(two.a) == two.states(two.b) == ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"]
    assert agreed(two.compared(tmp_path)) == (6, [])


@pytest.mark.parametrize("how", ["abort", "unread"])
def test_reset(two: TwoKernels, tmp_path: Path, how: str) -> None:
    client, server = two.connected()
    client.send(b"nobody reads this")
    two.settle()
    server.abort() if how == "abort" else server.close()
    two.settle()
    assert client.recv().error == "ECONNRESET"
    assert two.states(two.a)[-1] == two.states(two.b)[-1] == "CLOSED"
    assert agreed(two.compared(tmp_path)) == (6, [])


def test_refused(two: TwoKernels, tmp_path: Path) -> None:
    two.client.connect(B, 81)
    two.settle()
    assert two.states(two.a) == ["SYN-SENT", "CLOSED"]
    assert agreed(two.compared(tmp_path)) == (2, [])


@pytest.mark.parametrize("text", ["lose the first SYN-ACK", "lose the first ACK from A", "lose the first FIN"])
def test_a_lost_segment_is_repaired(private_network: None, tmp_path: Path, text: str) -> None:
    two = TwoKernels([text])
    client, server = two.connected()
    client.send(b"x")
    two.settle(300 * MILLISECOND if "ACK from A" in text else QUIET_NS)
    server.recv()
    client.close()
    two.settle(400 * MILLISECOND if "FIN" in text else 60 * MILLISECOND)
    server.close()
    two.settle()
    two.close()
    assert two.states(two.a)[-1] == "TIME-WAIT"
    assert agreed(two.compared(tmp_path)) == (10, [])


@pytest.mark.parametrize("caller", ["endpoint", "kernel"])
def test_an_endpoint_of_our_own_and_a_kernel(private_network: None, tmp_path: Path, caller: str) -> None:
    """Both tell their own truth, and the engine agrees with both."""
    with KernelEnd(B) as kernel:
        active = caller == "endpoint"
        end = EndpointEnd(Endpoint((A, 4000), (B, 80) if active else None, iss=100))
        wire = Wire(end, kernel, delay_ns=MILLISECOND)
        one = kernel.socket()
        if active:
            one.bind(B, 80)
            one.listen()
            end.endpoint.open_active(wire.now)
        else:
            end.endpoint.open_passive(wire.now)
            one.connect(A, 4000)
        wire.run(5 * 10**9, quiet_ns=QUIET_NS)
        served = one.accept().result if active else one
        end.endpoint.send(b"hello", wire.now)
        wire.run(5 * 10**9, until=lambda: served.recv().result == b"hello")
        served.close()
        wire.run(5 * 10**9, quiet_ns=300 * MILLISECOND)
        end.endpoint.close(wire.now)
        wire.run(5 * 10**9, quiet_ns=QUIET_NS)
        wire.write(tmp_path / "wire.pcap")
        comparison = compare(ti.analyze(tmp_path / "wire.pcap").table("timeline").rows(), wire)
    assert [str(step.to_state) for step in end.steps][-3:] == ["CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    assert [str(step.to_state) for step in kernel.steps][-3:] == ["FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert agreed(comparison) == (10, [])


def test_syn_cookies_are_the_kernels_quirk_and_named(private_network: None, tmp_path: Path) -> None:
    two = TwoKernels(["lose every ACK from A before the tap"], sysctls={"net.ipv4.tcp_syncookies": 2})
    two.client.connect(B, 80)
    two.settle()
    comparison = two.compared(tmp_path)
    two.close()
    assert two.b.truth.states() == {}, "no socket was made"
    assert [(str(step.to_state), step.source, step.optional) for step in two.b.steps[1:]] == [("SYN-RECEIVED", "netstat", True)]
    assert comparison.disagreements == []
    assert "SYN cookies" in comparison.quirks[0]


def test_a_spoilt_timeline_is_found_out(two: TwoKernels, tmp_path: Path) -> None:
    """The comparison can fail: a state left out, one at another frame, one too many."""
    client, server = two.connected()
    client.close()
    two.settle(60 * MILLISECOND)
    server.close()
    two.settle()
    two.wire.write(tmp_path / "wire.pcap")
    rows = [SimpleNamespace(**row._asdict()) for row in ti.analyze(tmp_path / "wire.pcap").table("timeline").rows()]
    whole = compare(rows, two.wire)
    assert (whole.agreed, whole.disagreements) == (10, [])
    n = next(n for n, row in enumerate(rows) if row.to_state == "CLOSE-WAIT")

    without = compare(rows[:n] + rows[n + 1 :], two.wire)
    assert [str(check) for check in without.unexplained] == [f"{B}:80: only the truth has ESTABLISHED → CLOSE-WAIT: no known reason"]

    late = [*rows[:n], SimpleNamespace(**vars(rows[n]) | {"frame": rows[n].frame + 1}), *rows[n + 1 :]]
    (check,) = compare(late, two.wire).unexplained
    assert f"CLOSE-WAIT at frame {rows[n].frame + 1}, in truth at frame {rows[n].frame}" in str(check)

    extra = [*rows, SimpleNamespace(**vars(rows[n]) | {"from_state": "CLOSE-WAIT", "to_state": "CLOSING"})]
    assert [check.row.to_state for check in compare(extra, two.wire).unexplained if check.row] == ["CLOSING"]


def test_a_crash_is_a_step_to_closed_that_may_be_missed_and_is_named() -> None:
    comparison = play(catalogue.load("half-open-found-by-data")).comparison()
    assert comparison.disagreements == []
    assert comparison.quirks == [CRASHED]


def test_the_end_by_a_timer_is_silent() -> None:
    comparison = play(catalogue.load("unanswered")).comparison()
    assert (comparison.agreed, comparison.compared, comparison.silent) == (1, 1, 1)
