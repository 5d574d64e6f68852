"""What of a ladder belongs together: the frames of its phases, and each retransmission with what it repeats. Floor 4.

Reading: RFC 9293 §3.5, §3.6 (the phases), §3.8.1 (retransmission).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tcpinspect.plot.pieces import Frame, Tie
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.seqnum import difference

# Rows above the first arrow of a frame (its label stands there) and below the last one (its note).
_ABOVE, _BELOW = 0.45, 0.44
# Room for the options below the last note, where there are any.
_OPTIONS = 0.3
# A retransmission cut otherwise than its original is looked for among so many segments.
LATELY = 500
# Where an arrow stands, by frame: start, end, whether the client sent it.
Ends = Mapping[int, tuple[float, float, bool]]


def frames(connection: Any, segments: Sequence[Any], between: tuple[int, int], ends: Ends, *, options: bool) -> tuple[Frame, ...]:
    """The frames around handshake and teardown (`between`: their `bounds`), as far as their segments are in the picture."""
    opened, closing = between
    return tuple(
        Frame(phase, getattr(connection, phase, ""), *_extent(mine, ends, options), mine[-1].time_ns - mine[0].time_ns)
        for phase, part in (("handshake", segments[:opened]), ("teardown", segments[closing:]))
        if (mine := [s for s in part if s.frame in ends])
    )


def _extent(segments: Sequence[Any], ends: Ends, options: bool) -> tuple[float, float]:
    # Below an arrow's end there is the name of the state it leads to; the last to start need not be the last to arrive.
    lowest = max(ends[s.frame][1] for s in segments) + _BELOW
    return ends[segments[0].frame][0] - _ABOVE, max(lowest, ends[segments[-1].frame][0] + _BELOW + (_OPTIONS if options else 0.0))


def ties(segments: Sequence[Any], answers: Collection[int], ends: Ends, alone: Collection[int]) -> tuple[Tie, ...]:
    """Each retransmission with the latest segment before it that carried its first octet; none where that was not captured.

    One of both has an arrow of its own (its frame is in `alone`): what folds repeat of each other would be a thicket.
    """
    found: dict[tuple[float, float, bool], Tie] = {}
    # By direction: what was sent lately, the latest last; and by direction and number what began there last.
    lately: dict[bool, deque[Any]] = {True: deque(maxlen=LATELY), False: deque(maxlen=LATELY)}
    began: dict[tuple[bool, int], Any] = {}
    for s in segments:
        size = s.payload_len + bool(s.tcp_flags & (SYN | FIN))
        if not size or s.tcp_flags & RST:
            continue
        way = bool(s.from_client)
        mine = lately[way]
        if s.retransmission and s.frame not in answers:
            before = began.get((way, s.seq_raw))
            before = before or next((other for other in reversed(mine) if _carries(other, s.seq_raw)), None)
            if before is not None and (s.frame in alone or before.frame in alone):
                top, bottom = ends[before.frame][0], ends[s.frame][0]
                if top < bottom and (top, bottom, way) not in found:
                    busy = {tie.lane for tie in found.values() if tie.from_client is way and tie.y_bottom > top}
                    found[top, bottom, way] = Tie(way, top, bottom, before.frame, s.frame, min({0, 1} - busy, default=1))
        mine.append(s)
        began[way, s.seq_raw] = s
    return tuple(found.values())


def _carries(segment: Any, number: int) -> bool:
    size = segment.payload_len + bool(segment.tcp_flags & (SYN | FIN))
    return 0 <= difference(number, segment.seq_raw) < size
