"""Lists of rows, and what a notebook shows of them: small tables, escaped, times relative to the capture's start. Floor 3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tcpinspect.insight.phrases import count
from tcpinspect.model.address import endpoint_text
from tcpinspect.model.row import Row
from tcpinspect.model.table import printable
from tcpinspect.model.text_table import TextColumn, TextTable

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Capture

SHOWN = 20  # rows; the rest is counted
_WIDTH = 160  # characters of a line of text
_ONE_LINE = 44  # characters of a cell that is not broken: an IPv6 address with its port


def seconds(ns: int | None, first_ns: int | None) -> str:
    """A time as seconds since the first packet, with microseconds; "" for unknown."""
    if ns is None:
        return ""
    since = ns - (first_ns or 0)
    return f"{'-' if since < 0 else ''}{abs(since) // 10**9}.{abs(since) % 10**9 // 1000:06d}"


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]], more: int = 0) -> str:
    """A plain table; every text is made printable and escaped. `more` rows are only counted."""
    from html import escape

    head = "".join(f'<th style="text-align:left">{escape(printable(heading))}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(map(_table_cell, row))}</tr>" for row in rows)
    below = f"<p>{more:,} more rows</p>" if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _table_cell(text: str) -> str:
    """Words stand left, short ones on one line; Jupyter puts all of a table right, where numbers belong."""
    from html import escape

    words = text and not text.replace(".", "").replace("/", "").replace("-", "").isdecimal()
    line = ";white-space:nowrap" if len(text) <= _ONE_LINE else ""
    start = f'<td style="text-align:left{line}">' if words else "<td>"
    return f"{start}{escape(printable(text))}</td>"


def html_facts(title: str, capture: Capture) -> str:
    """What a capture is: format, link types, span, what is missing, and its warnings."""
    from html import escape

    facts = [capture.format, ", ".join(capture.link_types)]
    if capture.first_ns is not None and capture.last_ns is not None:
        facts.append(f"{seconds(capture.last_ns, capture.first_ns)} s")
    if capture.drops:
        facts.append(f"{capture.drops:,} packets dropped while capturing")
    if capture.snaplen_cut:
        facts.append(f"{capture.snaplen_cut:,} packets cut short")
    warnings = "".join(f"<li>{escape(printable(warning))}</li>" for warning in capture.warnings)
    line = escape(printable("; ".join(fact for fact in facts if fact)))
    return f"<p>{escape(printable(title))}<br>{line}</p>" + (f"<p>warnings:</p><ul>{warnings}</ul>" if warnings else "")


class RowList(list[Row]):
    """A list of rows of one table that shows itself as a table of a dozen columns. `first_ns` is where times count from."""

    def __init__(self, rows: Iterable[Row], table: str, first_ns: int | None) -> None:
        super().__init__(rows)
        self.table = table
        self.first_ns = first_ns

    def _columns(self) -> list[TextColumn]:
        first_ns = self.first_ns
        return [TextColumn(heading, _bound(text, first_ns), wrap=heading == "doubt") for heading, text in _COLUMNS[self.table].items()]

    def __repr__(self) -> str:
        lines = list(TextTable(self._columns(), self[:SHOWN], width=_WIDTH).lines()) if self else []
        more = [f"... {len(self) - SHOWN:,} more rows"] if len(self) > SHOWN else []
        return "\n".join([f"{count(len(self), 'row')} of {self.table}", *lines, *more])

    def _repr_html_(self) -> str:
        if self.table != "timeline":
            return self.table_html()
        from tcpinspect.model.cards import timeline_card

        return timeline_card(self, self.table_html())

    def table_html(self) -> str:
        """The first rows as a table of HTML, without anything around it."""
        columns = self._columns()
        rows = ([column.text(row) for column in columns] for row in self[:SHOWN])
        return html_table([column.heading for column in columns], rows, len(self) - SHOWN)


_Cell = Callable[[Any, int | None], str]


def _bound(text: _Cell, first_ns: int | None) -> Callable[[Any], str]:
    return lambda row: text(row, first_ns)


def _plain(name: str) -> _Cell:
    def text(row: Any, _first: int | None) -> str:
        value = getattr(row, name)
        return "" if value is None else str(value)

    return text


def _ends(address: str, port: str) -> _Cell:
    return lambda row, _first: endpoint_text(getattr(row, address), getattr(row, port))


def _both(name: str) -> _Cell:
    """A count of both sides as client/server; ? for unknown."""

    def text(row: Any, _first: int | None) -> str:
        return "/".join("?" if value is None else f"{value}" for value in (getattr(row, f"client_{name}"), getattr(row, f"server_{name}")))

    return text


def _duration(name: str) -> _Cell:
    """A span in seconds."""
    return lambda row, _first: seconds(getattr(row, name), None)


def _flags(row: Any, _first: int | None) -> str:
    from tcpinspect.protocol.header import flag_letters

    return flag_letters(row.tcp_flags)


def _notes(row: Any, _first: int | None) -> str:
    from tcpinspect.schema import ANALYSIS_FLAGS

    return ", ".join(name.replace("_", " ") for name in ANALYSIS_FLAGS if getattr(row, name))


def _time(name: str) -> _Cell:
    return lambda row, first: seconds(getattr(row, name), first)


_COLUMNS: dict[str, dict[str, _Cell]] = {
    "segments": {
        "frame": _plain("frame"), "time (s)": _time("time_ns"), "source": _ends("src", "src_port"), "destination": _ends("dst", "dst_port"),
        "flags": _flags, "seq": _plain("seq"), "ack": _plain("ack"), "payload_len": _plain("payload_len"), "window": _plain("window"),
        "notes": _notes, "cause": _plain("cause"),
    },
    "connections": {
        "stream": _plain("stream"), "client": _ends("client", "client_port"), "server": _ends("server", "server_port"),
        "start (s)": _time("start_ns"), "duration (s)": _duration("duration_ns"), "packets": _both("packets"), "bytes": _both("bytes"),
        "conn_state": _plain("conn_state"), "handshake": _plain("handshake"), "teardown": _plain("teardown"),
        "retransmissions": _both("retransmissions"), "initial rtt (s)": _duration("initial_rtt_ns"),
    },
    "timeline": {
        "frame": _plain("frame"), "time (s)": _time("time_ns"), "side": _plain("side"), "from_state": _plain("from_state"),
        "to_state": _plain("to_state"), "event": _plain("event"), "evidence": _plain("evidence"), "rfc": _plain("rfc"),
        "doubt": _plain("doubt"),
    },
    "findings": {
        "stream": _plain("stream"), "severity": _plain("severity"), "id": _plain("id"), "frame": _plain("frame"),
        "time (s)": _time("time_ns"), "count": _plain("count"), "text": _plain("text"),
    },
}  # fmt: skip
