"""The timers: RFC 9293 §3.8.1, §3.8.3, §3.8.4, §3.8.6.1, §3.10.8."""

from __future__ import annotations

from tcpinspect.lab.endpoint import SECOND, Advice, Settings
from tcpinspect.lab.endpoint.round_trip import RoundTrip
from tcpinspect.protocol.rfc9293 import State

from .peer import Bench

S = State


def times(bench: Bench, seconds: int) -> list[float]:
    """When the endpoint speaks, in seconds from now."""
    start, end, out = bench.now, bench.now + seconds * SECOND, []
    while (timer := bench.endpoint.next_timer()) is not None and timer <= end:
        bench.now = timer
        bench.endpoint.poll(timer)
        out += [(timer - start) / SECOND for _ in bench.says()]
    bench.now = end
    return out


def test_syn_sent_repeats_after_1_3_7_s_and_gives_up_after_three_minutes() -> None:
    """RFC 6298 §2.1, §5.5; §3.8.3: R2 of a SYN."""
    bench = Bench().to(S.SYN_SENT)
    assert times(bench, 300) == [1, 3, 7, 15, 31, 63, 123]
    assert bench.state == S.CLOSED and bench.told() == "connection aborted due to user timeout"
    assert [event.repeats for event in bench.events if isinstance(event, Advice)] == [3], "R1"


def test_established_gives_up_at_r2() -> None:
    bench = Bench().to(S.ESTABLISHED)
    bench.calls("send", b"x")
    bench.waits(99)
    assert bench.state == S.ESTABLISHED
    bench.waits(60)
    assert bench.state == S.CLOSED and bench.told() is not None


def test_established_user_timeout_is_exact() -> None:
    bench = Bench(user_timeout_ns=5 * SECOND).to(S.ESTABLISHED)
    bench.calls("send", b"x")
    bench.waits(4.9)
    assert bench.state == S.ESTABLISHED
    bench.waits(0.1)
    assert bench.state == S.CLOSED


def test_established_zero_window_is_probed_with_one_octet_and_for_ever() -> None:
    """§3.8.6.1, MUST-36, MUST-37."""
    bench = Bench().to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 0")
    assert bench.calls("send", b"abc") == []
    assert bench.waits(1) == ["P. 101:102(1) ack 301"] or bench.waits(0) == []
    for _ in range(20):
        bench.hears(". 301:301(0) ack 101 win 0")
        bench.waits(60)
    assert bench.state == S.ESTABLISHED
    assert "101:102(1)" in " ".join(bench.hears(". 301:301(0) ack 101 win 5000")), "the window opens: the octet again"
    assert bench.hears(". 301:301(0) ack 102 win 5000") == ["P. 102:104(2) ack 301"]


def test_established_zero_window_without_any_answer_ends_at_r2() -> None:
    bench = Bench().to(S.SYN_SENT)
    bench.hears("S. 300:300(0) ack 101 win 0")
    bench.calls("send", b"abc")
    bench.waits(400)
    assert bench.state == S.CLOSED


def test_established_reader_opens_the_window_by_a_segment_or_half_the_buffer() -> None:
    """§3.8.6.2.2."""
    bench = Bench(receive_buffer=3000).to(S.ESTABLISHED)
    for seq in (301, 1301, 2301):
        bench.hears(f"P. {seq}:{seq + 1000}(1000) ack 101 win 5000")
    assert bench.segments[0].window == 0
    assert bench.calls("receive", size=500) == []
    assert bench.calls("receive", size=499) == []
    assert bench.calls("receive", size=1) == [". 101:101(0) ack 3301"] and bench.segments[0].window == 1000


def test_established_keep_alive_asks_one_number_back_and_ends_unanswered() -> None:
    """§3.8.4."""
    bench = Bench(keep_alive_ns=10 * SECOND, keep_alive_interval_ns=SECOND, keep_alive_probes=3).to(S.ESTABLISHED)
    assert bench.waits(10) == [". 100:100(0) ack 301"]
    bench.hears(". 301:301(0) ack 101 win 5000")
    assert bench.waits(9.9) == []
    assert times(bench, 20) == [0.1, 1.1, 2.1] or bench.state == S.CLOSED
    assert bench.state == S.CLOSED and bench.told() is not None


def test_established_keep_alive_of_the_peer_is_answered() -> None:
    bench = Bench().to(S.ESTABLISHED)
    assert bench.hears(". 300:300(0) ack 101 win 5000") == [". 101:101(0) ack 301"]


def test_fin_wait_2_of_a_closed_program_is_forgotten_in_time() -> None:
    bench = Bench(fin_wait_2_ns=60 * SECOND).to(S.ESTABLISHED)
    bench.calls("close")
    bench.hears(". 301:301(0) ack 102 win 5000")
    assert bench.state == S.FIN_WAIT_2
    bench.waits(60)
    assert bench.state == S.CLOSED
    assert bench.hears("F. 301:301(0) ack 102 win 5000") == ["R 102:102(0)"]


def test_fin_wait_2_of_a_program_that_still_reads_stays() -> None:
    bench = Bench(fin_wait_2_ns=60 * SECOND).to(S.FIN_WAIT_2)
    bench.waits(10_000)
    assert bench.state == S.FIN_WAIT_2


def test_time_wait_lasts_two_msl() -> None:
    bench = Bench(msl_ns=30 * SECOND).to(S.TIME_WAIT)
    bench.waits(59.9)
    assert bench.state == S.TIME_WAIT
    bench.waits(0.1)
    assert bench.state == S.CLOSED


def test_round_trip_follows_the_formulas_of_rfc_6298() -> None:
    """§2.2 and §2.3, reckoned here in floating point and seconds."""
    ours = RoundTrip(Settings(rto_min_ns=1))
    srtt = rttvar = None
    for sample in (0.3, 0.1, 0.1, 0.9, 0.25):
        ours.sample(round(sample * SECOND))
        if srtt is None:
            srtt, rttvar = sample, sample / 2
        else:
            rttvar = 0.75 * rttvar + 0.25 * abs(srtt - sample)
            srtt = 0.875 * srtt + 0.125 * sample
        assert abs(ours.rto_ns / SECOND - (srtt + max(0.001, 4 * rttvar))) < 1e-6


def test_round_trip_after_a_repeated_syn_begins_at_three_seconds() -> None:
    """RFC 6298 §5.7."""
    bench = Bench().to(S.SYN_SENT)
    bench.waits(1.5)
    bench.hears("S. 300:300(0) ack 101 win 5000")
    bench.calls("send", b"x")
    assert times(bench, 5) == [3]
