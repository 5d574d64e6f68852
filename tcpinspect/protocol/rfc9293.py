"""The state machine of TCP, each arc once. Floor 0. Reading: RFC 9293 §3.3.2 (figure 5), §3.10.

`TRANSITIONS` is the only place that spells a transition. The engine reads it as a dense array (`next_states`), the
lab's endpoint as a dictionary (`BY_STATE_AND_EVENT`: a missing key is the protocol error), plots and documentation as
a list. An event is seen from the endpoint whose state changes: what its user asked for, what it received, or a timer.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class _Named(IntEnum):
    def __str__(self) -> str:
        return self.name.replace("_", "-")


class State(_Named):
    """The eleven states of RFC 9293 §3.3.2, printed as the RFC spells them."""

    CLOSED = 0
    LISTEN = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    ESTABLISHED = 4
    FIN_WAIT_1 = 5
    FIN_WAIT_2 = 6
    CLOSE_WAIT = 7
    CLOSING = 8
    LAST_ACK = 9
    TIME_WAIT = 10


class Event(_Named):
    """What moves an endpoint. A RCV event is a segment accepted by the rules of §3.10.7.4, not merely seen."""

    CAPTURE_START = 0
    OPEN_PASSIVE = 1
    OPEN_ACTIVE = 2
    SEND = 3
    CLOSE = 4
    ABORT = 5
    RCV_SYN = 6
    RCV_SYN_ACK = 7
    RCV_ACK = 8
    RCV_ACK_OF_SYN = 9
    RCV_ACK_OF_FIN = 10
    RCV_FIN = 11
    RCV_FIN_ACK_OF_FIN = 12
    RCV_RST = 13
    RCV_ICMP = 14
    TIMEOUT_USER = 15
    TIMEOUT_2MSL = 16


class Evidence(IntEnum):
    """How we know of a step, weakest first."""

    assumed = 0  # nothing on the wire shows it
    inferred = 1  # deduced from what the side sent or acknowledged later
    observed = 2  # a captured segment does it

    def __str__(self) -> str:
        return self.name


class Transition(NamedTuple):
    """One arc: in `state`, on `event`, send `sends`, go `to`. `section` is of RFC 9293 unless it names another."""

    state: State
    event: Event
    sends: str
    to: State
    section: str


S, E = State, Event

# §3.10.1–§3.10.5 are the user's calls, §3.10.7 what arrives, §3.10.8 the timers.
TRANSITIONS: tuple[Transition, ...] = (
    Transition(S.CLOSED, E.OPEN_PASSIVE, "", S.LISTEN, "3.10.1"),
    Transition(S.CLOSED, E.OPEN_ACTIVE, "SYN", S.SYN_SENT, "3.10.1"),
    Transition(S.LISTEN, E.OPEN_ACTIVE, "SYN", S.SYN_SENT, "3.10.1"),
    Transition(S.LISTEN, E.SEND, "SYN", S.SYN_SENT, "3.10.2"),
    Transition(S.LISTEN, E.CLOSE, "", S.CLOSED, "3.10.4"),
    Transition(S.LISTEN, E.ABORT, "", S.CLOSED, "3.10.5"),
    Transition(S.LISTEN, E.RCV_SYN, "SYN,ACK", S.SYN_RECEIVED, "3.10.7.2"),
    Transition(S.SYN_SENT, E.CLOSE, "", S.CLOSED, "3.10.4"),
    Transition(S.SYN_SENT, E.ABORT, "", S.CLOSED, "3.10.5"),
    Transition(S.SYN_SENT, E.RCV_SYN_ACK, "ACK", S.ESTABLISHED, "3.10.7.3"),
    Transition(S.SYN_SENT, E.RCV_SYN, "SYN,ACK", S.SYN_RECEIVED, "3.10.7.3"),
    Transition(S.SYN_SENT, E.RCV_RST, "", S.CLOSED, "3.10.7.3"),
    Transition(S.SYN_SENT, E.RCV_ICMP, "", S.CLOSED, "3.9.2.2"),
    Transition(S.SYN_RECEIVED, E.RCV_ACK_OF_SYN, "", S.ESTABLISHED, "3.10.7.4"),
    Transition(S.SYN_RECEIVED, E.RCV_FIN, "ACK", S.CLOSE_WAIT, "3.10.7.4"),
    Transition(S.SYN_RECEIVED, E.RCV_SYN, "", S.LISTEN, "3.10.7.4"),
    # A passive open goes back to LISTEN; that is the listening socket's state, the connection itself is no more.
    Transition(S.SYN_RECEIVED, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.SYN_RECEIVED, E.CLOSE, "FIN", S.FIN_WAIT_1, "3.10.4"),
    Transition(S.SYN_RECEIVED, E.ABORT, "RST", S.CLOSED, "3.10.5"),
    Transition(S.ESTABLISHED, E.CLOSE, "FIN", S.FIN_WAIT_1, "3.10.4"),
    Transition(S.ESTABLISHED, E.RCV_FIN, "ACK", S.CLOSE_WAIT, "3.10.7.4"),
    Transition(S.ESTABLISHED, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.ESTABLISHED, E.ABORT, "RST", S.CLOSED, "3.10.5"),
    Transition(S.FIN_WAIT_1, E.RCV_ACK_OF_FIN, "", S.FIN_WAIT_2, "3.10.7.4"),
    Transition(S.FIN_WAIT_1, E.RCV_FIN, "ACK", S.CLOSING, "3.10.7.4"),
    Transition(S.FIN_WAIT_1, E.RCV_FIN_ACK_OF_FIN, "ACK", S.TIME_WAIT, "3.10.7.4"),
    Transition(S.FIN_WAIT_1, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.FIN_WAIT_1, E.ABORT, "RST", S.CLOSED, "3.10.5"),
    Transition(S.FIN_WAIT_2, E.RCV_FIN, "ACK", S.TIME_WAIT, "3.10.7.4"),
    Transition(S.FIN_WAIT_2, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.FIN_WAIT_2, E.ABORT, "RST", S.CLOSED, "3.10.5"),
    Transition(S.CLOSE_WAIT, E.CLOSE, "FIN", S.LAST_ACK, "3.10.4"),
    Transition(S.CLOSE_WAIT, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.CLOSE_WAIT, E.ABORT, "RST", S.CLOSED, "3.10.5"),
    Transition(S.CLOSING, E.RCV_ACK_OF_FIN, "", S.TIME_WAIT, "3.10.7.4"),
    Transition(S.CLOSING, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.CLOSING, E.ABORT, "", S.CLOSED, "3.10.5"),
    Transition(S.LAST_ACK, E.RCV_ACK_OF_FIN, "", S.CLOSED, "3.10.7.4"),
    Transition(S.LAST_ACK, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.LAST_ACK, E.ABORT, "", S.CLOSED, "3.10.5"),
    Transition(S.TIME_WAIT, E.RCV_RST, "", S.CLOSED, "3.10.7.4"),
    Transition(S.TIME_WAIT, E.RCV_SYN, "SYN,ACK", S.SYN_RECEIVED, "3.10.7.4"),
    Transition(S.TIME_WAIT, E.TIMEOUT_2MSL, "", S.CLOSED, "3.10.8"),
    Transition(S.TIME_WAIT, E.ABORT, "", S.CLOSED, "3.10.5"),
    # §3.10.8: "For any state if the user timeout expires, flush all queues, ... and return."
    Transition(S.SYN_SENT, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.SYN_RECEIVED, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.ESTABLISHED, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.FIN_WAIT_1, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.FIN_WAIT_2, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.CLOSE_WAIT, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.CLOSING, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
    Transition(S.LAST_ACK, E.TIMEOUT_USER, "", S.CLOSED, "3.10.8"),
)

BY_STATE_AND_EVENT: dict[tuple[State, Event], Transition] = {(t.state, t.event): t for t in TRANSITIONS}

NO_TRANSITION = -1


def next_states() -> list[int]:
    """The table as a dense array: entry `state * len(Event) + event` is the next state, or NO_TRANSITION."""
    dense = [NO_TRANSITION] * (len(State) * len(Event))
    for t in TRANSITIONS:
        dense[t.state * len(Event) + t.event] = int(t.to)
    return dense
