"""What is in this capture, on one screen of a terminal. Floor 4. Reading: none; every number comes from the tables.

File and times, packets, what was not TCP, the capture's own faults, how the connections ended, which to look at first and why,
warnings, the most important findings, and what to type next. Never more lines than a screen has; what is left out is counted.
"""

from __future__ import annotations

import shlex
from textwrap import wrap
from typing import Any

from tcpinspect.insight.phrases import count, duration, moment, octets
from tcpinspect.model.address import endpoint_text
from tcpinspect.report import overview
from tcpinspect.report.safe import ascii_only, plain

_MANY = 5  # lines of each list: six lists of five and their headings fit a screen
_BOLD, _DIM, _RED, _YELLOW, _GREEN = "1", "2", "31", "33", "32"
_TONES = {"fine": _GREEN, "open": _YELLOW, "bad": _RED}
_GRADES = {"error": _RED, "warn": _YELLOW, "note": "36", "chat": _DIM}


def summary_text(survey: Any, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The digest as lines of at most `width` columns (at least 40), ending in a newline; colour as ANSI sequences."""
    page = _Page(max(40, width), color, unicode)
    digest = survey.digest
    _file(page, survey, digest.connections)
    _health(page, survey)
    _outcomes(page, digest)
    _worth(page, digest)
    _findings(page, survey)
    _next(page, survey)
    return page.text()


class _Page:
    """Lines being written: cut to the width, coloured last so that the colours take no columns."""

    def __init__(self, width: int, color: bool, unicode: bool) -> None:
        self.width, self._color, self._unicode = width, color, unicode
        self._lines: list[str] = []

    def heading(self, text: str) -> None:
        self._lines.append("")
        self.line(text, style=_BOLD)

    def line(self, text: str, *, style: str = "", start: int = 0, end: int | None = None) -> None:
        """One line, cut; `style` colours the columns from `start` to `end`."""
        text = self._spelled(text)
        if len(text) > self.width:
            text = text[: self.width - 1] + self._spelled("…")[:1]
        if self._color and style:
            stop = len(text) if end is None else end
            text = f"{text[:start]}\x1b[{style}m{text[start:stop]}\x1b[0m{text[stop:]}"
        self._lines.append(text)

    def command(self, text: str) -> None:
        """A line to be copied: never cut, a terminal wraps it."""
        self._lines.append("  " + self._spelled(text))

    def wrapped(self, text: str, *, indent: str, first: str = "", style: str = "", most: int = 2) -> None:
        """A sentence over at most `most` lines; `style` colours `first`."""
        lines = wrap(self._spelled(text), self.width - len(indent), max_lines=most, placeholder=self._spelled(" …")) or [""]
        self.line((first or indent).ljust(len(indent)) + lines[0], style=style, end=len(first))
        for more in lines[1:]:
            self.line(indent + more)

    def _spelled(self, text: str) -> str:
        return text if self._unicode else ascii_only(text)

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def _file(page: _Page, survey: Any, connections: int) -> None:
    capture = survey.capture
    page.line(plain(survey.name), style=_BOLD)
    links = ", ".join(plain(link) for link in capture.link_types)
    page.wrapped(plain(capture.format) + (f"; {links}" if links else ""), indent="  ")
    if capture.first_ns is not None and capture.last_ns is not None:
        page.line(f"  {moment(capture.first_ns, digits=3)}, {duration(capture.last_ns - capture.first_ns)} long")
    tcp = f"; {count(capture.segments, 'TCP segment')} in {count(connections, 'connection')}" if capture.segments else ""
    page.line(f"  {count(capture.packets, 'packet')}, {octets(capture.bytes)}{tcp}")
    others = overview.not_tcp(capture)
    if others:
        said = ", ".join(f"{number:,} {plain(reason)}" for reason, number in others[:8])
        page.wrapped(f"not TCP: {said}" + (f", {len(others) - 8} kinds more" if len(others) > 8 else ""), indent="  ", most=3)
    if survey.late_segments:
        late = count(survey.late_segments, "segment")
        page.wrapped(f"{late} came after their connections had been idle too long to be remembered: no figure has them.", indent="  ")
    for warning in capture.warnings[:_MANY]:
        page.wrapped(plain(warning), indent="    ", first="  ! ", style=_RED, most=3)


def _health(page: _Page, survey: Any) -> None:
    """The recording before what it records; nothing where it is healthy."""
    # A damaged file has said so above, in the reader's own words.
    faults = [one for one in survey.diagnoses if one.id != "TI-CAP-03"]
    if not faults:
        return
    page.heading("Health of the capture")
    for one in faults[:_MANY]:
        first = f"  {one.severity:<5} "
        page.wrapped(f"{one.id} {plain(one.text)}", indent=" " * len(first), first=first, style=_GRADES.get(one.severity, ""))
    if len(faults) > _MANY:
        page.line(f"  and {len(faults) - _MANY} more kinds of fault")


def _outcomes(page: _Page, digest: Any) -> None:
    if not digest.connections:
        page.heading("No TCP in this capture")
        return
    page.heading("How the connections ended")
    found = overview.counted_outcomes((sort.row, sort.number) for sort in digest.sorts)
    digits = max(len(f"{one.number:,}") for one in found)
    room = max(6, min(24, page.width - 56))
    # Where there are too many to list, the rarest go, never the bad before the good: they are why somebody looks.
    listed = sorted(found, key=lambda one: (-one.number, one.tone != "bad"))[: _MANY + 3]
    for one in (one for one in found if one in listed):
        bar = "█" * max(1, round(one.share * room))
        page.line(f"  {one.number:>{digits},}  {bar:<{room}}  {one.words}", style=_TONES[one.tone], start=digits + 4, end=digits + 4 + room)
    if len(found) > _MANY + 3:
        rest = [one for one in found if one not in listed]
        page.line(f"  {sum(one.number for one in rest):>{digits},}  {'':<{room}}  in {count(len(rest), 'other way')}")


def _worth(page: _Page, digest: Any) -> None:
    if not digest.connections:
        return
    worth = digest.worth
    if not worth.total:
        page.heading("Nothing unusual")
        return
    page.heading("Worth a look first")
    for one in worth.first[:_MANY]:
        row = digest.rows[one.stream]
        name = f"  #{one.stream} "
        page.wrapped(f"{endpoints(row)}: {'; '.join(one.reasons[:3])}", indent=" " * max(6, len(name)), first=name, style=_BOLD)
    if worth.total > _MANY:
        page.line(f"  and {worth.total - _MANY:,} more")


def endpoints(row: Any) -> str:
    """Both ends of a row of the table `connections`, `192.0.2.1:40000 → 192.0.2.2:80`."""
    return f"{endpoint_text(row.client, row.client_port)} → {endpoint_text(row.server, row.server_port)}"


def _findings(page: _Page, survey: Any) -> None:
    groups = overview.digest_groups(survey.digest, survey.diagnoses)
    if not groups:
        return
    page.heading("Findings")
    for group in groups[:_MANY]:
        first = f"  {group.severity:<5} "
        where = f" (#{group.streams[0]})" if group.streams else ""
        if group.connections > 1:
            where = f" ({group.connections:,} connections alike)" if group.alike else f" (one of {group.connections:,} connections)"
        page.wrapped(f"{group.id} {plain(group.text)}{where}", indent=" " * len(first), first=first, style=_GRADES.get(group.severity, ""))
    if len(groups) > _MANY:
        page.line(f"  and {len(groups) - _MANY} more kinds of finding")


def _next(page: _Page, survey: Any) -> None:
    if not survey.digest.connections:
        return
    name = plain(survey.given)
    unnamed = name.startswith("<") or name == "-" or name != survey.given
    file = "FILE..." if survey.files > 1 else "FILE" if unnamed else shlex.quote(name)
    worth = survey.digest.worth.first
    stream = worth[0].stream if worth else 0
    page.heading("What to type next")
    if survey.diagnoses:
        page.command(f"tcpinspect doctor {file}")
    page.command(f"tcpinspect show {file} --stream {stream}")
    page.command(f"tcpinspect report {file} -o report.html")
    page.command(f"tcpinspect connections {file}")
