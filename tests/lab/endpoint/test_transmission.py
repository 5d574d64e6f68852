"""What is sent, when, and what again: RFC 9293 §3.7.4, §3.8; RFC 5681; RFC 6298; RFC 6675."""

from __future__ import annotations

from tcpinspect.lab.endpoint import MILLISECOND, Acknowledged, Retransmitted
from tcpinspect.protocol.rfc9293 import State

from .peer import Bench

S = State


def opened(window: int = 60000, **settings: object) -> Bench:
    bench = Bench(**settings).to(S.SYN_SENT)
    bench.hears(f"S. 300:300(0) ack 101 win {window} <mss 1000{',sackOK' if settings.get('sack') else ''}>")
    return bench


def lengths(bench: Bench) -> list[int]:
    return [len(segment.payload) for segment in bench.segments]


def test_established_data_is_cut_into_segments_and_pushed_at_the_end() -> None:
    bench = opened()
    assert bench.calls("send", b"x" * 2300) == [". 101:1101(1000) ack 301", ". 1101:2101(1000) ack 301"]
    assert bench.hears(". 301:301(0) ack 2101 win 60000") == ["P. 2101:2401(300) ack 301"], "Nagle held the small one"


def test_established_without_nagle_small_segments_leave_at_once() -> None:
    bench = opened(nagle=False)
    assert bench.calls("send", b"a") + bench.calls("send", b"b") == ["P. 101:102(1) ack 301", "P. 102:103(1) ack 301"]


def test_established_nagle_gathers_small_writes_while_one_is_out() -> None:
    bench = opened()
    assert bench.calls("send", b"a") == ["P. 101:102(1) ack 301"]
    assert bench.calls("send", b"b") + bench.calls("send", b"c") == []
    assert bench.hears(". 301:301(0) ack 102 win 60000") == ["P. 102:104(2) ack 301"]


def test_established_the_textbooks_numbers() -> None:
    """A segment at 301 with 100 octets: the next is at 401; one at 501 with 200 is acknowledged by 701."""
    bench = Bench(iss=300, nagle=False).to(S.SYN_SENT)
    bench.hears("S. 0:0(0) ack 301 win 5000")
    assert bench.calls("send", b"x" * 100) == ["P. 301:401(100) ack 1"]
    assert bench.calls("send", b"x" * 100) == ["P. 401:501(100) ack 1"]
    assert bench.calls("send", b"x" * 200) == ["P. 501:701(200) ack 1"]
    bench.hears(". 1:1(0) ack 701 win 5000")
    assert any(isinstance(event, Acknowledged) for event in bench.events)


def test_established_window_bounds_what_leaves() -> None:
    bench = opened(window=2500)
    bench.calls("send", b"x" * 9000)
    assert lengths(bench) == [1000, 1000], "the last 500 would make a silly segment: §3.8.6.2.1"
    bench.hears(". 301:301(0) ack 1101 win 2500")
    assert lengths(bench) == [1000]


def test_established_congestion_window_starts_with_ten_and_doubles() -> None:
    """RFC 6928; RFC 5681 §3.1."""
    bench = opened()
    bench.calls("send", b"x" * 50_000)
    assert lengths(bench) == [1000] * 10
    bench.hears(". 301:301(0) ack 2101 win 60000")
    assert lengths(bench) == [1000] * 3


def test_established_timeout_repeats_the_first_and_doubles_the_wait() -> None:
    """RFC 6298 §5.4 to §5.6."""
    bench = opened()
    bench.calls("send", b"x" * 2000)
    assert bench.waits(0.99) == [] and bench.waits(0.01) == [". 101:1101(1000) ack 301"]
    assert bench.waits(1.99) == [] and bench.waits(0.01) == [". 101:1101(1000) ack 301"]
    assert [event.reason for event in bench.events if isinstance(event, Retransmitted)] == ["timeout", "timeout"]
    assert bench.hears(". 301:301(0) ack 1101 win 60000") == ["P. 1101:2101(1000) ack 301"], "the second was lost too"


def test_established_repeated_segment_gives_no_round_trip() -> None:
    """Karn's algorithm, RFC 6298 §3."""
    bench = opened(rto_min_ns=MILLISECOND)
    before = bench.endpoint.tcb.round_trip.srtt_ns
    bench.calls("send", b"x")
    bench.waits(30)
    bench.hears(". 301:301(0) ack 102 win 60000")
    assert bench.endpoint.tcb.round_trip.srtt_ns == before == 0


def test_established_third_duplicate_ack_retransmits_at_once() -> None:
    """RFC 5681 §3.2."""
    bench = opened()
    bench.calls("send", b"x" * 6000)
    assert bench.hears(*[". 301:301(0) ack 101 win 60000"] * 2) == []
    assert bench.hears(". 301:301(0) ack 101 win 60000") == [". 101:1101(1000) ack 301"]
    congestion = bench.endpoint.tcb.congestion
    assert congestion.ssthresh == 3000 and congestion.recover == 6101
    assert bench.hears(". 301:301(0) ack 3101 win 60000") == [". 3101:4101(1000) ack 301"], "a partial acknowledgment: RFC 6582"
    bench.hears(". 301:301(0) ack 6101 win 60000")
    assert congestion.recover is None


def test_established_window_update_or_data_is_no_duplicate_ack() -> None:
    bench = opened()
    bench.calls("send", b"x" * 6000)
    segments = [". 301:301(0) ack 101 win 5000", ". 301:301(0) ack 101 win 6000", 'P. 301:302(1) ack 101 win 6000 data="x"']
    assert "101:1101" not in " ".join(bench.hears(*segments, *segments))


def test_established_selective_acknowledgments_repair_only_the_holes() -> None:
    bench = opened(sack=True)
    bench.calls("send", b"x" * 8000)
    said: list[str] = []
    for right in (3101, 4101, 5101):
        said += bench.hears(f". 301:301(0) ack 1101 win 60000 <sack 2101:{right}>")
    assert said == [". 1101:2101(1000) ack 301"]
    said = bench.hears(". 301:301(0) ack 1101 win 60000 <sack 2101:5101 6101:8101>")
    assert said in ([], [". 5101:6101(1000) ack 301"])
    said += bench.hears(". 301:301(0) ack 5101 win 60000 <sack 6101:8101>")
    assert said == [". 5101:6101(1000) ack 301"]


def test_established_urgent_data_point_behind_their_end() -> None:
    bench = opened()
    bench.calls("send", b"abc", urgent=True)
    assert bench.segments[0].flags & 0x20 and bench.segments[0].urgent_pointer == 3
    bench.hears(". 301:301(0) ack 104 win 60000")
    bench.calls("send", b"d")
    assert not bench.segments[0].flags & 0x20


def test_established_fin_rides_with_the_last_data() -> None:
    bench = opened()
    bench.calls("send", b"x" * 1200)
    assert bench.calls("shutdown") == ["FP. 1101:1301(200) ack 301"] and bench.state == S.FIN_WAIT_1


def test_close_wait_close_behind_data_enters_last_ack_with_the_fin() -> None:
    """§3.10.4: "queued until all preceding SENDs have been segmentized"."""
    bench = opened(window=1000)
    bench.calls("send", b"x" * 1500)
    bench.hears("F. 301:301(0) ack 101 win 1000")
    assert bench.calls("shutdown") == [] and bench.state == S.CLOSE_WAIT
    assert bench.hears(". 302:302(0) ack 1101 win 1000") == ["FP. 1101:1601(500) ack 302"] and bench.state == S.LAST_ACK


def test_syn_received_close_behind_data_is_queued_for_established() -> None:
    bench = Bench().to(S.SYN_RECEIVED)
    bench.calls("send", b"hi")
    assert bench.calls("shutdown") == [] and bench.state == S.SYN_RECEIVED
    assert bench.hears(". 301:301(0) ack 101 win 5000") == ["FP. 101:103(2) ack 301"] and bench.state == S.FIN_WAIT_1


def test_established_numbers_wrap() -> None:
    bench = Bench(iss=2**32 - 3).to(S.SYN_SENT)
    bench.hears("S. 4294967295:4294967295(0) ack -2 win 5000")
    assert bench.calls("send", b"abcd") == ["P. 4294967294:2(4) ack 0"]
    bench.hears('P. 0:2(2) ack 2 win 5000 data="ok"')
    assert bench.endpoint.receive(0) == b"ok" and bench.endpoint.tcb.snd_una == 2
