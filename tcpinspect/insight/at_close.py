"""What the segments of a connection add to the story of its close. Floor 3. Reading: RFC 9293 §3.5.2, §3.6, §3.6.1.

Rows of `segments` go in; where they were not kept, nothing comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tcpinspect.protocol.header import FIN, RST

# Of longer connections nothing is asked that needs an object a segment: a minute and gigabytes for a clause.
_LONGEST = 100_000


def segments_of(connection: Any) -> Sequence[Any]:
    """The segments of a `model.Connection`; empty for a bare row, for a very long one, or where they were not kept."""
    if connection.client_packets + connection.server_packets > _LONGEST:
        return ()
    return getattr(connection, "segments", ())


def octets_after_fin(segments: Sequence[Any]) -> int | None:
    """New octets that the other side sent after the first FIN was captured; None without a FIN or where numbers are unknown."""
    first = next((n for n, row in enumerate(segments) if row.tcp_flags & FIN and not row.tcp_flags & RST), None)
    if first is None:
        return None
    closer = segments[first].from_client
    ends = [
        (n, row.seq + row.payload_len) for n, row in enumerate(segments) if row.from_client != closer and row.payload_len > 0 and row.seq
    ]
    before = max((end for n, end in ends if n < first), default=1)
    after = max((end for n, end in ends if n > first), default=0)
    return max(0, after - before)


def cause_of_reset(segments: Sequence[Any]) -> str | None:
    """The cause of the first RST that was sent once; None without one."""
    return next((row.cause for row in segments if row.tcp_flags & RST and row.cause), None)
