"""The engine's observations of the capture's own faults, added up: what `insight.doctor` reads. Floor 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tcpinspect.engine.watch import ANSWERED, BAD, GOOD, PACKETS, SWAPPED, SWAPPED_FRAME


class Sign(NamedTuple):
    """One kind of fault: how often, the first frame (None: unknown), the streams that show it (empty: the whole capture),
    and `octets` where it is about missing data."""

    count: int
    frame: int | None = None
    streams: frozenset[int] = frozenset()
    octets: int = 0


_COPIES_SHARE = 10


class _Sum:
    def __init__(self) -> None:
        self.count = self.frame = self.octets = 0
        self.streams: set[int] = set()

    def add(self, count: int, frame: int, stream: int, octets: int = 0) -> None:
        if count:
            self.count += count
            self.octets += octets
            self.streams.add(stream)
            if frame and (not self.frame or frame < self.frame):
                self.frame = frame


class Suspects:
    """Adds up what single connections show; call it with each before it leaves the table."""

    def __init__(self) -> None:
        self.sums = {name: _Sum() for name in ("duplicates", "late", "swapped", "lost", "one_way", "oversize", "one_sided")}

    def __call__(self, c: Any) -> None:
        _of_connection(c, self.sums)

    def join(self, other: Suspects, number: Callable[[int], int]) -> None:
        """Add what another found, whose streams have these numbers here."""
        for name, theirs in other.sums.items():
            mine = self.sums[name]
            mine.count += theirs.count
            mine.octets += theirs.octets
            mine.streams.update(number(stream) for stream in theirs.streams)
            mine.frame = min(filter(None, (mine.frame, theirs.frame)), default=0)


def signs(tracker: Any) -> dict[str, Sign]:
    """What is wrong, by name; a capture without faults gives an empty dictionary. Call it when the tracker has ended.

    `duplicates` packets captured twice; `late` behind their own acknowledgment, `swapped` before an earlier one though the
    receiver complained of nothing, `disordered` by their stamps; `lost` holes that were acknowledged; `one_way` connections
    that lack a whole side; `oversize` segments above the MSS; `unfinished` and `one_sided` checksums left to a network card;
    `steps_back` and `jumps` of the clock; `cut` packets.
    """
    whole = tracker.health
    whole.settle()
    sums = tracker.suspects.sums
    for name, frame in (("late", whole.late_frame), ("oversize", whole.oversize_frame), ("one_sided", whole.bad_frame)):
        sums[name].frame = frame
    found = {name: Sign(s.count, s.frame or None, frozenset(s.streams), s.octets) for name, s in sums.items() if s.count}
    for name, count, frame in (
        ("disordered", whole.disordered, whole.disorder_frame),
        ("steps_back", whole.steps_back, whole.step_back_frame),
        ("jumps", whole.jumps, whole.jump_frame),
        ("unfinished", tracker.checksums_unfinished, whole.unfinished_frame),
        ("bad", tracker.checksums_bad, whole.bad_frame),
        ("cut", tracker.cut, whole.cut_frame),
    ):
        if count:
            found[name] = Sign(count, frame or None)
    return found


def _of_connection(c: Any, sums: dict[str, _Sum]) -> None:
    watch, stream = c.watch, c.stream
    get = watch.counter
    sums["late"].add(watch.late, 0, stream)
    sums["oversize"].add(watch.oversize, 0, stream)
    sums["lost"].add(watch.lost, watch.lost_frame, stream, watch.lost_octets)
    packets = get(PACKETS, 0), get(PACKETS, 1)
    # A capture that doubles does so with all that takes one path; networks double single packets.
    if watch.duplicates * _COPIES_SHARE >= sum(packets):
        sums["duplicates"].add(watch.duplicates, watch.duplicate_frame, stream)
    if watch.heard and not all(packets):
        sums["one_way"].add(1, c.first_frame, stream)
    for side in (0, 1):
        # RFC 5681 §4.2: a receiver answers data out of order at once. Silent, it had them in order: the capture had not.
        if get(SWAPPED, side) and packets[1 - side] and not get(ANSWERED, 1 - side):
            sums["swapped"].add(get(SWAPPED, side), get(SWAPPED_FRAME, side), stream)
        # A host whose every checksum is wrong while its peer's are right has a card that fills them in after the capture.
        if get(BAD, side) > 1 and not get(GOOD, side) and get(GOOD, 1 - side) and not get(BAD, 1 - side):
            sums["one_sided"].add(get(BAD, side), 0, stream)
