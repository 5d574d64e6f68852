"""What people call things in a filter: Wireshark's names, tcpdump's habits and the headings of the text output. Floor 3.

A name is a column, or one of the few parts that are no column (`NO_COLUMN`), or an error that names what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tcpinspect.protocol.rfc9293 import State
from tcpinspect.schema import TABLES, Column

# The bits of tcp.flags.* (RFC 9293 §3.1, RFC 9768 for AE, once NS).
FLAG_BITS = {
    "fin": 1, "syn": 2, "reset": 4, "rst": 4, "push": 8, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128, "ae": 256, "ns": 256,
}  # fmt: skip
_LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128, "e": 256}  # as tcpdump writes them

# Parts that a filter may read and that are no column: the pair of an address or port, and any analysis flag.
EITHER_ADDRESS, EITHER_PORT, ANY_ANALYSIS, FLAG = "_either_address", "_either_port", "_any_analysis", "_flag_"
SECONDS = "_seconds_"  # before the name of a column in ns that was called by a name that means seconds
PAIRS = {
    "segments": {EITHER_ADDRESS: ("src", "dst"), EITHER_PORT: ("src_port", "dst_port")},
    "connections": {EITHER_ADDRESS: ("client", "server"), EITHER_PORT: ("client_port", "server_port")},
}

# Headings of the text output that stand for one column.
HEADINGS: dict[str, dict[str, str]] = {
    "segments": {"flags": "tcp_flags", "len": "payload_len", "rtt": "ack_rtt_ns"},
    "connections": {"state": "conn_state", "duration": "duration_ns"},
    "timeline": {"from": "from_state", "to": "to_state"},
    "findings": {},
}
_TIME = "time is written relative to the first packet; the column is time_ns, ns since 1970"
# ... and those that stand for none or several.
_SEVERAL: dict[str, dict[str, str]] = {
    "segments": {
        "time": _TIME,
        "source": "write src (address) or src_port",
        "destination": "write dst (address) or dst_port",
        "notes": "write one of the analysis columns, such as retransmission, or tcp.analysis.flags for any",
    },
    "connections": {
        "start": "start is written relative to the first packet; the column is start_ns, ns since 1970",
        "packets": "write client_packets or server_packets",
        "bytes": "write client_bytes or server_bytes",
        "retrans": "write client_retransmissions or server_retransmissions",
        "retransmissions": "write client_retransmissions or server_retransmissions",
        "rtt": "write initial_rtt_ns",
        "ip.src": "write client, server, or ip.addr for either",
        "ip.dst": "write client, server, or ip.addr for either",
        "ipv6.src": "write client, server, or ipv6.addr for either",
        "ipv6.dst": "write client, server, or ipv6.addr for either",
        "tcp.srcport": "write client_port, server_port, or tcp.port for either",
        "tcp.dstport": "write client_port, server_port, or tcp.port for either",
    },
    "timeline": {"time": _TIME, "endpoint": "write address or port", "state": "write from_state or to_state"},
    "findings": {"time": _TIME},
}  # fmt: skip
_BPF = re.compile(
    r"(?:tcp\s+)?(?:(src|dst)\s+)?(port|host|net|portrange)\s+([0-9A-Fa-f:][\w.:/-]*)(?=\s*(?:$|[&|)!]|and\b|or\b))", re.IGNORECASE
)


def table_of(schema: Sequence[Column]) -> str:
    """The table that has these columns, "" for none of ours."""
    return next((name for name, columns in TABLES.items() if columns == tuple(schema)), "")


def names(schema: Sequence[Column]) -> dict[str, str]:
    """Every name that is known for these columns, and what it is in the text that is parsed."""
    table = table_of(schema)
    own = {column.name: column.name for column in schema}
    units = {column.name: column.unit for column in schema}
    more: dict[str, str] = {}
    if "src" in own:
        more |= {"ipv6.src": "src", "ipv6.dst": "dst"}
    if "time_ns" in own:
        more["frame.time_epoch"] = "time_ns"
    if table == "timeline":
        more |= {"ip.addr": "address", "ipv6.addr": "address", "tcp.port": "port"}
    more |= {column.wireshark: column.name for column in schema if column.wireshark}
    # Wireshark's fields of time are seconds
    known = {name: (SECONDS + column if units[column] == "ns" else column) for name, column in more.items()}
    known |= HEADINGS.get(table, {})
    if table in PAIRS:
        known |= {"ip.addr": EITHER_ADDRESS, "ipv6.addr": EITHER_ADDRESS, "tcp.port": EITHER_PORT}
    if table == "segments":
        known |= {f"tcp.flags.{name}": f"{FLAG}{bit}" for name, bit in FLAG_BITS.items()}
        known |= {"tcp.analysis.flags": ANY_ANALYSIS}
    return known | own


def reads(piece: str, schema: Sequence[Column]) -> tuple[str, ...]:
    """The columns that a known name reads."""
    if piece in (EITHER_ADDRESS, EITHER_PORT):
        return PAIRS[table_of(schema)][piece]
    if piece.startswith(FLAG):
        return ("tcp_flags",)
    if piece == ANY_ANALYSIS:
        return tuple(column.name for column in schema if column.type == "bool" and column.wireshark.startswith("tcp.analysis."))
    return (piece.removeprefix(SECONDS),)


def heading_advice(word: str, schema: Sequence[Column]) -> str | None:
    """What to write instead of a heading that is no single column, and of a name that this table cannot answer."""
    return _SEVERAL.get(table_of(schema), {}).get(word)


def bpf_advice(text: str, place: int, schema: Sequence[Column]) -> str | None:
    """For `port 80`, `src host 192.0.2.1` as tcpdump takes them: what to write here; None where none begins."""
    found = _BPF.match(text, place)
    if found is None:
        return None
    side, what, value = (found[1] or "").lower(), found[2].lower(), found[3]
    known, table = names(schema), table_of(schema)
    name = {"host": "ip.addr", "port": "tcp.port"}.get(what, "")
    if side and table == "segments":
        name = side + ("" if what == "host" else "_port")
    if what == "host" and ":" in value:
        name = name.replace("ip.addr", "ipv6.addr")
    if name not in known:
        return f'"{found[0][:40]}" is a capture filter of tcpdump; a display filter compares columns'
    return f'"{found[0][:60]}" is a capture filter of tcpdump; write {name} == {value[:60]}'


def near(word: str, known: Iterable[str]) -> str:
    """The names that the word may have meant, in brackets."""
    import difflib

    every = list(known)
    close = difflib.get_close_matches(word, every, n=3, cutoff=0.6) or [name for name in every if word.lower() in name][:3]
    if close:
        return f" (near: {', '.join(close)})"
    others = [table for table, columns in TABLES.items() if word in {column.name for column in columns}]
    return f" (it is one of {' and '.join(others)})" if others else " (text stands in quotes)"


def bare_text(word: str, column: str) -> str:
    """A word without quotes as the text it means: states in RFC 9293's spelling, whatever the case or the hyphen."""
    if column.endswith("_state") and column != "conn_state":
        state = word.upper().replace("_", "-")
        if state in {str(s) for s in State}:
            return state
    return word


def flag_mask(text: str) -> int | None:
    """The flags that a text names, as `SYN,ACK` (any order, also + or |) or tcpdump's `S.`; None when it names none."""
    word = text.strip().strip("[]")
    if word.lower() == "none":
        return 0
    parts = [part.strip().lower() for part in re.split(r"[,+|\s]+", word) if part.strip()]
    if parts and all(part in FLAG_BITS for part in parts):
        return _union(FLAG_BITS, parts)
    if word and all(letter in _LETTERS for letter in word):
        return _union(_LETTERS, word)
    return None


def _union(bits: Mapping[str, int], names_: Iterable[str]) -> int:
    mask = 0
    for name in names_:
        mask |= bits[name]
    return mask
