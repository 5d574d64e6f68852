"""Each fault shows on the wire, and is off by default."""

from __future__ import annotations

from tcpinspect.lab.endpoint import Misbehaviour
from tcpinspect.protocol.rfc9293 import State

from .peer import Bench

S = State
DATA = 'P. 301:304(3) ack 101 win 5000 data="abc"'


def test_wrong_acknowledgments_are_off_by_the_offset() -> None:
    bench = Bench(misbehaviour=Misbehaviour(ack_offset=7)).to(S.ESTABLISHED)
    assert bench.hears(DATA) == [". 101:101(0) ack 311"]


def test_never_ack_keeps_silent_about_all_but_the_handshake() -> None:
    bench = Bench(misbehaviour=Misbehaviour(never_ack=True)).to(S.ESTABLISHED)
    assert bench.hears(DATA) == [] and bench.endpoint.receive(0) == b"abc"
    assert bench.calls("send", b"x") == ["P. 101:102(1) ack 301"]


def test_ignored_fin_is_neither_acknowledged_nor_told() -> None:
    bench = Bench(misbehaviour=Misbehaviour(ignore_fin=True)).to(S.ESTABLISHED)
    assert bench.hears("F. 301:301(0) ack 101 win 5000") == [] and bench.state == S.ESTABLISHED


def test_ignored_rst_resets_nothing() -> None:
    bench = Bench(misbehaviour=Misbehaviour(ignore_rst=True)).to(S.ESTABLISHED)
    assert bench.hears("R 301:301(0) win 0") == [] and bench.state == S.ESTABLISHED


def test_never_reset_is_as_silent_as_a_firewall() -> None:
    assert Bench(misbehaviour=Misbehaviour(never_reset=True)).hears("S 300:300(0) win 1") == []


def test_syn_only_leaves_its_peer_in_syn_received() -> None:
    bench = Bench(misbehaviour=Misbehaviour(syn_only=True))
    assert bench.calls("open_active") == ["S 100:100(0)"]
    assert bench.hears("S. 300:300(0) ack 101 win 5000") == []


def test_syn_ack_only_answers_and_says_no_more() -> None:
    bench = Bench(misbehaviour=Misbehaviour(syn_ack_only=True)).to(S.LISTEN)
    assert bench.hears("S 300:300(0) win 5000") == ["S. 100:100(0) ack 301"]
    assert bench.hears(". 301:301(0) ack 101 win 5000", DATA) == []


def test_split_handshake_is_answered_by_a_syn_and_still_opens() -> None:
    server = Bench(misbehaviour=Misbehaviour(split_handshake=True)).to(S.LISTEN)
    assert server.hears("S 300:300(0) win 5000") == ["S 100:100(0)"]
    assert server.hears("S. 300:300(0) ack 101 win 5000") == [". 101:101(0) ack 301"] and server.state == S.ESTABLISHED


def test_stale_syns_come_back_as_often_as_wanted() -> None:
    bench = Bench(misbehaviour=Misbehaviour(stale_syns=1)).to(S.ESTABLISHED)
    assert bench.hears(DATA) == ["S 100:100(0)", ". 101:101(0) ack 304"]
    assert bench.hears('P. 304:305(1) ack 101 win 5000 data="d"') == [". 101:101(0) ack 305"]


def test_zero_window_never_opens() -> None:
    bench = Bench(misbehaviour=Misbehaviour(zero_window=True)).to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 5000")
    assert bench.segments[0].window == 0
