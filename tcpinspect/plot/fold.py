"""Which segments get an arrow of their own, which are folded into one. Floor 4. Reading: none.

A transfer of 10,000 segments says the same thing 10,000 times: its dull stretches become one arrow each, so that what
matters (opening, closing, changes of state, trouble) stays in sight on one page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tcpinspect.insight.words import octets
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

# Nothing is folded in a connection that fits on a page as it is.
UNFOLDED = 24
# A fold of fewer than this would save no room worth its words.
SHORTEST_RUN = 4
# A page takes so many arrows, whatever the connection.
_EDGE = 20

MILD = ("duplicate_ack", "window_update", "window_full", "out_of_order", "keep_alive", "keep_alive_ack")
GRAVE = (
    "retransmission", "lost_segment", "ack_lost_segment", "zero_window", "zero_window_probe", "zero_window_probe_ack", "reused_ports",
)  # fmt: skip
# What may be folded, tried in this order until the arrows fit on a page: weights up to, and whether over silences.
LEVELS = ((0, False), (1, False), (1, True), (2, False), (2, True), (3, True), (4, True))
# How a fold counts what is in it; retransmissions once, however they came about.
COUNTED = {
    "retransmission": "retransmission", "out_of_order": "segment out of order", "duplicate_ack": "duplicate ACK",
    "zero_window": "zero window", "zero_window_probe": "zero-window probe", "keep_alive": "keep-alive",
    "lost_segment": "gap in the capture", "window_full": "full window",
}  # fmt: skip


class Tally(NamedTuple):
    """What a fold holds. By direction, the server's first: how many segments, their octets, whether all are bare ACKs; and how many
    are what (`COUNTED`)."""

    segments: tuple[int, int]
    octets: tuple[int, int]
    bare: tuple[bool, bool]
    counts: Mapping[str, int]


class Run(NamedTuple):
    """Segments `first` to `last` (indices, both included) that share one arrow.

    With a `tally` they are more than those: of a long connection only some were made objects (`extract`).
    """

    first: int
    last: int
    tally: Tally | None = None


def runs(segments: Sequence[Any], stepping: Collection[int], silent: Collection[int], *, most: int) -> list[Run]:
    """The arrows, in order, at most `most` of them as far as it can be done.

    `stepping` are the frames at which a state changes: never folded while there is another way. `silent` are the indices before
    which a long silence lies: no fold reaches over one while there is another way.
    """
    if len(segments) <= min(UNFOLDED, most):
        return [Run(n, n) for n in range(len(segments))]
    weights = _weights(segments, stepping)
    found: list[Run] = []
    for level, over_silence in LEVELS:
        found = _fold(weights, level, frozenset() if over_silence else silent)
        if len(found) <= most:
            return found
    return ends_only(found, most)


def ends_only(found: list[Run], most: int) -> list[Run]:
    """The first and the last arrows, and all between them in one."""
    edge = min(_EDGE, (most - 1) // 2)
    return [*found[:edge], Run(found[edge].first, found[-edge - 1].last), *found[-edge:]]


def _weights(segments: Sequence[Any], stepping: Collection[int]) -> list[int]:
    """0 dull, 1 a mild mark seen before, 2 a grave one seen before, 3 the first of its kind, 4 SYN, FIN, RST, 5 a state changes."""
    seen: set[tuple[str, bool]] = set()
    out: list[int] = []
    for s in segments:
        grave = [name for name in GRAVE if getattr(s, name)]
        marks = grave or [name for name in MILD if getattr(s, name)] or (["data"] if s.payload_len else [])
        new = any((name, s.from_client) not in seen for name in marks)
        seen.update((name, s.from_client) for name in marks)
        if s.frame in stepping:
            out.append(5)
        elif s.tcp_flags & (SYN | FIN | RST):
            out.append(4)
        elif new:
            out.append(3)
        else:
            out.append(2 if grave else 1 if marks and marks != ["data"] else 0)
    return out


def _fold(weights: Sequence[int], level: int, silent: Collection[int]) -> list[Run]:
    out: list[Run] = []
    start = 0
    while start < len(weights):
        end = start
        while end < len(weights) and weights[end] <= level and (end == start or end not in silent):
            end += 1
        if end - start >= SHORTEST_RUN:
            out.append(Run(start, end - 1))
            start = end
        else:
            out.extend(Run(n, n) for n in range(start, max(end, start + 1)))
            start = max(end, start + 1)
    return out


def tally_of(segments: Sequence[Any]) -> Tally:
    """What segments that are objects come to."""
    ways = [[s for s in segments if bool(s.from_client) is way] for way in (False, True)]
    sent = [sum(s.payload_len for s in mine) for mine in ways]
    bare = [all(s.tcp_flags & ACK and not s.tcp_flags & (SYN | FIN | RST) and not s.keep_alive for s in mine) for mine in ways]
    counts = {name: sum(1 for s in segments if getattr(s, name)) for name in COUNTED}
    return Tally((len(ways[0]), len(ways[1])), (sent[0], sent[1]), (bare[0], bare[1]), counts)


def fold_words(tally: Tally) -> tuple[str, str, bool]:
    """A fold in words: how much went which way, what else is in it, and whether most of it is the client's."""
    from_client = (tally.octets[1], tally.segments[1]) >= (tally.octets[0], tally.segments[0])
    names = ("client", "server") if from_client else ("server", "client")
    label = f"… {_one_way(tally, from_client)} {names[0]} → {names[1]}"
    if tally.segments[not from_client]:
        label += f", {_one_way(tally, not from_client)} back"
    counts = ((COUNTED[name], n) for name, n in tally.counts.items())
    note = ", ".join(f"{n:,} {noun if n == 1 else _plural(noun)}" for noun, n in counts if n)
    return label + " …", note, from_client


def _one_way(tally: Tally, way: bool) -> str:
    """What went one way: `5 segments, 7,240 octets`; `3 ACKs` where there is nothing but acknowledgments."""
    number, sent = tally.segments[way], tally.octets[way]
    text = f"{number:,} {'ACK' if tally.bare[way] and not sent else 'segment'}{'' if number == 1 else 's'}"
    return f"{text}, {octets(sent)}" if sent else text


def _plural(noun: str) -> str:
    first, _, rest = noun.partition(" ")
    if rest and first in ("segment", "gap"):
        return f"{first}s {rest}"
    return noun + "s"
