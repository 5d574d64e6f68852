# cython: boundscheck=False
"""Packets to connections: one pass over the records of a capture. Floor 2; compiled.

Streams are numbered as Wireshark numbers tcp.stream: by addresses and ports, in the order of the first segment; a SYN that
`analysis.is_new_connection` calls new opens another stream on the same pair.

A segment finds its connection in the order of the capture (`keep`); what it means is worked out a window of segments at a time,
connection by connection (`follow`), so that what a connection remembers is in the cache for all its segments of the window. Whatever
else looks at a connection follows first what waits for it, so nobody can tell the difference.
"""

import cython

from tcpinspect.engine.links import ICMP, ICMPV6
from tcpinspect.engine.textbook import OPENED
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.alive import Alive
    from tcpinspect.engine.analysis import Half, is_new_connection
    from tcpinspect.engine.columns import SegmentColumns
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.decode import Decoder
    from tcpinspect.engine.finish import Finisher
    from tcpinspect.engine.health import Health
    from tcpinspect.engine.pairs import Pairs
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.steady import go_on, join, settle
    from tcpinspect.engine.stretch import Stretch
    from tcpinspect.engine.textbook import closes, opens

R_ICMP = cython.declare(cython.longlong, ICMP)
R_ICMPV6 = cython.declare(cython.longlong, ICMPV6)
# Routers repeat themselves (RFC 1812 §4.3.2.8 limits their rate only); the first errors tell what happened.
MAX_ICMP_EVENTS = cython.declare(cython.longlong, 32)
FLAG_ACK = cython.declare(cython.longlong, header.ACK)
SYN = cython.declare(cython.longlong, header.SYN)
CONTROL = cython.declare(cython.longlong, header.SYN | header.FIN | header.RST)
SYN_ACK = cython.declare(cython.longlong, header.SYN | header.ACK)

# Connection.opening after a handshake by the book.
OPEN = cython.declare(cython.longlong, OPENED)
# So many segments are collected and then followed connection by connection: what a connection remembers is fetched once for all
# of them. More would not fit the cache of a core beside it.
WINDOW = 256
# So many plain packets are read before their connections are looked for: they are still in the first-level cache then.
AT_ONCE = cython.declare(cython.longlong, 32)


class Tracker(Alive):
    """Follows every connection of a capture. `columns` receives the segments when it is not None; `segments` counts."""

    def __init__(self, finisher=None, columns=None, bounded=False, suspects=None):
        Alive.__init__(self, finisher if finisher is not None else Finisher(False), bounded, suspects)
        self.columns = columns
        self.steadily = 1
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

    def end(self):
        """The capture has ended: follow what waits (nothing, unless Ctrl-C came amid a window), and write all rows."""
        self.follow_all()
        return Alive.end(self)

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
