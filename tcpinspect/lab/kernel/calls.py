"""The user's calls to a kernel's TCP, written down with what they returned. Wing lab. Reading: tcp(7), socket(7), ip(7).

RFC 9293 §3.9.1 names the user's calls OPEN, SEND, RECEIVE, CLOSE, ABORT; here they are the socket calls that Linux has for
them, none of which ever waits. What `recv` returns and which error `send` raises is part of the lesson, so no call raises
OSError: the error is in the record.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tcpinspect.errors import UsageError

# Options of <linux/tcp.h> that Python's socket module does not name before 3.13 or so.
_LATER_OPTIONS = {"TCP_FASTOPEN_CONNECT": 30, "TCP_FASTOPEN_NO_COOKIE": 34, "TCP_USER_TIMEOUT": 18}
_LEVELS = {"TCP": socket.IPPROTO_TCP, "SO": socket.SOL_SOCKET, "IP": socket.IPPROTO_IP, "IPV6": socket.IPPROTO_IPV6}
_HOW = {"read": socket.SHUT_RD, "write": socket.SHUT_WR, "both": socket.SHUT_RDWR}


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its arguments as they were, and either `result` or `error`, the errno's name such as "ECONNRESET".

    `result` is what the call returns in C: octets for recv (b"" is the end of the data), a count for send, else 0; for
    accept the new KernelSocket. Prints as strace prints it.
    """

    time_ns: int
    socket: str
    call: str
    arguments: str
    result: Any
    error: str | None

    @property
    def ok(self) -> bool:
        """It did what was asked."""
        return self.error is None

    def __str__(self) -> str:
        if self.error is not None:
            number = getattr(errno, self.error, 0)
            outcome = f"-1 {self.error} ({os.strerror(number)})"
        else:
            outcome = self.result.name if isinstance(self.result, KernelSocket) else repr(self.result)
        return f"{self.socket}.{self.call}({self.arguments}) = {outcome}"


Around = Callable[[Callable[[], Any], str, str, str], Call]


class KernelSocket:
    """A socket of a kernel end; made by `KernelEnd.socket`. Every method returns the Call that was made."""

    def __init__(self, bare: socket.socket, name: str, around: Around, adopt: Callable[[socket.socket], KernelSocket]) -> None:
        bare.setblocking(False)
        self.name = name
        self.bare = bare
        self._around = around
        self._adopt = adopt

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def fileno(self) -> int:
        """For select."""
        return self.bare.fileno()

    def _do(self, call: str, arguments: str, action: Callable[[], Any]) -> Call:
        return self._around(action, self.name, call, arguments)

    def bind(self, address: str, port: int) -> Call:
        """Take a local address; port 0 lets the kernel choose."""
        return self._do("bind", f"{address}, {port}", lambda: self.bare.bind((address, port)))

    def listen(self, backlog: int = 16) -> Call:
        """OPEN, passive."""
        return self._do("listen", str(backlog), lambda: self.bare.listen(backlog))

    def connect(self, address: str, port: int) -> Call:
        """OPEN, active. Its ordinary outcome is the error EINPROGRESS: the SYN is on its way."""
        return self._do("connect", f"{address}, {port}", lambda: self.bare.connect((address, port)))

    def accept(self) -> Call:
        """Take an established connection; `result` is its socket. EAGAIN: there is none yet."""
        return self._do("accept", "", lambda: self._adopt(self.bare.accept()[0]))

    def send(self, data: bytes) -> Call:
        """SEND. `result` is how many octets the kernel took."""
        return self._do("send", _shown(data), lambda: self.bare.send(data, socket.MSG_NOSIGNAL))

    def send_urgent(self, data: bytes) -> Call:
        """SEND with the urgent flag: the last octet is the urgent one."""
        return self._do("send", f"{_shown(data)}, MSG_OOB", lambda: self.bare.send(data, socket.MSG_NOSIGNAL | socket.MSG_OOB))

    def send_to(self, data: bytes, address: str, port: int, *, fast_open: bool = False) -> Call:
        """Send a datagram (UDP), or with `fast_open` open a connection whose SYN carries the data (RFC 7413)."""
        flags, shown = (socket.MSG_FASTOPEN, ", MSG_FASTOPEN") if fast_open else (0, "")
        arguments = f"{_shown(data)}, {address}, {port}{shown}"
        return self._do("sendto", arguments, lambda: self.bare.sendto(data, flags | socket.MSG_NOSIGNAL, (address, port)))

    def recv(self, most: int = 65536) -> Call:
        """RECEIVE. EAGAIN: nothing there yet; b"": the peer has closed, no more will come."""
        return self._do("recv", str(most), lambda: self.bare.recv(most))

    def shutdown(self, how: str = "write") -> Call:
        """CLOSE, of one direction: "write" sends the FIN and keeps reading possible. Or "read", or "both"."""
        if how not in _HOW:
            raise UsageError(f'no shutdown of {how!r}; there are "read", "write" and "both"')
        return self._do("shutdown", how, lambda: self.bare.shutdown(_HOW[how]))

    def close(self) -> Call:
        """CLOSE, and forget the socket. With unread data in it the kernel sends a RST instead of a FIN."""
        return self._do("close", "", self.bare.close)

    def abort(self) -> Call:
        """ABORT: close with SO_LINGER on and a linger time of 0, which sends a RST."""

        def action() -> None:
            self.bare.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
            self.bare.close()

        return self._do("abort", "", action)

    def setsockopt(self, option: str, value: int | bytes) -> Call:
        """Set an option by its name in C, such as TCP_NODELAY or SO_KEEPALIVE."""
        level, number = _option(option)
        return self._do("setsockopt", f"{option}, {value!r}", lambda: self.bare.setsockopt(level, number, value))

    def getsockopt(self, option: str) -> Call:
        """An option's value as a number. SO_ERROR tells, once, what became of a connect."""
        level, number = _option(option)
        return self._do("getsockopt", option, lambda: self.bare.getsockopt(level, number))


def outcome(action: Callable[[], Any]) -> tuple[Any, str | None]:
    """What a call returned, or the name of its errno."""
    try:
        result = action()
    except OSError as error:
        return None, errno.errorcode.get(error.errno or 0, str(error.errno))
    return 0 if result is None else result, None


def _option(name: str) -> tuple[int, int]:
    level = _LEVELS.get(name.partition("_")[0])
    number = getattr(socket, name, _LATER_OPTIONS.get(name))
    if level is None or not isinstance(number, int):
        raise UsageError(f"no socket option {name!r}; options have their names in C, such as TCP_NODELAY or SO_KEEPALIVE")
    return level, number


def _shown(data: bytes) -> str:
    return repr(data) if len(data) <= 32 else f"{data[:24]!r}..., {len(data)} octets"
