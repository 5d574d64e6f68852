"""What a row bears out: amounts that the capture can explain, and who did what first."""

from __future__ import annotations

from typing import Any

import pytest

from tcpinspect.insight import reading


@pytest.mark.parametrize(
    ("numbers", "payload", "repeats", "said"),
    [
        (500, 500, 0, (500, True)),
        (500, 700, 2, (500, True)),
        (1_180_495_254, 6068, 7, (6068, False)),
        (0, 6068, 0, (6068, False)),
        (None, 40, 0, (40, True)),
        (None, 40, 1, (40, False)),
    ],
)
def test_an_amount_is_one_that_the_payload_explains(
    ordinary: Any, numbers: int | None, payload: int, repeats: int, said: tuple[int, bool]
) -> None:
    row = ordinary(server_bytes=numbers, server_payload_bytes=payload, server_retransmissions=repeats)
    assert reading.amount(row, "server") == said


def test_the_history_says_who_was_first(ordinary: Any) -> None:
    assert reading.closed_first(ordinary(history="ShADafF")) == "server"
    assert reading.reset_by(ordinary(history="ShADaR", conn_state="OTH")) == "client"
    assert reading.closed_first(ordinary()) == reading.reset_by(ordinary()) == ""


def test_one_side_alone(ordinary: Any) -> None:
    assert reading.only_side(ordinary(client_packets=0)) == "server"
    assert reading.only_side(ordinary(server_packets=0, handshake="unanswered", history="S", completeness=1)) == ""
    assert reading.only_side(ordinary(server_packets=0, handshake="unanswered", history="SR", completeness=37)) == ""
    assert reading.only_side(ordinary()) == ""
