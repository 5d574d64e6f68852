"""What is worth a look first: order, reasons, and crowds that speak with one voice."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.insight.interest import CROWD, interesting, judge
from tcpinspect.insight.outcome_words import outcome_line, outcome_words

CAPTURES = Path(__file__).parents[2] / "captures"


def test_an_ordinary_connection_is_not_interesting(ordinary: Any) -> None:
    assert judge(ordinary()).score == 0
    assert interesting([ordinary()]) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"handshake": "refused", "teardown": "aborted"}, "refused"),
        ({"handshake": "unanswered", "teardown": "open", "client_packets": 4, "completeness": 1}, "no answer, asked 4 times"),
        ({"handshake": "incomplete", "teardown": "open"}, "not finished"),
        ({"teardown": "aborted", "conn_state": "RSTR"}, "by the server with a reset"),
        ({"client_retransmissions": 2}, "2 retransmissions"),
        ({"client_zero_windows": 1}, "zero window"),
        ({"bad_checksums": 1}, "bad checksum"),
        ({"syn_to_syn_ack_ns": 2 * 10**9}, "slow to answer (2 s)"),
        ({"teardown": "open", "client_state": "FIN-WAIT-2", "server_state": "CLOSE-WAIT"}, "the other did not"),
    ],
)  # fmt: skip
def test_trouble_has_a_reason_in_words(ordinary: Any, changes: dict[str, Any], word: str) -> None:
    one = judge(ordinary(**changes))
    assert one.score > 0
    assert any(word in reason for reason in one.reasons), one


def test_broken_comes_before_slow(ordinary: Any) -> None:
    rows = [ordinary(stream=0, out_of_order=1), ordinary(stream=1, teardown="aborted", conn_state="RSTO"), ordinary(stream=2)]
    assert [one.stream for one in interesting(rows)] == [1, 0]


def test_a_crowd_of_failures_speaks_once(ordinary: Any) -> None:
    flood = [ordinary(stream=n, client_port=n, handshake="incomplete", teardown="open", conn_state="S1") for n in range(CROWD + 10)]
    (one,) = interesting(flood)
    assert one.stream == 0 and one.reasons[0].startswith(f"one of {CROWD + 10} connections to port 80")


def test_a_scan_speaks_once(ordinary: Any) -> None:
    scan = [ordinary(stream=n, server_port=n + 1, handshake="refused", teardown="aborted", conn_state="REJ") for n in range(CROWD)]
    (one,) = interesting(scan)
    assert f"one of {CROWD} connections from 192.0.2.1 to 192.0.2.2 that were refused" in one.reasons


def test_a_flood_over_all_ports_speaks_once(ordinary: Any) -> None:
    """Nobody came twice, to no port twice."""
    flood = [
        ordinary(stream=n, client=f"192.0.2.{n + 10}", server_port=n + 1, handshake="unanswered", teardown="open", conn_state="S0")
        for n in range(CROWD + 5)
    ]
    (one,) = interesting(flood)
    assert one.reasons[0] == f"one of {CROWD + 5} connections to many ports of 192.0.2.2 that were never answered"


def test_the_list_is_varied(ordinary: Any) -> None:
    rows = [ordinary(stream=n, handshake="refused", teardown="aborted", conn_state="REJ") for n in range(3)]
    rows.append(ordinary(stream=3, teardown="simultaneous"))
    assert [one.stream for one in interesting(rows)][:3] == [0, 1, 2]
    rows.append(ordinary(stream=4, teardown="aborted", conn_state="RSTO"))
    assert 4 in [one.stream for one in interesting(rows, limit=2)]


def test_the_limit_holds(ordinary: Any) -> None:
    assert len(interesting([ordinary(stream=n, bad_checksums=1) for n in range(9)], limit=4)) == 4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("normal-close-by-client.pcap", ["usual three-way handshake", "The client closed first", "client is in TIME-WAIT"]),
        ("normal-close-by-server.pcap", ["The server closed first", "server is in TIME-WAIT"]),
        ("three-segment-close.pcap", ["in the same segment"]),
        ("refused.pcap", ["was refused"]),
        ("unanswered.pcap", ["got no answer", "SYN-SENT"]),
        ("reset-by-linger.pcap", ["broke it off with a reset"]),
        ("simultaneous-close.pcap", ["Both sides closed at the same moment"]),
        ("half-close-with-data.pcap", ["a half-close"]),
        ("zero-window.pcap", ["no room for more data"]),
        ("begins-in-the-middle.pcap", ["already open when the capture began"]),
    ],
)
def test_the_outcome_in_words_tells_the_story_of_our_captures(name: str, words: list[str]) -> None:
    text = outcome_words(ti.analyze(str(CAPTURES / name)).connections[0])
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda path: path.name)
def test_every_outcome_is_whole_sentences(path: Path) -> None:
    for c in ti.analyze(str(path)).connections:
        text = outcome_words(c)
        assert text.endswith(".") and "None" not in text and "  " not in text and "–" not in text, text


def test_outcomes_in_a_few_words(ordinary: Any) -> None:
    assert outcome_line(ordinary()) == "opened and closed normally"
    assert outcome_line(ordinary(handshake="refused", teardown="aborted", conn_state="REJ")).startswith("refused")
    assert outcome_line(ordinary(handshake="none")) == "already open when the capture began, closed normally"
    assert "normally" not in outcome_line(ordinary(teardown="reset"))


def test_the_outcome_does_not_rest_on_the_conn_state_alone(ordinary: Any) -> None:
    assert outcome_line(ordinary()) == "opened and closed normally"
    assert outcome_line(ordinary(handshake="incomplete")) == "opening not wholly captured, closed normally"
    assert outcome_line(ordinary(teardown="reset", history="ShADFaR")) == "reset by the client while closing"
    assert outcome_line(ordinary(handshake="unanswered", server_packets=0, history="SAD")) == "only the client's direction was captured"
    assert outcome_line(ordinary(handshake="refused", conn_state="REJ", history="Sr", completeness=37)) == "refused"
    assert outcome_line(ordinary(handshake="refused", conn_state="REJ", history="SrhA")).startswith("both reset and accepted")


@pytest.mark.parametrize(("client", "server"), [(None, None), (None, "CLOSED"), ("TIME-WAIT", None)])
def test_a_state_nobody_knows_is_unknown(ordinary: Any, client: str | None, server: str | None) -> None:
    row = ordinary(client_state=client, server_state=server)
    steps = [SimpleNamespace(side=side, event="", frame=None, time_ns=None) for side in ("client", "server")]
    text = outcome_words(SimpleNamespace(**{**vars(row), "row": row, "timeline": steps}))
    assert "unknown" in text and "None" not in text
    assert judge(row).score == 0 and "the client is CLOSED" not in text


def test_a_socket_connected_to_itself_is_no_failure() -> None:
    c = ti.analyze(str(CAPTURES / "simultaneous-open-and-close.pcap")).connections[0]
    text = outcome_words(c)
    assert "connected to itself" in text and "the server" not in text and "again" not in text
    assert judge(c.row).reasons == ("a socket connected to itself",)


def test_a_repeated_syn_is_told_from_the_time_of_the_answer(ordinary: Any) -> None:
    row = ordinary(syn_to_syn_ack_ns=10**7, syn_ack_to_ack_ns=10**6, initial_rtt_ns=11 * 10**6)
    step = SimpleNamespace(side="client", event="RCV-SYN-ACK", frame=3, time_ns=1_010_000_000)
    text = outcome_words(SimpleNamespace(**{**vars(row), "row": row, "timeline": [step]}))
    assert "10 ms after the last SYN before it (1.01 s after the first segment)" in text
