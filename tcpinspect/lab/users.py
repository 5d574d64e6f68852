"""Who sits above an end of a scenario and makes its calls: the same calls and the same answers over our TCP and a kernel's. Wing lab.

Every call returns what a program would get, as text: `5 octets`, `"hello"`, `end of data`, `nothing yet`, `ok`, or
`error ECONNRESET`. Our endpoint speaks RFC 9293's words; `OurUser` turns them into the errors that sockets have for them.
Reading: RFC 9293 §3.9.1; tcp(7), send(2), recv(2).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Protocol

from tcpinspect.errors import ProtocolError
from tcpinspect.lab.datagram import HostEnd
from tcpinspect.lab.draft import filler
from tcpinspect.lab.endpoint import Ended, EndOfData, Endpoint, Misbehaviour, Moved, Settings
from tcpinspect.lab.kernel.calls import Call as SocketCall
from tcpinspect.lab.kernel.calls import KernelSocket
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.kernel.netstat import counted_by_ss
from tcpinspect.protocol.rfc9293 import Event, State

Address = tuple[str, int]
NOTHING_YET, END_OF_DATA, OK = "nothing yet", "end of data", "ok"
_LENGTH = struct.Struct("!I")  # how a message is framed: its length in front, 4 octets
_EVERYTHING = 65536


class User(Protocol):
    """What a scenario can ask of an end."""

    def call(self, verb: str, data: bytes | int | None, now: int) -> str:
        """Make the call; what it returned."""

    def states(self) -> list[State]:
        """The states of this end's connections now; where there is none, LISTEN or CLOSED."""

    def counted_by_ss(self, state: State) -> int | None:
        """How many of them are in a state, says ss(8); None where there is no kernel, or no ss."""


def shown(data: bytes) -> str:
    """What was received, for a person: short text as text, all else by its length."""
    if len(data) <= 60 and data.isascii() and data.decode("ascii").isprintable():
        return f'"{data.decode("ascii")}"'
    return f"{len(data)} octets"


class Stream:
    """The octets of a connection as its programs count them, and messages framed in them."""

    def __init__(self) -> None:
        self.sent = 0
        self._unread = b""

    def to_send(self, data: bytes | int | None) -> bytes:
        """Octets as given, or so many letters that go on where the last ended."""
        return data if isinstance(data, bytes) else filler(self.sent, data or 0)

    def message(self, more: bytes) -> bytes | None:
        """Add what was received; the next whole message, None where it is not all there."""
        self._unread += more
        if len(self._unread) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._unread)[0]
        if len(self._unread) < end:
            return None
        found, self._unread = self._unread[_LENGTH.size : end], self._unread[end:]
        return found


class OurUser:
    """Above an endpoint of our own."""

    def __init__(self, local: Address, remote: Address, settings: Mapping[str, object], *, iss: int) -> None:
        own = {name: value for name, value in settings.items() if name in Settings.__dataclass_fields__}
        faults = {name: value for name, value in settings.items() if name in Misbehaviour.__dataclass_fields__}
        self._remote = remote
        self._begin = iss
        self._make = lambda number: Endpoint(
            local, iss=number, settings=Settings(**own), misbehaviour=Misbehaviour(**faults)  # type: ignore[arg-type]
        )  # fmt: skip
        self.end = HostEnd(self._make(self._begin))
        self._cookie: bytes | None = None
        self._fresh_life()

    def _fresh_life(self) -> None:
        self._stream = Stream()
        self._seen = len(self.end.events)
        self._error = ""  # what the next call shall be told, once
        self._over = False

    def states(self) -> list[State]:
        return [self.end.endpoint.state]

    def counted_by_ss(self, state: State) -> int | None:
        return None

    def call(self, verb: str, data: bytes | int | None, now: int) -> str:
        self._notice()
        try:
            return getattr(self, f"_{verb.replace(' ', '_')}")(data, now)
        except ProtocolError as error:
            return f"error {_errno(str(error), verb)}"

    def _notice(self) -> None:
        """Take in what the endpoint has told since the last call."""
        came_from = State.CLOSED
        for event in self.end.events[self._seen :]:
            if isinstance(event, Moved):
                came_from = event.from_state
                if event.arc.event in (Event.OPEN_ACTIVE, Event.RCV_SYN):
                    self._error, self._over = "", False
            elif isinstance(event, EndOfData):
                self._over = True
            elif isinstance(event, Ended):
                self._error, self._over = _errno(event.reason, str(came_from)), True
        self._seen = len(self.end.events)

    def _told(self) -> str:
        error, self._error = self._error, ""
        return f"error {error}"

    def _listen(self, _: object, now: int) -> str:
        self.end.endpoint.open_passive(now)
        return OK

    def _open(self, data: bytes | int | None, now: int) -> str:
        endpoint = self.end.endpoint
        self._cookie = endpoint.cookie or self._cookie
        self._fresh_life()
        endpoint.open_active(now, remote=self._remote, data=self._stream.to_send(data), cookie=self._cookie)
        return OK

    def _send(self, data: bytes | int | None, now: int) -> str:
        if self._error:
            return self._told()
        octets, endpoint = self._stream.to_send(data), self.end.endpoint
        if endpoint.state == State.CLOSED:
            return "error EPIPE"
        if endpoint.state == State.LISTEN or (
            endpoint.state == State.SYN_RECEIVED and endpoint.tcb.passive and not endpoint.tcb.early_data
        ):
            return "error ENOTCONN"  # of a passive open a program hears when the connection is there
        self.end.endpoint.send(octets, now)
        self._stream.sent += len(octets)
        return f"{len(octets)} octets"

    def _send_message(self, data: bytes | int | None, now: int) -> str:
        octets = self._stream.to_send(data)
        return self._send(_LENGTH.pack(len(octets)) + octets, now)

    def _receive(self, data: bytes | int | None, now: int) -> str:
        got = self.end.endpoint.receive(now, data if isinstance(data, int) else None)
        if got:
            return shown(got)
        if self._error and self._error != "EPIPE":
            return self._told()
        return END_OF_DATA if self._over else NOTHING_YET

    def _receive_message(self, _: object, now: int) -> str:
        found = self._stream.message(self.end.endpoint.receive(now))
        return NOTHING_YET if found is None else shown(found)

    def _shutdown(self, _: object, now: int) -> str:
        self.end.endpoint.shutdown(now)
        return OK

    def _close(self, _: object, now: int) -> str:
        if self.end.endpoint.state != State.CLOSED:  # a socket can be closed also when its connection is gone
            self.end.endpoint.close(now)
        return OK

    def _abort(self, _: object, now: int) -> str:
        self.end.endpoint.abort(now)
        return OK

    def _crash(self, _: object, now: int) -> str:
        """The machine starts again; its next connection begins elsewhere in the number space (RFC 9293 §3.4.1)."""
        self._begin += 300_000
        self.end.crash(self._make(self._begin), now)
        self._fresh_life()
        return OK

    def _udp(self, data: bytes | int | None, now: int) -> str:
        if data is not None:
            octets = self._stream.to_send(data)
            self.end.send_datagram(octets, self._remote)
            return f"{len(octets)} octets"
        return shown(self.end.datagrams.popleft()) if self.end.datagrams else NOTHING_YET


def _errno(words: str, context: str) -> str:
    """The socket's error for what RFC 9293 §3.10 says; `context` is the state the connection ended in, or the call."""
    if "user timeout" in words:
        return "ETIMEDOUT"
    if "refused" in words or (words == "connection reset" and context == str(State.SYN_SENT)):
        return "ECONNREFUSED"
    if words == "connection reset":
        # As Linux has it: who was told of the end already gets a broken pipe (tcp_reset in its tcp_input.c).
        return "EPIPE" if context == str(State.CLOSE_WAIT) else "ECONNRESET"
    if words == "connection already exists":
        return "EISCONN"
    if context.startswith("send"):
        return "EPIPE"
    return "ENOTCONN"


# Settings of ours that a kernel has too: as a sysctl, or as an option of the socket.
_AS_SYSCTL = {
    "timestamps": "net.ipv4.tcp_timestamps", "sack": "net.ipv4.tcp_sack", "window_shift": "net.ipv4.tcp_window_scaling",
    "ecn": "net.ipv4.tcp_ecn", "ignore_reset_in_time_wait": "net.ipv4.tcp_rfc1337",
}  # fmt: skip
_AS_OPTION = {"receive_buffer": "SO_RCVBUF", "mss": "TCP_MAXSEG", "keep_alive_probes": "TCP_KEEPCNT"}
_SECOND, _MILLISECOND = 1_000_000_000, 1_000_000


def kernel_sysctls(settings: Mapping[str, object]) -> dict[str, str]:
    """The settings that a kernel has for its whole network."""
    out = {
        _AS_SYSCTL[name]: "1" if value else "0" for name, value in settings.items() if name in _AS_SYSCTL and isinstance(value, bool | None)
    }
    if settings.get("fast_open"):
        out["net.ipv4.tcp_fastopen"] = "3"
    if isinstance(wait := settings.get("fin_wait_2_ns"), int):
        out["net.ipv4.tcp_fin_timeout"] = str(max(1, wait // _SECOND))
    return out


class KernelUser:
    """Above a kernel. What a setting of ours has no counterpart for in a kernel, the kernel does in its own way."""

    def __init__(self, end: KernelEnd, local: Address, remote: Address, settings: Mapping[str, object]) -> None:
        self.end = end
        self._local, self._remote, self._settings = local, remote, settings
        self._stream = Stream()
        self._listener: KernelSocket | None = None
        self._socket: KernelSocket | None = None
        self._datagrams: KernelSocket | None = None

    def states(self) -> list[State]:
        """Of all connections at our port."""
        here = [state for ends, state in self.end.truth.states().items() if ends.port == self._local[1]]
        return here or [State.LISTEN if self._listener is not None else State.CLOSED]

    def counted_by_ss(self, state: State) -> int | None:
        return counted_by_ss(self.end.namespace, state, self._local[1])

    def call(self, verb: str, data: bytes | int | None, now: int) -> str:
        self._accept()
        return getattr(self, f"_{verb.replace(' ', '_')}")(data)

    def _accept(self) -> None:
        """Take the newest connection there is, as a server does."""
        if self._listener is not None:
            with_it = self._listener.accept()
            if with_it.ok:
                self._socket = with_it.result
                self._stream = Stream()
                self._set(self._socket)
            else:
                self.end.calls.remove(with_it)

    def _new(self) -> KernelSocket:
        made = self.end.socket()
        made.setsockopt("SO_REUSEADDR", 1)
        self._set(made)
        made.bind(*self._local)
        return made

    def _set(self, one: KernelSocket | None) -> None:
        """The settings that a kernel has for each socket."""
        if one is None:
            return
        for name, value in self._settings.items():
            if name in _AS_OPTION and isinstance(value, int):
                one.setsockopt(_AS_OPTION[name], value)
            elif name == "delayed_ack_ns":
                # Linux acknowledges the first segments of a connection at once unless told not to (tcp(7)).
                one.setsockopt("TCP_QUICKACK", 0)
            elif name == "nagle":
                one.setsockopt("TCP_NODELAY", int(not value))
            elif name == "keep_alive_ns" and isinstance(value, int):
                one.setsockopt("SO_KEEPALIVE", 1)
                one.setsockopt("TCP_KEEPIDLE", max(1, value // _SECOND))
            elif name == "keep_alive_interval_ns" and isinstance(value, int):
                one.setsockopt("TCP_KEEPINTVL", max(1, value // _SECOND))
            elif name == "user_timeout_ns" and isinstance(value, int):
                one.setsockopt("TCP_USER_TIMEOUT", value // _MILLISECOND)

    def _result(self, call: SocketCall) -> str:
        if call.error in ("EINPROGRESS", None):
            return OK
        return NOTHING_YET if call.error == "EAGAIN" else f"error {call.error}"

    def _listen(self, _: object) -> str:
        self._listener = self._new()
        if self._settings.get("fast_open"):
            self._listener.setsockopt("TCP_FASTOPEN", 16)
        return self._result(self._listener.listen())

    def _open(self, data: bytes | int | None) -> str:
        self._socket, self._stream = self._new(), Stream()
        if self._settings.get("fast_open") and data is not None:
            return self._result(self._socket.send_to(self._stream.to_send(data), *self._remote, fast_open=True))
        done = self._result(self._socket.connect(*self._remote))
        return done if data is None else self._send(data)

    def _send(self, data: bytes | int | None) -> str:
        if self._socket is None:
            return "error ENOTCONN"
        call = self._socket.send(self._stream.to_send(data))
        self._stream.sent += call.result or 0
        return f"{call.result} octets" if call.ok else self._result(call)

    def _send_message(self, data: bytes | int | None) -> str:
        octets = self._stream.to_send(data)
        return self._send(_LENGTH.pack(len(octets)) + octets)

    def _receive(self, data: bytes | int | None) -> str:
        if self._socket is None:
            return "error ENOTCONN"
        call = self._socket.recv(data if isinstance(data, int) else _EVERYTHING)
        if call.ok:
            return shown(call.result) if call.result else END_OF_DATA
        return self._result(call)

    def _receive_message(self, _: object) -> str:
        call = self._socket.recv(_EVERYTHING) if self._socket is not None else None
        found = self._stream.message(call.result if call is not None and call.ok else b"")
        return NOTHING_YET if found is None else shown(found)

    def _shutdown(self, _: object) -> str:
        return "error ENOTCONN" if self._socket is None else self._result(self._socket.shutdown())

    def _close(self, _: object) -> str:
        one, self._socket = self._socket, None
        if one is None:
            one, self._listener = self._listener, None
        return "error EBADF" if one is None else self._result(one.close())

    def _abort(self, _: object) -> str:
        one, self._socket = self._socket, None
        return "error EBADF" if one is None else self._result(one.abort())

    def _crash(self, _: object) -> str:
        return "error ENOTSUP"

    def _udp(self, data: bytes | int | None) -> str:
        if self._datagrams is None:
            import socket

            self._datagrams = self.end.socket(kind=socket.SOCK_DGRAM)
            self._datagrams.bind(*self._local)
        if data is not None:
            call = self._datagrams.send_to(self._stream.to_send(data), *self._remote)
            return f"{call.result} octets" if call.ok else self._result(call)
        call = self._datagrams.recv()
        return shown(call.result) if call.ok else self._result(call)
