"""What the engine tells of the capture's own faults: captures of ours, broken on purpose, and what must not be mistaken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpinspect.engine import health
from tcpinspect.engine.run import run
from tcpinspect.engine.signs import Sign

from .. import broken
from ..broken import MS, SECOND, Packet, Packets
from ..conftest import CAPTURES

NORMAL, LOSSY, HALF = "normal-close-by-client.pcap", "lossy-transfer.pcap", "half-close-with-data.pcap"
SERVER = 80


def signs(packets: Packets) -> dict[str, Sign]:
    return run(broken.written(packets), segments=False).health


def packets(name: str) -> Packets:
    return broken.read(CAPTURES / name)


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda p: p.name)
def test_our_captures_are_as_healthy_as_they_say(path: Path) -> None:
    expected = {"offload-left-on.pcap.gz": {"oversize", "unfinished"}, "simultaneous-open-and-close.pcap": {"unfinished"}}
    assert set(run(str(path), segments=False).health) == expected.get(path.name, set())


@pytest.mark.parametrize("name", [NORMAL, LOSSY, HALF, "keep-alive.pcap", "zero-window.pcap", "reused-port.pcap"])
def test_what_a_mirror_port_doubles_is_found(name: str) -> None:
    once = packets(name)
    found = signs(broken.doubled(once))
    assert set(found) == {"duplicates"}
    # A pure acknowledgment without identification may be a repeat of TCP's; so may what a repeat seems to answer.
    assert 0.8 * len(once) <= found["duplicates"].count <= len(once)
    assert found["duplicates"].frame is not None and found["duplicates"].frame <= 4


def test_a_copy_after_a_millisecond_is_a_retransmission() -> None:
    assert signs(broken.doubled(packets(NORMAL), after_ns=MS + 1)) == {}


def test_with_another_identification_it_is_no_copy() -> None:
    twice: Packets = []
    for p in packets(NORMAL):
        at = broken.ETHERNET + 4
        other = (int.from_bytes(p.octets[at : at + 2], "big") + 7) & 0xFFFF
        twice += [p, p._replace(time_ns=p.time_ns + 1000, octets=p.octets[:at] + other.to_bytes(2, "big") + p.octets[at + 2 :])]
    assert "duplicates" not in signs(twice)


def test_one_copy_among_many_packets_is_the_networks() -> None:
    some = packets(LOSSY)
    data = next(n for n, p in enumerate(some) if p.payload > 1000)
    assert signs([*some[: data + 1], some[data]._replace(time_ns=some[data].time_ns + 1000), *some[data + 1 :]]) == {}


def test_true_stamps_show_packets_that_were_written_late() -> None:
    found = signs(broken.shuffled(packets(LOSSY), by_ns=5 * MS))
    assert {"disordered"} <= set(found) <= {"disordered", "late", "swapped", "lost"}
    assert found["disordered"].count > 10


def test_an_acknowledgment_before_its_data_shows_what_no_stamp_does() -> None:
    some = packets(HALF)
    data = next(n for n, p in enumerate(some) if p.payload and some[n + 1].payload == 0 and some[n + 1].source_port != p.source_port)
    some[data], some[data + 1] = some[data + 1], some[data]
    # Nobody acknowledges what is still to be sent: both within 100 µs, the data last.
    at = some[data].time_ns
    some[data], some[data + 1] = some[data]._replace(time_ns=at), some[data + 1]._replace(time_ns=at + 100_000)
    found = signs([p._replace(time_ns=max(p.time_ns, at + 100_000)) if n > data + 1 else p for n, p in enumerate(some)])
    assert found["late"].count == 1 and found["late"].frame == data + 2
    assert "lost" not in found


def test_swapped_data_that_nobody_missed_was_swapped_by_the_capture() -> None:
    some = packets("offload-left-on.pcap.gz")
    large = [n for n, p in enumerate(some) if p.payload > 1000]
    pair = next(n for n in large if n + 1 in large and some[n + 1].source_port == some[n].source_port)
    some[pair], some[pair + 1] = some[pair + 1], some[pair]
    assert {"swapped", "late"} & set(signs(broken.restamped(some)))


@pytest.mark.parametrize("name", [LOSSY, HALF])
def test_what_was_acknowledged_and_is_not_there_was_lost_by_the_capture(name: str) -> None:
    whole = packets(name)
    data = [n for n, p in enumerate(whole) if p.payload]
    gone = data[len(data) // 3]
    # The segment and all its repeats.
    start = whole[gone].octets[whole[gone].tcp + 4 : whole[gone].tcp + 8]
    found = signs([p for p in whole if not (p.payload and p.octets[p.tcp + 4 : p.tcp + 8] == start)])
    assert set(found) == {"lost"}
    assert found["lost"].octets == whole[gone].payload and found["lost"].streams == {0}


def test_loss_on_the_network_is_not_the_captures() -> None:
    assert signs(packets("lossy-transfer-at-receiver.pcap.gz")) == {}


@pytest.mark.parametrize("server", [True, False])
def test_one_direction_alone_is_seen(server: bool) -> None:
    found = signs(broken.only(packets(NORMAL), lambda p: (p.source_port == SERVER) == server))
    assert set(found) == {"one_way"} and found["one_way"] == (1, 1, {0}, 0)


@pytest.mark.parametrize("name", ["unanswered.pcap", "syn-flood-small.pcap"])
def test_silence_is_not_a_missing_direction(name: str) -> None:
    assert "one_way" not in signs(broken.only(packets(name), lambda p: p.source_port != SERVER) if name[0] == "u" else packets(name))


@pytest.mark.parametrize("by_s", [-3600, -5, -1])
def test_a_clock_set_back_is_one_step_however_many_packets_follow(by_s: int) -> None:
    found = signs(broken.clock_moved(packets(LOSSY), at=70, by_ns=by_s * SECOND))
    assert set(found) == {"steps_back"} and found["steps_back"][:2] == (1, 71)


@pytest.mark.parametrize("by_s", [10, 3600])
def test_a_clock_set_forward_is_told_by_the_senders_clocks(by_s: int) -> None:
    found = signs(broken.clock_moved(packets(LOSSY), at=70, by_ns=by_s * SECOND))
    assert set(found) == {"jumps"} and found["jumps"][:2] == (1, 71)


def test_a_long_silence_is_no_leap() -> None:
    assert signs(packets("zero-window.pcap")) == {} and signs(packets("keep-alive.pcap")) == {}


def test_cut_packets_are_counted() -> None:
    found = signs(broken.cut(packets(NORMAL)))
    assert found["cut"].frame == 1 and found["cut"].count == len(packets(NORMAL)) - sum(p.wire <= 60 for p in packets(NORMAL))


def test_only_one_hosts_checksums_are_wrong() -> None:
    found = signs(broken.rewritten(packets(NORMAL), port=SERVER))
    assert found["one_sided"].count == sum(p.source_port == SERVER for p in packets(NORMAL))
    assert "one_sided" not in signs(broken.rewritten(packets(NORMAL)))


class TestClock:
    """The clock alone, fed with stamps in milliseconds."""

    @staticmethod
    def fed(*stamps_ms: int) -> health.Health:
        clock = health.Health()
        for frame, stamp in enumerate(stamps_ms, 1):
            clock.clock(stamp * MS, frame)
        clock.settle()
        return clock

    def test_ascending(self) -> None:
        clock = self.fed(0, 0, 5, 100_000)
        assert (clock.disordered, clock.steps_back) == (0, 0)

    def test_a_late_packet(self) -> None:
        clock = self.fed(0, 10, 4, 11, 12)
        assert (clock.disordered, clock.disorder_frame, clock.steps_back) == (1, 3, 0)

    def test_a_batch_from_another_queue(self) -> None:
        assert self.fed(*range(50, 100), *range(40, 90), 101).disordered == 50

    def test_a_step_back_and_on_at_the_same_pace(self) -> None:
        clock = self.fed(*range(10_000, 10_100, 10), *range(5_000, 12_000, 10))
        assert (clock.disordered, clock.steps_back, clock.step_back_frame) == (0, 1, 11)

    def test_two_steps_back(self) -> None:
        assert self.fed(*range(10_000, 11_000, 10), *range(5_000, 6_000, 10), *range(0, 900, 10)).steps_back == 2

    def test_one_latecomer_of_seconds(self) -> None:
        clock = self.fed(10_000, 10_010, 5_000, 10_020)
        assert (clock.disordered, clock.steps_back) == (1, 0)


def test_a_broken_packet_is_what_the_helpers_say() -> None:
    some = packets(NORMAL)
    assert broken.read(CAPTURES / NORMAL) == some and isinstance(some[0], Packet)
    assert signs(some) == {}
