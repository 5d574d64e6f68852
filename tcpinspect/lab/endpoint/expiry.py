"""What happens when a timer goes off. Wing lab. Reading: RFC 9293 §3.8.1, §3.8.3, §3.8.4, §3.8.6.1, §3.10.8; RFC 6298 §5."""

from __future__ import annotations

from tcpinspect.lab.endpoint.events import Advice, Retransmitted
from tcpinspect.lab.endpoint.timers import Timer
from tcpinspect.lab.endpoint.transmission import Transmission
from tcpinspect.protocol.header import ACK, FIN
from tcpinspect.protocol.rfc9293 import Event, State
from tcpinspect.protocol.seqnum import add, difference

TIMED_OUT = "connection aborted due to user timeout"  # §3.10.8


class Expiry(Transmission):
    """The timers of §3.10.8."""

    def poll(self, now: int) -> None:
        """Let every timer act whose time has come."""
        while (timer := self.tcb.timers.pop_due(now)) is not None:
            self._expired(timer, now)
            self._settle(now)

    def _expired(self, timer: Timer, now: int) -> None:
        if timer == Timer.time_wait:
            self._end(Event.TIMEOUT_2MSL, now, "")
        elif timer == Timer.user:
            self._end(Event.TIMEOUT_USER, now, TIMED_OUT)
        elif timer == Timer.retransmission:
            self._retransmit(now)
        elif timer == Timer.persist:
            self._probe_window(now)
        elif timer == Timer.keep_alive:
            self._keep_alive(now)
        else:
            self.tcb.ack_due = True

    def _retransmit(self, now: int) -> None:
        """RFC 6298 §5.4 to §5.6: the earliest segment again, with twice the wait."""
        tcb = self.tcb
        if not tcb.scoreboard or self._given_up(now):
            return
        first = tcb.scoreboard.sent[0]
        if first.syn:
            tcb.syn_repeated = True
        if tcb.repeats == 1:
            # RFC 5681 §3.1: ssthresh falls at the first timeout of a segment, not again at its next ones.
            tcb.congestion.timed_out(difference(tcb.snd_nxt, tcb.snd_una))
        tcb.scoreboard.lose_all()
        tcb.round_trip.back_off()
        self._resend(now, first, "timeout")
        self._start_timer(Timer.retransmission, now)

    def _given_up(self, now: int) -> bool:
        """§3.8.3: count a repeat; tell the user at R1, end the connection at R2."""
        tcb = self.tcb
        limit = self.settings.r2_syn_ns if tcb.scoreboard and tcb.scoreboard.sent[0].syn else self.settings.r2_ns
        if tcb.stalled_ns is not None and now - tcb.stalled_ns >= limit:
            self._end(Event.TIMEOUT_USER, now, TIMED_OUT)
            return True
        tcb.repeats += 1
        if tcb.repeats == self.settings.r1:
            self._events.append(Advice(now, tcb.repeats))
        return False

    def _probe_window(self, now: int) -> None:
        """§3.8.6.1: at least one octet into the closed window; as long as answers come it goes on for ever (MUST-37)."""
        tcb = self.tcb
        if tcb.repeats and now - tcb.heard_ns >= self.settings.r2_ns:
            self._end(Event.TIMEOUT_USER, now, TIMED_OUT)
            return
        tcb.repeats += 1
        tcb.round_trip.back_off()
        if tcb.scoreboard:
            self._resend(now, tcb.scoreboard.sent[0], "probe")
        else:
            self._force_out(now)
        self._start_timer(Timer.persist, now)

    def _force_out(self, now: int) -> None:
        """One octet where the window is shut; as much as it takes where it is only small (the override of §3.8.6.2.1)."""
        tcb = self.tcb
        usable = difference(add(tcb.snd_una, tcb.snd_wnd), tcb.snd_nxt)
        size = min(tcb.outgoing.unsent(tcb.snd_nxt), max(usable, 1), tcb.congestion.smss)
        self._send_new(now, ACK | (FIN if not size else 0), size)

    def _keep_alive(self, now: int) -> None:
        """§3.8.4: a segment with SEQ = SND.NXT − 1 and no data, which is outside the peer's window and so asks for an ACK."""
        tcb = self.tcb
        if tcb.probes >= self.settings.keep_alive_probes:
            self._end(Event.TIMEOUT_USER, now, TIMED_OUT)
            return
        tcb.probes += 1
        seq = add(tcb.snd_nxt, -1)
        self._events.append(Retransmitted(now, seq, 0, "keep-alive"))
        self._emit(now, ACK, seq=seq)
        tcb.timers.start(Timer.keep_alive, now + self.settings.keep_alive_interval_ns)

    def _start_time_wait(self, now: int) -> None:
        """§3.6: "start the time-wait timer, turn off the other timers"."""
        assert self.state == State.TIME_WAIT
        self.tcb.timers.clear()
        self.tcb.timers.start(Timer.time_wait, now + 2 * self.settings.msl_ns)
