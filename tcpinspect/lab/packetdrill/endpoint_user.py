"""The basic calls of a script made at our own endpoint. Wing lab. Reading: RFC 9293 §3.9.1, §3.10.1 to §3.10.6.

One connection, one listener: what an `Endpoint` is. Errors have the names that Linux gives them (RFC 9293 leaves that open).
"""

from __future__ import annotations

from collections.abc import Callable

from tcpinspect.errors import ProtocolError, ScriptError, UsageError
from tcpinspect.lab.endpoint.events import Ended, EndOfData
from tcpinspect.lab.ends import EndpointEnd
from tcpinspect.lab.packetdrill.arguments import O_NONBLOCK, O_RDWR, Arguments, Outcome
from tcpinspect.lab.packetdrill.script import CallEvent, Script
from tcpinspect.protocol.rfc9293 import State

_NOT_YET = (State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED)
# Options that change nothing at an endpoint which has but one connection.
_WITHOUT_EFFECT = ("SO_REUSEADDR", "SO_REUSEPORT")
_LINGER_ZERO = b"\x01\0\0\0\0\0\0\0"
_TRANSLATED = ("socket", "bind", "listen", "accept", "connect", "write", "send", "read", "recv", "shutdown", "close", "setsockopt", "fcntl")


class EndpointUser:
    """Makes a script's calls. `call` gives what came out, or None: the call waits, ask again."""

    def __init__(self, end: EndpointEnd, script: Script) -> None:
        self._end, self._script = end, script
        self._nonblocking: set[int] = set()
        self._listener: int | None = None
        self._aborts = False

    def call(self, event: CallEvent, now: int) -> Outcome | None:
        """Make the call. Raises ScriptError for what the endpoint does not know."""
        arguments = Arguments(event, self._script.name)
        if event.name not in _TRANSLATED:
            raise arguments.refuse(f"our own endpoint knows only {', '.join(_TRANSLATED)}: play the script against a kernel")
        make: Callable[[Arguments, int], Outcome | None] = getattr(self, f"_{event.name}")
        try:
            return make(arguments, now)
        except ProtocolError as error:
            return Outcome(-1, "EPIPE" if "closing" in str(error) else "ENOTCONN")
        except UsageError as error:
            raise error if isinstance(error, ScriptError) else arguments.refuse(str(error)) from error

    def again(self, event: CallEvent, now: int) -> Outcome | None:
        """The same for a call that waits."""
        return self.call(event, now) if event.name != "connect" else self._connected()

    def _or_wait(self, arguments: Arguments, error: str) -> Outcome | None:
        return Outcome(-1, error) if arguments.descriptor() in self._nonblocking else None

    def _socket(self, arguments: Arguments, _: int) -> Outcome:
        number = arguments.event.result
        number = 3 if number is None or number < 0 else number
        if "SOCK_NONBLOCK" in arguments.words(1):
            self._nonblocking.add(number)
        return Outcome(number)

    def _bind(self, arguments: Arguments, _: int) -> Outcome:
        arguments.address_left_open(1)
        return Outcome(0)

    def _listen(self, arguments: Arguments, now: int) -> Outcome:
        self._listener = arguments.descriptor()
        self._end.endpoint.open_passive(now)
        return Outcome(0)

    def _accept(self, arguments: Arguments, _: int) -> Outcome | None:
        if self._end.endpoint.state in (*_NOT_YET, State.CLOSED):
            return self._or_wait(arguments, "EAGAIN")
        number = arguments.event.result
        return Outcome(number if number is not None and number >= 0 else arguments.descriptor() + 1)

    def _connect(self, arguments: Arguments, now: int) -> Outcome | None:
        arguments.address_left_open(1)
        around = self._script.surroundings
        self._end.endpoint.open_active(now, remote=(around.remote, around.connect_port))
        return self._or_wait(arguments, "EINPROGRESS")

    def _connected(self) -> Outcome | None:
        state = self._end.endpoint.state
        if state == State.CLOSED:
            ended = [event.reason for event in self._end.events if isinstance(event, Ended)]
            return Outcome(-1, "ECONNREFUSED" if ended and "refused" in ended[-1] else "ETIMEDOUT")
        return None if state in _NOT_YET else Outcome(0)

    def _write(self, arguments: Arguments, now: int) -> Outcome:
        data, flags = arguments.data(), arguments.flags(3) if arguments.event.name == "send" else set()
        if "MSG_FASTOPEN" in flags:
            raise arguments.refuse("Fast Open is not translated for our own endpoint")
        self._end.endpoint.send(data, now, urgent="MSG_OOB" in flags)
        return Outcome(len(data))

    _send = _write

    def _read(self, arguments: Arguments, now: int) -> Outcome | None:
        data = self._end.endpoint.receive(now, max(arguments.number(2), 0))
        if data or any(isinstance(event, EndOfData) for event in self._end.events):
            return Outcome(len(data))
        ended = [event for event in self._end.events if isinstance(event, Ended)]
        return Outcome(-1, "ECONNRESET") if ended else self._or_wait(arguments, "EAGAIN")

    _recv = _read

    def _shutdown(self, arguments: Arguments, now: int) -> Outcome:
        if arguments.text(1) not in ("SHUT_WR", "1"):
            raise arguments.refuse("our own endpoint knows only SHUT_WR: CLOSE of RFC 9293 is of one direction")
        self._end.endpoint.shutdown(now)
        return Outcome(0)

    def _close(self, arguments: Arguments, now: int) -> Outcome:
        endpoint = self._end.endpoint
        if arguments.descriptor() == self._listener and endpoint.state != State.LISTEN:
            # The listener is done with; its connection, which shares the endpoint, lives on.
            self._listener = None
        elif self._aborts:
            endpoint.abort(now)
        elif endpoint.state != State.CLOSED:
            endpoint.close(now)
        return Outcome(0)

    def _setsockopt(self, arguments: Arguments, _: int) -> Outcome:
        name, value = arguments.option()
        if name == "SO_LINGER" and value == _LINGER_ZERO:
            self._aborts = True
        elif name not in _WITHOUT_EFFECT:
            raise arguments.refuse(f"{name[:40]} is not translated for our own endpoint: play the script against a kernel")
        return Outcome(0)

    def _fcntl(self, arguments: Arguments, _: int) -> Outcome:
        number = arguments.descriptor()
        if arguments.text(1) == "F_GETFL":
            return Outcome(O_RDWR | (O_NONBLOCK if number in self._nonblocking else 0))
        if arguments.text(1) != "F_SETFL":
            raise arguments.refuse(f"{arguments.text(1)[:40]} is not translated: F_GETFL and F_SETFL are")
        (self._nonblocking.add if "O_NONBLOCK" in arguments.words(2) else self._nonblocking.discard)(number)
        return Outcome(0)
