"""Our own verdict on each segment of a connection: what made its sender send it. Floor 3.

`causes` gives one word of CAUSES a segment; what the capture cannot tell stays "retransmission", "timer-retransmission" or
"unknown". Wireshark's flags are not consulted. Reading: RFC 9293 §3.5.2, §3.8, §3.10.7.4; RFC 5681 §3.2; RFC 5961; RFC 6298
§5; RFC 6675 §4, §5; RFC 8985 §6, §7.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tcpinspect.insight.why.moment import States
from tcpinspect.insight.why.need import doubled, name_copies, settle
from tcpinspect.insight.why.replay import CONTROL, Fact, Replay
from tcpinspect.insight.why.resent import late, resent
from tcpinspect.insight.why.resets import origin
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

CAUSES: dict[str, str] = {
    "": "ordinary: new data, a first acknowledgment, a step of the handshake or of the close",
    "syn-retransmission": "the SYN again: no answer came in time",
    "stray-syn": "a SYN inside an open connection: an old duplicate, a forgery, or its sender has begun anew",
    "syn-ack-retransmission": "the SYN-ACK again: the last step of the handshake did not come, or the SYN came again",
    "syn-ack-of-simultaneous-open": "the answer to a SYN that crossed this side's own SYN: it repeats the number, but is no retransmission",
    "fin-retransmission": "the FIN again: it was not acknowledged in time",
    "fast-retransmission": "sent again because duplicate ACKs or SACK blocks said that it is missing, before any timer",
    "recovery-retransmission": "sent again in the course of a recovery that an earlier retransmission had begun",
    "rack-retransmission": "sent again because something sent later had arrived, and more than a round trip had passed",
    "tail-loss-probe": "the last segment again after about two silent round trips, to provoke an acknowledgment",
    "rto-retransmission": "sent again because the retransmission timer expired",
    "timer-retransmission": "sent again by a timer: retransmission timeout or tail loss probe, both fit",
    "spurious-retransmission": "sent again without need: an earlier copy had arrived, as a later segment proves",
    "retransmission": "sent again; what made the sender do so is not to be seen",
    "reordered": "sent in its place and overtaken on the way to the capture point",
    "unknown": "fills a hole: a retransmission or overtaken on the way, the capture cannot tell",
    "capture-duplicate": "the same packet a second time, made by the capture and not by TCP",
    "network-duplicate": "the same packet a second time, and the receiver got both",
    "duplicated-packet": "the same packet a second time, made by the network or by the capture",
    "keep-alive": "one octet back and nothing new: asks whether the other side is still there",
    "keep-alive-ack": "answers a keep-alive",
    "window-probe": "asks whether a window that was closed is open again",
    "window-probe-ack": "answers a window probe",
    "zero-window": "announces that there is no room for more",
    "window-update": "announces another window and acknowledges nothing new",
    "duplicate-ack": "asks again for the octet it misses, because something behind it arrived",
    "d-sack": "reports octets that arrived twice",
    "duplicate-data-ack": "answers octets that had arrived before",
    "handshake-ack-again": "answers a repeated SYN-ACK",
    "challenge-ack": "answers a SYN, a reset or an acknowledgment that does not fit the connection, and asks whether it was meant",
    "refusal": "refuses to connect: nobody accepts connections on the port",
    "reset-no-connection": "answers a segment that belongs to no connection its receiver knows",
    "reset-bad-ack": "answers an acknowledgment of something never sent, before the handshake was complete",
    "reset-data-after-close": "answers data for a program that has closed",
    "reset-keep-alive-timeout": "gives up: several keep-alives were not answered",
    "reset-timeout": "gives up: several retransmissions were not answered",
    "abort": "breaks the connection off: its program wished so, or closed without having read all",
    "reset-again": "a reset after a reset of the same side",
    "reset-unknown": "a reset; what made its sender send it is not to be seen",
}  # fmt: skip

_AGAIN = {"fast-retransmission", "recovery-retransmission", "rack-retransmission", "tail-loss-probe", "rto-retransmission",
          "timer-retransmission", "retransmission"}  # fmt: skip


def causes(segments: Iterable[Any], timeline: Sequence[Any] = ()) -> list[str]:
    """The cause of each segment of one connection, rows of `segments` in order; `timeline` holds the connection's steps."""
    return [fact.cause for fact in judged(segments, timeline)]


def judged(segments: Iterable[Any], timeline: Sequence[Any] = ()) -> list[Fact]:
    """The facts of one connection's segments, with kind, cause and what later segments say of them."""
    replay, states = Replay(), States(timeline)
    for row in segments:
        fact = replay.step(row)
        fact.kind = fact.cause = kind_of(fact, replay, states)
        replay.done(fact)
    settle(replay.facts)
    if doubled(replay.facts):
        name_copies(replay.facts)
    final(replay.facts)
    return replay.facts


def final(facts: Iterable[Fact]) -> None:
    """Set `cause`: the kind, or what the segments that followed say of it."""
    for fact in facts:
        need = fact.notes.get("needed")
        fact.cause = fact.kind
        if fact.kind in _AGAIN:
            if not fact.payload and fact.flags & FIN:
                fact.cause = "fin-retransmission"
            elif need is False:
                fact.cause = "spurious-retransmission"


def kind_of(f: Fact, replay: Replay, states: States) -> str:
    """What kind of segment this is, by what came before it."""
    flags = f.flags
    if f.twin is not None:
        return "duplicated-packet"
    if flags & RST:
        return origin(f, replay, states)
    if flags & SYN:
        return _syn(f)
    if not flags & CONTROL and f.payload <= 1:
        if f.probe or (f.top is not None and _looks_back(f)):
            return "window-probe" if f.peer_window_raw == 0 else "keep-alive"
    if f.end > f.begin:
        return _carrier(f, replay)
    return _pure_ack(f, replay) if flags & ACK else ""


def _looks_back(f: Fact) -> bool:
    """One octet before what is to come (RFC 9293 §3.8.4), or, into a closed window, before what is to be acknowledged."""
    if f.begin == (f.top or 0) - 1:
        return f.payload == 0 or not f.again
    return f.payload == 0 and f.peer_window_raw == 0 and f.una is not None and f.begin == f.una - 1


def _syn(f: Fact) -> str:
    if f.syn_before is None:
        return ""
    if f.opened and not f.flags & ACK:
        return "stray-syn"
    if f.flags & ACK:
        return "syn-ack-retransmission" if f.accepted_before else "syn-ack-of-simultaneous-open"
    return "syn-retransmission"


def _carrier(f: Fact, replay: Replay) -> str:
    """A segment with data or FIN."""
    if f.again:
        # the octet of a probe, with the data that it announced
        if f.again == 1 < f.payload and f.previous is not None and replay.facts[f.previous].probe:
            return ""
        return resent(f, replay)
    if f.top is not None and f.begin < f.top:
        return late(f, replay)
    return ""


def _pure_ack(f: Fact, replay: Replay) -> str:
    answered = replay.prompt(f)
    if answered is not None and answered.flags & (SYN | ACK | RST) == SYN and (f.opened or f.ack != answered.end):
        return "challenge-ack"
    if f.newly or f.acked_before is None:
        return "zero-window" if f.row.window_raw == 0 else ""
    if answered is not None:
        if answered.kind in ("keep-alive", "window-probe"):
            return "zero-window" if f.row.window_raw == 0 and f.window_before != 0 else f"{answered.kind}-ack"
        if answered.flags & SYN and f.opened:
            return "handshake-ack-again" if answered.kind == "syn-ack-retransmission" else "challenge-ack"
        if answered.flags & RST or _acknowledges_too_much(answered):
            return "challenge-ack"
    if f.dsack is not None:
        return "d-sack"
    if f.row.window_raw == 0:
        return "zero-window"
    if f.duplicate_number or f.new_sack:
        return "duplicate-ack"
    if f.row.window_raw != f.window_before:
        return "window-update"
    for at in reversed(f.other.recent):
        again = replay.facts[at]
        if again.again and f.ack is not None and again.end <= f.ack and not again.notes.get("answered"):
            again.notes["answered"] = f.index
            f.notes["answers"] = at
            return "duplicate-data-ack"
    return ""


def _acknowledges_too_much(f: Fact) -> bool:
    """RFC 9293 §3.10.7.4: an acknowledgment of something not yet sent is answered with an ACK."""
    return f.ack is not None and f.peer_top is not None and f.ack > f.peer_top and f.peer_opened
