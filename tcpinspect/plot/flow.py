"""One direction of a connection as numpy columns: whose octets, their numbers without wraps, what comes back. Floor 4.

Reading: RFC 9293 §3.4 (sequence numbers are modulo 2^32; here they are counted on from the first one that was captured).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tcpinspect.errors import UsageError
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

Numbers = Any  # numpy.ndarray: numpy is not typed where the linters run
SIDES = ("client", "server")
# What a picture of a usual size can tell apart.
DOTS_ACROSS, DOTS_UP = 1500, 700


@dataclass(frozen=True, slots=True)
class Flow:
    """What one side sent (`sent`) and the other answered (`back`): row numbers into `arrays`; times from `start_ns`."""

    side: str
    sender: str
    receiver: str
    start_ns: int
    arrays: Any
    sent: Numbers
    back: Numbers

    def out(self, name: str) -> Numbers:
        """A column of what the side sent."""
        return self.arrays[name][self.sent]

    def returned(self, name: str) -> Numbers:
        """A column of what came back."""
        return self.arrays[name][self.back]

    def time_ns(self, rows: Numbers) -> Numbers:
        """ns since the first segment of the connection."""
        return self.arrays["time_ns"][rows] - self.start_ns


def flow(connection: Any, side: str | None = None) -> Flow:
    """The direction in which `side` sends, "client" or "server"; without one the direction with more data.

    Raises UsageError for another side.
    """
    if side is not None and side not in SIDES:
        raise UsageError(f'no side "{side}": there is {", ".join(SIDES)}')
    import numpy as np

    arrays = connection.arrays
    by_client = arrays["from_client"]
    if side is None:
        sizes = arrays["payload_len"]
        side = "client" if sizes[by_client].sum() > sizes[~by_client].sum() else "server"
        # Without any data: whoever said more.
        if not sizes.any():
            side = "client" if 2 * int(by_client.sum()) >= len(by_client) else "server"
    mine = by_client if side == "client" else ~by_client
    ends = (str(connection.client), str(connection.server))
    sender, receiver = ends if side == "client" else ends[::-1]
    return Flow(side, sender, receiver, connection.start_ns, arrays, np.flatnonzero(mine), np.flatnonzero(~mine))


def unwrapped(raw: Numbers, first: int = 0) -> Numbers:
    """Sequence numbers counted on over every wrap of 2^32, the first of them being `first`."""
    import numpy as np

    if not len(raw):
        return raw
    return first + np.concatenate(([0], np.cumsum(signed(np.diff(raw)))))


def signed(steps: Numbers) -> Numbers:
    """Differences of sequence numbers as the nearest signed ones: −2^31 to 2^31 − 1."""
    return (steps + 2**31) % 2**32 - 2**31


def numbers(one: Flow) -> tuple[Numbers, Numbers]:
    """First number of each segment sent, and the number past its last octet; SYN and FIN count one each."""
    flags = one.out("tcp_flags")
    raw, known = one.out("seq_raw"), one.out("seq")
    low = unwrapped(raw, int(max(known[0], 0)) if len(known) else 0)
    return low, low + one.out("payload_len") + ((flags & SYN) != 0) + ((flags & FIN) != 0)


def acknowledgments(one: Flow) -> tuple[Numbers, Numbers]:
    """Rows of the segments that came back with an ACK, and what each acknowledges in the numbers of `numbers`."""
    flags = one.returned("tcp_flags")
    rows = one.back[((flags & ACK) != 0) & ((flags & RST) == 0)]
    raw = one.arrays["ack_raw"][rows]
    if not len(rows):
        return rows, raw
    low, _ = numbers(one)
    if len(low):
        first = int(low[0] + signed(raw[0] - one.out("seq_raw")[0]))
    else:
        first = int(max(one.arrays["ack"][rows[0]], 0))
    return rows, unwrapped(raw, first)


def line_once_a_dot(time_ns: Numbers, *curves: Numbers) -> Numbers:
    """Which points of curves over the same times to draw: of each column of dots the first, the last, the lowest, the highest."""
    import numpy as np

    if len(time_ns) <= 4 * DOTS_ACROSS:
        return np.arange(len(time_ns))
    span = max(int(time_ns.max() - time_ns.min()), 1)
    column = (time_ns - time_ns.min()) * (DOTS_ACROSS - 1) // span
    order = np.argsort(column, kind="stable")
    starts = np.flatnonzero(np.concatenate(([True], np.diff(column[order]) != 0)))
    ends = np.concatenate((starts[1:], [len(column)])) - 1
    chosen = [order[starts], order[ends]]
    for curve in curves:
        sorted_rows = np.lexsort((curve, column))
        chosen += [sorted_rows[starts], sorted_rows[ends]]
    return np.unique(np.concatenate(chosen))


def first_of_each_cell(x: Numbers, y: Numbers, across: int, up: int) -> Numbers:
    """Which points to draw where many fall onto one dot: the first of each of `across` times `up` cells, in order."""
    import numpy as np

    if not len(x):
        return np.zeros(0, dtype=np.int64)

    def cell(values: Numbers, count: int) -> Numbers:
        least, most = values.min(), values.max()
        return ((values - least) * (count - 1) // max(most - least, 1)).astype(np.int64)

    _, first = np.unique(cell(x, across) * up + cell(y, up), return_index=True)
    return np.sort(first)
