"""The wire between two ends in real time: drain both, decide each packet's fate, deliver what is due. Wing lab.

    with KernelEnd("192.0.2.1") as left, KernelEnd("198.51.100.2") as right:
        relay = Relay(left, right, fate=lose_nth(SYN, 2), delay_ns=10_000_000)
        ...                                     # calls on the ends' sockets
        relay.run(until=lambda: server.accept().ok, seconds=5)
        relay.write("lost.pcap")

It needs no `tc netem`, and it knows what no host knows: of each packet when it was sent and when, if ever, it was delivered.
Both ends are drained before every delivery, or the order on the wire would not be the order of sending.
"""

from __future__ import annotations

import heapq
import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tcpinspect.lab.kernel.arcs import arrived

# How long the loop sleeps at most where an end cannot wake it, and between two looks at what the kernels' timers did.
_LOOK_SECONDS = 0.02


class End(Protocol):
    """One end of the wire: a `KernelEnd`, or an endpoint of our own behind the same four methods. Packets are whole IP packets."""

    def receive(self, packet: bytes, now: int) -> None:
        """A packet arrives."""

    def pending(self) -> list[bytes]:
        """What was sent since the last time."""

    def next_timer(self) -> int | None:
        """When `poll` must be called at the latest; None: nothing waits for it."""

    def poll(self, now: int) -> None:
        """Time has passed."""


@dataclass(slots=True)
class Carried:
    """A packet on the wire. `frame` is its number in the capture, from 1, in the order of sending.

    `sender` is 0 or 1, `departure` its number (from 0) among all that this sender sent. `deliveries` has, for each copy that
    came to the other end, when, and which arrival (number from 0) it was there: none for a lost packet.
    """

    frame: int
    sender: int
    departure: int
    sent_ns: int
    packet: bytes
    deliveries: list[tuple[int, int]] = field(default_factory=list)

    @property
    def flags(self) -> int:
        """The flag bits of its TCP header; 0 where it has none."""
        return arrived(self.packet).flags


Fate = Callable[[Carried], Sequence[tuple[int, bytes]]]
"""Decides about a packet: the copies that will be delivered, each with its extra delay in ns. Empty: it is lost."""


def faithful(carried: Carried) -> Sequence[tuple[int, bytes]]:
    """Delivers everything as it is."""
    return [(0, carried.packet)]


def lose_nth(flag: int, *numbers: int, sender: int | None = None) -> Fate:
    """A fate that loses exactly these of the segments with a flag, counted from 1 (of one sender, or of both together)."""
    count = 0

    def fate(carried: Carried) -> Sequence[tuple[int, bytes]]:
        nonlocal count
        if carried.flags & flag and sender in (None, carried.sender):
            count += 1
            if count in numbers:
                return []
        return faithful(carried)

    return fate


class Relay:
    """Joins two ends. `carried` is the whole history of the wire; each end's own truth grows meanwhile."""

    def __init__(self, left: End, right: End, *, fate: Fate = faithful, delay_ns: int = 0, clock: Callable[[], int] = time.time_ns) -> None:
        self.ends = (left, right)
        self.fate = fate
        self.delay_ns = delay_ns
        self.carried: list[Carried] = []
        self._clock = clock
        self._due: list[tuple[int, int, Carried, bytes]] = []
        self._departures = [0, 0]
        self._arrivals = [0, 0]
        self._copies = 0

    def drain(self) -> int:
        """Take what both ends have sent and decide its fate; how many packets that was."""
        taken = 0
        for sender, end in enumerate(self.ends):
            for packet in end.pending():
                taken += 1
                self._take(sender, packet)
        return taken

    def _take(self, sender: int, packet: bytes) -> None:
        now = self._clock()
        carried = Carried(len(self.carried) + 1, sender, self._departures[sender], now, packet)
        self._departures[sender] += 1
        self.carried.append(carried)
        for extra_ns, copy in self.fate(carried):
            # The running number keeps packets of the same instant in order.
            self._copies += 1
            heapq.heappush(self._due, (now + self.delay_ns + extra_ns, self._copies, carried, copy))

    def step(self) -> bool:
        """One round: timers, drain, at most one delivery. True when something moved."""
        moved = self.drain() > 0
        now = self._clock()
        if not self._due or self._due[0][0] > now:
            return moved
        _, _, carried, copy = heapq.heappop(self._due)
        receiver = 1 - carried.sender
        carried.deliveries.append((now, self._arrivals[receiver]))
        self._arrivals[receiver] += 1
        self.ends[receiver].receive(copy, now)
        self.drain()
        return True

    def run(self, *, until: Callable[[], bool] | None = None, seconds: float = 5.0) -> bool:
        """Carry packets until `until` says so, or for so long; returns whether it said so. `until` is asked after each round."""
        deadline = time.monotonic() + seconds
        while True:
            moved = self.step()
            if until is not None and until():
                return True
            if time.monotonic() >= deadline:
                return False
            if not moved:
                self._wait(deadline)

    def settle(self, *, quiet_ms: float = 20, seconds: float = 5.0) -> None:
        """Carry packets until nothing is under way and both ends have been silent for so long; or for `seconds` at most."""
        deadline = time.monotonic() + seconds
        silent_since = time.monotonic()
        while time.monotonic() < deadline:
            if self.step():
                silent_since = time.monotonic()
                continue
            if self._due:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since >= quiet_ms / 1000:
                return
            self._wait(min(deadline, time.monotonic() + quiet_ms / 1000))

    def _wait(self, deadline: float) -> None:
        """Sleep until an end has something to send, a delivery or a timer is due; then let the ends look at their clocks."""
        now = self._clock()
        moments = [self._due[0][0]] if self._due else []
        moments += [timer for end in self.ends if (timer := end.next_timer()) is not None]
        wait = min([_LOOK_SECONDS, deadline - time.monotonic(), *((moment - now) / 1e9 for moment in moments)])
        if wait > 0:
            wakers = [fileno() for end in self.ends if (fileno := getattr(end, "fileno", None)) is not None]
            if select.select(wakers, [], [], wait)[0]:
                return
        for end in self.ends:
            end.poll(self._clock())

    def write(self, path: str | os.PathLike[str]) -> None:
        """The capture, taken between the ends before any loss, raw IP with nanoseconds; the name's ending decides the format."""
        from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, create

        with create(path, [InterfaceToWrite(RAW_IP)]) as out:
            for one in self.carried:
                out.write(one.packet, one.sent_ns)
