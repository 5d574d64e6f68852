"""Zeek's conn_state, history and byte counts of one connection, segment by segment. Floor 2.

Reading: Zeek's documentation of conn.log (base/protocols/conn/main.zeek) and the behaviour of its TCP analysis; RFC 9293 §3.3.2
for the states that Zeek folds into seven. Offsets here are relative to the first sequence number of a side: the SYN is octet 0.
"""

import re

import cython

from tcpinspect.engine.stretch import ACK_BIT, DATA_BIT, FIN_BIT, SYN_BIT
from tcpinspect.protocol import header

if not cython.compiled:
    from tcpinspect.engine.segment import Segment
    from tcpinspect.protocol.seqnum import difference
    from tcpinspect.engine.surplus import Surplus

    PyByteArray_AS_STRING = PyByteArray_Resize = None  # cimported where compiled

MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
CYCLE = cython.declare(cython.longlong, 0x100000000)
FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)
CONTROL = cython.declare(cython.longlong, header.FIN | header.SYN | header.RST)
MINIMUM_LENGTH = cython.declare(cython.longlong, header.MINIMUM_LENGTH)
CONN_STATES = ("S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
if not cython.compiled:  # enumerations in the .pxd; the first is what Zeek calls the state of an endpoint
    INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET = range(7)
    S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH = range(len(CONN_STATES))

# A SYN, a RST or an acknowledgement of 0 that jumps further than this is not believed.
BELIEVABLE_JUMP = cython.declare(cython.longlong, 1 << 20)
# Data above a hole of which nothing was ever acknowledged: the other direction is not in the capture, gaps mean nothing.
UNACKNOWLEDGED_LIMIT = cython.declare(cython.longlong, 16384)
CHECKSUM_GOOD = cython.declare(cython.longlong, 1)
CHECKSUM_BAD = cython.declare(cython.longlong, 2)

# Letters noted once a side (or, for S/H, F and R, again when the sequence number differs), as bits of `seen`.
SEEN_SYN = cython.declare(cython.longlong, SYN_BIT)
SEEN_FIN = cython.declare(cython.longlong, FIN_BIT)
SEEN_RST = cython.declare(cython.longlong, 4)
SEEN_FIN_RST = cython.declare(cython.longlong, 8)
SEEN_DATA = cython.declare(cython.longlong, DATA_BIT)
SEEN_ACK = cython.declare(cython.longlong, ACK_BIT)
SEEN_MULTIPLE = cython.declare(cython.longlong, 64)
ROLE_BITS = cython.declare(cython.longlong, 8)

LOWER_CASE = cython.declare(cython.longlong, 32)

# Letters kept in the object itself; the rest of at most NEAR + FAR goes to its Surplus, what comes later is not recorded.
NEAR = cython.declare(cython.longlong, 24)
FAR = cython.declare(cython.longlong, 232)

# Ports of Zeek's default scripts (likely_server_ports, TCP): who sends from one of them first is taken for the server.
LIKELY_SERVER_PORTS = frozenset(
    (21, 22, 25, 53, 79, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 465, 502, 563, 585, 587, 614, 631, 636)
    + (989, 990, 992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379)
    + (6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000)
)
_SYN_THEN_RESET = re.compile(r"\^?S[^HAFGIQ]*R.*", re.DOTALL)


@cython.no_gc
@cython.cclass
class Outcome:
    """One connection as Zeek tells it. Side 0 sent the first segment, side 1 is the other; Zeek decides which is the originator.

    Give every segment to `segment` in the order of the capture; ask for the rest at the end. A segment with a bad checksum
    counts as C and nothing else, as in Zeek; but of a side that never showed a good one (addresses rewritten, work left to a
    network card) bad ones count like any other, as with Zeek's -C. The history ends after 256 letters. Timers, with which
    Zeek may make several rows of one quiet connection, are left out: where a connection ends is decided by who feeds this.
    """

    def __init__(self):
        if not cython.compiled:
            for name in ("sent", "acked", "fin_end", "start", "last_syn", "last_fin", "last_rst", "gaps", "repeats"):
                setattr(self, name, [0] * 2)
            for name in ("zero_windows", "bad_checksums", "state", "previous", "closing", "blind", "proven", "delivered"):
                setattr(self, name, [0] * 2)
            self.letters = [0] * 24
        self.reset()

    def reset(self):
        """Begin another connection."""
        side: cython.longlong
        self.first_us = 0
        self.seen = 0
        self.length = 0
        self.opener = 0  # the side that is the originator
        self.begun = 0
        self.elapsed = 0
        self.surplus = None
        for side in range(2):
            self.sent[side] = self.acked[side] = self.fin_end[side] = 0
            self.start[side] = self.last_syn[side] = self.last_fin[side] = self.last_rst[side] = 0
            self.gaps[side] = self.repeats[side] = self.zero_windows[side] = self.bad_checksums[side] = 0
            self.state[side] = self.previous[side] = INACTIVE
            self.closing[side] = self.blind[side] = self.proven[side] = 0
            self.delivered[side] = 1
        return 0

    def segment(self, s, side):
        """Take in one segment; `side` 0 if its sender sent the connection's first segment, else 1."""
        flags: cython.longlong = s.flags
        payload: cython.longlong = s.payload_len
        peer: cython.longlong = 1 - side
        length: cython.longlong = payload
        rel: cython.longlong
        acknowledged: cython.longlong = 0
        if not self.begun:
            self._begin(s, side)
        if s.header_len < MINIMUM_LENGTH:
            return 0
        if s.checksum_status == CHECKSUM_GOOD:
            self.proven[side] = 1
        elif s.checksum_status == CHECKSUM_BAD and self.proven[side] and s.payload_captured >= payload:
            self.bad_checksums[side] += 1
            self._at_powers_of_ten(side, self.bad_checksums[side], ord("C"))
            return 0
        if not flags & CONTROL and self.state[self.opener] == SYN_ACK_SENT and self.state[1 - self.opener] == INACTIVE:
            # Whoever goes on after a lone SYN-ACK is no scanner: it did answer a SYN.
            if (payload > 0 or flags & ACK) and self.length < NEAR:
                self._swap_story()
        if flags & CONTROL:
            length = (0 if flags & RST else payload) + ((flags & SYN) != 0) + ((flags & FIN) != 0)
        if flags & SYN or self.state[side] == INACTIVE:
            self._place(side, s.seq, flags, length)
        rel = self.sent[side] + difference(s.seq, self.start[side] + self.sent[side])
        self._note_flags(side, flags, rel, payload)
        if s.window_raw == 0 and not flags & RST and self.state[peer] != CLOSED and self.state[side] != RESET:
            self.zero_windows[side] += 1
            self._at_powers_of_ten(side, self.zero_windows[side], ord("W"))
        self.elapsed = 1 if s.time_ns >= (self.first_us + 1) * 1000 else 0
        if flags & FIN:
            self.closing[side] = 1
            self.fin_end[side] = rel + length
        if flags & ACK:
            acknowledged = self._acknowledge(peer, s.ack, flags)
        self._advance(side, flags, rel + length, payload)
        self._transition(side, flags, payload)
        if acknowledged > self.delivered[peer]:
            self._covered(peer, acknowledged)
        if payload > 0 and rel >= 0 and not flags & RST and s.payload_captured >= payload:
            if flags & SYN:
                rel += 1
            self._data(side, rel, rel + payload)
        return 0

    def join(self, t, side):
        """Enter a steady stretch with the numbers of `side`; 0 while a hole in its data is open."""
        sent: cython.longlong = self.sent[side]
        if self.closing[side] or self.blind[side] or (self.surplus is not None and self.surplus.held[side]):
            return 0
        if (self.start[side] + sent) & MASK != t.due[side] or sent - self.acked[side] != (t.due[side] - t.ack[1 - side]) & MASK:
            return 0
        t.whole[side] = (self.start[side] + self.delivered[side]) & MASK
        t.noted[side] = (self.seen if side == self.opener else self.seen >> ROLE_BITS) & (SEEN_DATA | SEEN_ACK)
        return self.acked[side] <= self.delivered[side] <= sent

    def catch_up(self, t, side):
        """Be as if every segment of the stretch had come here."""
        sent: cython.longlong = self.sent[side] + t.octets[side]
        self.sent[side] = sent
        self.acked[side] = sent - ((t.due[side] - t.ack[1 - side]) & MASK)
        self.delivered[side] = sent - ((t.due[side] - t.whole[side]) & MASK)
        if t.good[side]:
            self.proven[side] = 1
        self.elapsed = 1 if t.time_ns >= (self.first_us + 1) * 1000 else 0
        return 0

    def originator(self):
        """The side, 0 or 1, that Zeek calls the originator."""
        return self.opener

    def octets(self, side):
        """Zeek's orig_bytes or resp_bytes of a side (0 or 1): payload by sequence numbers; -1 where it prints "-"."""
        return self._size(side) if self.elapsed else -1

    def history(self):
        """Zeek's history: a letter for what each side sent, upper case the originator's, "^" where the roles were flipped."""
        return "".join([chr(self.letters[i] if i < NEAR else self.surplus.letters[i - NEAR]) for i in range(self.length)])

    def write_history(self, letters):
        """Append the letters to a bytearray and return their number."""
        i: cython.longlong
        at: cython.longlong = len(letters)
        if not cython.compiled:
            letters.extend(self.history().encode())
            return self.length
        PyByteArray_Resize(letters, at + self.length)
        room: cython.p_char = PyByteArray_AS_STRING(letters) + at
        for i in range(self.length):
            room[i] = self.letters[i] if i < NEAR else self.surplus.letters[i - NEAR]
        return self.length

    def over(self):
        """1 when both sides have closed or one has reset: nothing but repeats should come."""
        return self.orderly() or self.state[0] == RESET or self.state[1] == RESET

    def is_established(self):
        return self.state[0] == ESTABLISHED and self.state[1] == ESTABLISHED

    def orderly(self):
        return self.state[0] == CLOSED and self.state[1] == CLOSED

    def conn_state(self):
        """Zeek's conn_state, S0 to OTH, of what was seen so far."""
        return CONN_STATES[self.conn_state_code()]

    def conn_state_code(self):
        """The same as an index into CONN_STATES."""
        ours: cython.longlong = self.state[self.opener]
        theirs: cython.longlong = self.state[1 - self.opener]
        we_idle: cython.bint = ours == INACTIVE or ours == PARTIAL
        they_idle: cython.bint = theirs == INACTIVE or theirs == PARTIAL
        if theirs == RESET:
            if ours == SYN_SENT or ours == SYN_ACK_SENT or (ours == RESET and not self._size(0) and not self._size(1)):
                return REJ
            return RSTRH if we_idle else RSTR
        if ours == RESET:
            if they_idle:
                return RSTOS0 if _SYN_THEN_RESET.fullmatch(self.history()) else OTH
            return RSTO
        if ours == CLOSED:
            return SF if theirs == CLOSED else SH if they_idle else S2
        if theirs == CLOSED:
            return SHR if we_idle else S3
        if ours == SYN_SENT and theirs == INACTIVE:
            return S0
        return S1 if ours == ESTABLISHED and theirs == ESTABLISHED else OTH

    def _begin(self, s, side):
        """Decide at the first segment who the originator is: its sender, unless the ports of a connection under way disagree."""
        self.begun = 1
        self.opener = side
        self.first_us = s.time_ns // 1000
        if (not s.flags & SYN or s.flags & ACK) and s.src_port in LIKELY_SERVER_PORTS:
            if s.dst_port not in LIKELY_SERVER_PORTS or (not s.flags & SYN and s.src_port < s.dst_port):
                self.opener = 1 - side
                self._append(ord("^"))
        return 0

    def _place(self, side, seq, flags, length):
        """Set the origin of the side's offsets, at its first segment, or at a SYN if it looks like another beginning."""
        state: cython.longlong = self.state[side]
        fresh: cython.bint = False
        if state == INACTIVE:
            fresh = True
        elif state == SYN_SENT or state == SYN_ACK_SENT:
            fresh = seq != self.start[side]
        elif state == ESTABLISHED or state == PARTIAL:
            fresh = True
        elif state == RESET:
            # Only a RST was seen before, and it may have been forged.
            fresh = self.previous[side] == INACTIVE
        if fresh:
            # Without a SYN, number as if one had come before; the first octet must not look like a repeat.
            self.start[side] = seq if flags & SYN else (seq - 1) & MASK
            self.sent[side] = length if flags & SYN else 1
            self.acked[side] = 0
        return 0

    def _note_flags(self, side, flags, rel, payload):
        """Put the letter of the segment's kind into the history."""
        control: cython.longlong = flags & CONTROL
        if control == 0:
            if payload > 0:
                self.once(side, SEEN_DATA, ord("D"))
            elif flags & ACK:
                self.once(side, SEEN_ACK, ord("A"))
        elif control == SYN:
            letter: cython.longlong = ord("H") if flags & ACK else ord("S")
            if not self.once(side, SEEN_SYN, letter) and self.last_syn[side] != rel & MASK:
                self._add(side, letter)
            self.last_syn[side] = rel & MASK
        elif control == FIN:
            if not self.once(side, SEEN_FIN, ord("F")) and self.last_fin[side] != (rel + payload) & MASK:
                self._add(side, ord("F"))
            self.last_fin[side] = (rel + payload) & MASK
        elif control == RST:
            if not self.once(side, SEEN_RST, ord("R")) and self.last_rst[side] != rel & MASK:
                self._add(side, ord("R"))
            self.last_rst[side] = rel & MASK
        elif flags & FIN and flags & RST:
            self.once(side, SEEN_FIN_RST, ord("I"))
        else:
            self.once(side, SEEN_MULTIPLE, ord("Q"))
        return 0

    def _acknowledge(self, side, ack, flags):
        """Move the acknowledged edge of `side`'s data; returns the acknowledgement as an offset, 0 if it lies before all data."""
        offset: cython.longlong
        if self.state[side] == INACTIVE:
            # Nothing came from there yet: the acknowledgement tells where it stands.
            self.start[side] = (ack - 1) & MASK
            self.sent[side] = 0
            self.acked[side] = 0
            return 1
        offset = self.acked[side] + difference(ack, self.start[side] + self.acked[side])
        if offset < 0:
            return 0
        if not flags & RST and offset > self.acked[side] and not (ack == 0 and offset - self.acked[side] > BELIEVABLE_JUMP):
            self.acked[side] = offset
        return offset

    def _advance(self, side, flags, end, payload):
        """Move the end of what the side sent; payload that does not move it is a repeat."""
        ahead: cython.longlong = end - self.sent[side]
        if flags & (SYN | RST) and (ahead > BELIEVABLE_JUMP or ahead < -BELIEVABLE_JUMP):
            return 0
        if flags & FIN and self.sent[side] == 1:
            # Only the SYN was seen of what may have been more than 2 GiB.
            self.sent[side] = end if ahead >= 0 else end + CYCLE
        elif self.state[side] == RESET:
            return 0
        elif ahead > 0:
            self.sent[side] = end
        elif payload > 0:
            self.repeats[side] += 1
            self._at_powers_of_ten(side, self.repeats[side], ord("T"))
        return 0

    def _transition(self, side, flags, payload):
        """Zeek's state machine: what the segment makes of its sender, and at times of the peer."""
        peer: cython.longlong = 1 - side
        state: cython.longlong = self.state[side]
        if state == INACTIVE:
            self._leave_inactive(side, flags, payload)
        elif state == SYN_SENT or state == SYN_ACK_SENT:
            if flags & FIN:
                self._enter(side, CLOSED)
            if flags & RST:
                self._enter(side, RESET)
        elif state == ESTABLISHED or state == PARTIAL:
            if flags & SYN and not flags & ACK and state == PARTIAL and self.state[peer] == INACTIVE:
                self._enter(side, SYN_SENT)
            if flags & FIN and not flags & RST:
                self._enter(side, CLOSED)
                if self.state[peer] == RESET and self.previous[peer] == CLOSED:
                    # FIN, RST there and FIN here is an orderly end.
                    self._enter(peer, CLOSED)
            if flags & RST:
                self._enter(side, RESET)
        elif state == CLOSED and flags & RST and self.state[peer] != CLOSED:
            self._enter(side, RESET)
        return 0

    def _leave_inactive(self, side, flags, payload):
        """The first segment of a side, or one of those that left it inactive."""
        peer: cython.longlong = 1 - side
        opens: cython.bint = side == self.opener
        if flags & SYN:
            if opens:
                self._enter(side, SYN_ACK_SENT if flags & ACK else SYN_SENT)
            else:
                if not flags & ACK and self.state[peer] == SYN_ACK_SENT:
                    # The capture has SYN-ACK and SYN in the wrong order.
                    self.opener = side
                    self._append(ord("^"))
                    self._enter(peer, ESTABLISHED)
                elif self.state[peer] == SYN_SENT:
                    self._enter(peer, ESTABLISHED)
                self._enter(side, ESTABLISHED)
        if flags & FIN:
            self._enter(side, CLOSED)
        if flags & RST:
            self._enter(side, RESET)
        if self.state[side] == INACTIVE:
            if not opens and payload == 0 and self.state[peer] == SYN_SENT:
                return 0  # some acknowledge a SYN before they answer it
            self._enter(side, ESTABLISHED if flags & ACK and self.state[peer] == ESTABLISHED else PARTIAL)
        return 0

    def _enter(self, side, state):
        if self.state[side] != state:
            self.previous[side] = self.state[side]
            self.state[side] = state
        return 0

    def _data(self, side, left, right):
        """Octets [left, right) were seen: they extend what is known without a hole, or wait above one."""
        if self.blind[side] or right <= self.acked[side] or right <= self.delivered[side]:
            return 0
        left = max(left, self.acked[side])
        if left <= self.delivered[side]:
            self.delivered[side] = right
            self._absorb(side)
            return 0
        if self.surplus is None:
            self.surplus = Surplus()
        self.surplus.hold(side, left, right)
        if self.acked[side] <= 1:
            if self.surplus.end(side) - self.delivered[side] > UNACKNOWLEDGED_LIMIT:
                self.blind[side] = 1
        return 0

    def _covered(self, side, ack):
        """The peer acknowledged `side`'s octets before `ack`: those not seen are gaps in the capture."""
        if self.closing[side] and ack >= self.fin_end[side]:
            ack = self.fin_end[side] - 1
        if ack <= self.delivered[side]:
            return 0
        if not self.blind[side] and self.surplus is not None:
            while self.surplus.held[side] and self.surplus.first_left(side) < ack:
                self.gap(side)
                self.delivered[side] = self.surplus.first_right(side)
                self.surplus.drop_first(side)
        if ack > self.delivered[side]:
            if not self.blind[side]:
                self.gap(side)
            self.delivered[side] = ack
        self._absorb(side)
        return 0

    def _absorb(self, side):
        """Take over the held ranges that what is known has reached."""
        if self.surplus is not None:
            while self.surplus.held[side] and self.surplus.first_left(side) <= self.delivered[side]:
                self.delivered[side] = max(self.delivered[side], self.surplus.first_right(side))
                self.surplus.drop_first(side)
        return 0

    def gap(self, side):
        # Around a RST or without a handshake, sequence numbers prove nothing.
        if self._clean(0) and self._clean(1):
            self.gaps[side] += 1
            self._at_powers_of_ten(side, self.gaps[side], ord("G"))
        return 0

    def _clean(self, side):
        if self.state[side] == CLOSED:
            return self.previous[side] == ESTABLISHED
        return self.state[side] == ESTABLISHED

    def _size(self, side):
        """Octets between the SYN and the FIN, sent or acknowledged."""
        octets: cython.longlong = max(self.sent[side], self.acked[side])
        if self.previous[side] == SYN_SENT and self.state[side] == RESET and self.state[1 - side] == INACTIVE and self.acked[side] > 1:
            return 0  # a half-open connection found out: the numbers are another connection's
        if octets > 0:
            octets -= 1
        if octets > 0 and self.closing[side]:
            octets -= 1
        return octets

    def once(self, side, bit, letter):
        """Note a letter that a role has not had yet; True if it was new."""
        if side != self.opener:
            bit = bit << ROLE_BITS
        if self.seen & bit:
            return False
        self.seen = self.seen | bit
        self._add(side, letter)
        return True

    def _at_powers_of_ten(self, side, count, letter):
        """Note a letter whose occurrences Zeek counts: at 1, 10, 100 …"""
        while count >= 10:
            if count % 10:
                return 0
            count = count // 10
        return self._add(side, letter) if count == 1 else 0

    def _add(self, side, letter):
        return self._append(letter if side == self.opener else letter | LOWER_CASE)

    def _append(self, letter):
        n: cython.longlong = self.length
        if n < NEAR:
            self.letters[n] = letter
        elif n < NEAR + FAR:
            if self.surplus is None:
                self.surplus = Surplus()
            self.surplus.letters[n - NEAR] = letter
        else:
            return 0
        self.length = n + 1
        return 0

    def _swap_story(self):
        """Flip the roles as if it had been known from the SYN-ACK on: the sender of the SYN-ACK is the responder."""
        i: cython.longlong = self.length
        while i > 0:
            self.letters[i] = self.letters[i - 1]
            if self.letters[i] != ord("^"):
                self.letters[i] ^= LOWER_CASE
            i -= 1
        self.letters[0] = ord("^")
        self.length += 1
        self.seen = (self.seen >> ROLE_BITS) | ((self.seen << ROLE_BITS) & 0xFF00)
        self._enter(self.opener, ESTABLISHED)
        self.opener = 1 - self.opener
        return 0
