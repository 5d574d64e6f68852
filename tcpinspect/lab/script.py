"""What a scenario says, once read: who does what when, what the wire does, what must come of it. Wing lab.

`lab.script_reader` reads it from text, `lab.scenario` plays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.wire import Name, TapPosition

# What stands at A and at B.
Pair = Literal["ours", "ours-kernel", "kernel-ours", "kernels"]
PAIRS: tuple[Pair, ...] = ("ours", "ours-kernel", "kernel-ours", "kernels")


def is_kernel(pair: Pair, end: Name) -> bool:
    """Whether a kernel stands at this end."""
    return pair == "kernels" or pair == ("kernel-ours" if end == "A" else "ours-kernel")


@dataclass(frozen=True, slots=True)
class Call:
    """A user's call at one end. `data` are octets, or how many; `expected` what it must return, None: whatever it does."""

    end: Name
    verb: str
    data: bytes | int | None
    expected: str | None


@dataclass(frozen=True, slots=True)
class Injection:
    """A segment in an end's name. `notation` may name a, b (the initial numbers) and a_nxt, b_nxt (SND.NXT)."""

    end: Name
    notation: str
    read: Draft


@dataclass(frozen=True, slots=True)
class Flood:
    """SYNs from addresses that nobody has, to one end."""

    end: Name
    count: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """An end is in one of these states. With `count`: it has so many connections in the (only) one."""

    end: Name
    states: tuple[str, ...]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The scenario is over."""


Action = Call | Injection | Flood | Expectation | End


@dataclass(frozen=True, slots=True)
class Line:
    """An action at its time; `number` is the line of the text. Only on these pairs."""

    number: int
    at_ns: int
    action: Action
    pairs: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Path:
    """Which states an end enters, in their order, but for LISTEN."""

    number: int
    end: Name
    states: tuple[str, ...]
    pairs: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the analysis must say: of a connection's column, or (`counted`) how many segments have a flag, "some" or a number."""

    number: int
    stream: int | None
    what: str
    value: str
    pairs: frozenset[Pair]
    counted: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """A segment that the capture must show, behind the one of the sight before. What the notation leaves out may be anything."""

    number: int
    end: Name
    notation: str
    pairs: frozenset[Pair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One exchange. `lesson` says in one line what it teaches, `lesson_zh` in Chinese ("" if it does not)."""

    name: str
    lesson: str
    lesson_zh: str = ""
    pairs: tuple[Pair, ...]
    settings: Mapping[Name, Mapping[str, object]] = field(default_factory=dict)
    sysctls: Mapping[Name, Mapping[str, str]] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    delay_ns: int = 10_000_000
    tap: TapPosition = "middle"
    lines: tuple[Line, ...] = ()
    paths: tuple[Path, ...] = ()
    claims: tuple[Claim, ...] = ()
    sights: tuple[Sight, ...] = ()
    beside: str | None = None

    def end_ns(self, pair: Pair) -> int:
        """When it is over on these ends: the time of the last line."""
        return max((line.at_ns for line in self.lines if pair in line.pairs), default=0)
