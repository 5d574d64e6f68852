"""What this machine's kernel says of its sockets, beside what the wire shows of them. Floor 5.

Two doors: sock_diag tells how the sockets stand at this moment; for root the tracepoint sock:inet_sock_set_state tells each state
that was set, with its moment, also those that came and went between two readings. Its events carry no namespace: a connection on
the same addresses and ports in another network namespace of the machine would be taken for one of ours.
Reading: sock_diag(7); lab.kernel.tracepoint.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from tcpinspect.capture.live.interfaces import interfaces
from tcpinspect.cli.watch_paths import End, Paths
from tcpinspect.errors import LabError
from tcpinspect.lab.kernel.sockdiag import SocketTable
from tcpinspect.lab.kernel.tracepoint import StateChange, Tracepoint
from tcpinspect.model.watching import Line, Step

# The ring hands a packet over at most 50 ms late, and a side acts on it a moment later: younger differences mean nothing.
QUIET_NS = 250_000_000
# Without a socket the kernel says nothing; on the wire that is one of these.
_NO_SOCKET = ("CLOSED", "LISTEN", None)
_PAGES = 1024  # of events a processor: 4 MiB, some 40,000 changes between two looks
_SHOWN = 20  # ends that differ


class _Here:
    """This process's own network, in the place of a private one."""

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        return socket.socket(family, kind, protocol)


class _Local:
    """The addresses of this machine."""

    def __init__(self) -> None:
        self._mine = {address.partition("/")[0] for one in interfaces() for address in one.addresses}

    def __contains__(self, address: object) -> bool:
        return address in self._mine or _is_loopback(str(address))


@lru_cache(4096)
def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


class Kernel:
    """Reads what the kernel says whenever asked, and compares. Raises LabError or OSError where it has no sock_diag.

    `without` says why there is no tracepoint, where there is none. Both doors are opened here: later there may be no privilege.
    """

    def __init__(self) -> None:
        here: Any = _Here()
        self._table = SocketTable(here)
        self._local = _Local()
        self._sockets: dict[End, str] = {}
        self._tracepoint: Tracepoint | None = None
        self._waiting: list[StateChange] = []
        self.without = ""
        self.paths = Paths()
        try:
            self._tracepoint = Tracepoint(self._local, pages=_PAGES)
        except LabError as error:
            self.without = str(error)

    def read(self) -> None:
        """Ask how the sockets stand."""
        self._sockets = {End(s.address, s.port, s.peer_address, s.peer_port): str(s.state) for s in self._table.read() if s.peer_port}

    def hear(self, steps: Sequence[Step]) -> list[int | None]:
        """Take in what the tracepoint said until now, and these steps of the wire: when the kernel set each state, if it said so."""
        if self._tracepoint is not None:
            # Each processor has events of its own. One read a moment earlier than another may lack what came before the other's
            # last: what is younger than this look waits for the next.
            look_ns = time.time_ns()
            self._waiting += self._tracepoint.take()
            self._waiting.sort()
            ripe = bisect_right(self._waiting, look_ns, key=lambda change: change.time_ns)
            self.paths.changed(self._waiting[:ripe])
            del self._waiting[:ripe]
        return [self.paths.stepped(step) if step.address in self._local else None for step in steps]

    @property
    def lost(self) -> int:
        """Changes of state for which the tracepoint had no room."""
        return 0 if self._tracepoint is None else self._tracepoint.lost

    def states(self, row: Any) -> tuple[str | None, str | None]:
        """The kernel's state of the client and of the server; "none" for a local end without a socket. None for one elsewhere, and
        where a later connection has taken the addresses: of the earlier nothing can be asked any more."""
        client, server = _ends(row)
        return self._state(client, row.stream), self._state(server, row.stream)

    def _state(self, end: End, stream: int) -> str | None:
        if end.address not in self._local or self._replaced(end, stream):
            return None
        return self._sockets.get(end, "none")

    def _replaced(self, end: End, stream: int) -> bool:
        path = self.paths.of(end)
        return path is not None and path.stream not in (None, stream)

    def replaced(self, row: Any) -> int:
        """Of how many local ends of a connection nothing can be asked, because a later one has their addresses and ports."""
        return sum(end.address in self._local and self._replaced(end, row.stream) for end in _ends(row))

    def compare(self, line: Line, now_ns: int) -> list[tuple[str, str | None, str, bool]]:
        """For each local end: its role, the wire's state, the kernel's, and whether they differ though the wire is quiet."""
        out = []
        for role, end, says in zip(("client", "server"), _ends(line.row), self.states(line.row), strict=True):
            if says is not None:
                shows = getattr(line.row, f"{role}_state")
                same = says == shows or (says == "none" and shows in _NO_SOCKET)
                out.append((role, shows, says, not (same and self._same_way(end)) and now_ns - line.last_ns >= QUIET_NS))
        return out

    def _same_way(self, end: End) -> bool:
        """Whether an end came by the same way to where it is, as far as the tracepoint tells."""
        path = self.paths.of(end)
        return path is None or not path.both or path.agree


def _ends(row: Any) -> tuple[End, End]:
    """The client and the server of a row of the table `connections`."""
    client, server = (row.client, row.client_port), (row.server, row.server_port)
    return End(*client, *server), End(*server, *client)


def verdict(kernel: Kernel, lines: Iterable[Line], now_ns: int) -> list[str]:
    """How the two agree at the end, in lines: one for all that agree, one for each end that does not."""
    agree = moving = replaced = 0
    differ = []
    for line in lines:
        replaced += kernel.replaced(line.row)
        for role, shows, says, different in kernel.compare(line, now_ns):
            same = says == shows or (says == "none" and shows in _NO_SOCKET)
            if different and not same:
                differ.append(f"#{line.row.stream} {role}: the wire shows {shows or 'nothing'}, the kernel says {says}")
            elif same:
                agree += 1
            else:
                moving += 1
    total = agree + moving + len(differ)
    said = [f"kernel and wire: {total:,} local ends compared, {agree:,} agree" + (f", {moving:,} in motion" if moving else "")]
    if replaced:
        said[0] += f"; {replaced:,} not compared: later connections have their addresses and ports"
    said += _first(differ, len(differ))
    if kernel.without:
        return said
    paths = [path for path in kernel.paths if path.both]
    other = [f"#{path.stream} {path.side}: {path}" for path in paths if not path.agree]
    total, apart = len(paths) + kernel.paths.earlier, len(other) + kernel.paths.apart
    lost = f"; {kernel.lost:,} changes lost, so some of this is not known" if kernel.lost else ""
    said.append(f"states on the way: {total:,} local ends compared, {total - apart:,} agree{lost}")
    return said + _first(kernel.paths.earlier_apart + other, apart)


def _first(lines: list[str], total: int) -> list[str]:
    return lines[:_SHOWN] + ([f"and {total - _SHOWN:,} more that differ"] if total > _SHOWN else [])
