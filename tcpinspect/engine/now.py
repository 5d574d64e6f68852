"""The states of connections while the capture goes on: asked at any time, answered from the same log. Floor 2; compiled.

A `Now` drives a bounded tracker and stands where its finisher stands. `ask` solves again only the connections that heard something
since the last question, and tells which steps are new. A later segment can show that an earlier reading was wrong (a segment taken
for delivered was lost); then steps are taken back, and the answer says how many: whoever drops as many of that side's last steps
before he adds the new ones has, at every moment, the timeline that an analysis of the file up to there gives.

Of the connections there is one line each in `lines`, NOW_FIELDS wide, at the number of the tracker's slot; `stream` is -1 where the
slot is free. Connections that leave the table are added to `classes` (and to `gone`, if that is a list), so that memory grows with
those alive alone; when the tracker has seen ROOM streams, it forgets the addresses of those that have left. The one step that comes
by time, the end of a TIME-WAIT, is also told of those that have left.
"""

import cython
from array import array

from tcpinspect.engine.columns import UNKNOWN
from tcpinspect.engine.doubts import END_DOUBTS
from tcpinspect.engine.finish import CONNECTION_FIELD, CONNECTION_FIELDS, STEP_FIELDS
from tcpinspect.engine.states import HANDSHAKES, TIME_WAIT_LASTS_S
from tcpinspect.protocol.rfc9293 import Event, Evidence, State

if not cython.compiled:
    from tcpinspect.engine.classes import Classes
    from tcpinspect.engine.columns import Rows
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.finish import Chunk, Finisher
    from tcpinspect.engine.pairs import Pairs
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.track import Tracker

# `number` is the one to show: it stays, while `stream` is the tracker's. `octets` are both sides' payload, `rtt_ns` is the SYN's and
# its answer's until the third segment, then the initial one. `client_since_ns`: time of the segment that led to the state.
NOW_FIELDS = (
    "stream", "number", "last_frame", "errors", "client_endpoint", "client_state", "server_state", "client_since_ns", "server_since_ns",
    "start_ns", "last_ns", "packets", "octets", "retransmissions", "rtt_ns", "handshake", "family", "server_hi", "server_lo",
    "server_port",
)  # fmt: skip
# A step as `ask` tells it: those of STEP_FIELDS behind whom it is about; `takes_back` steps of that side are gone before it.
NEWS_FIELDS = ("number", "family", "hi", "lo", "port", "server", *STEP_FIELDS[2:], "takes_back", "peer_hi", "peer_lo", "peer_port")
ROOM = 1_000_000

WIDTH = cython.declare(cython.longlong, len(NOW_FIELDS))
STEP_WIDTH = cython.declare(cython.longlong, len(STEP_FIELDS))
ROW_WIDTH = cython.declare(cython.longlong, len(CONNECTION_FIELDS))
NOTHING = cython.declare(cython.longlong, UNKNOWN)
CLIENT_STATE = cython.declare(cython.longlong, CONNECTION_FIELD["client_state"])
INITIAL_RTT = cython.declare(cython.longlong, CONNECTION_FIELD["initial_rtt_ns"])
FIRST_RTT = cython.declare(cython.longlong, CONNECTION_FIELD["syn_to_syn_ack_ns"])
SYN_SENT = cython.declare(cython.longlong, State.SYN_SENT)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)
TIME_WAIT_NS = cython.declare(cython.longlong, TIME_WAIT_LASTS_S * 1_000_000_000)
CLOSED = cython.declare(cython.longlong, State.CLOSED)
TIMEOUT_2MSL = cython.declare(cython.longlong, Event.TIMEOUT_2MSL)
ASSUMED = cython.declare(cython.longlong, Evidence.assumed)
EVENTS = cython.declare(cython.longlong, len(Event))
HOW_LONG = cython.declare(cython.longlong, END_DOUBTS["how long"])
WAIT_WIDTH = cython.declare(cython.longlong, 10)
SECOND = cython.declare(cython.longlong, 1_000_000_000)
SLOT_BITS = cython.declare(cython.longlong, 24)
SLOT_MASK = cython.declare(cython.longlong, (1 << 24) - 1)
UNANSWERED = cython.declare(cython.longlong, HANDSHAKES.index("unanswered"))
HAS_SYN = cython.declare(cython.longlong, 1)  # of `completeness`, as in Wireshark: a SYN and nothing else


class Now(Finisher):
    """A tracker that can be asked. `feed` it batches of records, `ask` in between, `end` it once. `follow` False: `ask` tells no steps."""

    def __init__(self, classes=None, follow=True, room=ROOM):
        Finisher.__init__(self, True)
        self.follow = 1 if follow else 0
        self.classes = classes
        self.room = room
        self.page = Chunk(0)
        self.tracker = Tracker(self, None, True)
        self.lines = array("q")
        self.told = []
        self.news = []
        self.beyond = 0
        self.looks = 0
        self.gone = None
        self.waits = {}

    def feed(self, records):
        """Analyse the records that a source has just made current."""
        if self.tracker.pairs.count >= self.room:
            self.forget()
        self.tracker.block(records, 0, records.count)
        return 0

    def feed_until(self, records, first, until_ns):
        """Analyse the records from number `first` on, up to the first that is later than this; its number."""
        n: cython.longlong = first
        while n < records.count and records.times[n] <= until_ns:
            n += 1
        if self.tracker.pairs.count >= self.room:
            self.forget()
        if n > first:
            self.tracker.block(records, first, n)
        return n

    def chunk_of(self, stream):
        """One page for every connection: it is read at once."""
        page: Chunk = self.page
        page.first = stream
        page.done = 0
        page.steps.count = 0
        page.waiting.count = 0
        page.letters = bytearray()
        return page

    def finish(self, c, before, capture_end_ns, ended):
        """The tracker lets a connection go: tell its last steps, and add it to the classes."""
        slot: cython.longlong = self.tracker.pairs.live(c.stream)
        Finisher.finish(self, c, before, capture_end_ns, ended)
        self.grow()
        if self.follow or self.cells[slot * WIDTH] != c.stream:
            self.tell(c, slot)
        self.page.view[0] = self.cells[slot * WIDTH + 1]
        if self.classes is not None:
            self.classes.add(self.page)
        if self.gone is not None:
            self.gone.append((self.page.rows[:ROW_WIDTH], self.page.letters))
        if self.follow and not ended:
            self.wait(c, self.cells[slot * WIDTH + 1])
        self.cells[slot * WIDTH] = -1
        self.told[slot] = None
        return 0

    def wait(self, c, number):
        """The connection goes, but sides of it are in TIME-WAIT: keep what is to be told when that is over, by the second."""
        k: cython.longlong
        end: cython.longlong
        waiting: Rows = self.page.waiting
        for k in range(waiting.count):
            end = waiting.view[k * 3 + 1]
            due = self.waits.setdefault(waiting.view[k * 3 + 2] // SECOND, array("q"))
            due.extend((
                waiting.view[k * 3 + 2], number, c.family, c.hi1 if end else c.hi0, c.lo1 if end else c.lo0, c.port1 if end else c.port0,
                1 if end != self.page.view[8] else 0, c.hi0 if end else c.hi1, c.lo0 if end else c.lo1, c.port0 if end else c.port1,
            ))  # fmt: skip
        return 0

    def outwait(self, now_ns):
        """Tell of the connections gone whose TIME-WAIT is over by now."""
        at: cython.longlong
        rule: cython.longlong = self.solver.rule_of[TIME_WAIT * EVENTS + TIMEOUT_2MSL]
        step = (NOTHING, NOTHING, TIME_WAIT, CLOSED, TIMEOUT_2MSL, ASSUMED, rule, HOW_LONG, 0)
        for second in sorted(one for one in self.waits if one * SECOND <= now_ns):
            due = self.waits.pop(second)
            later = array("q")
            for at in range(0, len(due), WAIT_WIDTH):
                if due[at] <= now_ns:
                    self.news.append((*due[at + 1 : at + 7], *step, *due[at + 7 : at + WAIT_WIDTH]))
                else:
                    later.extend(due[at : at + WAIT_WIDTH])
            if later:
                self.waits[second] = later
        return 0

    def grow(self):
        """A line for every slot of the tracker."""
        lacking: cython.longlong = len(self.tracker.alive) - len(self.told)
        if lacking > 0:
            fresh = array("q", [-1] * (WIDTH * (len(self.told) + lacking)))
            fresh[: len(self.lines)] = self.lines
            self.lines = fresh
            self.told.extend([None] * lacking)
        if len(self.lines):
            self.cells = self.lines
        return 0

    def ask(self, now_ns):
        """Bring `lines` up to date; the steps that are new since the last question, tuples of NEWS_FIELDS.

        `now_ns` is the time of the question, by the clock of the packets: what ends by time is judged by it.
        """
        slot: cython.longlong
        at: cython.longlong
        c: Connection
        work = []
        self.grow()
        for slot in range(len(self.tracker.alive)):
            c = self.tracker.alive[slot]
            at = slot * WIDTH
            if c.used == 2 or c.ghost:
                self.cells[at] = -1
                self.told[slot] = None
                continue
            self.tracker.settle(c)
            if self.stale(c, at) or self.waited(at, now_ns):
                work.append(c.stream << SLOT_BITS | slot)
        # A connection after the one before it on the same addresses: it begins in the states in which that one ended.
        work.sort()
        for one in work:
            self.look(one & SLOT_MASK, now_ns)
        if self.waits:
            self.outwait(now_ns)
        news = self.news
        self.news = []
        return news

    def stale(self, c, at):
        """The connection heard something that its line does not know."""
        errors: cython.longlong = 0 if c.icmp_events is None else len(c.icmp_events)
        return self.cells[at] != c.stream or self.cells[at + 2] != c.last_frame or self.cells[at + 3] != errors

    def waited(self, at, now_ns):
        """The time of a TIME-WAIT is over."""
        k: cython.longlong
        for k in range(2):
            if self.cells[at + 5 + k] == TIME_WAIT and self.cells[at + 7 + k] > 0 and now_ns - self.cells[at + 7 + k] >= TIME_WAIT_NS:
                return 1
        return 0

    def look(self, slot, now_ns):
        """Solve one connection as it stands."""
        c: Connection = self.tracker.alive[slot]
        if not self.follow and self.only_asked(c):
            self.tell_asked(c, slot)
            return 0
        Finisher.finish(self, c, self.before(c), now_ns, 1)
        self.tell(c, slot)
        self.looks += 1
        return 0

    def only_asked(self, c):
        """Nothing has come of the connection but one SYN: nothing is to be solved. In a flood that is nearly all of them."""
        return (
            c.packets[0] == 1 and c.packets[1] == 0 and c.pair.completeness == HAS_SYN
            and c.previous < 0 and not c.alone and c.icmp_events is None and not c.outcome.over()
        )  # fmt: skip

    def tell_asked(self, c, slot):
        """Fill in the line of a connection of which there is one SYN, as `tell` would."""
        at: cython.longlong = slot * WIDTH
        cells: cython.longlong[::1] = self.cells
        cells[at] = c.stream
        cells[at + 1] = c.stream + self.beyond
        cells[at + 2] = c.last_frame
        cells[at + 3] = 0
        cells[at + 4] = 0
        cells[at + 5] = SYN_SENT
        cells[at + 6] = -1
        cells[at + 7] = c.start_ns
        cells[at + 8] = -1
        cells[at + 9] = c.start_ns
        cells[at + 10] = c.last_ns
        cells[at + 11] = 1
        cells[at + 12] = 0
        cells[at + 13] = 0
        cells[at + 14] = -1
        cells[at + 15] = UNANSWERED
        cells[at + 16] = c.family
        cells[at + 17] = c.hi1
        cells[at + 18] = c.lo1
        cells[at + 19] = c.port1
        return 0

    def before(self, c):
        """The states in which the connection before it on the same addresses left c's endpoints."""
        at: cython.longlong
        client: cython.longlong
        server: cython.longlong
        p: Connection
        if c.previous < 0:
            return -1
        at = self.tracker.pairs.live(c.previous)
        if at < 0:
            return self.tracker.left_to(c, self.tracker.pairs.left(c.previous))
        p = self.tracker.alive[at]
        if p.ghost or self.cells[at * WIDTH] != p.stream:
            return -1
        client = self.cells[at * WIDTH + 5]
        server = self.cells[at * WIDTH + 6]
        client = client if client > 0 else 0
        server = server if server > 0 else 0
        if self.cells[at * WIDTH + 4]:
            client, server = server, client
        return self.tracker.left_to(c, p.last_ns // SECOND << 8 | server << 4 | client)

    def tell(self, c, slot):
        """Fill in the line of the connection on the page, and note its news."""
        at: cython.longlong = slot * WIDTH
        row: cython.longlong[::1] = self.page.view
        cells: cython.longlong[::1] = self.cells
        number: cython.longlong
        if cells[at] != c.stream:
            self.told[slot] = None
            cells[at] = c.stream
            cells[at + 1] = c.stream + self.beyond
        cells[at + 2] = c.last_frame
        cells[at + 3] = 0 if c.icmp_events is None else len(c.icmp_events)
        cells[at + 4] = row[8]
        cells[at + 5] = row[CLIENT_STATE] if row[CLIENT_STATE] != NOTHING else -1
        cells[at + 6] = row[CLIENT_STATE + 1] if row[CLIENT_STATE + 1] != NOTHING else -1
        cells[at + 7] = self.since(row[8])
        cells[at + 8] = self.since(1 - row[8])
        cells[at + 9] = c.start_ns
        cells[at + 10] = c.last_ns
        cells[at + 11] = c.packets[0] + c.packets[1]
        cells[at + 12] = c.payload[0] + c.payload[1]
        cells[at + 13] = c.retransmissions[0] + c.retransmissions[1]
        cells[at + 14] = row[INITIAL_RTT] if row[INITIAL_RTT] != NOTHING else row[FIRST_RTT]
        if cells[at + 14] == NOTHING:
            cells[at + 14] = -1
        cells[at + 15] = row[16]
        cells[at + 16] = row[1]
        cells[at + 17] = row[5]
        cells[at + 18] = row[6]
        cells[at + 19] = row[7]
        number = cells[at + 1]
        if self.follow:
            self.told[slot] = self.compare(c, number, self.told[slot])
        return 0

    def since(self, side):
        """The time of the latest step of an endpoint that has one; -1 where none has."""
        k: cython.longlong = self.page.view[49] - 1
        steps: Rows = self.page.steps
        while k >= 0:
            if steps.view[k * STEP_WIDTH + 1] == side and steps.view[k * STEP_WIDTH + 3] != NOTHING:
                return steps.view[k * STEP_WIDTH + 3]
            k -= 1
        return -1

    def compare(self, c, number, told):
        """Put the steps that are new or other than told into the news; what is told now."""
        n: cython.longlong = self.page.view[49]
        client: cython.longlong = self.page.view[8]
        k: cython.longlong
        side: cython.longlong
        same: cython.longlong
        gone: cython.longlong
        ours = [[], []]
        places = [[], []]
        fates = []
        steps: cython.longlong[::1] = self.page.steps.view
        for k in range(n):
            side = steps[k * STEP_WIDTH + 1]
            ours[side != client].append(self.key(k, side))
            places[side != client].append(k)
        for role in range(2):
            before = told[role] if told is not None else ()
            same = 0
            while same < len(before) and same < len(ours[role]) and before[same] == ours[role][same]:
                same += 1
            gone = len(before) - same
            if gone and same and same == len(ours[role]):
                # Nothing comes instead: the last step that holds is said again.
                same -= 1
                gone += 1
            fates.append((same, gone))
        if told is None or fates[0][0] < len(ours[0]) or fates[1][0] < len(ours[1]):
            for k in range(n):
                role = 1 if steps[k * STEP_WIDTH + 1] != client else 0
                same, gone = fates[role]
                if k in places[role][same:]:
                    self.say(c, number, k, role, gone if k == places[role][same] else 0)
        return (tuple(ours[0]), tuple(ours[1]))

    def key(self, k, side):
        """What makes a step the same as one told: all but the doubt about it."""
        at: cython.longlong = k * STEP_WIDTH
        steps: cython.longlong[::1] = self.page.steps.view
        frame: cython.longlong = 0 if steps[at + 2] == NOTHING else steps[at + 2]
        return frame << 20 | side << 19 | steps[at + 4] << 15 | steps[at + 5] << 11 | steps[at + 6] << 4 | steps[at + 7]

    def say(self, c, number, k, role, gone):
        """One row of news."""
        at: cython.longlong = k * STEP_WIDTH
        v: cython.longlong[::1] = self.page.steps.view
        end: cython.longlong = v[at + 1]
        self.news.append((
            number, c.family, c.hi1 if end else c.hi0, c.lo1 if end else c.lo0, c.port1 if end else c.port0, role,
            v[at + 2], v[at + 3], v[at + 4], v[at + 5], v[at + 6], v[at + 7], v[at + 8], v[at + 9], gone,
            c.hi0 if end else c.hi1, c.lo0 if end else c.lo1, c.port0 if end else c.port1,
        ))  # fmt: skip
        return 0

    def row(self, slot, now_ns):
        """The connection in a slot as (its row of CONNECTION_FIELDS with the number to show, the letters of its history)."""
        c: Connection = self.tracker.alive[slot]
        Finisher.finish(self, c, self.before(c), now_ns, 1)
        row = self.page.rows[:ROW_WIDTH]
        row[0] = self.cells[slot * WIDTH + 1]
        return row, self.page.letters

    def forget(self):
        """Number the streams anew, those alive alone: of the others nothing is kept any more, not even their addresses."""
        c: Connection
        s: Segment = Segment()
        old: Pairs = self.tracker.pairs
        pairs: Pairs = Pairs()
        shift: cython.longlong
        slot: cython.longlong
        stream: cython.longlong
        previous: cython.longlong
        self.news = self.ask(self.tracker.last_ns)
        order = []
        for slot in range(len(self.tracker.alive)):
            c = self.tracker.alive[slot]
            if c.used != 2 and c.ghost:
                old.settle(c.stream, -1)
                c.used = 2
                self.tracker.free.append(slot)
            elif c.used != 2:
                order.append(c.stream << SLOT_BITS | slot)
        order.sort()
        shift = self.beyond + old.count - len(order)
        for one in order:
            slot = one & SLOT_MASK
            c = self.tracker.alive[slot]
            s.family = c.family
            s.src_hi, s.src_lo, s.src_port = c.hi0, c.lo0, c.port0
            s.dst_hi, s.dst_lo, s.dst_port = c.hi1, c.lo1, c.port1
            previous = pairs.find(s)
            stream = pairs.add(s, previous)
            pairs.settle(stream, slot)
            c.stream = stream
            c.previous = previous
            self.cells[slot * WIDTH] = stream
        self.beyond = shift
        self.tracker.pairs = pairs
        return 0

    def end(self):
        """The capture has ended: let all go. The news of that."""
        self.tracker.end()
        self.outwait(self.tracker.last_ns)
        self.told = []
        self.lines = array("q")
        news = self.news
        self.news = []
        return news
