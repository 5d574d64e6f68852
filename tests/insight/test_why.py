"""Why a segment was sent: our own captures, and exchanges made by hand, one behaviour a test."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.insight.why import CAUSES, causes, explain
from tcpinspect.insight.why.cause import judged
from tcpinspect.insight.why.flagged import View
from tcpinspect.insight.why.spans import MOST_PIECES, Ranges, Sent
from tcpinspect.model.row import ROW_TYPES
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN
from tcpinspect.schema import ANALYSIS_FLAGS, SEGMENTS

CAPTURES = Path(__file__).parents[2] / "captures"
ALL = sorted(path for path in CAPTURES.iterdir() if ".pcap" in path.name)
BLANK = {column.name: None if column.nullable else {"bool": False, "int": 0, "str": ""}[column.type] for column in SEGMENTS}
ISS = {"c": 2**32 - 700, "s": 5000}  # the client's numbers wrap early
MS = 1_000_000


def segment(at_ms: float, who: str, flags: int, seq: int, ack: int = 0, size: int = 0, **more: Any) -> Any:
    """A row of `segments`; `sack` gives relative blocks, `ts` the timestamp value and echo."""
    own, other = ISS[who], ISS["sc"[who == "s"]]
    options = []
    if flags & SYN:
        options.append("mss 1460,sackOK")
    if "ts" in more:
        more["ts_val"], more["ts_ecr"] = more.pop("ts")
        options.append(f"TS val {more['ts_val']} ecr {more['ts_ecr']}")
    if "sack" in more:
        blocks = more.pop("sack")
        options.append("sack " + " ".join(f"{(other + a) % 2**32}:{(other + b) % 2**32}" for a, b in blocks))
        more["sack_blocks"] = len(blocks)
    fields = {
        **BLANK, "time_ns": round(at_ms * MS), "from_client": who == "c", "src": who, "dst": "sc"[who == "s"], "src_port": 1, "dst_port": 2,
        "tcp_flags": flags, "seq": seq, "ack": ack if flags & ACK else None, "seq_raw": (own + seq) % 2**32,
        "ack_raw": (other + ack) % 2**32 if flags & ACK else 0, "payload_len": size, "window_raw": 1000, "window": 100_000,
        "sack_permitted": bool(flags & SYN), "options": ",".join(options), "checksum": hash((at_ms, seq, ack, size)) & 0xFFFF, **more,
    }  # fmt: skip
    return ROW_TYPES["segments"](**fields)


def exchange(*rows: Any, sack: bool = True) -> list[Any]:
    """A three-way handshake with a round trip of 20 ms seen at the server, then the rows; frames numbered from 1."""
    opening = [segment(0, "c", SYN, 0), segment(0.1, "s", SYN | ACK, 0, 1), segment(20, "c", ACK, 1, 1)]
    if not sack:
        opening = [row._replace(sack_permitted=False) for row in opening]
    return [row._replace(frame=n) for n, row in enumerate([*opening, *rows], 1)]


def last(*rows: Any, sack: bool = True) -> str:
    return causes(exchange(*rows, sack=sack))[-1]


def data(at: float, seq: int, who: str = "s", **more: Any) -> Any:
    return segment(at, who, PSH | ACK, seq, 1, 1000, **more)


def ack(at: float, number: int, who: str = "c", **more: Any) -> Any:
    return segment(at, who, ACK, 1, number, **more)


FLIGHT = [data(30 + n / 10, 1 + 1000 * n) for n in range(5)]
MEASURED = [*FLIGHT[:1], ack(50, 1001)]  # one round trip of 20 ms


def of(name: str, frame: int) -> Any:
    return ti.analyze(CAPTURES / name).why(frame)


@pytest.mark.parametrize(
    ("name", "frame", "cause"),
    [
        ("lossy-transfer.pcap", 56, "duplicate-ack"),
        ("lossy-transfer.pcap", 57, "fast-retransmission"),
        ("lossy-transfer.pcap", 87, "recovery-retransmission"),
        ("lossy-transfer.pcap", 135, "spurious-retransmission"),
        ("lossy-transfer.pcap", 144, "d-sack"),
        ("lossy-transfer.pcap", 145, "rack-retransmission"),
        ("lossy-transfer.pcap", 146, "rto-retransmission"),
        ("lossy-transfer-at-receiver.pcap.gz", 69, "fast-retransmission"),
        ("lossy-transfer-at-receiver.pcap.gz", 114, "duplicated-packet"),
        ("lossy-transfer-at-receiver.pcap.gz", 117, "reordered"),
        ("reset-by-linger.pcap", 8, "abort"),
        ("reset-by-unread-data.pcap", 6, "abort"),
        ("half-open-discovered.pcap", 9, "reset-no-connection"),
        ("refused.pcap", 2, "refusal"),
        ("keep-alive.pcap", 8, "keep-alive"),
        ("keep-alive.pcap", 9, "keep-alive-ack"),
        ("keep-alive.pcap", 17, "reset-keep-alive-timeout"),
        ("zero-window.pcap", 14, "zero-window"),
        ("zero-window.pcap", 15, "window-probe"),
        ("zero-window.pcap", 16, "window-probe-ack"),
        ("zero-window.pcap", 20, "window-update"),
        ("simultaneous-open.pcap", 3, "syn-ack-of-simultaneous-open"),
        ("simultaneous-open-and-close.pcap", 2, "syn-ack-of-simultaneous-open"),
        ("unanswered.pcap", 5, "syn-retransmission"),
        ("normal-close-by-client.pcap", 8, ""),
    ],
)
def test_own_captures(name: str, frame: int, cause: str) -> None:
    assert of(name, frame).cause == cause


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_frame_of_every_capture_has_a_why(path: Path) -> None:
    analysis = ti.analyze(path)
    for connection in analysis.connections:
        segments, timeline = connection.segments, connection.timeline
        said = causes(segments, timeline)
        assert len(said) == len(segments) and set(said) <= set(CAUSES)
        for row in segments[:: max(1, len(segments) // 400)]:
            why = explain(segments, timeline, row.frame)
            assert why is not None and why.frame == row.frame
            assert why.cause == said[segments.index(row)]
            assert why.text.startswith(f"frame {row.frame}, stream {row.stream}") and "States" in why.text
            assert max(map(len, why.render(100).splitlines())) <= 100


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_flag_of_wireshark_is_a_rule_that_fired(path: Path) -> None:
    for connection in ti.analyze(path).connections:
        view = View()
        for row in connection.segments:
            fired = [rule.rule for rule in view.rules(row) if rule.fired is True]
            assert sorted(fired) == sorted(name.replace("_", " ") for name in ANALYSIS_FLAGS if getattr(row, name)), row.frame


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_the_numbers_compared_bear_out_the_flag(path: Path) -> None:
    for connection in ti.analyze(path).connections:
        view = View()
        for row in connection.segments:
            for rule in view.rules(row):
                n: Any = rule.numbers
                holds = {
                    "lost segment": lambda n=n: n["missing"] > 0,
                    "keep alive": lambda n=n: n["seq"] == n["expected"] - 1 and n["payload_len"] <= 1,
                    "window update": lambda n=n: n["ack_raw"] == n["ack_raw_before"] and n["window_raw"] != n["window_raw_before"],
                    "duplicate ack": lambda n=n: n["ack_raw"] == n["ack_raw_before"] and n["window_raw"] == n["window_raw_before"],
                    "window full": lambda n=n: n["room"] == 0,
                    "fast retransmission": lambda n=n: n["seq"] < n["expected"] and n["since_ack_ns"] < n["limit_ns"],
                    "out of order": lambda n=n: n["seq"] < n["expected"] and n["since_furthest_ns"] < n["limit_ns"],
                    "retransmission": lambda n=n: n["seq"] < n["expected"],
                }.get(rule.rule, lambda: True)
                assert rule.fired is not True or holds(), (row.frame, rule)


def test_numbers_compared_by_the_fast_retransmission() -> None:
    rules = {rule.rule: rule for rule in of("lossy-transfer.pcap", 57).rules}
    assert rules["fast retransmission"].numbers == {
        "expected": 52129, "seq": 18825, "duplicate_acks": 4, "since_ack_ns": 160170, "limit_ns": 20_000_000,
    }  # fmt: skip
    assert rules["fast retransmit"].fired is True and rules["fast retransmit"].numbers["threshold"] == 3
    assert rules["lost by SACK"].numbers == {"sacked_above": 5792, "limit": 2896}
    assert rules["RACK"].fired == "nearly"


def test_states_before_and_after_with_evidence() -> None:
    client, server = of("reset-by-linger.pcap", 8).states
    assert (client.before, client.after, client.steps[0].event) == ("ESTABLISHED", "CLOSED", "ABORT")
    assert (server.before, server.after, server.steps[0].rfc) == ("ESTABLISHED", "CLOSED", "3.10.7.4")
    assert [(one.before, one.after) for one in of("lossy-transfer.pcap", 57).states] == [("ESTABLISHED", "ESTABLISHED")] * 2
    assert of("refused.pcap", 2).states[1].before is None


def test_retransmission_says_where_the_original_went_and_how_we_know() -> None:
    sent = of("lossy-transfer.pcap", 57).text
    assert "first in frame 27" in sent and "lost between the capture point and the receiver" in sent and "frame 88" in sent
    received = of("lossy-transfer-at-receiver.pcap.gz", 69).text
    assert "The original is not in the capture" in received and "lost before the capture point" in received
    assert "frame 144 reports these octets as received twice (D-SACK)" in of("lossy-transfer.pcap", 135).text


def test_out_of_order_whose_original_is_in_the_capture() -> None:
    (sentence,) = of("lossy-transfer.pcap", 87).differs
    assert sentence.startswith("out of order") and "frame 53" in sentence


def test_simultaneous_open_is_no_retransmission() -> None:
    assert "figure 7" in of("simultaneous-open.pcap", 4).differs[0]


def test_unread_data_is_possible_but_not_claimed() -> None:
    assert "45 octets had reached it and it had not sent any data itself" in of("reset-by-unread-data.pcap", 6).text
    nothing = exchange(segment(100, "c", RST | ACK, 1, 1))
    why = explain(nothing, [], 4)
    assert why is not None and "unread data it cannot have left" in why.text


def test_a_frame_without_tcp_or_that_does_not_exist() -> None:
    analysis = ti.analyze(CAPTURES / "ipv6-normal-close.pcap")
    with pytest.raises(UsageError, match=r"frame 1 of .* is no TCP segment \(.*ICMPv6.*\); list"):
        analysis.why(1)
    with pytest.raises(UsageError, match=r"no frame 99 in .*: it has 1–13"):
        analysis.why(99)


def test_three_duplicate_acks_bring_a_fast_retransmission() -> None:
    repeats = [ack(52 + n / 10, 1001, sack=[(2001, 3001 + 1000 * n)]) for n in range(3)]
    assert last(*FLIGHT, ack(50, 1001), *repeats, data(52.3, 1001)) == "fast-retransmission"


def test_two_duplicate_acks_are_not_enough() -> None:
    repeats = [ack(52 + n / 10, 1001) for n in range(2)]
    rows = exchange(*FLIGHT, ack(50, 1001), *repeats, data(52.3, 1001))
    assert causes(rows)[-1] == "retransmission"
    why = explain(rows, [], len(rows))
    assert why is not None
    assert [rule.fired for rule in why.rules if rule.rule == "fast retransmit"] == ["nearly"]


def test_a_retransmission_timeout_of_the_first_of_several() -> None:
    assert last(*FLIGHT, ack(50, 1001), data(275, 1001)) == "rto-retransmission"


def test_a_tail_loss_probe_is_the_last_segment_after_two_round_trips() -> None:
    assert last(*FLIGHT, ack(50, 3001), data(92, 4001)) == "tail-loss-probe"


def test_without_sack_there_is_no_tail_loss_probe() -> None:
    assert last(*FLIGHT, ack(50, 3001), data(92, 4001), sack=False) == "retransmission"


def test_one_segment_in_flight_leaves_timeout_and_probe_open_until_the_timer_expires_again() -> None:
    alone = [*MEASURED, data(100, 1001), data(325, 1001)]
    assert last(*alone) == "timer-retransmission"
    assert causes(exchange(*alone, data(775, 1001)))[-2:] == ["rto-retransmission"] * 2
    assert causes(exchange(*alone, data(550, 1001)))[-2] == "tail-loss-probe"


def test_rack_sends_again_what_was_overtaken() -> None:
    rows = [*FLIGHT[:3], ack(50, 1001), ack(50.2, 1001, sack=[(2001, 3001)]), data(62, 1001)]
    assert last(*rows) == "rack-retransmission"


def test_an_older_timestamp_echoed_proves_the_retransmission_spurious() -> None:
    rows = [data(30, 1, ts=(100, 7)), data(260, 1, ts=(330, 7)), ack(281, 1001, ts=(8, 100))]
    facts = judged(exchange(*rows))
    assert (facts[4].cause, facts[4].notes["proof"]) == ("spurious-retransmission", "timestamp")
    rows[-1] = ack(281, 1001, ts=(8, 330))
    facts = judged(exchange(*rows))
    assert (facts[4].notes["needed"], facts[4].notes["proof"]) == (True, "timestamp")


def test_data_that_was_acknowledged_before_is_spurious() -> None:
    assert last(*MEASURED, data(60, 1)) == "spurious-retransmission"


def test_a_d_sack_proves_a_retransmission_spurious() -> None:
    rows = exchange(*MEASURED, data(60, 1001), data(300, 1001), ack(301, 2001), ack(321, 2001, sack=[(1001, 2001)]))
    assert causes(rows)[-3:] == ["spurious-retransmission", "", "d-sack"]


def test_cut_differently_is_said() -> None:
    rows = exchange(*FLIGHT, ack(50, 1001), segment(275, "s", PSH | ACK, 1001, 1, 4000))
    why = explain(rows, [], len(rows))
    assert why is not None and "cut differently" in why.text and "frames 5 to 8" in why.text


def test_a_late_segment_was_overtaken_unless_its_timestamp_is_newer() -> None:
    ahead = [data(30, 1, ts=(100, 7)), data(31, 2001, ts=(101, 7))]
    assert last(*ahead, data(31.5, 1001, ts=(100, 7))) == "reordered"
    assert last(*ahead, ack(51, 1001), data(260, 1001, ts=(330, 7))) == "rto-retransmission"
    assert last(*ahead, data(80, 1001, ts=(101, 7))) == "unknown"


def test_the_same_packet_twice() -> None:
    one = data(30, 1)
    assert last(one, one._replace(time_ns=one.time_ns + 20_000)) == "duplicated-packet"
    twice = [row._replace(time_ns=row.time_ns + more) for row in [*FLIGHT, ack(60, 5001)] for more in (0, 20_000)]
    assert causes(exchange(*twice))[3:] == ["", "capture-duplicate"] * 6
    told = exchange(one, one._replace(time_ns=one.time_ns + 20_000), ack(50, 1001), ack(50.1, 1001, sack=[(1, 1001)]))
    assert causes(told)[-3] == "network-duplicate"


def test_a_syn_in_an_open_connection_is_challenged() -> None:
    rows = exchange(*MEASURED, segment(60, "c", SYN, 0, retransmission=True), segment(61, "s", ACK, 1001, 1, duplicate_ack=True))
    assert causes(rows)[-2:] == ["stray-syn", "challenge-ack"]
    why = explain(rows, [], len(rows))
    assert why is not None and any("duplicate ACK" in text for text in why.differs)


def test_a_reset_in_the_window_is_challenged_and_one_outside_ignored() -> None:
    rows = exchange(*MEASURED, segment(60, "s", RST, 5000), ack(61, 1001), data(70, 1001))
    assert causes(rows)[-2:] == ["challenge-ack", ""]
    why = explain(rows, [], 6)
    assert why is not None and "in the window" in why.text and "frame 7 is a challenge ACK" in why.text
    rows = exchange(*MEASURED, segment(60, "s", RST, 1), data(62, 1001), ack(82, 2001))
    why = explain(rows, [], 6)
    assert why is not None and "outside the window" in why.text and "went on with frame 8" in why.text
    assert "somebody else's" in why.text


def test_a_reset_moves_no_number() -> None:
    rows = exchange(*MEASURED, segment(60, "s", RST, 5000), ack(61, 1001), data(270, 1001, retransmission=True))
    why = explain(rows, [], len(rows))
    assert why is not None and why.cause == "" and "frame 6" in why.differs[0] and "retransmission" not in why.sentence


def test_data_after_close_is_reset() -> None:
    closed = [segment(30, "s", FIN | ACK, 1, 1), ack(50, 2), segment(51, "c", PSH | ACK, 1, 2, 100)]
    assert last(*closed, segment(51.1, "s", RST, 2)) == "reset-data-after-close"


def test_bad_ack_in_syn_sent() -> None:
    rows = [segment(0, "c", SYN, 0), segment(20, "s", ACK, 100, 5000), segment(20.1, "c", RST, 5000)]
    rows = [row._replace(seq_raw=(ISS["s"] if n == 1 else (ISS["c"] + 5000 if n == 2 else ISS["c"])) % 2**32) for n, row in enumerate(rows)]
    assert causes(rows)[1:] == ["challenge-ack", "reset-bad-ack"]


def test_fin_again() -> None:
    rows = [*MEASURED, segment(60, "s", FIN | ACK, 1001, 1), segment(290, "s", FIN | ACK, 1001, 1)]
    assert last(*rows) == "fin-retransmission"


def test_sent_remembers_first_and_latest() -> None:
    sent = Sent()
    assert sent.add(0, 10, 0) == sent.add(20, 30, 1) == []
    assert [(p.first, p.last, p.copies) for p in sent.add(5, 25, 2)] == [(0, 0, 1), (1, 1, 1)]
    assert [(p.start, p.end, p.copies) for p in sent.within(0, 30)] == [(0, 5, 1), (5, 25, 2), (25, 30, 1)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=40))
def test_ranges_equal_a_set_of_octets(pieces: list[tuple[int, int]]) -> None:
    ranges, octets = Ranges(), set()
    for begin, size in pieces:
        new = {n for low, high in ranges.add(begin, begin + size) for n in range(low, high)}
        assert new == set(range(begin, begin + size)) - octets
        octets |= set(range(begin, begin + size))
        assert ranges.above(30) == sum(n >= 30 for n in octets)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=40))
def test_sent_equals_a_count_of_octets(pieces: list[tuple[int, int]]) -> None:
    sent, octets = Sent(), Counter[int]()
    for index, (begin, size) in enumerate(pieces):
        old = {n for p in sent.add(begin, begin + size, index) for n in range(max(p.start, begin), min(p.end, begin + size))}
        assert old >= {n for n in range(begin, begin + size) if octets[n]}
        octets.update(range(begin, begin + size))
        known = sent.within(0, 100)
        assert all(a.end <= b.start for a, b in pairwise(known))
        assert {n for p in known for n in range(p.start, p.end)} >= set(octets)


@pytest.mark.parametrize("step", [10, -10])
def test_sent_is_bounded_in_either_order(step: int) -> None:
    """Forgotten is what lies farthest from what came last."""
    sent = Sent()
    for index in range(MOST_PIECES + 5):
        assert sent.add(index * step, index * step + 10, index) == []
    known = sent.within(-(10**6), 10**6)
    assert MOST_PIECES // 2 <= len(known) <= MOST_PIECES
    lasts = [piece.last for piece in known][:: 1 if step > 0 else -1]
    assert lasts == list(range(MOST_PIECES + 5 - len(known), MOST_PIECES + 5))


ROWS = st.builds(
    segment, st.integers(-5, 400), st.sampled_from("cs"), st.integers(0, 511), st.integers(-5, 30), st.integers(-5, 30), st.integers(0, 9),
    ts=st.tuples(st.integers(0, 3), st.integers(0, 3)), sack=st.lists(st.tuples(st.integers(-3, 30), st.integers(-3, 30)), max_size=3),
    window_raw=st.integers(0, 2), retransmission=st.booleans(), duplicate_ack=st.booleans(), keep_alive=st.booleans(),
    out_of_order=st.booleans(), window_update=st.booleans(), zero_window_probe=st.booleans(),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=25), st.booleans())
def test_any_order_of_rows_is_explained(rows: list[Any], itself: bool) -> None:
    rows = [row._replace(frame=n) for n, row in enumerate(rows, 1)]
    if itself:
        rows = [row._replace(src="x", dst="x", src_port=1, dst_port=1) for row in rows]
    assert set(causes(rows)) <= set(CAUSES)
    for row in rows:
        why = explain(rows, [], row.frame)
        assert why is not None and why.text


@settings(max_examples=40, deadline=None)
@given(st.permutations(ti.analyze(CAPTURES / "lossy-transfer.pcap").connections[0].segments))
def test_a_shuffled_transfer_is_explained(rows: list[Any]) -> None:
    assert len(causes(rows)) == len(rows)
