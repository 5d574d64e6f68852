"""Ranges of sequence numbers: what was sent when and how often, what was selectively acknowledged. Floor 3.

Positions are unwrapped sequence numbers (plain integers that do not turn at 2³²). Both stores are bounded, for a capture
can hold any disorder, and every operation is linear in what it merges, so that a whole connection stays linear.
Reading: RFC 9293 §3.4; RFC 2018 §3.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

MOST_PIECES = 20_000
MOST_RANGES = 128


class Piece(NamedTuple):
    """Octets start … end−1: sent `copies` times, first in segment number `first`, latest in `last` (places in the list)."""

    start: int
    end: int
    first: int
    last: int
    copies: int


class Sent:
    """What one side sent, as pieces apart from one another and in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[Piece] = []

    def add(self, begin: int, end: int, index: int) -> list[Piece]:
        """Note that segment `index` carried begin … end−1; returns the older pieces that it overlaps, in order."""
        if begin >= end:
            return []
        if self.append(begin, end, index):
            return []
        at, past = self._overlap(begin, end)
        old = self._pieces[at:past]
        fresh = Piece(begin, end, index, index, 1)
        made = [fresh]
        if old:
            left, right = old[0], old[-1]
            low, high = max(begin, left.start), min(end, right.end)
            again = Piece(low, high, min(p.first for p in old), index, max(p.copies for p in old) + 1)
            made = [
                left._replace(end=begin), fresh._replace(end=low), again, fresh._replace(start=high), right._replace(start=end),
            ]  # fmt: skip
            made = [p for p in made if p.start < p.end]
        self._pieces[at:past] = made
        self._starts[at:past] = [p.start for p in made]
        return old

    def append(self, begin: int, end: int, index: int) -> bool:
        """The same where it lies beyond all pieces; False, and nothing noted, where it does not."""
        pieces = self._pieces
        if pieces and begin < pieces[-1].end:
            return False
        self._starts.append(begin)
        pieces.append(Piece(begin, end, index, index, 1))
        if len(pieces) > MOST_PIECES:
            del self._starts[: MOST_PIECES // 2], pieces[: MOST_PIECES // 2]
        return True

    def _overlap(self, begin: int, end: int) -> tuple[int, int]:
        at = bisect_right(self._starts, begin) - 1
        if at < 0 or self._pieces[at].end <= begin:
            at += 1
        return at, max(at, bisect_left(self._starts, end))

    def within(self, begin: int, end: int) -> list[Piece]:
        """The pieces that overlap begin … end−1, in order."""
        if begin >= end:
            return []
        at, past = self._overlap(begin, end)
        return self._pieces[at:past]

    def ending(self, position: int) -> Piece | None:
        """The piece that ends here."""
        at = bisect_left(self._starts, position) - 1
        return self._pieces[at] if at >= 0 and self._pieces[at].end == position else None

    def after(self, position: int) -> Piece | None:
        """The first piece that starts at this position or beyond."""
        at = bisect_left(self._starts, position)
        return self._pieces[at] if at < len(self._pieces) else None


class Ranges:
    """A set of octets as ranges apart from one another and in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Add begin … end−1; returns the parts that were not in the set."""
        if begin >= end:
            return []
        at = bisect_left(self._ends, begin)
        past = bisect_right(self._starts, end)
        new: list[tuple[int, int]] = []
        edge = begin
        for start, stop in zip(self._starts[at:past], self._ends[at:past], strict=True):
            if edge < start:
                new.append((edge, min(start, end)))
            edge = max(edge, stop)
        if edge < end:
            new.append((edge, end))
        if at < past:
            begin, end = min(begin, self._starts[at]), max(end, self._ends[past - 1])
        self._starts[at:past] = [begin]
        self._ends[at:past] = [end]
        if len(self._starts) > MOST_RANGES:
            del self._starts[0], self._ends[0]
        return new

    def drop_below(self, position: int) -> None:
        """Forget what lies wholly below."""
        n = bisect_right(self._ends, position)
        del self._starts[:n], self._ends[:n]

    def covers(self, begin: int, end: int) -> bool:
        """Whether all of begin … end−1 is in the set."""
        at = bisect_right(self._starts, begin) - 1
        return at >= 0 and self._ends[at] >= end

    def above(self, position: int) -> int:
        """How many octets of the set lie at this position or beyond."""
        return sum(max(0, end - max(start, position)) for start, end in zip(self._starts, self._ends, strict=True))
