"""Are a scenario's expectations met? Wing lab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tcpinspect.lab.notation import parse as parse_segment
from tcpinspect.lab.packet import unwrap
from tcpinspect.lab.script import Claim, Sight
from tcpinspect.lab.wire import INJECTED, Name, Wire
from tcpinspect.protocol.header import ACK, FIN, PSH, SYN
from tcpinspect.protocol.rfc9293 import State
from tcpinspect.protocol.seqnum import add, difference

if TYPE_CHECKING:
    from tcpinspect.lab.draft import Draft
    from tcpinspect.lab.scenario import Played


@dataclass(frozen=True, slots=True)
class Outcome:
    """A line of the scenario that was carried out: what it says, what came of it, and whether that was expected."""

    number: int
    at_ns: int  # since the start
    late_ns: int = field(default=0, kw_only=True)  # behind the time that the scenario says
    end: Name | None
    what: str
    result: str
    met: bool
    expected: str = ""

    def __str__(self) -> str:
        wanted = f", expected {self.expected}" if not self.met else ""
        return f"line {self.number}: {self.what}: {self.result}{wanted}"


@dataclass(frozen=True, slots=True)
class Count:
    """How many connections of an end were in a state at a moment: by the end itself (a kernel's sock_diag), and by ss(8) if it can be
    asked (None: no kernel, or not installed)."""

    end: Name
    state: State
    time_ns: int
    ours: int
    by_ss: int | None

    def __str__(self) -> str:
        return f"{self.ours}" if self.by_ss is None else f"{self.ours} (ss counts {self.by_ss})"

    def by_the_capture(self, played: Played) -> int:
        """The same by the analysis of what the tap had seen until then."""
        last: dict[int, str] = {}
        for row in played.analysis().table("timeline").rows():
            if row.address == played.hosts[self.end][0] and (row.time_ns is None or row.time_ns <= self.time_ns):
                last[row.stream] = row.to_state
        return list(last.values()).count(str(self.state))


def verdicts(played: Played) -> Iterator[Outcome]:
    """What can only be judged when all is over: whole paths, what the capture shows, what the analysis says."""
    at_ns = played.scenario.end_ns(played.ends)
    for path in played.scenario.paths:
        if played.ends in path.pairs:
            states, wanted = " ".join(played.states(path.end)), " ".join(path.states)
            yield Outcome(path.number, at_ns, path.end, f"{path.end} goes", states, states == wanted, wanted)
    yield from _seen(played)
    for claim in played.scenario.claims:
        if played.ends in claim.pairs:
            found = _counted(played, claim) if claim.counted else _column(played, claim)
            met = found.lower() == claim.value.lower() or (claim.value == "some" and found != "0")
            yield Outcome(claim.number, at_ns, None, f"the analysis's {claim.what}", found, met, claim.value)


def _counted(played: Played, claim: Claim) -> str:
    rows = played.analysis().table("segments").rows()
    return str(sum(bool(getattr(row, claim.what)) for row in rows if claim.stream in (None, row.stream)))


def _column(played: Played, claim: Claim) -> str:
    rows = played.analysis().connection_rows
    stream = claim.stream or 0
    return str(getattr(rows[stream], claim.what)) if stream < len(rows) else "no such connection"


def _seen(played: Played) -> Iterator[Outcome]:
    """The segments that must be in the capture, in this order."""
    names = numbers(played.wire)
    frames = {copy.frame: one for one in played.wire.crossings for copy in one.copies if copy.frame is not None}
    at = 0
    for sight in played.scenario.sights:
        if played.ends not in sight.pairs:
            continue
        wanted = parse_segment(sight.notation, names=names)
        found = next((n for n in sorted(frames) if n > at and _shows(played, n, sight, wanted)), None)
        at = found or at
        result = "nowhere in its place" if found is None else f"frame {found}"
        yield Outcome(
            sight.number,
            played.scenario.end_ns(played.ends),
            sight.end,
            f"seen {sight.notation}",
            result,
            found is not None,
            "such a segment",
        )


def _shows(played: Played, frame: int, sight: Sight, wanted: Draft) -> bool:
    found = unwrap(played.wire.frames[frame - 1][1])
    if found is None or found.source != played.hosts[sight.end][0]:
        return False
    segment = found.segment
    given = [name for name in ("seq", "ack", "window") if getattr(wanted, name) is not None]
    length_given = "(" in sight.notation or "len" in sight.notation
    return (
        # PSH is a matter of taste.
        segment.flags & ~PSH == wanted.flags & ~PSH
        and all(getattr(segment, name) == getattr(wanted, name) for name in given)
        and (not length_given or len(segment.payload) == len(wanted.payload))
        and all(option in (segment.options or ()) for option in wanted.options or ())
    )


def numbers(wire: Wire) -> dict[str, int]:
    """The names that a segment in a scenario may use: where both ends' numbers begin, and what each sends next."""
    out = dict.fromkeys(("a", "b", "a_nxt", "b_nxt"), 0)
    for crossing in wire.crossings:
        found = unwrap(crossing.packet)
        if found is None or crossing.departure == INJECTED or not found.segment.flags & (SYN | FIN | ACK):
            continue
        segment, name = found.segment, crossing.sender.lower()
        seq = segment.seq or 0
        if segment.flags & SYN:
            out[name] = out[f"{name}_nxt"] = seq
        end = add(seq, segment.seg_len)
        if difference(end, out[f"{name}_nxt"]) > 0:
            out[f"{name}_nxt"] = end
    return out
