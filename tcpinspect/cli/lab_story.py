"""An exchange told while it happens: two rails with both ends' true states, an arrow a segment. Floor 5."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING

from tcpinspect.protocol.header import ACK, SYN
from tcpinspect.report.ladder_style import QUIET, marks, paint, state_style
from tcpinspect.report.safe import ascii_only, plain

if TYPE_CHECKING:
    from tcpinspect.lab.draft import Draft
    from tcpinspect.lab.scenario import Played
    from tcpinspect.lab.verdicts import Outcome
    from tcpinspect.lab.wire import Copy, Crossing, Name
    from tcpinspect.protocol.rfc9293 import State

_STATE = 12  # the longest name, SYN-RECEIVED
_MOST_INNER, _EASY_INNER, _LEAST_INNER = 60, 30, 20
_CLOCK, _GAP = 10, 2
_NARROW_CLOCK, _NARROW_GAP = 9, 1  # where less than _EASY_INNER would be left between the rails
_BAD = "31"
_UDP_HEADER = 8  # octets, RFC 768


class Story:
    """A watcher for `lab.scenario.play`: writes a line for everything that happens, as soon as it does.

    Both states stand at their rails where they change. A segment is written when it arrives; one that is lost, when it is sent.
    """

    def __init__(self, write: Callable[[str], None], *, width: int = 100, unicode: bool = True, color: bool = False) -> None:
        self._write, self._unicode, self._color = write, unicode, color
        self._marks = marks(unicode)
        self._narrow = width < _CLOCK + _GAP + 2 * (_STATE + 2) + _EASY_INNER
        self._clock, self._gap = (_NARROW_CLOCK, _NARROW_GAP) if self._narrow else (_CLOCK, _GAP)
        self._inner = max(_LEAST_INNER, min(_MOST_INNER, width - self._clock - self._gap - 2 * (_STATE + 2)))
        self._told = 0
        self._open: list[Crossing] = []
        self._seen = 0
        self._initial: dict[Name, int] = {}
        self._states: Mapping[Name, State] = {}
        self._now = 0
        self._arrived: set[int] = set()  # copies that have been written, by their identity

    def begin(self, a: str, b: str) -> None:
        """The heads of both rails."""
        self._write(f"{'time':>{self._clock}}{' ' * self._gap}{f'A ({a})':>{_STATE}} {' ' * (self._inner + 2)} B ({b})")

    def __call__(self, played: Played, states: Mapping[Name, State]) -> None:
        """Tell what is new."""
        self._now = played.wire.now - played.wire.start_ns
        for outcome in played.outcomes[self._told :]:
            self._outcome(outcome, states)
        self._told = len(played.outcomes)
        # What arrived comes before what was sent for it.
        for crossing in list(self._open):
            self._arrivals(crossing, states)
        for crossing in played.wire.crossings[self._seen :]:
            self._sent(crossing, states)
        self._seen = len(played.wire.crossings)
        if states != self._states:
            self._line(" " * self._inner, states)

    def _outcome(self, outcome: Outcome, states: Mapping[Name, State]) -> None:
        if outcome.what == "is" and outcome.met:
            return
        text = outcome.what if outcome.result == "ok" else f"{outcome.what}: {outcome.result}"
        text = plain(f"{text}, expected {outcome.expected}" if not outcome.met else text)
        text = text if len(text) <= self._inner - 2 else text[: self._inner - 3] + "…"
        aligned = f"{text:>{self._inner - 1}} " if outcome.end == "B" else f" {text:<{self._inner - 1}}"
        self._line(aligned if outcome.end else f"{text:^{self._inner}}", states, _BAD if not outcome.met else QUIET)

    def _sent(self, crossing: Crossing, states: Mapping[Name, State]) -> None:
        from tcpinspect.lab.packet import unwrap

        found = unwrap(crossing.packet)
        if found is not None and found.segment.flags & SYN and crossing.departure >= 0:
            self._initial[crossing.sender] = found.segment.seq or 0
        for copy in crossing.copies:
            if copy.lost:
                self._line(self._arrow(crossing, copy), states, QUIET)
        self._open.append(crossing)

    def _arrivals(self, crossing: Crossing, states: Mapping[Name, State]) -> None:
        """The copies that have arrived since the last look."""
        for copy in crossing.copies:
            if copy.arrived_ns is not None and id(copy) not in self._arrived:
                self._arrived.add(id(copy))
                self._line(self._arrow(crossing, copy), states)
        if all(copy.lost or copy.arrived_ns is not None for copy in crossing.copies):
            self._open.remove(crossing)

    def _arrow(self, crossing: Crossing, copy: Copy) -> str:
        dash, inner = self._marks.line, self._inner
        fate = _fate(crossing, copy)
        label = f" {self._label(crossing)}{f' ({fate})' if fate and not copy.lost else ''} "
        label = label if len(label) <= inner - 4 else f"{label[: inner - 6]}… "
        length = inner if not copy.lost else max(len(label) + 4, inner * 2 // 3)
        tip = self._marks.lost if copy.lost else self._marks.right if crossing.sender == "A" else self._marks.left
        body = dash * (length - len(label) - 2)
        shaft = dash + label + body + tip if crossing.sender == "A" else tip + body + label + dash
        return f"{shaft:<{inner}}" if crossing.sender == "A" else f"{shaft:>{inner}}"

    def _label(self, crossing: Crossing) -> str:
        """The segment in packetdrill's notation, its numbers from each end's first."""
        from dataclasses import replace

        from tcpinspect.lab.notation import notation
        from tcpinspect.lab.packet import unwrap

        found = unwrap(crossing.packet)
        if found is None:
            packet = crossing.packet
            octets = len(packet) - (packet[0] & 15) * 4 - _UDP_HEADER
            return f"UDP, {octets} octets" if len(packet) > 9 and packet[9] == 17 else "ICMP"
        own: Draft = found.segment
        peer: Name = "B" if crossing.sender == "A" else "A"
        shifted = own.shifted(-self._initial.get(crossing.sender, 0), -self._initial.get(peer, 0))
        if not shifted.flags & ACK:
            shifted = replace(shifted, ack=None)
        text = re.sub(r"\d{9,}", _signed, notation(replace(shifted, options=(), window=None), extras=False))
        # with little room, the end of what is empty is left out
        return re.sub(r"(-?\d+):\1\(0\)", r"\1", text) if self._narrow else text

    def _line(self, between: str, states: Mapping[Name, State], style: str = "") -> None:
        cells = {}
        for name in ("A", "B"):
            state = str(states[name])
            changed = self._states.get(name) != states[name]
            text = f"{state if changed else '':{'>' if name == 'A' else '<'}{_STATE}}"
            cells[name] = self._paint(text, state_style(state) if changed else "")
        self._states = dict(states)
        rail = self._marks.rail
        inner = between if self._unicode else ascii_only(between)
        self._write(
            f"{_time(self._now):>{self._clock}}{' ' * self._gap}{cells['A']} {rail}{self._paint(inner, style)}{rail} {cells['B']}".rstrip()
        )

    def _paint(self, text: str, style: str) -> str:
        return paint(text, style) if self._color and style and text.strip() else text


# A rule of the wire, in one word for what became of a segment.
_FATES = {"delay": "delayed", "hold": "overtaken", "corrupt": "corrupted", "mark": "marked", "rewrite": "rewritten"}


def _fate(crossing: Crossing, copy: Copy) -> str:
    """What the wire did to this copy, "" where nothing."""
    if copy is not crossing.copies[0]:
        return "a copy"
    return "" if copy.why.startswith("duplicate") else _FATES.get(copy.why.partition(" ")[0], copy.why)


class Column(Story):
    """The same in a narrow column of its own, without a clock: `lines` with their times. The states stand between the rails."""

    def __init__(self, *, width: int, unicode: bool = True, color: bool = False) -> None:
        super().__init__(_nowhere, unicode=unicode, color=color)
        self._narrow = True
        self._inner = max(_LEAST_INNER, min(_MOST_INNER, (width - _CLOCK - 2 * _GAP - 4) // 2))
        self.lines: list[tuple[int, str]] = []

    @property
    def blank(self) -> str:
        """A line in which nothing happens."""
        return f"{self._marks.rail}{' ' * self._inner}{self._marks.rail}"

    def _line(self, between: str, states: Mapping[Name, State], style: str = "") -> None:
        rail = self._marks.rail
        if between.strip():
            inner = between if self._unicode else ascii_only(between)
            self.lines.append((self._now, f"{rail}{self._paint(inner, style)}{rail}"))
        a, b = (str(states[name]) if self._states.get(name) != states[name] else "" for name in ("A", "B"))
        self._states = dict(states)
        together = len(a) + len(b) < self._inner - 2
        for left, right in [(a, b)] if together else [(a, ""), ("", b)]:
            if left or right:
                room = " " * (self._inner - 2 - len(left) - len(right))
                states_said = f"{self._paint(left, state_style(left))}{room}{self._paint(right, state_style(right))}"
                self.lines.append((self._now, f"{rail} {states_said} {rail}"))


def side_by_side(left: Column, right: Column, *, heads: tuple[str, str]) -> Iterator[str]:
    """Two exchanges in one time: what happened in the same moment stands in the same line."""
    gap = " " * _GAP
    wide = len(left.blank)
    for n, names in enumerate(zip_longest(*(textwrap.wrap(head, wide) for head in heads), fillvalue="")):
        yield f"{'time' if n == 0 else '':>{_CLOCK}}{gap}{gap.join(f'{name:^{wide}}' for name in names)}".rstrip()
    rails = f"A{' ' * (wide - 2)}B"
    yield f"{'':>{_CLOCK}}{gap}{rails}{gap}{rails}"
    by_time: dict[int, tuple[list[str], list[str]]] = {}
    for n, column in enumerate((left, right)):
        for now, line in column.lines:
            by_time.setdefault(now, ([], []))[n].append(line)
    for now, both in sorted(by_time.items()):
        for first, pair in enumerate(zip_longest(*both)):
            cells = gap.join(line or column.blank for line, column in zip(pair, (left, right), strict=True))
            yield f"{_time(now) if first == 0 else '':>{_CLOCK}}{gap}{cells}"


def _nowhere(_: str) -> None:
    """A column keeps its lines."""


def _time(now: int) -> str:
    return f"{now / 1e6:.1f} ms" if now < 10**10 else f"{now / 1e9:.1f} s"


def _signed(match: re.Match[str]) -> str:
    """Numbers before an end's first one are negative, not close to 2^32."""
    number = int(match[0])
    return str(number - (1 << 32) if number >= 1 << 31 else number)
