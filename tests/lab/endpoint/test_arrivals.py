"""SEGMENT ARRIVES in the synchronized states: RFC 9293 §3.10.7.4; RFC 5961; RFC 7323 §5; RFC 6191; RFC 1337."""

from __future__ import annotations

import pytest

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint import MILLISECOND, Dropped, EndOfData, Readable, UrgentData
from tcpinspect.lab.endpoint.options import understood
from tcpinspect.protocol.rfc9293 import State

from .peer import Bench

S = State
SYNCHRONIZED = [S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSE_WAIT, S.CLOSING, S.LAST_ACK, S.TIME_WAIT]


def numbers(bench: Bench) -> tuple[int, int]:
    """SND.NXT and RCV.NXT."""
    return bench.endpoint.tcb.snd_nxt, bench.endpoint.tcb.incoming.nxt


# First: the sequence number.


@pytest.mark.parametrize("state", SYNCHRONIZED, ids=str)
def test_synchronized_segment_outside_the_window_is_answered_and_dropped(state: State) -> None:
    bench = Bench().to(state)
    nxt, expected = numbers(bench)
    assert bench.hears(f"P. {expected + 70000}:{expected + 70005}(5) ack 101 win 9") == [f". {nxt}:{nxt}(0) ack {expected}"]
    assert bench.state == state and bench.endpoint.receive(0) == b""


@pytest.mark.parametrize("state", SYNCHRONIZED, ids=str)
def test_synchronized_rst_outside_the_window_is_silently_dropped(state: State) -> None:
    bench = Bench().to(state)
    assert bench.hears(f"R {numbers(bench)[1] - 1}:{numbers(bench)[1] - 1}(0) win 0") == [] and bench.state == state


def test_established_segment_partly_old_is_trimmed() -> None:
    bench = Bench().to(S.ESTABLISHED)
    bench.hears('P. 301:304(3) ack 101 win 5000 data="abc"')
    assert bench.hears('P. 302:306(4) ack 101 win 5000 data="XYde"') == [". 101:101(0) ack 306"]
    assert bench.endpoint.receive(0) == b"abcde"


def test_established_segment_beyond_the_window_is_trimmed() -> None:
    bench = Bench(receive_buffer=4).to(S.ESTABLISHED)
    assert bench.hears('P. 301:307(6) ack 101 win 5000 data="abcdef"') == [". 101:101(0) ack 305"]
    assert bench.endpoint.receive(0) == b"abcd"


def test_established_zero_window_still_takes_the_acknowledgment() -> None:
    bench = Bench(receive_buffer=3).to(S.ESTABLISHED)
    bench.calls("send", b"data")
    bench.hears('P. 301:304(3) ack 101 win 5000 data="abc"')
    assert bench.hears('P. 304:305(1) ack 105 win 5000 data="d"') == [". 105:105(0) ack 304"]
    assert bench.endpoint.tcb.snd_una == 105


def test_established_paws_drops_what_is_older_than_the_last_timestamp() -> None:
    bench = Bench(timestamps=True).to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 5000 <TS val 50 ecr 0>")
    assert bench.hears("P. 301:302(1) ack 101 win 5000 <TS val 49 ecr 0>") == [". 101:101(0) ack 301"]
    assert bench.hears("P. 301:302(1) ack 101 win 5000") == [], "no timestamp, though agreed: RFC 7323 §3.2"
    assert bench.hears("R 301:301(0) win 0") == [] and bench.state == S.CLOSED, "a RST has none"


def test_established_echo_is_the_timestamp_of_what_is_acknowledged() -> None:
    """RFC 7323 §4.3: with a hole before it a later segment's timestamp is not echoed."""
    bench = Bench(timestamps=True).to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 5000 <TS val 50 ecr 0>")
    bench.hears("P. 311:321(10) ack 101 win 5000 <TS val 60 ecr 0>")
    assert understood(bench.segments[0]).timestamps == (0, 50)
    bench.hears("P. 301:311(10) ack 101 win 5000 <TS val 70 ecr 0>")
    assert understood(bench.segments[0]).timestamps == (0, 70)


# Second: RST.


@pytest.mark.parametrize("state", SYNCHRONIZED, ids=str)
def test_synchronized_rst_exactly_at_rcv_nxt_resets(state: State) -> None:
    bench = Bench().to(state)
    assert bench.hears(f"R {numbers(bench)[1]}:{numbers(bench)[1]}(0) win 0") == [] and bench.state == S.CLOSED
    told = state in (S.ESTABLISHED, S.FIN_WAIT_1, S.FIN_WAIT_2, S.CLOSE_WAIT)
    assert bench.told() == ("connection reset" if told else None)


@pytest.mark.parametrize("state", SYNCHRONIZED, ids=str)
def test_synchronized_rst_in_the_window_but_not_exact_is_challenged(state: State) -> None:
    """RFC 5961 §3."""
    bench = Bench().to(state)
    nxt, expected = numbers(bench)
    assert bench.hears(f"R {expected + 9}:{expected + 9}(0) win 0") == [f". {nxt}:{nxt}(0) ack {expected}"] and bench.state == state


def test_syn_received_rst_of_an_active_open_is_refused() -> None:
    bench = Bench().to(S.SYN_SENT)
    bench.hears("S 300:300(0) win 5000", "R 301:301(0) win 0")
    assert bench.state == S.CLOSED and bench.told() == "connection refused"


def test_syn_received_rst_of_a_passive_open_listens_again() -> None:
    bench = Bench().to(S.SYN_RECEIVED)
    bench.hears("R 301:301(0) win 0")
    assert bench.state == S.LISTEN and bench.told() is None


def test_time_wait_rst_is_ignored_where_rfc_1337_is_followed() -> None:
    bench = Bench(ignore_reset_in_time_wait=True).to(S.TIME_WAIT)
    assert bench.hears("R 302:302(0) win 0") == [] and bench.state == S.TIME_WAIT


def test_challenge_acks_are_limited() -> None:
    """RFC 5961 §7."""
    bench = Bench(challenge_acks=3).to(S.ESTABLISHED)
    assert len(bench.hears(*["R 310:310(0) win 0"] * 9)) == 3
    bench.waits(5)
    assert len(bench.hears("R 310:310(0) win 0")) == 1


# Fourth: SYN.


@pytest.mark.parametrize("state", [s for s in SYNCHRONIZED if s != S.TIME_WAIT], ids=str)
def test_synchronized_syn_is_challenged(state: State) -> None:
    """RFC 5961 §4; figure 9's line 3."""
    bench = Bench().to(state)
    nxt, expected = numbers(bench)
    for seq in (expected, expected + 5, expected - 7000):
        assert bench.hears(f"S {seq}:{seq}(0) win 1") == [f". {nxt}:{nxt}(0) ack {expected}"] and bench.state == state


def test_syn_received_the_same_syn_again_is_answered_again() -> None:
    bench = Bench().to(S.SYN_RECEIVED)
    assert bench.hears("S 300:300(0) win 5000") == ["S. 100:100(0) ack 301"] and bench.state == S.SYN_RECEIVED


def test_time_wait_syn_with_a_higher_number_begins_anew() -> None:
    bench = Bench().to(S.TIME_WAIT)
    assert bench.hears("S 303:303(0) win 5000") == ["S. 64102:64102(0) ack 304"] and bench.state == S.SYN_RECEIVED
    assert bench.hears(". 304:304(0) ack 64103 win 5000") == [] and bench.state == S.ESTABLISHED


def test_time_wait_syn_with_a_lower_number_is_challenged() -> None:
    bench = Bench().to(S.TIME_WAIT)
    assert bench.hears("S 290:290(0) win 5000") == [". 102:102(0) ack 302"] and bench.state == S.TIME_WAIT


def test_time_wait_syn_with_a_newer_timestamp_begins_anew_whatever_its_number() -> None:
    """RFC 6191 §2."""
    bench = Bench(timestamps=True).to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 5000 <TS val 50 ecr 0>")
    bench.calls("shutdown")
    bench.hears("F. 301:301(0) ack 102 win 5000 <TS val 51 ecr 0>")
    bench.hears("S 7:7(0) win 5000 <TS val 51 ecr 0>")
    assert bench.state == S.TIME_WAIT
    assert bench.hears("S 7:7(0) win 5000 <TS val 52 ecr 0>") == ["S. 64102:64102(0) ack 8"] and bench.state == S.SYN_RECEIVED


# Fifth: ACK.


def test_syn_received_ack_of_something_else_is_reset() -> None:
    bench = Bench().to(S.SYN_RECEIVED)
    for ack in (100, 102):
        assert bench.hears(f". 301:301(0) ack {ack} win 5000") == [f"R {ack}:{ack}(0)"] and bench.state == S.SYN_RECEIVED


@pytest.mark.parametrize("ack", [200, 101 - 6000])
def test_established_ack_of_what_was_never_sent_or_long_ago_is_challenged(ack: int) -> None:
    """RFC 5961 §5: the window was 5000 at most."""
    bench = Bench().to(S.ESTABLISHED)
    assert bench.hears(f'P. 301:302(1) ack {ack} win 5000 data="x"') == [". 101:101(0) ack 301"]
    assert bench.endpoint.receive(0) == b""


def test_established_no_ack_bit_is_dropped() -> None:
    bench = Bench().to(S.ESTABLISHED)
    assert bench.hears("P 301:302(1) win 5000") == [] and any(isinstance(event, Dropped) for event in bench.events)


def test_established_old_segment_does_not_change_the_window() -> None:
    """SND.WL1 and SND.WL2."""
    bench = Bench().to(S.ESTABLISHED)
    bench.calls("send", b"x")
    bench.hears('P. 301:302(1) ack 102 win 4000 data="x"', ". 302:302(0) ack 101 win 1")
    assert bench.endpoint.tcb.snd_wnd == 4000


def test_fin_wait_1_ack_that_does_not_cover_the_fin_changes_nothing() -> None:
    bench = Bench().to(S.FIN_WAIT_1)
    assert bench.hears(". 301:301(0) ack 101 win 5000") == [] and bench.state == S.FIN_WAIT_1


def test_fin_wait_1_fin_with_ack_of_the_fin_enters_time_wait_in_one_step() -> None:
    bench = Bench().to(S.FIN_WAIT_1)
    assert bench.hears("F. 301:301(0) ack 102 win 5000") == [". 102:102(0) ack 302"] and bench.state == S.TIME_WAIT


def test_fin_wait_1_fin_before_its_data_waits_for_them() -> None:
    bench = Bench().to(S.FIN_WAIT_1)
    assert bench.hears("F. 304:304(0) ack 102 win 5000") == [". 102:102(0) ack 301"] and bench.state == S.FIN_WAIT_2
    assert bench.hears('P. 301:304(3) ack 102 win 5000 data="abc"') == [". 102:102(0) ack 305"] and bench.state == S.TIME_WAIT
    assert bench.endpoint.receive(0) == b"abc"


def test_closing_repeated_fin_is_acknowledged_again() -> None:
    bench = Bench().to(S.CLOSING)
    assert bench.hears("F. 301:301(0) ack 101 win 5000") == [". 102:102(0) ack 302"] and bench.state == S.CLOSING


def test_time_wait_repeated_fin_is_acknowledged_and_restarts_2msl() -> None:
    bench = Bench().to(S.TIME_WAIT)
    bench.waits(200)
    assert bench.hears("F. 301:301(0) ack 102 win 5000") == [". 102:102(0) ack 302"]
    bench.waits(200)
    assert bench.state == S.TIME_WAIT
    bench.waits(41)
    assert bench.state == S.CLOSED


# Sixth, seventh, eighth: URG, text, FIN.


def test_established_urgent_pointer_is_told() -> None:
    bench = Bench().to(S.ESTABLISHED)
    bench.hears('PU. 301:305(4) ack 101 win 5000 urg 3 data="abcd"')
    assert next(event.end_seq for event in bench.events if isinstance(event, UrgentData)) == 304


def test_established_data_out_of_order_is_held_and_selected() -> None:
    bench = Bench(sack=True).to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 5000 <sackOK>")
    bench.hears('P. 304:307(3) ack 101 win 5000 data="def"')
    assert understood(bench.segments[0]).sack == ((304, 307),)
    bench.hears('P. 310:313(3) ack 101 win 5000 data="jkl"')
    assert understood(bench.segments[0]).sack == ((310, 313), (304, 307)), "the newest first: RFC 2018 §4"
    assert bench.hears('P. 301:304(3) ack 101 win 5000 data="abc"') == [". 101:101(0) ack 307"]
    assert bench.endpoint.receive(0) == b"abcdef"
    bench.hears('P. 301:304(3) ack 101 win 5000 data="abc"')
    assert understood(bench.segments[0]).sack[0] == (301, 304), "D-SACK: RFC 2883 §4"


def test_established_fin_with_data_is_one_number_behind_them() -> None:
    bench = Bench().to(S.ESTABLISHED)
    assert bench.hears('F. 301:304(3) ack 101 win 5000 data="end"') == [". 101:101(0) ack 305"] and bench.state == S.CLOSE_WAIT
    assert [type(event) for event in bench.events if isinstance(event, (Readable, EndOfData))] == [Readable, EndOfData]


def test_established_second_segment_is_acknowledged_at_once_the_first_later() -> None:
    """§3.8.6.3."""
    bench = Bench(delayed_ack_ns=200_000_000).to(S.ESTABLISHED)
    assert bench.hears("P. 301:302(1) ack 101 win 5000") == []
    assert bench.hears("P. 302:303(1) ack 101 win 5000") == [". 101:101(0) ack 303"]
    assert bench.hears("P. 303:304(1) ack 101 win 5000") == []
    assert bench.waits(0.19) == [] and bench.waits(0.01) == [". 101:101(0) ack 304"]


def test_established_delayed_ack_rides_with_data() -> None:
    bench = Bench(delayed_ack_ns=200_000_000).to(S.ESTABLISHED)
    bench.hears("P. 301:302(1) ack 101 win 5000")
    assert bench.calls("send", b"x") == ["P. 101:102(1) ack 302"] and bench.waits(0.5) == []


def test_established_fin_is_acknowledged_by_our_own_fin_where_that_may_wait() -> None:
    at_once, patient = Bench().to(S.ESTABLISHED), Bench(delay_fin_ack=True, delayed_ack_ns=200 * MILLISECOND).to(S.ESTABLISHED)
    assert at_once.hears("F. 301:301(0) ack 101 win 5000") == [". 101:101(0) ack 302"]
    assert patient.hears("F. 301:301(0) ack 101 win 5000") == []
    assert patient.calls("shutdown") == ["F. 101:101(0) ack 302"]


def test_established_fin_that_waits_is_acknowledged_when_the_delay_is_over() -> None:
    bench = Bench(delay_fin_ack=True, delayed_ack_ns=200 * MILLISECOND).to(S.ESTABLISHED)
    assert bench.hears("F. 301:301(0) ack 101 win 5000") == []
    assert bench.waits(0.19) == []
    assert bench.waits(0.01) == [". 101:101(0) ack 302"]


def test_fin_wait_2_data_after_close_is_reset() -> None:
    """§3.6.1: nobody will read it."""
    bench = Bench().to(S.ESTABLISHED)
    bench.calls("close")
    assert bench.hears(". 301:301(0) ack 102 win 5000") == [] and bench.state == S.FIN_WAIT_2
    assert bench.hears("P. 301:302(1) ack 102 win 5000") == ["R 102:102(0)"] and bench.state == S.CLOSED


def test_established_congestion_mark_is_echoed_until_cwr() -> None:
    """RFC 3168 §6.1.3."""
    bench = Bench(ecn=True).to(S.SYN_SENT)
    bench.hears("SE. 300:300(0) ack 101 win 5000")
    segment = Draft(src_port=80, dst_port=4000, seq=301, ack=101, flags=0x10, window=5000, payload=b"x")
    bench.endpoint.segment_arrives(segment, 0, congested=True)
    assert bench.says() == ["E. 101:101(0) ack 302"]
    assert bench.hears("P. 302:303(1) ack 101 win 5000") == ["E. 101:101(0) ack 303"]
    assert bench.hears("PW. 303:304(1) ack 101 win 5000") == [". 101:101(0) ack 304"]


def test_established_echo_halves_the_window_once_and_says_so() -> None:
    """RFC 3168 §6.1.2."""
    bench = Bench(ecn=True).to(S.SYN_SENT)
    bench.hears("SE. 300:300(0) ack 101 win 60000 <mss 1000>")
    bench.calls("send", b"x" * 8000)
    before = bench.endpoint.tcb.congestion.cwnd
    bench.hears("E. 301:301(0) ack 1101 win 60000", "E. 301:301(0) ack 2101 win 60000")
    assert bench.endpoint.tcb.congestion.cwnd < before
    assert bench.endpoint.tcb.congestion.ssthresh >= 3000
    bench.calls("send", b"y" * 3000)
    bench.hears("E. 301:301(0) ack 8101 win 60000")
    assert [bool(s.flags & 0x80) for s in bench.segments] == [True] + [False] * (len(bench.segments) - 1)
