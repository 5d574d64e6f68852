"""The findings table: stable ids, the schema's columns, and what each of our captures must and must not say."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect import schema
from tcpinspect.insight.findings import KINDS, Finding, findings

CAPTURES = Path(__file__).parents[2] / "captures"
WHOLE = SimpleNamespace(drops=None, snaplen_cut=0, warnings=[], steps_back=0)


def ids(*rows: Any, capture: Any = WHOLE) -> list[str]:
    return [finding.id for finding in findings(rows, capture)]


def test_a_finding_has_the_columns_of_the_schema() -> None:
    assert Finding._fields == tuple(column.name for column in schema.FINDINGS)


def test_ids_and_severities_are_well_formed() -> None:
    assert all(re.fullmatch(r"TI-[A-Z]+-\d\d", kind) for kind in KINDS)
    assert {kind.severity for kind in KINDS.values()} <= {"chat", "note", "warn", "error"}


def test_an_ordinary_connection_has_none(ordinary: Any) -> None:
    assert ids(ordinary()) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"handshake": "refused", "teardown": "aborted", "conn_state": "REJ"}, "TI-OPEN-01"),
        ({"handshake": "unanswered", "teardown": "open", "conn_state": "S0"}, "TI-OPEN-02"),
        ({"handshake": "incomplete", "teardown": "open", "conn_state": "S1"}, "TI-OPEN-03"),
        ({"handshake": "simultaneous"}, "TI-OPEN-04"),
        ({"handshake": "split"}, "TI-OPEN-05"),
        ({"handshake": "tfo"}, "TI-OPEN-06"),
        ({"handshake": "none", "completeness": 8}, "TI-OPEN-07"),
        ({"syn_to_syn_ack_ns": 10**9}, "TI-OPEN-08"),
        ({"teardown": "aborted", "conn_state": "RSTO"}, "TI-RST-01"),
        ({"teardown": "reset", "conn_state": "RSTR"}, "TI-RST-02"),
        ({"teardown": "open", "conn_state": "S1", "client_state": "ESTABLISHED", "server_state": "ESTABLISHED"}, "TI-CLOSE-01"),
        ({"teardown": "open", "conn_state": "S2", "client_state": "FIN-WAIT-2", "server_state": "CLOSE-WAIT"}, "TI-CLOSE-02"),
        ({"teardown": "simultaneous"}, "TI-CLOSE-03"),
        ({"teardown": "half-close"}, "TI-CLOSE-04"),
        ({"client_retransmissions": 1, "client_packets": 100}, "TI-LOSS-01"),
        ({"client_retransmissions": 3, "client_packets": 20}, "TI-LOSS-02"),
        ({"lost_segments": 2}, "TI-LOSS-03"),
        ({"out_of_order": 2}, "TI-LOSS-04"),
        ({"duplicate_acks": 2}, "TI-LOSS-05"),
        ({"server_zero_windows": 2}, "TI-WIN-01"),
        ({"bad_checksums": 2}, "TI-SUM-01"),
        ({"server_window_shift": None}, "TI-OPT-01"),
        ({"client_mss": None}, "TI-OPT-02"),
    ],
)  # fmt: skip
def test_one_change_is_one_finding(ordinary: Any, changes: dict[str, Any], kind: str) -> None:
    (finding,) = findings([ordinary(**changes)], WHOLE)
    assert finding.id == kind
    assert finding.severity == KINDS[kind].severity and finding.rfc == KINDS[kind].rfc
    assert finding.stream == 0 and finding.count >= 1
    assert finding.text.endswith(".") and (finding.text[0].isupper() or finding.text[0].isdigit())


def test_the_capture_itself_is_judged_first(ordinary: Any) -> None:
    capture = SimpleNamespace(drops=7, snaplen_cut=2, warnings=["reading stopped at byte 99"], steps_back=1)
    rows = findings([ordinary(bad_checksums=1)], capture)
    assert [row.id for row in rows] == ["TI-CAP-01", "TI-CAP-02", "TI-CAP-04", "TI-CAP-03", "TI-SUM-01"]
    assert rows[0].count == 7 and rows[0].stream is None


def test_many_half_open_connections_to_one_port_are_a_flood(ordinary: Any) -> None:
    rows = [ordinary(stream=n, client_port=n, handshake="incomplete", teardown="open", conn_state="S1") for n in range(20)]
    assert "TI-FLOOD-01" in ids(*rows) and "TI-FLOOD-01" not in ids(*rows[1:])


def test_a_server_is_gone_only_where_it_never_answered(ordinary: Any) -> None:
    def said(**changes: Any) -> str:
        rows = [ordinary(stream=n, client_port=n, teardown="open", **changes) for n in range(20)]
        return next(f.text for f in findings(rows, WHOLE) if f.id == "TI-FLOOD-01")

    assert "gone" in said(handshake="unanswered", conn_state="S0", completeness=1)
    assert "gone" not in said(handshake="incomplete", conn_state="S1")


def test_one_direction_is_not_a_missing_answer(ordinary: Any) -> None:
    row = ordinary(handshake="unanswered", teardown="open", conn_state="SH", server_packets=0, history="SADF", completeness=29)
    assert ids(row) == []


def test_asked_counts_syns_and_nothing_else(ordinary: Any) -> None:
    (asked,) = findings([ordinary(handshake="unanswered", teardown="open", client_packets=3, completeness=1)], WHOLE)
    assert asked.count == 3 and "asked 3 times" in asked.text
    (data,) = findings([ordinary(handshake="unanswered", teardown="open", completeness=9, client_payload_bytes=5)], WHOLE)
    assert data.count == 1 and "asked" not in data.text


def test_a_reset_beside_a_syn_ack_is_no_refusal(ordinary: Any) -> None:
    row = ordinary(handshake="refused", teardown="aborted", conn_state="REJ", history="SrhADa", completeness=47)
    assert "TI-OPEN-01" not in ids(row) and "TI-OPEN-03" in ids(row)


def test_the_side_is_named(ordinary: Any) -> None:
    (half,) = findings([ordinary(teardown="half-close", history="ShADafF")], WHOLE)
    (reset,) = findings([ordinary(teardown="reset", conn_state="SF", history="ShADafFR")], WHOLE)
    assert half.text.startswith("The server finished") and reset.text.startswith("The client reset")
    (bad,) = findings([ordinary(bad_checksums=1)], WHOLE)
    assert bad.text == "1 segment has a bad checksum: a receiver throws it away."


def test_the_syn_acks_of_a_simultaneous_open_are_not_sent_again(ordinary: Any) -> None:
    assert ids(ordinary(handshake="simultaneous", client_retransmissions=1, server_retransmissions=1)) == ["TI-OPEN-04"]


def test_one_host_that_tries_many_ports_is_a_scan(ordinary: Any) -> None:
    rows = [ordinary(stream=n, server_port=n + 1, handshake="refused", teardown="aborted", conn_state="REJ") for n in range(20)]
    assert "TI-SCAN-01" in ids(*rows) and "TI-FLOOD-01" not in ids(*rows)


def test_frames_come_from_the_timeline_and_from_the_first_segments(ordinary: Any) -> None:
    step = SimpleNamespace(stream=0, event="RCV-RST", frame=9, time_ns=90)
    row = ordinary(teardown="aborted", conn_state="RSTR", client_retransmissions=1, client_packets=100)
    found = {f.id: f for f in findings([row], WHOLE, steps_of=lambda stream: [step], first={(0, "retransmission"): (4, 40)})}
    assert (found["TI-RST-01"].frame, found["TI-RST-01"].time_ns) == (9, 90)
    assert (found["TI-LOSS-01"].frame, found["TI-LOSS-01"].time_ns) == (4, 40)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("refused.pcap", "TI-OPEN-01"), ("unanswered.pcap", "TI-OPEN-02"), ("simultaneous-open.pcap", "TI-OPEN-04"),
        ("fast-open.pcap", "TI-OPEN-06"),
        ("begins-in-the-middle.pcap", "TI-OPEN-07"), ("reset-by-linger.pcap", "TI-RST-01"), ("simultaneous-close.pcap", "TI-CLOSE-03"),
        ("half-close-with-data.pcap", "TI-CLOSE-04"), ("zero-window.pcap", "TI-WIN-01"), ("syn-flood-small.pcap", "TI-FLOOD-01"),
    ],
)  # fmt: skip
def test_our_captures_show_what_their_names_say(name: str, kind: str) -> None:
    assert kind in {finding.id for finding in ti.analyze(str(CAPTURES / name)).findings}


def test_a_normal_close_has_nothing_to_say() -> None:
    assert not ti.analyze(str(CAPTURES / "normal-close-by-client.pcap")).findings
