"""Resets: which rule made the sender send it, whether it was acceptable, whether its receiver obeyed. Floor 3.

Reading: RFC 9293 §3.5.1 (figures 9–11), §3.5.2 (reset generation), §3.5.3 (reset processing), §3.6.1, §3.8.3, §3.8.4,
§3.10.5 (ABORT), §3.10.7; RFC 5961 §3.2; RFC 1122 §4.2.2.13.
"""

from __future__ import annotations

from typing import NamedTuple

from tcpinspect.insight.why.moment import States
from tcpinspect.insight.why.replay import Fact, Replay
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

MANY_UNANSWERED = 2


def origin(f: Fact, replay: Replay, states: States) -> str:
    """The kind of a reset; notes in `f.notes` which segment it answers."""
    for at in f.own.recent:
        if replay.flags(at) & RST:
            return "reset-again"
    answers = f.notes["answers"] = answered(f, replay)
    side = "client" if f.row.from_client else "server"
    f.notes["state"] = states.state(side, f.row.frame)
    silent = not f.opened and f.syn_before is None
    if answers is not None:
        p = replay.facts[answers]
        if p.flags & SYN and not p.flags & ACK and silent:
            return "refusal"
        if not f.flags & ACK:
            if f.syn_before is not None and not f.opened:
                good = p.ack is not None and p.ack > f.syn_before and (f.top is None or p.ack <= f.top)
                return "reset-no-connection" if good else "reset-bad-ack"
            if f.fin_before is not None and p.payload:
                return "reset-data-after-close"
            return "reset-no-connection"
    if f.unanswered >= MANY_UNANSWERED:
        last = replay.facts[f.own.last] if f.own.recent else None
        if last is not None and last.kind == "keep-alive":
            return "reset-keep-alive-timeout"
        return "reset-timeout"
    if f.fin_before is not None and f.prompt is not None and replay.facts[f.prompt].payload:
        return "reset-data-after-close"
    if f.top is not None and f.begin == f.top:
        return "abort"
    if silent and f.prompt is None:
        return "reset-unknown"
    return "abort" if f.top is not None and f.una is not None and f.una <= f.begin <= f.top else "reset-unknown"


def answered(f: Fact, replay: Replay) -> int | None:
    """The segment that this reset answers, by RFC 9293 §3.5.2: its number is that segment's ACK, or its ACK that segment's end."""
    for at in reversed(f.other.recent):
        flags = replay.flags(at)
        if flags & RST:
            continue
        if f.una is not None and f.begin < f.una and f.opened and at != f.prompt:
            continue  # an old number: everything up to there had been acknowledged since
        if f.flags & ACK:
            if flags & (SYN | ACK) == SYN and f.ack == replay.facts[at].end:
                return at
        elif flags & ACK and replay.facts[at].row.ack_raw == f.row.seq_raw:
            return at
    return None


class Acceptance(NamedTuple):
    """`verdict`: exact, in window, outside, acceptable (SYN-SENT), unacceptable (SYN-SENT), unknown; the numbers; the section."""

    verdict: str
    low: int | None
    high: int | None
    edge: int | None
    source: str


def acceptance(f: Fact) -> Acceptance:
    """Whether the receiver had to take this reset. Positions are of the sender's numbers."""
    if f.peer_syn is not None and not f.peer_opened and not f.other.accepted:
        good = f.ack is not None and f.ack > f.peer_syn and (f.peer_top is None or f.ack <= f.peer_top)
        return Acceptance("acceptable" if good else "unacceptable", f.peer_syn, f.peer_top, None, "3.10.7.3")
    if f.una is None:
        return Acceptance("unknown", None, None, None, "RFC 5961 3.2")
    high = f.top if f.top is not None and f.top > f.una else f.una
    if f.begin in (f.una, high):
        verdict = "exact"
    elif f.una < f.begin < high:
        verdict = "exact or in window"
    elif f.edge is None:
        verdict = "unknown" if f.begin > high else "outside"
    else:
        verdict = "in window" if f.una <= f.begin < f.edge else "outside"
    return Acceptance(verdict, f.una, high, f.edge, "RFC 5961 3.2")


class Reaction(NamedTuple):
    """What the receiver did afterwards: obeyed, challenged, went on, unknown; the place of the segment that shows it."""

    verdict: str
    place: int | None


def reaction(f: Fact, facts: list[Fact], states: States) -> Reaction:
    """Whether the receiver obeyed, by what it sent later and by the timeline."""
    receiver = "server" if f.row.from_client else "client"
    challenged = None
    limit = max(f.initial_rtt_ns or 0, 2 * f.home_ns)
    for g in facts[f.index + 1 :]:
        if g.row.from_client == f.row.from_client or g.flags & RST:
            continue
        if g.flags & SYN and g.end == g.begin + 1 + g.payload and g.row.seq_raw != (g.own.base or 0) and g.newly == 0:
            break  # a new attempt
        if g.kind == "challenge-ack":
            challenged = g.index
        elif g.row.time_ns - f.row.time_ns > limit or (g.ack is not None and g.ack > f.begin):
            return Reaction("went on", g.index)
    if any(step.event == "RCV-RST" and step.side == receiver for step in states.steps(f.row.frame)):
        return Reaction("obeyed", None)
    if challenged is not None:
        return Reaction("challenged", challenged)
    return Reaction("silent", None)


def unread(f: Fact, facts: list[Fact]) -> int:
    """Octets that reached this side after it last sent data: what its program may have left unread."""
    since = f.last_data if f.last_data is not None else -1
    return sum(g.payload - min(g.again, g.payload) for g in facts[since + 1 : f.index] if g.row.from_client != f.row.from_client)


def has_closed(f: Fact) -> bool:
    """Whether the sender had sent its FIN."""
    return f.fin_before is not None or bool(f.flags & FIN)
