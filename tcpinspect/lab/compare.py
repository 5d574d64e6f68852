"""Compare what the engine makes of a capture with what the ends really went through: agreement per step, and why not. Wing lab.

    comparison = compare(analysis.table("timeline").rows(), relay.carried, {0: left.truth.steps, 1: right.truth.steps})
    print(comparison.agreed, "of", comparison.compared)
    for check in comparison.disagreements: print(check)

Both timelines of an end are laid side by side by the states entered, in order. A step agrees when the engine has it, in its
place, at the same frame. What differs gets its reason: from the wire (the packet was lost, nothing was ever sent), from the
table, or from the engine's own doubt. A disagreement without a reason is a fault of the engine or of the truth.

What is a matter of taste is settled before, on both sides: LISTEN is not compared (no packet shows it), nor the end of
TIME-WAIT that the engine assumes, nor a CLOSED between TIME-WAIT and the SYN of the next incarnation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tcpinspect.lab.timeline import Ends, TrueStep
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import Event, State

# What an own action puts on the wire: the frame that the engine can know it by.
_SPEAKS = {Event.OPEN_ACTIVE: SYN, Event.SEND: SYN, Event.CLOSE: FIN, Event.ABORT: RST}
_TIMERS = (Event.TIMEOUT_USER, Event.TIMEOUT_2MSL)


class OnTheWire(Protocol):
    """A packet as the wire remembers it; `kernel.relay.Carried` is one."""

    frame: int
    sender: int
    departure: int
    deliveries: list[tuple[int, int]]

    @property
    def flags(self) -> int: ...


class Row(Protocol):
    """A row of the engine's timeline."""

    stream: int
    address: str
    port: int
    frame: int | None
    from_state: str
    to_state: str
    evidence: str
    doubt: str | None


class Check(NamedTuple):
    """One step of one end in both timelines. `true` None: only the engine has it; `row` None: only the truth has it.

    `frame` is the frame that the truth lies at, None where none does. `agrees` is the verdict; `reason` says why not, and ""
    where nobody knows why. Prints as one line for a person.
    """

    ends: Ends
    true: TrueStep | None
    row: Row | None
    frame: int | None
    agrees: bool
    reason: str

    def __str__(self) -> str:
        where = f"{self.ends.address}:{self.ends.port}"
        if self.true is None:
            assert self.row is not None
            what = f"only the analysis has {self.row.from_state} → {self.row.to_state} (frame {self.row.frame})"
        elif self.row is None:
            what = f"only the truth has {self.true.from_state} → {self.true.to_state}"
        elif self.agrees:
            return f"{where}: {self.true.from_state} → {self.true.to_state}"
        else:
            what = f"{self.row.to_state} at frame {self.row.frame}, in truth at frame {self.frame}"
        return f"{where}: {what}: {self.reason or 'no known reason'}"


@dataclass(frozen=True)
class Comparison:
    """All steps of all ends, side by side."""

    checks: list[Check]

    @property
    def compared(self) -> int:
        """How many steps were compared."""
        return len(self.checks)

    @property
    def agreed(self) -> int:
        """How many of them agree."""
        return sum(check.agrees for check in self.checks)

    @property
    def disagreements(self) -> list[Check]:
        """The others, in their order."""
        return [check for check in self.checks if not check.agrees]

    @property
    def unexplained(self) -> list[Check]:
        """The disagreements that nobody knows a reason for."""
        return [check for check in self.disagreements if not check.reason]


def compare(rows: Iterable[Row], carried: Sequence[OnTheWire], truths: Mapping[int, Iterable[TrueStep]]) -> Comparison:
    """Compare the engine's timeline of a capture of this wire with the true timelines of its ends, by number (0 or 1).

    Frames are those of a capture taken between the ends before any loss, as `Relay.write` writes it. A truth that is not
    there is not compared: of a crafted end nobody knows a state.
    """
    by_end: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.stream):
        by_end[row.address, row.port].append(row)
    checks: list[Check] = []
    for number, steps in truths.items():
        wire = _Wire(number, carried)
        by_ends: dict[Ends, list[TrueStep]] = defaultdict(list)
        for step in steps:
            by_ends[step.ends].append(step)
        claimed: set[int] = set()
        for ends, own in by_ends.items():
            # The engine's rows do not name the peer: of a server's many connections the frames tell which is meant.
            found = wire.only(by_end[ends.address, ends.port], own)
            claimed.update(row.stream for row in found)
            checks += _compare_end(ends, _true_entries(own), _entries(found), wire)
        checks += _without_truth({ends.address for ends in by_ends}, claimed, by_end)
    return Comparison(checks)


class _Wire:
    """Frames, from the point of view of one end."""

    def __init__(self, end: int, carried: Sequence[OnTheWire]) -> None:
        self.sent = [one for one in carried if one.sender == end]
        self.received = {arrival: one.frame for one in carried if one.sender != end for _, arrival in one.deliveries}
        self._by_frame = {one.frame: one for one in carried}
        self._end = end

    def frame_of(self, step: TrueStep) -> int | None:
        """The frame that did a step, or that shows it first."""
        if step.arrival is not None and step.event not in _SPEAKS:
            return self.received.get(step.arrival)
        flag = _SPEAKS.get(step.event) if step.event is not None else None
        if flag is None:
            return None
        return next((one.frame for one in self.sent if one.departure >= step.departure and one.flags & flag), None)

    def lost(self, frame: int | None) -> bool:
        """The other end sent this frame, and it never came."""
        one = self._by_frame.get(frame) if frame is not None else None
        return one is not None and one.sender != self._end and not one.deliveries

    def only(self, rows: list[Row], steps: list[TrueStep]) -> list[Row]:
        """The rows of the streams that have a frame in common with these steps."""
        frames = {self.frame_of(step) for step in steps} - {None}
        streams = {row.stream for row in rows if row.frame in frames}
        if not streams:
            return rows
        return [row for row in rows if row.stream in streams]


def _without_truth(addresses: set[str], claimed: set[int], by_end: Mapping[tuple[str, int], list[Row]]) -> list[Check]:
    """Connections that only the engine has, at the addresses of an end whose every socket was seen."""
    reason = "the end had no socket for it: it answered without keeping a state (SYN cookies)"
    return [
        Check(Ends(*place, "", 0), None, row, None, False, reason)
        for place, rows in by_end.items()
        if place[0] in addresses
        for row in _entries([row for row in rows if row.stream not in claimed])
    ]


def _true_entries(steps: Iterable[TrueStep]) -> list[TrueStep]:
    return [step for step in steps if step.to_state != State.LISTEN]


def _entries(rows: list[Row]) -> list[Row]:
    """The rows that enter a state an observer can know of, without the seam between two incarnations."""
    entered = [row for row in rows if row.to_state != str(State.LISTEN)]
    kept = [row for row in entered if (row.from_state, row.to_state, row.evidence) != (str(State.TIME_WAIT), str(State.CLOSED), "assumed")]
    seams = {
        n
        for n in range(len(kept) - 1)
        if (kept[n].from_state, kept[n].to_state) == (str(State.TIME_WAIT), str(State.CLOSED))
        and kept[n + 1].to_state in (str(State.SYN_SENT), str(State.SYN_RECEIVED))
    }
    return [row for n, row in enumerate(kept) if n not in seams]


def _compare_end(ends: Ends, steps: list[TrueStep], rows: list[Row], wire: _Wire) -> list[Check]:
    checks = []
    for step, row in _aligned(steps, rows):
        frame = wire.frame_of(step) if step is not None else None
        if step is None or row is None:
            if step is not None and (step.optional or _beyond_sight(step)):
                continue
            reason = _why_missing(step, frame) if step is not None else _why_extra(row, wire)
            checks.append(Check(ends, step, row, frame, False, reason))
        else:
            agrees = frame is None or row.frame == frame
            checks.append(Check(ends, step, row, frame, agrees, "" if agrees else _why_elsewhere(step, row, wire)))
    return checks


def _aligned(steps: list[TrueStep], rows: list[Row]) -> list[tuple[TrueStep | None, Row | None]]:
    """The longest common sequence of the states entered, with what only one of both has in between."""
    table = [[0] * (len(rows) + 1) for _ in range(len(steps) + 1)]
    for i in range(len(steps) - 1, -1, -1):
        for j in range(len(rows) - 1, -1, -1):
            same = str(steps[i].to_state) == rows[j].to_state
            table[i][j] = 1 + table[i + 1][j + 1] if same else max(table[i + 1][j], table[i][j + 1])
    pairs: list[tuple[TrueStep | None, Row | None]] = []
    i = j = 0
    while i < len(steps) or j < len(rows):
        if i < len(steps) and j < len(rows) and str(steps[i].to_state) == rows[j].to_state:
            pairs.append((steps[i], rows[j]))
            i, j = i + 1, j + 1
        elif j == len(rows) or (i < len(steps) and table[i + 1][j] >= table[i][j + 1]):
            pairs.append((steps[i], None))
            i += 1
        else:
            pairs.append((None, rows[j]))
            j += 1
    return pairs


def _beyond_sight(step: TrueStep) -> bool:
    """The end of TIME-WAIT by time, which the engine only ever assumes."""
    return step.event == Event.TIMEOUT_2MSL


def _why_missing(step: TrueStep, frame: int | None) -> str:
    if step.note:
        return step.note
    if step.event in _TIMERS:
        return "a timer of the end did it, and no packet shows it"
    if frame is None and step.event in _SPEAKS:
        return f"the {step.call or 'call'} sent nothing that shows it"
    return ""


def _why_extra(row: Row | None, wire: _Wire) -> str:
    assert row is not None
    if wire.lost(row.frame):
        return f"frame {row.frame} was captured and then lost: this end never received it"
    if row.doubt:
        return f"the analysis doubts it itself: {row.doubt}"
    return f"the analysis {row.evidence} it" if row.evidence == "assumed" else ""


def _why_elsewhere(step: TrueStep, row: Row, wire: _Wire) -> str:
    if wire.lost(row.frame):
        return f"frame {row.frame} was captured and then lost: a later copy was received"
    if step.event == Event.CLOSE and row.frame is not None:
        return "the FIN's first copy is another one"
    return f"the analysis doubts it itself: {row.doubt}" if row.doubt else ""
