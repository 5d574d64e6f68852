"""Run the engine over one capture or several: the only place where its parts meet. Floor 2."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tcpinspect.capture.many import Files, inputs
from tcpinspect.capture.pcapng import Interface
from tcpinspect.capture.source import Input
from tcpinspect.engine.columns import SegmentColumns
from tcpinspect.engine.layers import REASONS
from tcpinspect.engine.finish import Chunk, Finisher
from tcpinspect.engine.shelf import Shelf
from tcpinspect.engine.signs import Sign, Suspects, signs
from tcpinspect.engine.track import Tracker
from tcpinspect.engine.unbroken import unbroken


@dataclass(slots=True)
class Result:
    """What one pass found. Tables are still the engine's arrays; `model.table` gives them their logical columns."""

    name: str
    given: str
    files: int
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
    segment_chunks: Sequence[tuple[int, dict[str, Any]]] = field(repr=False)
    interrupted: bool = False
    health: dict[str, Sign] = field(default_factory=dict)


Progress = Callable[[int, int], None]


@contextmanager
def no_collector() -> Iterator[None]:
    """No search for cycles of garbage meanwhile: the engine makes none, and over a flood the search took two fifths of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def run(
    where: Input | Sequence[Input],
    *,
    segments: bool | SegmentColumns = True,
    steps: bool = True,
    take: Callable[[Chunk], None] | None = None,
    progress: Progress | None = None,
    follow: float | None = None,
) -> Result:
    """Analyse a capture, or several as one (capture.many); `segments` or `steps` False leaves that table
    or the timeline empty and saves its memory; `segments` may say into which columns the segments go.

    With `take`, connections leave the table when they have ended (alive.LIMITS): it is given their chunks, in the order of the
    streams, as soon as nothing more is to come, and the result has none. Memory then grows with the connections alive.
    `progress(bytes, packets)` is called after each block; the bytes are those of the files as they lie on the disk. `follow`:
    at the end wait for more, at most so many seconds in one go. Ctrl-C ends the reading: the result holds what was read.
    Raises CaptureError when nothing can be read.
    """
    files = Files(inputs(where), follow=follow)
    shelf = Shelf() if take is not None else None
    finisher = Finisher(steps, shelf)
    columns = (SegmentColumns() if segments is True else segments) or None
    tracker = Tracker(finisher, columns, take is not None, Suspects())
    chunks: list[Chunk] = []
    with no_collector():
        try:
            with unbroken() as do:
                for records, first, last in files.blocks():
                    do(tracker.block, records, first, last)
                    while take and (chunk := do(finisher.take, tracker.last_ns, 0)):
                        take(chunk)
                    if progress:
                        progress(files.bytes_taken, tracker.frames)
        except KeyboardInterrupt:
            files.interrupted = True
        finally:
            files.close()
        tracker.end()
        while chunk := finisher.take(tracker.last_ns, 1):
            (take or chunks.append)(chunk)
    if shelf is not None:
        shelf.close()
    if tracker.columns is not None:
        tracker.columns.flush()
    return result_of(files, tracker, chunks, told=follow is None)


def result_of(files: Files, tracker: Any, chunks: Sequence[Chunk] = (), *, told: bool = True) -> Result:
    """What is known when the reading has ended. `told`: a reading that was interrupted says so among the warnings."""
    warnings = files.warnings
    if files.interrupted and told:
        warnings.append("interrupted: the result covers what was read until then")
    return Result(
        name=files.name,
        given=files.given,
        files=files.count,
        format=files.format,
        packets=tracker.frames,
        segments=tracker.segments,
        octets=tracker.octets,
        bytes_read=files.bytes_read,
        first_ns=tracker.first_ns if tracker.frames else None,
        last_ns=tracker.last_ns if tracker.frames else None,
        not_tcp={reason: tracker.reason(n) for n, reason in enumerate(REASONS) if n and tracker.reason(n)},
        interfaces=files.interfaces,
        comments=files.comments,
        warnings=warnings,
        snaplen_cut=tracker.cut,
        steps_back=tracker.steps_back,
        checksums={"good": tracker.checksums_good, "bad": tracker.checksums_bad, "unfinished": tracker.checksums_unfinished},
        chunks=list(chunks),
        late_segments=tracker.late_segments,
        segment_chunks=tracker.columns.chunks if tracker.columns is not None else [],
        interrupted=files.interrupted,
        health=signs(tracker),
    )
