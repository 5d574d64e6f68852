"""One connection while it lives: its key, its counters, and what the analyses remember of it. Floor 2; compiled.

Endpoint 0 is the sender of the first segment, endpoint 1 the other; `client` is the one that opened, as far as
the first segment tells. `previous` is the
number of the connection before it on the same address pair, -1 without one. `alone`: a socket connected to itself, whose
every segment it also receives; its one endpoint is told as the client. `icmp_events` lists the ICMP errors that quote one of
its segments: (frame, time_ns, type, code, endpoint that sent the quoted segment, its sequence number, next hop's MTU or -1).
"""

import cython

from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.analysis import Half, Pair, analyse
    from tcpinspect.engine.watch import Watch
    from tcpinspect.engine.kinds import likely_client
    from tcpinspect.engine.moments import Moments
    from tcpinspect.engine.samples import Samples
    from tcpinspect.engine.segment import Segment
    from tcpinspect.protocol.seqnum import difference
    from tcpinspect.engine.stretch import Stretch  # noqa: F401
    from tcpinspect.engine.zeek import Outcome

    fetch = None  # cimported where compiled
from tcpinspect.schema import ANALYSIS_FLAGS

SYN = cython.declare(cython.longlong, header.SYN)
ACK = cython.declare(cython.longlong, header.ACK)
RST = cython.declare(cython.longlong, header.RST)
RETRANSMISSION = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("retransmission"))
OUT_OF_ORDER = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("out_of_order"))
LOST_SEGMENT = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("lost_segment"))
DUPLICATE_ACK = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("duplicate_ack"))
ZERO_WINDOW = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("zero_window"))

BAD_CHECKSUM = cython.declare(cython.longlong, 2)
SYN_MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
# So many octets of them are read of a connection that leaves; of the others what the first line of the cache holds.
OUTCOME_OCTETS = cython.declare(cython.longlong, 216)
MOMENTS_OCTETS = cython.declare(cython.longlong, 368)
WATCH_OCTETS = cython.declare(cython.longlong, 192)


@cython.no_gc
@cython.cclass
class Connection:
    """A connection, or room for one: `begin` starts it with its first segment. Objects are used again, one after the other.

    `superseded`: a later connection has taken its address pair, opened by side 0 (1) or side 1 (2) of this one at `superseded_ns`.
    `ghost`: it stands for segments that came after its rows were written; it gets none again. `place`: where it stands among those
    alive (engine.alive). `stretch`: how it only goes on (engine.steady), None before it ever did and when it has closed. `opening` and
    `closing`: how much of a handshake and a close by the book it has shown (engine.textbook); when something else comes, -1 and 0.
    """

    def __init__(self):
        if not cython.compiled:
            for name in ("packets", "payload", "retransmissions", "zero_windows", "mss", "shift", "sack", "timestamps", "syn_seen"):
                setattr(self, name, [0, 0])
        self.half0 = Half()
        self.half1 = Half()
        self.pair = Pair()
        self.outcome = Outcome()
        self.moments = Moments()
        self.watch = Watch()
        self.rtt0 = Samples()
        self.rtt1 = Samples()
        self.stretch = None
        self.used = 0
        self.place = -1

    def begin(self, s, stream):
        """Begin with segment `s`."""
        side: cython.longlong
        self.stream = stream
        self.previous = -1
        self.superseded = 0
        self.ghost = 0
        self.opening = self.closing = 0
        self.family = s.family
        self.hi0 = s.src_hi
        self.lo0 = s.src_lo
        self.port0 = s.src_port
        self.hi1 = s.dst_hi
        self.lo1 = s.dst_lo
        self.port1 = s.dst_port
        self.first_frame = s.frame
        self.last_frame = s.frame
        self.start_ns = s.time_ns
        self.last_ns = s.time_ns
        self.alone = 1 if s.src_port == s.dst_port and s.src_lo == s.dst_lo and s.src_hi == s.dst_hi else 0
        if s.flags & SYN:
            self.client = 1 if s.flags & ACK else 0
        else:
            self.client = likely_client(s.src_port, s.dst_port)
        self.syn_ns = -1
        self.syn_ack_ns = -1
        self.syn_ack_seq = 0
        self.syn_to_syn_ack_ns = -1
        self.syn_ack_to_ack_ns = -1
        self.lost_segments = 0
        self.duplicate_acks = 0
        self.out_of_order = 0
        self.bad_checksums = 0
        for side in range(2):
            self.packets[side] = self.payload[side] = self.retransmissions[side] = self.zero_windows[side] = 0
            self.sack[side] = self.timestamps[side] = self.syn_seen[side] = 0
            self.mss[side] = self.shift[side] = -1
        self.icmp_events = None
        if self.used:
            self.half0.reset()
            self.half1.reset()
            self.pair.reset()
            self.outcome.reset()
            self.moments.reset()
            self.rtt0.clear()
            self.rtt1.clear()
            if self.stretch is not None:
                self.stretch.running = 0
        self.used = 1
        self.watch.begin(s)
        return 0

    def relative(self, side, number):
        """A sequence number of a side, from where its numbers begin; -1 while that is unknown."""
        half: Half = self.half1 if side else self.half0
        return (number - half.base_seq) & SYN_MASK if half.base_known else -1

    def look_at(self, s, side, health):
        """The long way for a segment: every analysis looks at it."""
        if side:
            analyse(s, self.half1, self.half0, self.pair, s.reused)
        else:
            analyse(s, self.half0, self.half1, self.pair, s.reused)
        self.segment(s, side)
        self.outcome.segment(s, side)
        self.moments.note(s, side)
        if self.alone:
            self.moments.note(s, 1)
        else:
            self.watch.note(s, side, health)
        return 0

    def segment(self, s, side):
        """Count an analysed segment."""
        self.last_frame = s.frame
        if s.time_ns > self.last_ns:
            self.last_ns = s.time_ns
        if s.time_ns < self.start_ns:
            self.start_ns = s.time_ns
        self.packets[side] += 1
        self.payload[side] += s.payload_len
        if s.checksum_status == BAD_CHECKSUM:
            self.bad_checksums += 1
        if s.analysis:
            if s.analysis & RETRANSMISSION:
                self.retransmissions[side] += 1
            if s.analysis & ZERO_WINDOW:
                self.zero_windows[side] += 1
            if s.analysis & LOST_SEGMENT:
                self.lost_segments += 1
            if s.analysis & DUPLICATE_ACK:
                self.duplicate_acks += 1
            if s.analysis & OUT_OF_ORDER:
                self.out_of_order += 1
        if s.ack_rtt_ns >= 0:
            if side:
                self.rtt0.add(s.ack_rtt_ns)
            else:
                self.rtt1.add(s.ack_rtt_ns)
        if s.flags & SYN or self.syn_ack_to_ack_ns < 0 <= self.syn_ack_ns:
            self.handshake_clock(s, side)
        return 0

    def handshake_clock(self, s, side):
        """Times between the segments of the handshake, and what the SYNs offered."""
        if s.flags & SYN:
            self.syn_seen[side] = 1
            self.mss[side] = s.mss
            self.shift[side] = s.window_shift
            self.sack[side] = s.sack_permitted
            self.timestamps[side] = 1 if s.ts_val >= 0 else 0
            if side == self.client and not s.flags & ACK:
                self.syn_ns = s.time_ns
            elif side != self.client and s.flags & ACK and self.syn_ack_to_ack_ns < 0:
                if self.syn_ns >= 0 and self.syn_to_syn_ack_ns < 0:
                    self.syn_to_syn_ack_ns = s.time_ns - self.syn_ns
                self.syn_ack_ns = s.time_ns
                self.syn_ack_seq = s.seq
        elif side == self.client and s.flags & ACK and not s.flags & RST and s.ack == ((self.syn_ack_seq + 1) & SYN_MASK):
            self.syn_ack_to_ack_ns = s.time_ns - self.syn_ack_ns
        return 0

    def fetch_ahead(self):
        """Have brought into the cache what will be read when the connection leaves."""
        if cython.compiled:
            fetch(cython.cast(cython.p_void, self.outcome), OUTCOME_OCTETS)
            fetch(cython.cast(cython.p_void, self.moments), MOMENTS_OCTETS)
            fetch(cython.cast(cython.p_void, self.watch), WATCH_OCTETS)
            fetch(cython.cast(cython.p_void, self.half0), 1)
            fetch(cython.cast(cython.p_void, self.half1), 1)
            fetch(cython.cast(cython.p_void, self.pair), 1)
            fetch(cython.cast(cython.p_void, self.stretch), 1)
        return 0
