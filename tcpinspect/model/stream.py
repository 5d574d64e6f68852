"""Connections, or their timeline, on their way out while the capture is still read: memory grows with those alive. Floor 3.

They come in the order of the streams, some thousand at a time, each time when nothing more is to come about any of them
(`engine.finish.Finisher.take`); one that lives long keeps those behind it waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from tcpinspect.capture.source import Input
from tcpinspect.engine.finish import Chunk
from tcpinspect.engine.run import Progress, Result, run
from tcpinspect.model.analysis import Capture
from tcpinspect.model.batches import ConnectionBatch, TimelineBatch
from tcpinspect.model.endpoints import Endpoints

Streaming = Literal["connections", "timeline"]
STREAMING: tuple[str, ...] = ("connections", "timeline")  # tables that need not be whole before their first row is written


class Streamed:
    """How the reading went. `late_segments` came when their connection's row had been written (`engine.track.LIMITS`)."""

    def __init__(self, result: Result) -> None:
        self.interrupted = result.interrupted
        self.late_segments = result.late_segments
        self.capture = Capture.of(result)


def stream(
    where: Input | Sequence[Input],
    table: Streaming,
    write: Callable[[ConnectionBatch | TimelineBatch], None],
    *,
    progress: Progress | None = None,
    follow: float | None = None,
) -> Streamed:
    """Analyse a capture as `analyze` does, and hand the batches of one table to `write` in the order of the table.

    After a Ctrl-C in the middle of a batch nothing more is written: what is there has no hole. Raises CaptureError when nothing
    can be read, and what `write` raises.
    """
    whole = True

    def take(chunk: Chunk) -> None:
        nonlocal whole
        if not whole:
            return
        whole = False
        ends = Endpoints([chunk])
        # The details of a handshake or a close may hang on how long nobody spoke before the capture ended (insight.details: one
        # second, three). Whoever left the table had been silent longer than that, save in a flood (track.LIMITS["hurry_ns"]):
        # there the time until the hand-over decides.
        write(ConnectionBatch(chunk, ends, chunk.taken_ns) if table == "connections" else TimelineBatch(chunk, ends))
        whole = True

    return Streamed(run(where, segments=False, steps=table == "timeline", take=take, progress=progress, follow=follow))
