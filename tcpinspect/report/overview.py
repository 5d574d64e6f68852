"""The numbers that every report begins with: outcomes counted, what was not TCP, findings grouped. Floor 4.

One place decides the order and the words, so that the page, the Markdown and the terminal say the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from tcpinspect.insight import meanings, reading
from tcpinspect.insight.findings import KINDS, importance
from tcpinspect.insight.outcome_words import outcome_line


class Outcome(NamedTuple):
    """How many connections ended alike; `tone` is fine, open or bad; `share` of all, 0 to 1."""

    words: str
    tone: str
    number: int
    share: float
    conn_states: str


class FindingGroup(NamedTuple):
    """All findings of one kind: the severest first; `streams` in order, `text` of the first; `alike`: every text is the same."""

    id: str
    severity: str
    title: str
    connections: int
    times: int
    text: str
    streams: tuple[int, ...]
    rfc: str
    alike: bool


_TONES = {"fine": 0, "open": 1, "bad": 2}


def outcomes(rows: Iterable[Any]) -> list[Outcome]:
    """The outcomes of the rows of the table `connections`, fine ones first, then by number."""
    return counted_outcomes((row, 1) for row in rows)


def counted_outcomes(sorts: Iterable[tuple[Any, int]]) -> list[Outcome]:
    """The same, of rows that each stand for a number of connections with the same outcome."""
    counted: Counter[tuple[str, str]] = Counter()
    states: dict[tuple[str, str], set[str]] = {}
    for row, number in sorts:
        key = (tone(row), outcome_line(row))
        counted[key] += number
        states.setdefault(key, set()).add(row.conn_state)
    total = sum(counted.values())
    ordered = sorted(counted.items(), key=lambda item: (_TONES[item[0][0]], -item[1], item[0][1]))
    return [Outcome(words, kind, number, number / total, " ".join(sorted(states[kind, words]))) for (kind, words), number in ordered]


def tone(row: Any) -> str:
    """How an outcome is coloured: `fine`, `open` (unfinished or unknown) or `bad`."""
    opened = reading.opening(row)
    if opened in ("refused", "unanswered", "incomplete", "contested") or row.teardown in ("reset", "aborted"):
        return "bad"
    return "fine" if row.teardown in reading.ORDERLY and opened != "one-way" else "open"


def slug(words: str) -> str:
    """An outcome's words as a name for addresses and attributes: `opened-and-closed-normally`."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def finding_groups(findings: Iterable[Any], *, capture: bool = True) -> list[FindingGroup]:
    """Findings of the same kind together, in the order in which a person should read them.

    `capture` False leaves out the faults of the capture itself, which a report tells elsewhere.
    """
    groups: dict[str, list[Any]] = {}
    for one in findings:
        if one.id.startswith("TI-CAP") and not capture:
            continue
        groups.setdefault(one.id, []).append(one)
    made = [_group(kind, sorted(rows, key=importance)) for kind, rows in groups.items()]
    order = {severity: n for n, severity in enumerate(meanings.SEVERITIES)}
    return sorted(made, key=lambda g: (order.get(g.severity, 9), bool(g.streams), -g.connections, g.id))


def digest_groups(digest: Any, diagnoses: list[Any]) -> list[FindingGroup]:
    """The same from a digest, without chat and without the faults of the capture: the counts are all, the texts those of examples."""
    groups = [_group(one.id, [one]) for one in digest.crowd_findings()]
    for one in digest.troubles(diagnoses):
        kind = KINDS[one.id]
        if kind.severity != "chat":
            example = one.example
            made = FindingGroup(
                one.id, kind.severity, kind.title, one.connections, example.count, example.text, (example.stream,), kind.rfc, one.alike
            )
            groups.append(made)
    order = {severity: n for n, severity in enumerate(meanings.SEVERITIES)}
    return sorted(groups, key=lambda g: (order.get(g.severity, 9), bool(g.streams), -g.connections, g.id))


def _group(kind: str, rows: list[Any]) -> FindingGroup:
    streams = tuple(sorted({row.stream for row in rows if row.stream is not None}))
    title = KINDS[kind].title if kind in KINDS else kind
    text, alike = rows[0].text, len({row.text for row in rows}) == 1
    return FindingGroup(kind, rows[0].severity, title, len(streams), sum(row.count for row in rows), text, streams, rows[0].rfc, alike)


def not_tcp(capture: Any) -> list[tuple[str, int]]:
    """What was not TCP, most frequent reason first."""
    return sorted(capture.not_tcp.items(), key=lambda item: (-item[1], item[0]))
