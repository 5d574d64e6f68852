"""What this machine's kernel says of its sockets, beside what the wire shows of them. Floor 5. Reading: sock_diag(7)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from tcpinspect.capture.live.interfaces import interfaces
from tcpinspect.lab.kernel.sockdiag import SocketTable
from tcpinspect.model.watching import Line

# The ring hands a packet over at most 50 ms late, and a side acts on it a moment later: younger differences mean nothing.
QUIET_NS = 250_000_000
# Without a socket the kernel says nothing; on the wire that is one of these.
_NO_SOCKET = ("CLOSED", "LISTEN", None)


class _Here:
    """This process's own network, in the place of a private one."""

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        return socket.socket(family, kind, protocol)


class Kernel:
    """Reads the socket table whenever asked, and compares. Raises LabError or OSError where the kernel has no sock_diag."""

    def __init__(self) -> None:
        here: Any = _Here()
        self._table = SocketTable(here)
        self._mine = {address.partition("/")[0] for one in interfaces() for address in one.addresses}
        self._sockets: dict[tuple[str, int, str, int], str] = {}

    def read(self) -> None:
        """Ask the kernel."""
        self._sockets = {(s.address, s.port, s.peer_address, s.peer_port): str(s.state) for s in self._table.read() if s.peer_port}

    def states(self, row: Any) -> tuple[str | None, str | None]:
        """The kernel's state of the client and of the server; "none" for a local end without a socket, None for one elsewhere."""
        client, server = (row.client, row.client_port), (row.server, row.server_port)
        return self._state(*client, *server), self._state(*server, *client)

    def _state(self, address: str, port: int, peer: str, peer_port: int) -> str | None:
        found = self._sockets.get((address, port, peer, peer_port))
        return found or ("none" if self._local(address) else None)

    def _local(self, address: str) -> bool:
        return address in self._mine or ipaddress.ip_address(address).is_loopback

    def compare(self, line: Line, now_ns: int) -> list[tuple[str, str | None, str, bool]]:
        """For each local end: its role, the wire's state, the kernel's, and whether they differ though the wire is quiet."""
        out = []
        for role, says in zip(("client", "server"), self.states(line.row), strict=True):
            if says is not None:
                shows = getattr(line.row, f"{role}_state")
                same = says == shows or (says == "none" and shows in _NO_SOCKET)
                out.append((role, shows, says, not same and now_ns - line.last_ns >= QUIET_NS))
        return out


def verdict(kernel: Kernel, lines: Iterable[Line], now_ns: int) -> list[str]:
    """How the two agree at the end, in lines: one for all that agree, one for each end that does not."""
    agree = moving = 0
    differ = []
    for line in lines:
        for role, shows, says, different in kernel.compare(line, now_ns):
            if different:
                differ.append(f"#{line.row.stream} {role}: the wire shows {shows or 'nothing'}, the kernel says {says}")
            elif says == shows or (says == "none" and shows in _NO_SOCKET):
                agree += 1
            else:
                moving += 1
    total = agree + moving + len(differ)
    said = [f"kernel and wire: {total:,} local ends compared, {agree:,} agree" + (f", {moving:,} in motion" if moving else "")]
    return said + differ[:20] + ([f"and {len(differ) - 20:,} more that differ"] if len(differ) > 20 else [])
