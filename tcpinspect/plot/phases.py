"""Which segments of a connection belong to its handshake, which to its teardown. Floor 4. Reading: RFC 9293 §3.5, §3.6, §3.5.3.

Asked of flags and sizes alone: of a million segments those are three lists of numbers, not a million objects.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from tcpinspect.errors import UsageError
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

PHASES = ("handshake", "teardown", "all")
# So much of what came before the first FIN or RST is shown with a teardown, to see what was being said.
_BEFORE = 2
# So many segments after a RST, at the latest, the opening goes on that it did not end.
_SOON = 4
_OPENING = ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED")


class Course(NamedTuple):
    """The segments of a connection in order: frame number, flags and octets of data of each; and its timeline."""

    frames: Sequence[int]
    flags: Sequence[int]
    sizes: Sequence[int]
    timeline: Sequence[Any]


def course_of(segments: Sequence[Any], timeline: Sequence[Any]) -> Course:
    """The course of segments that are objects."""
    return Course([s.frame for s in segments], [s.tcp_flags for s in segments], [s.payload_len for s in segments], timeline)


def phase_bounds(course: Course, phase: str) -> tuple[int, int]:
    """First and past-the-last index; equal where there is no such phase. UsageError for an unknown one."""
    if phase == "all":
        return 0, len(course.flags)
    if phase == "handshake":
        return 0, _handshake_end(course)
    if phase == "teardown":
        return _teardown_start(course), len(course.flags)
    raise UsageError(f'no phase "{phase}": there is {", ".join(PHASES)}')


def bounds(course: Course) -> tuple[int, int]:
    """Past the last segment of the handshake, and the first one of the teardown (past the end where there is none)."""
    opened = _handshake_end(course)
    closing = _first_end(course) if _teardown_start(course) < len(course.flags) else len(course.flags)
    return opened, max(closing, opened)


def missing(phase: str, stream: int) -> str:
    """What to say where a connection has no such phase: `no handshake was captured in stream 3`."""
    return f"no {phase if phase != 'all' else 'segment'} was captured in stream {stream}"


def _first_end(course: Course) -> int:
    """Index of the first FIN or RST that ends something.

    Not of a RST that only rejects an old SYN, after which the opening goes on (RFC 9293, figure 8), nor of one that changed no state
    and after which segments follow: its number was not the one expected (§3.5.3).
    """
    flags = course.flags
    effective: Collection[int] = {step.frame for step in course.timeline}
    last_other = next((n for n in range(len(flags) - 1, -1, -1) if not flags[n] & RST), -1)
    for n, bits in enumerate(flags):
        if bits & FIN:
            return n
        if bits & RST and not any(later & SYN for later in flags[n + 1 : n + 1 + _SOON]):
            if course.frames[n] in effective or n > last_other:
                return n
    return len(flags)


def _handshake_end(course: Course) -> int:
    """Past the third segment or the first data, or, where the states say that the opening took longer, past its last step."""
    flags = course.flags
    if not any(bits & SYN for bits in flags[:8]):
        return 0
    closing = _first_end(course)
    end = len(flags)
    for n, bits in enumerate(flags):
        if (n == closing and bits & RST) or (not bits & SYN and (bits & ACK or course.sizes[n])):
            end = n + 1
            break
    opened = {step.frame for step in course.timeline if step.to_state in _OPENING and step.frame is not None}
    last = max((n for n, frame in enumerate(course.frames[:closing]) if frame in opened), default=0)
    return max(end, last + 1)


def _teardown_start(course: Course) -> int:
    """A little before the first FIN or RST; past the end where there is none, or where it refuses a SYN: nothing was open."""
    flags = course.flags
    n = _first_end(course)
    if n == len(flags):
        return n
    refuses = flags[n] & RST and all(bits & SYN and not bits & ACK for bits in flags[:n])
    return len(flags) if refuses and n else max(0, n - _BEFORE)
