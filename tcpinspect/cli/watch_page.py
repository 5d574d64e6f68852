"""What `watch` shows on a terminal, as lines of exactly its width: the states, the table, a ladder, the keys. Floor 5.

Nothing here reads a clock, a key or a socket: a page is made from what it is given, so a test can make one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tcpinspect.insight import reading
from tcpinspect.insight.outcome_words import outcome_line
from tcpinspect.insight.phrases import count, duration, size
from tcpinspect.model.address import endpoint_text
from tcpinspect.model.text_table import TextColumn, TextTable
from tcpinspect.protocol.rfc9293 import State
from tcpinspect.report.ladder_style import paint, state_style
from tcpinspect.report.safe import ascii_only, plain

if TYPE_CHECKING:
    from tcpinspect.cli.watch_kernel import Kernel
    from tcpinspect.model.watching import Line

_STATES = [str(state) for state in State]
# Longest first, so that no name is taken for a part of another.
_ANY_STATE = re.compile("|".join(sorted(map(re.escape, _STATES), key=len, reverse=True)))
_BOLD, _QUIET, _ALARM, _CHOSEN = "1", "2", "1;37;41", "7"
_FIN = 16  # a bit of `completeness`

KEYS = (
    ("up down, PgUp PgDn", "choose a connection"),
    ("Enter", "open it as a ladder that grows; Esc or q closes it"),
    ("s, r", "order by the next column, turn the order round"),
    ("/", "show only what a filter lets through, for example: server_port == 80 and client_state == ESTABLISHED"),
    ("p or space", "pause: the picture stands still; of a file also the clock"),
    ("n", "of a file: do not wait for the next packet"),
    ("q", "end, and print the summary"),
)


@dataclass(slots=True)
class Shown:
    """What the table page tells, besides the lines."""

    name: str
    elapsed_ns: int
    seen: int
    alive: int
    segments: int
    dropped: int | None
    counts: dict[str, tuple[int, int]]
    floods: list[str]
    order: str
    filter: str = ""
    notes: list[str] = field(default_factory=list)
    paused: bool = False
    over: str = ""


class Pages:
    """Makes pages for a terminal of `width` × `height` characters."""

    def __init__(self, width: int, height: int, *, color: bool, unicode: bool) -> None:
        self.width, self.height, self._color, self._unicode = max(20, width), max(6, height), color, unicode

    def room(self, shown: Shown) -> int:
        """How many connections fit below the head."""
        return max(1, self.height - len(self._head(shown)) - 2)

    def table(self, shown: Shown, lines: Sequence[Line], chosen: int | None, now_ns: int, kernel: Kernel | None) -> list[str]:
        """The page with the table; `chosen` is the stream number of the connection to mark."""
        head = self._head(shown)
        rows = list(TextTable(_columns(now_ns, kernel), lines, width=self.width, ellipsis="…" if self._unicode else "~").lines())
        body = [self._painted(rows[0], _BOLD)]
        for line, text in zip(lines, rows[1:], strict=True):
            if line.row.stream == chosen:
                body.append(self._painted(text.ljust(self.width), _CHOSEN))
            else:
                body.append(self._states(self._cut(text)))
        if not lines:
            body.append(self._cut("nothing yet" if not shown.filter else "the filter lets nothing through"))
        foot = "Enter ladder  s order  r turn  / filter  p pause  h help  q end"
        return self._fill([*head, *body], self._painted(foot, _QUIET))

    def ladder(self, title: str, lines: Sequence[str], notes: Sequence[str]) -> list[str]:
        """The page with one connection; the end of the ladder is shown when not all of it fits."""
        room = self.height - 2 - len(notes)
        shown = list(lines)
        if len(shown) > room:
            shown = ["… " + count(len(shown) - room + 1, "line") + " above", *shown[-(room - 1) :]]
            shown[0] = shown[0] if self._unicode else ascii_only(shown[0])
        head = [self._painted(self._cut(title), _BOLD), *(self._cut(note) for note in notes)]
        return self._fill([*head, *shown], self._painted("Esc or q: back to the table   p pause", _QUIET))

    def help(self) -> list[str]:
        """The page with the keys."""
        wide = max(len(keys) for keys, _ in KEYS)
        lines = [self._painted("The keys", _BOLD), "", *(self._cut(f"  {keys:<{wide}}  {what}") for keys, what in KEYS)]
        return self._fill(lines, self._painted("any key: back", _QUIET))

    def _fill(self, lines: list[str], foot: str) -> list[str]:
        lines = lines[: self.height - 1]
        return [*lines, *[""] * (self.height - 1 - len(lines)), foot]

    def _head(self, shown: Shown) -> list[str]:
        parts = [plain(shown.name, limit=40), duration(shown.elapsed_ns), count(shown.seen, "connection")]
        if shown.alive != shown.seen:
            parts[-1] += f" ({shown.alive:,} in the table)"
        parts.append(count(shown.segments, "segment"))
        if shown.dropped is not None:
            parts.append(f"{shown.dropped:,} dropped")
        lines = [self._painted("  ".join(parts), _BOLD)]
        lines += self._walls(shown.counts)
        lines += [self._painted(plain(flood).ljust(self.width), _ALARM) for flood in shown.floods[:3]]
        about = [f"order: {shown.order}"]
        about += [f"filter: {plain(shown.filter)}"] if shown.filter else []
        about += ["PAUSED"] if shown.paused else []
        about += [plain(shown.over)] if shown.over else []
        return [
            *lines,
            self._painted("  ".join([*about, *map(plain, shown.notes)]), _QUIET if not shown.paused and not shown.over else _BOLD),
        ]

    def _walls(self, counts: dict[str, tuple[int, int]]) -> list[str]:
        """The states of all ends: a bar as wide as the terminal, shared by those that are not closed, and the numbers of all."""
        both = {state: sum(pair) for state, pair in counts.items()}
        alive = {state: number for state, number in both.items() if state != "CLOSED"}
        total = sum(alive.values())
        block, bar, at, passed = "█" if self._unicode else "#", [], 0, 0
        for state, number in alive.items():
            passed += number
            end = max(at + 1, round(passed * self.width / total))
            end = min(end, self.width)
            if end > at:
                bar.append(paint(block * (end - at), state_style(state)) if self._color else (state[0] * (end - at)))
            at = end
        said = (
            "no connection yet"
            if not both
            else "  ".join(f"{state} {number:,}" for state, number in sorted(both.items(), key=lambda item: -item[1]))
        )
        return ["".join(bar), self._states(self._cut(said))]

    def _cut(self, text: str) -> str:
        text = text if self._unicode else ascii_only(text)
        return text if len(text) <= self.width else text[: self.width - 1] + ("…" if self._unicode else "~")

    def _painted(self, text: str, style: str) -> str:
        text = self._cut(text)
        return paint(text, style) if self._color or style == _CHOSEN else text

    def _states(self, text: str) -> str:
        if not self._color:
            return text
        return _ANY_STATE.sub(lambda found: paint(found.group(), state_style(found.group())), text)


def _columns(now_ns: int, kernel: Kernel | None) -> list[TextColumn]:
    """The columns of the table, as functions of a Line."""

    def since(at_ns: int | None) -> str:
        return "" if at_ns is None else duration(max(0, now_ns - at_ns) // 1_000_000 * 1_000_000)

    columns = [
        TextColumn("#", lambda one: str(one.row.stream), right=True, rank=1),
        TextColumn("client", lambda one: endpoint_text(one.row.client, one.row.client_port), least=21, tail=6),
        TextColumn("server", lambda one: endpoint_text(one.row.server, one.row.server_port), least=21, tail=6),
        TextColumn("client is", lambda one: one.row.client_state or "?", least=12),
        TextColumn("since", lambda one: since(one.client_since_ns), right=True, rank=7),
        TextColumn("server is", lambda one: one.row.server_state or "?", least=12),
        TextColumn("since", lambda one: since(one.server_since_ns), right=True, rank=8),
        TextColumn("RTT", lambda one: _rtt(one.row), right=True, rank=4),
        TextColumn("bytes", lambda one: size(one.row.client_payload_bytes + one.row.server_payload_bytes), right=True, rank=2),
        TextColumn("again", lambda one: str(one.row.client_retransmissions + one.row.server_retransmissions), right=True, rank=6),
        TextColumn("outcome", lambda one: outcome_now(one.row), least=16, rank=3),
    ]
    if kernel is not None:
        columns.insert(7, TextColumn("kernel says", lambda one: _kernel(kernel, one, now_ns), least=14))
    return columns


def _kernel(kernel: Kernel, line: Line, now_ns: int) -> str:
    found = kernel.compare(line, now_ns)
    return " / ".join(("≠ " if differ else "") + says for _, _, says, differ in found)


def _rtt(row: Any) -> str:
    measured = [ns for ns in (row.client_rtt_median_ns, row.server_rtt_median_ns, row.initial_rtt_ns) if ns is not None]
    return duration(max(measured)) if measured else ""


def outcome_now(row: Any) -> str:
    """The outcome in a few words, of a connection that may go on."""
    opening = reading.opening(row)
    if row.teardown != "open":
        return outcome_line(row).removeprefix("opened and ")
    if opening == "unanswered":
        return f"no answer yet{f', asked {row.client_packets} times' if row.client_packets > 1 else ''}"
    if opening == "incomplete":
        return "half open"
    return "closing" if row.completeness & _FIN else "open, began earlier" if opening == "none" else "open"
