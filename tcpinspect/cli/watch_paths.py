"""The states that a local end went through: by the wire, and by the kernel's tracepoint. Floor 5.

The two cannot be the same word for word. The kernel says nothing of an opening that nobody completed; SYN-RECEIVED is set by it
only at the third segment; and it never says TIME-WAIT, nor when an orphan waits in FIN-WAIT-2: then it swaps the socket for a small
one and calls the old one CLOSED. sock_diag knows what becomes of those. The rest of both paths has to agree.
Reading: lab.kernel.tracepoint; tcp_set_state() and tcp_time_wait() of Linux.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tcpinspect.lab.kernel.tracepoint import StateChange
    from tcpinspect.model.watching import Step

_CLOSING = ("FIN-WAIT-1", "CLOSING")
_MOST = 100_000  # ends remembered


class End(NamedTuple):
    """A local end and whom it talks to."""

    address: str
    port: int
    peer_address: str
    peer_port: int


@dataclass(slots=True)
class Path:
    """What an end went through: (state, time) by the wire and by the kernel. `midway`: the kernel's begins in the middle."""

    stream: int | None = None
    side: str = ""
    wire: list[tuple[str, int | None]] = field(default_factory=list)
    kernel: list[tuple[str, int]] = field(default_factory=list)
    midway: bool = False
    told: int = 0  # of the kernel's changes, those that a step of the wire was told with


class Paths:
    """The paths of the ends that were heard of lately."""

    def __init__(self) -> None:
        self._paths: OrderedDict[End, Path] = OrderedDict()

    def _path(self, end: End) -> Path:
        path = self._paths.get(end)
        if path is None:
            path = self._paths[end] = Path()
            if len(self._paths) > _MOST:
                self._paths.popitem(last=False)
        return path

    def changed(self, changes: Iterable[StateChange]) -> None:
        """What the kernel set."""
        for change in changes:
            end = End(change.address, change.port, change.peer_address, change.peer_port)
            path = self._path(end)
            begins = str(change.from_state) in ("CLOSED", "LISTEN")
            if begins and path.kernel:  # the same addresses once more
                del self._paths[end]
                fresh = self._path(end)
                path = fresh
            if not path.kernel:
                path.midway = not begins
            path.kernel.append((str(change.to_state), change.time_ns))

    def stepped(self, step: Step) -> int | None:
        """A step that the wire shows; when the kernel set that state, None where it has not said so."""
        end = End(step.address, step.port, step.peer_address, step.peer_port)
        path = self._path(end)
        if path.stream != step.stream:
            path.stream, path.side = step.stream, step.side
            path.wire.clear()
        if step.takes_back:
            del path.wire[-step.takes_back :]
        path.wire.append((step.to_state, step.time_ns))
        for state, time_ns in reversed(path.kernel):
            if state == step.to_state:
                return time_ns
        return None

    def of(self, end: End) -> Path | None:
        """What is known of an end."""
        return self._paths.get(end)


def agree(path: Path) -> bool:
    """Whether both went the same way, as far as both can tell."""
    wire, kernel = _common([state for state, _ in path.wire]), _common([state for state, _ in path.kernel])
    if path.midway:
        return wire[len(wire) - len(kernel) :] == kernel
    return wire == kernel


def _common(states: Sequence[str]) -> list[str]:
    """The states of a path of which both would tell."""
    out: list[str] = []
    for state in states:
        if state in ("LISTEN", "FIN-WAIT-2", "TIME-WAIT") or (state == "CLOSED" and (not out or out[-1] in _CLOSING)):
            continue
        if not out or out[-1] != state:
            out.append(state)
    return [] if out in (["SYN-RECEIVED"], ["SYN-RECEIVED", "CLOSED"]) else out


def words(states: Sequence[tuple[str, int | None]]) -> str:
    """A path in a line."""
    return " > ".join(state for state, _ in states) or "nothing"
