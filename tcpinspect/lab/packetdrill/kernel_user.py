"""The calls of a script made at a real kernel. Wing lab. Reading: socket(2) and its neighbours, as Linux has them.

A script's sockets block unless it says otherwise, ours never do: a call that would block gives None and is made again later.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Callable

from tcpinspect.errors import ScriptError, UsageError
from tcpinspect.lab.kernel.calls import Call, KernelSocket
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.packetdrill.arguments import O_NONBLOCK, O_RDWR, Arguments, Outcome
from tcpinspect.lab.packetdrill.script import CallEvent, Script

_SHUTDOWN = {"SHUT_RD": "read", "SHUT_WR": "write", "SHUT_RDWR": "both", "0": "read", "1": "write", "2": "both"}
_WAITS = ("EAGAIN", "EINPROGRESS")


class KernelUser:
    """Makes a script's calls. `call` gives what came out, or None: the call waits, ask again."""

    def __init__(self, end: KernelEnd, script: Script) -> None:
        self._end, self._script = end, script
        self._sockets: dict[int, KernelSocket] = {}
        self._nonblocking: set[int] = set()

    def call(self, event: CallEvent, now: int) -> Outcome | None:
        """Make the call. Raises ScriptError for arguments that are not translated."""
        arguments = Arguments(event, self._script.name)
        make: Callable[[Arguments], Outcome | None] = getattr(self, f"_{event.name}")
        try:
            return make(arguments)
        except UsageError as error:
            raise error if isinstance(error, ScriptError) else arguments.refuse(str(error)) from error

    def _of(self, arguments: Arguments) -> KernelSocket:
        descriptor = arguments.descriptor()
        if descriptor not in self._sockets:
            raise arguments.refuse(f"no socket has the number {descriptor}: an earlier socket or accept must return it")
        return self._sockets[descriptor]

    def _blocks(self, arguments: Arguments, outcome: Outcome) -> Outcome | None:
        """None where a blocking socket would wait instead."""
        waits = outcome.error in _WAITS and arguments.descriptor() not in self._nonblocking
        return None if waits else outcome

    def _keep(self, arguments: Arguments, made: KernelSocket, *, nonblocking: bool) -> Outcome:
        number = arguments.event.result
        number = number if number is not None and number >= 0 else max(self._sockets, default=2) + 1
        self._sockets[number] = made
        if nonblocking:
            self._nonblocking.add(number)
        return Outcome(number)

    def _socket(self, arguments: Arguments) -> Outcome:
        kinds = arguments.words(1)
        if arguments.text(0) not in ("...", "AF_INET", "AF_INET6", "PF_INET", "PF_INET6") or "SOCK_STREAM" not in kinds:
            raise arguments.refuse("only TCP sockets are made here: socket(..., SOCK_STREAM, IPPROTO_TCP)")
        if arguments.text(2, "0") not in ("0", "IPPROTO_TCP"):
            raise arguments.refuse(f"the protocol {arguments.text(2)[:40]} is not translated: only IPPROTO_TCP")
        return self._keep(arguments, self._end.socket(), nonblocking="SOCK_NONBLOCK" in kinds)

    def _bind(self, arguments: Arguments) -> Outcome:
        arguments.address_left_open(1)
        around = self._script.surroundings
        return _outcome(self._of(arguments).bind(around.local, around.bind_port))

    def _listen(self, arguments: Arguments) -> Outcome:
        return _outcome(self._of(arguments).listen(arguments.number(1)))

    def _accept(self, arguments: Arguments) -> Outcome | None:
        listener = self._of(arguments)
        if not _ready(listener, select.POLLIN) and arguments.descriptor() not in self._nonblocking:
            return None
        taken = listener.accept()
        if taken.ok:
            return self._keep(arguments, taken.result, nonblocking=False)
        return self._blocks(arguments, _outcome(taken))

    def _connect(self, arguments: Arguments) -> Outcome | None:
        arguments.address_left_open(1)
        around, one = self._script.surroundings, self._of(arguments)
        made = _outcome(one.connect(around.remote, around.connect_port))
        return self._blocks(arguments, made if made.error != "EALREADY" else Outcome(-1, "EAGAIN"))

    def again(self, event: CallEvent, now: int) -> Outcome | None:
        """The same for a call that waits."""
        return self.call(event, now) if event.name != "connect" else self._connected(Arguments(event, self._script.name))

    def _connected(self, arguments: Arguments) -> Outcome | None:
        one = self._of(arguments)
        if not _ready(one, select.POLLOUT):
            return None
        error = one.getsockopt("SO_ERROR").result
        return Outcome(-1, errno.errorcode.get(error, str(error))) if error else Outcome(0)

    def _write(self, arguments: Arguments) -> Outcome | None:
        return self._blocks(arguments, _outcome(self._of(arguments).send(arguments.data())))

    def _send(self, arguments: Arguments) -> Outcome | None:
        flags, one, data = arguments.flags(3), self._of(arguments), arguments.data()
        made = one.send_urgent(data) if "MSG_OOB" in flags else one.send(data)
        return self._blocks(arguments, _outcome(made))

    def _sendto(self, arguments: Arguments) -> Outcome | None:
        if "MSG_FASTOPEN" not in arguments.flags(3):
            return self._send(arguments)
        arguments.address_left_open(4)
        around = self._script.surroundings
        made = self._of(arguments).send_to(arguments.data(), around.remote, around.connect_port, fast_open=True)
        return _outcome(made)

    def _read(self, arguments: Arguments) -> Outcome | None:
        return self._blocks(arguments, _outcome(self._of(arguments).recv(max(arguments.number(2), 0))))

    def _recv(self, arguments: Arguments) -> Outcome | None:
        if flags := arguments.flags(3) - {"MSG_DONTWAIT"}:
            raise arguments.refuse(f"{sorted(flags)[0]} is not translated for receiving")
        return self._read(arguments)

    _recvfrom = _recv

    def _shutdown(self, arguments: Arguments) -> Outcome:
        how = _SHUTDOWN.get(arguments.text(1))
        if how is None:
            raise arguments.refuse(f"{arguments.text(1)[:40]}: there are SHUT_RD, SHUT_WR and SHUT_RDWR")
        return _outcome(self._of(arguments).shutdown(how))

    def _close(self, arguments: Arguments) -> Outcome:
        one = self._of(arguments)
        self._nonblocking.discard(arguments.descriptor())
        del self._sockets[arguments.descriptor()]
        return _outcome(one.close())

    def _setsockopt(self, arguments: Arguments) -> Outcome:
        return _outcome(self._of(arguments).setsockopt(*arguments.option()))

    def _getsockopt(self, arguments: Arguments) -> Outcome:
        made = self._of(arguments).getsockopt(arguments.text(2))
        expected = arguments.expected_value()
        if not made.ok:
            return _outcome(made)
        return Outcome(0, None, "" if expected in (None, made.result) else f"the value {made.result}, not {expected}")

    def _fcntl(self, arguments: Arguments) -> Outcome:
        descriptor = arguments.descriptor()
        self._of(arguments)
        if arguments.text(1) == "F_GETFL":
            return Outcome(O_RDWR | (O_NONBLOCK if descriptor in self._nonblocking else 0))
        if arguments.text(1) != "F_SETFL" or (unknown := arguments.words(2) - {"O_RDWR", "O_NONBLOCK", "0"}):
            unknown = set() if arguments.text(1) != "F_SETFL" else unknown
            raise arguments.refuse(
                f"{sorted(unknown or {arguments.text(1)})[0][:40]} is not translated: F_GETFL, F_SETFL and O_NONBLOCK are"
            )
        (self._nonblocking.add if "O_NONBLOCK" in arguments.words(2) else self._nonblocking.discard)(descriptor)
        return Outcome(0)

    def _poll(self, arguments: Arguments) -> Outcome | None:
        watch, entries = select.poll(), arguments.polled()
        files: dict[int, int] = {}
        for entry in entries:
            if entry.descriptor not in self._sockets:
                raise arguments.refuse(f"no socket has the number {entry.descriptor}")
            files[entry.descriptor] = self._sockets[entry.descriptor].fileno()
            watch.register(files[entry.descriptor], entry.asked)
        found = dict(watch.poll(0))
        if not found and arguments.number(2) != 0 and arguments.event.result != 0:
            return None
        wrong = [entry for entry in entries if found.get(files[entry.descriptor], 0) != entry.expected]
        note = ", ".join(f"fd {one.descriptor}: revents {found.get(files[one.descriptor], 0):#x}, not {one.expected:#x}" for one in wrong)
        return Outcome(len(found), None, note)


def _ready(one: KernelSocket, what: int) -> bool:
    watch = select.poll()
    watch.register(one.fileno(), what)
    return bool(watch.poll(0))


def _outcome(made: Call) -> Outcome:
    """As C returns it: how many octets, 0, or -1."""
    if made.error is not None:
        return Outcome(-1, made.error)
    return Outcome(len(made.result) if isinstance(made.result, bytes) else int(made.result or 0))
