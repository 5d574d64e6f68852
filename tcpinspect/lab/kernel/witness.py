"""A second witness beside sock_diag: the kernel's tracepoint, held against the states that were read. Needs root. Wing lab.

    with Witness() as second:
        played = play(scenario, "kernels", addresses=second.fresh_addresses())
        seen = second.account(played.wire.ends["A"].steps, played.ended_ns)
        seen.agreed, seen.compared, seen.differences, seen.quirks

The two see different things (`lab.kernel.tracepoint` says which), so the steps are first told as the tracepoint would tell
them; what it cannot tell is named and counted. Reading: <trace/events/sock.h>, tcp_set_state and tcp_time_wait of Linux.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Self

from tcpinspect.lab.kernel.tracepoint import BUFFER_PAGES, StateChange, Tracepoint
from tcpinspect.lab.timeline import Ends, TrueStep
from tcpinspect.protocol.rfc9293 import State

SMALL_SOCKET = "TIME-WAIT is a small socket of another kind: the tracepoint calls its beginning CLOSED, and its end nothing"
EMBRYO = "a connection that dies in SYN-RECEIVED was no socket yet: the tracepoint never names it"
PASSED = "FIN-WAIT-2 passed within one segment: only the tracepoint sees it"
CROWDED = "other connections of this machine filled the tracepoint's buffer: it is no witness to these"
_NEW = (State.CLOSED, State.LISTEN)


@dataclass
class Account:
    """How far both agree: of `compared` states that both can see `agreed`; what only one of them can see, by its name."""

    agreed: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)
    quirks: Counter[str] = field(default_factory=Counter)

    def add(self, other: Account) -> None:
        """Sum up."""
        self.agreed += other.agreed
        self.compared += other.compared
        self.differences += other.differences
        self.quirks += other.quirks


class Witness:
    """Watches the tracepoint for addresses that hardly anybody else uses: its events carry no namespace.

    A context manager; raises LabError where the tracepoint is closed.
    """

    def __init__(self, *, pages: int = BUFFER_PAGES) -> None:
        # RFC 2544's network for benchmarks.
        network = f"198.{18 + random.getrandbits(1)}.{random.randrange(256)}"
        hosts = [f"{network}.{number}" for number in range(1, 255)]
        self._tracepoint = Tracepoint(hosts, pages=pages)
        self._pairs = cycle(zip(hosts[::2], hosts[1::2], strict=True))
        self._changes: list[StateChange] = []
        self._missed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tracepoint.close()

    def fresh_addresses(self) -> tuple[str, str]:
        """Two for the next exchange: of one that is over the kernel may close sockets for some time yet."""
        self._tracepoint.take()
        self._changes.clear()
        self._missed = self._tracepoint.lost + self._tracepoint.full
        return next(self._pairs)

    def account(self, steps: Iterable[TrueStep], until_ns: int) -> Account:
        """Hold the steps of one kernel, as sock_diag showed them, against what the tracepoint saw since `fresh_addresses`.

        `until_ns` is the end of the exchange: what comes later is the closing of what was still open.
        """
        self._changes += self._tracepoint.take()
        if self._tracepoint.lost + self._tracepoint.full > self._missed:
            # Its events carry no network namespace: all sockets of the machine share the buffer.
            return Account(quirks=Counter({CROWDED: 1}))
        return compare(list(steps), [change for change in self._changes if change.time_ns <= until_ns])


def compare(steps: list[TrueStep], changes: list[StateChange]) -> Account:
    """The states of each connection by both witnesses, side by side in their order."""
    out = Account()
    read: dict[Ends, list[TrueStep]] = defaultdict(list)
    for step in steps:
        read[step.ends].append(step)
    set_by_kernel: dict[Ends, list[State]] = defaultdict(list)
    for change in changes:
        ends = Ends(*change[2:6])
        if ends in read and change.to_state != State.LISTEN:
            set_by_kernel[ends].append(change.to_state)
    for ends, own in read.items():
        out.add(_side_by_side(ends, _as_traced(own, out.quirks), set_by_kernel[ends]))
    return out


def _as_traced(steps: list[TrueStep], quirks: Counter[str]) -> list[State]:
    """The states that the tracepoint must have named, were the steps true."""
    out: list[State] = []
    embryo = gone = False
    for step in steps:
        if step.from_state in _NEW or (step.from_state == State.TIME_WAIT and step.to_state == State.SYN_RECEIVED):
            gone = False
        target = step.to_state
        if target == State.LISTEN and step.from_state == State.CLOSED:
            continue
        if embryo:
            # The socket is made at the third segment, and only then gets both names.
            embryo = False
            if target in _NEW:
                quirks[EMBRYO] += 1
                continue
            out.append(State.SYN_RECEIVED)
        if gone:
            quirks[SMALL_SOCKET] += target != State.TIME_WAIT
        elif target == State.SYN_RECEIVED and step.from_state != State.SYN_SENT:
            embryo = True
        else:
            gone = target in (State.TIME_WAIT, *_NEW)
            quirks[SMALL_SOCKET] += target == State.TIME_WAIT
            out.append(State.CLOSED if gone else target)
    if embryo:
        quirks[EMBRYO] += 1
    return out


def _side_by_side(ends: Ends, read: list[State], traced: list[State]) -> Account:
    out = Account(compared=len(read))
    at = 0
    for n, state in enumerate(traced):
        if at < len(read) and read[at] == state:
            out.agreed += 1
            at += 1
        elif state == State.FIN_WAIT_2 and n and traced[n - 1] == State.FIN_WAIT_1:
            out.quirks[PASSED] += 1
    if out.agreed < len(read) or len(traced) > len(read) + out.quirks[PASSED]:
        ways = [" ".join(map(str, way)) or "nothing" for way in (read, traced)]
        out.differences.append(f"{ends.address}:{ends.port}: sock_diag {ways[0]}, the tracepoint {ways[1]}")
    return out
