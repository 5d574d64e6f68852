# cython: boundscheck=False
"""Fetch into the cache what a segment will need, while those before it are analysed. Floor 2; compiled.

With thousands of connections alive each segment meets one that has left the cache: without this, waiting for memory costs more
than the analysis. A hint only: nothing here is known or changed, and a wrong guess costs a little time. Uncompiled it does nothing.
"""

import cython

if not cython.compiled:
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.pairs import Pairs  # noqa: F401
    from tcpinspect.protocol.slow import be16, be32

    PyList_GET_ITEM = fetch_lines = None  # cimported where compiled

ETHERNET = cython.declare(cython.longlong, 1)  # link type
IPV4 = cython.declare(cython.longlong, 0x0800)  # EtherType
PROTOCOL_TCP = cython.declare(cython.longlong, 6)
PLAIN_HEADERS = cython.declare(cython.longlong, 14 + 20 + 20)

# How many records ahead each step is taken: the slot of the pair, the line of its stream, the connection, its parts, and what
# those point to. A fetch from memory takes about as long as one segment or two.
SLOT = cython.declare(cython.longlong, 12)
LINE = cython.declare(cython.longlong, 9)
CONNECTION = cython.declare(cython.longlong, 6)
PARTS = cython.declare(cython.longlong, 4)
REST = cython.declare(cython.longlong, 2)
RING = cython.declare(cython.longlong, 15)  # a mask
# As long as so few are alive, all of them stay in the cache.
FEW = cython.declare(cython.longlong, 512)


class Lookahead:
    """Steps of one walk over records, each some records ahead of the analysis."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.begin()

    def begin(self):
        """Forget the records of the block before."""
        k: cython.longlong
        if cython.compiled:
            for k in range(RING + 1):
                self.tags[k] = -1
                self.streams[k] = -1
                self.places[k] = cython.NULL
        return 0

    def look(self, records, alive, free, n, last):
        """Record n is next: fetch for those behind it. `alive`: where connections live, `free`: which of these places are free."""
        if not cython.compiled or len(alive) < FEW:
            return 0
        k: cython.longlong = n + SLOT
        at: cython.longlong
        octets: cython.pointer(cython.const[cython.uchar])
        tag: cython.longlong = -1
        stream: cython.longlong = -1
        place: cython.p_void = cython.NULL
        if k < last and records.links[k] == ETHERNET and records.lengths[k] >= PLAIN_HEADERS:
            octets = cython.address(records.view[records.offsets[k]])
            if be16(octets, 12) == IPV4 and octets[14] == 0x45 and octets[23] == PROTOCOL_TCP:
                tag = self.pairs.tag_of(be32(octets, 26), be32(octets, 30), be16(octets, 34), be16(octets, 36))
                self.pairs.fetch_slot(tag)
        self.tags[k & RING] = tag
        k = (n + LINE) & RING
        if self.tags[k] >= 0:
            stream = self.pairs.guess(self.tags[k])
        self.streams[k] = stream
        k = (n + CONNECTION) & RING
        if self.streams[k] >= 0:
            at = self.pairs.live(self.streams[k])
            if at >= 0:
                place = cython.cast(cython.p_void, PyList_GET_ITEM(alive, at))
        elif self.tags[k] >= 0 and free:
            place = cython.cast(cython.p_void, PyList_GET_ITEM(alive, free[len(free) - 1]))
        if place is not cython.NULL:
            fetch_lines(place, 6)
        self.places[k] = place
        k = (n + PARTS) & RING
        if self.places[k] is not cython.NULL:
            self.fetch_parts(self.places[k])
        k = (n + REST) & RING
        if self.places[k] is not cython.NULL:
            self.fetch_rest(self.places[k])
        return 0

    def tag(self, n):
        """The tag of record n, -1 unknown; see Pairs.tag_of. Only for a packet that Decoder.plain has read."""
        return self.tags[n & RING] if cython.compiled else -1

    def fetch(self, alive, at):
        """All of a connection that will be looked at in a while."""
        if cython.compiled and at < len(alive):
            self.fetch_parts(cython.cast(cython.p_void, PyList_GET_ITEM(alive, at)))
        return 0

    def fetch_story(self, alive, at):
        """What finishing reads of a connection whose parts were fetched before."""
        if cython.compiled:
            c: Connection = cython.cast(Connection, cython.cast(cython.p_void, PyList_GET_ITEM(alive, at)))
            c.moments.fetch_all()
            c.rtt0.fetch_all()
            c.rtt1.fetch_all()
        return 0

    def fetch_state(self, alive, at):
        """The beginning of a connection: enough to tell whether it has ended."""
        if cython.compiled and at < len(alive):
            fetch_lines(cython.cast(cython.p_void, PyList_GET_ITEM(alive, at)), 3)
        return 0

    def fetch_parts(self, place):
        """The parts of a connection, each so many lines of 64 octets as it has."""
        c: Connection = cython.cast(Connection, place)
        fetch_lines(cython.cast(cython.p_void, c.half0), 2)
        fetch_lines(cython.cast(cython.p_void, c.half1), 2)
        fetch_lines(cython.cast(cython.p_void, c.pair), 1)
        fetch_lines(cython.cast(cython.p_void, c.outcome), 4)
        fetch_lines(cython.cast(cython.p_void, c.moments), 3)
        fetch_lines(cython.cast(cython.p_void, c.watch), 10)
        fetch_lines(cython.cast(cython.p_void, c.rtt0), 1)
        fetch_lines(cython.cast(cython.p_void, c.rtt1), 1)
        return 0

    def fetch_rest(self, place):
        """What the parts hold outside themselves, at the end where it grows."""
        c: Connection = cython.cast(Connection, place)
        if c.half0.unacked is not None:
            fetch_lines(cython.cast(cython.p_void, c.half0.unacked), 2)
        if c.half1.unacked is not None:
            fetch_lines(cython.cast(cython.p_void, c.half1.unacked), 2)
        c.moments.fetch_end()
        c.rtt0.fetch_end()
        c.rtt1.fetch_end()
        return 0
