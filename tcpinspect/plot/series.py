"""Throughput, windows and sizes of one direction, laid out over time. Floor 4. Reading: RFC 9293 §3.8.6; RFC 7323 §2."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import ceil, log10
from typing import Any

from tcpinspect.plot.flow import DOTS_ACROSS, DOTS_UP, Flow, Numbers, acknowledgments, first_of_each_cell, flow, line_once_a_dot, numbers
from tcpinspect.protocol.header import RST

# About so many intervals make a readable curve of throughput.
INTERVALS = 120
EVERY_POINT = 20_000


@dataclass(frozen=True, slots=True)
class Throughput:
    """Octets of data in intervals of `step_ns` from the first segment on: all, and those sent for the first time; `total_ns` long."""

    side: str
    sender: str
    receiver: str
    step_ns: int
    all_bytes: Numbers
    new_bytes: Numbers
    total_ns: int


@dataclass(frozen=True, slots=True)
class Window:
    """What the receiver offers and what is in flight. Times in ns since the first segment, −1: unknown.

    `offered_ns, offered`: the window after each segment that came back; `flight_ns, flight`: octets sent and not acknowledged, after
    each segment of both sides. `full_ns`: when it was filled; `zero_ns`: when it was zero; `drawn` of `points` points are in the arrays.
    """

    side: str
    sender: str
    receiver: str
    offered_ns: Numbers
    offered: Numbers
    flight_ns: Numbers
    flight: Numbers
    full_ns: Numbers
    full: Numbers
    zero_ns: Numbers
    points: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Octets of data in each segment that has any: time, size, sent again or not; how often each size occurs; the MSS agreed, if known."""

    side: str
    sender: str
    receiver: str
    time_ns: Numbers
    size: Numbers
    again: Numbers
    counts: dict[int, int]
    mss: int | None
    segments: int
    drawn: int


def throughput(connection: Any, *, side: str | None = None) -> Throughput:
    """Lay out the throughput of what `side` sends (None: who sends more). Raises UsageError for another side."""
    import numpy as np

    one = flow(connection, side)
    time_ns, sizes = one.time_ns(one.sent), one.out("payload_len")
    total = int(one.arrays["time_ns"].max() - one.start_ns) if len(one.arrays) else 0
    step = round_step(total / INTERVALS)
    slots = max(1, ceil((total + 1) / step))
    new = _first_time(*numbers(one), sizes)
    at = np.clip(time_ns // step, 0, slots - 1)
    everything, first = (np.bincount(at, weights=values, minlength=slots).astype(np.int64) for values in (sizes, new))
    return Throughput(one.side, one.sender, one.receiver, step, everything, first, total)


def _first_time(low: Numbers, high: Numbers, sizes: Numbers) -> Numbers:
    """How many octets of each segment no segment before it carried; what comes late into a gap is new."""
    import numpy as np

    if not len(low):
        return sizes
    before = np.concatenate(([low[0]], np.maximum.accumulate(high)[:-1]))
    new = np.clip(high - np.maximum(low, before), 0, sizes)
    # Where a number is not the one expected: ahead, a gap opens; behind, gaps may be filled. `starts` and `ends` are the open gaps.
    starts: list[int] = []
    ends: list[int] = []
    for n in np.flatnonzero(low != before).tolist():
        first, past = int(low[n]), int(high[n])
        if first > before[n]:
            starts.append(int(before[n]))
            ends.append(first)
            continue
        left = bisect_right(ends, first)
        right = bisect_left(starts, past)
        if left < right:
            filled = sum(min(past, b) - max(first, a) for a, b in zip(starts[left:right], ends[left:right], strict=True))
            rest = [(a, b) for a, b in ((starts[left], first), (past, ends[right - 1])) if a < b]
            starts[left:right], ends[left:right] = [a for a, _ in rest], [b for _, b in rest]
            new[n] = min(int(new[n]) + filled, int(sizes[n]))
    return new


def round_step(ns: float) -> int:
    """The next longer of 1, 2, 5, 10, 20, 50 … ns; at least 1 µs."""
    size = 10 ** int(log10(max(ns, 1000)))
    return next(int(size * factor) for factor in (1, 2, 5, 10) if size * factor >= max(ns, 1000))


def window(connection: Any, *, side: str | None = None) -> Window:
    """Lay out the window that limits what `side` sends (None: who sends more). Raises UsageError for another side."""
    import numpy as np

    one = flow(connection, side)
    back = one.back[(one.returned("tcp_flags") & RST) == 0]
    offered_ns, offered = one.time_ns(back), one.arrays["window"][back]
    flight_ns, flight, level = _in_flight(one)
    full = one.out("window_full")
    full_ns, full_level = one.time_ns(one.sent)[full], level[full]
    points = len(back) + len(flight)
    kept, steps = np.arange(len(flight)), np.arange(len(back))
    if len(flight) > EVERY_POINT:
        kept = line_once_a_dot(flight_ns, flight)
    if len(back) > EVERY_POINT:
        steps = line_once_a_dot(offered_ns, offered)
    zero = one.arrays["zero_window"][back]
    return Window(
        one.side, one.sender, one.receiver, offered_ns[steps], offered[steps], flight_ns[kept], flight[kept], full_ns, full_level,
        offered_ns[zero], points, len(kept) + len(steps),
    )  # fmt: skip


def _in_flight(one: Flow) -> tuple[Numbers, Numbers, Numbers]:
    """Octets sent and not acknowledged after each segment of both sides (time, octets), and after each segment sent.

    The highest number sent less the highest acknowledged, from the first acknowledgment on; it is never less than nothing, even
    where the capture missed what was acknowledged.
    """
    import numpy as np

    _, high = numbers(one)
    rows, acked = acknowledgments(one)
    if not len(high) or not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(len(high), dtype=np.int64)
    # The order of the capture is the order of the rows.
    both = np.concatenate((one.sent, rows))
    order = np.argsort(both, kind="stable")
    is_sent = order < len(high)
    least = min(int(high.min()), int(acked.min()))
    top = np.maximum.accumulate(np.where(is_sent, np.concatenate((high, acked))[order], least))
    bottom = np.maximum.accumulate(np.where(is_sent, least, np.concatenate((high, acked))[order]))
    begun = np.flatnonzero(~is_sent)[0]
    flight = np.clip(top - bottom, 0, None)
    level = flight[is_sent]
    return one.time_ns(both[order])[begun:], flight[begun:], level


def sizes(connection: Any, *, side: str | None = None) -> Sizes:
    """Lay out the sizes of the segments that `side` sends (None: who sends more). Raises UsageError for another side."""
    import numpy as np

    one = flow(connection, side)
    size = one.out("payload_len")
    having = np.flatnonzero(size > 0)
    time_ns, size, again = one.time_ns(one.sent)[having], size[having], one.out("retransmission")[having]
    kept = np.arange(len(having))
    if len(having) > EVERY_POINT:
        kinds = (np.flatnonzero(~again), np.flatnonzero(again))
        kept = np.sort(np.concatenate([rows[first_of_each_cell(time_ns[rows], size[rows], DOTS_ACROSS, DOTS_UP)] for rows in kinds]))
    values, counts = np.unique(size, return_counts=True)
    # RFC 9293 §3.7.1: what a side may send is what the other side announced.
    other = "server" if one.side == "client" else "client"
    mss = getattr(connection, f"{other}_mss", None)
    return Sizes(
        one.side, one.sender, one.receiver, time_ns[kept], size[kept], again[kept],
        dict(zip(values.tolist(), counts.tolist(), strict=True)), mss, len(having), len(kept),
    )  # fmt: skip
