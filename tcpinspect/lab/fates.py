"""What may happen to a packet on the way, exactly or by chance. Wing lab.

A `Treatment` turns the passages of one packet (at first a single one, untouched) into others: none is lost without a trace,
a lost one stays in the list and says why. Treatments follow each other; `lab.rules` reads them from text.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.packet import corrupted, marked, rewrapped


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of one copy of a packet. `delay_ns` comes on top of the wire's; `held`: until the sender's next packet has passed.

    `early`: what happened, happened in the first half of the way, so that a tap in the middle sees the result.
    """

    packet: bytes
    delay_ns: int = 0
    lost: bool = False
    held: bool = False
    early: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Traveller:
    """The packet that is about to pass: who sends it (a name of the wire's ends) and what is in it (None: no TCP)."""

    sender: str
    segment: Draft | None


Treatment = Callable[[Traveller, list[Passage]], list[Passage]]


@dataclass
class Chance:
    """Faults at random: the same `seed` and the same packets give the same fates. Shares are from 0 to 1.

    `jitter_ns`: every packet takes up to so much longer, which alone reorders; `reorder`: the share that is held until the
    next one has passed. Each fault happens before or behind the middle with equal chance.
    """

    seed: int
    loss: float = 0.0
    duplication: float = 0.0
    reorder: float = 0.0
    corruption: float = 0.0
    jitter_ns: int = 0
    marking: float = 0.0  # ECN: the share that a router marks
    sender: str | None = None  # only what this end sends
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def __call__(self, traveller: Traveller, passages: list[Passage]) -> list[Passage]:
        if self.sender not in (None, traveller.sender):
            return passages
        out = []
        for passage in passages:
            original = self._one(passage)
            out.append(original)
            if self._happens(self.duplication):
                copy = self._one(passage)
                # Behind the middle only that can be doubled which has passed it.
                out.append(replace(copy, early=copy.early or original.early or original.held, why="duplicated by chance"))
        return out

    def _one(self, passage: Passage) -> Passage:
        dice = self._dice
        passage = replace(passage, early=dice.random() < 0.5, delay_ns=passage.delay_ns + dice.randint(0, self.jitter_ns))
        if self._happens(self.loss):
            return replace(passage, lost=True, why="lost by chance")
        if self._happens(self.corruption):
            passage = replace(passage, packet=corrupted(passage.packet), why="corrupted by chance")
        elif self._happens(self.marking):
            passage = replace(passage, packet=marked(passage.packet))
        if self._happens(self.reorder):
            passage = replace(passage, held=True, why="overtaken by chance")
        return passage

    def _happens(self, share: float) -> bool:
        return self._dice.random() < share


def lose(passage: Passage) -> list[Passage]:
    """The packet does not arrive."""
    return [replace(passage, lost=True)]


def hold(passage: Passage) -> list[Passage]:
    """The packet waits until the sender's next one has passed."""
    return [replace(passage, held=True)]


def corrupt(passage: Passage) -> list[Passage]:
    """The packet is damaged on the way: its checksum no longer fits."""
    return [replace(passage, packet=corrupted(passage.packet))]


def mark(passage: Passage) -> list[Passage]:
    """A router marks the packet: congestion experienced (RFC 3168 §5)."""
    return [replace(passage, packet=marked(passage.packet))]


def delay(by_ns: int) -> Callable[[Passage], list[Passage]]:
    """The packet takes so much longer."""
    return lambda passage: [replace(passage, delay_ns=passage.delay_ns + by_ns)]


def duplicate(by_ns: int) -> Callable[[Passage], list[Passage]]:
    """The packet arrives twice, the second time so much later."""
    return lambda passage: [passage, replace(passage, delay_ns=passage.delay_ns + by_ns)]


def rewrite(change: Callable[[Draft], Draft], segment: Draft) -> Callable[[Passage], list[Passage]]:
    """The change is made to the segment, and the checksum made right again."""
    fresh = replace(change(segment), checksum=None)
    return lambda passage: [replace(passage, packet=rewrapped(passage.packet, fresh))]
