"""What a row of `connections` bears out, before any word is said of it. Floor 3. Reading: RFC 9293 §3.5, §3.6, §3.8.1.

A kind of handshake says what was seen; a capture of one direction, a socket connected to itself or a reset beside a SYN-ACK
make the same kind mean something else. Every text asks here, so that no two of them disagree. Rows, not Connections, go in.
"""

from __future__ import annotations

from typing import Any

# Bits of `completeness`.
_SYN, _SYN_ACK, _ACK, _DATA, _FIN = 1, 2, 4, 8, 16
ORDERLY = ("four-segment", "three-segment", "simultaneous", "half-close")


def row_of(connection: Any) -> Any:
    """The row of a `model.Connection`; a row is its own."""
    return getattr(connection, "row", connection)


def to_itself(row: Any) -> bool:
    """Both ends are the same socket: it opened a connection to its own address and port."""
    return bool(row.client == row.server and row.client_port == row.server_port)


def only_side(row: Any) -> str:
    """The side that alone was captured though the other must have spoken, `client` or `server`; else empty."""
    if to_itself(row):
        return ""
    if row.server_packets and not row.client_packets:
        return "server"
    if not row.client_packets or row.server_packets:
        return ""
    if row.handshake != "unanswered":
        return "client"
    # Nobody acknowledges or closes what was never accepted: the answer passed, and was not captured.
    went_on = not {"A", "F"}.isdisjoint(row.history) or row.completeness & (_ACK | _DATA) == _ACK | _DATA
    return "client" if went_on else ""


def opening(row: Any) -> str:
    """The kind of handshake, or what a text must say instead of it.

    `one-way`: one direction was captured; `itself`: a socket connected to itself; `contested`: the SYN was answered by a reset
    and by a SYN-ACK; `partly`: the opening was not captured whole, yet data or an orderly close followed.
    """
    if to_itself(row):
        return "itself"
    if only_side(row):
        return "one-way"
    if row.handshake == "refused" and row.completeness & _SYN_ACK and row.completeness & (_ACK | _DATA):
        return "contested" if "h" in row.history else "refused"
    if row.handshake == "incomplete" and (row.teardown in ORDERLY or (row.client_payload_bytes and row.server_payload_bytes)):
        return "partly"
    return str(row.handshake)


def syns(row: Any) -> int | None:
    """How often the client asked; None where its segments may be something else than SYNs."""
    only_asked = row.handshake == "unanswered" and row.completeness == _SYN and not row.client_payload_bytes
    return int(row.client_packets) if only_asked and row.teardown in ("open", "unknown") else None


def again(row: Any, side: str) -> int:
    """Segments that `side` had to send again: in a simultaneous open the SYN-ACK that repeats its SYN is due, not a repeat."""
    number = int(getattr(row, f"{side}_retransmissions"))
    return max(0, number - 1) if row.handshake == "simultaneous" else number


def amount(row: Any, side: str) -> tuple[int, bool]:
    """Octets of data that `side` sent, and whether that is exact: by sequence numbers where the payload can explain them.

    Sequence numbers may leap (a forged or damaged segment, data lost from the capture). Then the payload captured is what is
    known: repeats count in it, gaps do not.
    """
    payload = int(getattr(row, f"{side}_payload_bytes"))
    numbers = getattr(row, f"{side}_bytes")
    if numbers is None:
        return payload, not getattr(row, f"{side}_retransmissions")
    repeats = payload - numbers
    if repeats == 0 or (repeats > 0 and (again(row, side) or numbers >= repeats)):
        return int(numbers), True
    return payload, False


def reset_by(row: Any) -> str:
    """The side that sent the first RST, `client` or `server`; empty when the row does not say."""
    if to_itself(row):
        return ""
    return _first(row.history, "R") or {"RSTO": "client", "RSTOS0": "client", "RSTR": "server", "RSTRH": "server", "REJ": "server"}.get(
        row.conn_state, ""
    )


def closed_first(row: Any) -> str:
    """The side whose FIN was captured first, `client` or `server`; empty when none was."""
    return _first(row.history, "F")


def _first(history: str, letter: str) -> str:
    client, server = history.find(letter), history.find(letter.lower())
    if client >= 0 and (server < 0 or client < server):
        return "client"
    return "server" if server >= 0 else ""


def timed_from_a_later_syn(row: Any) -> bool:
    """The times of the handshake count from another SYN than the first: together they are not what the whole took."""
    answer, third, whole = row.syn_to_syn_ack_ns, row.syn_ack_to_ack_ns, row.initial_rtt_ns
    if answer is None or third is None or whole is None:
        return False
    return bool(abs(answer + third - whole) > max(1_000_000, whole // 10))
