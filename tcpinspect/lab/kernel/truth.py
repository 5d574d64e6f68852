"""The true timeline of a kernel's TCP: its sockets read after every packet and every call. Wing lab.

Reading: sock_diag(7); RFC 9293 §3.3.2.

    truth = Truth(namespace)
    truth.observe(now, departure=0, call="connect")     # after a call of the user
    truth.observe(now, departure=1, packet=syn_ack, arrival=0)   # after a packet was delivered
    truth.steps                                          # what happened, for `lab.compare`

A write to the device is processed before it returns, so the reading that follows shows exactly what that packet did.
States that begin and end within one packet no reading shows: the tracepoint does, where root allows it; else they are put in
from the table, as `source` "rfc" and optional.

What Linux does otherwise than the RFC's figures, and how it is told here:
- LISTEN is the listening socket's, not the connection's: each accepted connection starts with a LISTEN of its own.
- A passive connection that dies in SYN-RECEIVED is gone (CLOSED); the RFC goes back to LISTEN.
- With SYN cookies nothing is kept until the third segment: the state is in the number of the SYN-ACK (RFC 4987 §3.6). The kernel
  counts the cookies that it sends; where a SYN raises that count, SYN-RECEIVED is put in, optional, with a note.
- An orphaned FIN-WAIT-2 ends after tcp_fin_timeout without a TIME-WAIT; the kernel aborts when data comes after close.
- A TIME-WAIT taken over by a new SYN goes to SYN-RECEIVED, without a CLOSED in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tcpinspect.lab.kernel.arcs import Trigger, arrived, between, is_syn, possible
from tcpinspect.lab.kernel.netstat import cookies_sent
from tcpinspect.lab.kernel.sockdiag import SocketTable, TcpSocket
from tcpinspect.lab.kernel.tracepoint import Tracepoint
from tcpinspect.lab.namespaces import Namespace
from tcpinspect.lab.packet import unwrap
from tcpinspect.lab.timeline import Ends, Source, TrueStep
from tcpinspect.protocol.rfc9293 import Event, State

_COOKIES = "SYN cookies: the kernel kept no state, the number of its SYN-ACK is the state"
_ANY_ADDRESS = ("0.0.0.0", "::")


class Reading(NamedTuple):
    """All TCP sockets of the kernel after something happened; `sockdiag.tcp_info` reads the `info` of each."""

    time_ns: int
    arrival: int | None
    departure: int
    call: str | None
    sockets: list[TcpSocket]


class _Moment(NamedTuple):
    """What a reading follows."""

    time_ns: int
    arrival: int | None
    departure: int
    call: str | None
    events: frozenset[Event]


class Truth:
    """Watches the TCP of one namespace. `steps` grows with every `observe`; `readings` keeps each one whole, on request."""

    def __init__(self, namespace: Namespace, *, tracepoint: Tracepoint | None = None, keep_readings: bool = True) -> None:
        self._table = SocketTable(namespace)
        self._tracepoint = tracepoint
        self._keep_readings = keep_readings
        self._now: dict[Ends, TcpSocket] = {}
        self._namespace = namespace
        self._listening: dict[tuple[str, int], _Moment] = {}
        self._cookies = 0  # how many the kernel has sent
        self._by_cookie: set[Ends] = set()
        self.steps: list[TrueStep] = []
        self.readings: list[Reading] = []

    def close(self) -> None:
        """Stop watching; what was seen stays."""
        self._table.close()

    def states(self) -> dict[Ends, State]:
        """The connections that have a state now; listening sockets are not among them."""
        return {ends: one.state for ends, one in self._now.items()}

    def sockets(self) -> dict[Ends, TcpSocket]:
        """The same, with all that the last reading showed."""
        return dict(self._now)

    def observe(
        self, now: int, *, departure: int, packet: bytes | None = None, arrival: int | None = None, call: str | None = None
    ) -> list[TrueStep]:
        """Read the kernel and return the new steps. Say what came right before: the packet delivered, or the user's call.

        `departure` is how many packets the kernel had sent before that, `arrival` the delivered packet's number.
        """
        trigger: Trigger = "arrival" if packet is not None else "call" if call is not None else "time"
        events = possible(trigger, call=call or "", segment=None if packet is None else arrived(packet))
        moment = _Moment(now, arrival, departure, call, events)
        sockets = self._table.read()
        passed = self._passed()
        seen = {Ends(*one[:4]): one for one in sockets if one.state not in (State.LISTEN, State.CLOSED)}
        for one in sockets:
            if one.state == State.LISTEN:
                self._listening.setdefault((one.address, one.port), moment)
        first = len(self.steps)
        if packet is not None and self._listening and is_syn(packet):
            self._look_for_cookie(packet, seen, moment)
        for ends in [*self._now, *(e for e in (*seen, *passed) if e not in self._now)]:
            self._advance(ends, self._now.get(ends), seen.get(ends), passed.get(ends, []), moment)
        open_now = {(one.address, one.port) for one in sockets if one.state == State.LISTEN}
        self._listening = {where: when for where, when in self._listening.items() if where in open_now}
        self._now = seen
        steps = self.steps[first:]
        if self._keep_readings and (steps or trigger != "time"):
            self.readings.append(Reading(now, arrival, departure, call, sockets))
        return steps

    def _look_for_cookie(self, packet: bytes, seen: Mapping[Ends, TcpSocket], moment: _Moment) -> None:
        """A SYN that no socket came of: was it answered by a cookie? The kernel's own count tells."""
        syn = unwrap(packet)
        if syn is None:
            return
        ends = Ends(syn.destination, syn.segment.dst_port or 0, syn.source, syn.segment.src_port or 0)
        if ends in seen or (sent := cookies_sent(self._namespace)) == self._cookies:
            return
        self._cookies = sent
        if ends not in self._by_cookie:
            self._by_cookie.add(ends)
            state = self._born(ends, [State.SYN_RECEIVED], None, moment)
            self._tell(ends, state, State.SYN_RECEIVED, "netstat", moment)

    def _passed(self) -> dict[Ends, list[State]]:
        """The states that the tracepoint saw since the last reading, by connection."""
        passed: dict[Ends, list[State]] = {}
        for change in self._tracepoint.take() if self._tracepoint is not None else ():
            # Neither listening sockets, nor ones that no reading and no other event has ever shown.
            known = change.to_state != State.CLOSED or Ends(*change[2:6]) in self._now or Ends(*change[2:6]) in passed
            if change.port and change.peer_port and known:
                passed.setdefault(Ends(*change[2:6]), []).append(change.to_state)
        return passed

    def _advance(self, ends: Ends, before: TcpSocket | None, after: TcpSocket | None, passed: list[State], moment: _Moment) -> None:
        """Tell how one connection came from one reading to the next."""
        state = before.state if before is not None else self._born(ends, passed, after, moment)
        end = after.state if after is not None else State.CLOSED
        # The kernel calls it CLOSE when it swaps the socket for the small one of TIME-WAIT or an orphaned FIN-WAIT-2.
        for target in (one for one in passed if one not in (State.CLOSED, end)):
            if target != state:
                self._tell(ends, state, target, "tracepoint", moment)
                state = target
        if end != state:
            self._tell(ends, state, end, "sock_diag", moment)

    def _born(self, ends: Ends, passed: list[State], after: TcpSocket | None, moment: _Moment) -> State:
        """The state that a new connection starts from: that of the listening socket, or CLOSED."""
        first = passed[0] if passed else after.state if after is not None else State.CLOSED
        if after is not None and ends in self._by_cookie:
            self._by_cookie.remove(ends)
            return State.SYN_RECEIVED
        if first == State.SYN_SENT:
            return State.CLOSED
        for address in (ends.address, *_ANY_ADDRESS):
            opened = self._listening.get((address, ends.port))
            if opened is not None:
                way = (State.CLOSED, State.LISTEN, Event.OPEN_PASSIVE)
                self.steps.append(TrueStep(ends, opened.time_ns, *way, None, opened.departure, "sock_diag", True, opened.call))
                return State.LISTEN
        return State.CLOSED

    def _tell(self, ends: Ends, state: State, target: State, source: Source, moment: _Moment) -> None:
        """Write down the arcs of the table from one seen state to the next."""
        arcs, note = between(state, target, moment.events)
        if source == "netstat":
            note = _COOKIES
        place = (moment.arrival, moment.departure)
        if not arcs:
            self.steps.append(TrueStep(ends, moment.time_ns, state, target, None, *place, source, call=moment.call, note=note))
        for arc in arcs:
            inserted = arc.to != target
            optional = inserted or source == "netstat" or (arc.to == State.FIN_WAIT_2 and source == "tracepoint")
            said_by: Source = "rfc" if inserted else source
            step = TrueStep(ends, moment.time_ns, arc.state, arc.to, arc.event, *place, said_by, optional, moment.call, note)
            self.steps.append(step)
