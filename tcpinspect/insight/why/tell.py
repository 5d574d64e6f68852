"""Retransmissions, acknowledgments and resets told in sentences. Floor 3.

Each function gives the sentences about one segment; the numbers come from its Fact. Reading: what cause, resent, need and
resets read.
"""

from __future__ import annotations

from tcpinspect.insight.phrases import count, duration, number, times
from tcpinspect.insight.why.moment import States
from tcpinspect.insight.why.replay import Fact
from tcpinspect.insight.why.resets import acceptance, has_closed, reaction, unread
from tcpinspect.protocol.header import ACK, FIN, SYN

_TRIGGER = {
    "fast-retransmission": "It is a fast retransmission: {duplicates} of octet {seq} had passed here{sacked}, "
    "the last {since_duplicate} before.",
    "recovery-retransmission": "It belongs to a recovery that an earlier retransmission began: "
    "the last ACK passed {since_ack} before{sacked}.",
    "rack-retransmission": "No ACK provoked it directly: frame {overtaken}, sent later than the copy before, had arrived, and {since_copy} "
    "since that copy are more than the round trip of {trip}.",
    "tail-loss-probe": "It is a tail loss probe: the last octets sent, again after {quiet} of silence, about two round trips of {trip}.",
    "rto-retransmission": "The retransmission timer expired: {timer} since it was started; by what was measured here the RTO is {rto} "
    "(stacks in use wait at least 200 ms, RFC 6298 a second).",
    "timer-retransmission": "A timer expired after {quiet} of silence: with one segment in flight a tail loss probe and the retransmission "
    "timeout come at nearly the same time, and nothing later tells them apart.",
    "retransmission": "What made the sender repeat it is not to be seen here: {duplicates} and {since_copy} since the copy before.",
}  # fmt: skip


def about_retransmission(f: Fact, facts: list[Fact]) -> list[str]:
    """What kind, after what, where the copy before went, whether it was needed."""
    out = []
    frame = _frames(facts)
    n = f.notes
    if f.flags & SYN:
        sent = [g for g in facts[: f.index] if g.row.from_client == f.row.from_client and g.begin == f.begin and g.flags & SYN]
        if sent:
            since, first = f.row.time_ns - sent[-1].row.time_ns, f.row.time_ns - sent[0].row.time_ns
            often = times(len(sent))
            out.append(f"It was sent {often} before: {duration(since)} after the copy before, {duration(first)} after the first.")
        asked = [g for g in facts[f.index + 1 - min(3, f.index + 1) : f.index] if g.kind == "syn-retransmission"]
        if f.flags & ACK and asked:
            out.append(f"The other side had repeated its SYN just before (frame {asked[-1].row.frame}).")
        return out
    if f.original is not None and f.previous is not None:
        which = f"was sent first in frame {frame(f.original)}, the copy before in frame"
        if f.original == f.previous:
            which = "was sent first in frame"
        elif f.copies == 1:
            which = f"was sent first in frames {frame(f.original)} to"
        ago = duration(f.row.time_ns - facts[f.previous].row.time_ns)
        what = (
            "This FIN"
            if not f.payload and f.flags & FIN
            else "This"
            if f.again == f.end - f.begin
            else f"{count(f.again, 'octet')} of this"
        )
        out.append(f"{what} {which} {frame(f.previous)}, {ago} before.")
        if not f.same_cut:
            fresh = f.end - f.begin - f.again
            rest = f"; {count(fresh, 'octet')} of it {'is' if fresh == 1 else 'are'} new" if fresh else ""
            out.append(f"It is cut differently from the original{rest}.")
    else:
        out.append("The original is not in the capture: it was lost before the capture point, or the capture missed it.")
    sacked = f" ({number(f.sacked_above)} octets behind it selectively acknowledged)" if f.sacked_above else ""
    overtaken = n.get("overtaken_by")
    words = {
        "duplicates": count(f.duplicates, "duplicate ACK"), "seq": f.own.relative(f.begin), "sacked": sacked,
        "since_duplicate": duration(n.get("since_duplicate_ns")), "since_ack": duration(n.get("since_ack_ns")),
        "since_copy": duration(n.get("since_copy_ns")), "trip": duration(n.get("round_trip_ns")), "quiet": duration(n.get("quiet_ns")),
        "timer": duration(f.since_timer_ns), "rto": duration(f.rto_ns), "overtaken": "" if overtaken is None else frame(overtaken),
    }  # fmt: skip
    out.append(_TRIGGER.get(f.kind, "").format(**words))
    if n.get("next_expiry_ns") is not None:
        kind = "not doubled, as after a probe" if f.kind == "tail-loss-probe" else "doubled, as after a timeout"
        out.append(f"The timer expired again {duration(n['next_expiry_ns'])} later: {kind}.")
    out.append(_need(f, facts))
    return [text for text in out if text]


def _need(f: Fact, facts: list[Fact]) -> str:
    n, frame = f.notes, _frames(facts)
    proof: str | None = n.get("proof")
    at: int | None = n.get("proof_index")
    answer = f if at is None else facts[at]
    by = f"frame {frame(at)}" if at is not None else "the other side"
    if proof == "acknowledged":
        return f"It was not needed: {by} had acknowledged up to {f.own.relative(f.una)} before, all of it included."
    if proof == "sacked":
        return "It was not needed, unless the receiver threw away what it had: a SACK block had reported all of it before."
    if proof == "d-sack":
        return f"It was not needed: {by} reports these octets as received twice (D-SACK). The copy before was late, not lost."
    if proof == "timestamp" and n.get("needed") is False:
        echo, mine = answer.row.ts_ecr, f.row.ts_val
        told = f"{by} acknowledges it and echoes timestamp {echo}, older than the {mine} of this copy"
        return f"It was not needed: {told}: an earlier one had arrived."
    if proof == "too-soon":
        took = duration(answer.row.time_ns - f.row.time_ns)
        return f"It was not needed: {by} acknowledges it after {took}, sooner than any round trip ({duration(f.rtt_min_ns)} at least)."
    where = "between the capture point and the receiver" if f.original is not None else "before the capture point"
    if proof == "timestamp":
        told = f"{by} acknowledges it and echoes timestamp {answer.row.ts_ecr}, this copy's or a later one's"
        return f"It was needed: {told}; the copy before was lost {where}."
    if proof == "lost-too":
        return f"It was needed, and was lost as well: {by} carries the octets again and is the copy whose timestamp is echoed."
    if proof == "sent-again":
        told = f"{by} carries the octets yet again, and the acknowledgment does not say which copy it answers"
        return f"Whether it was needed cannot be told: {told}."
    if proof == "acknowledged-later":
        told = f"{by} acknowledges it without a sign of which copy had arrived; no D-SACK came"
        return f"Whether it was needed cannot be told for certain: {told}."
    return "It is not acknowledged in this capture, so whether it was needed cannot be told."


def about_late(f: Fact, facts: list[Fact]) -> list[str]:
    """A segment that fills a hole, or is there twice."""
    if f.twin is not None:
        other = facts[f.twin].row
        text = f"Frame {other.frame} is the same to the last bit of header and checksum, {duration(f.row.time_ns - other.time_ns)} before."
        if f.kind == "network-duplicate":
            return [text, f"Frame {_frames(facts)(f.notes['proof_index'])} reports it as received twice (D-SACK): the network doubled it."]
        return [text, "No timer and no duplicate ACK can have repeated it so soon."]
    if f.hole is None:
        return ["It lies below what this side had sent, and the place was never seen empty."]
    beyond = facts[f.hole].row
    age, ticks = duration(f.notes.get("hole_age_ns")), f.notes.get("ticks")
    trip = duration(round_trip_of(f))
    out = [f"Frame {beyond.frame} had left this hole {age} before; none of these octets was seen earlier."]
    if ticks:
        how, order = ("older", "before") if ticks < 0 else ("newer", "after")
        out.append(f"Its timestamp is {count(abs(ticks), 'tick')} {how} than that frame's, so it was sent {order} it.")
    elif f.kind == "reordered":
        out.append(f"In that time nobody can have told the sender of the hole: the round trip is {trip}.")
    return out


def round_trip_of(f: Fact) -> int | None:
    """The longer of the handshake's round trip and the smoothed one (SRTT, RFC 6298 §2) in ns; None where neither is known."""
    known = [n for n in (f.initial_rtt_ns, f.srtt_ns) if n is not None]
    return max(known) if known else None


def about_ack(f: Fact, facts: list[Fact]) -> list[str]:
    """A segment that answers another one."""
    answers = f.notes.get("answers", f.prompt)
    if answers is None:
        return []
    p = facts[answers]
    took = duration(f.row.time_ns - p.row.time_ns)
    if f.kind == "challenge-ack":
        what = "a SYN" if p.flags & SYN else "a reset that is not exactly at the next number"
        if p.ack is not None and p.peer_top is not None and p.ack > p.peer_top:
            what = f"an acknowledgment of {p.row.ack}, while only {p.other.relative(p.peer_top)} had been sent"
        half = ""
        if not f.opened and p.flags & SYN:
            half = " Its numbers are of a connection that the other side does not know: half-open (figure 9)."
        told = f"It answers frame {p.row.frame}, {what} inside an open connection, {took} later"
        return [f"{told}: whoever meant that would now reset exactly (RFC 5961).{half}"]
    if f.kind in ("keep-alive-ack", "window-probe-ack", "handshake-ack-again", "duplicate-data-ack"):
        return [f"It answers frame {p.row.frame}, {took} later."]
    if f.kind == "duplicate-ack":
        told = f"The other side had octets up to {f.other.relative(f.peer_top)} on the way; {f.row.ack} is missing"
        return [f"{told}. It follows frame {p.row.frame}, {took} later."]
    if f.kind == "d-sack" and f.dsack is not None:
        low, high = (f.other.relative(x) for x in f.dsack)
        return [f"Octets {low} to {(high or 0) - 1} arrived twice."]
    return []


_ORIGINS = {
    "refusal": ("Nobody listens on the port: a SYN to a closed port is answered with RST, ACK of its number.", "3.5.2"),
    "reset-no-connection": (
        "Its number is the ACK of the segment it answers, and it carries no ACK: that is how a host answers a segment for which it "
        "has no connection.", "3.5.2",
    ),
    "reset-bad-ack": (
        "Its sender had not completed the handshake, and was sent an acknowledgment of something it never sent (figures 8 and 9).",
        "3.5.2",
    ),
    "reset-data-after-close": (
        "Its program had closed completely; data that comes then can be delivered to nobody, and is answered with a reset.", "3.6.1",
    ),
    "reset-keep-alive-timeout": ("{unanswered} keep-alives had gone unanswered: it gave the connection up.", "3.8.4"),
    "reset-timeout": ("{unanswered} retransmissions or probes had gone unanswered: it gave the connection up.", "3.8.3"),
    "abort": ("Its number is the next one its sender would use, so it is of its sender's own accord (ABORT).", "3.10.5"),
    "reset-again": ("Its sender had reset before.", "3.5.2"),
    "reset-unknown": ("Its number fits none of the rules for sending a reset: a middlebox or an attacker may have made it.", "3.5.2"),
}  # fmt: skip


def about_reset(f: Fact, facts: list[Fact], states: States) -> list[str]:
    """Why it was sent, whether it was acceptable, whether it was obeyed."""
    out = [_ORIGINS[f.kind][0].format(unanswered=f.unanswered)]
    if f.kind == "reset-unknown" and f.top is None:
        out = ["What came before it was not captured."]
    answers = f.notes.get("answers")
    if answers is not None:
        p = facts[answers].row
        out.append(f"It answers frame {p.frame}, {duration(f.row.time_ns - p.time_ns)} later.")
    state = f.notes.get("state")
    if f.kind == "reset-no-connection":
        if has_closed(f):
            out.append("It had sent its FIN before: what came then met a connection that was over.")
        elif f.opened and answers is not None and facts[answers].end > facts[answers].begin:
            out.append(
                f"The other side believed in an open connection that this one no longer had (last seen in {state}): "
                "half-open, discovered by data (figure 10)."
            )
        elif f.syn_before is not None and not f.opened:
            out.append(
                "A SYN of it was seen, but it knows nothing of that: it gave up, the SYN was an old duplicate (figure 8), "
                "or not its TCP's own (a scanner's)."
            )
        elif f.syn_before is None and answers is not None and facts[answers].flags & SYN:
            out.append("It had asked for no connection: a SYN-ACK that answers an old or foreign SYN (figure 11).")
    if f.kind == "abort":
        octets = unread(f, facts)
        own = "since it last sent data" if f.last_data is not None else "and it had not sent any data itself"
        out.append("The wire does not say why: the program may have asked for it (SO_LINGER with 0)" + (
            f", or closed or ended while data was unread: {count(octets, 'octet')} had reached it {own}." if octets
            else "; unread data it cannot have left, nothing had come since it last sent data."))  # fmt: skip
    a = acceptance(f)
    seq, low, high, edge = (f.own.relative(x) for x in (f.begin, a.low, a.high, a.edge))
    out.append({
        "exact": f"It was acceptable: {seq} is exactly the number its receiver expects next.",
        "exact or in window": f"Whether it was exact depends on what had arrived: the receiver had acknowledged {low}, "
        f"the sender sent up to {high}, its number is {seq}.",
        "in window": f"It was in the window ({low} to {edge}) but not exact ({seq}, expected {high}): RFC 5961 answers it with a "
        "challenge ACK, older rules obeyed it.",
        "outside": f"It was not acceptable: {seq} is outside the window ({low} to {'?' if edge is None else edge}); "
        "its receiver has to ignore it.",
        "acceptable": "It was acceptable: in SYN-SENT a reset counts when it acknowledges the SYN.",
        "unacceptable": "It was not acceptable: in SYN-SENT a reset counts only when it acknowledges the SYN.",
        "unknown": "Whether it was acceptable cannot be told: what its receiver expected was not captured.",
    }[a.verdict])  # fmt: skip
    r = reaction(f, facts, states)
    by = "" if r.place is None else f"frame {facts[r.place].row.frame}"
    out.append({
        "obeyed": "Its receiver obeyed, as far as the capture shows: it sent nothing of this connection afterwards.",
        "silent": "Its receiver sent nothing of this connection afterwards.",
        "challenged": f"Its receiver did not obey but asked back: {by} is a challenge ACK.",
        "went on": f"Its receiver did not obey: it went on with {by}.",
    }[r.verdict])  # fmt: skip
    later = next(
        (g for g in facts[f.index + 1 :] if g.row.from_client == f.row.from_client and g.kind[:5] != "reset" and not g.flags & (4 | SYN)),
        None,
    )
    if later is not None and f.kind in ("abort", "reset-unknown", "reset-no-connection"):
        out.append(f"Its supposed sender itself goes on in frame {later.row.frame}: the reset may be somebody else's.")
    return out


def reset_section(kind: str) -> str:
    """The section of the rule that makes a TCP send this kind of reset."""
    return _ORIGINS[kind][1]


class _Frames:
    def __init__(self, facts: list[Fact]) -> None:
        self._facts = facts

    def __call__(self, index: int) -> int:
        return int(self._facts[index].row.frame)


def _frames(facts: list[Fact]) -> _Frames:
    return _Frames(facts)
