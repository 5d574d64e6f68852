"""What a scene is, the list of all scenes, and the ways in which two processes talk in them.

Beside the package, for recording `captures/` only. Reading: socket(7), tcp(7).

A scene is a function of a `stage.Stage`: it starts processes on the two hosts and returns; the recorder waits until
they have ended. The first line of its docstring says what the capture shows. The scenes are in `closes.py`,
`troubles.py` and `crowds.py`.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from stage import Cable, Stage

Play = Callable[[Stage], None]
Talk = Callable[[socket.socket], None]

HTTP = 80
REQUEST = b"GET /hello HTTP/1.0\r\nHost: server.example\r\n\r\n"
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, client\n"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
PAUSE = 0.1


@dataclass(frozen=True)
class Scene:
    """A scene and how it is recorded: `files` says on which host ("client", "server") each file is captured."""

    name: str
    play: Play
    files: dict[str, str]
    cable: Cable
    nanoseconds: bool
    interface: str | None
    starts_watching: bool

    @property
    def shows(self) -> str:
        """One line: what the capture shows."""
        return (self.play.__doc__ or "").splitlines()[0]


SCENES: dict[str, Scene] = {}


def scene(
    *,
    cable: Cable | None = None,
    at: str = "client",
    suffix: str = ".pcap",
    also: dict[str, str] | None = None,
    nanoseconds: bool = True,
    interface: str | None = "eth0",
    starts_watching: bool = False,
) -> Callable[[Play], Play]:
    """Register the decorated function as a scene, named like it with hyphens.

    `also` names further files of the same scene by host; `starts_watching` means the scene calls `stage.watch` itself.
    """

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        files = {at: name + suffix} | (also or {})
        SCENES[name] = Scene(name, play, files, cable or Cable(), nanoseconds, interface, starts_watching)
        return play

    return register


# --- Two processes talking -------------------------------------------------------------------------------------------


def connect(stage: Stage, *, receive_buffer: int | None = None) -> socket.socket:
    """Connect to port 80 of the server; to be called in a process of the client. The buffer is in octets."""
    connection = socket.socket(stage.family)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect((stage.server_address, HTTP))
    return connection


def talk(stage: Stage, *, client: Talk, server: Talk, client_buffer: int | None = None, server_buffer: int | None = None) -> None:
    """One connection to port 80: each function gets its connected socket; what it leaves open is closed after it.

    The buffers are the sizes of SO_RCVBUF in octets; None leaves them to the kernel.
    """
    listener = stage.listen(HTTP, receive_buffer=server_buffer)

    def serve() -> None:
        connection, _ = listener.accept()
        # Nobody else shall answer a second connection, and nothing but this socket shall speak.
        listener.close()
        with connection:
            server(connection)

    def call() -> None:
        with connect(stage, receive_buffer=client_buffer) as connection:
            client(connection)

    stage.act(stage.server, serve)
    listener.close()
    stage.act(stage.client, call)


def ask(connection: socket.socket) -> None:
    """Send the request and read its answer."""
    connection.sendall(REQUEST)
    receive(connection, len(ANSWER))


def answer(connection: socket.socket) -> None:
    """Read the request and answer it."""
    receive(connection, len(REQUEST))
    connection.sendall(ANSWER)


def receive(connection: socket.socket, count: int) -> None:
    """Read exactly that many octets, or up to the peer's FIN."""
    while count > 0 and (octets := connection.recv(min(count, 65536))):
        count -= len(octets)


def until_fin(connection: socket.socket) -> None:
    """Read up to the peer's FIN and forget it all."""
    while connection.recv(65536):
        pass


def await_reset(connection: socket.socket) -> None:
    """Read until the peer resets the connection, which it must."""
    try:
        until_fin(connection)
    except ConnectionResetError:
        return
    raise AssertionError("a RST was to come")


def asks_and_closes(connection: socket.socket) -> None:
    """A client that closes a moment after it has its answer."""
    ask(connection)
    time.sleep(PAUSE)


def answers_and_closes_later(connection: socket.socket) -> None:
    """A server that answers, and closes a moment after the client did."""
    answer(connection)
    until_fin(connection)
    time.sleep(PAUSE)
