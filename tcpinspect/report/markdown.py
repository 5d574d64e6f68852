"""The report as Markdown: for an issue, a wiki, a pull request. Floor 4. Reading: CommonMark 0.31 and GitHub's tables.

The same order and words as the page, without its pictures: overview, what to look at first, the table of connections, and a
section for each interesting one. Whatever comes from the capture is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tcpinspect.insight import meanings, reading
from tcpinspect.insight.interest import interesting
from tcpinspect.insight.outcome_words import outcome_line, outcome_words
from tcpinspect.insight.phrases import UNKNOWN, count, duration, moment, number, octets, rfc_reference, since
from tcpinspect.model.address import endpoint_text as endpoint
from tcpinspect.report import overview
from tcpinspect.report.options import negotiated
from tcpinspect.report.safe import markdown as safe
from tcpinspect.report.sections import sections
from tcpinspect.report.summary import endpoints

_ROWS = 1000  # more rows than anybody reads, or than a wiki shows


def markdown_report(analysis: Any) -> str:
    """The report as one Markdown document, ending in a newline."""
    rows = analysis.connection_rows
    parts = [f"# TCP connections in {safe(analysis.name)}", _health(analysis), _overview(analysis, rows)]
    parts += [_worth(rows), _findings(analysis), _table(rows)]
    parts += [_section(analysis.connections[stream]) for stream in sections(rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _grid(head: Sequence[str], lines: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    rule = ["---:" if n in right else "---" for n in range(len(head))]
    body = ["| " + " | ".join(safe(cell) for cell in line) + " |" for line in lines]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "|".join(rule) + "|", *body])


def _health(analysis: Any) -> str:
    faults = getattr(analysis, "diagnoses", ())
    if not faults:
        return ""
    lines = [(one.severity, one.id, one.text, one.effect, one.remedy, number(one.frame)) for one in faults]
    head = ("severity", "id", "what is wrong", "what it does to the analysis", "what to do", "first frame")
    return "## Health of the capture\n\n" + _grid(head, lines, right=(5,))


def _overview(analysis: Any, rows: list[Any]) -> str:
    capture = analysis.capture
    facts = [("file", f"{analysis.name} ({capture.format})"), ("link types", ", ".join(capture.link_types))]
    if capture.first_ns is not None and capture.last_ns is not None:
        facts.append(("time", f"{moment(capture.first_ns)}, {duration(capture.last_ns - capture.first_ns)} long"))
    facts.append(("packets", f"{number(capture.packets)} ({octets(capture.bytes)})"))
    facts.append(("TCP", f"{count(capture.segments, 'segment')} in {count(len(rows), 'connection')}"))
    others = overview.not_tcp(capture)
    if others:
        facts.append(("not TCP", ", ".join(f"{many:,} {reason}" for reason, many in others)))
    if capture.drops:
        facts.append(("lost by the capture", number(capture.drops)))
    facts += [("warning", warning) for warning in capture.warnings]
    text = "## Overview\n\n" + _grid(("", ""), facts)
    if not rows:
        return text + "\n\nThere is no TCP in this capture."
    found = overview.outcomes(rows)
    ended = _grid(("connections", "how they ended", "Zeek"), [(number(o.number), o.words, o.conn_states) for o in found], right=(0,))
    return f"{text}\n\n{ended}"


def _worth(rows: list[Any]) -> str:
    worth = interesting(rows, limit=10)
    if not worth:
        return ""
    by_stream = {row.stream: row for row in rows}
    lines = [f"- **#{one.stream}** {safe(endpoints(by_stream[one.stream]))}: {safe('; '.join(one.reasons))}" for one in worth]
    return "## Worth a look first\n\n" + "\n".join(lines)


def _findings(analysis: Any) -> str:
    groups = overview.finding_groups(analysis.findings, capture=False)
    if not groups:
        return ""
    lines = [(g.severity, g.id, g.title, g.text, number(g.connections) if g.streams else "capture", rfc_reference(g.rfc)) for g in groups]
    return "## Findings\n\n" + _grid(("severity", "id", "what", "for example", "connections", "RFC"), lines, right=(4,))


def _table(rows: list[Any]) -> str:
    if not rows:
        return ""
    head = ("#", "client", "server", "outcome", "duration", "segments", "client's data", "server's data", "again", "last states")
    lines = [
        (
            row.stream, endpoint(row.client, row.client_port), endpoint(row.server, row.server_port),
            f"{row.conn_state}: {outcome_line(row)}", duration(row.duration_ns),
            number(row.client_packets + row.server_packets), _data(row, "client"), _data(row, "server"),
            number(row.client_retransmissions + row.server_retransmissions),
            f"{row.client_state or UNKNOWN} / {row.server_state or UNKNOWN}",
        )
        for row in rows[:_ROWS]
    ]  # fmt: skip
    more = f"\n\nand {count(len(rows) - _ROWS, 'connection')} more." if len(rows) > _ROWS else ""
    return "## Connections\n\n" + _grid(head, lines, right=(0, 4, 5, 6, 7, 8)) + more


def _data(row: Any, side: str) -> str:
    """Octets of data one way; nothing is known of a side that was not captured."""
    if reading.only_side(row) not in ("", side) or (side == "server" and reading.to_itself(row)):
        return UNKNOWN
    sent, exact = reading.amount(row, side)
    return octets(sent) if exact else f"{octets(sent)} captured"


def _section(c: Any) -> str:
    parts = [f"### #{c.stream} {safe(c.client)} → {safe(c.server)}", safe(outcome_words(c))]
    steps = [
        (
            since(row.time_ns, c.start_ns),
            row.frame if row.frame is not None else "",
            row.side,
            f"{row.from_state} → {row.to_state}",
            meanings.event(row.event),
            row.evidence,
            rfc_reference(row.rfc),
        )
        for row in c.timeline
    ]
    if steps:
        parts.append(_grid(("time", "frame", "side", "state", "because", "evidence", "RFC"), steps, right=(0, 1)))
    options = negotiated(c)
    if options:
        parts.append(_grid(("option", "client offered", "server offered", "in force", "RFC"), options))
    notes = [f"- {row.severity} {row.id}: {safe(row.text)} ({safe(rfc_reference(row.rfc))})" for row in c.findings]
    if notes:
        parts.append("\n".join(notes))
    return "\n\n".join(parts)
