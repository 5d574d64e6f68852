"""Both directions of a connection while they only go on. Floor 2; compiled.

Most segments open no question: next in order, with an acknowledgment that stays or advances within what was sent, a window, a checksum
that is not wrong. Every analysis would say the same of them, nothing, each from its own copy of the same numbers. Such a stretch is
followed once for all: it begins when every analysis joins with the same numbers and no question open (`join`), and ends with any
other segment, or because somebody asks; then each analysis catches up (`catch_up`). In between `go_on` is the whole way through.
Reading: RFC 9293 §3.4, §3.10.7.4 ("in sequence").
"""

import cython

from tcpinspect.engine.stretch import ACK_BIT, DATA_BIT
from tcpinspect.engine.watch import CLOCK_JUMP_NS
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.analysis import Half, show
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.stretch import Stretch, new_stretch
    from tcpinspect.engine.unacked import Unacked, new_unacked
    from tcpinspect.protocol.seqnum import difference

MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
ACK = cython.declare(cython.longlong, header.ACK)
EVERYDAY = cython.declare(cython.longlong, header.SYN | header.FIN | header.RST | header.ACK)
MINIMUM_HEADER = cython.declare(cython.longlong, header.MINIMUM_LENGTH)
# RFC 7323 appendix A: ten octets and two of padding.
TIMESTAMPS_ALONE = cython.declare(cython.longlong, 12)
GOOD_CHECKSUM = cython.declare(cython.longlong, 1)
BAD_CHECKSUM = cython.declare(cython.longlong, 2)
# In Stretch.noted.
DATA = cython.declare(cython.longlong, DATA_BIT)
PURE_ACK = cython.declare(cython.longlong, ACK_BIT)
# RFC 7323 §2.3: no window is larger than 2^30, so neither is what is on its way.
LARGEST = cython.declare(cython.longlong, 1 << 30)
# As long as this between timestamps of a side, and the clock of the capture may have jumped (engine.watch).
PAUSE_NS = cython.declare(cython.longlong, CLOCK_JUMP_NS)


def join(c):
    """Begin a stretch, if every analysis joins with the same numbers."""
    side: cython.longlong
    half: Half
    t: Stretch
    # What stays open longest, while a loss is made good, is asked first.
    if c.half0.duplicate_acks or c.half1.duplicate_acks or c.half0.sacked or c.half1.sacked:
        return 0
    if not c.outcome.is_established() or not c.pair.is_settled():
        return 0
    # A socket connected to itself hears each segment twice; and the clock of the handshake wants every segment.
    if c.alone or c.syn_ack_to_ack_ns < 0 <= c.syn_ack_ns:
        return 0
    if c.stretch is None:
        c.stretch = new_stretch()
    t = c.stretch
    if not c.half0.join(t, 0) or not c.half1.join(t, 1):
        return 0
    for side in range(2):
        half = c.half1 if side else c.half0
        if (t.due[side] - t.ack[1 - side]) & MASK >= LARGEST:
            return 0
        if half.unacked is not None and not half.unacked.is_past(t.ack[1 - side]):
            return 0
        if not c.outcome.join(t, side) or not c.watch.join(t, side) or not c.moments.join(t, side):
            return 0
        t.noted[side] &= c.pair.noted()
    t.logged = c.moments.logs_all()
    t.begin(c.last_ns)
    return 1


def is_plain(s, last_ns, ts_known, ts_ns):
    """In order of time, with a window, and no options or the timestamps that go on: those of its side were last at `ts_ns`."""
    if s.time_ns < last_ns or not s.window_raw or s.checksum_status == BAD_CHECKSUM:
        return 0
    if s.header_len == MINIMUM_HEADER:
        return 1
    if s.header_len != MINIMUM_HEADER + TIMESTAMPS_ALONE or s.options_len != TIMESTAMPS_ALONE or s.options_malformed:
        return 0
    return s.ts_val >= 0 and ts_known and s.time_ns - ts_ns <= PAUSE_NS


def settle(c, health):
    """End the stretch: every analysis catches up."""
    side: cython.longlong
    half: Half
    t: Stretch = c.stretch
    t.running = 0
    if not t.packets[0] and not t.packets[1]:
        return 0
    c.last_ns = t.time_ns
    for side in range(2):
        half = c.half1 if side else c.half0
        half.catch_up(t, side)
        c.outcome.catch_up(t, side)
        c.watch.catch_up(t, side, health)
        c.moments.catch_up(t, side)
        c.packets[side] += t.packets[side]
        c.payload[side] += t.octets[side]
        if t.packets[side] and t.last_frame[side] > c.last_frame:
            c.last_frame = t.last_frame[side]
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def goes_on(t: Stretch, s: Segment, side: cython.longlong) -> cython.bint:
    """1 for a segment of `side` that opens no question."""
    other: cython.longlong = 1 - side
    end: cython.longlong
    if s.seq != t.due[side] or s.flags & EVERYDAY != ACK or not is_plain(s, t.time_ns, t.ts_known[side], t.ts_ns[side]):
        return 0
    if s.ack == 0 or (s.ack - t.ack[side]) & MASK > (t.due[other] - t.ack[side]) & MASK:
        return 0
    if s.payload_len <= 0:
        return s.payload_len == 0 and s.ack != t.ack[side]
    end = (s.seq + s.payload_len) & MASK
    if end == 0 or end == t.edge[other] or (end - t.ack[other]) & MASK >= LARGEST:
        return 0
    return s.payload_captured < s.payload_len or t.whole[side] == s.seq


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def count(t: Stretch, s: Segment, side: cython.longlong) -> cython.int:
    """Take in a segment that goes on."""
    other: cython.longlong = 1 - side
    window: cython.longlong = s.window_raw
    t.time_ns = s.time_ns
    t.last_ns[side] = s.time_ns
    t.last_frame[side] = s.frame
    t.packets[side] += 1
    if s.checksum_status == GOOD_CHECKSUM:
        t.good[side] += 1
    t.ack[side] = s.ack
    t.window[side] = window
    t.edge[side] = (s.ack + (window << t.shift[side])) & MASK
    if s.header_len != MINIMUM_HEADER and difference(s.ts_val, t.ts[side]) >= 0:
        t.ts[side] = s.ts_val
        t.ts_ns[side] = s.time_ns
    if s.payload_len > 0:
        if s.payload_captured >= s.payload_len:
            t.whole[side] = (s.seq + s.payload_len) & MASK
        if s.payload_len > t.limit[other]:
            if not t.oversize[side]:
                t.oversize_frame[side] = s.frame
            t.oversize[side] += 1
        t.due[side] = (s.seq + s.payload_len) & MASK
        t.octets[side] += s.payload_len
        t.data_ns[side] = s.time_ns
        t.data_id[side] = s.ip_id
    return 0


def go_on(c, t, s, fwd, rev):
    """Follow a segment of `fwd` in the stretch `t`; 0 when it does not go on: nothing is done then."""
    side: cython.longlong = s.side
    found: cython.longlong = 0
    rtt_ns: cython.longlong = -1
    if not goes_on(t, s, side):
        return 0
    if not t.noted[side] & (DATA if s.payload_len > 0 else PURE_ACK):
        first_of_kind(c, t, s, side)
    c.watch.remember(s, side)
    if s.payload_len > 0:
        if fwd.unacked is None:
            fwd.unacked = new_unacked()
        fwd.unacked.push(s.seq, (s.seq + s.payload_len) & MASK, s.time_ns)
    if s.ack != t.ack[side]:
        if rev.unacked is not None and rev.unacked.acknowledge(s.ack):
            found = 1
            if s.time_ns != rev.unacked.matched_ns:
                rtt_ns = s.time_ns - rev.unacked.matched_ns
                if side:
                    c.rtt0.add(rtt_ns)
                else:
                    c.rtt1.add(rtt_ns)
        if difference(s.ack, t.whole[1 - side]) > 0:
            # Acknowledged, but not in the capture.
            t.whole[1 - side] = s.ack
            c.outcome.gap(1 - side)
    count(t, s, side)
    if t.logged:
        t.logged = c.moments.go_on(s, side)
    if s.shown:
        show(s, fwd, c.pair, found, rtt_ns)
    return 1


def first_of_kind(c, t, s, side):
    """The first data, or the first acknowledgment alone, of a side: for history and completeness."""
    if s.payload_len > 0:
        c.outcome.once(side, DATA, ord("D"))
        t.noted[side] |= DATA
    else:
        c.outcome.once(side, PURE_ACK, ord("A"))
        t.noted[side] |= PURE_ACK
    c.pair.note(s.payload_len > 0)
    return 0
