"""Compare what the engine makes of a capture with what the ends really went through: agreement per step, and why not. Wing lab.

    comparison = compare(analysis.table("timeline").rows(), wire)
    print(comparison.agreed, "of", comparison.compared)
    for check in comparison.disagreements: print(check)

Both timelines of an end are laid side by side by the states entered, in order. A step agrees when the engine has it, in its
place, at the frame that did it (or, where it only infers it, at the first frame that shows it). What differs gets its reason
(`lab.reasons`); a disagreement without a reason is a fault of the engine or of the truth.

What no packet shows is not compared but counted, as `silent`: LISTEN, the end of TIME-WAIT and of other waits by a timer, a
crash. So is a row in which the engine assumes, at the beginning of a stream, the state that the end truly was in; and a CLOSED
between TIME-WAIT and the SYN of the next incarnation is a matter of taste.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcpinspect.lab.reasons import TIMERS, Row, View, in_the_capture, why
from tcpinspect.lab.timeline import Ends, TrueStep
from tcpinspect.lab.wire import Wire
from tcpinspect.protocol.rfc9293 import State

_FOLLOWS = "follows from the one before: "
_NEW_INCARNATION = (str(State.SYN_SENT), str(State.SYN_RECEIVED))


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
    """All steps of all ends, side by side. `silent` steps of the truth are not among them: no packet shows them, no row claims them."""

    checks: list[Check]
    silent: int = 0

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
    def knowable(self) -> int:
        """How many steps were compared without those that differ for a reason which no capture holds."""
        return self.agreed + sum(in_the_capture(check.reason) for check in self.disagreements)

    @property
    def quirks(self) -> list[str]:
        """What an end did that no arc of RFC 9293 says, a note for each step that the engine has all the same."""
        return [check.true.note for check in self.checks if check.agrees and check.true is not None and check.true.note]

    @property
    def unexplained(self) -> list[Check]:
        """The disagreements that nobody knows a reason for."""
        return [check for check in self.disagreements if not check.reason]


def compare(rows: Iterable[Row], wire: Wire) -> Comparison:
    """Compare the engine's timeline of the wire's own capture with the true timelines of its ends.

    An end without `steps` is not compared: of a crafted peer nobody knows a state.
    """
    by_place: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.stream):
        by_place[row.address, row.port].append(row)
    checks: list[Check] = []
    silent = 0
    for name, end in wire.ends.items():
        own: dict[Ends, list[TrueStep]] = defaultdict(list)
        for step in getattr(end, "steps", ()):
            own[step.ends].append(step)
        view = View(name, wire)
        claimed: set[int] = set()
        for ends, steps in own.items():
            # The engine's rows do not name the peer: of a server's many connections the frames tell which is meant.
            found = view.only(by_place[ends.address, ends.port], steps)
            claimed.update(row.stream for row in found)
            seen = _compare_end(ends, steps, _entries(found), view)
            checks += seen.checks
            silent += seen.silent
        if hasattr(end, "steps"):
            checks += _without_truth(view, claimed, by_place)
    return Comparison(checks, silent)


def _without_truth(view: View, claimed: set[int], by_place: Mapping[tuple[str, int], list[Row]]) -> list[Check]:
    """Connections that only the engine has, at the addresses of an end whose every socket was seen."""
    checks = []
    for (address, port), rows in by_place.items():
        unclaimed = _entries([row for row in rows if address in view.addresses and row.stream not in claimed])
        answered = {row.stream for row in unclaimed if row.to_state == str(State.SYN_RECEIVED)}
        before: dict[int, str] = {}
        for row in unclaimed:
            cookies = "it answered the SYN without keeping a state (SYN cookies)" if row.stream in answered else ""
            reason = cookies or _follows(before.get(row.stream, "")) or why(None, row, view)
            before[row.stream] = reason.removeprefix(_FOLLOWS)
            checks.append(Check(Ends(address, port, "", 0), None, row, None, False, reason))
    return checks


def _entered(step: TrueStep | Row) -> str:
    """The state entered; a connection that goes back to LISTEN is as good as CLOSED, only the listening socket stays."""
    return str(State.CLOSED if str(step.to_state) == str(State.LISTEN) else step.to_state)


def _opens_listening(step: TrueStep | Row) -> bool:
    return (str(step.from_state), str(step.to_state)) == (str(State.CLOSED), str(State.LISTEN))


def _entries(rows: list[Row]) -> list[Row]:
    """The rows that enter a state an observer can know of, without what is a matter of taste."""
    kept = [row for row in rows if not _opens_listening(row) and not (row.evidence == "assumed" and _leaves_time_wait(row))]
    out = []
    for n, row in enumerate(kept):
        follower = kept[n + 1] if n + 1 < len(kept) else None
        reused = _leaves_time_wait(row) and follower is not None and follower.to_state in _NEW_INCARNATION
        # A segment with the FIN and the ACK of our FIN: one arc of the table, or two.
        passed = row.to_state == str(State.FIN_WAIT_2) and follower is not None and follower.frame == row.frame
        if not reused and not passed:
            out.append(row)
    return out


def _leaves_time_wait(row: Row) -> bool:
    return (row.from_state, row.to_state) == (str(State.TIME_WAIT), str(State.CLOSED))


def _compare_end(ends: Ends, steps: list[TrueStep], rows: list[Row], view: View) -> Comparison:
    checks: list[Check] = []
    compared = [step for step in steps if not _opens_listening(step)]
    silent = len(steps) - len(compared)
    before, state = "", str(State.CLOSED)
    for step, row in _aligned(compared, rows):
        if row is None and step is not None and (step.optional or (step.event in TIMERS and not view.told(step))):
            silent += step.source != "rfc"
            state = _entered(step)
            continue
        if step is None and row is not None and _says_how_it_was(row, state):
            continue
        state = _entered(step) if step is not None else state
        frames = view.frames_of(step) if step is not None else []
        agrees = step is not None and row is not None and _same_place(step, row, frames, view)
        reason = "" if agrees else why(step, row, view)
        # A wrong turn brings others with it.
        if not agrees:
            reason = reason or _follows(before)
        before = "" if agrees else reason.removeprefix(_FOLLOWS)
        checks.append(Check(ends, step, row, frames[0] if frames else None, agrees, reason))
    return Comparison(checks, silent)


def _says_how_it_was(row: Row, state: str) -> bool:
    """A stream that begins while the end's connection lasts: the row only assumes the state that it is in."""
    return row.evidence == "assumed" and row.from_state == str(State.CLOSED) and _entered(row) == state


def _follows(before: str) -> str:
    return _FOLLOWS + before if before else ""


def _same_place(step: TrueStep, row: Row, frames: list[int], view: View) -> bool:
    inferred = row.evidence == "inferred" and row.frame == view.proof_of(step)
    return not frames or row.frame in frames or inferred


def _aligned(steps: list[TrueStep], rows: list[Row]) -> list[tuple[TrueStep | None, Row | None]]:
    """The longest common sequence of the states entered, with what only one of both has in between."""
    table = [[0] * (len(rows) + 1) for _ in range(len(steps) + 1)]
    for i in range(len(steps) - 1, -1, -1):
        for j in range(len(rows) - 1, -1, -1):
            same = _entered(steps[i]) == _entered(rows[j])
            table[i][j] = 1 + table[i + 1][j + 1] if same else max(table[i + 1][j], table[i][j + 1])
    pairs: list[tuple[TrueStep | None, Row | None]] = []
    i = j = 0
    while i < len(steps) or j < len(rows):
        if i < len(steps) and j < len(rows) and _entered(steps[i]) == _entered(rows[j]):
            pairs.append((steps[i], rows[j]))
            i, j = i + 1, j + 1
        elif j == len(rows) or (i < len(steps) and table[i + 1][j] >= table[i][j + 1]):
            pairs.append((steps[i], None))
            i += 1
        else:
            pairs.append((None, rows[j]))
            j += 1
    return pairs
