"""CLOSED, LISTEN and SYN-SENT: RFC 9293 §3.5, §3.10.7.1 to §3.10.7.3; RFC 7413."""

from __future__ import annotations

import pytest

from tcpinspect.lab.endpoint import Endpoint, Settings
from tcpinspect.lab.endpoint.options import understood
from tcpinspect.protocol.rfc9293 import State

from .peer import LOCAL, REMOTE, Bench

S = State


@pytest.mark.parametrize(
    ("segment", "answer"),
    [
        ("S 300:300(0) win 1", ["R. 0:0(0) ack 301"]),
        ("P 300:310(10) win 1", ["R. 0:0(0) ack 310"]),
        (". 300:300(0) ack 777 win 1", ["R 777:777(0)"]),
        ("R 300:300(0) win 0", []),
    ],
)
def test_closed_any_segment_is_reset_but_a_rst(segment: str, answer: list[str]) -> None:
    assert Bench().hears(segment) == answer


def test_listen_ack_is_reset() -> None:
    bench = Bench().to(S.LISTEN)
    assert bench.hears(". 300:300(0) ack 777 win 1") == ["R 777:777(0)"] and bench.state == S.LISTEN


@pytest.mark.parametrize("segment", ["R 300:300(0) win 0", "F 300:300(0) win 1", "- 300:300(0) win 1"])
def test_listen_rst_or_fin_is_ignored(segment: str) -> None:
    bench = Bench().to(S.LISTEN)
    assert bench.hears(segment) == [] and bench.state == S.LISTEN


def test_listen_learns_its_peer_from_the_syn() -> None:
    endpoint = Endpoint(LOCAL, iss=100)
    endpoint.open_passive(0)
    bench = Bench()
    bench.endpoint = endpoint
    assert bench.hears("S 300:300(0) win 5000") == ["S. 100:100(0) ack 301"]
    assert endpoint.remote == REMOTE


def test_syn_sent_bad_ack_is_reset_and_nothing_changes() -> None:
    """Figure 9's line 4: an old connection answers the new SYN."""
    bench = Bench().to(S.SYN_SENT)
    assert bench.hears(". 300:300(0) ack 99 win 1") == ["R 99:99(0)"]
    assert bench.hears("S. 300:300(0) ack 102 win 1") == ["R 102:102(0)"]
    assert bench.state == S.SYN_SENT


def test_syn_sent_rst_without_a_good_ack_is_dropped() -> None:
    bench = Bench().to(S.SYN_SENT)
    assert bench.hears("R 300:300(0) win 0", "R. 0:0(0) ack 100 win 0") == [] and bench.state == S.SYN_SENT
    assert bench.hears("R. 0:0(0) ack 101 win 0") == [] and bench.told() == "connection reset"


def test_syn_sent_syn_ack_with_data_and_fin_goes_on_at_the_sixth_step() -> None:
    bench = Bench().to(S.SYN_SENT)
    assert bench.hears("SF. 300:305(5) ack 101 win 5000") == [". 101:101(0) ack 307"]
    assert bench.state == S.CLOSE_WAIT and len(bench.calls("receive") or bench.endpoint.tcb.incoming.ready) == 0


def test_syn_sent_syn_opens_simultaneously() -> None:
    """Figure 7."""
    bench = Bench().to(S.SYN_SENT)
    assert bench.hears("S 300:300(0) win 5000") == ["S. 100:100(0) ack 301"] and bench.state == S.SYN_RECEIVED
    assert bench.hears("S. 300:300(0) ack 101 win 5000") == [". 101:101(0) ack 301"] and bench.state == S.ESTABLISHED


def test_figure_8_recovers_from_an_old_duplicate_syn() -> None:
    """The listener answers the old SYN, its peer resets that, and the listener listens again."""
    bench = Bench(iss=300).to(S.LISTEN)
    assert bench.hears("S 90:90(0) win 1") == ["S. 300:300(0) ack 91"]
    assert bench.hears("R 91:91(0) win 0") == [] and bench.state == S.LISTEN
    assert bench.hears("S 100:100(0) win 1") == ["S. 64301:64301(0) ack 101"]


def test_syn_sent_options_are_agreed_only_where_both_offer_them() -> None:
    bench = Bench(window_shift=3, sack=True, timestamps=True).to(S.SYN_SENT)
    offered = understood(bench.segments[0])
    assert (offered.mss, offered.window_shift, offered.sack_permitted, offered.timestamps) == (1000, 3, True, (0, 0))
    bench.hears("S. 300:300(0) ack 101 win 5000 <mss 600,wscale 15,TS val 7 ecr 0>")
    tcb = bench.endpoint.tcb
    # RFC 7323 §2.3: a shift above 14 counts as 14.
    assert (tcb.peer_mss, tcb.snd_shift, tcb.rcv_shift, tcb.sack, tcb.timestamps) == (600, 14, 3, False, True)
    assert understood(bench.segments[0]).timestamps == (0, 7)


def test_syn_sent_without_an_mss_option_the_default_counts() -> None:
    bench = Bench().to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 5000")
    assert bench.endpoint.tcb.peer_mss == 536
    bench.calls("send", b"x" * 600)
    assert len(bench.segments[0].payload) == 536


@pytest.mark.parametrize(
    ("asks", "flags", "answer", "agreed"),
    [
        (True, "SEW", "SE.", True),
        (True, "S", "S.", False),
        (False, "SEW", "S.", False),
    ],
)
def test_listen_ecn_is_agreed_by_ece_alone(asks: bool, flags: str, answer: str, agreed: bool) -> None:
    bench = Bench(ecn=asks).to(S.LISTEN)
    assert bench.hears(f"{flags} 300:300(0) win 5000") == [f"{answer} 100:100(0) ack 301"]
    assert bench.endpoint.tcb.ecn == agreed


def test_fast_open_first_the_cookie_then_data_in_the_syn() -> None:
    def pair(cookie: bytes | None) -> tuple[Endpoint, Endpoint]:
        wish = Settings(fast_open=True)
        client, server = Endpoint(LOCAL, REMOTE, iss=100, settings=wish), Endpoint(REMOTE, iss=300, settings=wish)
        server.open_passive(0)
        client.open_active(0, data=b"GET /", cookie=cookie)
        return client, server

    client, server = pair(None)
    syn = client.take_segments()[0]
    assert understood(syn).cookie == b"" and syn.payload == b""
    server.segment_arrives(syn, 0, source=LOCAL[0])
    client.segment_arrives(server.take_segments()[0], 0)
    assert client.cookie is not None and client.take_segments()[0].payload == b"GET /"

    client, server = pair(client.cookie)
    syn = client.take_segments()[0]
    assert syn.payload == b"GET /"
    server.segment_arrives(syn, 0, source=LOCAL[0])
    assert server.receive(0) == b"GET /" and server.state == S.SYN_RECEIVED
    answer = server.take_segments()[0]
    assert answer.ack == 106
    server.send(b"200 OK", 0)
    assert server.take_segments()[0].payload == b"200 OK", "before the third segment"
    client.segment_arrives(answer, 0)
    assert client.state == S.ESTABLISHED and client.tcb.snd_una == 106


def test_fast_open_a_wrong_cookie_is_an_ordinary_handshake() -> None:
    wish = Settings(fast_open=True)
    client, server = Endpoint(LOCAL, REMOTE, iss=100, settings=wish), Endpoint(REMOTE, iss=300, settings=wish)
    server.open_passive(0)
    client.open_active(0, data=b"GET /", cookie=b"12345678")
    server.segment_arrives(client.take_segments()[0], 0, source=LOCAL[0])
    answer = server.take_segments()[0]
    assert answer.ack == 101 and server.receive(0) == b""
    client.segment_arrives(answer, 0)
    assert [segment.payload for segment in client.take_segments()] == [b"GET /"], "again, and it acknowledges the SYN-ACK"
