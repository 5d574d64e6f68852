"""What to send, when, and what again. Wing lab. Reading: RFC 9293 §3.7.4, §3.8; RFC 5681 §3; RFC 6298 §5; RFC 6675 §5."""

from __future__ import annotations

from tcpinspect.lab.endpoint.events import Acknowledged, Retransmitted
from tcpinspect.lab.endpoint.machine import Machine
from tcpinspect.lab.endpoint.options import octets
from tcpinspect.lab.endpoint.scoreboard import DUP_THRESH, Sent
from tcpinspect.lab.endpoint.timers import Timer
from tcpinspect.protocol.header import ACK, FIN, PSH, SYN
from tcpinspect.protocol.rfc9293 import Event, State
from tcpinspect.protocol.seqnum import add, difference

SPEAKING = frozenset({State.ESTABLISHED, State.FIN_WAIT_1, State.CLOSING, State.CLOSE_WAIT, State.LAST_ACK})  # new data or a FIN may leave
_HANDSHAKE = frozenset({State.SYN_SENT, State.SYN_RECEIVED})


class Transmission(Machine):
    """The sending half."""

    def _settle(self, now: int) -> None:
        """After anything has happened: send what may be sent, acknowledge what must be, set the timers."""
        if self.state in SPEAKING or (self.state == State.SYN_RECEIVED and self.tcb.early_data):
            self._resend_lost(now)
            while self._send_next(now):
                pass
        if self.tcb.ack_due and self.state not in (State.CLOSED, State.LISTEN, State.SYN_SENT):
            self._acknowledge(now)
        self._set_timers(now)

    # New data.

    def _send_next(self, now: int) -> bool:
        """Send one segment of what has not been sent, if the rules allow one."""
        tcb = self.tcb
        flags = ACK
        limit = max(min(tcb.peer_mss, self.settings.mss) - octets(self._options(now, ACK)), 1)
        unsent, usable = tcb.outgoing.unsent(tcb.snd_nxt), difference(add(tcb.snd_una, tcb.snd_wnd), tcb.snd_nxt)
        fin = tcb.outgoing.closed and difference(tcb.snd_nxt, tcb.outgoing.end) <= 0
        size = min(unsent, usable, limit)
        if unsent:
            if size <= 0 or not self._worth_sending(size, unsent, limit) or not self._uncongested(size):
                return False
            # Every SEND is pushed: the last octet of what waits carries PSH (§3.9.1.2).
            flags |= PSH if size == unsent else 0
            fin = fin and size == unsent and usable > size
        elif not fin or usable <= 0:
            return False
        self._send_new(now, flags | (FIN if fin else 0), max(size, 0))
        return True

    def _worth_sending(self, size: int, unsent: int, limit: int) -> bool:
        """§3.8.6.2.1 (silly windows) and §3.7.4 (Nagle): a full segment, or all there is, or half of the largest window."""
        if size >= limit:
            return True
        idle = not self.tcb.scoreboard.data or not self.settings.nagle or self.tcb.outgoing.closed or self._urgent()
        return idle and (size == unsent or size >= max(self.tcb.max_snd_wnd // 2, 1))

    def _urgent(self) -> bool:
        return self.tcb.snd_up is not None and difference(self.tcb.snd_up, self.tcb.snd_nxt) > 0

    def _uncongested(self, size: int) -> bool:
        pipe = self._pipe()
        return pipe == 0 or pipe + size <= self.tcb.congestion.limit

    def _pipe(self) -> int:
        """Octets in the network; without SACK every duplicate acknowledgment says that one segment has left it."""
        tcb = self.tcb
        left = 0 if tcb.sack else tcb.congestion.duplicates * tcb.congestion.smss
        return max(tcb.scoreboard.pipe() - left, 0)

    def _send_new(self, now: int, flags: int, size: int) -> None:
        tcb = self.tcb
        if flags & FIN and self.state == State.CLOSE_WAIT:
            # §3.10.4: queued "until all preceding SENDs have been segmentized; then send a FIN segment, enter LAST-ACK".
            self._move(Event.CLOSE, now)
        payload = tcb.outgoing.cut(tcb.snd_nxt, size)
        seq = tcb.snd_nxt
        self._record(now, seq, size + bool(flags & FIN), fin=bool(flags & FIN))
        self._emit(now, flags, seq=seq, payload=payload)

    def _record(self, now: int, seq: int, length: int, *, syn: bool = False, fin: bool = False) -> None:
        tcb = self.tcb
        if not tcb.scoreboard:
            tcb.stalled_ns = now
            if not syn:
                self._start_timer(Timer.retransmission, now)
        tcb.scoreboard.sent.append(Sent(seq, length, syn, fin, now, now))
        tcb.snd_nxt = add(seq, length)

    def _send_syn(self, now: int, flags: int, *, data: bytes = b"") -> None:
        """The SYN or SYN-ACK; a SYN-ACK after a SYN (simultaneous open) is another copy of the same number."""
        tcb = self.tcb
        if tcb.scoreboard:
            tcb.scoreboard.sent[0].copies += 1
        else:
            self._record(now, tcb.iss, 1 + len(data), syn=True)
        self._emit(now, flags, seq=tcb.iss, payload=data)
        self._start_timer(Timer.retransmission, now)

    # Repeats.

    def _resend_lost(self, now: int) -> None:
        while (lost := self.tcb.scoreboard.first_lost()) is not None and self._uncongested(lost.length):
            self._resend(now, lost, "recovery")

    def _resend(self, now: int, sent: Sent, reason: str) -> None:
        tcb = self.tcb
        if sent.syn:
            # RFC 7413 §4.2.1: what follows a SYN that was lost is a SYN without data; the data goes when the SYN is acknowledged.
            flags, payload = SYN | (0 if self.state == State.SYN_SENT else ACK), b""
            if self.state == State.SYN_SENT:
                tcb.cookie = None
        else:
            payload = tcb.outgoing.cut(sent.seq, sent.length - sent.fin)
            flags = ACK | (FIN if sent.fin else 0) | (PSH if payload and sent.end == tcb.snd_nxt else 0)
        sent.copies += 1
        sent.last_ns, sent.lost = now, False
        self._events.append(Retransmitted(now, sent.seq, len(payload), reason))
        self._emit(now, flags, seq=sent.seq, payload=payload, again=True)

    def _recover(self, now: int) -> None:
        """Fast retransmit (RFC 5681 §3.2): the third duplicate says that the first segment in flight is lost."""
        tcb = self.tcb
        flight = difference(tcb.snd_nxt, tcb.snd_una)
        tcb.congestion.enter_recovery(flight, tcb.snd_nxt)
        self._resend(now, tcb.scoreboard.sent[0], "fast retransmit")
        self._start_timer(Timer.retransmission, now)

    # Acknowledgments of what was sent.

    def _acknowledged(self, una: int, echo: int | None, now: int) -> None:
        """SND.UNA advances to `una`; `echo` is the TSecr of the segment that says so."""
        tcb = self.tcb
        octets_acked = difference(una, tcb.snd_una)
        gone = tcb.scoreboard.acknowledge(una)
        tcb.snd_una = una
        tcb.outgoing.forget(una)
        self._measure(gone, echo, now)
        tcb.repeats, tcb.stalled_ns = 0, now if tcb.scoreboard else None
        if tcb.snd_up is not None and difference(una, tcb.snd_up) >= 0:
            tcb.snd_up = None
        if any(sent.syn for sent in gone) and tcb.syn_repeated:
            tcb.round_trip.after_repeated_syn()
        self._congestion_after_ack(octets_acked)
        if tcb.scoreboard:
            self._start_timer(Timer.retransmission, now)
            return
        tcb.timers.stop(Timer.retransmission)
        if not tcb.outgoing.unsent(tcb.snd_nxt):
            self._events.append(Acknowledged(now))

    def _measure(self, gone: list[Sent], echo: int | None, now: int) -> None:
        if not gone:
            return
        # Karn (RFC 6298 §3): no sample from what was sent twice, unless the timestamp tells the copies apart.
        if all(sent.copies == 1 for sent in gone):
            self.tcb.round_trip.sample(now - gone[-1].first_ns)
        elif self.tcb.timestamps and echo:
            ticks = (now // 1_000_000 + self.settings.timestamp_offset - echo) % (1 << 32)
            self.tcb.round_trip.sample(min(ticks * 1_000_000, now - gone[0].first_ns))

    def _congestion_after_ack(self, octets_acked: int) -> None:
        tcb = self.tcb
        congestion = tcb.congestion
        if congestion.recover is None:
            congestion.duplicates = 0
            congestion.acknowledged(octets_acked)
        elif not congestion.leave_recovery_at(tcb.snd_una):
            # RFC 6582 §3.2 step 3: a partial acknowledgment: the next segment was lost too.
            congestion.duplicates = 0
            first = tcb.scoreboard.sent[0]
            if not first.sacked and (not tcb.sack or first.copies == 1):
                first.lost = True

    def _duplicate(self, now: int) -> None:
        """RFC 5681 §2: an acknowledgment that says only that something has arrived out of order."""
        congestion = self.tcb.congestion
        congestion.duplicates += 1
        self._find_losses(now)

    def _find_losses(self, now: int) -> None:
        """Enter recovery at the third duplicate, or where SACK blocks say the same (RFC 6675 §5)."""
        tcb = self.tcb
        if tcb.sack:
            tcb.scoreboard.infer_losses()
        if tcb.congestion.recover is None and (tcb.congestion.duplicates >= DUP_THRESH or tcb.scoreboard.sent[0].lost):
            self._recover(now)

    # Timers.

    def _start_timer(self, timer: Timer, now: int) -> None:
        self.tcb.timers.start(timer, now + self.tcb.round_trip.rto_ns)

    def _set_timers(self, now: int) -> None:
        """RFC 6298 §5.1, §5.2; §3.8.6.1: where the window leaves no room, the persist timer takes the place of the other."""
        tcb, timers = self.tcb, self.tcb.timers
        if self.state in (State.CLOSED, State.LISTEN, State.TIME_WAIT):
            return
        waiting = tcb.outgoing.unsent(tcb.snd_nxt) > 0 or (tcb.outgoing.closed and difference(tcb.snd_nxt, tcb.outgoing.end) <= 0)
        shut = tcb.snd_wnd == 0 and self.state not in _HANDSHAKE
        if tcb.scoreboard and not shut:
            timers.stop(Timer.persist)
            if Timer.retransmission not in timers:
                self._start_timer(Timer.retransmission, now)
        else:
            timers.stop(Timer.retransmission)
            probing = self.state in SPEAKING and (waiting or bool(tcb.scoreboard))
            if not probing:
                timers.stop(Timer.persist)
            elif Timer.persist not in timers:
                self._start_timer(Timer.persist, now)
        self._set_user_timer(now, waiting or bool(tcb.scoreboard))
        self._set_keep_alive(now)

    def _set_user_timer(self, now: int, waiting: bool) -> None:
        tcb, limit = self.tcb, self.settings.user_timeout_ns
        if self.state == State.FIN_WAIT_2:
            if tcb.deaf and self.settings.fin_wait_2_ns is not None and Timer.user not in tcb.timers:
                tcb.timers.start(Timer.user, now + self.settings.fin_wait_2_ns)
        elif limit is None or not waiting:
            tcb.timers.stop(Timer.user)
        else:
            tcb.timers.start(Timer.user, (now if tcb.stalled_ns is None else tcb.stalled_ns) + limit)

    def _set_keep_alive(self, now: int) -> None:
        tcb, idle = self.tcb, self.settings.keep_alive_ns
        if idle is None or self.state not in (State.ESTABLISHED, State.CLOSE_WAIT, State.FIN_WAIT_2) or tcb.scoreboard:
            tcb.timers.stop(Timer.keep_alive)
        elif tcb.probes == 0:
            tcb.timers.start(Timer.keep_alive, max(tcb.heard_ns + idle, now))
