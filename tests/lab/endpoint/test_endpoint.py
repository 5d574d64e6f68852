"""The user's calls: RFC 9293 §3.10.1 to §3.10.6, in each state where they are errors in the RFC's words."""

from __future__ import annotations

import pytest

from tcpinspect.errors import ProtocolError
from tcpinspect.lab.endpoint import Endpoint
from tcpinspect.protocol.rfc9293 import State

from .peer import LOCAL, Bench

S = State
NO_CONNECTION, EXISTS, CLOSING = "connection does not exist", "connection already exists", "connection closing"


@pytest.mark.parametrize(
    ("state", "call", "arguments", "words"),
    [
        (S.CLOSED, "send", (b"x",), NO_CONNECTION),
        (S.CLOSED, "shutdown", (), NO_CONNECTION),
        (S.CLOSED, "close", (), NO_CONNECTION),
        (S.CLOSED, "abort", (), NO_CONNECTION),
        (S.LISTEN, "open_passive", (), EXISTS),
        *((state, "open_active", (), EXISTS) for state in State if state not in (S.CLOSED, S.LISTEN)),
        *((state, "send", (b"x",), CLOSING) for state in (S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSING, S.LAST_ACK, S.TIME_WAIT)),
        *((state, "shutdown", (), CLOSING) for state in (S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSING, S.LAST_ACK, S.TIME_WAIT)),
    ],
)
def test_a_call_out_of_place_is_an_error_in_the_rfcs_words(state: State, call: str, arguments: tuple[bytes, ...], words: str) -> None:
    bench = Bench().to(state)
    with pytest.raises(ProtocolError, match=words):
        bench.calls(call, *arguments)
    assert bench.state == state


def test_listen_open_active_without_a_peer_is_an_error() -> None:
    endpoint = Endpoint(LOCAL, iss=100)
    endpoint.open_passive(0)
    with pytest.raises(ProtocolError, match="remote socket unspecified"):
        endpoint.open_active(0)
    assert endpoint.state == S.LISTEN


@pytest.mark.parametrize("state", [S.SYN_RECEIVED, S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSE_WAIT], ids=str)
def test_abort_sends_a_rst_with_snd_nxt(state: State) -> None:
    bench = Bench().to(state)
    nxt = bench.endpoint.tcb.snd_nxt
    assert bench.calls("abort") == [f"R {nxt}:{nxt}(0)"] and bench.state == S.CLOSED and bench.endpoint.next_timer() is None


def test_established_close_with_unread_data_is_an_abort() -> None:
    """RFC 2525 §2.17."""
    bench = Bench().to(S.ESTABLISHED)
    bench.hears('P. 301:302(1) ack 101 win 5000 data="x"')
    assert bench.calls("close") == ["R 101:101(0)"] and bench.state == S.CLOSED


def test_established_shutdown_leaves_the_other_direction_open() -> None:
    bench = Bench().to(S.FIN_WAIT_2)
    assert bench.hears('P. 301:304(3) ack 102 win 5000 data="abc"') == [". 102:102(0) ack 304"]
    assert bench.endpoint.receive(0) == b"abc" and bench.state == S.FIN_WAIT_2


def test_syn_sent_data_are_queued_until_established() -> None:
    bench = Bench().to(S.SYN_SENT)
    assert bench.calls("send", b"hello") == []
    assert bench.hears("S. 300:300(0) ack 101 win 5000") == ["P. 101:106(5) ack 301"]


def test_receive_takes_no_more_than_asked() -> None:
    bench = Bench().to(S.ESTABLISHED)
    bench.hears('P. 301:306(5) ack 101 win 5000 data="abcde"')
    assert [bench.endpoint.receive(0, 2), bench.endpoint.receive(0), bench.endpoint.receive(0)] == [b"ab", b"cde", b""]


def test_icmp_error_is_soft_once_synchronized() -> None:
    bench = Bench().to(S.ESTABLISHED)
    bench.calls("icmp_error")
    assert bench.state == S.ESTABLISHED


def test_each_incarnation_takes_its_own_initial_number() -> None:
    endpoint = Endpoint(LOCAL, ("192.0.2.9", 80), iss=[100, 5000])
    numbers = []
    for now in range(3):
        endpoint.open_active(now)
        numbers.append(endpoint.take_segments()[0].seq)
        endpoint.abort(now)
    assert numbers == [100, 5000, 5001 + 64000]
