"""Which segments of a connection belong to its handshake, which to its teardown. Floor 4. Reading: RFC 9293 §3.5, §3.6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcpinspect.errors import UsageError
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

PHASES = ("handshake", "teardown", "all")
# So much of what came before the first FIN or RST is shown with a teardown, to see what was being said.
_BEFORE = 2
# So many segments after a RST, at the latest, the opening goes on that it did not end.
_SOON = 4
_OPENING = ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED")


def phase_bounds(segments: Sequence[Any], timeline: Sequence[Any], phase: str) -> tuple[int, int]:
    """First and past-the-last index into `segments`; equal where there is no such phase. UsageError for an unknown one."""
    if phase == "all":
        return 0, len(segments)
    if phase == "handshake":
        return 0, _handshake_end(segments, timeline)
    if phase == "teardown":
        first = _teardown_start(segments)
        return first, len(segments)
    raise UsageError(f'no phase "{phase}": there is {", ".join(PHASES)}')


def closing_start(segments: Sequence[Any]) -> int:
    """Index of the first FIN or RST of a teardown; past the end where there is none."""
    return first_end(segments) if _teardown_start(segments) < len(segments) else len(segments)


def first_end(segments: Sequence[Any]) -> int:
    """Index of the first FIN or RST; not of a RST that only rejects an old SYN, after which the opening goes on (RFC 9293, figure 8)."""
    for n, s in enumerate(segments):
        if s.tcp_flags & FIN or (s.tcp_flags & RST and not any(later.tcp_flags & SYN for later in segments[n + 1 : n + 1 + _SOON])):
            return n
    return len(segments)


def missing(phase: str, stream: int) -> str:
    """What to say where a connection has no such phase: `no handshake was captured in stream 3`."""
    return f"no {phase if phase != 'all' else 'segment'} was captured in stream {stream}"


def _handshake_end(segments: Sequence[Any], timeline: Sequence[Any]) -> int:
    """Past the third segment or the first data, or, where the states say that the opening took longer, past its last step."""
    if not any(s.tcp_flags & SYN for s in segments[:8]):
        return 0
    closing = first_end(segments)
    end = len(segments)
    for n, s in enumerate(segments):
        if (n == closing and s.tcp_flags & RST) or (not s.tcp_flags & SYN and (s.tcp_flags & ACK or s.payload_len)):
            end = n + 1
            break
    opened = {step.frame for step in timeline if step.to_state in _OPENING and step.frame is not None}
    last = max((n for n, s in enumerate(segments[:closing]) if s.frame in opened), default=0)
    return max(end, last + 1)


def _teardown_start(segments: Sequence[Any]) -> int:
    """A little before the first FIN or RST; past the end where there is none, or where it refuses a SYN: nothing was open."""
    n = first_end(segments)
    if n == len(segments):
        return n
    refuses = segments[n].tcp_flags & RST and all(s.tcp_flags & SYN and not s.tcp_flags & ACK for s in segments[:n])
    return len(segments) if refuses and n else max(0, n - _BEFORE)
