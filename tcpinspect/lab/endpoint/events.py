"""What an endpoint tells: small immutable records, in the order in which things happened. Wing lab. Reading: RFC 9293 §3.9.1."""

from __future__ import annotations

from dataclasses import dataclass

from tcpinspect.protocol.rfc9293 import State, Transition


@dataclass(frozen=True, slots=True)
class Moved:
    """The endpoint went along one arc of the table.

    `arrival` is the number (from 0) of the received segment that did it, None for the user's calls and timers. `departure`
    is the number (from 0) of the first segment sent in or after this step: for an OPEN, a CLOSE or an ABORT that speaks,
    the SYN, FIN or RST is that one or, where data goes before, a later one.
    """

    time_ns: int
    arc: Transition
    arrival: int | None
    departure: int

    @property
    def from_state(self) -> State:
        return self.arc.state

    @property
    def to_state(self) -> State:
        return self.arc.to

    def __str__(self) -> str:
        return f"{self.arc.state} → {self.arc.to} ({self.arc.event})"


@dataclass(frozen=True, slots=True)
class Readable:
    """So many octets are ready for `receive`."""

    time_ns: int
    octets: int


@dataclass(frozen=True, slots=True)
class EndOfData:
    """The peer's FIN: "connection closing", no more data will come after what is readable."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class UrgentData:
    """The peer is in urgent mode up to (not including) this sequence number."""

    time_ns: int
    end_seq: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """All that the user has sent, and the FIN if there was one, has been acknowledged."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is no more, and the reason is not an orderly close; in the words of RFC 9293 §3.10."""

    time_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A received segment was not processed to its end; `arrival` is its number, `reason` the rule."""

    time_ns: int
    arrival: int
    reason: str


@dataclass(frozen=True, slots=True)
class Retransmitted:
    """Octets were sent again; `reason`: timeout, fast retransmit, probe or recovery."""

    time_ns: int
    seq: int
    length: int
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Repeats go unanswered: the threshold R1 is reached (§3.8.3, MUST-20)."""

    time_ns: int
    repeats: int


EndpointEvent = Moved | Readable | EndOfData | UrgentData | Acknowledged | Ended | Dropped | Retransmitted | Advice
