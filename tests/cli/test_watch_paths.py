"""The kernel's states and those of the wire are of the same connection, also where others follow on its addresses."""

from __future__ import annotations

from tcpinspect.cli.watch_paths import End, Paths
from tcpinspect.lab.kernel.tracepoint import StateChange
from tcpinspect.model.watching import Step
from tcpinspect.protocol.rfc9293 import State

CLIENT, SERVER = ("192.0.2.1", 40000), ("198.51.100.2", 80)
CONNECT = (State.CLOSED, State.SYN_SENT), (State.SYN_SENT, State.ESTABLISHED)
ACCEPT = (State.LISTEN, State.SYN_RECEIVED), (State.SYN_RECEIVED, State.ESTABLISHED)
ABORT = (State.ESTABLISHED, State.CLOSED)


def kernel(*moves: tuple[int, int, tuple[State, State]], end: tuple[str, int] = CLIENT) -> list[StateChange]:
    """What the kernel set: time, socket, from and to."""
    peer = SERVER if end == CLIENT else CLIENT
    return [StateChange(time_ns, socket, *end, *peer, *states) for time_ns, socket, states in moves]


def wire(stream: int, *moves: tuple[int | None, State, State], end: tuple[str, int] = CLIENT) -> list[Step]:
    """What the wire shows: time, from and to."""
    side, peer = ("client", SERVER) if end == CLIENT else ("server", CLIENT)
    return [
        Step(stream, side, *end, 1, time_ns, str(before), str(after), "", "observed", "", None, 0, *peer)
        for time_ns, before, after in moves
    ]  # fmt: skip


def test_a_socket_is_said_to_be_closed_after_the_next_one_took_its_port() -> None:
    paths = Paths()
    paths.changed(kernel((10, 7, CONNECT[0]), (20, 7, CONNECT[1]), (30, 8, CONNECT[0]), (40, 7, ABORT), (50, 8, CONNECT[1])))
    first = wire(0, (11, *CONNECT[0]), (19, *CONNECT[1]), (29, *ABORT))
    second = wire(1, (41, *CONNECT[0]), (49, *CONNECT[1]))
    assert [paths.stepped(step) for step in first + second] == [10, 20, 40, 30, 50]
    assert (paths.earlier, paths.apart) == (1, 0)
    path = paths.of(End(*CLIENT, *SERVER))
    assert path is not None and path.both and path.agree


def test_of_a_server_the_kernel_speaks_at_the_third_segment() -> None:
    paths = Paths()
    paths.changed(kernel((20, 7, ACCEPT[0]), (21, 7, ACCEPT[1]), (30, 7, ABORT), end=SERVER))
    first = wire(0, (10, State.CLOSED, State.LISTEN), (10, *ACCEPT[0]), (20, *ACCEPT[1]), (30, *ABORT), end=SERVER)
    assert [paths.stepped(step) for step in first][1:] == [20, 21, 30]
    # The second one's SYN has come, its third segment has not.
    second = wire(1, (40, State.CLOSED, State.LISTEN), (40, *ACCEPT[0]), end=SERVER)
    assert [paths.stepped(step) for step in second] == [None, None]
    assert (paths.earlier, paths.apart) == (1, 0)
    paths.changed(kernel((50, 8, ACCEPT[0]), (51, 8, ACCEPT[1]), end=SERVER))
    assert [paths.stepped(step) for step in wire(1, (50, *ACCEPT[1]), end=SERVER)] == [51]


def test_an_earlier_connection_that_went_another_way_is_told() -> None:
    paths = Paths()
    paths.changed(kernel((10, 7, CONNECT[0]), (20, 7, CONNECT[1])))
    for step in wire(0, (11, *CONNECT[0]), (19, *CONNECT[1]), (29, *ABORT)) + wire(4, (41, *CONNECT[0])):
        paths.stepped(step)
    assert (paths.earlier, paths.apart) == (1, 1)
    (told,) = paths.earlier_apart
    assert told == "#0 client: on the wire SYN-SENT > ESTABLISHED > CLOSED, in the kernel SYN-SENT > ESTABLISHED"
    # The end of its TIME-WAIT, told long after, is nothing to the connection that has its addresses now.
    assert paths.stepped(wire(0, (60, *ABORT))[0]) is None
    path = paths.of(End(*CLIENT, *SERVER))
    assert path is not None and path.stream == 4
