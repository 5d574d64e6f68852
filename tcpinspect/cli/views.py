"""What the text form of each table shows: a dozen columns for people, made from the table's own. Floor 5.

Only text is arranged like this; every other format has all columns as they are (contract: no option changes them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tcpinspect.cli.timestyle import TimeStyle
from tcpinspect.errors import UsageError
from tcpinspect.insight.phrases import duration
from tcpinspect.model.address import endpoint_text
from tcpinspect.model.filter_names import HEADINGS, heading_advice
from tcpinspect.model.text_table import TextColumn
from tcpinspect.protocol.header import flag_letters
from tcpinspect.schema import ANALYSIS_FLAGS, TABLES, Column

DEFAULT: dict[str, tuple[str, ...]] = {
    "segments": ("frame", "time", "stream", "source", "destination", "flags", "seq", "ack", "payload_len", "window", "ack_rtt_ns", "notes"),
    "connections": ("stream", "client", "server", "start", "duration_ns", "packets", "bytes", "conn_state", "handshake", "teardown",
                    "retransmissions", "initial_rtt_ns"),
    "timeline": ("stream", "time", "frame", "side", "endpoint", "from_state", "to_state", "event", "evidence", "rfc"),
    "findings": ("stream", "severity", "id", "frame", "time", "count", "rfc", "text"),
}  # fmt: skip
_HEADINGS = {"payload_len": "len", "duration_ns": "duration", "ack_rtt_ns": "rtt", "initial_rtt_ns": "handshake rtt",
             "conn_state": "state", "retransmissions": "retrans", "from_state": "from", "to_state": "to"}  # fmt: skip
# on a narrow screen the columns with the highest rank go first
_RANKS: dict[str, dict[str, int]] = {
    "segments": {"window": 9, "ack_rtt_ns": 8, "ack": 7, "seq": 6, "stream": 5, "time": 4, "payload_len": 3, "destination": 2, "source": 1,
                 "notes": -1},
    "connections": {"initial_rtt_ns": 9, "start": 8, "retransmissions": 7, "bytes": 6, "handshake": 5, "packets": 4, "duration_ns": 3,
                    "teardown": 2, "server": 1, "conn_state": -1},
    "timeline": {"endpoint": 9, "rfc": 8, "time": 7, "frame": 6, "event": 5, "evidence": -1},
    "findings": {"time": 9, "count": 8, "rfc": 7, "frame": 6, "text": -1},
}  # fmt: skip
_LEAST = {"notes": 19, "teardown": 13, "text": 40, "id": 11, "from_state": 12, "to_state": 12, "event": 18, "evidence": 8}


_FIRST_FLAG = [column.name for column in TABLES["segments"]].index(ANALYSIS_FLAGS[0])


def notes(row: Any) -> str:
    """What the analysis says of a segment, in words; `fast` and `spurious` stand for the retransmission they are."""
    if True not in row[_FIRST_FLAG : _FIRST_FLAG + len(ANALYSIS_FLAGS)]:
        return ""
    words = [name.replace("_", " ") for name in ANALYSIS_FLAGS if getattr(row, name)]
    if "retransmission" in words and len({"fast retransmission", "spurious retransmission"} & set(words)):
        words.remove("retransmission")
    if row.duplicate_ack_num is not None:
        words = [f"duplicate ack #{row.duplicate_ack_num}" if word == "duplicate ack" else word for word in words]
    return ", ".join(words)


def _endpoint(heading: str, address: str, port: str) -> TextColumn:
    """Address and port; when it has to be cut, the port stays."""
    return TextColumn(heading, lambda row: endpoint_text(getattr(row, address), getattr(row, port)), least=16, tail=7)


def _both(a: str, b: str) -> Callable[[Any], str]:
    """Two counts as `client/server`; ? for unknown."""

    def text(row: Any) -> str:
        return "/".join("?" if value is None else str(value) for value in (getattr(row, a), getattr(row, b)))

    return text


def _made(table: str, time: TimeStyle) -> dict[str, TextColumn]:
    """The columns that exist only as text, by name."""

    def when(row: Any) -> str:
        return time.text(row.time_ns)

    if table == "segments":
        return {
            "time": TextColumn("time", when, right=True),
            "source": _endpoint("source", "src", "src_port"),
            "destination": _endpoint("destination", "dst", "dst_port"),
            "flags": TextColumn("flags", lambda row: flag_letters(row.tcp_flags)),
            "notes": TextColumn("notes", notes),
        }
    if table == "connections":
        return {
            "client": _endpoint("client", "client", "client_port"),
            "server": _endpoint("server", "server", "server_port"),
            "start": TextColumn("start", lambda row: time.text(row.start_ns), right=True),
            "packets": TextColumn("packets", _both("client_packets", "server_packets"), right=True),
            "bytes": TextColumn("bytes", _both("client_bytes", "server_bytes"), right=True),
            "retransmissions": TextColumn("retrans", _both("client_retransmissions", "server_retransmissions"), right=True),
        }
    made = {"time": TextColumn("time", when, right=True)}
    if table == "findings":
        text = [column.name for column in TABLES[table]].index("text")
        made["text"] = TextColumn("text", lambda row: str(row[text]), wrap=True)
    if table == "timeline":
        made["endpoint"] = _endpoint("endpoint", "address", "port")
    return made


def _plain(column: Column, index: int) -> TextColumn:
    heading = _HEADINGS.get(column.name, column.name)
    if column.unit == "ns" and column.name not in ("time_ns", "start_ns"):
        return TextColumn(heading, lambda row: "" if row[index] is None else duration(row[index]), right=True)
    if column.type == "bool":
        words = {True: "yes", False: "no", None: ""}
        return TextColumn(heading, lambda row: words[row[index]])
    return TextColumn(heading, lambda row: "" if row[index] is None else str(row[index]), right=column.type == "int")


def names(table: str) -> list[str]:
    """Every name -e takes for this table: those made for text, then the table's own columns."""
    made = _made(table, TimeStyle("r", None))
    return [*made, *(column.name for column in TABLES[table] if column.name not in made)]


def view(table: str, wanted: Sequence[str], time: TimeStyle) -> list[TextColumn]:
    """The text columns by name, or the usual ones. Raises UsageError for a name that does not exist."""
    made = _made(table, time)
    own = {column.name: (i, column) for i, column in enumerate(TABLES[table])}
    other_names = {column.wireshark: column.name for column in TABLES[table] if column.wireshark}
    other_names |= {heading: name for heading, name in HEADINGS[table].items() if heading not in made}
    columns = []
    for given in wanted or DEFAULT[table]:
        name = other_names.get(given, given)
        # asked for by name, a column of the table is exactly that; otherwise `client` is address and port
        if name in made and not (wanted and name in own and not made[name].wrap):
            column = made[name]
        elif name in own:
            column = _plain(own[name][1], own[name][0])
        else:
            raise UsageError(_unknown(table, given))
        columns.append(column._replace(rank=_RANKS[table].get(name, 0), least=_LEAST.get(name, column.least)))
    return columns


def _unknown(table: str, name: str) -> str:
    import difflib

    advice = heading_advice(name, TABLES[table])
    if advice is not None:
        return f'no column "{name}" in {table}: {advice}'
    known = names(table)
    near = difflib.get_close_matches(name, known, n=3) or [other for other in known if name.lower() in other][:3]
    hint = f"near: {', '.join(near)}" if near else f"there are {', '.join(known)}"
    return f'no column "{name}" in {table} ({hint})'
