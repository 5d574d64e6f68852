# cython: boundscheck=False
"""Packets to connections: one pass over the records of a capture. Floor 2; compiled.

Streams are numbered as Wireshark numbers tcp.stream: by addresses and ports, in the order of the first segment; a SYN that
`analysis.is_new_connection` calls new opens another stream on the same pair.

A segment finds its connection in the order of the capture (`keep`); what it means is worked out a window of segments at a time,
connection by connection (`follow`), so that what a connection remembers is in the cache for all its segments of the window. Whatever
else looks at a connection follows first what waits for it, so nobody can tell the difference.

With `bounded`, connections leave once their rows are written, so that memory grows with those alive. Nobody leaves while there
are less than `roomy`; then those go that have closed (idle for `closed_ns`) or were reset (`reset_ns`), that were only asked for
(`attempt_ns`), and that fell silent (`idle_ns`); those replaced by a new connection of their pair stay for `hurry_ns`. In a
`crowd` so do attempts and closed ones, and where attempts are a `mob` they do not stay at all: that is a flood of SYNs. Segments
that come later still belong to their stream, but no row tells of them: they are counted in `late_segments`.
"""

import cython
from array import array

from tcpinspect.engine.links import ICMP, ICMPV6
from tcpinspect.engine.states import TIME_WAIT_LASTS_S
from tcpinspect.engine.textbook import OPENED
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import State

if not cython.compiled:
    from tcpinspect.engine.analysis import Half, is_new_connection
    from tcpinspect.engine.columns import SegmentColumns
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.decode import Decoder
    from tcpinspect.engine.finish import Chunk, Finisher
    from tcpinspect.engine.health import Health
    from tcpinspect.engine.pairs import Pairs
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.steady import go_on, join, settle
    from tcpinspect.engine.stretch import Stretch
    from tcpinspect.engine.textbook import closes, opens
    from tcpinspect.engine.whole import Whole

R_ICMP = cython.declare(cython.longlong, ICMP)
R_ICMPV6 = cython.declare(cython.longlong, ICMPV6)
# Routers repeat themselves (RFC 1812 §4.3.2.8 limits their rate only); the first errors tell what happened.
MAX_ICMP_EVENTS = cython.declare(cython.longlong, 32)
FLAG_ACK = cython.declare(cython.longlong, header.ACK)
SYN = cython.declare(cython.longlong, header.SYN)
CONTROL = cython.declare(cython.longlong, header.SYN | header.FIN | header.RST)
SYN_ACK = cython.declare(cython.longlong, header.SYN | header.ACK)

# When connections leave; see above.
LIMITS = {
    "roomy": 8_192,  # connections
    "crowd": 32_768,
    "mob": 40_960,
    "closed_ns": 5_000_000_000,  # Zeek's tcp_close_delay
    "reset_ns": 30_000_000_000,  # who does not obey a reset goes on within some RTOs, or when its program gives up waiting
    "attempt_ns": 75_000_000_000,  # the classic limit of BSD's connect()
    "idle_ns": 7_440_000_000_000,  # RFC 5382 §5: two hours and four minutes
    "hurry_ns": 2_000_000_000,
}
SECOND = cython.declare(cython.longlong, 1_000_000_000)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)
TIME_WAIT_S = cython.declare(cython.longlong, TIME_WAIT_LASTS_S)
# Connection.opening after a handshake by the book.
OPEN = cython.declare(cython.longlong, OPENED)
# So many of those alive are looked at for each new one, in turn.
LOOKS = cython.declare(cython.longlong, 4)
# So many segments are collected and then followed connection by connection: what a connection remembers is fetched once for all
# of them. More would not fit the cache of a core beside it.
WINDOW = 256
# So many plain packets are read before their connections are looked for: they are still in the first-level cache then.
AT_ONCE = cython.declare(cython.longlong, 32)


class Tracker(Whole):
    """Follows every connection of a capture. `columns` receives the segments when it is not None, `finisher` the connections.

    `segments` counts; `now_ns` is the latest time so far. `suspects`: called with each connection that shows a fault of the capture,
    before it leaves.
    """

    def __init__(self, finisher=None, columns=None, bounded=False, suspects=None):
        Whole.__init__(self)
        self.finisher = finisher if finisher is not None else Finisher(False)
        self.columns = columns
        self.bounded = 1 if bounded else 0
        self.steadily = 1
        self.suspects = suspects
        self.pairs = Pairs()
        self.alive = []
        self.free = []
        self.not_before = array("q", [-1]) * 1024
        self.last_kept = array("i", [-1]) * 1024
        self.hand = 0
        self.roomy = LIMITS["roomy"]
        self.crowd = LIMITS["crowd"]
        self.mob = LIMITS["mob"]
        self.closed_ns = LIMITS["closed_ns"]
        self.reset_ns = LIMITS["reset_ns"]
        self.attempt_ns = LIMITS["attempt_ns"]
        self.idle_ns = LIMITS["idle_ns"]
        self.hurry_ns = LIMITS["hurry_ns"]
        self.decoder = Decoder()
        self.window = WINDOW
        self.segments_kept = [Segment() for _ in range(self.window)]
        for s in self.segments_kept:
            s.shown = 1 if columns is not None else 0
        self.kept = 0
        self.met = 0
        if not cython.compiled:
            self.reasons = [0] * 32
            self.after = [0] * WINDOW
            self.places = [0] * WINDOW
        self.segments = 0
        self.late_segments = 0
        self.now_ns = -1
        self.checksums_good = 0
        self.checksums_bad = 0
        self.checksums_unfinished = 0

    def block(self, records, first, last):
        """Analyse records `first` to `last` (not included) of those that `records.next_block()` has just read."""
        wanted: cython.longlong
        came: cython.longlong
        before: cython.longlong = self.count(records, first, last)
        self.decoder.use(records.view)
        while first < last:
            wanted = min(last - first, self.window - self.kept, AT_ONCE)
            came = self.decoder.as_they_come(self.segments_kept, self.kept, records, first, first + wanted, before)
            self.keep(came)
            first += came
            if self.kept == self.window:
                self.follow_all()
            if came < wanted:
                self.other(records, first, before)
                first += 1
        return self.follow_all()

    def other(self, records, n, before):
        """Take in a packet that is not plain."""
        reason: cython.longlong
        s: Segment = self.segments_kept[self.kept]
        s.frame = before + n
        s.time_ns = records.times[n]
        if s.time_ns > self.now_ns:
            self.now_ns = s.time_ns
        reason = self.decoder.decode(s, records.offsets[n], records.lengths[n], records.wire_lengths[n], records.links[n])
        self.reasons[reason] += 1
        if reason == 0:
            self.keep(1)
            if self.kept == self.window:
                self.follow_all()
        elif (reason == R_ICMP or reason == R_ICMPV6) and self.decoder.quoted:
            self.icmp_error(s)
        return 0

    def some(self, records, picks, first, last, before):
        """Analyse the records whose numbers in the batch are `picks[first]` … `picks[last - 1]`, all plain (`Decoder.is_plain`); the
        frame of record n is `before` + n. Of the capture as a whole it counts nothing."""
        wanted: cython.longlong
        came: cython.longlong
        while first < last:
            wanted = min(last - first, self.window - self.kept, AT_ONCE)
            came = self.decoder.several(self.segments_kept, self.kept, records, picks, first, first + wanted, before)
            self.keep(came)
            first += came
            if self.kept == self.window:
                self.follow_all()
            if came < wanted:
                self.unsound(records, picks[first])
                first += 1
        return self.follow_all()

    def unsound(self, records, n):
        """Count a packet whose TCP header is not sound by the reason that decoding gives."""
        s: Segment = self.segments_kept[self.kept]
        if records.times[n] > self.now_ns:
            self.now_ns = records.times[n]
        self.reasons[self.decoder.decode(s, records.offsets[n], records.lengths[n], records.wire_lengths[n], records.links[n])] += 1
        return 0

    def track(self, s):
        """Take in a segment that was decoded elsewhere."""
        kept: Segment = self.segments_kept[0]
        self.segments_kept[0] = s
        self.keep(1)
        self.follow_all()
        self.segments_kept[0] = kept
        return 0

    def keep(self, count):
        """Find the connections of the next so many of `segments_kept`. Those of one wait in a ring (`after`), known by the last."""
        k: cython.longlong
        at: cython.longlong
        last: cython.longlong
        stream: cython.longlong
        s: Segment
        kept: list = self.segments_kept
        pairs: Pairs = self.pairs
        for k in range(self.kept, self.kept + count):
            s = cython.cast(Segment, kept[k])
            if s.time_ns > self.now_ns:
                self.now_ns = s.time_ns
            self.segments += 1
            if s.checksum_status == 1:
                self.checksums_good += 1
            elif s.checksum_status:
                self.note_checksum(s)
            stream = pairs.find(s)
            at = pairs.place
            s.reused = 0
            if at < 0 or s.flags & SYN_ACK == SYN:
                at = self.enter(s, stream, at)
                stream = cython.cast(Connection, self.alive[at]).stream
            if self.columns is not None:
                self.columns.enter(s, stream, self.decoder.view)
            last = self.last_kept[at]
            self.last_kept[at] = k
            if last < 0:
                self.after[k] = k
                self.places[self.met] = at
                self.met += 1
            else:
                self.after[k] = self.after[last]
                self.after[last] = k
        self.kept += count
        return 0

    def enter(self, s, stream, at):
        """Find the place of the connection of a SYN, or of a segment whose stream (-1: a new one) has none alive."""
        reused: cython.longlong = 0
        c: Connection
        if at >= 0:
            c = self.alive[at]
            self.follow(c)
            if not is_new_connection(s, c.half1 if s.side else c.half0, c.half0 if s.side else c.half1, c.pair):
                return at
            reused = 1
            c.superseded = 1 + s.side
            c.superseded_ns = s.time_ns
        elif stream >= 0:
            if s.flags & SYN_ACK == SYN:
                reused = self.pairs.base(stream, s.side) >= 0 and s.seq != self.pairs.base(stream, s.side)
            if not reused:
                return self.ghost(s, stream).place
        s.reused = reused
        at = self.begin(s, stream).place
        s.side = 0
        return at

    def follow_all(self):
        """Follow all that waits, connection by connection."""
        k: cython.longlong
        for k in range(self.met):
            self.follow(cython.cast(Connection, self.alive[self.places[k]]))
        self.kept = 0
        self.met = 0
        if self.columns is not None:
            self.columns.ready(self.window)
        if self.health.leaps_seen:
            self.health.settle_leaps()
        return 0

    def follow(self, c):
        """Analyse what waits for a connection."""
        last: cython.longlong = self.last_kept[c.place]
        k: cython.longlong = self.after[last] if last >= 0 else -1
        side: cython.longlong
        ack: cython.longlong
        s: Segment
        half0: Half = c.half0
        half1: Half = c.half1
        health: Health = self.health
        kept: list = self.segments_kept
        t: Stretch = c.stretch
        running: cython.bint = t is not None and t.running
        if last >= 0:
            self.last_kept[c.place] = self.after[last] = -1
        while k >= 0:
            s = cython.cast(Segment, kept[k])
            side = s.side
            if not (running and (go_on(c, t, s, half1, half0) if side else go_on(c, t, s, half0, half1))):
                if self.steadily and (closes(c, s, running, health) if running or c.closing else 0 <= c.opening < OPEN and opens(c, s)):
                    running = c.opening == OPEN and not c.closing
                else:
                    if running:
                        settle(c, health)
                    c.opening = -1
                    c.closing = 0
                    c.look_at(s, side, health)
                    # After a segment that opened a question no stretch begins.
                    running = self.steadily and not s.flags & CONTROL and not s.analysis and not s.sack_count and join(c)
                t = c.stretch
            if c.ghost:
                self.late_segments += 1
            if self.columns is not None:
                ack = c.relative(1 - side, s.ack) if s.flags & FLAG_ACK else -1
                self.columns.complete(s, c.relative(side, s.seq), ack)
            k = self.after[k]
        return 0

    def settle(self, c):
        """Follow what waits for a connection, and bring all that it remembers up to date, for whoever looks at it."""
        if self.last_kept[c.place] >= 0:
            self.follow(c)
        if c.stretch is not None and c.stretch.running:
            settle(c, self.health)
        return 0

    def note_checksum(self, s):
        """Count one that is bad or unfinished."""
        if s.checksum_status == 2:
            self.checksums_bad += 1
            if not self.health.bad_frame:
                self.health.bad_frame = s.frame
        else:
            self.checksums_unfinished += 1
            if not self.health.unfinished_frame:
                self.health.unfinished_frame = s.frame
        return 0

    def ghost(self, s, stream):
        """Who takes the segments of a stream that came too late."""
        c: Connection = self.place(s, stream)
        c.ghost = 1
        self.haunt(c.half0, stream, 0)
        self.haunt(c.half1, stream, 1)
        return c

    def haunt(self, half, stream, side):
        """Give a ghost the origin of its numbers."""
        base: cython.longlong = self.pairs.base(stream, side)
        if base >= 0:
            half.base_seq = base
            half.base_known = 1
        return 0

    def begin(self, s, previous):
        """Open a stream on the pair just looked up; `previous`: its stream so far, or -1."""
        c: Connection
        if self.bounded and len(self.alive) - len(self.free) >= self.roomy:
            self.look_around(s.time_ns)
        c = self.place(s, self.pairs.add(s, previous))
        c.previous = previous
        return c

    def place(self, s, stream):
        """Room for a connection, an old one's if possible."""
        c: Connection
        at: cython.longlong
        if self.free:
            at = self.free.pop()
            c = self.alive[at]
        else:
            at = len(self.alive)
            c = Connection()
            self.alive.append(c)
            if at == len(self.not_before):
                self.make_room()
        c.begin(s, stream)
        c.place = at
        self.not_before[at] = s.time_ns + self.hurry_ns
        self.pairs.settle(stream, at)
        return c

    def make_room(self):
        """For twice as many places."""
        self.not_before = twice_as_long("q", self.not_before)
        self.last_kept = twice_as_long("i", self.last_kept)
        return 0

    def look_around(self, now_ns):
        """Let a few go whose time has come; each of the others is looked at again when its time may have come."""
        _k: cython.longlong
        alive: cython.longlong = len(self.alive) - len(self.free)
        c: Connection
        if not self.alive:
            return 0
        for _k in range(LOOKS):
            self.hand += 1
            if self.hand >= len(self.alive):
                self.hand = 0
            if now_ns < self.not_before[self.hand] and alive < self.mob:
                continue
            c = cython.cast(Connection, self.alive[self.hand])
            if c.used == 2:
                continue  # its place is free
            self.settle(c)
            if now_ns - c.last_ns >= self.patience(c, alive):
                self.leave(c.stream)
            else:
                # Whatever happens to it, it stays at least so long after its last segment.
                self.not_before[self.hand] = now_ns + self.hurry_ns
        return 0

    def patience(self, c, alive):
        """How long a connection may be idle with so many alive."""
        if c.superseded or c.ghost:
            return self.hurry_ns
        if c.outcome.over():
            return self.hurry_ns if alive >= self.crowd else self.closed_ns if c.outcome.orderly() else self.reset_ns
        if c.packets[0] and c.packets[1]:
            return self.idle_ns
        return 0 if alive >= self.mob else self.hurry_ns if alive >= self.crowd else self.attempt_ns

    def leave(self, stream):
        """Write the rows of a connection and give its place away; those before it on the same pair go first."""
        previous: cython.longlong = self.pairs.previous(stream)
        if previous >= 0 and self.pairs.live(previous) >= 0:
            older = []
            while previous >= 0 and self.pairs.live(previous) >= 0:
                older.append(previous)
                previous = self.pairs.previous(previous)
            for number in reversed(older):
                self.let_go(number)
        return self.let_go(stream)

    def let_go(self, stream):
        at: cython.longlong = self.pairs.live(stream)
        c: Connection = self.alive[at]
        self.settle(c)
        if not c.ghost:
            self.write(c, 0)
        self.pairs.settle(stream, -1)
        self.pairs.keep_base(stream, 0, c.half0.base_seq if c.half0.base_known else -1)
        self.pairs.keep_base(stream, 1, c.half1.base_seq if c.half1.base_known else -1)
        c.used = 2
        self.free.append(at)
        return 0

    def write(self, c, ended):
        """Write a connection's rows; `ended`: so has the capture."""
        before: cython.longlong = self.pairs.left(c.previous) if c.previous >= 0 else -1
        if self.suspects is not None and not c.watch.quiet():
            self.suspects(c)
        self.finisher.finish(c, self.left_to(c, before), self.now_ns, ended)
        self.pairs.keep_left(c.stream, self.finisher.left(c))
        return 0

    def left_to(self, c, left):
        """The states (four bits each, by c's own endpoints; -1 unknown) in which the pair's last connection left them to c."""
        state: cython.longlong
        out: cython.longlong = 0
        side: cython.longlong
        if left < 0:
            return -1
        for side in range(2):
            state = left >> 4 * side & 15
            if state == TIME_WAIT and c.start_ns // SECOND - (left >> 8) >= TIME_WAIT_S:
                state = 0
            out |= state << 4 * (side if self.same_end(c) else 1 - side)
        return out

    def same_end(self, c):
        """Endpoint 0 of c was endpoint 0 of the connection before it, too."""
        return self.pairs.opens(c.previous, c.lo0, c.port0)

    def end(self):
        """The capture has ended: write the rows of all who are left, in the order of their numbers."""
        stream: cython.longlong
        c: Connection
        self.follow_all()  # nothing waits, unless Ctrl-C came amid a window
        for stream in range(self.pairs.count):
            if self.pairs.live(stream) >= 0:
                c = self.alive[self.pairs.live(stream)]
                self.alive[self.pairs.live(stream)] = None  # its memory is another's at once
                if not c.ghost:
                    self.settle(c)
                    self.write(c, 1)
        self.alive, self.free = [], []
        return 0

    def icmp_error(self, s):
        """Tell the connection that the quoted segment belongs to; `s` has frame and time. An error about none of ours opens none."""
        quote: Segment = self.decoder.quote
        stream: cython.longlong = self.pairs.find(quote)
        c: Connection
        d: Decoder
        if stream < 0 or self.pairs.live(stream) < 0:
            return 0
        c = self.alive[self.pairs.live(stream)]
        if c.icmp_events is None:
            c.icmp_events = []
        if len(c.icmp_events) < MAX_ICMP_EVENTS:
            d = self.decoder
            c.icmp_events.append((s.frame, s.time_ns, d.icmp_type, d.icmp_code, quote.side, quote.seq, d.icmp_mtu))
        return 0

    def reason(self, which):
        """How many packets decoding left for the reason of that index."""
        return self.reasons[which]


def twice_as_long(kind, cells):
    """An array with these cells and as many more, of -1."""
    grown = array(kind, [-1]) * (2 * len(cells))
    memoryview(grown)[: len(cells)] = memoryview(cells)
    return grown
