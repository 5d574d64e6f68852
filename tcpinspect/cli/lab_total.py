"""The sum of `lab verify`: how far the analysis and the truth agree over many exchanges, and why not further. Floor 5."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tcpinspect.lab.compare import Comparison
from tcpinspect.lab.kernel.witness import Account
from tcpinspect.protocol.rfc9293 import State

if TYPE_CHECKING:
    from tcpinspect.lab.kernel.witness import Witness
    from tcpinspect.lab.scenario import Played
    from tcpinspect.lab.timeline import TrueStep


class Total:
    """The sum over all exchanges; `alone` says why there was no second witness, "" where there was one or no kernel.

    `whole`: the whole catalogue is played, so that it is worth saying which states were reached.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._whole = whole
        self.agreed = self.compared = self.knowable = self.silent = self.played = self.unexplained = self.unmet = self.unjudged = 0
        self.reasons: Counter[str] = Counter()
        self.quirks: Counter[str] = Counter()
        self.witnesses = Account()
        self.alone = ""
        self._reached: dict[tuple[str, str], set[State]] = defaultdict(set)  # by whose end it is and how it opened

    @property
    def bad(self) -> bool:
        """Something nobody can explain, or could not be tried."""
        return bool(self.unexplained or self.unmet or self.unjudged or self.witnesses.differences)

    def too_late(self, played: Played) -> str:
        """Count an exchange that the machine was too busy for: it proves nothing. The line that says so."""
        self.unjudged += 1
        name = f"{played.scenario.name:<34} {played.ends:<12}"
        return f"{name} not judged: this machine was too busy to keep its times (up to {played.late_ns / 1e6:.0f} ms late)"

    def add(self, played: Played, second: Witness | None = None) -> Iterator[str]:
        """Count one exchange; its lines."""
        comparison = played.comparison()
        self._count(comparison)
        self.unmet += len(played.failures)
        yield f"{played.scenario.name:<34} {played.ends:<12} {comparison.agreed:>3} of {comparison.compared}"
        for failure in played.failures:
            yield f"    not as expected: {failure}"
        for reason, count in Counter(_general(check.reason) for check in comparison.disagreements).items():
            self.reasons[reason] += count
            yield f"    {count} not: {reason}"
        for check in comparison.unexplained:
            yield f"    {check}"
        for end in played.wire.ends.values():
            self._reach("kernels" if end.real_time else "our endpoints", getattr(end, "steps", ()))
        if second is not None:
            before = len(self.witnesses.differences)
            for end in played.wire.ends.values():
                if end.real_time:
                    self.witnesses.add(second.account(getattr(end, "steps", ()), played.ended_ns))
            yield from (f"    the witnesses differ: {text}" for text in self.witnesses.differences[before:])

    def _reach(self, whose: str, steps: Iterable[TrueStep]) -> None:
        """Note which states a connection went through, and in which role."""
        role = ""
        for step in steps:
            if step.to_state == State.SYN_SENT:
                role = "as active opener"
            elif step.to_state in (State.LISTEN, State.SYN_RECEIVED) and step.from_state != State.SYN_SENT:
                role = "as passive opener"
            self._reached[whose, role] |= {step.from_state, step.to_state}

    def _count(self, comparison: Comparison) -> None:
        self.played += 1
        self.agreed += comparison.agreed
        self.compared += comparison.compared
        self.knowable += comparison.knowable
        self.silent += comparison.silent
        self.unexplained += len(comparison.unexplained)
        self.quirks.update(map(_general, comparison.quirks))

    def lines(self) -> Iterator[str]:
        """The sum, each reason with its number, what the kernels did in their own way, and what the second witness says."""
        yield f"\n{self.played} exchanges: {self.agreed} of {self.compared} steps agree{_share(self.agreed, self.compared)}"
        if self.knowable != self.compared:
            share = _share(self.agreed, self.knowable)
            yield f"without the {self.compared - self.knowable} that no capture can tell: {self.agreed} of {self.knowable}{share}"
        yield from _counted(self.reasons)
        if self.unjudged:
            yield f"{self.unjudged} exchanges were not judged: this machine was too busy, try again when it is quiet"
        if self.silent:
            yield f"{self.silent} steps that no packet shows (a LISTEN, a timer, a crash) are not among them"
        if self.quirks:
            yield "agreed, though RFC 9293 has it otherwise or not at all:"
            yield from _counted(self.quirks)
        for (whose, role), states in sorted(self._reached.items(), key=str) if self._whole else ():
            missing = [str(state) for state in State if state not in states]
            yield f"{whose} {role}: {len(states)} of the {len(State)} states{f', all but {_and(missing)}' if missing else ''}"
        both = self.witnesses
        if self.alone:
            yield f"sock_diag is the only witness to the kernels: {self.alone}"
        elif both.compared:
            share = _share(both.agreed, both.compared)
            yield f"the kernel's tracepoint agrees with sock_diag in {both.agreed} of {both.compared} steps{share}"
            yield from _counted(both.quirks)


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%})" if whole else ""


def _counted(what: Counter[str]) -> Iterator[str]:
    for text, count in what.most_common():
        yield f"{count:>5}  {text}"


def _general(reason: str) -> str:
    """The reason without the numbers of its frames."""
    return re.sub(r"\bframes? \d+( and \d+)?", "a segment", reason) or "no known reason"
