"""Judge each segment of a connection as Wireshark 4.0's tcp.analysis does, in one pass. Floor 2.

What is measured is Wireshark's view, not RFC 9293's: its thresholds, the order of its tests and its blind spots are kept,
so that the flags mean to a reader what they mean there. The state machine of this project lives elsewhere.
Sequence numbers meet only through `difference`; 0 stands for "none seen yet" where Wireshark uses it so.
Reading: RFC 9293 §3.4, §3.8; RFC 7323 §2.2; RFC 2018 §3.
"""

import cython

from tcpinspect.engine.stretch import ACK_BIT, DATA_BIT, NOWHERE
from tcpinspect.protocol import header
from tcpinspect.schema import ANALYSIS_FLAGS

if not cython.compiled:
    from tcpinspect.engine.segment import Segment
    from tcpinspect.engine.unacked import Unacked, new_unacked
    from tcpinspect.protocol.seqnum import difference

MASK = cython.declare(cython.longlong, 0xFFFFFFFF)

SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
SYN_ACK = cython.declare(cython.longlong, header.SYN | header.ACK)
SYN_FIN = cython.declare(cython.longlong, header.SYN | header.FIN)
FIN_ACK = cython.declare(cython.longlong, header.FIN | header.ACK)
MINIMUM_HEADER = cython.declare(cython.longlong, header.MINIMUM_LENGTH)
CONTROL = cython.declare(cython.longlong, header.SYN | header.FIN | header.RST)

RETRANSMISSION = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("retransmission"))
FAST_RETRANSMISSION = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("fast_retransmission"))
SPURIOUS_RETRANSMISSION = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("spurious_retransmission"))
OUT_OF_ORDER = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("out_of_order"))
LOST_SEGMENT = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("lost_segment"))
ACK_LOST_SEGMENT = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("ack_lost_segment"))
DUPLICATE_ACK = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("duplicate_ack"))
WINDOW_UPDATE = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("window_update"))
WINDOW_FULL = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("window_full"))
ZERO_WINDOW = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("zero_window"))
ZERO_WINDOW_PROBE = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("zero_window_probe"))
ZERO_WINDOW_PROBE_ACK = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("zero_window_probe_ack"))
KEEP_ALIVE = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("keep_alive"))
KEEP_ALIVE_ACK = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("keep_alive_ack"))
REUSED_PORTS_BIT = 1 << ANALYSIS_FLAGS.index("reused_ports")
REUSED_PORTS = cython.declare(cython.longlong, REUSED_PORTS_BIT)

# Not a flag of the table: Wireshark has looked at the segment closely, which decides whether it shows the initial RTT.
NOTED = cython.declare(cython.longlong, 1 << len(ANALYSIS_FLAGS))

# In Stretch.noted.
DATA = cython.declare(cython.longlong, DATA_BIT)
PURE_ACK = cython.declare(cython.longlong, ACK_BIT)
# tcp.completeness
COMPLETENESS = {"SYN": 1, "SYN-ACK": 2, "ACK": 4, "data": 8, "FIN": 16, "RST": 32}
SAW_SYN = cython.declare(cython.longlong, COMPLETENESS["SYN"])
SAW_SYN_ACK = cython.declare(cython.longlong, COMPLETENESS["SYN-ACK"])
SAW_ACK = cython.declare(cython.longlong, COMPLETENESS["ACK"])
SAW_DATA = cython.declare(cython.longlong, COMPLETENESS["data"])
SAW_FIN = cython.declare(cython.longlong, COMPLETENESS["FIN"])
SAW_RST = cython.declare(cython.longlong, COMPLETENESS["RST"])

# Window scale of one direction besides the shift itself.
UNKNOWN = cython.declare(cython.longlong, -1)
NOT_USED = cython.declare(cython.longlong, -2)
ENDLESS = cython.declare(cython.longlong, NOWHERE)
# RFC 7323 §2.3: "If a Window Scale option is received with a shift.cnt value larger than 14, the TCP SHOULD log the error
# but MUST use 14 instead of the specified value."
LARGEST_SHIFT = cython.declare(cython.longlong, header.MAX_WINDOW_SHIFT)

FAST_NS = cython.declare(cython.longlong, 20000000)
REORDERED_NS = cython.declare(cython.longlong, 3000000)
MOST_IN_FLIGHT = cython.declare(cython.longlong, 2000000000)
SACK_BLOCKS_COUNTED = cython.declare(cython.longlong, 3)


@cython.no_gc
@cython.cclass
class Half:
    """What one direction has shown so far. `base_seq` is what its relative sequence numbers count from, once `base_known`.

    `window` is the last window field, unscaled. `window_shift`: -1 unknown, -2 scaling not used. `last_*` describe the
    last segment of this direction; `next_seq` is the highest end seen, `max_to_be_acked` the highest without a gap.
    """

    def __init__(self):
        self.unacked = None
        self.reset()

    def reset(self):
        """Begin another connection; the room for what is unacknowledged stays."""
        self.base_seq = 0
        self.base_known = 0
        self.next_seq = 0
        self.next_seq_ns = 0
        self.max_to_be_acked = 0
        self.last_ack = 0
        self.last_ack_ns = 0
        self.duplicate_acks = 0
        self.window = MASK
        self.window_shift = UNKNOWN
        self.first_ack = 0
        self.last_analysis = 0
        self.flight_valid = 1
        self.mptcp_operations = 0
        self.sacked = 0
        if self.unacked is not None:
            self.unacked.clear()
        return 0

    def join(self, t, side):
        """Enter a steady stretch as the direction of `side`; 0 while a question is open."""
        if not self.base_known or not self.next_seq or self.next_seq != self.max_to_be_acked or not self.last_ack or not self.window:
            return 0
        if self.duplicate_acks or self.sacked or not self.flight_valid:
            return 0
        t.due[side] = self.next_seq
        t.ack[side] = self.last_ack
        t.shift[side] = self.window_shift if self.window_shift >= 0 else ENDLESS if self.window_shift == UNKNOWN else 0
        # RFC 7323 §2.2: the window in a SYN is never scaled.
        window: cython.longlong = self.window
        t.edge[side] = (self.last_ack + (window << (0 if self.first_ack and self.window_shift >= 0 else t.shift[side]))) & MASK
        return 1

    def catch_up(self, t, side):
        """Be as if every segment of the stretch had been analysed."""
        if t.packets[side]:
            self.last_ack = t.ack[side]
            self.last_ack_ns = t.last_ns[side]
            self.window = t.window[side]
            self.first_ack = 0
            self.last_analysis = 0
        if t.octets[side]:
            self.next_seq = t.due[side]
            self.next_seq_ns = t.data_ns[side]
            self.max_to_be_acked = self.next_seq
        return 0


class Pair:
    """What both directions share. `initial_rtt_ns` is 0 while unknown; `completeness` has the bits of tcp.completeness."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Begin another connection."""
        self.started = 0
        self.syn_ns = 0
        self.initial_rtt_ns = 0
        self.completeness = 0
        self.completeness_so_far = 0
        self.first_bits = 0
        self.mptcp = 0
        self.mptcp_operations = 0
        return 0

    def is_settled(self):
        """1 when the handshake has nothing more to tell, and segments carry nothing of MPTCP."""
        return self.started and not self.mptcp and (self.syn_ns == 0 or self.initial_rtt_ns != 0)

    def noted(self):
        """The kinds of segments (engine.steady) that the completeness holds already."""
        held: cython.longlong = self.completeness & self.completeness_so_far
        if self.completeness & self.first_bits != self.first_bits:
            return 0
        return (DATA if held & SAW_DATA else 0) | (PURE_ACK if held & SAW_ACK else 0)

    def note(self, data):
        """Add a kind of segment."""
        bits: cython.longlong = SAW_DATA if data else SAW_ACK
        self.completeness_so_far |= bits
        self.completeness |= bits | self.first_bits
        return 0


def within(elapsed_ns, limit_ns):
    """elapsed < limit as unsigned numbers: time that ran backwards is a very long time."""
    if (elapsed_ns < 0) == (limit_ns < 0):
        return elapsed_ns < limit_ns
    return limit_ns < 0


def is_new_connection(s, fwd, rev, pair):
    """1 when this segment on a known 4-tuple opens another connection than the latest one (fwd, rev, pair)."""
    if s.flags & SYN_ACK != SYN or not fwd.base_known:
        return 0
    return s.seq != fwd.base_seq


def analyse(s, fwd, rev, pair, reused):
    """Fill the analysis of `s`, sent by `fwd` to `rev`, and remember what it shows. `reused`: it opened a reused 4-tuple."""
    found: cython.longlong = 0
    seen: cython.longlong
    flight: cython.longlong
    s.duplicate_ack_num = -1
    s.bytes_in_flight = -1
    s.ack_rtt_ns = -1
    s.initial_rtt_ns = -1
    s.rto_ns = -1
    if reused:
        found = REUSED_PORTS
    elif fwd.base_known and s.flags & SYN_ACK == SYN:
        # The SYN again: a RST in between may have moved next_seq.
        fwd.next_seq = fwd.max_to_be_acked
        found = NOTED
    elif fwd.base_known and s.flags & SYN_ACK == SYN_ACK and s.seq != fwd.base_seq:
        fwd.base_seq = s.seq
        found = REUSED_PORTS
    fwd.sacked = 0
    s.analysis = 0
    s.window = s.window_raw
    if not s.flags & SYN:
        if fwd.window_shift >= 0:
            s.window = s.window_raw << fwd.window_shift
        elif fwd.window_shift == UNKNOWN:
            s.window = -1
    if s.payload_len < 0:
        # Shorter than its own header: nothing can be told from its numbers.
        learn(s, fwd, rev, pair, reused)
        return 0

    if not fwd.base_known:
        fwd.base_seq = s.seq if s.flags & SYN else (s.seq - 1) & MASK
        fwd.base_known = 1
    if s.flags & ACK:
        if not rev.base_known:
            rev.base_seq = (s.ack - 1) & MASK
            rev.base_known = 1
        rev.flight_valid = 1

    found |= judge_ack(s, fwd, rev, pair)
    if s.payload_len > 0 or s.flags & SYN_FIN:
        found |= judge_data(s, fwd, rev, pair, found)
    remember(s, fwd, found)
    fwd.window = s.window_raw
    fwd.last_ack = s.ack
    fwd.last_ack_ns = s.time_ns
    fwd.last_analysis = found
    if pair.mptcp:
        fwd.mptcp_operations = pair.mptcp_operations

    seen = found
    if rev.unacked is not None and rev.unacked.acknowledge(s.ack):
        seen = 1
        if s.time_ns != rev.unacked.matched_ns:
            s.ack_rtt_ns = s.time_ns - rev.unacked.matched_ns
    if s.payload_len > 0 and fwd.flight_valid and fwd.unacked is not None and fwd.unacked.tail > fwd.unacked.head:
        seen = 1
        flight = measure_flight(s, fwd, rev.sacked) if s.shown else 0
        if flight > 0:
            s.bytes_in_flight = flight

    learn(s, fwd, rev, pair, reused)
    if s.options_len < s.header_len - MINIMUM_HEADER or s.options_malformed == 2:
        # Options cut by the snap length, or SACK blocks without room for one: Wireshark stops there, before it shows what it found.
        s.duplicate_ack_num = s.bytes_in_flight = s.ack_rtt_ns = s.rto_ns = -1
        return 0
    # Wireshark shows the initial RTT only where it has something else to say.
    if seen and pair.initial_rtt_ns != 0:
        s.initial_rtt_ns = pair.initial_rtt_ns
    if found & (FAST_RETRANSMISSION | SPURIOUS_RETRANSMISSION):
        found |= RETRANSMISSION
    s.analysis = found & ~NOTED
    return 0


def show(s, fwd, pair, found, rtt_ns):
    """Fill the analysis of a segment of a steady stretch. `found`: it acknowledges the end of a segment, `rtt_ns` ago or -1."""
    flight: cython.longlong
    s.analysis = 0
    s.duplicate_ack_num = s.bytes_in_flight = s.initial_rtt_ns = s.rto_ns = -1
    s.ack_rtt_ns = rtt_ns
    s.window = s.window_raw << fwd.window_shift if fwd.window_shift >= 0 else -1 if fwd.window_shift == UNKNOWN else s.window_raw
    if s.payload_len > 0:
        flight = measure_flight(s, fwd, 0)
        if flight > 0:
            s.bytes_in_flight = flight
    if (found or s.payload_len > 0) and pair.initial_rtt_ns != 0:
        s.initial_rtt_ns = pair.initial_rtt_ns
    return 0


@cython.cfunc
@cython.exceptval(check=False)
def judge_ack(s: Segment, fwd: Half, rev: Half, pair: Pair) -> cython.longlong:
    """The flags that come from window and acknowledgment, and the two about gaps."""
    found: cython.longlong = 0
    plain: cython.longlong = s.flags & CONTROL == 0
    repeats: cython.longlong = s.seq == fwd.next_seq and plain and s.payload_len == 0
    edge: cython.longlong
    if s.payload_len == 1 and s.seq == fwd.next_seq and rev.window == 0:
        found = ZERO_WINDOW_PROBE
    else:
        if s.window_raw == 0 and plain:
            found |= ZERO_WINDOW
        if fwd.next_seq and difference(fwd.next_seq, s.seq) < 0 and not s.flags & RST:
            found |= LOST_SEGMENT
            # How much is in flight is unknown until the peer acknowledges.
            fwd.flight_valid = 0
        if s.payload_len <= 1 and s.seq == (fwd.next_seq - 1) & MASK and plain:
            found |= KEEP_ALIVE
        if repeats and s.window_raw and s.window_raw != fwd.window and s.ack == fwd.last_ack:
            found |= WINDOW_UPDATE
        if s.payload_len > 0 and rev.window_shift != UNKNOWN and plain:
            edge = rev.window
            if not rev.first_ack and rev.window_shift > 0:
                edge = edge << rev.window_shift
            if (s.seq + s.payload_len) & MASK == (rev.last_ack + edge) & MASK:
                found |= WINDOW_FULL
        if repeats and s.window_raw == fwd.window and s.ack == fwd.last_ack:
            if s.window_raw:
                if rev.last_analysis & KEEP_ALIVE:
                    found |= KEEP_ALIVE_ACK
                elif not pair.mptcp or pair.mptcp_operations == fwd.mptcp_operations:
                    # MPTCP repeats acknowledgments to carry its options (RFC 8684 §3.4.1).
                    fwd.duplicate_acks = 1 if fwd.duplicate_acks < 0 else fwd.duplicate_acks + 1
                    found |= DUPLICATE_ACK
                    s.duplicate_ack_num = fwd.duplicate_acks
            elif rev.last_analysis & ZERO_WINDOW_PROBE:
                found |= ZERO_WINDOW_PROBE_ACK
    if s.ack != fwd.last_ack:
        fwd.duplicate_acks = 0
    if s.flags & ACK and rev.max_to_be_acked and difference(rev.max_to_be_acked, s.ack) < 0:
        found |= NOTED
        if difference(rev.max_to_be_acked, rev.next_seq) < 0:
            rev.max_to_be_acked = rev.next_seq
            found |= ACK_LOST_SEGMENT
        else:
            if rev.duplicate_acks == 0:
                found |= ACK_LOST_SEGMENT
            rev.duplicate_acks = -1
    return found


@cython.cfunc
@cython.exceptval(check=False)
def judge_data(s: Segment, fwd: Half, rev: Half, pair: Pair, found: cython.longlong) -> cython.longlong:
    """The retransmission family; only one of its members applies to a segment."""
    old: cython.longlong
    if (s.payload_len <= 0 and not s.flags & SYN_FIN) or found & KEEP_ALIVE:
        return 0
    if s.payload_len > 0 and rev.last_ack and difference((s.seq + s.payload_len) & MASK, rev.last_ack) <= 0:
        return SPURIOUS_RETRANSMISSION
    old = fwd.next_seq != 0 and difference(s.seq, fwd.next_seq) < 0
    # Real data that begins with the octet of a probe is not old.
    if s.payload_len > 1 and s.seq == (fwd.next_seq - 1) & MASK:
        old = 0
    if not old:
        return 0
    if is_fast_retransmission(s, rev):
        return FAST_RETRANSMISSION
    if is_out_of_order(s, fwd, pair):
        return OUT_OF_ORDER
    measure_rto(s, fwd)
    return RETRANSMISSION


def is_fast_retransmission(s, rev):
    """Two duplicate acknowledgments asked for this segment, the last less than 20 ms ago."""
    # -1, which stands for an acknowledgment of what is missing, passes: the counter is unsigned in Wireshark.
    if 0 <= rev.duplicate_acks < 2 or rev.last_ack != s.seq:
        return 0
    return within(s.time_ns - rev.last_ack_ns, FAST_NS)


def is_out_of_order(s, fwd, pair):
    """Late by less than the initial RTT (3 ms when unknown), and not the end of what was sent."""
    limit: cython.longlong = pair.initial_rtt_ns if pair.initial_rtt_ns != 0 else REORDERED_NS
    end: cython.longlong = s.seq + s.payload_len
    if s.flags & SYN_FIN:
        end += 1
    return end & MASK != fwd.next_seq and within(s.time_ns - fwd.next_seq_ns, limit)


def measure_rto(s, fwd):
    """Time since the oldest unacknowledged segment, or since the one that ended highest."""
    since: cython.longlong = fwd.next_seq_ns
    if fwd.unacked is not None and fwd.unacked.tail > fwd.unacked.head:
        since = fwd.unacked.oldest_ns()
    if s.time_ns != since:
        s.rto_ns = s.time_ns - since
    return 0


@cython.cfunc
@cython.exceptval(-1)
def remember(s: Segment, fwd: Half, found: cython.longlong) -> cython.int:
    """Add the segment to what is unacknowledged and advance the two highest numbers."""
    after: cython.longlong
    end: cython.longlong = (s.seq + s.payload_len) & MASK
    if s.payload_len > 0 or s.flags & SYN_FIN:
        if fwd.unacked is None:
            fwd.unacked = new_unacked()
        # SYN and FIN occupy a number each, but together only one here, and none once the list is full.
        after = (end + 1) & MASK if s.flags & SYN_FIN else end
        if fwd.unacked.append(s.seq, after, s.time_ns):
            end = after
    # A probe does not count until the receiver takes its octet.
    if not found & ZERO_WINDOW_PROBE:
        if fwd.next_seq == 0 or difference(fwd.next_seq, end) < 0:
            fwd.next_seq = end
            fwd.next_seq_ns = s.time_ns
        if fwd.max_to_be_acked == 0 or s.seq == fwd.max_to_be_acked:
            fwd.max_to_be_acked = fwd.next_seq
    return 0


def measure_flight(s, fwd, sacked):
    """Octets in flight after this segment; 0 or less when there is no sensible number."""
    flight: cython.longlong = (fwd.unacked.span(fwd.base_seq) - sacked) & MASK
    if flight >= MOST_IN_FLIGHT:
        return 0
    # SYN and FIN occupy a number, but are no octets.
    return flight - 1 if s.flags & SYN_FIN else flight


@cython.cfunc
@cython.exceptval(check=False)
def learn(s: Segment, fwd: Half, rev: Half, pair: Pair, reused: cython.longlong) -> cython.int:
    """What matters only to later segments: completeness, initial RTT, options."""
    f: cython.longlong = s.flags
    bits: cython.longlong = 0
    if f & SYN_ACK == ACK:
        bits = SAW_DATA if s.payload_len > 0 else SAW_ACK
    if f & CONTROL:
        if f & SYN_ACK == SYN_ACK:
            bits |= SAW_SYN_ACK
        if f & FIN_ACK == FIN_ACK:
            bits |= SAW_FIN
        if f & RST:
            bits |= SAW_RST
    if reused:
        # Not counted as a first segment: data in this SYN goes unnoticed.
        pair.started = 1
        pair.completeness_so_far = SAW_SYN | bits
        pair.completeness = pair.completeness_so_far
    elif pair.started:
        pair.completeness_so_far |= bits
        pair.completeness |= bits | pair.first_bits
    else:
        # What the first segment shows, but for its SYN, Wireshark counts in its second pass, if a second segment follows.
        pair.started = 1
        pair.first_bits = bits
        if f & SYN_ACK == SYN:
            pair.completeness_so_far = SAW_SYN | (SAW_DATA if s.payload_len > 0 else 0)
            pair.completeness = pair.completeness_so_far
    if f & SYN:
        fwd.first_ack = 1
        if not f & ACK:
            pair.syn_ns = s.time_ns
    elif f & ACK:
        fwd.first_ack = 0
        if pair.syn_ns != 0 and pair.initial_rtt_ns == 0:
            pair.initial_rtt_ns = s.time_ns - pair.syn_ns
    # Outside a SYN, timestamps alone (ten octets and two of padding) say nothing here.
    if s.payload_len >= 0 and (f & SYN or (s.header_len > MINIMUM_HEADER and not (s.options_len == 12 and s.ts_val >= 0))):
        learn_options(s, fwd, rev, pair)
    return 0


def learn_options(s, fwd, rev, pair):
    """Window scale, SACK blocks and MPTCP."""
    block: cython.longlong
    left: cython.longlong
    right: cython.longlong
    if s.window_shift >= 0:
        fwd.window_shift = s.window_shift if s.window_shift < LARGEST_SHIFT else LARGEST_SHIFT
    # A cut or unreadable list does not say what is missing from it.
    if s.flags & SYN and s.options_len >= s.header_len - MINIMUM_HEADER and s.options_malformed != 2:
        # RFC 7323 §2.2: both sides must send the option in their SYN to enable scaling in either direction.
        if fwd.window_shift == UNKNOWN:
            fwd.window_shift = NOT_USED
            rev.window_shift = NOT_USED
        elif s.flags & ACK and rev.window_shift == NOT_USED:
            fwd.window_shift = NOT_USED
    for block in range(s.sack_count if s.sack_count < SACK_BLOCKS_COUNTED else SACK_BLOCKS_COUNTED):
        left = s.sack_left[block]
        right = s.sack_right[block]
        fwd.sacked += right - left
    if s.mptcp >= 0:
        pair.mptcp = 1
        if s.mptcp < 8:
            pair.mptcp_operations |= 1 << s.mptcp
    return 0
