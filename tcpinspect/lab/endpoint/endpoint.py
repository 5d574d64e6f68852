"""The endpoint and the calls of its user. Wing lab. Reading: RFC 9293 §3.9.1, §3.10.1 to §3.10.6."""

from __future__ import annotations

from collections.abc import Iterable

from tcpinspect.errors import ProtocolError
from tcpinspect.lab.endpoint.arrivals import Arrivals
from tcpinspect.lab.endpoint.machine import Address
from tcpinspect.lab.endpoint.misbehaviour import Misbehaviour
from tcpinspect.lab.endpoint.options import Options, octets
from tcpinspect.lab.endpoint.settings import Settings
from tcpinspect.protocol.header import RST, SYN
from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, Event, State
from tcpinspect.protocol.seqnum import add

_NO_CONNECTION = "connection does not exist"
_EXISTS = "connection already exists"
_CLOSING = "connection closing"
_MAY_SEND = frozenset({State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT})


class Endpoint(Arrivals):
    """One end of one connection: the TCP of RFC 9293 without input or output of its own.

        a = Endpoint(("192.0.2.1", 4000), ("192.0.2.2", 80), iss=100)
        a.open_active(now=0)
        for segment in a.take_segments(): ...      # carry them to the other end
        a.segment_arrives(segment, now)            # what came from there
        a.poll(now)                                # when a.next_timer() has come
        a.take_events()                            # what the user should know

    `local` and `remote` are (address, port); a passive endpoint may leave `remote` open. `iss` is the initial sequence
    number, or one for each incarnation; later ones follow the last number used by 64000. All times are integer ns, of any
    clock that does not run back. `timeline` holds every transition with the segment that did it; `arrivals` and
    `departures` count segments. Calls that RFC 9293 answers with an error raise ProtocolError in the RFC's words.
    """

    def __init__(
        self,
        local: Address,
        remote: Address | None = None,
        *,
        iss: int | Iterable[int],
        settings: Settings | None = None,
        misbehaviour: Misbehaviour | None = None,
    ) -> None:
        super().__init__(local, remote, iss=iss, settings=settings or Settings(), faults=misbehaviour or Misbehaviour())

    def open_passive(self, now: int) -> None:
        """OPEN, passive (§3.10.1): LISTEN."""
        if self.state != State.CLOSED:
            raise ProtocolError(_EXISTS)
        self._move(Event.OPEN_PASSIVE, now)
        self._forget_peer()

    def open_active(self, now: int, *, remote: Address | None = None, data: bytes = b"", cookie: bytes | None = None) -> None:
        """OPEN, active (§3.10.1): SYN-SENT and a SYN.

        `data` is queued as by `send`. With `settings.fast_open` the SYN asks for a cookie, or carries `cookie` (an earlier
        endpoint's `cookie`) and as much of the data as fits (RFC 7413).
        """
        if self.state not in (State.CLOSED, State.LISTEN):
            raise ProtocolError(_EXISTS)
        self._call(Event.OPEN_ACTIVE, now, remote, data, cookie)

    def send(self, data: bytes, now: int, *, urgent: bool = False) -> None:
        """SEND (§3.10.2): queue octets, pushed; in LISTEN it opens. `urgent`: SND.UP moves behind them (§3.8.5)."""
        if self.state == State.LISTEN:
            self._call(Event.SEND, now, None, data, None)
            return
        if self.state == State.CLOSED:
            raise ProtocolError(_NO_CONNECTION)
        if self.state not in _MAY_SEND or self.tcb.outgoing.closed:
            raise ProtocolError(_CLOSING)
        self.tcb.outgoing.append(data)
        if urgent:
            self.tcb.snd_up = self.tcb.outgoing.end
        self._settle(now)

    def _call(self, event: Event, now: int, remote: Address | None, data: bytes, cookie: bytes | None) -> None:
        self.remote = remote or self.remote
        if self.remote is None:
            raise ProtocolError("remote socket unspecified")
        self._new_tcb(passive=False)
        tcb = self.tcb
        tcb.outgoing.append(data)
        early = b""
        if self.settings.fast_open:
            tcb.cookie = cookie or b""
            # RFC 7413 §4.2.1: as long as the peer's MSS is not known, the default counts.
            early = (
                data[: tcb.peer_mss - octets(Options(mss=0, timestamps=(0, 0), window_shift=0, cookie=cookie).drafted())] if cookie else b""
            )
        self._move(event, now)
        self._send_syn(now, SYN, data=early)
        self._settle(now)

    def receive(self, now: int, size: int | None = None) -> bytes:
        """RECEIVE (§3.10.3): at most `size` octets of what is ready (all of it by default), b"" when nothing is."""
        incoming = self.tcb.incoming
        data = bytes(incoming.ready[:size])
        del incoming.ready[: len(data)]
        if data and self.state in (State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2):
            # §3.8.6.2.2: tell of the room when it is half the buffer or two segments, or when there was none.
            growth, shut = incoming.growth(), incoming.window < self.settings.mss
            if growth >= min(self.settings.receive_buffer // 2, (1 if shut else 2) * self.settings.mss):
                self.tcb.ack_due = True
        self._settle(now)
        return data

    def shutdown(self, now: int) -> None:
        """CLOSE (§3.10.4): "I have no more data to send"; data may still be received."""
        if self.state == State.CLOSED:
            raise ProtocolError(_NO_CONNECTION)
        if self.state in (State.LISTEN, State.SYN_SENT):
            self._end(Event.CLOSE, now, _CLOSING if self.tcb.outgoing.unsent(add(self.tcb.iss, 1)) else "")
            return
        if self.state not in _MAY_SEND or self.tcb.outgoing.closed:
            raise ProtocolError(_CLOSING)
        self.tcb.outgoing.closed = True
        queued = self.state == State.CLOSE_WAIT or (self.state == State.SYN_RECEIVED and self.tcb.outgoing.unsent(self.tcb.snd_nxt))
        if not queued:
            self._move(Event.CLOSE, now)
        self._settle(now)

    def close(self, now: int) -> None:
        """CLOSE as a program's `close` means it: nothing more will be read either. Unread data, or data that comes
        later, is answered by a RST (§3.6.1; RFC 2525 §2.17)."""
        if self.state == State.CLOSED or self.tcb.deaf:
            raise ProtocolError(_NO_CONNECTION if self.state == State.CLOSED else _CLOSING)
        self.tcb.deaf = True
        if self.tcb.incoming.ready:
            self.abort(now)
        elif self.state in (State.LISTEN, State.SYN_SENT) or (self.state in _MAY_SEND and not self.tcb.outgoing.closed):
            self.shutdown(now)
        else:
            self._settle(now)

    def abort(self, now: int) -> None:
        """ABORT (§3.10.5): <SEQ=SND.NXT><CTL=RST> where the table says so, and CLOSED."""
        arc = BY_STATE_AND_EVENT.get((self.state, Event.ABORT))
        if arc is None:
            raise ProtocolError(_NO_CONNECTION)
        self._end(Event.ABORT, now, "")
        if arc.sends == "RST":
            self._emit(now, RST, seq=self.tcb.snd_nxt)

    def icmp_error(self, now: int, *, hard: bool = True) -> None:
        """§3.9.2.2: a hard error ends an attempt to connect; in every other state it is taken for a soft one (RFC 5927 §5.2)."""
        if hard and self.state == State.SYN_SENT:
            self._end(Event.RCV_ICMP, now, "connection refused by an ICMP error")
