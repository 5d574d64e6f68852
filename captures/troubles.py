"""The scenes in which something goes wrong: no answer, resets, silence, a full window, loss.

Beside the package, for recording `captures/` only. Reading: RFC 9293 §3.5.1–§3.5.3, §3.8; RFC 6675; tcp(7), socket(7).
"""

from __future__ import annotations

import socket
import time

import wire
from scene import (
    ANSWER,
    HTTP,
    PAUSE,
    REQUEST,
    RESET_ON_CLOSE,
    answer,
    answers_and_closes_later,
    ask,
    asks_and_closes,
    await_reset,
    receive,
    scene,
    talk,
    until_fin,
)
from stage import Cable, Stage

_TCP_REPAIR = 19
_TCP_FASTOPEN = 23


def _try(stage: Stage, seconds: float) -> None:
    with socket.socket() as connection:
        connection.settimeout(seconds)
        try:
            connection.connect((stage.server.address4, HTTP))
        except OSError:
            return
    raise AssertionError("nobody was to answer")


@scene()
def refused(stage: Stage) -> None:
    """Nobody listens on the port: the SYN is answered by a RST."""
    stage.act(stage.client, lambda: _try(stage, 5))


@scene(cable=Cable(fate=wire.drop_port(HTTP)))
def unanswered(stage: Stage) -> None:
    """A firewall drops the SYNs: Linux repeats them after 1, 2, 3, 4, 5, 7 and 11 s until the client gives up."""
    stage.act(stage.client, lambda: _try(stage, 13))


@scene()
def reset_by_linger(stage: Stage) -> None:
    """The client closes with SO_LINGER 0, which is ABORT: one RST and no FIN."""

    def client(connection: socket.socket) -> None:
        ask(connection)
        time.sleep(PAUSE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    def server(connection: socket.socket) -> None:
        answer(connection)
        await_reset(connection)

    talk(stage, client=client, server=server)


@scene()
def reset_by_unread_data(stage: Stage) -> None:
    """The server closes without having read the request: the data is lost, so Linux sends a RST in place of a FIN."""

    def client(connection: socket.socket) -> None:
        connection.sendall(REQUEST)
        await_reset(connection)

    talk(stage, client=client, server=lambda connection: time.sleep(PAUSE))


@scene()
def half_open_discovered(stage: Stage) -> None:
    """The server forgets the connection as in a crash, without a word; the client's next request gets a RST."""

    def client(connection: socket.socket) -> None:
        ask(connection)
        time.sleep(3 * PAUSE)
        connection.sendall(REQUEST)
        await_reset(connection)

    def server(connection: socket.socket) -> None:
        answer(connection)
        time.sleep(PAUSE)
        # A socket under repair is closed without sending anything.
        connection.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)

    talk(stage, client=client, server=server)


@scene()
def keep_alive(stage: Stage) -> None:
    """A silent connection is probed each second; then the cable is cut, and the third lost probe ends it with a RST."""

    def client(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        ask(connection)
        # No timeout of Python's own may come first.
        connection.settimeout(None)
        try:
            connection.recv(1)
        except TimeoutError:
            return
        raise AssertionError("the connection was to die")

    def server(connection: socket.socket) -> None:
        answer(connection)
        time.sleep(3.5)
        stage.cut.set()
        time.sleep(4)

    talk(stage, client=client, server=server)


@scene(at="server")
def zero_window(stage: Stage) -> None:
    """The server does not read: its window closes, the client probes it ever more slowly, then the server reads on."""
    size = 16_000

    def client(connection: socket.socket) -> None:
        connection.sendall(b"The quick brown fox jumps over the lazy dog.\n" * (size // 45))
        connection.shutdown(socket.SHUT_WR)
        until_fin(connection)

    def server(connection: socket.socket) -> None:
        time.sleep(3)
        until_fin(connection)

    talk(stage, client=client, server=server, server_buffer=8192)


_ACCIDENTS = wire.Misfortunes(mss=1448, lost={13: 1, 34: 1, 36: 2, 37: 1, 82: 2}, late={55: 6_000_000}, doubled={65}, lost_acks={9, 10})


@scene(cable=Cable(fate=_ACCIDENTS), at="server", also={"client": "lossy-transfer-at-receiver.pcap.gz"})
def lossy_transfer(stage: Stage) -> None:
    """The server sends 120 kB; data is lost, late and doubled on the way: SACK, fast retransmission, a lost tail."""
    line = b"%05d The quick brown fox jumps over the lazy dog\n"

    def client(connection: socket.socket) -> None:
        connection.sendall(REQUEST)
        until_fin(connection)

    def server(connection: socket.socket) -> None:
        receive(connection, len(REQUEST))
        connection.sendall(b"".join(line % number for number in range(2400)))
        # A FIN of its own, so that the lost tail is data.
        time.sleep(5 * PAUSE)
        connection.shutdown(socket.SHUT_WR)
        until_fin(connection)

    # A window that does not grow leaves the duplicate ACKs true duplicates.
    talk(stage, client=client, server=server, client_buffer=65536)


@scene(cable=Cable(delay_ms=None, offload=True), at="server", suffix=".pcap.gz")
def offload_left_on(stage: Stage) -> None:
    """As captures on the sending machine often look: unfinished checksums, and segments far longer than the MTU."""

    def client(connection: socket.socket) -> None:
        connection.sendall(REQUEST)
        until_fin(connection)

    def server(connection: socket.socket) -> None:
        receive(connection, len(REQUEST))
        connection.sendall(b"The quick brown fox jumps over the lazy dog.\n" * 4000)
        connection.shutdown(socket.SHUT_WR)
        until_fin(connection)

    talk(stage, client=client, server=server)


@scene(at="server", interface=None, starts_watching=True)
def begins_in_the_middle(stage: Stage) -> None:
    """The capture begins when the connection has long been open; taken on all interfaces ("cooked", Linux SLL)."""
    greeted, watching = stage.event(), stage.event()

    def client(connection: socket.socket) -> None:
        ask(connection)
        time.sleep(PAUSE)
        greeted.set()
        watching.wait()
        asks_and_closes(connection)

    def server(connection: socket.socket) -> None:
        answer(connection)
        answers_and_closes_later(connection)

    talk(stage, client=client, server=server)
    greeted.wait()
    stage.watch(stage.server, None)
    watching.set()


@scene()
def fast_open(stage: Stage) -> None:
    """TCP Fast Open twice: the first SYN fetches a cookie, the second one carries the request."""
    for host in (stage.client, stage.server):
        host.sysctl("ipv4/tcp_fastopen", 3)
    listener = stage.listen(HTTP)
    listener.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN, 16)

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                answer(connection)
                until_fin(connection)

    def call() -> None:
        for _ in range(2):
            with socket.socket() as connection:
                connection.sendto(REQUEST, socket.MSG_FASTOPEN, (stage.server.address4, HTTP))
                receive(connection, len(ANSWER))
            time.sleep(PAUSE)

    stage.act(stage.server, serve)
    listener.close()
    stage.act(stage.client, call)


@scene()
def reused_port(stage: Stage) -> None:
    """The same addresses and ports twice: first ended by a RST, then opened anew with another sequence number."""
    listener = stage.listen(HTTP)

    def serve() -> None:
        for number in range(2):
            connection, _ = listener.accept()
            with connection:
                answer(connection)
                if number == 0:
                    await_reset(connection)
                else:
                    until_fin(connection)

    def call() -> None:
        for number in range(2):
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                connection.bind((stage.client.address4, 40000))
                connection.connect((stage.server.address4, HTTP))
                asks_and_closes(connection)
                if number == 0:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            time.sleep(PAUSE)

    stage.act(stage.server, serve)
    listener.close()
    stage.act(stage.client, call)
