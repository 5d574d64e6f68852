"""Run the engine over one source: the only place where its parts meet. Floor 2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tcpinspect.capture.pcapng import Interface
from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Input, Source
from tcpinspect.engine.columns import SegmentColumns
from tcpinspect.engine.layers import REASONS
from tcpinspect.engine.finish import Chunk, Finisher
from tcpinspect.engine.signs import Sign, Suspects, signs
from tcpinspect.engine.track import Tracker
from tcpinspect.errors import FormatError


@dataclass(slots=True)
class Result:
    """What one pass found. Tables are still the engine's arrays; `model.table` gives them their logical columns."""

    name: str
    given: str
    format: str
    packets: int
    segments: int
    octets: int
    bytes_read: int
    first_ns: int | None
    last_ns: int | None
    not_tcp: dict[str, int]
    interfaces: list[Interface]
    comments: list[tuple[int, str]]
    warnings: list[str]
    snaplen_cut: int
    steps_back: int
    checksums: dict[str, int]
    chunks: list[Chunk] = field(repr=False)
    late_segments: int
    segment_chunks: list[tuple[int, dict[str, Any]]] = field(repr=False)
    interrupted: bool = False
    health: dict[str, Sign] = field(default_factory=dict)


Progress = Callable[[int, int], None]


def run(
    where: Input,
    *,
    segments: bool = True,
    steps: bool = True,
    take: Callable[[Chunk], None] | None = None,
    ordered: bool = True,
    progress: Progress | None = None,
) -> Result:
    """Analyse a capture; `segments` or `steps` False leaves the segments table or the timeline empty and saves its memory.

    With `take`, connections leave the table when they have ended (track.LIMITS): it is given their chunks, in the order of the
    streams, as soon as nothing more is to come, and the result has none. Memory then grows with the connections alive; without
    `ordered`, for whoever only counts, with no more than those: rows come as connections end.
    `progress(bytes, packets)` is called after each block. Ctrl-C ends the reading: the result holds what was read.
    Raises CaptureError when nothing can be read.
    """
    source = Source(where)
    interrupted = False
    try:
        try:
            records = Records(source)
        except FormatError:
            if source.interrupted:  # before even a header came
                raise KeyboardInterrupt from None
            raise
        finisher = Finisher(steps, ordered)
        tracker = Tracker(finisher, SegmentColumns() if segments else None, take is not None, Suspects())
        try:
            while records.next_block():
                tracker.block(records)
                while take and (chunk := finisher.take(tracker.last_ns, 0)):
                    take(chunk)
                if progress:
                    progress(source.bytes_read, tracker.frames)
        except KeyboardInterrupt:
            interrupted = True
    finally:
        source.close()
    interrupted |= source.interrupted
    tracker.end()
    chunks: list[Chunk] = []
    while chunk := finisher.take(tracker.last_ns, 1):
        (take or chunks.append)(chunk)
    if tracker.columns is not None:
        tracker.columns.flush()
    return Result(
        name=source.name,
        given=source.given,
        format=records.format,
        packets=tracker.frames,
        segments=tracker.segments,
        octets=tracker.octets,
        bytes_read=source.bytes_read,
        first_ns=tracker.first_ns if tracker.frames else None,
        last_ns=tracker.last_ns if tracker.frames else None,
        not_tcp={reason: tracker.reason(n) for n, reason in enumerate(REASONS) if n and tracker.reason(n)},
        interfaces=records.interfaces,
        comments=records.comments,
        warnings=records.warnings + (["interrupted: the result covers what was read until then"] if interrupted else []),
        snaplen_cut=tracker.cut,
        steps_back=tracker.steps_back,
        checksums={"good": tracker.checksums_good, "bad": tracker.checksums_bad, "unfinished": tracker.checksums_unfinished},
        chunks=chunks,
        late_segments=tracker.late_segments,
        segment_chunks=tracker.columns.chunks if tracker.columns is not None else [],
        interrupted=interrupted,
        health=signs(tracker),
    )
