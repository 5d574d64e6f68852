"""What the packets of one connection tell about the capture that holds them: its copies, its order, its holes. Floor 2; compiled.

Nothing is kept a packet: each direction remembers its last four segments and at most four gaps, so a capture worse than that is
under-counted, never over-counted.
Reading: RFC 9293 §3.4, §3.7.1; RFC 6864 (the IPv4 identification), RFC 7323 §5.4 (rate of the timestamp clock).
"""

import cython

from tcpinspect.protocol import header
from tcpinspect.schema import ANALYSIS_FLAGS

if not cython.compiled:
    from tcpinspect.engine.segment import Segment
    from tcpinspect.protocol.seqnum import difference

MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
SYN = cython.declare(cython.longlong, header.SYN)
FIN = cython.declare(cython.longlong, header.FIN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
DUPLICATE_ACK = cython.declare(cython.longlong, 1 << ANALYSIS_FLAGS.index("duplicate_ack"))
# The receiver's answer to a copy comes at once, behind at most the answer to the packet itself.
ANSWERS = cython.declare(cython.longlong, 2)
RING = cython.declare(cython.longlong, 4)
GAPS = cython.declare(cython.longlong, 4)
# A sender repeats itself after a round trip at the soonest; copies on `any`, bridges and mirror ports come at once.
COPY_NS = cython.declare(cython.longlong, 1000000)
# Data captured behind its acknowledgment; a needless retransmission takes an RTO, 200 ms on any stack in use.
LATE_NS = cython.declare(cython.longlong, 100000000)
# RFC 7323 §2.3: no window is larger than 2^30, so no honest acknowledgment is further ahead.
LARGEST = cython.declare(cython.longlong, 1 << 30)
# Segments wait in queues too, but hardly so long.
CLOCK_JUMP_NS = 3_000_000_000
JUMP_NS = cython.declare(cython.longlong, CLOCK_JUMP_NS)
# RFC 7323 §5.4: a tick takes 1 ms to 1 s (1 µs in newer stacks); a rate from fewer ticks than these is too rough to judge by.
SHORTEST_TICK = cython.declare(cython.longlong, 500)
LONGEST_TICK = cython.declare(cython.longlong, 2000000000)
TICKS = cython.declare(cython.longlong, 20)
# RFC 9293 §3.7.1: the MSS assumed without the option; smaller offers are ignored by senders.
LEAST_MSS = 536
SMALLEST_MSS = cython.declare(cython.longlong, LEAST_MSS)
JUMBO = cython.declare(cython.longlong, 9216)  # no network has larger frames; the loopback does
NO_LIMIT = cython.declare(cython.longlong, 1 << 30)
# So near before the newest identification a packet was sent just before it.
ID_STEP = cython.declare(cython.longlong, 64)
GOOD, BAD, SWAPPED, SWAPPED_FRAME, ANSWERED, PACKETS = range(6)


# All that a copy of a segment shares with it, in two numbers below 2^63.


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def place(s: Segment) -> cython.longlong:
    """Its sequence number and the identification of its packet."""
    seq: cython.longlong = s.seq
    return (seq << 16) | s.ip_id


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def rest(s: Segment) -> cython.longlong:
    """Acknowledgment, flags, window, length and timestamp."""
    ack: cython.longlong = s.ack
    return ((((ack << 9) | s.flags) << 16) | s.window_raw) ^ ((s.payload_len << 32) | (s.ts_val & MASK))


class Watch:
    """What one connection shows of the capture's faults; `s` is its first segment.

    `duplicates`: segments captured twice. `late`: captured behind their acknowledgment. `lost` and `lost_octets`: holes
    that were acknowledged, so the receiver had what the capture lacks. `oversize`: segments above the MSS. `heard`: a side
    acknowledges what the other side sends.
    """

    def __init__(self):
        if not cython.compiled:
            for name in (
                "known", "base", "top", "top_id", "top_ns", "highest_ack", "ack_known", "settled", "last_frame", "limit", "packets", "good",
                "bad", "answered", "swapped", "swapped_frame", "hole_from", "hole_to", "hole_left", "hole_ns", "gaps", "ts_known", "ts0",
                "ts0_ns", "ts", "ts_ns", "ring_at", "copy_seq", "copy_due",
            ):  # fmt: skip
                setattr(self, name, [0, 0])
            for name in ("gap_from", "gap_to"):
                setattr(self, name, [0] * 8)
            self.ring = [0] * 32  # both numbers, time and frame of the last segments

    def begin(self, s):
        """Watch another connection, from its first segment on."""
        unknown: cython.longlong = JUMBO
        k: cython.longlong
        self.duplicates = 0
        self.duplicate_frame = 0
        self.late = 0
        self.oversize = 0
        self.lost = 0
        self.lost_octets = 0
        self.lost_frame = 0
        self.heard = 0
        if (s.src_lo == s.dst_lo and s.src_hi == s.dst_hi) or (s.family == 4 and s.src_lo >> 24 == 127):
            unknown = NO_LIMIT
        for k in range(2):
            self.limit[k] = unknown
            self.known[k] = self.ack_known[k] = self.settled[k] = self.ts_known[k] = 0
            self.gaps[k] = self.ring_at[k] = self.copy_due[k] = 0
            self.packets[k] = self.good[k] = self.bad[k] = self.answered[k] = 0
            self.swapped[k] = self.swapped_frame[k] = self.last_frame[k] = self.hole_left[k] = 0
            self.ring[k * 16] = self.ring[k * 16 + 4] = self.ring[k * 16 + 8] = self.ring[k * 16 + 12] = -1
        return 0

    def note(self, s, side, health):
        """Look at an analysed segment of endpoint `side`."""
        other: cython.longlong = 1 - side
        end: cython.longlong = s.seq + s.payload_len
        if s.flags & (SYN | FIN):
            end += 2 if s.flags & SYN and s.flags & FIN else 1
        end &= MASK
        # What goes on, in its own numbers or in the peer's, cannot be a copy.
        if (
            self.known[side]
            and difference(end, self.top[side]) <= 0
            and (not self.ack_known[side] or not s.flags & ACK or difference(s.ack, self.highest_ack[side]) <= 0)
            and self.seen_before(s, side)
        ):
            self.duplicates += 1
            if s.payload_len > 0:
                self.copy_seq[side] = s.seq
                self.copy_due[side] = ANSWERS
            if not self.duplicate_frame:
                self.duplicate_frame = s.frame
            return 0
        self.remember(s, side)
        self.last_frame[side] = s.frame
        self.packets[side] += 1
        if s.checksum_status == 1:
            self.good[side] += 1
        elif s.checksum_status == 2:
            self.bad[side] += 1
        if s.payload_len > self.limit[other]:
            self.oversize += 1
            if not health.oversize_frame or s.frame < health.oversize_frame:
                health.oversize_frame = s.frame
        if s.flags & RST:
            # Its numbers may answer anything (RFC 9293 §3.5.2).
            return 0
        if s.flags & SYN and s.mss >= 0:
            self.limit[side] = s.mss if s.mss > SMALLEST_MSS else SMALLEST_MSS
        if s.analysis & DUPLICATE_ACK or s.sack_count:
            self.answered[side] += 1
        # In order and nothing open behind it: almost every segment.
        if self.known[side] and s.seq == self.top[side] and not (s.flags & SYN or self.gaps[side] or self.hole_left[side]):
            self.settled[side] = 1
            if end != s.seq:
                self.top[side] = end
                self.top_id[side] = s.ip_id
                self.top_ns[side] = s.time_ns
        else:
            self.sent(s, side, end, health)
        if s.flags & ACK:
            if self.copy_due[other]:
                self.network_doubled(s, side)
            # An acknowledgment again, of what was seen, tells nothing more.
            if s.ack != self.highest_ack[side] or self.gaps[other] or not (self.ack_known[side] and self.settled[other]):
                self.acknowledged(s, side)
            elif difference(s.ack, self.top[other]) > 0:
                self.acknowledged(s, side)
        if s.ts_val >= 0:
            if not self.ts_known[side] or s.time_ns < self.ts_ns[side] or s.time_ns - self.ts_ns[side] > JUMP_NS:
                self.tick(s, side, health)
            elif difference(s.ts_val, self.ts[side]) >= 0:
                self.ts[side] = s.ts_val
                self.ts_ns[side] = s.time_ns
        return 0

    def remember(self, s, side):
        """Put a segment among the last of its direction: a copy of it may come next."""
        at: cython.longlong = (side * RING + self.ring_at[side]) * 4
        self.ring[at] = place(s)
        self.ring[at + 1] = rest(s)
        self.ring[at + 2] = s.time_ns
        self.ring[at + 3] = s.frame
        self.ring_at[side] = (self.ring_at[side] + 1) & (RING - 1)
        return 0

    def join(self, t, side):
        """Enter a steady stretch with the numbers of `side`; 0 while something is open."""
        if not self.known[side] or not self.ack_known[side] or not self.settled[side] or not self.heard:
            return 0
        if self.gaps[side] or self.hole_left[side] or self.copy_due[side]:
            return 0
        if self.top[side] != t.due[side] or self.highest_ack[side] != t.ack[side]:
            return 0
        t.limit[side] = self.limit[side]
        t.ts_known[side] = self.ts_known[side]
        t.ts[side] = self.ts[side]
        t.ts_ns[side] = self.ts_ns[side]
        return 1

    def catch_up(self, t, side, health):
        """Be as if every segment of the stretch had been looked at."""
        if not t.packets[side]:
            return 0
        self.packets[side] += t.packets[side]
        self.good[side] += t.good[side]
        self.last_frame[side] = t.last_frame[side]
        self.highest_ack[side] = t.ack[side]
        self.ts[side] = t.ts[side]
        self.ts_ns[side] = t.ts_ns[side]
        if t.octets[side]:
            self.top[side] = t.due[side]
            self.top_id[side] = t.data_id[side]
            self.top_ns[side] = t.data_ns[side]
        if t.oversize[side]:
            self.oversize += t.oversize[side]
            if not health.oversize_frame or t.oversize_frame[side] < health.oversize_frame:
                health.oversize_frame = t.oversize_frame[side]
        return 0

    def seen_before(self, s, side):
        """1 when one of the last segments of this direction is the same packet.

        Without an identification (IPv6, or 0 in IPv4) a repeated acknowledgment looks like a copy, and so does a fast
        retransmission: then only what occupies sequence numbers counts, and only before the peer has said anything.
        """
        k: cython.longlong
        elapsed: cython.longlong
        a: cython.longlong = place(s)
        b: cython.longlong = rest(s)
        for k in range(side * RING * 4, (side + 1) * RING * 4, 4):
            if self.ring[k] == a and self.ring[k + 1] == b:
                elapsed = s.time_ns - self.ring[k + 2]
                if -COPY_NS < elapsed < COPY_NS:
                    if a & 0xFFFF:
                        return 1
                    if (s.payload_len > 0 or s.flags & (SYN | FIN)) and self.ring[k + 3] > self.last_frame[1 - side]:
                        return 1
        return 0

    def network_doubled(self, s, side):
        """A receiver that answers the copy got it: the network doubled the packet, not the capture.

        RFC 2883 §4: with SACK it names what came twice, in a first block below the acknowledgment; otherwise it repeats itself.
        """
        if s.sack_count:
            if s.sack_left[0] != self.copy_seq[1 - side] or difference(s.sack_left[0], s.ack) >= 0:
                return 0
        else:
            self.copy_due[1 - side] -= 1
            if not s.analysis & DUPLICATE_ACK:
                return 0
        self.copy_due[1 - side] = 0
        self.duplicates -= 1
        if self.duplicates == 0:
            self.duplicate_frame = 0
        return 0

    def sent(self, s, side, end, health):
        """Follow the highest number sent and the gaps below it."""
        ahead: cython.longlong
        behind: cython.longlong
        if not s.flags & SYN:
            self.settled[side] = 1
        if not self.known[side] or (s.flags & SYN and s.seq != self.base[side]):
            if not self.known[side] and s.flags & SYN and self.ack_known[1 - side] and self.highest_ack[1 - side] == (s.seq + 1) & MASK:
                # The SYN that was already answered.
                self.late += 1
                if not health.late_frame or s.frame < health.late_frame:
                    health.late_frame = s.frame
            if self.known[side]:
                # Another connection, whose beginning the capture lacks: nothing of the old one counts any more.
                self.known[1 - side] = self.gaps[1 - side] = 0
                self.ack_known[0] = self.ack_known[1] = 0
                self.hole_left[0] = self.hole_left[1] = 0
                self.ts_known[0] = self.ts_known[1] = 0
            self.known[side] = 1
            self.base[side] = s.seq
            self.top[side] = end
            self.top_id[side] = s.ip_id
            self.top_ns[side] = s.time_ns
            self.gaps[side] = 0
            return 0
        ahead = difference(s.seq, self.top[side])
        if ahead > 0:
            if ahead < LARGEST:
                self.add_gap(side, self.top[side], s.seq)
        elif end != s.seq:
            if self.hole_left[side] > 0 and self.was_late(s, side, end):
                if not health.late_frame or s.frame < health.late_frame:
                    health.late_frame = s.frame
            if self.gaps[side]:
                behind = (self.top_id[side] - s.ip_id) & 0xFFFF
                if self.fill(side, s.seq, end) and s.ip_id and 0 < behind < ID_STEP and s.time_ns - self.top_ns[side] < COPY_NS:
                    self.swapped[side] += 1
                    if not self.swapped_frame[side]:
                        self.swapped_frame[side] = s.frame
        if difference(end, self.top[side]) > 0:
            self.top[side] = end
            self.top_id[side] = s.ip_id
            self.top_ns[side] = s.time_ns
        return 0

    def acknowledged(self, s, side):
        """What `side` acknowledges, it has received: a hole below that is the capture's."""
        other: cython.longlong = 1 - side
        ahead: cython.longlong
        k: cython.longlong
        if self.ack_known[side]:
            ahead = difference(s.ack, self.highest_ack[side])
            if ahead > 0:
                self.highest_ack[side] = s.ack
                if ahead < LARGEST:
                    self.heard = 1
        else:
            self.ack_known[side] = 1
            self.highest_ack[side] = s.ack
            if self.known[side] and not s.flags & SYN and self.base[side] != s.seq:
                # It sent a SYN before, and now acknowledges one.
                self.heard = 1
        if not self.known[other]:
            return 0
        ahead = difference(s.ack, self.top[other])
        if ahead <= 0:
            if ahead > -LARGEST:
                self.settled[other] = 1
        elif self.settled[other] and ahead < LARGEST:
            # Until its SYN is acknowledged, a strange number is one of an older connection (RFC 9293 §3.5.1).
            self.prove(s, other, self.top[other], s.ack)
            self.top[other] = s.ack
            self.top_id[other] = 0
            self.top_ns[other] = s.time_ns
        k = 0
        while k < self.gaps[other]:
            if difference(s.ack, self.gap_from[other * GAPS + k]) <= 0:
                k += 1
                continue
            if difference(s.ack, self.gap_to[other * GAPS + k]) < 0:
                self.prove(s, other, self.gap_from[other * GAPS + k], s.ack)
                self.gap_from[other * GAPS + k] = s.ack
                k += 1
                continue
            self.prove(s, other, self.gap_from[other * GAPS + k], self.gap_to[other * GAPS + k])
            self.gaps[other] -= 1
            self.gap_from[other * GAPS + k] = self.gap_from[other * GAPS + self.gaps[other]]
            self.gap_to[other * GAPS + k] = self.gap_to[other * GAPS + self.gaps[other]]
        return 0

    def add_gap(self, side, start, end):
        """Octets that were not seen; beyond four gaps a further one is forgotten."""
        at: cython.longlong = side * GAPS + self.gaps[side]
        if self.gaps[side] < GAPS:
            self.gap_from[at] = start
            self.gap_to[at] = end
            self.gaps[side] += 1
        return 0

    def fill(self, side, start, end):
        """Take these octets out of the gaps; 1 when they were in one."""
        filled: cython.longlong = 0
        k: cython.longlong = 0
        at: cython.longlong
        while k < self.gaps[side]:
            at = side * GAPS + k
            if difference(end, self.gap_from[at]) <= 0 or difference(start, self.gap_to[at]) >= 0:
                k += 1
                continue
            filled = 1
            if difference(start, self.gap_from[at]) > 0:
                if difference(end, self.gap_to[at]) < 0:
                    self.add_gap(side, end, self.gap_to[at])
                self.gap_to[at] = start
                k += 1
            elif difference(end, self.gap_to[at]) < 0:
                self.gap_from[at] = end
                k += 1
            else:
                self.gaps[side] -= 1
                self.gap_from[at] = self.gap_from[side * GAPS + self.gaps[side]]
                self.gap_to[at] = self.gap_to[side * GAPS + self.gaps[side]]
        return filled

    def prove(self, s, side, start, end):
        """The peer acknowledges octets of `side` that the capture does not have."""
        self.lost += 1
        self.lost_octets += difference(end, start)
        if not self.lost_frame:
            self.lost_frame = s.frame
        self.hole_from[side] = start
        self.hole_to[side] = end
        self.hole_left[side] = difference(end, start)
        self.hole_ns[side] = s.time_ns
        return 0

    def was_late(self, s, side, end):
        """1 when the segment lies in the newest hole: it was captured behind its own acknowledgment, not lost."""
        start: cython.longlong = s.seq
        octets: cython.longlong
        elapsed: cython.longlong = s.time_ns - self.hole_ns[side]
        if not -LATE_NS < elapsed < LATE_NS:
            return 0
        if difference(start, self.hole_from[side]) < 0:
            start = self.hole_from[side]
        if difference(end, self.hole_to[side]) > 0:
            end = self.hole_to[side]
        octets = difference(end, start)
        if octets <= 0:
            return 0
        if octets > self.hole_left[side]:
            octets = self.hole_left[side]
        self.hole_left[side] -= octets
        self.lost_octets -= octets
        if self.hole_left[side] == 0:
            self.lost -= 1
            if self.lost == 0:
                self.lost_frame = 0
        self.late += 1
        return 1

    def tick(self, s, side, health):
        """Compare the capture's clock with the sender's, whose rate the connection has shown."""
        gap: cython.longlong
        ticks: cython.longlong
        period: cython.longlong
        if self.ts_known[side]:
            ticks = difference(s.ts_val, self.ts[side])
            if ticks < 0:
                return 0
            gap = s.time_ns - self.ts_ns[side]
            if gap > JUMP_NS and difference(self.ts[side], self.ts0[side]) >= TICKS:
                period = (self.ts_ns[side] - self.ts0_ns[side]) // difference(self.ts[side], self.ts0[side])
                if SHORTEST_TICK < period < LONGEST_TICK and gap > 2 * period * ticks + JUMP_NS:
                    health.leaps_seen.append((s.frame, self.ts_ns[side], s.time_ns))
                    self.ts_known[side] = 0
            elif gap < 0:
                self.ts_known[side] = 0
        if not self.ts_known[side]:
            self.ts_known[side] = 1
            self.ts0[side] = s.ts_val
            self.ts0_ns[side] = s.time_ns
        self.ts[side] = s.ts_val
        self.ts_ns[side] = s.time_ns
        return 0

    def quiet(self):
        """1 when the connection has nothing to say: most have not, and there may be a million of them."""
        k: cython.longlong
        if self.duplicates or self.late or self.oversize or self.lost or self.swapped[0] or self.swapped[1]:
            return 0
        if self.heard and not (self.packets[0] and self.packets[1]):
            return 0
        for k in range(2):
            if self.bad[k] and not self.good[k] and self.good[1 - k]:
                return 0
        return 1

    def counter(self, which, side):
        """One of the counters of a side by number, for callers in Python."""
        if which == 0:
            return self.good[side]
        if which == 1:
            return self.bad[side]
        if which == 2:
            return self.swapped[side]
        if which == 3:
            return self.swapped_frame[side]
        if which == 4:
            return self.answered[side]
        return self.packets[side]
