"""TCP's own rules tried on one segment, with the numbers they compare. Floor 3.

Reading: RFC 9293 §3.10.7.4 (table 6); RFC 5681 §2, §3.2; RFC 5961 §3, §5; RFC 6298 §2; RFC 6675 §4; RFC 8985 §6.2, §7.2.
"""

from __future__ import annotations

from tcpinspect.insight.phrases import count, duration, number
from tcpinspect.insight.why.flagged import Fired, Rule
from tcpinspect.insight.why.replay import CONTROL, Fact
from tcpinspect.insight.why.resent import ACK_DELAY_NS, DUP_THRESH, LEAST_RTO_NS
from tcpinspect.insight.why.resets import acceptance
from tcpinspect.protocol.header import ACK, RST, SYN

LINUX_LEAST_RTO_NS = 200_000_000


def rules_of(f: Fact) -> list[Rule]:
    """The rules of the RFCs that this segment touches."""
    out: list[Rule] = []
    if f.flags & RST:
        return [_reset_rule(f)]
    fits = _sequence(f)
    if fits is not None:
        out.append(fits)
    if f.ack is not None:
        out += _acknowledgment(f)
    if f.end > f.begin and (f.again or f.hole is not None or f.notes.get("hole_age_ns") is not None) and not f.flags & SYN:
        out += _repeats(f)
    return out


def _rel(f: Fact, position: int | None) -> int | None:
    return f.own.relative(position)


def _reset_rule(f: Fact) -> Rule:
    a = acceptance(f)
    if a.source.startswith("3."):
        compared = f"in SYN-SENT a reset counts if it acknowledges the SYN: ack {f.row.ack if f.flags & ACK else 'not set'}"
        fired: Fired = a.verdict == "acceptable"
        return Rule("reset in SYN-SENT", fired, compared, a.source, {"ack": f.row.ack})
    low, high, edge, seq = (_rel(f, p) for p in (a.low, a.high, a.edge, f.begin))
    expects = "unknown" if low is None else f"{low}" if low == high else f"between {low} (acknowledged) and {high} (sent)"
    room = "unknown" if edge is None else f"up to {edge}"
    near: Fired = "nearly" if a.verdict == "in window" else a.verdict.startswith("exact")
    compared = f"seq {seq}; the receiver expects {expects}, its window reaches {room}: {a.verdict}"
    return Rule("reset acceptable", near, compared, a.source, {"seq": seq, "rcv_nxt": low, "sent": high, "window_edge": edge})


def _sequence(f: Fact) -> Rule | None:
    """Table 6: is any of it inside the receiver's window?"""
    if f.una is None or f.flags & SYN:
        return None
    numbers = {"seq": _rel(f, f.begin), "end": _rel(f, f.end), "rcv_nxt": _rel(f, f.una), "window_edge": _rel(f, f.edge)}
    if f.begin < f.una and f.end <= f.una:
        compared = f"ends at {numbers['end']}, all below {numbers['rcv_nxt']}, which was acknowledged: not acceptable, answered with an ACK"
        return Rule("sequence number outside the window", True, compared, "3.10.7.4", numbers)
    if f.edge is None or f.end == f.begin:
        return None
    if f.begin >= f.edge and f.begin >= f.una:
        compared = f"begins at {numbers['seq']}, the window ends at {numbers['window_edge']}: not acceptable"
        return Rule("sequence number outside the window", True, compared, "3.10.7.4", numbers)
    room = f.edge - f.end
    if f.top is not None and f.end > f.top and room < max(f.payload, 1):
        compared = f"ends at {numbers['end']}, the window at {numbers['window_edge']}: {room} octets left"
        return Rule("window used up", room <= 0 or "nearly", compared, "3.8.6", {**numbers, "room": room})
    return None


def _acknowledgment(f: Fact) -> list[Rule]:
    assert f.ack is not None
    ack, sent, before = (f.other.relative(p) for p in (f.ack, f.peer_top, f.acked_before))
    numbers = {"ack": ack, "snd_nxt": sent, "snd_una": before}
    out = []
    if f.peer_top is not None and f.ack > f.peer_top:
        compared = f"ack {ack}, the other side had sent up to {sent}: never sent, or missing from the capture"
        out.append(Rule("acknowledges what was not sent", True, compared, "RFC 5961 5.2", numbers))
    elif f.newly:
        compared = f"ack {ack}, before {before}, sent {sent}: {count(f.newly, 'octet')} acknowledged"
        out.append(Rule("new acknowledgment", True, compared, "3.10.7.4", {**numbers, "octets": f.newly}))
    elif f.end == f.begin and f.acked_before is not None and f.ack == f.acked_before and f.flags & ACK:
        outstanding = 0 if f.peer_top is None else f.peer_top - f.ack
        held = (outstanding > 0, not f.flags & CONTROL, f.row.window_raw == f.window_before or f.new_sack, f.dsack is None)
        compared = f"ack {ack} again; {count(outstanding, 'octet')} outstanding; window field {f.row.window_raw}, before {f.window_before}"
        compared += "; SACK with news" if f.new_sack else "; D-SACK" if f.dsack is not None else ""
        if f.duplicate_number:
            compared += f"; number {f.duplicate_number}"
        fired: Fired = True if f.duplicate_number else "nearly" if sum(held) == 3 else False
        more = {"outstanding": outstanding, "window_raw": f.row.window_raw, "window_raw_before": f.window_before}
        out.append(Rule("duplicate acknowledgment", fired, compared, "RFC 5681 2", {**numbers, **more, "number": f.duplicate_number}))
    return out


def _repeats(f: Fact) -> list[Rule]:
    n, kind = f.notes, f.kind
    first = bool(n.get("first_unacknowledged"))
    trip, quiet, timer = n.get("round_trip_ns"), n.get("quiet_ns"), f.since_timer_ns
    out = []
    fast = kind == "fast-retransmission"
    since = n.get("since_duplicate_ns")
    if f.duplicates or fast:
        compared = f"{count(f.duplicates, 'duplicate ACK')} (threshold {DUP_THRESH}) of {'this' if first else 'another'} octet"
        compared += f", the last {duration(since)} ago" if since is not None else ""
        enough = f.duplicates >= DUP_THRESH
        fired: Fired = True if fast and enough and first else "nearly" if first or enough else False
        numbers = {"duplicate_acks": f.duplicates, "threshold": DUP_THRESH, "since_ns": since}
        out.append(Rule("fast retransmit", fired, compared, "RFC 5681 3.2", numbers))
    if f.sacked_above:
        limit = (DUP_THRESH - 1) * n.get("segment", 0)
        compared = f"{number(f.sacked_above)} octets behind it selectively acknowledged (more than {number(limit)} counts as lost)"
        fired = fast if f.sacked_above > limit else "nearly"
        if kind == "recovery-retransmission":
            fired = True
        out.append(Rule("lost by SACK", fired, compared, "RFC 6675 4", {"sacked_above": f.sacked_above, "limit": limit}))
    if n.get("overtaken_by") is not None and trip is not None:
        compared = f"something sent later has arrived; {duration(n['since_copy_ns'])} since this was sent, round trip {duration(trip)}"
        fired = True if kind == "rack-retransmission" else "nearly" if n["since_copy_ns"] >= trip * 9 // 10 else False
        out.append(Rule("RACK", fired, compared, "RFC 8985 6.2", {"since_copy_ns": n["since_copy_ns"], "round_trip_ns": trip}))
    if quiet is not None and trip is not None:
        out.append(_probe(f, quiet, trip))
    if timer is not None:
        rto = f.rto_ns
        expected = "unknown round trip"
        if rto is not None:
            expected = f"RTO by what was measured {duration(rto)}, in practice at least {duration(LINUX_LEAST_RTO_NS)}"
        compared = f"{duration(timer)} since the timer was started; {expected}" + ("" if first else "; not the first unacknowledged octet")
        fired = True if kind == "rto-retransmission" else "nearly" if first and timer >= LEAST_RTO_NS // 2 else False
        numbers = {"since_timer_ns": timer, "rto_ns": rto, "least_rto_ns": LINUX_LEAST_RTO_NS}
        out.append(Rule("retransmission timeout", fired, compared, "RFC 6298 5.4", numbers))
    age = n.get("hole_age_ns")
    if age is not None:
        ticks = n.get("ticks")
        clock = "" if ticks is None else "; equal timestamps"
        if ticks:
            clock = f"; its timestamp is {count(abs(ticks), 'tick')} {'older' if ticks < 0 else 'newer'}"
        compared = f"{duration(age)} behind the segment that left the hole" + clock
        out.append(Rule("fills a hole", True, compared, "RFC 7323 3", {"age_ns": age, "ticks": ticks, "round_trip_ns": trip}))
    return out


def _probe(f: Fact, quiet: int, trip: int) -> Rule:
    alone = bool(f.notes.get("alone"))
    wait = 2 * trip + (ACK_DELAY_NS if alone else 0)
    last = f.end == f.top
    compared = f"{duration(quiet)} of silence; probe after {duration(wait)} (2·SRTT{' + longest ACK delay' if alone else ''})"
    compared += "; the last octets sent" if last else "; not the last octets sent"
    compared += "; but in recovery, where no probe is sent" if f.recovery else ""
    near = last and (f.recovery or f.kind == "timer-retransmission")
    fired: Fired = True if f.kind == "tail-loss-probe" else "nearly" if near else False
    return Rule("tail loss probe", fired, compared, "RFC 8985 7.2", {"quiet_ns": quiet, "probe_ns": wait})
