"""A wire between two ends: it carries, delays, loses, doubles and spoils packets, and remembers all of it. Wing lab.

    a = EndpointEnd(Endpoint(("192.0.2.1", 4000), ("192.0.2.2", 80), iss=100))
    b = EndpointEnd(Endpoint(("192.0.2.2", 80), iss=300))
    wire = Wire(a, b, treatments=[rule("lose the second FIN from A")], tap="B")
    wire.at(0, b.endpoint.open_passive)            # called with the time, so many ns after the start
    wire.at(0, a.endpoint.open_active)
    wire.run()
    wire.write("out.pcap")                         # what the tap saw
    wire.crossings, wire.timeline()                # what was sent, what arrived and when; the states both ends went through

Between ends in memory time is virtual: `run` jumps from one event to the next, and the same wire gives the same capture, octet
for octet. Where an end is a kernel (`real_time`) the wire keeps the real time. Reading: RFC 9293 §3.10 (events).
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, PcapngWriter, create
from tcpinspect.errors import LabError
from tcpinspect.lab.ends import End
from tcpinspect.lab.fates import Passage, Traveller, Treatment
from tcpinspect.lab.packet import unwrap
from tcpinspect.lab.timeline import TrueStep
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, Event

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

Name = Literal["A", "B"]
TapPosition = Literal["A", "middle", "B"]
START_NS = 1_767_225_600 * 10**9  # 2026-01-01 00:00 UTC: captures need a date, and the same each time
INJECTED = -1  # the departure of a packet that somebody else sent
_DELAY_NS = 10_000_000
_HELD_NS = 1_000_000_000  # a packet held back passes at the latest then, if no other comes
_TOO_MANY = 200_000
_LOOK_NS = 20_000_000  # how often, at least, a kernel is asked what its timers did
# What a user's call sends: a step of these is seen in the first such segment.
_SPOKEN = {Event.OPEN_ACTIVE: SYN, Event.SEND: SYN, Event.CLOSE: FIN, Event.ABORT: RST}


@dataclass(slots=True)
class Copy:
    """One copy of a packet on its way. `frame` is its number in the tap's capture (from 1), `arrival` its number among all
    that the receiver got (from 0); None: never seen there."""

    packet: bytes
    lost: bool
    why: str
    frame: int | None = None
    arrival: int | None = None
    arrived_ns: int | None = None


@dataclass(slots=True)
class Crossing:
    """One packet that an end sent: `departure` is its number among that end's (from 0), `INJECTED` if it was sent in its name."""

    sender: Name
    departure: int
    sent_ns: int
    packet: bytes
    copies: list[Copy] = field(default_factory=list)

    @property
    def frame(self) -> int | None:
        """The first frame of the capture that shows it."""
        return min((copy.frame for copy in self.copies if copy.frame is not None), default=None)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the true timeline: of which end, and the frame of the capture that shows what did it (None: none does)."""

    end: Name
    step: TrueStep
    frame: int | None


class Wire:
    """Joins the ends `a` and `b`, which it names A and B. `delay_ns` is the time one way; treatments apply in their order.

    `tap` is where the capture is taken: at A, in the middle, at B. Times are ns since 1970. After `run`: `crossings` in the
    order of sending, `frames` as (time_ns, octets) in the order of the tap.
    """

    def __init__(
        self,
        a: End,
        b: End,
        *,
        delay_ns: int = _DELAY_NS,
        treatments: Sequence[Treatment] = (),
        tap: TapPosition = "middle",
        start_ns: int | None = None,
    ) -> None:
        self.ends: dict[Name, End] = {"A": a, "B": b}
        self.delay_ns, self.treatments, self.tap = delay_ns, list(treatments), tap
        self.real_time = a.real_time or b.real_time
        self.start_ns = start_ns if start_ns is not None else time.time_ns() if self.real_time else START_NS
        self.now = self.start_ns
        self.crossings: list[Crossing] = []
        self.frames: list[tuple[int, bytes]] = []
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = 0
        self._departures: dict[Name, int] = {"A": 0, "B": 0}
        self._arrivals: dict[Name, int] = {"A": 0, "B": 0}
        self._held: dict[Name, list[Callable[[], None]]] = {"A": [], "B": []}

    # What happens when.

    def at(self, after_ns: int, action: Callable[[int], Any]) -> None:
        """Call `action` with the time, so many ns after the start."""
        self._schedule(self.start_ns + after_ns, lambda: action(self.now))

    def inject(self, sender: Name, packet: bytes) -> None:
        """Put a packet on the wire in an end's name, without its knowing. The wire's treatments pass it by."""
        crossing = Crossing(sender, INJECTED, self.now, packet, [Copy(packet, False, "injected")])
        self.crossings.append(crossing)
        self._launch(crossing, crossing.copies[0], Passage(packet), 0)

    def run(self, for_ns: int = 3_600 * 10**9, *, until: Callable[[], bool] | None = None, quiet_ns: int | None = None) -> None:
        """Carry on until nothing is left to happen, or so many ns have passed since now.

        Earlier, when `until` says so (it is asked after everything that happens), or when nothing is under way and neither end
        has said anything for `quiet_ns`: of a kernel nobody knows whether it has more to say. Raises LabError when two ends in
        memory never stop talking.
        """
        if self.real_time:
            self.now = max(self.now, time.time_ns())
        end = self.now + for_ns
        moved, since = -1, self.now
        while True:
            self._pump()
            if until is not None and until():
                return
            count = len(self.crossings) + sum(self._arrivals.values())
            if count != moved:
                moved, since = count, self.now
            limit = end if quiet_ns is None or self._queue else min(end, since + quiet_ns)
            moment = self._next_moment()
            if self.real_time:
                moment = self._wait(limit if moment is None else min(moment, limit))
                if moment > limit and self._queue and self._queue[0][0] <= limit:
                    moment = limit  # woken up too late: what was due is done all the same
            if moment is None or moment > limit:
                self.now = limit if moment is not None else self.now
                return
            self.now = max(self.now, moment)
            if len(self.crossings) > _TOO_MANY:
                raise LabError(f"the ends have sent {_TOO_MANY} packets and do not stop: run the wire for a shorter time")
            if self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()

    def _next_moment(self) -> int | None:
        timers = [timer for end in self.ends.values() if (timer := end.next_timer()) is not None]
        return min([*timers, *(entry[0] for entry in self._queue[:1])], default=None)

    def _wait(self, until: int) -> int:
        """Sleep until then, but not long, or until an end with a descriptor has something to send; the time it is."""
        until = min(until, time.time_ns() + _LOOK_NS)
        descriptors = [end.fileno() for end in self.ends.values() if end.real_time and hasattr(end, "fileno")]
        select.select(descriptors, [], [], max(until - time.time_ns(), 0) / 10**9)
        return time.time_ns()

    def _schedule(self, moment: int, action: Callable[[], None]) -> None:
        self._numbers += 1
        heapq.heappush(self._queue, (moment, self._numbers, action))

    # The way of a packet.

    def _pump(self) -> None:
        """Take up what both ends have to send: before every delivery, or the order on the wire is not that of sending."""
        for name, end in self.ends.items():
            for packet in end.pending(self.now):
                self._carry(name, packet)

    def _carry(self, sender: Name, packet: bytes) -> None:
        crossing = Crossing(sender, self._departures[sender], self.now, packet)
        self._departures[sender] += 1
        self.crossings.append(crossing)
        found = unwrap(packet)
        passages = [Passage(packet)]
        for treatment in self.treatments:
            passages = treatment(Traveller(sender, found.segment if found else None), passages)
        waiting, self._held[sender] = self._held[sender], []
        frame = self._see(packet) if self.tap == sender else None
        for number, passage in enumerate(passages):
            copy = Copy(passage.packet, passage.lost, passage.why)
            # A copy made on the way was never at its sender's tap; the first one was.
            copy.frame = frame if number == 0 or frame is None else None
            crossing.copies.append(copy)
            self._launch(crossing, copy, passage, number)
        for release in waiting:
            release()

    def _launch(self, crossing: Crossing, copy: Copy, passage: Passage, number: int) -> None:
        """Set out for the tap in the middle and for the other end."""
        half = self.delay_ns // 2
        behind = 0 if passage.early else passage.delay_ns
        before = passage.delay_ns - behind

        def go() -> None:
            seen = self.tap == "middle" and (not (passage.lost and passage.early)) and (number == 0 or passage.early)
            if seen:
                shown = passage.packet if passage.early else crossing.packet
                self._schedule(self.now + half + before, lambda: self._middle(copy, shown))
            if not passage.lost:
                self._schedule(self.now + self.delay_ns + passage.delay_ns, lambda: self._arrive(crossing, copy))

        if passage.held and not passage.lost:
            self._hold(crossing.sender, go)
        else:
            go()

    def _hold(self, sender: Name, go: Callable[[], None]) -> None:
        gone: list[bool] = []

        def once() -> None:
            if not gone:
                gone.append(True)
                go()

        self._held[sender].append(once)
        self._schedule(self.now + _HELD_NS, once)

    def _middle(self, copy: Copy, packet: bytes) -> None:
        copy.frame = self._see(packet)

    def _arrive(self, crossing: Crossing, copy: Copy) -> None:
        receiver: Name = "B" if crossing.sender == "A" else "A"
        self._pump()
        if self.tap == receiver:
            copy.frame = self._see(copy.packet)
        copy.arrival, copy.arrived_ns = self._arrivals[receiver], self.now
        self._arrivals[receiver] += 1
        self.ends[receiver].receive(copy.packet, self.now)

    def _see(self, packet: bytes) -> int:
        self.frames.append((self.now, packet))
        return len(self.frames)

    # What it knows afterwards.

    def write(self, path: str | Path | BinaryIO, *, comment: str = "") -> None:
        """The tap's capture; `.pcap` or `.pcapng` by its name (pcapng to an open file), raw IP, nanoseconds."""
        with create(path, [InterfaceToWrite(RAW_IP, name=f"tap {self.tap}")], comment=comment) as out:
            for time_ns, packet in self.frames:
                out.write(packet, time_ns)

    def analysis(self) -> Analysis:
        """What the engine makes of the tap's capture."""
        import io

        from tcpinspect.model.analysis import analyze

        stream = io.BytesIO()
        with PcapngWriter(stream, [InterfaceToWrite(RAW_IP, name=f"tap {self.tap}")]) as out:
            for time_ns, packet in self.frames:
                out.write(packet, time_ns)
        found = analyze(stream.getvalue())
        found.name = f"the wire's tap ({self.tap})"
        return found

    def timeline(self) -> list[Step]:
        """The true steps of both ends in the order of time, for ends that know theirs (`steps`)."""
        out: list[Step] = []
        for name, end in self.ends.items():
            for step in getattr(end, "steps", ()):
                out.append(Step(name, step, self.frame_of(name, step)))
        return sorted(out, key=lambda entry: entry.step.time_ns)

    def frame_of(self, name: Name, step: TrueStep) -> int | None:
        """The frame that shows what did the step: the segment received, or the SYN, FIN or RST by which a call speaks."""
        if step.arrival is not None:
            for crossing in self.crossings:
                for copy in crossing.copies:
                    if crossing.sender != name and copy.arrival == step.arrival:
                        # A copy made behind the tap was there as the packet it is a copy of.
                        return copy.frame or crossing.frame
            return None
        arc = BY_STATE_AND_EVENT.get((step.from_state, step.event)) if step.event is not None else None
        # ABORT and CLOSE send nothing where there is no peer to tell (§3.10.4, §3.10.5): a later RST is the answer of CLOSED.
        if step.event not in _SPOKEN or (arc is not None and not arc.sends):
            return None
        return self._first_shown(name, step.departure, _SPOKEN[step.event])

    def _first_shown(self, name: Name, departure: int, flag: int) -> int | None:
        """The first frame with that segment or a repeat of it: repeats may overtake it, or be all that the tap saw."""
        frames, number = [], None
        for crossing in self.crossings:
            if crossing.sender != name or crossing.departure < departure:
                continue
            found = unwrap(crossing.packet)
            if found is not None and found.segment.flags & flag and number in (None, found.segment.seq):
                number = found.segment.seq
                frames.append(crossing.frame)
        return min((frame for frame in frames if frame is not None), default=None)
