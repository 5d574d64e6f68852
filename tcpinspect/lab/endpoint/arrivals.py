"""SEGMENT ARRIVES in the synchronized states, check by check. Wing lab. Reading: RFC 9293 §3.10.7.4; RFC 5961; RFC 7323 §5."""

from __future__ import annotations

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint.acceptance import Arrival, acceptable, ack_plausible, new_incarnation, outdated
from tcpinspect.lab.endpoint.events import UrgentData
from tcpinspect.lab.endpoint.handshake import Handshake
from tcpinspect.lab.endpoint.machine import reset_for
from tcpinspect.lab.endpoint.misbehaviour import overlooked
from tcpinspect.lab.endpoint.timers import Timer
from tcpinspect.protocol.header import ACK, CWR, ECE, FIN, RST, SYN, URG
from tcpinspect.protocol.rfc9293 import Event, State
from tcpinspect.protocol.seqnum import add, difference

_TAKING = frozenset({State.SYN_RECEIVED, State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2})  # data may still come
# §3.10.7.4, second check: in these states the user is told of a reset.
_TOLD = frozenset({State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2, State.CLOSE_WAIT})


class Arrivals(Handshake):
    """The receiving half."""

    def segment_arrives(self, segment: Draft, now: int, *, source: str | None = None, congested: bool = False) -> None:
        """Process one segment whose checksum is right and whose ports are ours.

        `source` is the address it came from (a LISTEN endpoint learns its peer from it), `congested` says that its IP
        header carries the mark CE.
        """
        number = self._arriving = self.arrivals
        self.arrivals += 1
        heard = overlooked(segment, self.faults)
        if heard is None:
            self._drop(now, number, "overlooked on purpose")
        else:
            self._process(Arrival.of(heard, number), heard, now, source, congested)
        self._arriving = None
        self._settle(now)

    def _process(self, arrival: Arrival, segment: Draft, now: int, source: str | None, congested: bool) -> None:
        if self.state == State.CLOSED:
            self._drop(now, arrival.number, "no connection (3.10.7.1)")
            answer = reset_for(segment)
            if answer is not None:
                self._leave(answer)
        elif self.state == State.LISTEN:
            self._in_listen(arrival, segment, now, source)
        elif self.state == State.SYN_SENT:
            self._in_syn_sent(arrival, segment, now)
        else:
            self._in_synchronized(arrival, segment, now, congested)
            self._repeat_syn(now)

    def _repeat_syn(self, now: int) -> None:
        """The fault `stale_syns`."""
        if self.faults.stale_syns and self.state == State.ESTABLISHED:
            self._stale_syns += 1
            if self._stale_syns <= self.faults.stale_syns:
                self._emit(now, SYN, seq=self.tcb.iss)

    def _in_synchronized(self, arrival: Arrival, segment: Draft, now: int, congested: bool) -> None:
        """The eight checks; SYN-RECEIVED is treated here too, as in the RFC."""
        tcb = self.tcb
        if self._begins_anew(arrival):
            self._answer_syn(arrival, now)
            return
        if not self._in_sequence(arrival, now):
            return
        self._remember_timestamp(arrival, now)
        tcb.heard_ns, tcb.probes = now, 0
        if arrival.flags & RST:
            self._check_rst(arrival, now)
            return
        if arrival.flags & SYN:
            self._check_syn(arrival, now)
            return
        if not arrival.flags & ACK:
            self._drop(now, arrival.number, "no ACK (3.10.7.4, fifth)")
            return
        if not self._check_ack(arrival, segment, now):
            return
        self._check_marks(arrival, congested, now)
        self._check_urg(arrival, now)
        self._fin_acked_now = self._fin_acknowledged(now)
        if self.state in _TAKING:
            self._check_text(arrival, now)
        if self._fin_acked_now and self.state == State.FIN_WAIT_1:
            self._move(Event.RCV_ACK_OF_FIN, now)

    def _begins_anew(self, arrival: Arrival) -> bool:
        """§3.10.7.4, fourth, TIME-WAIT: "new connections can be accepted if the Timestamp Option is used and meets expectations"."""
        if self.state != State.TIME_WAIT or arrival.flags & (SYN | ACK | RST) != SYN or not self.settings.reuse_time_wait:
            return False
        return new_incarnation(arrival, self.tcb.incoming.nxt, self.tcb.ts_recent if self.tcb.timestamps else None)

    # First: the sequence number.

    def _in_sequence(self, arrival: Arrival, now: int) -> bool:
        """PAWS, then table 6. What is unacceptable is answered by an ACK, unless it is a RST, and dropped."""
        tcb = self.tcb
        if tcb.timestamps and not arrival.flags & RST:
            if arrival.options.timestamps is None:
                self._drop(now, arrival.number, "no timestamp, though agreed (RFC 7323 3.2)")
                return False
            if outdated(arrival, tcb.ts_recent, tcb.ts_recent_ns, now):
                self._drop(now, arrival.number, "its timestamp is older than the last (RFC 7323 5.3)")
                self._answer_unacceptable(arrival, now)
                return False
        if acceptable(arrival.seg_seq, arrival.seg_len, tcb.incoming.nxt, tcb.incoming.window):
            return True
        if self._acceptable_in_part(arrival):
            tcb.ack_due = True
            return True
        if self._repeats_handshake(arrival, now):
            return False
        self._drop(now, arrival.number, "outside the window (3.10.7.4, first)")
        self._answer_unacceptable(arrival, now)
        return False

    def _acceptable_in_part(self, arrival: Arrival) -> bool:
        """Trim what lies outside the window, where something useful stays.

        The SYN-ACK of a simultaneous open (figure 7, line 6) begins one number before RCV.NXT, with a SYN known already.
        And "special allowance should be made to accept valid ACKs" when the window is zero (§3.10.7.4, first).
        """
        tcb = self.tcb
        if self.state == State.SYN_RECEIVED and arrival.flags & (SYN | ACK | RST) == SYN | ACK and arrival.seg_seq == tcb.incoming.irs:
            arrival.flags &= ~SYN
            arrival.seg_seq = add(arrival.seg_seq, 1)
            return 0 < difference(arrival.seg_ack, tcb.iss) <= difference(tcb.snd_nxt, tcb.iss)
        if tcb.incoming.window == 0 and arrival.seg_seq == tcb.incoming.nxt and not arrival.flags & SYN:
            arrival.payload = b""
            arrival.flags &= ~FIN
            return True
        return False

    def _repeats_handshake(self, arrival: Arrival, now: int) -> bool:
        """A SYN heard before: its answer was lost, so it is given again; a FIN heard before restarts 2MSL (§3.10.7.4, eighth)."""
        tcb = self.tcb
        if self.state == State.SYN_RECEIVED and arrival.flags & (SYN | ACK | RST) == SYN and arrival.seg_seq == tcb.incoming.irs:
            self._drop(now, arrival.number, "the same SYN again: the answer again")
            self._resend(now, tcb.scoreboard.sent[0], "repeated SYN")
            return True
        if self.state == State.TIME_WAIT and arrival.flags & (FIN | RST) == FIN and arrival.end == tcb.incoming.nxt:
            self._drop(now, arrival.number, "the same FIN again: acknowledged, and 2MSL begins anew (3.10.7.4)")
            tcb.ack_due = True
            self._start_time_wait(now)
            return True
        return False

    def _answer_unacceptable(self, arrival: Arrival, now: int) -> None:
        if arrival.flags & RST:
            return
        if arrival.seg_len and not arrival.flags & SYN:
            incoming = self.tcb.incoming
            if arrival.payload and difference(arrival.end, incoming.nxt) <= 0:
                incoming.duplicate = (arrival.seg_seq, add(arrival.seg_seq, len(arrival.payload)))
            self.tcb.ack_due = True
        else:
            # Limited as challenge ACKs are, or two ends that disagree would answer each other for ever (RFC 5961 §7).
            self._challenge(now)

    def _remember_timestamp(self, arrival: Arrival, now: int) -> None:
        """RFC 7323 §4.3 (2): TS.Recent is that of the segment which the next ACK will cover."""
        tcb, stamps = self.tcb, arrival.options.timestamps
        if tcb.timestamps and stamps and difference(stamps[0], tcb.ts_recent) >= 0:
            if difference(arrival.seg_seq, tcb.last_ack_sent) <= 0:
                tcb.ts_recent, tcb.ts_recent_ns = stamps[0], now

    # Second: RST. Fourth: SYN. (Third, security, is not modelled.)

    def _check_rst(self, arrival: Arrival, now: int) -> None:
        """RFC 5961 §3: exact resets; in the window but not exact asks for a challenge ACK."""
        if arrival.seg_seq != self.tcb.incoming.nxt:
            self._drop(now, arrival.number, "a RST in the window with another number than RCV.NXT (RFC 5961 3)")
            self._challenge(now)
        elif self.state == State.TIME_WAIT and self.settings.ignore_reset_in_time_wait:
            self._drop(now, arrival.number, "a RST in TIME-WAIT, ignored (RFC 1337)")
        elif self.state == State.SYN_RECEIVED:
            self._end(Event.RCV_RST, now, "" if self.tcb.passive else "connection refused")
        else:
            self._end(Event.RCV_RST, now, "connection reset" if self.state in _TOLD else "")

    def _check_syn(self, arrival: Arrival, now: int) -> None:
        if self.state == State.SYN_RECEIVED and self.tcb.passive:
            self._move(Event.RCV_SYN, now)
            self._forget_peer()
        else:
            self._drop(now, arrival.number, "a SYN within a connection (RFC 5961 4)")
            self._challenge(now)

    # Fifth: ACK.

    def _check_ack(self, arrival: Arrival, segment: Draft, now: int) -> bool:
        tcb = self.tcb
        if self.state == State.SYN_RECEIVED:
            if not 0 < difference(arrival.seg_ack, tcb.snd_una) <= difference(tcb.snd_nxt, tcb.snd_una):
                self._drop(now, arrival.number, "it does not acknowledge our SYN (3.10.7.4, fifth)")
                self._reset_answer(segment)
                return False
            self._open(arrival, now)
        if not ack_plausible(arrival.seg_ack, tcb.snd_una, tcb.snd_nxt, tcb.max_snd_wnd):
            self._drop(now, arrival.number, "an ACK of what was never sent, or long ago (RFC 5961 5)")
            self._challenge(now)
            return False
        self._count_ack(arrival, now)
        self._update_window(arrival)
        return True

    def _open(self, arrival: Arrival, now: int) -> None:
        self._move(Event.RCV_ACK_OF_SYN, now)
        tcb = self.tcb
        tcb.snd_wnd = arrival.seg_wnd << tcb.snd_shift
        tcb.snd_wl1, tcb.snd_wl2 = arrival.seg_seq, arrival.seg_ack
        if tcb.outgoing.closed:
            # §3.10.4, SYN-RECEIVED: a CLOSE behind data was queued "for processing after entering ESTABLISHED state".
            self._move(Event.CLOSE, now)

    def _count_ack(self, arrival: Arrival, now: int) -> None:
        tcb = self.tcb
        stamps, blocks = arrival.options.timestamps, arrival.options.sack
        news = tcb.sack and tcb.scoreboard.select(blocks)
        if difference(arrival.seg_ack, tcb.snd_una) > 0:
            self._acknowledged(arrival.seg_ack, stamps[1] if stamps else None, now)
            if news and tcb.scoreboard:
                self._find_losses(now)
            return
        same_window = arrival.seg_wnd << tcb.snd_shift == tcb.snd_wnd and tcb.snd_wnd > 0
        bare = not arrival.payload and not arrival.flags & FIN
        if tcb.scoreboard and arrival.seg_ack == tcb.snd_una and (news or (bare and same_window and not tcb.sack)):
            self._duplicate(now)

    def _update_window(self, arrival: Arrival) -> None:
        """Only a segment newer than the last that did may change SND.WND (§3.10.7.4, SND.WL1 and SND.WL2)."""
        tcb = self.tcb
        if difference(arrival.seg_ack, tcb.snd_una) < 0:
            return
        newer = difference(arrival.seg_seq, tcb.snd_wl1)
        if newer > 0 or (newer == 0 and difference(arrival.seg_ack, tcb.snd_wl2) >= 0):
            opened = tcb.snd_wnd == 0 and arrival.seg_wnd > 0
            tcb.snd_wnd = arrival.seg_wnd << tcb.snd_shift
            tcb.max_snd_wnd = max(tcb.max_snd_wnd, tcb.snd_wnd)
            tcb.snd_wl1, tcb.snd_wl2 = arrival.seg_seq, arrival.seg_ack
            if opened:
                # What was sent into the closed window was not taken.
                tcb.scoreboard.lose_all()
                tcb.timers.stop(Timer.persist)

    def _fin_acknowledged(self, now: int) -> bool:
        """The ACK covers our FIN; True in FIN-WAIT-1, whose next state depends on a FIN in the same segment."""
        tcb = self.tcb
        if not tcb.outgoing.closed or difference(tcb.snd_una, tcb.outgoing.end) <= 0:
            return False
        if self.state == State.CLOSING:
            self._move(Event.RCV_ACK_OF_FIN, now)
            self._start_time_wait(now)
        elif self.state == State.LAST_ACK:
            self._end(Event.RCV_ACK_OF_FIN, now, "")
        return self.state == State.FIN_WAIT_1

    def _check_marks(self, arrival: Arrival, congested: bool, now: int) -> None:
        """RFC 3168 §6.1.2, §6.1.3: echo a mark until CWR; halve once a window of data when it is echoed to us."""
        tcb = self.tcb
        if not tcb.ecn:
            return
        if arrival.flags & CWR:
            tcb.echo_congestion = False
        if congested:
            tcb.echo_congestion = True
        if arrival.flags & ECE and (tcb.reduced_at is None or difference(tcb.snd_una, tcb.reduced_at) > 0):
            tcb.congestion.reduce(difference(tcb.snd_nxt, tcb.snd_una))
            tcb.reduced_at, tcb.tell_reduced = tcb.snd_nxt, True

    # Sixth: URG. Seventh: text. Eighth: FIN.

    def _check_urg(self, arrival: Arrival, now: int) -> None:
        """§3.8.5: the pointer points behind the last urgent octet."""
        if not arrival.flags & URG or self.state not in _TAKING:
            return
        incoming = self.tcb.incoming
        end = add(arrival.seg_seq, arrival.seg_up)
        if difference(end, incoming.nxt) > 0 and (incoming.urgent is None or difference(end, incoming.urgent) > 0):
            incoming.urgent = end
            self._events.append(UrgentData(now, end))

    def _check_text(self, arrival: Arrival, now: int) -> None:
        if self.tcb.deaf and arrival.payload and difference(arrival.end, self.tcb.incoming.nxt) > 0:
            # §3.6.1 (RFC 1122 §4.2.2.13): "if new data is received after CLOSE is called, its TCP SHOULD send a RST".
            if self._fin_acked_now and self.state == State.FIN_WAIT_1:
                self._move(Event.RCV_ACK_OF_FIN, now)  # the ACK is the fifth check, the text the seventh
            self._reset_for_lost_data(now)
            return
        self._take_text(arrival, now)

    def _reset_for_lost_data(self, now: int) -> None:
        self._end(Event.ABORT, now, "data came that nobody will read")
        self._emit(now, RST, seq=self.tcb.snd_nxt)

    def _plan_acknowledgment(self, now: int, *, at_once: bool) -> None:
        """§3.8.6.3: a delayed ACK, but for every second segment at once, and where order is disturbed (RFC 5681 §4.2)."""
        tcb = self.tcb
        tcb.unacknowledged += 1
        if at_once or tcb.unacknowledged >= 2 or not self.settings.delayed_ack_ns:
            tcb.ack_due = True
        elif Timer.delayed_ack not in tcb.timers:
            tcb.timers.start(Timer.delayed_ack, now + self.settings.delayed_ack_ns)

    def _received_fin(self, now: int) -> None:
        """All before the FIN is there, and the FIN: the table says where that leads."""
        both = self.state == State.FIN_WAIT_1 and self._fin_acked_now
        self._move(Event.RCV_FIN_ACK_OF_FIN if both else Event.RCV_FIN, now)
        if self.state == State.TIME_WAIT:
            self._start_time_wait(now)
