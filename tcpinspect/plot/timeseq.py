"""Time and sequence numbers of one direction, laid out: segments, ACK line, window's edge, SACK blocks, marks. Floor 4.

Reading: Stevens, TCP/IP Illustrated 1 (time–sequence graphs); tcptrace's manual (what its marks mean); RFC 2018, RFC 5681.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tcpinspect.plot.flow import (
    DOTS_ACROSS,
    DOTS_UP,
    Flow,
    Numbers,
    acknowledgments,
    first_of_each_cell,
    flow,
    line_once_a_dot,
    numbers,
    signed,
)
from tcpinspect.protocol.header import CWR, ECE, FIN, PSH, RST, SYN, URG

# From so many on, those on one dot are drawn once.
EVERY_SEGMENT = 20_000
_SACK_BLOCKS = re.compile(r"\bsack((?: \d+:\d+)+)")
# The marks in the order of their weight; where there is no room for all, the first ones are written.
MARKS = ("SYN", "FIN", "RST", "RST in", "R", "O", "3", "Z", "probe", "U", "CWR", "ECE", "gap", "keep-alive", "S")


@dataclass(frozen=True, slots=True)
class Sequence:
    """One direction. Times in ns since the first segment, numbers from the initial one; arrays of equal length belong together.

    `time_ns, low, high, kind`: the segments drawn, each from `low` to `high`; kind 0 data, 1 sent again, 2 out of order, 3 without
    data. `ack_time_ns, ack, edge`: after each acknowledgment the highest one so far and the window's edge (−1 unknown).
    `duplicates`: rows (time, number) of duplicate ACKs; `sack`: rows (time, left, right); `pushes`: rows (time, number). `marks`: rows
    (time, number) by what is written there (`MARKS`). `segments`: how many there are, of which `drawn`.
    """

    side: str
    sender: str
    receiver: str
    time_ns: Numbers
    low: Numbers
    high: Numbers
    kind: Numbers
    ack_time_ns: Numbers
    ack: Numbers
    edge: Numbers
    duplicates: Numbers
    sack: Numbers
    pushes: Numbers
    marks: dict[str, Numbers]
    segments: int
    drawn: int


def sequence(connection: Any, *, side: str | None = None) -> Sequence:
    """Lay out what `side` sends ("client", "server", None: who sends more). Raises UsageError for another side."""
    import numpy as np

    one = flow(connection, side)
    time_ns = one.time_ns(one.sent)
    low, high = numbers(one)
    kind = np.where(one.out("payload_len") > 0, 0, 3)
    kind[(one.out("tcp_flags") & (SYN | FIN)) != 0] = 0
    kind[one.out("out_of_order")] = 2
    kind[one.out("retransmission")] = 1
    rows, acked = acknowledgments(one)
    highest = np.maximum.accumulate(acked) if len(acked) else acked
    window = one.arrays["window"][rows]
    edge = np.where(window >= 0, acked + window, -1)
    shown = np.arange(len(time_ns))
    if len(time_ns) > EVERY_SEGMENT:
        shown = _once_a_dot(time_ns, low, kind)
    kept = np.arange(len(rows))
    if len(rows) > EVERY_SEGMENT:
        kept = line_once_a_dot(one.time_ns(rows), highest, edge)
    return Sequence(
        one.side, one.sender, one.receiver, time_ns[shown], low[shown], high[shown], kind[shown],
        one.time_ns(rows)[kept], highest[kept], edge[kept],
        _thinned(_pairs(one.time_ns(rows), acked, one.arrays["duplicate_ack"][rows])),
        _sack(one, rows, acked), _thinned(_pairs(time_ns, high, _pushed(one))), _marks(one, time_ns, low, high, rows, acked),
        len(time_ns), len(shown),
    )  # fmt: skip


def _once_a_dot(time_ns: Numbers, low: Numbers, kind: Numbers) -> Numbers:
    """Of the usual segments the first of each dot; those sent again or out of order in dots of their own."""
    import numpy as np

    chosen = []
    for value in range(4):
        mine = np.flatnonzero(kind == value)
        chosen.append(mine[first_of_each_cell(time_ns[mine], low[mine], DOTS_ACROSS, DOTS_UP)])
    return np.sort(np.concatenate(chosen))


def _pushed(one: Flow) -> Numbers:
    return ((one.out("tcp_flags") & PSH) != 0) & (one.out("payload_len") > 0)


def _pairs(time_ns: Numbers, number: Numbers, chosen: Numbers) -> Numbers:
    import numpy as np

    return np.stack((time_ns[chosen], number[chosen]), axis=1)


def _thinned(points: Numbers) -> Numbers:
    return points[first_of_each_cell(points[:, 0], points[:, 1], DOTS_ACROSS // 4, DOTS_UP // 4)] if len(points) > 2000 else points


def _sack(one: Flow, rows: Numbers, acked: Numbers) -> Numbers:
    """The blocks of the selective acknowledgments: time, left and right edge (RFC 2018 §3)."""
    import numpy as np

    having = np.flatnonzero(one.arrays["sack_blocks"][rows] > 0)
    if len(having) > EVERY_SEGMENT:
        time_ns = one.time_ns(rows[having])
        having = having[first_of_each_cell(time_ns, acked[having], DOTS_ACROSS, DOTS_UP)]
    out = []
    for n in having.tolist():
        row = int(rows[n])
        found = _SACK_BLOCKS.search(one.arrays.options(row))
        time_ns, raw = int(one.arrays["time_ns"][row]) - one.start_ns, int(one.arrays["ack_raw"][row])
        for block in found[1].split() if found else ():
            left, right = (int(acked[n]) + int(signed(int(text) - raw)) for text in block.split(":"))
            out.append((time_ns, left, right))
    return np.array(out, dtype=np.int64).reshape(-1, 3)


def _marks(one: Flow, time_ns: Numbers, low: Numbers, high: Numbers, rows: Numbers, acked: Numbers) -> dict[str, Numbers]:
    """What is written beside segments and acknowledgments, by name; only names that occur."""
    import numpy as np

    flags, back = one.out("tcp_flags"), one.arrays["tcp_flags"][rows]
    no_syn, back_no_syn = (flags & SYN) == 0, (back & SYN) == 0
    ack_ns = one.time_ns(rows)
    found = {
        "SYN": _pairs(time_ns, high, (flags & SYN) != 0),
        "FIN": _pairs(time_ns, high, (flags & FIN) != 0),
        "RST": _pairs(time_ns, high, (flags & RST) != 0),
        "R": _pairs(time_ns, high, one.out("retransmission")),
        "O": _pairs(time_ns, high, one.out("out_of_order")),
        # RFC 5681 §3.2: the third duplicate is taken as a sign of loss.
        "3": _pairs(ack_ns, acked, one.arrays["duplicate_ack_num"][rows] == 3),
        "Z": _pairs(ack_ns, acked, one.arrays["zero_window"][rows]),
        "probe": _pairs(time_ns, high, one.out("zero_window_probe")),
        "U": _pairs(time_ns, high, (flags & URG) != 0),
        "CWR": _pairs(time_ns, high, ((flags & CWR) != 0) & no_syn),
        "ECE": _pairs(ack_ns, acked, ((back & ECE) != 0) & back_no_syn),
        "gap": _pairs(time_ns, low, one.out("lost_segment")),
        "keep-alive": _pairs(time_ns, high, one.out("keep_alive")),
        "S": _pairs(ack_ns, acked, one.arrays["sack_blocks"][rows] > 0),
    }
    resets = one.back[(one.returned("tcp_flags") & RST) != 0]
    if len(resets):
        # A reset that comes in has no number of its own here: it stands at the top of what was acknowledged.
        level = int(acked.max()) if len(acked) else int(high.max()) if len(high) else 0
        found["RST in"] = np.stack((one.time_ns(resets), np.full(len(resets), level)), axis=1)
    return {name: found[name] for name in MARKS if name in found and len(found[name])}
