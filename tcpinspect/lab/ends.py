"""What a wire joins: the interface of an end, and our own endpoint behind it. Wing lab. Reading: RFC 9293 §3.1 (checksum), §3.10.7.1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tcpinspect.lab.endpoint import Endpoint
from tcpinspect.lab.endpoint.events import EndpointEvent
from tcpinspect.lab.endpoint.machine import Departure, reset_for
from tcpinspect.lab.packet import CE, ECT, NOT_ECT, unwrap, wrap
from tcpinspect.lab.timeline import Ends, TrueStep
from tcpinspect.protocol.rfc9293 import State

CRASHED = "the end had crashed and knew nothing of the connection any more"


class End(Protocol):
    """Whatever sends and receives IP packets: an `EndpointEnd`, a `kernel.KernelEnd`, a script.

    `real_time` ends have a clock of their own and can be waited for with select through a `fileno()`.
    """

    @property
    def real_time(self) -> bool: ...

    def receive(self, packet: bytes, now: int) -> None:
        """A whole IP packet arrives."""

    def pending(self, now: int) -> list[bytes]:
        """Let act what is due by now, and give what has to be sent, in its order; each packet once."""

    def next_timer(self) -> int | None:
        """When `pending` must be asked next, though nothing arrives; None: never, or the end's own business."""


# Called with the end, what its endpoint tells, and the time: the program above TCP.
Program = Callable[["EndpointEnd", EndpointEvent, int], None]


class EndpointEnd:
    """An `Endpoint` with the IP packets around its segments. `program` is told every event and may call the endpoint.

    What has a wrong checksum is not received. What is for another port, or from another peer than the endpoint's, meets no
    connection and is answered by a RST. `crash` forgets the connection without a word, as a reboot does: in `steps` that is a
    way to CLOSED which no arc of the table has.
    """

    real_time = False

    def __init__(self, endpoint: Endpoint, *, program: Program | None = None) -> None:
        self.endpoint = endpoint
        self.program = program
        self.events: list[EndpointEvent] = []
        self.departures = 0
        self.arrivals = 0
        self.not_received: list[int] = []  # numbers of arrivals with a wrong checksum
        self._lives: list[_Life] = [_Life(endpoint)]
        self._out: list[bytes] = []
        self.crashes: list[int] = []  # the times, where they were told
        self._asker = ""  # who sent what is being received: an endpoint without a peer answers there

    def crash(self, endpoint: Endpoint, now: int | None = None) -> None:
        """The machine starts again: the old endpoint is gone as it stands, this new one knows nothing."""
        if now is not None:
            self.crashes.append(now)
            self._lives[-1].crashed_ns = now
        self.endpoint = endpoint
        self._lives.append(_Life(endpoint))

    def receive(self, packet: bytes, now: int) -> None:
        """Give the segment to the endpoint, if its checksum is right."""
        number = self.arrivals
        self.arrivals += 1
        found = unwrap(packet)
        if found is None or not found.intact:
            self.not_received.append(number)
            return
        self._collect(now)
        segment, endpoint = found.segment, self.endpoint
        for_us = (found.destination, segment.dst_port) == endpoint.local
        if for_us and endpoint.remote in (None, (found.source, segment.src_port)):
            self._lives[-1].arrivals.append(number)
            self._asker = found.source
            endpoint.segment_arrives(segment, now, source=found.source, congested=found.ecn == CE)
        else:
            answer = reset_for(segment)
            if answer is not None:
                self._wrap(Departure(answer, False), found.destination, found.source)
        self._collect(now)

    def pending(self, now: int) -> list[bytes]:
        """Let the timers act that are due; the packets to send."""
        self.endpoint.poll(now)
        self._collect(now)
        out, self._out = self._out, []
        return out

    def next_timer(self) -> int | None:
        return self.endpoint.next_timer()

    @property
    def steps(self) -> list[TrueStep]:
        """The true timeline, with the numbers of this end's packets."""
        return [step for life in self._lives for step in life.steps()]

    def _collect(self, now: int) -> None:
        """Take what the endpoint has sent and told, until its program has nothing more to say."""
        life = self._lives[-1]
        while True:
            self._fetch(life)
            events = self.endpoint.take_events()
            if not events:
                return
            self.events += events
            for event in events:
                if self.program is not None:
                    self.program(self, event, now)

    def _fetch(self, life: _Life) -> None:
        remote = self.endpoint.remote
        for departure in self.endpoint.take_departures():
            life.departures.append(self.departures)
            life.peer = remote or life.peer
            self._wrap(departure, self.endpoint.local[0], (remote or life.peer)[0] or self._asker)

    def _wrap(self, departure: Departure, source: str, destination: str) -> None:
        self.departures += 1
        ecn = ECT if departure.ect else NOT_ECT
        self._out.append(wrap(departure.segment, source, destination, identification=self.departures, ecn=ecn))


class _Life:
    """An endpoint's time between two crashes: which of the end's packets were its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.arrivals: list[int] = []
        self.departures: list[int] = []
        self.peer = endpoint.remote or ("", 0)
        self.crashed_ns: int | None = None

    def steps(self) -> list[TrueStep]:
        ends = Ends(*self.endpoint.local, *self.peer)
        out = []
        for moved in self.endpoint.timeline:
            arrival = None if moved.arrival is None else self.arrivals[moved.arrival]
            sent = self.departures
            departure = sent[moved.departure] if moved.departure < len(sent) else (sent[-1] + 1 if sent else 0)
            step = (ends, moved.time_ns, moved.arc.state, moved.arc.to, moved.arc.event, arrival, departure, "endpoint")
            out.append(TrueStep(*step))  # type: ignore[arg-type]
        state = out[-1].to_state if out else State.CLOSED
        if self.crashed_ns is not None and state not in (State.CLOSED, State.LISTEN):
            # RFC 9293 §3.3.2: CLOSED is "the state when there is no TCB".
            departure = self.departures[-1] + 1 if self.departures else 0
            out.append(TrueStep(ends, self.crashed_ns, state, State.CLOSED, None, None, departure, "endpoint", True, "crash", CRASHED))
        return out
