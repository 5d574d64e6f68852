"""RFC 9293's state diagram laid out, with the path that one connection or many took through it. Floor 4. Reading: RFC 9293 §3.3.2.

The arcs are those of `TRANSITIONS`; `diagram_map` says where they run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tcpinspect.plot.diagram_map import END, HALF_HEIGHT, HALF_WIDTH, OTHERS, PLACES, ROUTES, Route
from tcpinspect.plot.itself import UNKNOWN, steps_of
from tcpinspect.protocol.rfc9293 import TRANSITIONS

_SIDES = ("client", "server")
# Figure 5 leaves these out or puts them into its notes; they lead to CLOSED from nearly everywhere.
_NOT_IN_FIGURE = ("ABORT", "RCV-RST", "RCV-ICMP", "TIMEOUT-USER")
_SAMPLES = 60
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Node:
    """A state's box around (x, y), `HALF_WIDTH` and `HALF_HEIGHT` to each side. `notes`: what began or ended here."""

    name: str
    state: str
    x: float
    y: float
    visited: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One side went along an arc `times` times, at `frames` (empty: no frame shows it); `evidence` is the weakest of the steps'."""

    side: str
    times: int
    frames: tuple[int, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class Arc:
    """An arc from state to state: a curve of `points` between the boxes' edges, its words at (`x`, `y`).

    `words` are its events and what is sent ("RCV-SYN / SYN,ACK"), of those taken where it was taken; `figure`: figure 5 has it.
    """

    start: str
    end: str
    points: tuple[Point, ...]
    words: tuple[str, ...]
    x: float
    y: float
    align: str
    up: str
    passages: tuple[Passage, ...]
    figure: bool

    @property
    def times(self) -> int:
        """How often it was taken by both sides."""
        return sum(passage.times for passage in self.passages)


@dataclass(frozen=True, slots=True)
class Machine:
    """The diagram. `connections` is how many went through it; `hidden`: arcs of TRANSITIONS that are not drawn; `busiest`: the most
    `times` of an arc."""

    nodes: tuple[Node, ...]
    arcs: tuple[Arc, ...]
    connections: int
    hidden: int
    busiest: int


def machine(connections: Iterable[Any]) -> Machine:
    """Lay out the diagram with the paths of some connections (`model.Connection`); with none it is the bare diagram."""
    taken: dict[tuple[str, str], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    begins: Counter[str] = Counter()
    visited: set[str] = set()
    count = 0
    for connection in connections:
        count += 1
        for side in _SIDES:
            steps = [step for step in steps_of(connection) if step.side == side]
            for step in steps:
                if step.event == "CAPTURE-START":
                    begins[step.to_state] += 1
                elif UNKNOWN not in (step.from_state, step.to_state):
                    taken[_way(step.from_state, step.to_state)][side].append(step)
            if steps:
                ends[_end_of(steps[-1])][side] += 1
    for start, end in taken:
        visited |= {start, end}
    visited |= set(begins)
    nodes = tuple(
        Node(name, "CLOSED" if name == END else name, *PLACES[name], name in visited, _notes(name, begins, ends[name], count))
        for name in PLACES
    )
    arcs = tuple(_arcs(taken))
    pairs = {_way(str(t.state), str(t.to)) for t in TRANSITIONS}
    return Machine(nodes, arcs, count, len(pairs - {(arc.start, arc.end) for arc in arcs}), max((arc.times for arc in arcs), default=0))


def _way(start: str, end: str) -> tuple[str, str]:
    """The boxes of a step: a connection ends in the lower CLOSED, one that was never opened goes back to the upper."""
    return start, END if end == "CLOSED" and start not in ("LISTEN", "SYN-SENT", "SYN-RECEIVED") else end


def _end_of(step: Any) -> str:
    return _way(step.from_state, step.to_state)[1]


def _notes(name: str, begins: Counter[str], ends: Counter[str], connections: int) -> tuple[str, ...]:
    notes = []
    if connections > 1:
        if begins[name]:
            notes.append(f"the capture began here: {begins[name]:,}")
        if ends:
            notes.append("ended here: " + ", ".join(f"{side} {n:,}" for side, n in sorted(ends.items())))
        return tuple(notes)
    if begins[name]:
        notes.append("the capture began here")
    if ends:
        notes.append(" and ".join(sorted(ends)) + (" ended here" if len(ends) == 1 else " both ended here"))
    return tuple(notes)


def _arcs(taken: dict[tuple[str, str], dict[str, list[Any]]]) -> Iterable[Arc]:
    by_pair: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for t in TRANSITIONS:
        by_pair[_way(str(t.state), str(t.to))].append(t)
    for pair, transitions in by_pair.items():
        steps = taken.get(pair, {})
        usual = [t for t in transitions if str(t.event) not in _NOT_IN_FIGURE]
        figure = pair in ROUTES and bool(usual)
        if not figure and not steps:
            continue
        events = {step.event for mine in steps.values() for step in mine}
        shown = [t for t in transitions if str(t.event) in events] or usual
        yield _arc(pair, tuple(dict.fromkeys(_words(t) for t in shown)), steps, figure)
    for pair, steps in taken.items():
        if pair not in by_pair and pair[0] in PLACES and pair[1] in PLACES and pair[0] != pair[1]:
            # A step that the table does not have (a rule of another RFC) is drawn all the same.
            yield _arc(pair, tuple(dict.fromkeys(step.event for mine in steps.values() for step in mine)), steps, False)


def _words(transition: Any) -> str:
    return f"{transition.event} / {transition.sends}" if transition.sends else str(transition.event)


def _arc(pair: tuple[str, str], words: tuple[str, ...], steps: dict[str, list[Any]], figure: bool) -> Arc:
    route = ROUTES.get(pair) or OTHERS.get(pair, Route(0.12))
    whole = _curve(PLACES[pair[0]], PLACES[pair[1]], route)
    points = tuple(point for point in whole if not _inside(point, pair[0]) and not _inside(point, pair[1]))
    at = points[min(len(points) - 1, int(route.at * len(points)))] if points else whole[len(whole) // 2]
    passages = tuple(_passage(side, steps[side]) for side in _SIDES if steps.get(side))
    return Arc(*pair, points, words, at[0] + route.dx, at[1] + route.dy, route.align, route.up, passages, figure)


def _passage(side: str, steps: list[Any]) -> Passage:
    frames = tuple(sorted({step.frame for step in steps if step.frame is not None}))
    weakest = next((name for name in ("assumed", "inferred") if any(step.evidence == name for step in steps)), "observed")
    return Passage(side, len(steps), frames, weakest)


def _curve(start: Point, end: Point, route: Route) -> list[Point]:
    """A quadratic curve between two boxes' middles, as many points."""
    (x0, y0), (x2, y2) = (start[0] + route.leave[0], start[1] + route.leave[1]), (end[0] + route.arrive[0], end[1] + route.arrive[1])
    # To the left of the way, seen along it, with y downwards.
    x1, y1 = (x0 + x2) / 2 + route.bend * 2 * (y2 - y0), (y0 + y2) / 2 - route.bend * 2 * (x2 - x0)
    out = []
    for n in range(_SAMPLES + 1):
        t = n / _SAMPLES
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        out.append((a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2))
    return out


def _inside(point: Point, name: str) -> bool:
    x, y = PLACES[name]
    return abs(point[0] - x) <= HALF_WIDTH and abs(point[1] - y) <= HALF_HEIGHT
