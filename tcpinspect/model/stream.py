"""Tables on their way out while the capture is still read: memory grows with the connections alive. Floor 3.

Connections and timeline come in the order of the streams, some thousand at a time, each time when nothing more is to come about any of
them (`engine.finish.Finisher.take`); one that lives long keeps those behind it waiting. Segments come when all is read: who is the
client of each, and its cause, only the end of its connection tells. Until then they wait on the disk (`engine.spool`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from tcpinspect.capture.source import Input
from tcpinspect.engine.columns import SegmentColumns
from tcpinspect.engine.finish import Chunk
from tcpinspect.engine.run import Progress, Result, run
from tcpinspect.engine.spool import Spool
from tcpinspect.model.analysis import Capture
from tcpinspect.model.batches import ConnectionBatch, TimelineBatch
from tcpinspect.model.endpoints import Endpoints, GrowingEndpoints
from tcpinspect.model.segment_batches import SegmentBatch

Streaming = Literal["connections", "timeline", "segments"]
STREAMING: tuple[str, ...] = ("connections", "timeline", "segments")  # tables that need not be whole before their first row is written


class Streamed:
    """How the reading went. `late_segments` came when their connection had left (`engine.alive.LIMITS`): no row counts them, and of
    their own rows `window` is unknown, for the scale left too. `whole`: every row of what was read was handed over."""

    def __init__(self, result: Result, *, whole: bool = True) -> None:
        self.interrupted = result.interrupted
        self.whole = whole
        self.late_segments = result.late_segments
        self.capture = Capture.of(result)


def stream(
    where: Input | Sequence[Input],
    table: Streaming,
    write: Callable[[Any], None],
    *,
    progress: Progress | None = None,
    follow: float | None = None,
) -> Streamed:
    """Analyse a capture as `analyze` does, and hand the batches of one table to `write` in the order of the table.

    After a Ctrl-C on the way of a batch nothing more is written: what is there has no hole, and `whole` is False. Raises CaptureError
    when nothing can be read, and what `write` raises.
    """
    if table == "segments":
        return _segments(where, write, progress=progress, follow=follow)
    due = 0  # the stream whose row comes next
    whole = True

    def take(chunk: Chunk) -> None:
        nonlocal due, whole
        whole = whole and chunk.first == due
        if not whole:
            return
        whole = False
        ends = Endpoints([chunk])
        # The details of a handshake or a close may hang on how long nobody spoke before the capture ended (insight.details: one
        # second, three). Whoever left the table had been silent longer than that, save in a flood (alive.LIMITS["hurry_ns"]):
        # there the time until the hand-over decides.
        write(ConnectionBatch(chunk, ends, chunk.taken_ns) if table == "connections" else TimelineBatch(chunk, ends))
        due += chunk.done
        whole = True

    result = run(where, segments=False, steps=table == "timeline", take=take, progress=progress, follow=follow)
    return Streamed(result, whole=whole)


def _segments(where: Input | Sequence[Input], write: Callable[[Any], None], *, progress: Progress | None, follow: float | None) -> Streamed:
    from tcpinspect.insight.why.column import cause_codes

    spool, ends, columns = Spool(), GrowingEndpoints(), SegmentColumns()
    columns.chunks = spool
    try:
        result = run(where, segments=columns, steps=False, take=ends.add, progress=progress, follow=follow)
        codes = cause_codes(spool, ends, spool.passed)
        at = 0
        for number, (count, arrays) in enumerate(spool):
            part = codes[at : at + count]
            write(SegmentBatch(count, arrays, ends, lambda part=part: part))  # type: ignore[misc]
            spool.passed(number)
            at += count
    finally:
        spool.close()
    return Streamed(result)
