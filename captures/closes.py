"""The scenes of connections that open and close in order, each in its own way.

Beside the package, for recording `captures/` only. Reading: RFC 9293 §3.5 (figures 6, 7), §3.6 (figures 12, 13).
"""

from __future__ import annotations

import socket
import time

from scene import PAUSE, Talk, answer, answers_and_closes_later, ask, asks_and_closes, receive, scene, talk, until_fin
from stage import Cable, Host, Stage


@scene()
def normal_close_by_client(stage: Stage) -> None:
    """A request, its answer, then the client closes first with the full four segments; it ends in TIME-WAIT."""
    talk(stage, client=asks_and_closes, server=answers_and_closes_later)


@scene(nanoseconds=False)
def normal_close_by_server(stage: Stage) -> None:
    """A request and its answer as in HTTP/1.0: the server closes first, so TIME-WAIT is its burden."""

    def client(connection: socket.socket) -> None:
        ask(connection)
        until_fin(connection)
        time.sleep(PAUSE)

    def server(connection: socket.socket) -> None:
        answer(connection)
        time.sleep(PAUSE)
        connection.shutdown(socket.SHUT_WR)
        until_fin(connection)

    talk(stage, client=client, server=server)


@scene()
def three_segment_close(stage: Stage) -> None:
    """The server closes at once when it sees the client's FIN: its own FIN carries the acknowledgement."""

    def server(connection: socket.socket) -> None:
        answer(connection)
        until_fin(connection)

    talk(stage, client=asks_and_closes, server=server)


@scene()
def half_close_with_data(stage: Stage) -> None:
    """The client has said all it has to say and sends its FIN; the server goes on sending for half a second."""

    def client(connection: socket.socket) -> None:
        connection.sendall(b"sort these lines\n")
        connection.shutdown(socket.SHUT_WR)
        until_fin(connection)

    def server(connection: socket.socket) -> None:
        until_fin(connection)
        for line in range(5):
            time.sleep(PAUSE)
            connection.sendall(b"sorted line %d\n" % line * 20)

    talk(stage, client=client, server=server)


@scene(cable=Cable(ipv6=True, resolve=True))
def ipv6_normal_close(stage: Stage) -> None:
    """The close by the client again, over IPv6, with the neighbour discovery that comes before it."""
    talk(stage, client=asks_and_closes, server=answers_and_closes_later)


@scene(cable=Cable(delay_ms=40))
def simultaneous_close(stage: Stage) -> None:
    """Both sides close at the same moment and their FINs cross on the way: CLOSING, then TIME-WAIT, on both sides."""
    both = [stage.event(), stage.event()]

    def closes(mine: int, talks: Talk) -> Talk:
        def side(connection: socket.socket) -> None:
            talks(connection)
            both[mine].set()
            both[1 - mine].wait()
            # The answer's acknowledgement shall be over before the FINs.
            time.sleep(0.2)
            connection.shutdown(socket.SHUT_WR)
            until_fin(connection)

        return side

    talk(stage, client=closes(0, ask), server=closes(1, answer))


@scene(interface="lo")
def simultaneous_open_and_close(stage: Stage) -> None:
    """A socket connected to its own port on the loopback: simultaneous open, data to itself, simultaneous close."""

    def alone() -> None:
        with socket.socket() as oneself:
            oneself.bind(("127.0.0.1", 5000))
            oneself.connect(("127.0.0.1", 5000))
            oneself.sendall(b"Talking to myself\n")
            receive(oneself, 18)
            time.sleep(PAUSE)
            oneself.shutdown(socket.SHUT_WR)
            until_fin(oneself)

    stage.act(stage.client, alone)


@scene(cable=Cable(delay_ms=40))
def simultaneous_open(stage: Stage) -> None:
    """Two hosts call each other at the same moment and their SYNs cross: one connection, with two active openers."""
    here, there = (stage.client, 5001), (stage.server, 5002)
    start = time.monotonic() + 0.5

    def caller(own: tuple[Host, int], other: tuple[Host, int], talks: Talk) -> None:
        with socket.socket() as connection:
            connection.bind((own[0].address4, own[1]))
            time.sleep(max(0.0, start - time.monotonic()))
            connection.connect((other[0].address4, other[1]))
            talks(connection)

    stage.act(stage.client, lambda: caller(here, there, asks_and_closes))
    stage.act(stage.server, lambda: caller(there, here, answers_and_closes_later))
