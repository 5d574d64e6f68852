"""What made a handshake or a close what it is: our own captures, and rows that leave it open."""

from __future__ import annotations

from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.insight.at_close import cause_of_reset, octets_after_fin
from tcpinspect.insight.details import HANDSHAKE_DETAILS, TEARDOWN_DETAILS, Facts, detail_sentences, details
from tcpinspect.insight.outcome_words import outcome_words

CAPTURES = Path(__file__).parents[2] / "captures"
PLAIN = Facts("three-way", "open", 15, "ShADad", "ESTABLISHED", "ESTABLISHED", True, True, False, False, True)


@pytest.mark.parametrize(
    ("name", "stream", "handshake", "teardown"),
    [
        ("normal-close-by-client.pcap", 0, None, None),
        ("refused.pcap", 0, "refused-by-reset", None),
        ("fast-open.pcap", 1, "data-in-syn", None),
        ("figure-syn-ack-never-acknowledged.pcap", 0, "syn-ack-unanswered", None),
        ("figure-syn-cookie.pcap", 0, "syn-cookie-suspected", "cut-off"),
        ("figure-8-old-duplicate-syn.pcap", 0, "syn-ack-reset", "aborted-nothing-unread"),
        ("half-close-with-data.pcap", 0, None, "server-went-on"),
        ("reset-by-linger.pcap", 0, None, "aborted-maybe-unread"),
        ("reset-by-unread-data.pcap", 0, None, "aborted-maybe-unread"),
        ("figure-9-half-open-found-by-syn.pcap", 0, None, "silent"),
    ],
)
def test_our_own_captures(name: str, stream: int, handshake: str | None, teardown: str | None) -> None:
    row = ti.analyze(CAPTURES / name, segments=False).connections[stream].row
    assert (row.handshake_detail, row.teardown_detail) == (handshake, teardown)


@pytest.mark.parametrize(
    ("changes", "teardown"),
    [
        ({"silent": False}, "cut-off"),
        ({}, "silent"),
        ({"completeness": 31, "history": "ShADadF", "server_state": "CLOSE-WAIT"}, "waits-for-server"),
        ({"completeness": 31, "history": "ShADadf", "client_state": "CLOSE-WAIT"}, "waits-for-client"),
        ({"completeness": 31, "history": "ShADadFf", "client_state": "FIN-WAIT-1", "server_state": "LAST-ACK"}, "cut-off"),
        ({"teardown": "aborted", "history": "ShADR", "server_data": False, "server_state": "CLOSED"}, "aborted-nothing-unread"),
        ({"teardown": "aborted", "history": "ShADdR", "server_state": "ESTABLISHED"}, "reset-not-obeyed"),
        ({"teardown": "aborted", "handshake": "unanswered", "history": "SR", "server_state": None}, "aborted-before-answer"),
        ({"teardown": "reset", "history": "ShADadFR", "server_state": "CLOSED"}, "reset-by-closer"),
        ({"teardown": "reset", "history": "ShADadFr", "client_state": "CLOSED"}, "reset-by-other"),
        ({"teardown": "reset", "history": "ShADadFfR", "server_state": "CLOSED"}, "reset-after-both"),
        ({"teardown": "half-close", "history": "ShAfadDF"}, "client-went-on"),
        ({"teardown": "unknown"}, None),
    ],
)
def test_a_close(changes: dict[str, object], teardown: str | None) -> None:
    assert details(PLAIN._replace(**changes)) == (None, teardown)


@pytest.mark.parametrize(
    ("changes", "handshake"),
    [
        ({"handshake": "refused", "completeness": 1, "history": "S"}, "refused-by-icmp"),
        ({"handshake": "split", "history": "SsA"}, "syn-answered-by-syn"),
        ({"handshake": "split", "history": "SasA"}, "syn-answered-by-ack"),
        ({"handshake": "incomplete", "completeness": 13, "history": "SADd"}, "syn-ack-missing"),
        ({"handshake": "incomplete", "completeness": 3, "history": "Sh", "answer_waited": True}, "syn-cookie-suspected"),
        (
            {"handshake": "incomplete", "completeness": 3, "history": "Sh", "answer_waited": True, "answer_repeated": True},
            "syn-ack-unanswered",
        ),
        ({"handshake": "none", "completeness": 28, "history": "AdF"}, None),
    ],
)
def test_a_handshake(changes: dict[str, object], handshake: str | None) -> None:
    assert details(PLAIN._replace(**changes))[0] == handshake


def test_a_half_close_counts_what_came_after_the_fin() -> None:
    connection = ti.analyze(CAPTURES / "half-close-with-data.pcap").connections[0]
    assert octets_after_fin(connection.segments) == 1400 == connection.server_payload_bytes
    assert "1,400 bytes after that FIN" in outcome_words(connection)


def test_the_story_says_which_rule_sent_the_reset() -> None:
    connection = ti.analyze(CAPTURES / "half-open-discovered.pcap").connections[0]
    assert cause_of_reset(connection.segments) == "reset-no-connection"
    assert "(reset-no-connection)" in outcome_words(connection)
    bare = ti.analyze(CAPTURES / "half-open-discovered.pcap", segments=False).connections[0]
    assert TEARDOWN_DETAILS["aborted-maybe-unread"][1:] in outcome_words(bare)


def test_every_word_has_a_meaning() -> None:
    row = ti.analyze(CAPTURES / "figure-8-old-duplicate-syn.pcap").connections[0].row
    assert detail_sentences(row) == [
        f"syn-ack-reset: {HANDSHAKE_DETAILS['syn-ack-reset']}", f"aborted-nothing-unread: {TEARDOWN_DETAILS['aborted-nothing-unread']}"
    ]  # fmt: skip
