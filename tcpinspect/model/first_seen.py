"""Where something shows first: the segments table's arrays, searched for what findings name. Floor 3.

One look at each segment's flag word and no more; where the segments were not kept, nothing is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcpinspect.engine.decode import CHECKSUM_STATUS
from tcpinspect.model.segment_batches import SegmentChunk
from tcpinspect.protocol.header import RST
from tcpinspect.schema import ANALYSIS_FLAGS

_BAD = CHECKSUM_STATUS.index("bad")


def first_flagged(chunks: Sequence[SegmentChunk]) -> dict[tuple[int, str], tuple[int, int]]:
    """(stream, name of an analysis flag or `bad_checksum`) → (frame, time_ns) of the first segment that has it."""
    first: dict[tuple[int, str], tuple[int, int]] = {}
    seen: dict[int, int] = {}  # the flags of a stream that have been met
    for count, arrays in chunks:
        frame, time_ns, stream = arrays["frame"], arrays["time_ns"], arrays["stream"]
        for n, word in enumerate(arrays["analysis"][:count].tolist()):
            if word and (fresh := word & ~seen.get(stream[n], 0)):
                seen[stream[n]] = seen.get(stream[n], 0) | word
                for bit, name in enumerate(ANALYSIS_FLAGS):
                    if fresh >> bit & 1:
                        first[stream[n], name] = (frame[n], time_ns[n])
        for n, status in enumerate(arrays["checksum_status"][:count].tolist()):
            if status == _BAD:
                first.setdefault((stream[n], "bad_checksum"), (frame[n], time_ns[n]))
    return first


def doubtful_resets(chunks: Sequence[SegmentChunk]) -> list[int]:
    """Streams with a reset after which its side goes on, or that came with another TTL than the side's segment before."""
    reset: set[tuple[int, int]] = set()
    ttls: dict[tuple[int, int], int] = {}
    found: set[int] = set()
    having = {stream for count, arrays in chunks for stream in _reset_streams(count, arrays)}
    if not having:
        return []
    for count, arrays in chunks:
        flags, side, ttl = arrays["tcp_flags"], arrays["side"], arrays["ttl"]
        for n, stream in enumerate(arrays["stream"][:count].tolist()):
            if stream in having:
                way = (stream, side[n])
                if flags[n] & RST:
                    reset.add(way)
                    if ttls.get(way, ttl[n]) != ttl[n]:
                        found.add(stream)
                else:
                    ttls[way] = ttl[n]
                    if way in reset:
                        found.add(stream)
    return sorted(found)


def _reset_streams(count: int, arrays: dict[str, Any]) -> set[int]:
    stream = arrays["stream"]
    return {stream[n] for n, flags in enumerate(arrays["tcp_flags"][:count].tolist()) if flags & RST}
