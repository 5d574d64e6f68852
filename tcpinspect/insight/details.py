"""How a handshake or a close came to be what it is, in a word: the columns `handshake_detail` and `teardown_detail`. Floor 3.

A word says no more than a row of `connections` bears out; where the wire shows no difference, the word names both readings.
Reading: RFC 9293 §3.5, §3.6.1, §3.10.5; RFC 1122 §4.2.2.13; RFC 4987 §3.6; RFC 6298 §2.1; RFC 7413 §4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

HANDSHAKE_DETAILS: dict[str, str] = {
    "syn-ack-unanswered": "the SYN-ACK was never answered: the client had gone, or its answer was lost before the capture point",
    "syn-cookie-suspected": "the SYN-ACK was not repeated though it stayed unanswered for seconds: a server that keeps no state "
    "(SYN cookies) does that; so does one whose repeats the capture missed",
    "syn-ack-reset": "the SYN-ACK was answered by a reset: the client had given up or never asked, or only looked whether the port is open",
    "syn-ack-missing": "the client went on as one that was accepted, but no SYN-ACK was captured",
    "refused-by-reset": "the SYN was answered by a reset",
    "refused-by-icmp": "the SYN was answered by an ICMP error",
    "data-in-syn": "the data in the SYN was accepted at once (TCP Fast Open)",
    "syn-answered-by-syn": "the SYN was answered by a SYN without ACK",
    "syn-answered-by-ack": "the SYN was answered by an ACK without SYN, and then by a SYN",
}

TEARDOWN_DETAILS: dict[str, str] = {
    "aborted-nothing-unread": "no data of the other side was left unread, for it had sent none: the program asked for the reset "
    "(SO_LINGER with 0), or its host gave up or knew of no connection; the reset's cause, among the segments, tells more",
    "aborted-maybe-unread": "the other side had sent data, which may have been unread or on its way when the program closed; or the "
    "program asked for the reset (SO_LINGER with 0), or its host gave up or knew of no connection: the reset's cause, among the "
    "segments, tells more",
    "aborted-before-answer": "the client gave up before any answer came",
    "reset-not-obeyed": "the reset did not end the connection: its receiver went on, or had to ignore it",
    "reset-by-closer": "the side that had sent its FIN reset: its program had closed completely, and more data came or was left unread",
    "reset-by-other": "the side that had not closed reset after the FIN of the other",
    "reset-after-both": "a reset came after both sides had sent their FIN",
    "client-went-on": "the client went on sending after the server's FIN",
    "server-went-on": "the server went on sending after the client's FIN",
    "cut-off": "the capture ended while the connection was at work or closing",
    "waits-for-client": "the server had closed, the client had not, and both were silent until the capture ended",
    "waits-for-server": "the client had closed, the server had not, and both were silent until the capture ended",
    "silent": "neither side had closed, and both were silent until the capture ended",
}

_SYN, _SYN_ACK, _ACK, _DATA, _FIN, _RST = 1, 2, 4, 8, 16, 32  # completeness
# A SYN-ACK is repeated after a second (RFC 6298 §2.1), three where the timer was set the old way (RFC 1122 §4.2.3.1).
REPEATED_NS = 3_000_000_000
# Who has segments to send or to repeat is not silent for longer than the first RTO (RFC 6298 §2.1).
AT_WORK_NS = 1_000_000_000


class Facts(NamedTuple):
    """What decides, of one row: flags and words of few values, so that equal connections are judged once."""

    handshake: str
    teardown: str
    completeness: int
    history: str
    client_state: str | None
    server_state: str | None
    client_data: bool  # the client sent data
    server_data: bool
    answer_repeated: bool  # the server sent more than the client asked for
    answer_waited: bool  # the SYN-ACK stayed unanswered for REPEATED_NS
    silent: bool  # nothing came for AT_WORK_NS before the capture ended


@lru_cache(maxsize=4096)
def details(row: Facts) -> tuple[str | None, str | None]:
    """(handshake_detail, teardown_detail); None where there is nothing to add."""
    return _handshake(row), _teardown(row)


def _handshake(row: Facts) -> str | None:
    bits = row.completeness
    if row.handshake == "refused":
        return "refused-by-reset" if bits & _RST else "refused-by-icmp"
    if row.handshake == "tfo":
        return "data-in-syn"
    if row.handshake == "split":
        answer = next((letter for letter in row.history if letter.islower()), "")
        return {"s": "syn-answered-by-syn", "a": "syn-answered-by-ack"}.get(answer)
    if row.answer_waited and not row.answer_repeated and bits & (_SYN | _SYN_ACK) == _SYN | _SYN_ACK and not bits & _RST:
        return "syn-cookie-suspected"
    if row.handshake != "incomplete" or not bits & _SYN:
        return None
    if not bits & _SYN_ACK:
        return "syn-ack-missing" if bits & (_ACK | _DATA | _FIN) else None
    if bits & (_ACK | _DATA | _FIN):
        return None
    if not bits & _RST:
        return "syn-ack-unanswered"
    return "syn-ack-reset" if "R" in row.history else None


def _teardown(row: Facts) -> str | None:
    kind, history = row.teardown, row.history
    if kind == "half-close":
        return (
            None
            if _at(history, "F") == _at(history, "f")
            else "server-went-on"
            if _at(history, "F") < _at(history, "f")
            else "client-went-on"
        )
    if kind in ("aborted", "reset"):
        client = _at(history, "R") < _at(history, "r")
        receiver = row.server_state if client else row.client_state
        if _at(history, "R") == _at(history, "r") or row.handshake == "refused":
            return None
        if receiver not in (None, "CLOSED", "LISTEN", "TIME-WAIT") and kind == "aborted":
            return "reset-not-obeyed"
        return _aborted(row, client) if kind == "aborted" else _reset(history, client)
    if kind != "open" or row.handshake in ("refused", "unanswered", "incomplete"):
        return None
    if not row.silent:
        return "cut-off"
    for side, state in (("client", row.client_state), ("server", row.server_state)):
        if state == "CLOSE-WAIT":
            return f"waits-for-{side}"
    return "cut-off" if row.completeness & _FIN else "silent"


def _aborted(row: Facts, client: bool) -> str:
    if client and row.handshake == "unanswered":
        return "aborted-before-answer"
    return "aborted-maybe-unread" if (row.server_data if client else row.client_data) else "aborted-nothing-unread"


def _reset(history: str, client: bool) -> str | None:
    own, other = ("F", "f") if client else ("f", "F")
    if own in history and other in history:
        return "reset-after-both"
    return "reset-by-closer" if own in history else "reset-by-other" if other in history else None


def detail_sentences(row: Any) -> list[str]:
    """The details of a row of `connections`, each word with its meaning; empty where there is nothing to add."""
    words = ((row.handshake_detail, HANDSHAKE_DETAILS), (row.teardown_detail, TEARDOWN_DETAILS))
    return [f"{word}: {meanings[word]}" for word, meanings in words if word]


def _at(history: str, letter: str) -> int:
    """Where a letter stands, behind all others when it does not."""
    at = history.find(letter)
    return at if at >= 0 else len(history)
