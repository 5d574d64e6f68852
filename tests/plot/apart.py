"""Do any two texts of a picture meet, or leave its page? Along their arrows texts are turned: boxes are turned with them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

Corners = Any  # an array of four points, pixels


def _corners(text: Any, renderer: Any) -> Corners:
    turn = text.get_rotation()
    if turn % 90:
        text.set_rotation(0)
    box = text.get_window_extent(renderer)
    text.set_rotation(turn)
    points = np.array([(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)])
    if not turn % 90:
        return points
    at = text.get_transform().transform(text.get_unitless_position())
    cos, sin = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return (points - at) @ np.array([[cos, sin], [-sin, cos]]) + at


def _meet(one: Corners, other: Corners, room: float = 1.5) -> bool:
    """Two convex shapes are apart where a line along an edge of one of them has all of the other beyond it."""
    for shape in (one, other):
        for a, b in zip(shape, np.roll(shape, -1, axis=0), strict=True):
            across = np.array([a[1] - b[1], b[0] - a[0]]) / (np.hypot(*(b - a)) or 1.0)
            mine, theirs = one @ across, other @ across
            if mine.max() - room <= theirs.min() or theirs.max() - room <= mine.min():
                return False
    return True


def meeting(ax: Any) -> list[tuple[str, str]]:
    """Pairs of texts of the axes that meet, and ("outside", text) for those that leave the page."""
    from matplotlib.text import Text

    figure = ax.get_figure()
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    ticks = [(axis.get_major_ticks() + axis.get_minor_ticks(), axis._update_ticks()) for axis in (ax.xaxis, ax.yaxis)]
    drawn = {id(label) for _, shown in ticks if ax.axison for tick in shown for label in (tick.label1, tick.label2)}
    hidden = {id(label) for every, _ in ticks for tick in every for label in (tick.label1, tick.label2)} - drawn
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible() and id(t) not in hidden]
    found = [(t.get_text(), _corners(t, renderer)) for t in texts if t.get_window_extent(renderer).width]
    out = [(a, b) for (a, one), (b, other) in itertools.combinations(found, 2) if _meet(one, other)]
    page = figure.bbox
    for text, points in found:
        (left, low), (right, high) = points.min(axis=0), points.max(axis=0)
        if left < page.x0 - 1 or right > page.x1 + 1 or low < page.y0 - 1 or high > page.y1 + 1:
            out.append(("outside", text))
    return out
