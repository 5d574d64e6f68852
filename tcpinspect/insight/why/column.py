"""The column `cause` of the table `segments`: the codes of all segments, from the engine's arrays. Floor 3; compiled.

One pass in the order of the table, with a `plain.Quick` for every connection of which segments are still to come.
Reading: as `cause`.
"""

import cython
from array import array
from bisect import bisect_right
from itertools import accumulate

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED
from tcpinspect.insight.why.cause import CAUSES

if not cython.compiled:
    from tcpinspect.insight.why.plain import Quick, Seen

# What a code means: None is an ordinary segment.
CAUSE_WORDS = tuple([word or None for word in CAUSES])
_CODE = {word: code for code, word in enumerate(CAUSES)}


def cause_codes(chunks, ends, passed=None):
    """A code of CAUSE_WORDS for every row of the chunks (`engine.columns.SegmentColumns.chunks`: rows, arrays by name).

    `ends` has address and port of both ends of every connection (`model.endpoints`). `passed(n)` is called when the first n + 1
    chunks will hardly be looked at again.
    """
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

    def causes(self, passed):
        """The code of every row."""
        chunk: cython.longlong
        for chunk in range(len(self.chunks)):
            self.tally(chunk)
            if passed is not None:
                passed(chunk)
        self.live = [None] * len(self.left)
        for chunk in range(len(self.chunks)):
            self.follow(chunk)
            if passed is not None:
                passed(chunk)
        return self.codes

    def tally(self, chunk):
        """Count the rows of each stream."""
        n: cython.longlong
        count, arrays = self.chunks[chunk]
        size: cython.longlong = count
        most: cython.longlong = -1
        streams: cython.const[cython.int][::1] = arrays["stream"]
        for n in range(size):
            most = max(most, streams[n])
        if most >= len(self.left):
            # at least doubled, for the streams of a capture begin one after the other
            self.left.extend(array("i", bytes(4 * max(most + 1 - len(self.left), len(self.left)))))
        left: cython.int[::1] = self.left
        for n in range(size):
            left[streams[n]] += 1
        return 0

    def follow(self, chunk):
        """Hand each row to its connection's Quick, and note the causes of those that end here."""
        n: cython.longlong
        count, arrays = self.chunks[chunk]
        size: cython.longlong = count
        number: cython.longlong = self.starts[chunk]
        stream: cython.longlong
        quick: Quick
        left: cython.int[::1] = self.left
        streams: cython.const[cython.int][::1] = arrays["stream"]
        sides: cython.const[cython.uchar][::1] = arrays["side"]
        times: cython.const[cython.longlong][::1] = arrays["time_ns"]
        flags: cython.const[cython.ushort][::1] = arrays["tcp_flags"]
        payloads: cython.const[cython.int][::1] = arrays["payload_len"]
        seqs: cython.const[cython.uint][::1] = arrays["seq_raw"]
        acks: cython.const[cython.uint][::1] = arrays["ack_raw"]
        fields: cython.const[cython.ushort][::1] = arrays["window_raw"]
        windows: cython.const[cython.int][::1] = arrays["window"]
        blocks: cython.const[cython.uchar][::1] = arrays["sack_blocks"]
        marks: cython.const[cython.uchar][::1] = arrays["marks"]
        ats: cython.const[cython.int][::1] = arrays["options_at"]
        lengths: cython.const[cython.uchar][::1] = arrays["options_len"]
        pool = arrays["options_pool"]
        for n in range(size):
            options = None
            if blocks[n]:
                options = bytes(pool[ats[n] : ats[n] + lengths[n]])
            stream = streams[n]
            quick = self.live[stream]
            if quick is None:
                quick = self.free.pop() if self.free else Quick(self)
                quick.clear(self.alone(stream))
                self.live[stream] = quick
            quick.take(number + n, sides[n] == 0, times[n], flags[n], payloads[n], seqs[n], acks[n], fields[n], windows[n], blocks[n],
                       marks[n], options)  # fmt: skip
            left[stream] -= 1
            if not left[stream]:
                self.live[stream] = None
                self.free.append(quick)
                for row, cause in quick.causes():
                    self.codes[row] = _CODE[cause]
        return 0

    def alone(self, stream):
        """Whether both ends of a stream are one and the same."""
        at: cython.longlong = 2 * stream
        return self.address[at] == self.address[at + 1] and self.port[at] == self.port[at + 1]

    def late(self, number, name):
        """One value of a row by its number; the options as octets."""
        chunk = bisect_right(self.starts, number) - 1
        arrays = self.chunks[chunk][1]
        n = number - self.starts[chunk]
        if name == "options":
            at = arrays["options_at"][n]
            return bytes(arrays["options_pool"][at : at + arrays["options_len"][n]])
        return arrays[name][n]

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
