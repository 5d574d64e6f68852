"""What a notebook shows of an analysis, a connection, a timeline and a segment: a few words, a small drawing, tables. Floor 3.

All of it is text made when it is asked for: no matplotlib, no script, nothing kept. Everything from the capture is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from tcpinspect.insight.meanings import CONN_STATES, EVIDENCE
from tcpinspect.insight.outcome_words import outcome_sentences
from tcpinspect.model import strip
from tcpinspect.model.address import endpoint_text
from tcpinspect.model.notebook import html_facts, html_table
from tcpinspect.model.row import Row
from tcpinspect.model.table import printable
from tcpinspect.protocol.header import flag_letters

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis
    from tcpinspect.model.connection import Connection
    from tcpinspect.model.segment import Segment

_FINDINGS = 8
_BAR = 240  # pixels of the longest bar
_ARROW = 460
_FINE, _TROUBLE = "#1aa67d", "#c1350b"


def analysis_card(analysis: Analysis) -> str:
    """The facts of the capture, how its connections ended, what is worth saying, and the connections."""
    parts = [html_facts(repr(analysis)[1:-1], analysis.capture)]
    if len(analysis.connections) > 1:
        parts.append(_outcomes(analysis.connection_rows))
    parts.append(analysis.connections._repr_html_())
    found = sorted(analysis.findings, key=lambda one: ("error", "warn", "note", "chat").index(one.severity))
    if found:
        said = [_finding(one) for one in found[:_FINDINGS]]
        more = [f"<li>and {len(found) - _FINDINGS:,} more: <code>.findings</code></li>"] if len(found) > _FINDINGS else []
        parts.append(_folded(f"findings ({len(found):,})", f"<ul>{''.join(said + more)}</ul>"))
    return "".join(parts)


def _finding(one: Row) -> str:
    where = "" if one.stream is None else f" (connection {one.stream})"
    return f"<li><b>{escape(one.severity)}</b> {_safe(one.text)}{where}</li>"


def _outcomes(rows: Sequence[Row]) -> str:
    """One bar for each of Zeek's outcomes, the most frequent first."""
    counts = Counter(row.conn_state for row in rows).most_common()
    most = counts[0][1]
    bars = []
    for at, (name, number) in enumerate(counts):
        y, width = 4 + 20 * at, max(2, round(_BAR * number / most))
        color = _FINE if name in ("SF", "S1") else _TROUBLE
        bars.append(
            f'<text x="52" y="{y + 12}" text-anchor="end" fill="currentColor">{number:,}</text>'
            f'<rect x="58" y="{y}" width="{width}" height="15" rx="2" fill="{color}"/>'
            f'<text x="{64 + width}" y="{y + 12}" fill="currentColor">{escape(name)}: {escape(CONN_STATES.get(name, ""))}</text>'
        )
    height = 8 + 20 * len(counts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" viewBox="0 0 760 {height}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>How the connections ended</title>{"".join(bars)}</svg>'
    )


def connection_card(connection: Connection) -> str:
    """What happened, in words; both sides' states; the timeline and all columns, folded."""
    story = " ".join(outcome_sentences(connection))
    steps = connection.timeline
    return (
        f"<h4>{_safe(str(connection))}</h4><p>{_safe(story)}</p>{strip.svg(steps)}"
        + _folded(f"timeline ({len(steps)} steps)", steps.table_html())
        + _folded("all columns", _columns(connection.row))
    )


def timeline_card(steps: Sequence[Row], table: str) -> str:
    """The table of steps, with the strip of states above it where it is one connection's."""
    if len({step.stream for step in steps}) != 1:
        return table
    said = "; ".join(f"{name}: {meaning}" for name, meaning in EVIDENCE.items() if any(step.evidence == name for step in steps))
    return f"{strip.svg(steps)}{table}<p><small>{escape(said)}</small></p>"


def segment_card(segment: Segment) -> str:
    """An arrow from its sender to its receiver, why it was sent, its header, and all columns."""
    from tcpinspect.insight.words import flags_in_words, numbers_in_words

    why = segment.why
    return (
        f"<h4>frame {segment.frame}: {_safe(flags_in_words(segment.tcp_flags))}</h4>"
        f"{_arrow(segment, numbers_in_words(segment))}<p>{_safe(why.sentence)}</p>"
        + _folded("why", why._repr_html_())
        + _folded("all columns", _columns(segment))
    )


def _arrow(s: Segment, numbers: str) -> str:
    """The segment as a ladder draws it: the client left, the server right."""
    ends = [endpoint_text(s.src, s.src_port), endpoint_text(s.dst, s.dst_port)]
    left, right = ends if s.from_client else reversed(ends)
    title = "from client to server" if s.from_client else "from server to client"
    tip, back = (_ARROW - 16, _ARROW - 28) if s.from_client else (16, 28)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_ARROW}" height="62" viewBox="0 0 {_ARROW} 62" role="img" '
        f'font-family="sans-serif" font-size="11" fill="currentColor"><title>{title}</title>'
        f'<text x="0" y="12">client {_safe(left)}</text><text x="{_ARROW}" y="12" text-anchor="end">server {_safe(right)}</text>'
        f'<path d="M16 18V58M{_ARROW - 16} 18V58M16 44H{_ARROW - 16}" stroke="currentColor" fill="none"/>'
        f'<path d="M{tip} 44L{back} 39V49Z"/><text x="{_ARROW / 2:.0f}" y="36" text-anchor="middle">'
        f"{escape(flag_letters(s.tcp_flags))} {_safe(numbers)}</text></svg>"
    )


def _columns(row: Row) -> str:
    return html_table(("column", "value"), ((name, "" if value is None else str(value)) for name, value in row._asdict().items()))


def _folded(name: str, inside: str) -> str:
    return f"<details><summary>{escape(name)}</summary>{inside}</details>"


def _safe(text: str) -> str:
    return escape(printable(text))
