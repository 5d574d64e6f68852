# cython: boundscheck=False
"""Connections to rows: the outcome of each and the steps of both its sides. Floor 2; compiled.

Rows go into the `Chunk` of CHUNK streams that their stream number belongs to, as connections end; a chunk that is taken away
has them in the order of the table, as they began. Chunks that wait for a connection that does not end may lie on a shelf
meanwhile. A row of `Chunk.rows` has the columns CONNECTION_FIELDS, numbers only, UNKNOWN where nothing is known; the letters of
the histories lie in `Chunk.letters`; a row of `Chunk.steps` has the columns STEP_FIELDS, the steps of a connection together.
"""

import cython
from array import array

from tcpinspect.engine.columns import UNKNOWN
from tcpinspect.engine.doubts import END_DOUBTS
from tcpinspect.engine.ledger import EXTRA_SECTIONS, ROW_FIELDS
from tcpinspect.engine.states import HANDSHAKES, TEARDOWNS, TIME_WAIT_LASTS_S
from tcpinspect.protocol.rfc9293 import TRANSITIONS, Event, Evidence, State

if not cython.compiled:
    from tcpinspect.engine.columns import Rows
    from tcpinspect.engine.connection import Connection  # noqa: F401
    from tcpinspect.engine.states import Solver

CONNECTION_FIELDS = (
    "stream", "client_family", "client_hi", "client_lo", "client_port", "server_hi", "server_lo", "server_port", "client_endpoint",
    "start_ns", "duration_ns", "client_packets", "server_packets", "client_bytes", "server_bytes", "completeness", "handshake", "teardown",
    "client_evidence", "client_state", "server_state", "first_frame", "last_frame", "syn_to_syn_ack_ns", "syn_ack_to_ack_ns",
    "initial_rtt_ns", "client_payload_bytes", "server_payload_bytes", "client_retransmissions", "server_retransmissions",
    "client_rtt_min_ns", "client_rtt_median_ns", "client_rtt_max_ns", "server_rtt_min_ns", "server_rtt_median_ns", "server_rtt_max_ns",
    "client_mss", "server_mss", "client_window_shift", "server_window_shift", "sack", "timestamps", "client_zero_windows",
    "server_zero_windows", "lost_segments", "duplicate_acks", "out_of_order", "bad_checksums", "first_step", "steps",
    "conn_state", "history_at", "history_length",
)  # fmt: skip
CONNECTION_FIELD = {name: n for n, name in enumerate(CONNECTION_FIELDS)}
STEP_FIELDS = ("stream", "side", "frame", "time_ns", "from_state", "to_state", "event", "evidence", "section", "doubt")
# The words of the codes in the column `section`: one for each row of TRANSITIONS, then those that are no transition.
SECTIONS = tuple(row.section for row in TRANSITIONS) + EXTRA_SECTIONS
ICMP_UNREACHABLE, ICMPV6_UNREACHABLE = 3, 1
# Codes that RFC 9293 §3.9.2.2 (with RFC 5461 §2 for IPv6) lets end an attempt to connect: by ICMP type.
FINAL_CODES = {ICMP_UNREACHABLE: (2, 3), ICMPV6_UNREACHABLE: (1, 4)}
HANDSHAKE_WORDS = HANDSHAKES
TEARDOWN_WORDS = TEARDOWNS
CHUNK_STREAMS = 4096

CHUNK = cython.declare(cython.longlong, CHUNK_STREAMS)
WIDTH = cython.declare(cython.longlong, len(CONNECTION_FIELDS))
FIRST_ROOM = 64  # rows
LETTERS = cython.declare(cython.longlong, 4096)  # of histories, on the page of those who only count
FIRST_STEP = cython.declare(cython.longlong, CONNECTION_FIELD["first_step"])
HISTORY_AT = cython.declare(cython.longlong, CONNECTION_FIELD["history_at"])
ROW = cython.declare(cython.longlong, len(ROW_FIELDS))  # as the solver writes it; STEP_FIELDS but the stream
STEP_WIDTH = cython.declare(cython.longlong, len(STEP_FIELDS))
NOTHING = cython.declare(cython.longlong, UNKNOWN)
CLOSED = cython.declare(cython.longlong, State.CLOSED)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)
TIMEOUT_2MSL = cython.declare(cython.longlong, Event.TIMEOUT_2MSL)
ASSUMED = cython.declare(cython.longlong, Evidence.assumed)
EVENTS = cython.declare(cython.longlong, len(Event))
RESET_IGNORED = cython.declare(cython.longlong, END_DOUBTS["reset ignored"])
HOW_LONG = cython.declare(cython.longlong, END_DOUBTS["how long"])
SECOND = cython.declare(cython.longlong, 1_000_000_000)
TIME_WAIT_NS = cython.declare(cython.longlong, TIME_WAIT_LASTS_S * 1_000_000_000)


class Chunk:
    """Connections of `first` … `first + CHUNK_STREAMS - 1`: the rows of `done` finished ones; `stored` more lie on a shelf.

    `taken_ns`: time of the capture's last packet so far when the chunk was taken away. `source`: the connection from which its last row
    is completed.
    """

    def __init__(self, first, room=FIRST_ROOM):
        self.first = first
        self.done = 0
        self.stored = 0
        self.room = room
        self.rows = array("q", bytes(8 * WIDTH)) * self.room
        self.view = self.rows
        self.steps = Rows(STEP_WIDTH)
        self.letters = bytearray()
        self.waiting = Rows(3)
        self.settled_ns = 0
        self.taken_ns = 0
        self.early = 0
        self.source = None

    @staticmethod
    def of_rows(rows):
        """A chunk of single rows, each with the letters of its history, in the given order."""
        chunk = Chunk(0, max(1, len(rows)))
        for n, (row, letters) in enumerate(rows):
            chunk.rows[n * WIDTH : (n + 1) * WIDTH] = row
            chunk.rows[n * WIDTH + HISTORY_AT] = len(chunk.letters)
            chunk.letters.extend(letters)
        chunk.done = len(rows)
        return chunk

    def clear(self):
        """Make it empty."""
        self.done = self.steps.count = 0
        if len(self.letters) > LETTERS:
            self.letters = bytearray()
        return 0

    def complete(self):
        """Write of the last row what none needs who only counts: most rows are counted and gone."""
        at: cython.longlong = (self.done - 1) * WIDTH
        c: Connection = self.source
        k: cython.longlong
        s: cython.longlong
        row = self.view
        if c is None:
            return 0
        self.source = None
        k = row[at + 8]
        s = 1 - k
        row[at + 1] = c.family
        row[at + 2] = c.hi1 if k else c.hi0
        row[at + 3] = c.lo1 if k else c.lo0
        row[at + 4] = c.port1 if k else c.port0
        row[at + 5] = c.hi0 if k else c.hi1
        row[at + 6] = c.lo0 if k else c.lo1
        row[at + 7] = c.port0 if k else c.port1
        row[at + 9] = c.start_ns
        row[at + 10] = c.last_ns - c.start_ns
        row[at + 13] = known(c.outcome.octets(k))
        row[at + 14] = known(c.outcome.octets(s))
        row[at + 22] = c.last_frame
        row[at + 24] = known(c.syn_ack_to_ack_ns)
        row[at + 25] = c.pair.initial_rtt_ns if c.pair.initial_rtt_ns else NOTHING
        spread(row, at + 30, c.rtt1 if k else c.rtt0)
        spread(row, at + 33, c.rtt0 if k else c.rtt1)
        row[at + 40] = c.sack[0] & c.sack[1] if c.syn_seen[0] and c.syn_seen[1] else NOTHING
        row[at + 41] = c.timestamps[0] & c.timestamps[1] if c.syn_seen[0] and c.syn_seen[1] else NOTHING
        return 0

    def next_row(self):
        """Where the next row goes."""
        if self.done == self.room:
            self.make_room(self.room * 4)
        return self.done * WIDTH

    def make_room(self, room):
        """Room for so many rows."""
        grown = array("q", bytes(8 * WIDTH)) * room
        memoryview(grown)[: len(self.rows)] = memoryview(self.rows)
        self.rows = grown
        self.view = grown
        self.room = room
        return 0

    def put_in_order(self):
        """Rows by stream, once all are here."""
        k: cython.longlong = 0
        old: cython.longlong[::1] = self.view
        at: cython.longlong
        field: cython.longlong
        while k < self.done and old[k * WIDTH] == self.first + k:
            k += 1
        if k == self.done:
            return 0
        rows = array("q", bytes(8 * WIDTH)) * self.done
        new: cython.longlong[::1] = rows
        for k in range(self.done):
            at = (old[k * WIDTH] - self.first) * WIDTH
            for field in range(WIDTH):
                new[at + field] = old[k * WIDTH + field]
        self.rows = rows
        self.view = rows
        self.room = self.done
        return 0

    def unload(self):
        """Everything finished so far, as octets: rows, steps, letters, ends waited for. What is left is empty."""
        out = (
            self.rows[: self.done * WIDTH].tobytes(), self.steps.data[: self.steps.count * STEP_WIDTH].tobytes(), bytes(self.letters),
            self.waiting.data[: self.waiting.count * 3].tobytes(),
        )  # fmt: skip
        self.stored += self.done
        self.done = 0
        self.room = FIRST_ROOM
        self.rows = array("q", bytes(8 * WIDTH)) * self.room
        self.view = self.rows
        self.steps = Rows(STEP_WIDTH)
        self.letters = bytearray()
        self.waiting = Rows(3)
        return out

    def load(self, rows, steps, letters, waiting):
        """Take back what was unloaded."""
        k: cython.longlong
        come: cython.longlong = len(rows) // (8 * WIDTH)
        steps_before: cython.longlong = self.steps.count
        letters_before: cython.longlong = len(self.letters)
        if self.done + come > self.room:
            self.make_room(self.done + come)
        memoryview(self.rows).cast("B")[8 * WIDTH * self.done : 8 * WIDTH * (self.done + come)] = rows
        for k in range(self.done * WIDTH, (self.done + come) * WIDTH, WIDTH):
            self.view[k + FIRST_STEP] += steps_before
            self.view[k + HISTORY_AT] += letters_before
        self.done += come
        self.stored -= come
        self.steps.join(steps)
        self.letters += letters
        self.waiting.join(waiting)
        return 0

    def row(self, stream):
        """The row of a stream of this chunk, as an array."""
        at = (stream - self.first) * WIDTH
        return self.rows[at : at + WIDTH]

    def column(self, number):
        """One column as an array, a cell for every finished connection. Only for a chunk that is complete."""
        return self.rows[number : self.done * WIDTH : WIDTH]


class Sink:
    """Who only counts connections."""

    def take(self, chunk):
        """Take the connection that has just ended, the only one of a chunk. Its row has what Classes sorts by, and the rest (`complete`)
        for who asks."""
        raise NotImplementedError


class Finisher:
    """Turns connections into rows. `keep_steps`: whether the steps are wanted, or only where they lead.

    `chunks`: by number, those that are not taken away yet; `shelf` (engine.shelf) keeps what would be too much of them. `sinks`, those who
    only count, take each connection as it ends: then the end of a TIME-WAIT by time is told only where the capture ended first.
    """

    def __init__(self, keep_steps, shelf=None, sinks=()):
        self.keep_steps = 1 if keep_steps else 0
        self.shelf = shelf
        self.held = 0
        self.most = shelf.most if shelf is not None else 0
        self.sinks = list(sinks)
        self.counting = len(self.sinks) > 0
        self.page = Chunk(0, 1)
        self.chunks = {}
        self.taken = 0
        self.latest = None
        self.solver = Solver()

    def chunk_of(self, stream):
        """The chunk that holds, or will hold, the row of a stream."""
        chunk: Chunk = self.latest
        number: cython.longlong = stream // CHUNK
        if chunk is not None and chunk.first == number * CHUNK:
            return chunk
        if number not in self.chunks:
            self.chunks[number] = Chunk(number * CHUNK)
        chunk = self.chunks[number]
        self.latest = chunk
        return chunk

    def finish(self, c, before, capture_end_ns, ended):
        """Write the rows of one connection. `before`: the states in which the previous connection on the same address pair left
        c's endpoints, four bits each (-1: there was none); `capture_end_ns`: time of the capture's last packet so far, `ended`:
        no more will come."""
        solver: Solver = self.solver
        chunk: Chunk = self.page
        k: cython.longlong
        s: cython.longlong
        at: cython.longlong
        first_step: cython.longlong
        if self.counting:
            chunk.clear()
        else:
            chunk = self.chunk_of(c.stream)
        at = chunk.next_row()
        first_step = chunk.steps.count
        if before >= 0:
            solver.remember(before & 15, before >> 4)
        if c.icmp_events is not None:
            self.hear_errors(c)
        if c.superseded:
            solver.hear_next_syn(c.superseded - 1, c.superseded_ns)
        solver.solve(c.moments, c.client, capture_end_ns, self.keep_steps)
        if self.keep_steps:
            self.write_steps(c, chunk)
        k = solver.client
        s = 1 - k
        row = chunk.view
        row[at] = c.stream
        row[at + 8] = k
        row[at + 11] = c.packets[k]
        row[at + 12] = c.packets[s]
        row[at + 15] = c.pair.completeness
        row[at + 16] = solver.handshake
        row[at + 17] = solver.teardown
        row[at + 18] = solver.client_evidence
        row[at + 19] = self.last_state(c, k)
        row[at + 20] = self.last_state(c, s)
        row[at + 21] = c.first_frame
        row[at + 23] = known(c.syn_to_syn_ack_ns)
        row[at + 26] = c.payload[k]
        row[at + 27] = c.payload[s]
        row[at + 28] = c.retransmissions[k]
        row[at + 29] = c.retransmissions[s]
        row[at + 36] = known(c.mss[k])
        row[at + 37] = known(c.mss[s])
        row[at + 38] = known(c.shift[k])
        row[at + 39] = known(c.shift[s])
        row[at + 42] = c.zero_windows[k]
        row[at + 43] = c.zero_windows[s]
        row[at + 44] = c.lost_segments
        row[at + 45] = c.duplicate_acks
        row[at + 46] = c.out_of_order
        row[at + 47] = c.bad_checksums
        row[at + 48] = first_step
        row[at + 49] = chunk.steps.count - first_step
        if not ended and not self.counting:
            chunk.early = 1
            self.await_end(c, chunk)
        row[at + 50] = c.outcome.conn_state_code()
        row[at + 51] = len(chunk.letters)
        row[at + 52] = c.outcome.write_history(chunk.letters)
        chunk.done += 1
        chunk.source = c
        if self.counting:
            return self.give(chunk)
        chunk.complete()
        self.held += WIDTH + (chunk.steps.count - first_step) * STEP_WIDTH
        if self.shelf is not None and self.held > self.most:
            self.put_away()
        return 0

    def give(self, page):
        """Tell those who only count."""
        for sink in self.sinks:
            cython.cast(Sink, sink).take(page)
        page.source = None
        return 0

    def put_away(self):
        """Too much is waiting: onto the shelf with it."""
        for chunk in self.chunks.values():
            if chunk.done:
                self.shelf.put(chunk)
        self.held = 0
        return 0

    def hear_errors(self, c):
        """Tell the solver which ICMP errors answered the connection's segments."""
        for frame, time_ns, kind, icmp_code, side, seq, _mtu in c.icmp_events:
            if kind in FINAL_CODES:
                self.solver.hear_error(side, frame, time_ns, seq, icmp_code in FINAL_CODES[kind])
        return 0

    def last_state(self, c, side):
        """The state in which the capture leaves a side; unknown where it never said a word."""
        state: cython.longlong = self.solver.finals[side]
        return NOTHING if state == CLOSED and c.packets[side] == 0 and not c.alone else state

    def left(self, c):
        """The states in which the connection just finished was left, as Pairs keeps them."""
        return c.last_ns // SECOND << 8 | self.solver.finals[1] << 4 | self.solver.finals[0]

    def await_end(self, c, chunk):
        """Sides in TIME-WAIT leave it by time, if the capture goes on so long: keep room for the step that says so."""
        solver: Solver = self.solver
        side: cython.longlong
        since_ns: cython.longlong
        for side in range(1, -1, -1):
            if solver.finals[side] != TIME_WAIT or (c.alone and side != solver.client):
                continue
            since_ns = solver.since[side]
            if not since_ns:
                continue
            chunk.waiting.begin()
            chunk.waiting.put(0, c.stream)
            chunk.waiting.put(1, side)
            chunk.waiting.put(2, since_ns + TIME_WAIT_NS)
            if since_ns + TIME_WAIT_NS > chunk.settled_ns:
                chunk.settled_ns = since_ns + TIME_WAIT_NS
            if self.keep_steps:
                chunk.steps.begin()
        return 0

    def take(self, capture_end_ns, ended):
        """Take the next chunk away if all is known of it, else None: chunks are taken in the order of their numbers."""
        chunk: Chunk = self.chunks.get(self.taken)
        if chunk is None or not ended and (chunk.done + chunk.stored < CHUNK or chunk.settled_ns > capture_end_ns):
            return None
        if chunk.stored:
            self.shelf.take(chunk)
        chunk.put_in_order()
        self.held = max(0, self.held - chunk.done * WIDTH - chunk.steps.count * STEP_WIDTH)
        self.settle_chunk(chunk, capture_end_ns)
        chunk.taken_ns = capture_end_ns
        del self.chunks[self.taken]
        self.latest = None
        self.taken += 1
        return chunk

    def settle_chunk(self, chunk, capture_end_ns):
        k: cython.longlong
        for k in range(chunk.waiting.count):
            if chunk.waiting.view[k * 3 + 2] <= capture_end_ns:
                self.outlast(chunk, chunk.waiting.view[k * 3], chunk.waiting.view[k * 3 + 1])
        chunk.waiting.count = 0
        if self.keep_steps and chunk.early:
            self.arrange(chunk)
        return 0

    def arrange(self, chunk):
        """Put the steps in the order of the streams, without the room that was kept for nothing."""
        old: Rows = chunk.steps
        new = Rows(STEP_WIDTH)
        fresh: Rows = new
        row: cython.longlong
        _k: cython.longlong
        at: cython.longlong
        field: cython.longlong
        first: cython.longlong
        for row in range(0, chunk.done * WIDTH, WIDTH):
            at = chunk.view[row + 48] * STEP_WIDTH
            first = fresh.count
            for _k in range(chunk.view[row + 49]):
                fresh.begin()
                for field in range(STEP_WIDTH):
                    fresh.put(field, old.view[at])
                    at += 1
            chunk.view[row + 48] = first
        chunk.steps = fresh
        return 0

    def outlast(self, chunk, stream, side):
        """End the TIME-WAIT of one side."""
        row: cython.longlong = (stream - chunk.first) * WIDTH
        at: cython.longlong = (chunk.view[row + 48] + chunk.view[row + 49]) * STEP_WIDTH
        steps: Rows = chunk.steps
        k: cython.longlong
        chunk.view[row + (19 if side == chunk.view[row + 8] else 20)] = CLOSED
        if not self.keep_steps:
            return 0
        # What came in TIME-WAIT raises no doubt about a later end.
        k = at - STEP_WIDTH
        while steps.view[k + 1] != side:
            k -= STEP_WIDTH
        if steps.view[k + 9] == RESET_IGNORED:
            steps.view[k + 9] = 0
        chunk.view[row + 49] += 1
        steps.view[at] = stream
        steps.view[at + 1] = side
        steps.view[at + 2] = steps.view[at + 3] = NOTHING
        steps.view[at + 4] = TIME_WAIT
        steps.view[at + 5] = CLOSED
        steps.view[at + 6] = TIMEOUT_2MSL
        steps.view[at + 7] = ASSUMED
        steps.view[at + 8] = self.solver.rule_of[TIME_WAIT * EVENTS + TIMEOUT_2MSL]
        steps.view[at + 9] = HOW_LONG
        return 0

    def write_steps(self, c, chunk):
        """Append the rows of the timeline; a socket connected to itself has one side."""
        solver: Solver = self.solver
        steps: Rows = chunk.steps
        at: cython.longlong = steps.count * STEP_WIDTH
        k: cython.longlong
        base: cython.longlong
        field: cython.longlong
        steps.reserve(solver.n)
        out: cython.longlong[::1] = steps.view
        for k in range(solver.n):
            base = k * ROW
            if c.alone and solver.rows_out[base] != solver.client:
                steps.count -= 1
                continue
            out[at] = c.stream
            for field in range(ROW):
                out[at + 1 + field] = solver.rows_out[base + field]
            if not solver.rows_out[base + 1]:
                out[at + 2] = out[at + 3] = NOTHING
            at += STEP_WIDTH
        return 0


def spread(row, at, samples):
    """Least, median (the lower of two middle ones) and most of the samples, into three cells."""
    if samples.count == 0:
        row[at] = row[at + 1] = row[at + 2] = NOTHING
        return 0
    row[at] = samples.least()
    row[at + 1] = samples.middle()
    row[at + 2] = samples.most()
    return 0


def known(value):
    return NOTHING if value < 0 else value
