"""Handshakes and closes by the book: what their segments leave in every analysis, told in one go. Floor 2; compiled.

Almost every connection begins with a SYN, the SYN-ACK that answers it and the ACK that answers that, and most end with a FIN, the FIN
that comes back and the ACK of that, nothing odd about any of them (RFC 9293 §3.5 figure 6, §3.6 figure 12). Every analysis would look
at each on its own, ask all its questions and find none open. Here the questions are asked once (`is_…`), and what each analysis then
remembers is written down. A segment that is not by the book goes the long way, and so do those after it until a stretch begins
(engine.steady).
"""

import cython

from tcpinspect.engine.analysis import COMPLETENESS, REUSED_PORTS_BIT
from tcpinspect.engine.moments import ACKS_FIN, ACKS_SYN, PHASES
from tcpinspect.engine.stretch import ACK_BIT, SYN_BIT
from tcpinspect.engine.watch import LEAST_MSS
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.analysis import Half, Pair, learn_options, show
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.moments import Moments
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.steady import is_plain, settle
    from tcpinspect.engine.stretch import Stretch, new_stretch
    from tcpinspect.engine.unacked import Unacked, new_unacked
    from tcpinspect.engine.watch import Watch
    from tcpinspect.engine.zeek import CLOSED, ESTABLISHED, SYN_SENT, Outcome
    from tcpinspect.protocol.seqnum import difference

# Connection.opening counts the segments of such a handshake that have come, Connection.closing the FINs of such a close.
OPENED = 3
ASKED = cython.declare(cython.longlong, 1)
ANSWERED = cython.declare(cython.longlong, 2)
OPEN = cython.declare(cython.longlong, OPENED)
BOTH = cython.declare(cython.longlong, 2)

MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
FLAGS = cython.declare(cython.longlong, header.FIN | header.SYN | header.RST | header.ACK)
FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
ACK = cython.declare(cython.longlong, header.ACK)
SYN_ACK = cython.declare(cython.longlong, header.SYN | header.ACK)
FIN_ACK = cython.declare(cython.longlong, header.FIN | header.ACK)
MINIMUM_HEADER = cython.declare(cython.longlong, header.MINIMUM_LENGTH)
GOOD_CHECKSUM = cython.declare(cython.longlong, 1)
BAD_CHECKSUM = cython.declare(cython.longlong, 2)
REUSED_PORTS = cython.declare(cython.longlong, REUSED_PORTS_BIT)
SEEN_SYN = cython.declare(cython.longlong, SYN_BIT)
PURE_ACK = cython.declare(cython.longlong, ACK_BIT)
COVERS_SYN = cython.declare(cython.longlong, ACKS_SYN)
COVERS_FIN = cython.declare(cython.longlong, ACKS_FIN)
SMALLEST = cython.declare(cython.longlong, LEAST_MSS)
SAW_SYN = cython.declare(cython.longlong, COMPLETENESS["SYN"])
SAW_SYN_ACK = cython.declare(cython.longlong, COMPLETENESS["SYN-ACK"])
SAW_ACK = cython.declare(cython.longlong, COMPLETENESS["ACK"])
SAW_FIN = cython.declare(cython.longlong, COMPLETENESS["FIN"])
LOG_CLOSING = cython.declare(cython.longlong, PHASES.index("closing"))
# So far a log is short: nothing of it was left out (engine.moments).
SHORT_LOG = cython.declare(cython.longlong, 100)


def opens(c, s):
    """Follow a segment of a handshake by the book; 0 when it is none: nothing is done then. After the last a stretch has begun."""
    if c.opening == ANSWERED:
        return is_ack_of_syn(c, s) and enter(c, s)
    if c.opening == ASKED:
        return is_syn_ack(c, s) and answer(c, s)
    return is_syn(c, s) and ask(c, s)


def closes(c, s, running, health):
    """Follow a segment of a close by the book, of which the first ends a `running` stretch; 0 when it is none: nothing is done then."""
    if running:
        if not is_fin(c.stretch, s) or c.moments.n > SHORT_LOG:
            return 0
        settle(c, health)
        c.closing = 1
        advance(c, s)
    elif is_answer_to_fin(c, s):
        c.closing += s.flags & FIN != 0
        advance(c, s)
        if c.closing == BOTH:
            retire(c)
    else:
        return 0
    return 1


@cython.cfunc
@cython.exceptval(-1)
def retire(c: Connection) -> cython.int:
    """Give away what only those need who talk, as soon as nothing is left to be acknowledged: a closed connection stays for a while."""
    mine: Unacked = c.half0.unacked
    theirs: Unacked = c.half1.unacked
    if mine is not None and mine.head == mine.tail and theirs is not None and theirs.head == theirs.tail:
        c.half0.unacked = c.half1.unacked = None
        c.stretch = None
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_syn(c: Connection, s: Segment) -> cython.bint:
    if s.flags & FLAGS != SYN or s.side or s.ack or s.time_ns <= 0 or c.alone or c.ghost:
        return 0
    return offers(s)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_syn_ack(c: Connection, s: Segment) -> cython.bint:
    if s.flags & FLAGS != SYN_ACK or not s.side or s.ack != c.half0.next_seq or s.time_ns < c.last_ns:
        return 0
    return offers(s)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def offers(s: Segment) -> cython.bint:
    """With all its options, without data, and it asks for nothing rare."""
    if s.payload_len or not s.window_raw or s.checksum_status == BAD_CHECKSUM or s.seq == 0 or s.seq == MASK:
        return 0
    if s.options_len != s.header_len - MINIMUM_HEADER or s.options_malformed:
        return 0
    return s.mptcp < 0 and s.fast_open < 0 and not s.sack_count


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_ack_of_syn(c: Connection, s: Segment) -> cython.bint:
    if s.flags & FLAGS != ACK or s.side or s.payload_len or s.seq != c.half0.next_seq or s.ack != c.half1.next_seq:
        return 0
    return s.time_ns != c.syn_ns and is_plain(s, c.last_ns, c.watch.ts_known[0], c.watch.ts_ns[0])


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_fin(t: Stretch, s: Segment) -> cython.bint:
    side: cython.longlong = s.side
    if s.flags & FLAGS != FIN_ACK or s.payload_len or s.seq != t.due[side] or s.seq == MASK or s.ack == 0:
        return 0
    if (s.ack - t.ack[side]) & MASK > (t.due[1 - side] - t.ack[side]) & MASK:
        return 0
    return is_plain(s, t.time_ns, t.ts_known[side], t.ts_ns[side])


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def is_answer_to_fin(c: Connection, s: Segment) -> cython.bint:
    """The ACK of the first FIN, the FIN that comes back and acknowledges it, too, or the ACK of that."""
    flags: cython.longlong = s.flags & FLAGS
    fwd: Half = c.half1 if s.side else c.half0
    rev: Half = c.half0 if s.side else c.half1
    if s.payload_len or s.seq != fwd.next_seq or s.ack != rev.next_seq or s.seq == MASK or s.ack == 0:
        return 0
    if flags == FIN_ACK:
        if c.closing != 1 or c.outcome.closing[s.side]:
            return 0
    elif flags != ACK or s.ack == fwd.last_ack or not c.outcome.closing[1 - s.side]:
        return 0
    return is_plain(s, c.last_ns, c.watch.ts_known[s.side], c.watch.ts_ns[s.side])


@cython.cfunc
@cython.exceptval(-1)
def ask(c: Connection, s: Segment) -> cython.int:
    """The SYN, first segment of all."""
    pair: Pair = c.pair
    outcome: Outcome = c.outcome
    c.opening = ASKED
    c.syn_ns = s.time_ns
    pair.started = 1
    pair.syn_ns = s.time_ns
    pair.completeness = pair.completeness_so_far = SAW_SYN
    outcome.begun = 1
    outcome.first_us = s.time_ns // 1000
    outcome.state[0] = SYN_SENT
    outcome.once(0, SEEN_SYN, ord("S"))
    offer(c, s, c.half0, c.half1, SYN)
    if s.reused:
        c.half0.last_analysis = REUSED_PORTS
    if s.shown:
        show(s, c.half0, pair, 0, -1)
        s.window = s.window_raw
        s.analysis = c.half0.last_analysis
    return 1


@cython.cfunc
@cython.exceptval(-1)
def answer(c: Connection, s: Segment) -> cython.int:
    """The SYN-ACK."""
    outcome: Outcome = c.outcome
    watch: Watch = c.watch
    rtt_ns: cython.longlong = hear(c, s, c.half0)
    c.opening = ANSWERED
    c.syn_to_syn_ack_ns = s.time_ns - c.syn_ns
    c.syn_ack_ns = s.time_ns
    c.syn_ack_seq = s.seq
    c.pair.completeness = c.pair.completeness_so_far = SAW_SYN | SAW_SYN_ACK
    outcome.elapsed = 1 if s.time_ns >= (outcome.first_us + 1) * 1000 else 0
    outcome.previous[0] = SYN_SENT
    outcome.state[0] = outcome.state[1] = ESTABLISHED
    outcome.acked[0] = 1
    outcome.once(1, SEEN_SYN, ord("H"))
    offer(c, s, c.half1, c.half0, SYN_ACK | COVERS_SYN)
    c.half1.last_ack = s.ack
    c.moments.acked[1] = s.ack
    watch.ack_known[1] = watch.settled[0] = 1
    watch.highest_ack[1] = s.ack
    if s.shown:
        show(s, c.half1, c.pair, 1, rtt_ns if rtt_ns else -1)
        s.window = s.window_raw
    return 1


@cython.cfunc
@cython.exceptval(-1)
def enter(c: Connection, s: Segment) -> cython.int:
    """The ACK of the SYN-ACK: from now on the connection goes on."""
    c.opening = OPEN
    c.syn_ack_to_ack_ns = s.time_ns - c.syn_ack_ns
    c.pair.initial_rtt_ns = s.time_ns - c.pair.syn_ns
    c.watch.ack_known[0] = c.watch.heard = 1
    advance(c, s)
    begin_stretch(c)
    return 1


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def offer(c: Connection, s: Segment, fwd: Half, rev: Half, kind: cython.longlong) -> cython.int:
    """What SYN and SYN-ACK leave alike: where the numbers of their sender begin, and what it offers."""
    side: cython.longlong = s.side
    end: cython.longlong = s.seq + 1
    moments: Moments = c.moments
    watch: Watch = c.watch
    count(c, s, side)
    c.syn_seen[side] = 1
    c.mss[side] = s.mss
    c.shift[side] = s.window_shift
    c.sack[side] = s.sack_permitted
    c.timestamps[side] = 1 if s.ts_val >= 0 else 0
    if fwd.unacked is None:
        fwd.unacked = new_unacked()
    fwd.unacked.push(s.seq, end, s.time_ns)
    fwd.base_seq = s.seq
    fwd.base_known = 1
    fwd.next_seq = fwd.max_to_be_acked = end
    fwd.next_seq_ns = fwd.last_ack_ns = s.time_ns
    fwd.window = s.window_raw
    fwd.first_ack = 1
    learn_options(s, fwd, rev, c.pair)
    c.outcome.start[side] = s.seq
    c.outcome.sent[side] = 1
    moments.news(s, side, kind)
    moments.syn[side] = s.seq
    moments.top[side] = end
    watch.known[side] = 1
    watch.base[side] = s.seq
    watch.top[side] = end
    watch.top_id[side] = s.ip_id
    watch.top_ns[side] = s.time_ns
    if s.mss >= 0:
        watch.limit[side] = max(s.mss, SMALLEST)
    if s.ts_val >= 0:
        watch.ts_known[side] = 1
        watch.ts[side] = watch.ts0[side] = s.ts_val
        watch.ts_ns[side] = watch.ts0_ns[side] = s.time_ns
    return 0


@cython.cfunc
@cython.exceptval(-1)
def advance(c: Connection, s: Segment) -> cython.int:
    """A FIN or an ACK without data, next in order: it moves the numbers on, and is of a kind that its sender had not shown."""
    side: cython.longlong = s.side
    peer: cython.longlong = 1 - side
    bits: cython.longlong = SAW_ACK
    kind: cython.longlong = s.flags & FLAGS
    fwd: Half = c.half1 if side else c.half0
    pair: Pair = c.pair
    outcome: Outcome = c.outcome
    moments: Moments = c.moments
    watch: Watch = c.watch
    rtt_ns: cython.longlong = hear(c, s, c.half0 if side else c.half1)
    acked: cython.longlong = outcome.acked[peer] + difference(s.ack, outcome.start[peer] + outcome.acked[peer])
    count(c, s, side)
    if moments.syn[peer] >= 0 and difference(s.ack, moments.syn[peer]) > 0:
        kind |= COVERS_SYN
    if moments.fin[peer] >= 0 and difference(s.ack, moments.fin[peer]) > 0:
        kind |= COVERS_FIN
    moments.news(s, side, kind)
    outcome._note_flags(side, s.flags, outcome.sent[side], 0)
    outcome.elapsed = 1 if s.time_ns >= (outcome.first_us + 1) * 1000 else 0
    if acked > outcome.acked[peer]:
        outcome.acked[peer] = acked
    if kind & FIN:
        bits |= SAW_FIN
        end_of_side(c, s, fwd)
    if acked > outcome.delivered[peer]:
        outcome._covered(peer, acked)
    pair.completeness_so_far |= bits
    pair.completeness |= bits | pair.first_bits
    moments.settled[side] = 1
    if moments.acked[side] < 0 or difference(s.ack, moments.acked[side]) > 0:
        moments.acked[side] = s.ack
    fwd.window = s.window_raw
    fwd.last_ack = s.ack
    fwd.last_ack_ns = s.time_ns
    fwd.last_analysis = 0
    fwd.first_ack = 0
    watch.settled[0] = watch.settled[1] = 1
    watch.highest_ack[side] = s.ack
    if s.ts_val >= 0 and difference(s.ts_val, watch.ts[side]) >= 0:
        watch.ts[side] = s.ts_val
        watch.ts_ns[side] = s.time_ns
    if s.shown:
        show(s, fwd, pair, rtt_ns >= 0, rtt_ns if rtt_ns else -1)
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def end_of_side(c: Connection, s: Segment, half: Half) -> cython.int:
    """The FIN occupies a number, behind which nothing comes."""
    side: cython.longlong = s.side
    end: cython.longlong = s.seq + 1
    outcome: Outcome = c.outcome
    moments: Moments = c.moments
    watch: Watch = c.watch
    if half.unacked is None:
        half.unacked = new_unacked()
    if half.unacked.append(s.seq, end, s.time_ns):
        half.next_seq = half.max_to_be_acked = end
        half.next_seq_ns = s.time_ns
    outcome.sent[side] += 1
    outcome.fin_end[side] = outcome.sent[side]
    outcome.closing[side] = 1
    outcome.previous[side] = outcome.state[side]
    outcome.state[side] = CLOSED
    moments.phase = LOG_CLOSING
    moments.top[side] = end
    if moments.fin[side] < 0:
        moments.fin[side] = s.seq
    watch.top[side] = end
    watch.top_id[side] = s.ip_id
    watch.top_ns[side] = s.time_ns
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(-1)
def count(c: Connection, s: Segment, side: cython.longlong) -> cython.int:
    """What all of them leave alike."""
    watch: Watch = c.watch
    c.last_frame = s.frame
    c.last_ns = s.time_ns
    c.packets[side] += 1
    if s.checksum_status == GOOD_CHECKSUM:
        c.outcome.proven[side] = 1
        watch.good[side] += 1
    watch.remember(s, side)
    watch.last_frame[side] = s.frame
    watch.packets[side] += 1
    return 0


@cython.cfunc
@cython.inline
@cython.exceptval(-2)
def hear(c: Connection, s: Segment, rev: Half) -> cython.longlong:
    """How long ago the segment was sent whose end `s` acknowledges; 0 where the clock tells no difference, -1 where none ends there."""
    rtt_ns: cython.longlong
    if rev.unacked is None or not rev.unacked.acknowledge(s.ack):
        return -1
    rtt_ns = s.time_ns - rev.unacked.matched_ns
    if rtt_ns > 0:
        if s.side:
            c.rtt0.add(rtt_ns)
        else:
            c.rtt1.add(rtt_ns)
    return rtt_ns


@cython.cfunc
@cython.exceptval(-1)
def begin_stretch(c: Connection) -> cython.int:
    """As `steady.join` would, which would find the same numbers everywhere."""
    t: Stretch
    half: Half
    side: cython.longlong
    if c.stretch is None:
        c.stretch = new_stretch()
    t = c.stretch
    for side in range(2):
        half = c.half1 if side else c.half0
        t.due[side] = t.whole[side] = half.next_seq
        t.ack[side] = half.last_ack
        t.shift[side] = max(half.window_shift, 0)
        t.limit[side] = c.watch.limit[side]
        t.ts_known[side] = c.watch.ts_known[side]
        t.ts[side] = c.watch.ts[side]
        t.ts_ns[side] = c.watch.ts_ns[side]
    t.edge[0] = (c.half0.last_ack + (cython.cast(cython.longlong, c.half0.window) << t.shift[0])) & MASK
    t.edge[1] = (c.half1.last_ack + c.half1.window) & MASK  # RFC 7323 §2.2: the window in a SYN is never scaled
    t.noted[0] = PURE_ACK
    t.noted[1] = 0
    t.logged = 1
    t.begin(c.last_ns)
    return 0
