"""The state, how it moves, and how a segment leaves: the ground the other modules of the endpoint stand on. Wing lab.

States move through `_move` only, which looks the arc up in the one table of `protocol.rfc9293`; an arc that is not there
is an error. Reading: RFC 9293 §3.3.2, §3.4.1, §3.5.2, §3.10.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from tcpinspect.errors import ProtocolError
from tcpinspect.lab.draft import Draft, DraftOption
from tcpinspect.lab.endpoint.events import Dropped, Ended, EndpointEvent, Moved
from tcpinspect.lab.endpoint.misbehaviour import Misbehaviour, deformed
from tcpinspect.lab.endpoint.options import Options
from tcpinspect.lab.endpoint.round_trip import GRANULARITY_NS
from tcpinspect.lab.endpoint.settings import Settings
from tcpinspect.lab.endpoint.tcb import Tcb
from tcpinspect.lab.endpoint.timers import Timer
from tcpinspect.protocol.header import ACK, CWR, ECE, FIN, RST, SYN, URG
from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, Event, State
from tcpinspect.protocol.seqnum import add, difference

Address = tuple[str, int]
# A next incarnation begins beyond all numbers of the last (RFC 9293 §3.6.1); 64000 is the step of RFC 793's time.
ISS_STEP = 64_000
# An urgent pointer has 16 bits.
_MAX_POINTER = 0xFFFF


class Departure(NamedTuple):
    """A segment that leaves; `ect`: its IP header shall say that it may be marked instead of dropped (RFC 3168 §5)."""

    segment: Draft
    ect: bool


class Machine:
    """State, timeline, outbox and events of one endpoint."""

    def __init__(
        self,
        local: Address,
        remote: Address | None,
        *,
        iss: int | Iterable[int],
        settings: Settings,
        faults: Misbehaviour,
    ) -> None:
        self.local = local
        self.remote = remote
        self.settings = settings
        self.faults = faults
        self.state = State.CLOSED
        self.timeline: list[Moved] = []
        self.arrivals = 0
        self.departures = 0
        self.cookie: bytes | None = None  # of Fast Open, learned from the server; to be given to the next `open_active`
        self._any_remote = remote is None
        self._isses: Iterator[int] = chain((iss,) if isinstance(iss, int) else iss)
        self._arriving: int | None = None
        self._challenges: list[int] = []
        self._stale_syns = 0  # sent so far, by the fault of that name
        self._fin_acked_now = False  # the segment being processed acknowledges our FIN
        self._outbox: list[Departure] = []
        self._events: list[EndpointEvent] = []
        self.tcb = Tcb(settings, 0, passive=False)

    # What the caller collects.

    def take_segments(self) -> list[Draft]:
        """The segments to send now, oldest first; each is given once."""
        return [departure.segment for departure in self.take_departures()]

    def take_departures(self) -> list[Departure]:
        """The same with what their IP headers shall say."""
        out, self._outbox = self._outbox, []
        return out

    def take_events(self) -> list[EndpointEvent]:
        """What has happened since the last call."""
        out, self._events = self._events, []
        return out

    def next_timer(self) -> int | None:
        """When `poll` must be called at the latest, in ns; None: never, unless something happens first."""
        return self.tcb.timers.next()

    # The state.

    def _move(self, event: Event, now: int) -> None:
        arc = BY_STATE_AND_EVENT.get((self.state, event))
        if arc is None:
            raise ProtocolError(f"{event} in {self.state}: RFC 9293 has no such transition")
        arrival = self._arriving if Event.RCV_SYN <= event <= Event.RCV_ICMP else None
        moved = Moved(now, arc, arrival, self.departures)
        self.timeline.append(moved)
        self._events.append(moved)
        self.state = arc.to

    def _end(self, event: Event, now: int, reason: str) -> None:
        """Move to CLOSED, with all timers stopped and what was not sent forgotten."""
        passive = self.tcb.passive and self.state == State.SYN_RECEIVED
        self._move(event, now)
        self.tcb.timers.clear()
        self.tcb.ack_due = False
        if reason:
            self._events.append(Ended(now, reason))
        if passive and self.settings.keep_listening and event != Event.ABORT:
            # §3.10.7.4: a passive open "return[s] to the LISTEN state": the table ends the connection, the listener opens the next.
            self._move(Event.OPEN_PASSIVE, now)
            self._forget_peer()

    def _forget_peer(self) -> None:
        self.tcb.timers.clear()
        if self._any_remote:
            self.remote = None

    def _new_tcb(self, *, passive: bool) -> None:
        last = self.tcb.snd_nxt
        iss = next(self._isses, None)
        self.tcb = Tcb(self.settings, add(last, ISS_STEP) if iss is None else iss % (1 << 32), passive=passive)

    def _drop(self, now: int, number: int, reason: str) -> None:
        self._events.append(Dropped(now, number, reason))

    # How a segment leaves.

    def _leave(self, segment: Draft, *, ect: bool = False) -> None:
        out = deformed(segment, self.faults, self.tcb.incoming.nxt if segment.flags & SYN else add(self.tcb.incoming.irs, 1))
        if out is not None:
            self.departures += 1
            self._outbox.append(Departure(out, ect))

    def _ports(self) -> tuple[int, int]:
        return self.local[1], self.remote[1] if self.remote else 0

    def _options(self, now: int, flags: int) -> tuple[DraftOption, ...]:
        """The options of a segment with these flags. RFC 7323 §3.2: once agreed, timestamps go with every segment but a RST."""
        tcb, wish = self.tcb, self.settings
        clock = (now // GRANULARITY_NS + wish.timestamp_offset) % (1 << 32)
        if flags & SYN:
            answer = bool(flags & ACK)
            return Options(
                mss=wish.mss,
                window_shift=wish.window_shift if not answer or tcb.scaled else None,
                sack_permitted=tcb.sack if answer else wish.sack,
                timestamps=(clock, tcb.ts_recent if answer else 0) if (tcb.timestamps if answer else wish.timestamps) else None,
                cookie=tcb.cookie,
            ).drafted()
        if flags & RST:
            return ()
        blocks = tcb.incoming.blocks() if tcb.sack and flags & ACK else ()
        return Options(sack=blocks, timestamps=(clock, tcb.ts_recent) if tcb.timestamps else None).drafted()

    def _emit(self, now: int, flags: int, *, seq: int, payload: bytes = b"", again: bool = False) -> None:
        """Send one segment of the connection; `again`: its octets have been sent before."""
        tcb = self.tcb
        pointer = 0
        if tcb.snd_up is not None and not flags & (SYN | RST) and 0 < difference(tcb.snd_up, seq) <= _MAX_POINTER:
            flags, pointer = flags | URG, difference(tcb.snd_up, seq)
        flags |= self._congestion_bits(flags, payload, again)
        options = self._options(now, flags)
        ports = self._ports()
        ack = tcb.incoming.nxt if flags & ACK else None
        # RFC 7323 §2.2: the window of a SYN is never scaled.
        shift = tcb.rcv_shift if not flags & SYN else 0
        window = 0 if flags & RST else tcb.incoming.offer(1 << shift, self.settings.mss)
        if flags & ACK:
            tcb.ack_due, tcb.unacknowledged, tcb.last_ack_sent = False, 0, tcb.incoming.nxt
            tcb.incoming.duplicate = None
            tcb.timers.stop(Timer.delayed_ack)
        self._leave(
            Draft(
                src_port=ports[0], dst_port=ports[1], seq=seq, ack=ack, flags=flags, window=window,
                urgent_pointer=pointer, options=options, payload=payload,
            ),
            # RFC 3168 §6.1.4, §6.1.5: neither what carries no data nor what is repeated may be marked.
            ect=tcb.ecn and bool(payload) and not again and not flags & SYN,
        )  # fmt: skip

    def _congestion_bits(self, flags: int, payload: bytes, again: bool) -> int:
        tcb = self.tcb
        if flags & RST:
            return 0
        if flags & SYN:
            # RFC 3168 §6.1.1: ECE and CWR ask, ECE alone agrees.
            return (ECE if tcb.ecn else 0) if flags & ACK else (ECE | CWR if self.settings.ecn else 0)
        bits = ECE if tcb.ecn and tcb.echo_congestion and flags & ACK else 0
        if tcb.tell_reduced and payload and not again:
            tcb.tell_reduced = False
            bits |= CWR
        return bits

    def _acknowledge(self, now: int) -> None:
        """<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.

        While a probe is out in a closed window, SND.UNA: the peer takes no number beyond its window (table 6).
        """
        tcb = self.tcb
        probing = tcb.scoreboard and Timer.persist in tcb.timers
        self._emit(now, ACK, seq=tcb.snd_una if probing else tcb.snd_nxt)

    def _challenge(self, now: int) -> None:
        """A challenge ACK (RFC 5961 §3, §4, §5), at most so many in a time (§7)."""
        recent = [at for at in self._challenges if now - at < self.settings.challenge_period_ns]
        if len(recent) < self.settings.challenge_acks:
            recent.append(now)
            self._acknowledge(now)
        self._challenges = recent

    def _reset_answer(self, segment: Draft) -> None:
        """§3.5.2, groups 1 and 2: the RST to a segment that belongs to no connection, or acknowledges what was never sent."""
        answer = reset_for(segment)
        if answer is not None:
            self._leave(answer)


def reset_for(segment: Draft) -> Draft | None:
    """What CLOSED answers (§3.10.7.1): nothing to a RST, else a RST the sender will accept."""
    if segment.flags & RST:
        return None
    if segment.flags & ACK:
        return Draft(src_port=segment.dst_port, dst_port=segment.src_port, seq=segment.ack or 0, flags=RST, window=0)
    length = len(segment.payload) + bool(segment.flags & SYN) + bool(segment.flags & FIN)
    ack = add(segment.seq or 0, length)
    return Draft(src_port=segment.dst_port, dst_port=segment.src_port, seq=0, ack=ack, flags=RST | ACK, window=0)
