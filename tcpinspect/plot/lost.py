"""Which segments seem to have been lost behind the capture point. Floor 4. Reading: RFC 6298 (why a sender sends again).

A capture shows a segment that was sent; whether it arrived shows in what the other side says afterwards. The sender sends
again what was not acknowledged: unless the timeline says otherwise, the first copy is taken for lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcpinspect.protocol.header import ACK, FIN, RST, SYN
from tcpinspect.protocol.seqnum import add, difference

# Copies made by the network follow at once; no sender repeats itself so soon. Used where the round trip is not known.
_COPY_NS = 5_000_000


def lost_frames(segments: Sequence[Any], timeline: Sequence[Any], initial_rtt_ns: int | None) -> frozenset[int]:
    """The frames of segments of one connection that seem not to have arrived.

    Those are the ones that were sent again and of which no step of the other side tells, SYNs that nobody answered, and the
    last repetitions and probes to a side that had already fallen silent.
    """
    arrived = {step.frame for step in timeline if step.frame is not None and step.event.startswith("RCV-")}
    soon = min(_COPY_NS, initial_rtt_ns // 2) if initial_rtt_ns else _COPY_NS
    # A side that never says anything has shown nothing of what arrived.
    speakers = {bool(s.from_client) for s in segments}
    unanswered = len(speakers) == 1 and all(s.tcp_flags & SYN for s in segments) and not arrived
    lost: set[int] = {s.frame for s in segments} if unanswered else set()
    latest: dict[tuple[bool, int, bool], tuple[int, Any]] = {}
    answers = _Answers()
    for n, s in enumerate(segments):
        answers.hear(n, s)
        if s.tcp_flags & RST:
            continue
        size = s.payload_len + (1 if s.tcp_flags & (SYN | FIN) else 0)
        if not size or s.keep_alive or s.zero_window_probe:
            continue
        # A SYN-ACK after a bare SYN of the same side (a simultaneous open) repeats its number, but is an answer.
        way = (bool(s.from_client), s.seq_raw, bool(s.tcp_flags & SYN and s.tcp_flags & ACK))
        at, before = latest.get(way, (0, None))
        if before is not None and not answers.came(at, before) and s.retransmission and not s.spurious_retransmission:
            end = add(before.seq_raw, before.payload_len)
            covered = difference(add(s.seq_raw, size), end) >= 0
            if covered and s.time_ns - before.time_ns >= soon and before.frame not in arrived:
                lost.add(before.frame)
        latest[way] = n, s
    if len(speakers) == 2:
        silent = unanswered_frames(segments) - arrived
        gone = {(bool(s.from_client), s.seq_raw) for s in segments if s.frame in lost}
        for s in segments:
            repeats = s.retransmission and not s.spurious_retransmission and (bool(s.from_client), s.seq_raw) in gone
            if s.frame in silent and not s.tcp_flags & RST and (repeats or s.keep_alive or s.zero_window_probe):
                lost.add(s.frame)
    return frozenset(lost)


class _Answers:
    """Which segments the other side answered, though no step of its tells: it knew nothing of the connection, or knew better."""

    def __init__(self) -> None:
        self._refused: dict[tuple[bool, int], int] = {}
        self._spoke: dict[bool, int] = {}

    def hear(self, place: int, s: Any) -> None:
        """The next segment."""
        if s.tcp_flags & RST:
            # RFC 9293 §3.5.2: a reset without ACK takes its number from the acknowledgment that it answers.
            self._refused[not s.from_client, s.seq_raw] = place
        elif s.tcp_flags & ACK and not s.tcp_flags & SYN:
            self._spoke[bool(s.from_client)] = place

    def came(self, place: int, s: Any) -> bool:
        """Whether segment `s` at this place was answered since: refused, or a SYN met by an ACK (§3.5.1, figure 9)."""
        if s.tcp_flags & ACK:
            return self._refused.get((bool(s.from_client), s.ack_raw), -1) > place
        return bool(s.tcp_flags & SYN) and self._spoke.get(not s.from_client, -1) > place


def unanswered_frames(segments: Sequence[Any]) -> frozenset[int]:
    """The frames after the last word of the other side; none of a side whose peer was never seen."""
    heard = {bool(s.from_client): n for n, s in enumerate(segments)}
    return frozenset(s.frame for n, s in enumerate(segments) if n > heard.get(not s.from_client, len(segments)))


def crossing_answers(segments: Sequence[Any]) -> frozenset[int]:
    """The frames of the SYN-ACKs of a simultaneous open: they repeat a SYN's number, and yet nothing was lost."""
    asked: dict[bool, int] = {}
    answered: dict[bool, int] = {}
    for s in segments:
        if s.tcp_flags & SYN:
            way = bool(s.from_client)
            (answered if s.tcp_flags & ACK else asked).setdefault(way, s.frame)
    return frozenset(frame for way, frame in answered.items() if asked.get(way, frame) < frame)
