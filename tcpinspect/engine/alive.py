# cython: boundscheck=False
"""Connections while they live, where, and until when. Floor 2; compiled.

With `bounded`, connections leave once their rows are written, so that memory grows with those alive. Nobody leaves while there
are less than `roomy`; then those go that have closed (idle for `closed_ns`) or were reset (`reset_ns`), that were only asked for,
answered or not (`attempt_ns`), and that fell silent (`idle_ns`); those replaced by a new connection of their pair stay for `hurry_ns`.
In a `crowd` so do attempts and closed ones, and where they are a `mob` they have one round trip: that is a flood. Segments
that come later still belong to their stream, but no row tells of them: they are counted in `late_segments`.
"""

import cython
from array import array

from tcpinspect.engine.analysis import COMPLETENESS
from tcpinspect.engine.states import TIME_WAIT_LASTS_S
from tcpinspect.protocol.rfc9293 import State

if not cython.compiled:
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.finish import Finisher  # noqa: F401
    from tcpinspect.engine.pairs import Pairs
    from tcpinspect.engine.segment import Segment  # noqa: F401
    from tcpinspect.engine.whole import Whole

    fetch = None  # cimported where compiled

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
# So many of those alive are looked at for each new one, in turn.
LOOKS = cython.declare(cython.longlong, 4)
# Amid a flood somebody may truly be opening a connection: where attempts are a `mob` each has this part of `hurry_ns`, 250 ms, for a
# round trip. What comes faster than that has no end: from so many times the `mob` on those that are over do not stay at all, then
# no attempts either.
ROUND_TRIPS = cython.declare(cython.longlong, 8)
MOST_OVER = cython.declare(cython.longlong, 2)
MOST = cython.declare(cython.longlong, 3)
# Connection.pair.completeness where nobody but SYN and SYN-ACK came: as open as an attempt that was not answered, and as long (BSD's
# 75 s are for both), or else who floods a server that answers would fill the table.
ASKED_AND_ANSWERED = cython.declare(cython.longlong, COMPLETENESS["SYN"] | COMPLETENESS["SYN-ACK"])
# So many octets of a Connection are read when it leaves.
CONNECTION_OCTETS = cython.declare(cython.longlong, 336)


class Alive(Whole):
    """The connections of a capture, by their places. `finisher` turns them into rows; `suspects`: called with each that shows a fault of
    the capture, before it leaves.

    `now_ns` is the latest time so far. `last_kept`: which of the segments that wait to be followed (engine.track) is the last of the
    connection at a place, -1 for none.
    """

    def __init__(self, finisher, bounded, suspects):
        Whole.__init__(self)
        self.finisher = finisher
        self.bounded = 1 if bounded else 0
        self.suspects = suspects
        self.pairs = Pairs()
        self.alive = []
        self.free = []
        self.not_before = array("q", [-1]) * 1024
        self.last_kept = array("i", [-1]) * 1024
        self.hand = 0
        self.now_ns = -1
        for name, limit in LIMITS.items():
            setattr(self, name, limit)

    def settle(self, c):
        """Bring all that a connection remembers up to date, for whoever looks at it."""
        raise NotImplementedError

    def ghost(self, s, stream):
        """Who takes the segments of a stream that came too late."""
        c: Connection
        self.make_way(s.time_ns)
        c = self.place(s, stream)
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
        self.make_way(s.time_ns)
        c = self.place(s, self.pairs.add(s, previous))
        c.previous = previous
        return c

    def make_way(self, now_ns):
        """Before one more comes: where there are many, let a few go."""
        if self.bounded and len(self.alive) - len(self.free) >= self.roomy:
            self.look_around(now_ns)
        return 0

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
        k: cython.longlong
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
        # What will be looked at next is far away in memory: first the connections alone, the next time what belongs to them.
        for k in range(1, 1 + LOOKS):
            self.fetch_ahead(now_ns, self.hand + k, 0)
            self.fetch_ahead(now_ns, self.hand + k + LOOKS, 1)
        return 0

    def fetch_ahead(self, now_ns, at, alone):
        """Have a connection brought into the cache, if it is to be looked at: it `alone`, or what belongs to it."""
        if cython.compiled and at < len(self.alive) and now_ns >= self.not_before[at]:
            if alone:
                fetch(cython.cast(cython.p_void, self.alive[at]), CONNECTION_OCTETS)
            else:
                cython.cast(Connection, self.alive[at]).fetch_ahead()
        return 0

    def patience(self, c, alive):
        """How long a connection may be idle with so many alive."""
        over: cython.bint = c.superseded or c.ghost or c.outcome.over()
        if not over and c.packets[0] and c.packets[1] and c.pair.completeness > ASKED_AND_ANSWERED:
            return self.idle_ns
        if alive >= self.mob:
            return 0 if alive >= (MOST_OVER if over else MOST) * self.mob else self.hurry_ns // ROUND_TRIPS
        if not over:
            return self.hurry_ns if alive >= self.crowd else self.attempt_ns
        if c.superseded or c.ghost or alive >= self.crowd:
            return self.hurry_ns
        return self.closed_ns if c.outcome.orderly() else self.reset_ns

    def leave(self, stream):
        """Let a connection go; those before it on the same pair go first."""
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
        """Write the rows of a connection and give its place away."""
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
        for stream in range(self.pairs.count):
            if self.pairs.live(stream) >= 0:
                c = self.alive[self.pairs.live(stream)]
                self.alive[self.pairs.live(stream)] = None  # its memory is another's at once
                if not c.ghost:
                    self.settle(c)
                    self.write(c, 1)
        self.alive, self.free = [], []
        return 0


def twice_as_long(kind, cells):
    """An array with these cells and as many more, of -1."""
    grown = array(kind, [-1]) * (2 * len(cells))
    memoryview(grown)[: len(cells)] = memoryview(cells)
    return grown
