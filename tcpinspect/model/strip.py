"""A connection's states as two rows of boxes, a small drawing in plain SVG for a notebook. Floor 3. Reading: RFC 9293 §3.3.2.

Not to scale: each step has a column as wide as its states' names need, so nothing overlaps, be it microseconds or minutes long.
What is assumed is dashed. No matplotlib: a card is there at once. The picture to scale is `tcpinspect.plot.states`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from tcpinspect.model.state_colors import STATE_COLORS, UNKNOWN_STATE, readable
from tcpinspect.model.table import printable

# Columns; a longer story says how many steps it leaves out.
MOST_MOMENTS = 18
_LEFT, _ROW, _GAP, _TOP = 58, 24, 8, 6
_LETTER, _PADDING, _LEAST = 6.6, 12, 34  # pixels at 11 px type


class Box(NamedTuple):
    """A side in one state from the moment `first` to the moment `last`, numbers of columns; `assumed`: nothing shows it."""

    side: str
    state: str
    first: int
    last: int
    assumed: bool


class Strip(NamedTuple):
    """The boxes of both sides, the frame at which each column begins ("" for none), and the steps left out."""

    boxes: tuple[Box, ...]
    frames: tuple[str, ...]
    left_out: int


def strip(steps: Sequence[Any]) -> Strip:
    """Lay out rows of `timeline`: steps of the same frame share a moment, column 0 is what was before all of them."""
    moments: list[tuple[int | None, str]] = []
    kept: list[tuple[Any, int]] = []
    for step in steps:
        side_moves_twice = any(at == len(moments) and other.side == step.side for other, at in kept)
        if not moments or moments[-1][0] != step.frame or side_moves_twice:
            if len(moments) == MOST_MOMENTS:
                break
            moments.append((step.frame, "" if step.frame is None else str(step.frame)))
        kept.append((step, len(moments)))
    boxes: list[Box] = []
    for side in ("client", "server"):
        mine = [(step, at) for step, at in kept if step.side == side]
        state, since, assumed = (mine[0][0].from_state or "unknown", 0, True) if mine else ("", 0, True)
        for step, at in mine:
            if step.event != "CAPTURE-START":  # what was before the capture nobody knows
                boxes.append(Box(side, state, since, at, assumed))
            state, since, assumed = step.to_state or "unknown", at, step.evidence == "assumed"
        if mine:
            boxes.append(Box(side, state, since, len(moments) + 1, assumed))
    return Strip(tuple(boxes), ("", *(frame for _, frame in moments)), len(steps) - len(kept))


def places(laid_out: Strip) -> list[float]:
    """Where each column begins, in pixels, and where the last one ends: every name fits into its box."""
    count = len(laid_out.frames)
    at = [float(_LEFT)]
    for column in range(1, count + 1):
        needs = (at[box.first] + len(box.state) * _LETTER + _PADDING for box in laid_out.boxes if box.last == column)
        at.append(max(at[-1] + _LEAST, *needs, 0.0))
    return at


def svg(steps: Sequence[Any]) -> str:
    """The drawing as an element for a page; empty where there are no steps. Lines and names take the colour of the page's text."""
    laid_out = strip(steps)
    if not laid_out.boxes:
        return ""
    at = places(laid_out)
    width, height = at[-1] + 4, _TOP + 2 * _ROW + _GAP + 18
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" '
        f'role="img" font-family="sans-serif" font-size="11"><title>The states of both sides, step by step</title>'
    ]
    for row, side in enumerate(("client", "server")):
        y = _TOP + row * (_ROW + _GAP)
        parts.append(f'<text x="0" y="{y + 16}" fill="currentColor">{side}</text>')
        parts += [_box(box, at, y) for box in laid_out.boxes if box.side == side]
    below = _TOP + 2 * _ROW + _GAP + 13
    parts.append(f'<text x="0" y="{below}" fill="currentColor" opacity="0.7">frame</text>')
    parts += [
        f'<text x="{x + 2:.0f}" y="{below}" fill="currentColor" opacity="0.7">{frame}</text>'
        for x, frame in zip(at, laid_out.frames, strict=False)
        if frame
    ]
    more = f"<p>{laid_out.left_out:,} more steps</p>" if laid_out.left_out else ""
    return f'<div style="overflow-x:auto">{"".join(parts)}</svg></div>{more}'


def _box(box: Box, at: Sequence[float], y: float) -> str:
    x, width = at[box.first], at[box.last] - at[box.first] - 2
    fill = STATE_COLORS.get(box.state, UNKNOWN_STATE)
    dashed = f'stroke="{UNKNOWN_STATE}" stroke-dasharray="3 2" fill-opacity="0.35"' if box.assumed else ""
    ink = 'fill="currentColor"' if box.assumed else f'fill="{readable(fill)}"'
    name = escape(printable(box.state))
    return (
        f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="{_ROW}" rx="3" fill="{fill}" {dashed}/>'
        f'<text x="{x + width / 2:.0f}" y="{y + 16}" text-anchor="middle" {ink}>{name}</text>'
    )
