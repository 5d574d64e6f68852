"""The tracepoint as a second witness: it agrees with what sock_diag showed, and a lie of either is found out."""

from __future__ import annotations

import itertools
import socket

import pytest

from tcpinspect.errors import LabError
from tcpinspect.lab import catalogue
from tcpinspect.lab.kernel.tracepoint import StateChange
from tcpinspect.lab.kernel.witness import CROWDED, EMBRYO, PASSED, SMALL_SOCKET, Witness, compare
from tcpinspect.lab.scenario import play
from tcpinspect.lab.timeline import Ends, TrueStep
from tcpinspect.protocol.rfc9293 import State

ENDS = Ends("198.18.0.1", 80, "198.18.0.2", 4000)


def read(*states: str) -> list[TrueStep]:
    """A connection as sock_diag shows it, in these states one after the other."""
    way = [State(State[name.replace("-", "_")]) for name in states]
    return [TrueStep(ENDS, n, before, after, None, None, n, "sock_diag") for n, (before, after) in enumerate(itertools.pairwise(way))]


def traced(*states: str) -> list[StateChange]:
    """The same as the tracepoint names it."""
    way = [State(State[name.replace("-", "_")]) for name in states]
    return [StateChange(n, 7, *ENDS, before, after) for n, (before, after) in enumerate(itertools.pairwise(way))]


def test_time_wait_is_closed_to_the_tracepoint() -> None:
    steps = read("CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED")
    seen = compare(steps, traced("CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSED"))
    assert (seen.agreed, seen.compared, seen.differences, seen.quirks) == (5, 5, [], {SMALL_SOCKET: 2})


def test_fin_wait_2_within_one_segment_is_the_tracepoints_alone() -> None:
    steps = read("CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT")
    seen = compare(steps, traced("CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSED"))
    assert (seen.agreed, seen.compared, seen.differences, seen.quirks[PASSED]) == (4, 4, [], 1)


def test_an_embryo_that_dies_is_sock_diags_alone() -> None:
    seen = compare(read("CLOSED", "LISTEN", "SYN-RECEIVED", "CLOSED"), [])
    assert (seen.compared, seen.differences, seen.quirks) == (0, [], {EMBRYO: 1})


@pytest.mark.parametrize(
    "states",
    [
        ("CLOSED", "SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "CLOSED"),  # LAST-ACK left out
        ("CLOSED", "SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED", "SYN-SENT"),  # one too many
        ("CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "LAST-ACK", "CLOSED"),  # another one
    ],
)
def test_a_contradiction_is_found_out(states: tuple[str, ...]) -> None:
    steps = read("CLOSED", "SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED")
    (difference,) = compare(steps, traced(*states)).differences
    assert difference.startswith("198.18.0.1:80: sock_diag SYN-SENT ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED, the tracepoint SYN-SENT")


def test_both_witnesses_of_real_kernels_agree(private_network: None) -> None:
    try:
        witness = Witness()
    except LabError as error:
        pytest.skip(str(error))
    with witness:
        played = play(catalogue.load("half-close"), "kernels", addresses=witness.fresh_addresses())
        for name, count in (("A", 5), ("B", 5)):
            seen = witness.account(played.wire.ends[name].steps, played.ended_ns)  # type: ignore[index,attr-defined]
            assert (seen.agreed, seen.compared, seen.differences) == (count, count, [])


def test_a_witness_whose_view_others_have_filled_says_nothing() -> None:
    """The buffer holds some forty changes; thirty connections of somebody else make more, and ours may be among the lost ones."""
    try:
        witness = Witness(pages=1)
    except LabError as error:
        pytest.skip(str(error))
    with witness, socket.create_server(("127.0.0.1", 0)) as server:
        witness.fresh_addresses()
        for _ in range(30):
            with socket.create_connection(server.getsockname()):
                server.accept()[0].close()
        seen = witness.account(read("CLOSED", "SYN-SENT", "ESTABLISHED"), 2**63)
    assert (seen.compared, seen.differences, seen.quirks) == (0, [], {CROWDED: 1})
