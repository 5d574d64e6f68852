"""The column `cause` of the table `segments`: the codes of all segments, from the engine's arrays. Floor 3; compiled.

One pass in the order of the table, with a `plain.Quick` for every connection of which segments are still to come.
Reading: as `cause`.
"""

import cython
from array import array
from bisect import bisect_right
from itertools import accumulate

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED
from tcpinspect.engine.run import no_collector
from tcpinspect.insight.why.cause import CAUSES

if not cython.compiled:
    from tcpinspect.engine.columns import widen
    from tcpinspect.insight.why.plain import Quick, Seen

# What a code means: None is an ordinary segment.
CAUSE_WORDS = tuple([word or None for word in CAUSES])
# So many rows are brought together, connection by connection: more would not fit the cache beside what is known of the connections.
WINDOW = cython.declare(cython.longlong, 2048)
COLUMNS = (
    "stream", "side", "time_ns", "tcp_flags", "payload_len", "seq_raw", "ack_raw", "window_raw", "window", "sack_blocks", "marks",
)  # fmt: skip
_CODE = {word: code for code, word in enumerate(CAUSES)}


def cause_codes(chunks, ends, passed=None):
    """A code of CAUSE_WORDS for every row of the chunks (`engine.columns.SegmentColumns.chunks`: rows, arrays by name).

    `ends` has address and port of both ends of every connection (`model.endpoints`). `passed(n)` is called when the first n + 1
    chunks will hardly be looked at again.
    """
    with no_collector():
        return Table(chunks, ends.address, ends.port).causes(passed)


class Table:
    """The rows of the chunks by their number. `address`, `port`: two numbers a stream, one for each end."""

    def __init__(self, chunks, address, port):
        self.chunks = list(chunks)
        self.starts = list(accumulate([count for count, _ in self.chunks], initial=0))
        self.address = address
        self.port = port
        self.codes = array("B", bytes(sum([count for count, _ in self.chunks])))
        self.left = array("i")  # by stream: rows still to come
        self.live = []  # by stream: who follows it
        self.free = []  # those who have nobody to follow
        self.cells = array("q", bytes(8 * WINDOW * len(COLUMNS)))  # the columns of some rows
        self.head = array("i")  # by stream: its first row among these, or -1
        self.chain = array("i", bytes(4 * 2 * WINDOW))  # by row: the next of its stream, or -1; behind them the streams

    def causes(self, passed):
        """The code of every row."""
        chunk: cython.longlong
        for chunk in range(len(self.chunks)):
            self.tally(chunk)
            if passed is not None:
                passed(chunk)
        self.live = [None] * len(self.left)
        self.head = array("i", [-1]) * len(self.left)
        for chunk in range(len(self.chunks)):
            self.follow(chunk)
            if passed is not None:
                passed(chunk)
        return self.codes

    def tally(self, chunk):
        """Count the rows of each stream."""
        n: cython.longlong
        at: cython.longlong
        here: cython.longlong
        most: cython.longlong = -1
        left: cython.int[::1]
        cells: cython.longlong[::1] = self.cells
        count, arrays = self.chunks[chunk]
        size: cython.longlong = count
        for at in range(0, size, WINDOW):
            here = min(WINDOW, size - at)
            widen(arrays["stream"], at, here, self.cells, 0)
            for n in range(here):
                most = max(most, cells[n])
            if most >= len(self.left):
                # at least doubled, for the streams of a capture begin one after the other
                left = None
                self.left.extend(array("i", bytes(4 * max(most + 1 - len(self.left), len(self.left)))))
            left = self.left
            for n in range(here):
                left[cells[n]] += 1
        return 0

    def follow(self, chunk):
        """Hand each row to its connection's Quick, and note the causes of those that end here."""
        at: cython.longlong
        count, arrays = self.chunks[chunk]
        size: cython.longlong = count
        for at in range(0, size, WINDOW):
            self.window(arrays, at, min(WINDOW, size - at), self.starts[chunk] + at)
        return 0

    def window(self, arrays, first, size, number):
        """The same for `size` rows from `first` on, connection by connection: what is known of each is fetched once for all its rows.
        `number`: that of the first row."""
        n: cython.longlong
        k: cython.longlong = 0
        met: cython.longlong = 0
        stream: cython.longlong
        quick: Quick
        cells: cython.longlong[::1] = self.cells
        head: cython.int[::1] = self.head
        chain: cython.int[::1] = self.chain
        left: cython.int[::1] = self.left
        for name in COLUMNS:
            widen(arrays[name], first, size, self.cells, k * WINDOW)
            k += 1
        # backwards, so that each chain begins with the first row
        for n in range(size - 1, -1, -1):
            stream = cells[n]
            if head[stream] < 0:
                chain[WINDOW + met] = stream
                met += 1
            chain[n] = head[stream]
            head[stream] = n
        for k in range(met):
            stream = chain[WINDOW + k]
            quick = self.live[stream]
            if quick is None:
                quick = self.free.pop() if self.free else Quick(self)
                quick.clear(self.alone(stream))
                self.live[stream] = quick
            n = head[stream]
            head[stream] = -1
            while n >= 0:
                options = self.octets(arrays, first + n) if cells[9 * WINDOW + n] else None
                quick.take(number + n, cells[WINDOW + n] == 0, cells[2 * WINDOW + n], cells[3 * WINDOW + n], cells[4 * WINDOW + n],
                           cells[5 * WINDOW + n], cells[6 * WINDOW + n], cells[7 * WINDOW + n], cells[8 * WINDOW + n],
                           cells[9 * WINDOW + n], cells[10 * WINDOW + n], options)  # fmt: skip
                left[stream] -= 1
                n = chain[n]
            if not left[stream]:
                self.live[stream] = None
                self.free.append(quick)
                for row, cause in quick.causes():
                    self.codes[row] = _CODE[cause]
        return 0

    def octets(self, arrays, n):
        """The options of a row."""
        at = arrays["options_at"][n]
        return bytes(arrays["options_pool"][at : at + arrays["options_len"][n]])

    def alone(self, stream):
        """Whether both ends of a stream are one and the same."""
        at: cython.longlong = 2 * stream
        return self.address[at] == self.address[at + 1] and self.port[at] == self.port[at + 1]

    def late(self, number, name):
        """One value of a row by its number; the options as octets."""
        chunk = bisect_right(self.starts, number) - 1
        arrays = self.chunks[chunk][1]
        n = number - self.starts[chunk]
        return self.octets(arrays, n) if name == "options" else arrays[name][n]

    def seen(self, number, from_client):
        """A row by its number."""
        chunk = bisect_right(self.starts, number) - 1
        arrays = self.chunks[chunk][1]
        n = number - self.starts[chunk]
        row: Seen = Seen(self, number, from_client)
        row.time_ns = arrays["time_ns"][n]
        row.tcp_flags = arrays["tcp_flags"][n]
        row.payload_len = arrays["payload_len"][n]
        row.seq_raw = arrays["seq_raw"][n]
        row.ack_raw = arrays["ack_raw"][n]
        row.window_raw = arrays["window_raw"][n]
        row.sack_blocks = arrays["sack_blocks"][n]
        row.sack_permitted = arrays["marks"][n] & MARK_SACK_PERMITTED != 0
        row.options_malformed = arrays["marks"][n] & MARK_OPTIONS_MALFORMED != 0
        window = arrays["window"][n]
        row.window = None if window < 0 else window
        return row
