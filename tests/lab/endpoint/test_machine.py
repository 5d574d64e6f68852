"""One case a row of the table, and what has no row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tcpinspect.errors import ProtocolError
from tcpinspect.lab.endpoint import Endpoint
from tcpinspect.lab.notation import parse
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, TRANSITIONS, Event, State, Transition

from .peer import LOCAL, REMOTE, Bench

S, E = State, Event
FIN_HEARD = {S.CLOSE_WAIT, S.CLOSING, S.LAST_ACK, S.TIME_WAIT}


def hears(flags: str, ack: int = 0) -> Callable[[Bench], list[str]]:
    """A segment with the number that the endpoint expects next."""

    def do(bench: Bench) -> list[str]:
        seq = 300 if bench.state in (S.LISTEN, S.SYN_SENT) else 302 if bench.state in FIN_HEARD else 301
        return bench.hears(f"{flags} {seq}:{seq}(0)" + (f" ack {ack}" if ack else "") + " win 5000")

    return do


def until_given_up(bench: Bench) -> list[str]:
    return bench.waits(400)


CAUSES: dict[Event, Callable[[Bench], list[str]]] = {
    E.OPEN_PASSIVE: lambda bench: bench.calls("open_passive"),
    E.OPEN_ACTIVE: lambda bench: bench.calls("open_active"),
    E.SEND: lambda bench: bench.calls("send", b"x"),
    E.CLOSE: lambda bench: bench.calls("shutdown"),
    E.ABORT: lambda bench: bench.calls("abort"),
    E.RCV_SYN: hears("S"),
    E.RCV_SYN_ACK: hears("S.", 101),
    E.RCV_ACK_OF_SYN: hears(".", 101),
    E.RCV_ACK_OF_FIN: hears(".", 102),
    E.RCV_FIN: hears("F.", 101),
    E.RCV_FIN_ACK_OF_FIN: hears("F.", 102),
    E.RCV_RST: hears("R."),
    E.RCV_ICMP: lambda bench: bench.calls("icmp_error"),
    E.TIMEOUT_USER: until_given_up,
    E.TIMEOUT_2MSL: lambda bench: bench.waits(240),
}
# Where the peer must say something else for the same event.
SPECIAL: dict[tuple[State, Event], Callable[[Bench], list[str]]] = {
    (S.SYN_SENT, E.RCV_RST): hears("R.", 101),
    (S.SYN_RECEIVED, E.RCV_SYN): hears("S"),
    (S.TIME_WAIT, E.RCV_SYN): lambda bench: bench.hears("S 99000:99000(0) win 5000"),
    (S.FIN_WAIT_2, E.RCV_FIN): hears("F.", 102),
}


def fast_open_fin() -> tuple[Bench, list[str]]:
    """SYN-RECEIVED receives a FIN itself only where the SYN carries it: Fast Open's data and FIN (RFC 7413)."""
    from tcpinspect.lab.endpoint.handshake import fast_open_cookie

    bench = Bench(fast_open=True, fast_open_key=b"k").to(S.LISTEN)
    cookie = fast_open_cookie(b"k", REMOTE[0]).hex()
    return bench, bench.hears(f"FS 300:302(2) win 5000 <FO 0x{cookie},nop,nop>")


@pytest.mark.parametrize("arc", TRANSITIONS, ids=lambda t: f"{t.state}-{t.event}")
def test_each_row_of_the_table_happens(arc: Transition) -> None:
    if (arc.state, arc.event) == (S.SYN_RECEIVED, E.RCV_FIN):
        bench, answer = fast_open_fin()
        assert answer == ["S. 100:100(0) ack 304"]
        assert bench.endpoint.timeline[-1].arc == arc
        return
    limit = 50_000_000_000 if arc.event == E.TIMEOUT_USER else None
    bench = Bench(user_timeout_ns=limit, fin_wait_2_ns=limit)
    if (arc.state, arc.event) == (S.FIN_WAIT_2, E.TIMEOUT_USER):
        # Only a program that will not read any more lets FIN-WAIT-2 end by time.
        bench.to(S.ESTABLISHED).calls("close")
        bench.hears(". 301:301(0) ack 102 win 5000")
    else:
        bench.to(arc.state)
    if (arc.state, arc.event) in ((S.ESTABLISHED, E.TIMEOUT_USER), (S.CLOSE_WAIT, E.TIMEOUT_USER)):
        bench.calls("send", b"never acknowledged")
    before = len(bench.endpoint.timeline)
    said = SPECIAL.get((arc.state, arc.event), CAUSES[arc.event])(bench)
    assert bench.endpoint.timeline[before].arc == arc
    assert_says(said, arc)


def assert_says(said: list[str], arc: Transition) -> None:
    """What is sent is what the row says."""
    flags = [parse(text).flags for text in said]
    wanted = {"SYN": SYN, "FIN": FIN, "RST": RST}
    for name, bit in wanted.items():
        if arc.event != E.TIMEOUT_USER:
            assert any(f & bit for f in flags) == (name in arc.sends.split(",")), said
    if arc.sends == "ACK":
        assert len(said) == 1


@pytest.mark.parametrize("state", State, ids=str)
def test_what_is_not_in_the_table_is_a_protocol_error(state: State) -> None:
    for event in Event:
        if (state, event) not in BY_STATE_AND_EVENT:
            bench = Bench().to(state)
            with pytest.raises(ProtocolError):
                bench.endpoint._move(event, 0)
            assert bench.state == state


def play(a: Endpoint, b: Endpoint, now: int) -> None:
    """Carry segments both ways until nobody speaks."""
    while (mine := a.take_segments()) or a is b:
        for segment in mine:
            b.segment_arrives(segment, now, source=a.local[0])
        a, b = b, a
        if not mine:
            return
    for segment in b.take_segments():
        a.segment_arrives(segment, now, source=b.local[0])
        play(a, b, now)


def states(endpoint: Endpoint) -> list[State]:
    return [S.CLOSED, *(moved.to_state for moved in endpoint.timeline)]


def test_all_eleven_states_in_the_role_of_the_client_and_of_the_server() -> None:
    """A client or a server, each closing first, second, and at the same time as the other."""
    seen: dict[str, set[State]] = {"client": set(), "server": set()}
    for first in ("client", "server", "both"):
        client, server = Endpoint(LOCAL, REMOTE, iss=100), Endpoint(REMOTE, LOCAL, iss=300)
        ends = {"client": client, "server": server}
        server.open_passive(0)
        client.open_active(0)
        play(client, server, 0)
        assert client.state == server.state == S.ESTABLISHED
        for name in ("client", "server") if first == "both" else (first,):
            ends[name].shutdown(1)
        play(client, server, 1)
        for endpoint in ends.values():
            if endpoint.state == S.CLOSE_WAIT:
                endpoint.shutdown(2)
        play(client, server, 2)
        play(server, client, 2)
        for name, endpoint in ends.items():
            seen[name] |= set(states(endpoint))
    assert seen["server"] == set(S) - {S.SYN_SENT}
    assert seen["client"] == set(S) - {S.SYN_RECEIVED, S.LISTEN}
    # The rest: a server that calls (LISTEN, SEND), a client that is called while it calls (figure 7).
    server = Bench().to(S.LISTEN)
    server.calls("send", b"hello")
    client = Bench().to(S.LISTEN)
    client.calls("open_active")
    client.hears("S 300:300(0) win 5000")
    assert seen["server"] | set(states(server.endpoint)) == set(S)
    assert seen["client"] | set(states(client.endpoint)) == set(S)
