"""Why a segment was sent again: duplicate ACKs, SACK, RACK, a tail loss probe or the retransmission timer. Floor 3.

Times are those of the capture point. A timer runs at the sender and its differences are the same everywhere; what an ACK
provokes is seen later by the round trip between capture point and sender (`home_ns`). Reading: RFC 5681 §3.2; RFC 6298 §2,
§5; RFC 6675 §4, §5; RFC 7323 §3, §4; RFC 8985 §6.2 (RACK), §7 (tail loss probe).
"""

from __future__ import annotations

from tcpinspect.insight.why.replay import Fact, Replay
from tcpinspect.protocol.seqnum import difference

# RFC 5681 §3.2: "The TCP sender SHOULD use the "fast retransmit" algorithm ... based on ... 3 duplicate ACKs".
DUP_THRESH = 3
# Linux, Windows and the BSDs wait at least 200 ms; RFC 6298 §2.4 asks for a second. Below it, less a tenth for the clock's
# ticks, a retransmission timeout is not to be expected.
LEAST_RTO_NS = 180_000_000
# RFC 8985 §7.2: with one segment in flight the probe also waits for the longest delay of an ACK; 200 ms is its default.
ACK_DELAY_NS = 200_000_000
# How long a host takes to answer an ACK with a retransmission.
ANSWER_NS = 5_000_000
# Without any measurement, what is late by less was overtaken (Wireshark's number).
REORDERED_NS = 3_000_000
SMALLEST_SEGMENT = 500


def round_trip(f: Fact) -> int | None:
    """The sender's round trip in ns: that of the handshake, or what was measured later if that is longer."""
    known = [n for n in (f.initial_rtt_ns, f.srtt_ns) if n is not None]
    return max(known) if known else None


def answer_limit(f: Fact) -> int:
    """How long after an ACK passed here its answer may pass."""
    return ANSWER_NS + f.home_ns * 5 // 4


def resent(f: Fact, replay: Replay) -> str:
    """The kind of a segment that carries octets again; notes the numbers compared in `f.notes`."""
    now = f.row.time_ns
    trip = round_trip(f)
    first = f.una is not None and f.begin <= f.una < f.end
    since_duplicate = None if f.last_duplicate is None else now - replay.time(f.last_duplicate)
    since_ack = None if f.last_ack is None else now - replay.time(f.last_ack)
    since_copy = None if f.previous is None else now - replay.time(f.previous)
    quiet = min((n for n in (since_copy, since_ack) if n is not None), default=None)
    alone = first and f.end == f.top
    asked = since_duplicate is not None and since_duplicate <= answer_limit(f)
    size = f.notes["segment"] = max(f.payload, SMALLEST_SEGMENT)
    lost_by_sack = f.sacked_above > (DUP_THRESH - 1) * size and not f.already_sacked
    overtaken = f.sack is not False and f.previous is not None and f.delivered is not None and f.delivered > f.previous
    f.notes.update(
        first_unacknowledged=first, since_duplicate_ns=since_duplicate, since_ack_ns=since_ack, since_copy_ns=since_copy, quiet_ns=quiet,
        round_trip_ns=trip, alone=alone, overtaken_by=f.delivered if overtaken else None, lost_by_sack=lost_by_sack,
        answer_limit_ns=answer_limit(f),
    )  # fmt: skip
    timer = f.since_timer_ns
    long_silence = first and timer is not None and timer >= max(LEAST_RTO_NS, trip or 0)
    if not f.recovery and asked and ((f.duplicates >= DUP_THRESH and first) or lost_by_sack):
        f.notes["starts_recovery"] = True
        return "fast-retransmission"
    if f.recovery and not long_silence:
        if since_ack is not None and since_ack <= answer_limit(f) and (first or f.sacked_above > 0):
            return "recovery-retransmission"
        if overtaken and trip is not None and since_copy is not None and since_copy >= trip * 9 // 10:
            return "rack-retransmission"
        return "recovery-retransmission" if first or f.sacked_above > 0 else "retransmission"
    if f.sack is not False and not f.recovery and f.end == f.top and f.copies == 1 and not f.duplicates and not f.sacked_above:
        # RFC 8985 §7.2: PTO = 2·SRTT, plus the longest delay of an ACK when one segment is in flight.
        if quiet is not None and trip is not None and quiet >= trip * 8 // 5:
            if not first or quiet < LEAST_RTO_NS:
                return "tail-loss-probe"
            # One segment in flight: probe and timeout come at nearly the same time; what follows may tell.
            f.notes["starts_recovery"] = True
            return "timer-retransmission"
    if long_silence:
        f.notes["starts_recovery"] = True
        return "rto-retransmission"
    if overtaken and trip is not None and since_copy is not None and since_copy >= trip * 9 // 10:
        f.notes["starts_recovery"] = True
        return "rack-retransmission"
    if first and f.sack is False and timer is not None and f.rto_ns is not None and timer >= f.rto_ns and not f.duplicates:
        f.notes["starts_recovery"] = True
        return "rto-retransmission"
    return "retransmission"


def late(f: Fact, replay: Replay) -> str:
    """The kind of a segment that is below what this side had sent, and was never seen before."""
    if f.hole is None:
        return "unknown"
    beyond = replay.facts[f.hole].row
    age = f.notes["hole_age_ns"] = f.row.time_ns - beyond.time_ns
    trip = round_trip(f)
    sent_later: bool | None = None
    if f.row.ts_val is not None and beyond.ts_val is not None:
        ticks = f.notes["ticks"] = difference(f.row.ts_val, beyond.ts_val)
        sent_later = None if ticks == 0 else ticks > 0
    if sent_later is None:
        if age < (trip * 9 // 10 if trip is not None else REORDERED_NS):
            # Nothing can have told the sender of the hole yet.
            sent_later = False
        elif f.duplicates >= DUP_THRESH or (trip is not None and age >= trip + LEAST_RTO_NS):
            sent_later = True
    if sent_later is None:
        return "unknown"
    if not sent_later:
        return "reordered"
    f.notes["original_unseen"] = True
    return resent(f, replay)
