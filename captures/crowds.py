"""The scenes with many connections: a busy minute of mixed outcomes, and a small SYN flood.

Beside the package, for recording `captures/` only. Reading: RFC 9293 §3.5; RFC 4987 §2 (SYN floods); packet(7).
"""

from __future__ import annotations

import random
import socket
import struct
import threading
import time

import wire
from scene import (
    ANSWER,
    HTTP,
    PAUSE,
    REQUEST,
    RESET_ON_CLOSE,
    Talk,
    answer,
    answers_and_closes_later,
    ask,
    asks_and_closes,
    await_reset,
    connect,
    scene,
    until_fin,
)
from stage import Cable, Host, Stage

# Ports, one a behaviour; nobody listens on the last but one, and the cable loses what goes to the last.
_CLIENT_CLOSES, _SERVER_CLOSES, _THREE_SEGMENTS, _ABORTS, _UNREAD, _HALF_CLOSES, _REFUSES, _DROPS = 80, 8000, 8080, 443, 25, 9000, 23, 135
# How many of each.
_CALLS = {_CLIENT_CLOSES: 22, _SERVER_CLOSES: 12, _THREE_SEGMENTS: 8, _ABORTS: 5, _UNREAD: 4, _HALF_CLOSES: 2, _REFUSES: 5, _DROPS: 3}
_NEIGHBOURS = ("192.0.2.11", "192.0.2.12", "192.0.2.13")


def _answers_and_closes_first(connection: socket.socket) -> None:
    answer(connection)
    time.sleep(PAUSE)
    connection.shutdown(socket.SHUT_WR)
    until_fin(connection)


def _answers_and_closes_at_once(connection: socket.socket) -> None:
    answer(connection)
    until_fin(connection)


def _answers_and_is_reset(connection: socket.socket) -> None:
    answer(connection)
    await_reset(connection)


def _reads_nothing(connection: socket.socket) -> None:
    time.sleep(PAUSE)


def _reads_all_then_answers(connection: socket.socket) -> None:
    until_fin(connection)
    for _ in range(4):
        time.sleep(PAUSE)
        connection.sendall(ANSWER)


def _asks_and_waits(connection: socket.socket) -> None:
    ask(connection)
    until_fin(connection)
    time.sleep(PAUSE)


def _asks_and_aborts(connection: socket.socket) -> None:
    asks_and_closes(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def _asks_and_is_reset(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    await_reset(connection)


def _asks_and_half_closes(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    connection.shutdown(socket.SHUT_WR)
    until_fin(connection)


_SERVICES: dict[int, tuple[Talk, Talk]] = {
    _CLIENT_CLOSES: (asks_and_closes, answers_and_closes_later),
    _SERVER_CLOSES: (_asks_and_waits, _answers_and_closes_first),
    _THREE_SEGMENTS: (asks_and_closes, _answers_and_closes_at_once),
    _ABORTS: (_asks_and_aborts, _answers_and_is_reset),
    _UNREAD: (_asks_and_is_reset, _reads_nothing),
    _HALF_CLOSES: (_asks_and_half_closes, _reads_all_then_answers),
}


@scene(cable=Cable(fate=wire.drop_port(_DROPS), resolve=True), suffix=".pcapng")
def many_connections(stage: Stage) -> None:
    """Some 60 short connections of four clients in four seconds, overlapping, with most of the outcomes there are."""
    for address in _NEIGHBOURS:
        stage.add_address(stage.client, stage.server, address)
    listeners = {port: stage.listen(port, backlog=64) for port in _SERVICES}
    # Always the same crowd, in the same order.
    dice = random.Random(9293)
    ports = [port for port, count in _CALLS.items() for _ in range(count)]
    dice.shuffle(ports)
    sources = [dice.choice((stage.client.address4, *_NEIGHBOURS)) for _ in ports]

    def serve() -> None:
        doors = [
            threading.Thread(target=_keep_door, args=(listener, _SERVICES[port][1], _CALLS[port])) for port, listener in listeners.items()
        ]
        _all(doors, gap_seconds=0)

    def call() -> None:
        callers = [
            threading.Thread(target=_one_call, args=(source, stage.server.address4, port))
            for source, port in zip(sources, ports, strict=True)
        ]
        _all(callers, gap_seconds=0.065)

    stage.act(stage.server, serve)
    for listener in listeners.values():
        listener.close()
    stage.act(stage.client, call)


def _all(threads: list[threading.Thread], *, gap_seconds: float) -> None:
    for thread in threads:
        thread.start()
        time.sleep(gap_seconds)
    for thread in threads:
        thread.join()


def _keep_door(listener: socket.socket, service: Talk, visitors: int) -> None:
    def attend(connection: socket.socket) -> None:
        with connection:
            service(connection)

    attendants: list[threading.Thread] = []
    for _ in range(visitors):
        attendants.append(threading.Thread(target=attend, args=(listener.accept()[0],)))
        attendants[-1].start()
    for attendant in attendants:
        attendant.join()


def _one_call(source: str, server: str, port: int) -> None:
    with socket.socket() as connection:
        connection.bind((source, 0))
        connection.settimeout(2.5)
        try:
            connection.connect((server, port))
        except OSError:
            # Refused and unanswered are outcomes that this scene wants.
            return
        _SERVICES[port][0](connection)


_FLOOD = 40


@scene(cable=Cable(delay_ms=None), at="server")
def syn_flood_small(stage: Stage) -> None:
    """40 SYNs from invented addresses: the server answers each, then again and again; one true client gets in."""
    stage.default_route(stage.server, stage.client)
    listener = stage.listen(HTTP, backlog=128)
    over = stage.event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            _answers_and_closes_at_once(connection)
        over.wait()

    def flood() -> None:
        with wire.plug("eth0") as end:
            for number in range(_FLOOD):
                end.send(_spoofed_syn(stage.client, stage.server, number))
                time.sleep(0.02)
        with connect(stage) as connection:
            asks_and_closes(connection)
        # Long enough for the server to repeat its SYN-ACKs after 1 and 3 s.
        time.sleep(3.5)
        over.set()

    stage.act(stage.server, serve)
    listener.close()
    stage.act(stage.client, flood)


def _spoofed_syn(client: Host, server: Host, number: int) -> bytes:
    """An Ethernet frame with a SYN to port 80 from an address of 203.0.113.0/24 that nobody has."""
    source, target = socket.inet_aton(f"203.0.113.{100 + number}"), socket.inet_aton(server.address4)
    options = struct.pack("!BBH", 2, 4, 1460)
    offset_and_flags = (5 + len(options) // 4) << 12 | 0x02
    tcp = struct.pack("!HHIIHHHH", 1024 + 7 * number, HTTP, 1000 * number, 0, offset_and_flags, 1024, 0, 0) + options
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + _checksum(pseudo + tcp) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), number, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    ip = ip[:10] + _checksum(ip) + ip[12:]
    macs = bytes.fromhex((server.mac + client.mac).replace(":", ""))
    return macs + b"\x08\x00" + ip + tcp


def _checksum(octets: bytes) -> bytes:
    """The Internet checksum (RFC 1071) of an even number of octets."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)
