"""The data of throughput, round trips, windows and sizes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.plot import clocks, series
from tcpinspect.protocol.header import ACK, FIN, PSH

from .conversation import MS, Conversation, usual

np = pytest.importorskip("numpy")
CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture(scope="module")
def lossy() -> ti.Connection:
    return ti.analyze(CAPTURES / "lossy-transfer.pcap").connections[0]


def test_throughput_counts_each_octet_once_and_all_of_them(lossy: ti.Connection) -> None:
    picture = series.throughput(lossy)
    assert picture.new_bytes.sum() == lossy.server.bytes == 120_000
    assert picture.all_bytes.sum() == lossy.server.payload_bytes
    assert picture.step_ns == 5 * MS and len(picture.all_bytes) * picture.step_ns >= lossy.duration_ns


def test_late_octets_are_new_and_repeated_ones_are_not() -> None:
    talk = Conversation().open()
    for seq, size in ((1, 100), (301, 100), (201, 50), (101, 250), (1, 400)):
        talk.say("s", PSH | ACK, seq, 1, size)
    picture = series.throughput(talk.connection(), side="server")
    # 100, 100 ahead, 50 into the gap of 200, the gap's other 150 out of 250, nothing.
    assert [n for n in picture.new_bytes.tolist() if n] == [100, 100, 50, 150] and picture.all_bytes.sum() == 900


@pytest.mark.parametrize(("ns", "step"), [(0, 1_000), (1_001, 2_000), (4.8e6, 5_000_000), (5.1e6, 10_000_000), (1e9, 1_000_000_000)])
def test_steps_are_round(ns: float, step: int) -> None:
    assert series.round_step(ns) == step


def test_smoothed_values_are_those_of_rfc_6298() -> None:
    """§2.2 and §2.3 by hand: R = 100 ms, then 200 ms, then 100 ms."""
    smoothed, timeout = clocks.smooth(np.array([100, 200, 100]) * MS)
    assert (smoothed / MS).tolist() == [100.0, 112.5, 110.9375]
    # RTTVAR: 50, then 3/4 * 50 + 1/4 * 100, then 3/4 * 62.5 + 1/4 * 12.5.
    assert (timeout / MS).tolist() == [300.0, 112.5 + 4 * 62.5, 110.9375 + 4 * 50.0]


def test_what_was_sent_twice_gives_no_sample_that_counts() -> None:
    talk = Conversation().open()
    talk.say("s", PSH | ACK, 1, 1, 100).say("s", PSH | ACK, 1, 1, 100, after_ms=50, retransmission=True, rto_ns=50 * MS)
    talk.say("c", ACK, 1, 101, after_ms=10, ack_rtt_ns=60 * MS)
    talk.say("s", PSH | ACK, 101, 1, 100).say("c", ACK, 1, 201, after_ms=10, ack_rtt_ns=10 * MS)
    picture = clocks.rtt(talk.connection(), side="server")
    assert picture.ambiguous.tolist() == [True, False]
    assert (picture.smoothed_ns / MS).tolist() == [10.0]
    assert picture.waited_ns.tolist() == [50 * MS]


def test_samples_are_those_of_the_table(lossy: ti.Connection) -> None:
    picture = clocks.rtt(lossy)
    expected = [s.ack_rtt_ns for s in lossy.segments if s.from_client and s.ack_rtt_ns is not None]
    assert picture.sample_ns.tolist() == expected and picture.samples == picture.drawn == len(expected)


@pytest.mark.parametrize("name", ["lossy-transfer.pcap", "zero-window.pcap", "half-close-with-data.pcap"])
def test_octets_in_flight_are_those_wireshark_counts(name: str) -> None:
    connection = ti.analyze(CAPTURES / name).connections[0]
    picture = series.window(connection)
    ours = dict(zip(picture.flight_ns.tolist(), picture.flight.tolist(), strict=True))
    # Wireshark leaves out what SACK blocks name: compared is what was sent before the first of them.
    plain = list(itertools.takewhile(lambda s: not s.sack_blocks, connection.segments))
    sent = [s for s in plain if ("client" if s.from_client else "server") == picture.side and s.payload_len and not s.tcp_flags & FIN]
    assert len(sent) > 3
    for s in sent:
        assert ours[s.time_ns - connection.start_ns] == s.bytes_in_flight, s.frame


def test_zero_and_full_windows_are_marked() -> None:
    picture = series.window(ti.analyze(CAPTURES / "zero-window.pcap").connections[0])
    assert len(picture.zero_ns) == 3 and len(picture.full_ns) == 1
    assert picture.offered.min() == 0 and picture.flight[-1] == 0


def test_sizes_are_counted_and_larger_ones_than_the_mss_seen() -> None:
    picture = series.sizes(ti.analyze(CAPTURES / "offload-left-on.pcap.gz").connections[0])
    assert sum(picture.counts.values()) == picture.segments and picture.mss is not None and max(picture.counts) > picture.mss
    assert series.sizes(usual(4)).counts == {100: 4}


def test_connection_without_data_is_empty_not_wrong() -> None:
    connection = Conversation().open().connection()
    assert series.sizes(connection).segments == 0 and not series.throughput(connection).all_bytes.any()
    nothing = Conversation().connection()
    assert series.throughput(nothing).total_ns == 0 and len(clocks.rtt(nothing).time_ns) == 0 and len(series.window(nothing).flight) == 0
