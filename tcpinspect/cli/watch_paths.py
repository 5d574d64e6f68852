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
_MOST_TOLD = 100  # earlier ends that went another way, the first
_AHEAD = 4  # connections on the same addresses that the kernel may have begun before the wire shows the second
_BEGINNINGS = ("SYN-SENT", "SYN-RECEIVED", "LISTEN")


class End(NamedTuple):
    """A local end and whom it talks to."""

    address: str
    port: int
    peer_address: str
    peer_port: int


@dataclass(slots=True)
class Walk:
    """What the kernel set of one socket: states and times. `midway`: the first is not known to be the first."""

    socket: int
    states: list[tuple[str, int]] = field(default_factory=list)
    midway: bool = False


@dataclass(slots=True)
class Path:
    """What an end went through: states and times, by the wire and by the kernel, which may already be one connection ahead: `walks`."""

    stream: int | None = None
    side: str = ""
    wire: list[tuple[str, int | None]] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)

    @property
    def kernel(self) -> list[tuple[str, int]]:
        """The kernel's states of the connection that the wire shows."""
        return self.walks[0].states if self.walks else []

    @property
    def both(self) -> bool:
        """Whether there is something to compare."""
        return self.stream is not None and bool(self.kernel)

    @property
    def agree(self) -> bool:
        """Whether both went the same way, as far as both can tell."""
        wire, kernel = _common([state for state, _ in self.wire]), _common([state for state, _ in self.kernel])
        return wire[len(wire) - len(kernel) :] == kernel if self.walks and self.walks[0].midway else wire == kernel

    def gone(self, to_state: str, at_ns: int | None) -> int:
        """How many of the kernel's walks are of connections before the one that begins here now."""
        before = int(self.stream is not None)
        if not self.walks or at_ns is None or to_state not in _BEGINNINGS:
            return max(0, len(self.walks) - 1)
        began = [walk.states[0][1] for walk in self.walks]
        if to_state == "SYN-SENT":
            # The kernel sets that first, and then looks for a port: a while may pass until the SYN goes out. Its event tells no port, so
            # it is known with the next one only, and then it is behind us.
            own = [n for n, at in enumerate(began) if n >= before and at <= at_ns and not self.walks[n].midway]
            return own[-1] if own else before
        # Of a passive opening the kernel speaks at the third segment.
        return sum(at < at_ns for at in began)

    def __str__(self) -> str:
        kernel = " > ".join(state for state, _ in self.kernel)
        return f"on the wire {' > '.join(state for state, _ in self.wire)}, in the kernel {kernel}"


class Paths:
    """The paths of the ends that were heard of lately. Where a later connection has taken the addresses, the earlier one's path was
    compared when it did: `earlier` counts those, `earlier_apart` tells of those of them that did not agree, `apart` counts them."""

    def __init__(self) -> None:
        self._paths: OrderedDict[End, Path] = OrderedDict()
        self._unnamed: dict[int, StateChange] = {}
        self._latest_ns: int | None = None
        self.earlier = self.apart = 0
        self.earlier_apart: list[str] = []

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
        walks = self._path(End(change.address, port, change.peer_address, change.peer_port)).walks
        begins = str(change.from_state) in ("CLOSED", "LISTEN")
        # A socket gives its port back a moment before it is said to be closed: then the next one may already have begun.
        walk = None if begins else next((one for one in reversed(walks) if one.socket == change.socket), None)
        if walk is None:
            walk = Walk(change.socket, midway=not begins)
            walks.append(walk)
            del walks[1 : len(walks) - _AHEAD + 1]
        walk.states.append((str(change.to_state), change.time_ns))

    def stepped(self, step: Step) -> int | None:
        """Note a step that the wire shows. The time at which the kernel set that state; None where it has not said so (yet)."""
        path = self._path(End(step.address, step.port, step.peer_address, step.peer_port))
        if path.stream is not None and step.stream < path.stream:  # the end of a TIME-WAIT, when others have the addresses
            return None
        # A passive end enters LISTEN at no known time: before what is told next to it, which came with the SYN.
        self._latest_ns = step.time_ns or self._latest_ns
        if path.stream != step.stream:
            gone = path.gone(step.to_state, self._latest_ns)
            if gone:
                self._settle(path)
            path.stream, path.side, path.wire = step.stream, step.side, []
            del path.walks[:gone]
        if step.takes_back:
            del path.wire[-step.takes_back :]
        path.wire.append((step.to_state, step.time_ns))
        return next((time_ns for state, time_ns in reversed(path.kernel) if state == step.to_state), None)

    def _settle(self, path: Path) -> None:
        """Nothing more comes of the connection that an end had until now."""
        if not path.both:
            return
        self.earlier += 1
        if not path.agree:
            self.apart += 1
            if len(self.earlier_apart) < _MOST_TOLD:
                self.earlier_apart.append(f"#{path.stream} {path.side}: {path}")

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
