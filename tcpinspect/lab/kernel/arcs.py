"""Which arcs of the table lie between two states a kernel was seen in. Wing lab. Reading: RFC 9293 §3.10.

A reading shows states, not events. What happened right before it (a user's call, a segment, or nothing but time) leaves
one arc of the table, or a short path of them. Nothing here spells a transition: all is read from `TRANSITIONS`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from tcpinspect.protocol.header import ACK, RST, SYN
from tcpinspect.protocol.rfc9293 import TRANSITIONS, Event, State, Transition

Trigger = Literal["call", "arrival", "time"]

_CALLS = frozenset({Event.OPEN_ACTIVE, Event.OPEN_PASSIVE, Event.SEND, Event.CLOSE, Event.ABORT})
_TIMERS = frozenset({Event.TIMEOUT_USER, Event.TIMEOUT_2MSL})
_LONGEST_PATH = 3


class Arrived(NamedTuple):
    """What of a received packet decides: is it TCP (else an ICMP error), and its flags."""

    tcp: bool
    flags: int


def arrived(packet: bytes) -> Arrived:
    """Read that from an IP packet without further headers in between."""
    version = packet[0] >> 4 if packet else 0
    at, protocol = ((packet[0] & 0x0F) * 4, packet[9:10]) if version == 4 else (40, packet[6:7])
    if protocol != b"\x06" or len(packet) < at + 14:
        return Arrived(False, 0)
    return Arrived(True, packet[at + 13])


def is_syn(packet: bytes) -> bool:
    """A SYN without an ACK: what a listening socket answers."""
    found = arrived(packet)
    return found.tcp and found.flags & (SYN | ACK | RST) == SYN


def possible(trigger: Trigger, *, call: str = "", segment: Arrived | None = None) -> frozenset[Event]:
    """The events that can have happened."""
    if trigger == "time":
        return _TIMERS
    if trigger == "call":
        # shutdown and close are the RFC's CLOSE; only where the table has no CLOSE (unread data, linger) it was an ABORT.
        return _CALLS - {Event.CLOSE} if call == "abort" else _CALLS
    assert segment is not None
    if not segment.tcp:
        return frozenset({Event.RCV_ICMP})
    if segment.flags & RST:
        return frozenset({Event.RCV_RST})
    return frozenset(Event) - _CALLS - _TIMERS - {Event.RCV_RST, Event.RCV_ICMP, Event.CAPTURE_START}


def path(start: State, end: State, events: frozenset[Event]) -> list[Transition] | None:
    """The shortest path of the table along these events, preferring CLOSE to ABORT; None where there is none."""
    paths: list[list[Transition]] = [[]]
    for _ in range(_LONGEST_PATH):
        longer = []
        for so_far in paths:
            at = so_far[-1].to if so_far else start
            longer += [[*so_far, arc] for arc in TRANSITIONS if arc.state == at and arc.event in events]
        for found in longer:
            if found[-1].to == end:
                return found
        paths = longer
    return None


def between(start: State, end: State, events: frozenset[Event]) -> tuple[list[Transition], str | None]:
    """The arcs from one state to another, and a note where what happened does not explain them; no arcs: not in the table."""
    direct = next((arc for arc in TRANSITIONS if (arc.state, arc.to) == (start, end) and arc.event in events), None)
    if direct is not None:
        return [direct], None
    # Linux itself aborts what nobody can read any more: data that arrives after close.
    aborted = [arc for arc in TRANSITIONS if (arc.state, arc.to, arc.event) == (start, end, Event.ABORT)]
    if aborted:
        return aborted, "the kernel aborted by itself" if Event.ABORT not in events else None
    found = path(start, end, events)
    if found is not None:
        return found, None
    found = path(start, end, frozenset(Event))
    if found is not None:
        return found, "not by what was seen to happen"
    return [], f"the table of RFC 9293 has no way from {start} to {end}"
