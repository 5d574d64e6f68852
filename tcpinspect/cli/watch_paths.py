"""The states that local ends went through: by the wire, and by the kernel's tracepoint. Floor 5.

The two cannot be the same word for word. The kernel says nothing of an opening that nobody completed; it sets SYN-RECEIVED only at
the third segment; and it never says TIME-WAIT, nor that an orphan waits in FIN-WAIT-2: then it swaps the socket for a small one and
calls the old one CLOSED. sock_diag knows what becomes of those. The rest of both paths has to agree.
Reading: lab.kernel.tracepoint; tcp_set_state() and tcp_time_wait() of Linux.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tcpinspect.lab.kernel.tracepoint import StateChange
    from tcpinspect.model.watching import Step

_UNSAID = ("LISTEN", "FIN-WAIT-2", "TIME-WAIT")
_SWAPPED_AFTER = ("FIN-WAIT-1", "CLOSING")
_MOST = 100_000  # ends remembered, the latest
# The kernel sets a state up to this long before the segment that shows it: of an earlier connection on the same addresses is the rest.
_BEFORE_NS = 50_000_000


class End(NamedTuple):
    """A local end and whom it talks to."""

    address: str
    port: int
    peer_address: str
    peer_port: int


@dataclass(slots=True)
class Path:
    """What an end went through: states and times, by the wire and by the kernel. `midway`: the kernel's begins in the middle."""

    stream: int | None = None
    side: str = ""
    wire: list[tuple[str, int | None]] = field(default_factory=list)
    kernel: list[tuple[str, int]] = field(default_factory=list)
    midway: bool = False

    @property
    def both(self) -> bool:
        """Whether there is something to compare."""
        return self.stream is not None and bool(self.kernel)

    @property
    def agree(self) -> bool:
        """Whether both went the same way, as far as both can tell."""
        wire, kernel = _common([state for state, _ in self.wire]), _common([state for state, _ in self.kernel])
        return wire[len(wire) - len(kernel) :] == kernel if self.midway else wire == kernel

    def __str__(self) -> str:
        kernel = " > ".join(state for state, _ in self.kernel)
        return f"on the wire {' > '.join(state for state, _ in self.wire)}, in the kernel {kernel}"


class Paths:
    """The paths of the ends that were heard of lately."""

    def __init__(self) -> None:
        self._paths: OrderedDict[End, Path] = OrderedDict()
        self._unnamed: dict[int, StateChange] = {}

    def __iter__(self) -> Iterator[Path]:
        return iter(self._paths.values())

    def of(self, end: End) -> Path | None:
        """What is known of an end."""
        return self._paths.get(end)

    def changed(self, changes: Iterable[StateChange]) -> None:
        """What the kernel set, in the order in which it did."""
        for change in changes:
            if not change.port:  # on the way to SYN-SENT its port is not chosen yet: the socket's next change has it
                self._unnamed[change.socket] = change
                continue
            before = self._unnamed.pop(change.socket, None)
            for one in (before, change) if before is not None else (change,):
                self._change(one, change.port)
        while len(self._unnamed) > _MOST:
            del self._unnamed[next(iter(self._unnamed))]

    def _change(self, change: StateChange, port: int) -> None:
        path = self._path(End(change.address, port, change.peer_address, change.peer_port))
        begins = str(change.from_state) in ("CLOSED", "LISTEN")
        if begins or not path.kernel:
            path.kernel, path.midway = [], not begins
        path.kernel.append((str(change.to_state), change.time_ns))

    def stepped(self, step: Step) -> int | None:
        """Note a step that the wire shows. The time at which the kernel set that state; None where it has not said so (yet)."""
        path = self._path(End(step.address, step.port, step.peer_address, step.peer_port))
        if path.stream != step.stream:
            path.stream, path.side, path.wire = step.stream, step.side, []
            path.kernel = [one for one in path.kernel if step.time_ns is None or one[1] >= step.time_ns - _BEFORE_NS]
        if step.takes_back:
            del path.wire[-step.takes_back :]
        path.wire.append((step.to_state, step.time_ns))
        return next((time_ns for state, time_ns in reversed(path.kernel) if state == step.to_state), None)

    def _path(self, end: End) -> Path:
        path = self._paths.get(end)
        if path is None:
            path = self._paths[end] = Path()
            if len(self._paths) > _MOST:
                self._paths.popitem(last=False)
        return path


def _common(states: Sequence[str]) -> list[str]:
    """Those of the states of a path of which both would tell."""
    out: list[str] = []
    for state in states:
        swapped = state == "CLOSED" and (not out or out[-1] in _SWAPPED_AFTER)
        if state not in _UNSAID and not swapped and (not out or out[-1] != state):
            out.append(state)
    return out
