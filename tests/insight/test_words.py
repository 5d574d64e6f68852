"""What a segment is in words: one exchange a test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tcpinspect.insight.words import flags_in_words, numbers_in_words, words
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN
from tcpinspect.schema import SEGMENTS

_BLANK = {column.name: None if column.nullable else {"bool": False, "int": 0, "str": ""}[column.type] for column in SEGMENTS}
ISS = {"c": 2**32 - 3, "s": 5000}  # the client's numbers wrap early


def segment(who: str, flags: int, seq: int = 0, ack: int = 0, size: int = 0, **marks: Any) -> Any:
    own, other = ISS[who], ISS["sc"[who == "s"]]
    return SimpleNamespace(
        **{
            **_BLANK, "from_client": who == "c", "tcp_flags": flags, "seq": seq, "ack": ack if flags & ACK else None, "payload_len": size,
            "seq_raw": (own + seq) % 2**32, "ack_raw": (other + ack) % 2**32 if flags & ACK else 0, "window_raw": 100, "window": 100,
            "src": who, "dst": "sc"[who == "s"], **marks,
        }
    )  # fmt: skip


OPEN = [segment("c", SYN), segment("s", SYN | ACK, 0, 1), segment("c", ACK, 1, 1)]


def last(*more: Any) -> str:
    return words([*OPEN, *more])[-1]


def test_three_way_handshake() -> None:
    assert words(OPEN) == ["asks to connect", "accepts, acknowledges the SYN", "acknowledges the SYN"]


def test_data_and_its_acknowledgment_across_the_wrap() -> None:
    assert last(segment("c", PSH | ACK, 1, 1, 1000)) == "1,000 octets of data"
    assert last(segment("c", PSH | ACK, 1, 1, 1000), segment("s", ACK, 1, 1001)) == "acknowledges 1,000 octets"
    assert last(segment("c", PSH | ACK, 1, 1, 1), segment("s", ACK, 1, 2)) == "acknowledges 1 octet"


def test_four_segment_close() -> None:
    close = [segment("c", FIN | ACK, 1, 1), segment("s", ACK, 1, 2), segment("s", FIN | ACK, 1, 2), segment("c", ACK, 2, 2)]
    said = ["closes: no more to send", "acknowledges the FIN", "closes: no more to send", "acknowledges the FIN"]
    assert words([*OPEN, *close])[3:] == said


def test_fin_that_acknowledges_a_fin_and_fin_with_data() -> None:
    assert last(segment("c", FIN | ACK, 1, 1), segment("s", FIN | ACK, 1, 2)) == "closes: no more to send, acknowledges the FIN"
    assert last(segment("c", FIN | ACK, 1, 1, 47)) == "47 octets of data, then closes: no more to send"


def test_simultaneous_open() -> None:
    said = words([segment("c", SYN), segment("s", SYN), segment("c", SYN | ACK, 0, 1, retransmission=True)])
    assert said == ["asks to connect", "asks at the same time", "acknowledges the SYN that crossed"]


def test_socket_connected_to_itself() -> None:
    same = {"src": "a", "dst": "a", "from_client": True}
    said = words([segment("c", SYN, **same), segment("c", SYN | ACK, 0, 1, **same, ack_raw=(ISS["c"] + 1) % 2**32)])
    assert said == ["asks to connect", "acknowledges its own SYN"]


@pytest.mark.parametrize(
    "marks, said",
    [
        ({"duplicate_ack": True, "duplicate_ack_num": 2}, "duplicate ACK #2"),
        ({"keep_alive": True}, "keep-alive: are you still there?"),
        ({"keep_alive_ack": True}, "answers the keep-alive"),
        ({"zero_window": True, "window_raw": 0}, "zero window: no room for more"),
        ({"window_update": True, "window": 8688}, "window update: room for 8,688 octets"),
        ({"window_update": True, "window": None}, "window update"),
        ({"payload_len": 10, "retransmission": True, "rto_ns": 260_000_000}, "10 octets, retransmission 260 ms after the first"),
        ({"payload_len": 10, "retransmission": True, "fast_retransmission": True}, "10 octets, retransmission after duplicate ACKs"),
        ({"payload_len": 10, "out_of_order": True}, "10 octets, out of order"),
    ],
)
def test_analysis_flags(marks: dict[str, Any], said: str) -> None:
    assert last(segment("c", ACK, 1, 1, **marks)) == said


def test_zero_window_that_stays_and_is_probed() -> None:
    zero = segment("s", ACK, 1, 1, zero_window=True, window_raw=0)
    assert last(zero, segment("c", ACK, 0, 1, keep_alive=True)) == "keep-alive: is there room again?"
    assert last(zero, zero) == "zero window: still no room"


def test_resets() -> None:
    assert words([segment("c", SYN), segment("s", RST | ACK, 0, 1)])[1] == "refuses: nobody accepts connections here"
    assert last(segment("s", RST | ACK, 1, 1)) == "resets: breaks the connection off"
    assert last(segment("c", FIN | ACK, 1, 1), segment("s", RST | ACK, 1, 2)) == "resets instead of closing with a FIN"


def test_resets_that_do_not_fit() -> None:
    opened = [segment("c", SYN), segment("s", SYN | ACK, 0, 1), segment("c", ACK, 1, 1)]
    assert words([*opened, segment("c", RST, 400)])[-1] == "resets, but its number is not the next one"
    assert words([*opened, segment("c", RST, 1)])[-1] == "resets: breaks the connection off"
    assert words([*opened[:2], segment("c", RST, 1)])[-1] == "resets instead of completing the handshake"
    # Figures 8 and 9: what is acknowledged was never sent.
    assert (
        words([segment("c", SYN), segment("s", SYN | ACK, 0, 91), segment("c", RST, 91)])[-1]
        == "rejects an acknowledgment of what it never sent"
    )
    assert (
        words([segment("c", SYN), segment("s", ACK, 300, 500), segment("c", RST, 500)])[-1]
        == "rejects an acknowledgment of what it never sent"
    )


def test_syns_in_the_middle() -> None:
    opened = [segment("c", SYN), segment("s", SYN | ACK, 0, 1), segment("c", ACK, 1, 1)]
    assert words([*opened, segment("c", SYN)])[-1] == "the SYN again, inside an open connection"
    assert words([segment("c", SYN), segment("s", SYN | ACK, 0, 2**32 - 90)])[-1] == "accepts another SYN than the one captured"
    again = [*opened[:2], segment("s", SYN | ACK, 0, 1, rto_ns=10**9)]
    assert words([*again])[-1] == "accepts again, retransmission 1 s after the first"


def test_first_fin_is_none_again_whatever_wireshark_marks() -> None:
    opened = [segment("c", SYN), segment("s", SYN | ACK, 0, 1), segment("c", ACK, 1, 1)]
    assert words([*opened, segment("c", FIN | ACK, 1, 1, retransmission=True)])[-1] == "closes: no more to send"
    assert words([*opened, segment("c", FIN | ACK, 1, 1), segment("c", FIN | ACK, 1, 1)])[-1] == "FIN again, retransmission"


def test_reset_after_both_fins() -> None:
    fins = [segment("c", FIN | ACK, 1, 1), segment("s", FIN | ACK, 1, 2)]
    assert last(*fins, segment("s", RST, 2)) == "resets after both FINs"
    assert last(*fins, segment("c", ACK, 2, 2), segment("s", RST, 2)) == "resets after both FINs were acknowledged"


def test_syn_ack_of_a_fast_open_acknowledges_data() -> None:
    said = words([segment("c", SYN, size=45), segment("s", SYN | ACK, 0, 46)])
    assert said == ["asks to connect, with 45 octets of data", "accepts, acknowledges the SYN and 45 octets"]


def test_one_direction_alone() -> None:
    said = words([segment("s", SYN | ACK, 0, 1), segment("s", ACK, 1, 53), segment("s", ACK, 1, 53)])
    assert said[1:] == ["acknowledges 52 octets", "acknowledges nothing new"]


def test_ack_of_the_first_fin_of_a_capture_that_begins_late() -> None:
    assert words([segment("c", FIN | ACK, 1, 1), segment("s", ACK, 1, 2)])[1] == "acknowledges the FIN"


def test_what_was_never_captured() -> None:
    assert last(segment("s", ACK, 1, 5000)) == "acknowledges octets that were not captured"
    assert words([segment("c", ACK, 1, 1)]) == ["acknowledges up to 1"]
    assert words([segment("c", 0)]) == ["a segment without flags"]


def test_flags_and_numbers() -> None:
    assert (flags_in_words(SYN | ACK), flags_in_words(FIN | PSH | ACK), flags_in_words(0)) == ("SYN, ACK", "FIN, PSH, ACK", "no flags")
    assert numbers_in_words(segment("c", SYN)) == "seq=0 len=0"
    assert numbers_in_words(segment("c", ACK, 1, 7, 20)) == "seq=1 ack=7 len=20"
