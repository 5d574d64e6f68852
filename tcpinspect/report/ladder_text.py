"""One connection as a ladder in a terminal: two rails, an arrow a segment. Floor 4. Reading: RFC 9293 §3.5, §3.6 (its figures).

The same layout as the picture (`plot.layout`), in characters. Three shapes, by the room there is: notes in a column of their own,
notes below their arrows, and on narrow terminals the states, too, between the rails. No line is ever wider than asked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tcpinspect.insight.phrases import count, duration
from tcpinspect.plot import layout
from tcpinspect.report.ladder_style import KIND_STYLES, QUIET, Marks, State, marks, paint, state_style
from tcpinspect.report.safe import ascii_only, plain

# A piece of a line: its text and the terminal's code for its colour ("" for none).
_Piece = tuple[str, str]

_NARROWEST = 40
_WIDEST = 200
# Arrows are readable from here on; below, the states move between the rails.
_LEAST_INNER = 44
_MOST_INNER = 64
_LEAST_NOTES = 34


def text_ladder(connection: Any, *, phase: str = "all", width: int = 100, unicode: bool = True, color: bool = False) -> str:
    """The ladder of a connection, or of its phase "handshake" or "teardown", as lines of at most `width` characters (40 to 200).

    `unicode` False uses ASCII alone; `color` adds the terminal's colour codes, which are not counted in the width. Raises
    UsageError for a phase there is not; a phase that the connection does not have is one line that says so.
    """
    picture = layout.ladder(connection, phase=phase)
    page = _Page(picture, connection.stream, max(_NARROWEST, min(_WIDEST, width)), marks(unicode), unicode)
    return "\n".join(_line(pieces, color) for pieces in page.lines()) + "\n"


def _line(pieces: list[_Piece], color: bool) -> str:
    while pieces and not pieces[-1][0].strip():
        pieces = pieces[:-1]
    if pieces:
        pieces = [*pieces[:-1], (pieces[-1][0].rstrip(), pieces[-1][1])]
    return "".join(paint(text, style) if color and style and text.strip() else text for text, style in pieces)


@dataclass(slots=True)
class _Block:
    """What belongs to one arrow: the states that begin with it, and the silence before it in ns."""

    arrow: layout.Arrow
    client: list[State]
    server: list[State]
    silence_ns: int | None


class _Page:
    """The lines of one ladder. The columns are fixed first, then every block is written into them."""

    def __init__(self, picture: layout.Ladder, stream: int, width: int, glyphs: Marks, unicode: bool) -> None:
        self._stream = stream
        self._picture, self._width, self._marks, self._unicode = picture, width, glyphs, unicode
        self._top, self._blocks = _blocks(picture)
        self._now = dict(self._top)
        names = [state.text for block in self._blocks for state in (*block.client, *block.server)]
        names.extend(state.text for state in self._top.values())
        self._time = max((len(layout.clock(picture, arrow)) for arrow in picture.arrows), default=0)
        self._time = max(self._time, len(self._time_head()))
        self._state = max(len("client"), *map(len, names))
        fixed = self._time + 2 + 2 * (self._state + 1) + 2
        self._inner = width - fixed
        self._inside = self._inner < _LEAST_INNER
        self._notes = 0
        if self._inside:
            self._inner = width - self._time - 4
        elif self._inner - _LEAST_NOTES - 2 >= _LEAST_INNER:
            longest = max((len(self._text(arrow.label)) for arrow in picture.arrows), default=0)
            self._inner = min(self._inner - _LEAST_NOTES - 2, max(_LEAST_INNER, min(_MOST_INNER, longest + 6)))
            self._notes = width - fixed - self._inner - 2

    def lines(self) -> Iterator[list[_Piece]]:
        """All lines, as pieces."""
        picture = self._picture
        yield from self._head()
        if not picture.arrows:
            yield [(self._text(layout.missing(picture.phase, self._stream)), QUIET)]
            return
        yield from self._first_states()
        for block in self._blocks:
            if block.silence_ns is not None:
                yield self._silence(block.silence_ns)
            yield from self._block(block)
        yield from self._foot()

    def _head(self) -> Iterator[list[_Piece]]:
        for role, name in (("client", self._picture.client), ("server", self._picture.server)):
            text = f"{role}  {plain(name)}"
            if role == "server" and name == self._picture.client:
                text += "  (itself)"
            yield [(text if len(text) <= self._width else text[: self._width], "1")]
        yield []

    def _first_states(self) -> Iterator[list[_Piece]]:
        client, server = self._now["client"], self._now["server"]
        head = f"{self._time_head():>{self._time}}  "
        if not self._inside:
            yield [(head, QUIET), (f"{'client':>{self._state}} ", "1"), (" " * (self._inner + 2), ""), (" server", "1")]
            yield self._row("", client, [(" " * self._inner, "")], server, [])
        else:
            yield [(head, QUIET), (f"client{'server':>{self._inner - 4}}", "1")]
            yield self._row("", None, self._between(client, server), None, [])

    def _block(self, block: _Block) -> Iterator[list[_Piece]]:
        arrow = block.arrow
        time = layout.clock(self._picture, arrow)
        inner = self._arrow(arrow)
        note = self._text(arrow.note) + (", crosses the next" if arrow.crosses else "")
        style = KIND_STYLES.get(arrow.kind, "")
        beside: list[str] = []
        if self._notes:
            beside = textwrap.wrap(note, self._notes) if note else []
        elif note:
            for line in textwrap.wrap(note, self._inner - 4):
                inner.append([(f"  {line:<{self._inner - 2}}" if arrow.from_client else f"{line:>{self._inner - 2}}  ", style or QUIET)])
        if self._inside:
            pairs = [(_at(block.client, n), _at(block.server, n)) for n in range(max(len(block.client), len(block.server)))]
            for n, pieces in enumerate(inner):
                yield self._row(time if n == 0 else "", None, pieces, None, [])
            for one, other in pairs:
                self._enter(one, other)
                yield self._row("", None, self._between(one, other), None, [])
            return
        for n in range(max(len(inner), len(block.client), len(block.server), len(beside))):
            one, other = _at(block.client, n), _at(block.server, n)
            self._enter(one, other)
            between = inner[n] if n < len(inner) else [(" " * self._inner, "")]
            right = [(f"  {beside[n]}", style or QUIET)] if n < len(beside) else []
            yield self._row(time if n == 0 else "", one, between, other, right)

    def _enter(self, client: State | None, server: State | None) -> None:
        if client is not None:
            self._now["client"] = client
        if server is not None:
            self._now["server"] = server

    def _row(self, time: str, client: State | None, inner: list[_Piece], server: State | None, right: list[_Piece]) -> list[_Piece]:
        """Time, client's state, rail, what lies between, rail, server's state, note."""
        edge = [(f"{self._text(time):>{self._time}}  ", QUIET)]
        rails = [(self._marks.rail, state_style(self._now[side].name)) for side in ("client", "server")]
        if self._inside:
            return [*edge, rails[0], *inner, rails[1]]
        left = [(f"{client.text if client else '':>{self._state}} ", client.style if client else "")]
        after = [(f" {server.text if server else '':<{self._state}}", server.style if server else "")]
        return [*edge, *left, rails[0], *inner, rails[1], *after, *right]

    def _between(self, client: State | None, server: State | None) -> list[_Piece]:
        """Two states inside the rails, each at its own."""
        one, other = client.text if client else "", server.text if server else ""
        # A space beside each rail, but for two long states on the narrowest screen.
        edge = " " if len(one) + len(other) + 3 <= self._inner else ""
        gap = " " * (self._inner - 2 * len(edge) - len(one) - len(other))
        return [(f"{edge}{one}", client.style if client else ""), (gap, ""), (f"{other}{edge}", server.style if server else "")]

    def _arrow(self, arrow: layout.Arrow) -> list[list[_Piece]]:
        """The arrow with its label in it; where that is too long, the numbers follow on a line of their own."""
        label, more = self._text(arrow.label), ""
        room = self._inner - 6
        if arrow.lost:
            room = self._inner - 8
        if len(label) > room and arrow.numbers:
            label, more = self._text(arrow.flags), self._text(arrow.numbers)
        wrapped = textwrap.wrap(label, room) if len(label) > room else [label]
        style = KIND_STYLES.get(arrow.kind, "")
        out = [[(self._shaft(arrow, wrapped[0] if len(wrapped) == 1 else ""), style)]]
        rest = [more] if more else wrapped if len(wrapped) > 1 else []
        for line in rest:
            line = line[: self._inner - 4]
            out.append([(f"  {line:<{self._inner - 2}}" if arrow.from_client else f"{line:>{self._inner - 2}}  ", style or QUIET)])
        return out

    def _shaft(self, arrow: layout.Arrow, label: str) -> str:
        """One line: `─ SYN  seq=0 len=0 ────▶`, from the server mirrored; a lost one ends in mid-air."""
        glyphs = self._marks
        dash = glyphs.dashes.get(arrow.kind, glyphs.line)
        said = f" {label} " if label else ""
        length = self._inner
        if arrow.lost:
            length = max(len(said) + 4, length * 2 // 3)
        if arrow.from_client:
            shaft = dash + said + dash * (length - len(said) - 2) + (glyphs.lost if arrow.lost else glyphs.right)
            return f"{shaft:<{self._inner}}"
        shaft = (glyphs.lost if arrow.lost else glyphs.left) + dash * (length - len(said) - 2) + said + dash
        return f"{shaft:>{self._inner}}"

    def _silence(self, silence_ns: int) -> list[_Piece]:
        text = self._text(f"{duration(silence_ns)} of silence")
        left = self._time + 2 + (0 if self._inside else self._state + 1)
        cut = self._marks.cut
        return [(" " * left, ""), (f"{cut}{f'{cut} {text}':^{self._inner}}{cut}", QUIET)]

    def _foot(self) -> Iterator[list[_Piece]]:
        picture = self._picture
        span = picture.arrows[-1].time_ns - picture.arrows[0].time_ns
        said = [f"{count(picture.segments, 'segment')} shown" if picture.phase != "all" else count(picture.segments, "segment")]
        if any(arrow.kind == "fold" for arrow in picture.arrows):
            said[0] += f" in {len(picture.arrows)} arrows"
        if span > 0 and all(arrow.kind != "fold" for arrow in picture.arrows[-1:]):
            said[0] += f" over {duration(span)}"
        if any(state.assumed for state in self._all_states()):
            said.append("(STATE): assumed, nothing captured shows it")
        if any(arrow.lost for arrow in picture.arrows):
            said.append(f"{self._marks.lost} nothing shows that it arrived")
        yield []
        for line in textwrap.wrap(self._text("; ".join(said)) + ".", self._width):
            yield [(line, QUIET)]

    def _all_states(self) -> Iterator[State]:
        yield from (state for state in self._top.values() if state.name)
        for block in self._blocks:
            yield from (*block.client, *block.server)

    def _time_head(self) -> str:
        return f"time, {layout.clock_unit(self._picture)}"

    def _text(self, text: str) -> str:
        return plain(text) if self._unicode else ascii_only(plain(text))


def _blocks(picture: layout.Ladder) -> tuple[dict[str, State], list[_Block]]:
    """The states at the top of each rail, and for each arrow those that begin with it or before the next."""
    top = {"client": State("", False), "server": State("", False)}
    blocks = [_Block(arrow, [], [], None) for arrow in picture.arrows]
    for span in picture.spans:
        state = State(span.state, span.evidence == "assumed")
        at = max((n for n, block in enumerate(blocks) if block.arrow.y_start <= span.y_top), default=-1)
        if at < 0 or span.y_top <= 0:
            top[span.side] = state
        else:
            (blocks[at].client if span.side == "client" else blocks[at].server).append(state)
    for pause in picture.breaks:
        following = next((block for block in blocks if block.arrow.y_start > pause.y), None)
        if following is not None:
            following.silence_ns = pause.silence_ns
    return top, blocks


def _at(states: list[State], n: int) -> State | None:
    return states[n] if n < len(states) else None
