"""One direction of a connection: what its sender has sent, and what the other side said about it. Floor 3; compiled.

Positions are unwrapped sequence numbers, counted from the first that was seen; places count segments from 0. What is not
known yet is NOTHING. Reading: RFC 9293 §3.3.1, §3.4; RFC 6298 §2.
"""

import cython

from tcpinspect.engine.columns import UNKNOWN

if not cython.compiled:
    from tcpinspect.insight.why.spans import Ranges, Sent
    from tcpinspect.protocol.seqnum import difference

NOTHING = cython.declare(cython.longlong, UNKNOWN)
MASK32 = cython.declare(cython.longlong, 0xFFFFFFFF)


class Way:
    """The numbers of one sender. `recent` are the places of its latest four segments, the latest last."""

    def __init__(self):
        self.sent = Sent()
        self.sacked = Ranges()
        if not cython.compiled:
            self.places = [0] * 4
        self.clear()

    def clear(self):
        """Nothing is known."""
        self.base = NOTHING
        self.shift = NOTHING  # from positions to the table's relative numbers
        self.syn = NOTHING  # position of the SYN
        self.fin = NOTHING
        self.accepted = False  # sent a SYN-ACK
        self.opened = False  # sent something without SYN and RST
        self.sack_offered = -1
        self.top = NOTHING  # SND.NXT: past the highest number sent
        self.una = NOTHING  # SND.UNA: the highest acknowledgment of it
        self.window_raw = NOTHING
        self.edge = NOTHING  # right edge of the window that the other side announced
        self.sent.clear()
        self.sacked.clear()
        self.duplicates = 0  # RFC 5681: how many duplicate ACKs of `una` came
        self.last = NOTHING  # place of the latest segment
        self.last_control = 0  # its SYN, FIN and RST
        self.asked = False  # it was a SYN without ACK
        self.last_new = NOTHING  # place of the latest one that sent something new
        self.last_data = NOTHING
        self.last_duplicate = NOTHING  # place of the other side's latest duplicate ACK or SACK
        self.last_ack = NOTHING  # place of the other side's latest ACK
        self.timer_ns = NOTHING  # when the retransmission timer was started last
        self.delivered = NOTHING  # place of the latest transmission known to have arrived
        self.recovery = NOTHING  # position that ends the present recovery
        self.resent = NOTHING  # until this is acknowledged, something sent again or late is on the way
        self.unanswered = 0  # keep-alives, probes and retransmissions since the other side was last heard
        self.srtt = 0.0
        self.rttvar = 0.0
        self.rtt_min = NOTHING  # of the round trips measured; NOTHING: none was
        self.count = 0
        return 0

    def place(self, raw):
        """The position of a raw sequence number, nearest to what is known."""
        near: cython.longlong
        if self.base == NOTHING:
            self.base = raw
            return 0
        near = self.top if self.top != NOTHING else self.una if self.una != NOTHING else 0
        return near + difference(raw, (self.base + near) & MASK32)

    def relative(self, position):
        """The table's relative number of a position, the raw one where there is none; None for None."""
        if position is None:
            return None
        if self.shift != NOTHING:
            return position + self.shift
        return ((0 if self.base == NOTHING else self.base) + position) & 0xFFFFFFFF

    def measured(self, sample):
        """RFC 6298 §2.2, §2.3."""
        took: cython.double = sample
        if self.rtt_min == NOTHING:
            self.srtt = took
            self.rttvar = took / 2
        else:
            self.rttvar += (abs(self.srtt - took) - self.rttvar) / 4
            self.srtt += (took - self.srtt) / 8
        if self.rtt_min == NOTHING or sample < self.rtt_min:
            self.rtt_min = sample
        return 0

    def remember(self, place):
        """Another segment of this side."""
        self.last = place
        self.places[self.count & 3] = place
        self.count += 1
        return 0

    @property
    def recent(self):
        return [self.places[n & 3] for n in range(max(0, self.count - 4), self.count)]
