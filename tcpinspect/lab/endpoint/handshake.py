"""SEGMENT ARRIVES in CLOSED, LISTEN and SYN-SENT. Wing lab. Reading: RFC 9293 §3.5, §3.10.7.1 to §3.10.7.3; RFC 7413."""

from __future__ import annotations

import hashlib

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint.acceptance import Arrival
from tcpinspect.lab.endpoint.events import EndOfData, Readable
from tcpinspect.lab.endpoint.expiry import Expiry
from tcpinspect.lab.endpoint.incoming import Incoming
from tcpinspect.protocol.header import ACK, CWR, DEFAULT_MSS_IPV4, DEFAULT_MSS_IPV6, ECE, FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import Event, State
from tcpinspect.protocol.seqnum import add, difference

_COOKIE_OCTETS = 8
_TIMESTAMPS_OCTETS = 12  # RFC 7323 appendix A


def fast_open_cookie(key: bytes, address: str) -> bytes:
    """RFC 7413 §4.1.2: a message authentication code over the client's address."""
    return hashlib.blake2s(address.encode(), key=key[:32], digest_size=_COOKIE_OCTETS).digest()


class Handshake(Expiry):
    """The states before a connection is synchronized."""

    def _in_listen(self, arrival: Arrival, segment: Draft, now: int, source: str | None) -> None:
        """§3.10.7.2: first RST, then ACK, then SYN."""
        if arrival.flags & RST:
            self._drop(now, arrival.number, "a RST in LISTEN is ignored (3.10.7.2)")
        elif arrival.flags & ACK:
            self._drop(now, arrival.number, "any acknowledgment is bad in LISTEN (3.10.7.2)")
            self._reset_answer(segment)
        elif arrival.flags & SYN:
            self.remote = self.remote or (source or "", segment.src_port or 0)
            self._answer_syn(arrival, now)
        else:
            self._drop(now, arrival.number, "neither SYN nor ACK in LISTEN (3.10.7.2)")

    def _answer_syn(self, arrival: Arrival, now: int) -> None:
        """A new incarnation, from LISTEN or from TIME-WAIT: SYN-RECEIVED and <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>."""
        self._new_tcb(passive=True)
        self._learn_syn(arrival, now)
        self._move(Event.RCV_SYN, now)
        self._accept_early(arrival, now)
        self._send_syn(now, SYN | ACK)
        if self.faults.two_way:
            self._acknowledged(self.tcb.snd_nxt, None, now)
            self._move(Event.RCV_ACK_OF_SYN, now)

    def _accept_early(self, arrival: Arrival, now: int) -> None:
        """Fast Open at the server (RFC 7413 §4.2.2): give a cookie, or take the SYN's data (and FIN) for a good one."""
        offered = arrival.options.cookie
        if not self.settings.fast_open or offered is None or self.remote is None:
            return
        good = fast_open_cookie(self.settings.fast_open_key, self.remote[0])
        if offered != good:
            self.tcb.cookie = good
            return
        self.tcb.early_data = True
        self._take_text(arrival, now)

    def _in_syn_sent(self, arrival: Arrival, segment: Draft, now: int) -> None:
        """§3.10.7.3: first the ACK, then RST, then SYN."""
        tcb = self.tcb
        acknowledges = bool(arrival.flags & ACK)
        if acknowledges and not (0 < difference(arrival.seg_ack, tcb.iss) <= difference(tcb.snd_nxt, tcb.iss)):
            self._drop(now, arrival.number, "it acknowledges what was never sent (3.10.7.3)")
            self._reset_answer(segment)
        elif arrival.flags & RST:
            if acknowledges:
                self._end(Event.RCV_RST, now, "connection reset")
            else:
                self._drop(now, arrival.number, "a RST that does not acknowledge the SYN (3.10.7.3)")
        elif not arrival.flags & SYN:
            self._drop(now, arrival.number, "neither SYN nor RST in SYN-SENT (3.10.7.3)")
        elif acknowledges:
            self._answered(arrival, now)
        else:
            self._learn_syn(arrival, now)
            self._move(Event.RCV_SYN, now)
            self._send_syn(now, SYN | ACK)

    def _answered(self, arrival: Arrival, now: int) -> None:
        """A SYN-ACK: ESTABLISHED; what it carries besides is processed "at the sixth step"."""
        tcb = self.tcb
        self._learn_syn(arrival, now)
        tcb.snd_wl1, tcb.snd_wl2 = arrival.seg_seq, arrival.seg_ack
        echo = arrival.options.timestamps[1] if arrival.options.timestamps else None
        self._acknowledged(arrival.seg_ack, echo, now)
        for rest in tcb.scoreboard.sent:
            # RFC 7413 §4.1.3: the server took the SYN and not its data, which goes again at once.
            rest.lost = True
        self._move(Event.RCV_SYN_ACK, now)
        self._take_text(arrival, now)
        tcb.ack_due = True

    def _learn_syn(self, arrival: Arrival, now: int) -> None:
        """IRS, the window, and what both sides have offered."""
        tcb, theirs, wish = self.tcb, arrival.options, self.settings
        tcb.incoming = Incoming(arrival.seg_seq, wish.receive_buffer)
        tcb.incoming.offer(1, wish.mss)
        tcb.last_ack_sent = tcb.incoming.nxt
        tcb.snd_wnd = tcb.max_snd_wnd = arrival.seg_wnd
        tcb.snd_wl1, tcb.snd_wl2 = arrival.seg_seq, tcb.snd_una
        default = DEFAULT_MSS_IPV6 if ":" in self.local[0] else DEFAULT_MSS_IPV4
        tcb.peer_mss = max(default if theirs.mss is None else theirs.mss, 1)
        tcb.sack = wish.sack and theirs.sack_permitted
        tcb.scaled = wish.window_shift is not None and theirs.window_shift is not None
        if tcb.scaled:
            tcb.snd_shift, tcb.rcv_shift = theirs.window_shift or 0, wish.window_shift or 0
        if wish.timestamps and theirs.timestamps:
            tcb.timestamps = True
            tcb.ts_recent, tcb.ts_recent_ns = theirs.timestamps[0], now
        # RFC 3168 §6.1.1: a SYN asks with both bits, a SYN-ACK agrees with ECE alone.
        tcb.ecn = wish.ecn and arrival.flags & (ECE | CWR) == (ECE if arrival.flags & ACK else ECE | CWR)
        smss = min(tcb.peer_mss, wish.mss) - (_TIMESTAMPS_OCTETS if tcb.timestamps else 0)
        tcb.congestion.begin(max(smss, 1))
        if self.state == State.SYN_SENT and theirs.cookie:
            self.cookie = theirs.cookie
        tcb.heard_ns = now

    def _take_text(self, arrival: Arrival, now: int) -> None:
        """§3.10.7.4, seventh and eighth: the data, then the FIN."""
        incoming = self.tcb.incoming
        if not arrival.payload and not arrival.flags & FIN:
            return
        seq = add(arrival.seg_seq, 1) if arrival.flags & SYN else arrival.seg_seq
        gap = incoming.gap
        fresh = incoming.take(seq, arrival.payload, bool(arrival.flags & FIN))
        fin = incoming.pass_fin()
        # Whoever has not closed yet may do so at once: then the two go together.
        patient = fin and self.settings.delay_fin_ack and self.state == State.ESTABLISHED
        self._plan_acknowledgment(now, at_once=gap or incoming.gap or not (patient or (fresh and not fin)))
        if fresh:
            self._events.append(Readable(now, len(incoming.ready)))
        if fin:
            self._events.append(EndOfData(now))
            self._received_fin(now)

    def _plan_acknowledgment(self, now: int, *, at_once: bool) -> None:
        raise NotImplementedError

    def _received_fin(self, now: int) -> None:
        raise NotImplementedError
