"""Play a scenario on two ends, and tell what came of it beside what the analysis makes of it. Wing lab.

    played = run("simultaneous-close")                 two endpoints of our own, in memory, the same octets each time
    played = run("simultaneous-close", ends="kernels") two kernels in private networks, in real time
    played.passed, played.failures                     are the scenario's expectations met
    played.capture, played.analysis()                  what the tap saw, and what the engine makes of it
    played.timeline(), played.comparison()             what truly happened, and where the engine differs

Reading: RFC 9293 §3.5, §3.6 (figures 6 to 13).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, PcapWriter
from tcpinspect.errors import UsageError
from tcpinspect.lab.endpoint import MILLISECOND, SECOND
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.notation import parse as parse_segment
from tcpinspect.lab.packet import wrap
from tcpinspect.lab.rules import rule
from tcpinspect.lab.script import Call, Expectation, Flood, Injection, Line, Pair, Scenario, is_kernel
from tcpinspect.lab.users import KernelUser, OurUser, User, kernel_sysctls
from tcpinspect.lab.verdicts import Count, Outcome, numbers, verdicts
from tcpinspect.lab.wire import Name, Step, Wire
from tcpinspect.protocol.rfc9293 import Event, State

if TYPE_CHECKING:
    from tcpinspect.lab.compare import Comparison
    from tcpinspect.model.analysis import Analysis

HOSTS: Mapping[Name, tuple[str, int]] = {"A": ("192.0.2.10", 4000), "B": ("198.51.100.20", 80)}
_ISS: Mapping[Name, int] = {"A": 1000, "B": 5000}
# Where the RFCs leave a choice and Linux has made it, our endpoints choose the same: one text then fits every pair of ends.
_AS_LINUX = {"rto_min_ns": 200 * MILLISECOND, "delayed_ack_ns": 40 * MILLISECOND, "msl_ns": 30 * SECOND, "fin_wait_2_ns": 60 * SECOND}
_FLOOD_NETWORK = "203.0.113."  # RFC 5737: for documentation
_WINDOW = 65535
_LATE_NS = 4_000_000  # the exchanges of the catalogue leave 5 ms of room


# Called after everything that happens, with what was played so far and the states both ends are in.
Watcher = Callable[["Played", Mapping[Name, State]], None]


@dataclass(eq=False)
class Played:
    """A scenario that has been played, or its beginning where it was `interrupted`. Times of `outcomes` are ns since the start."""

    scenario: Scenario
    ends: Pair
    wire: Wire
    hosts: Mapping[Name, tuple[str, int]]
    outcomes: list[Outcome] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    interrupted: bool = False
    ended_ns: int = 0  # by the clock of the wire; what a kernel does later is the closing of what was still open

    @property
    def passed(self) -> bool:
        """Every expectation was met."""
        return not self.failures

    @property
    def late_ns(self) -> int:
        """How much the latest line came too late: with kernels the time is real, and a busy machine spoils an exchange."""
        return max((one.late_ns for one in self.outcomes), default=0)

    @property
    def spoilt(self) -> bool:
        """A busy machine did not keep the times: what is not as expected proves nothing."""
        return self.wire.real_time and self.late_ns >= _LATE_NS and not self.passed

    @cached_property
    def failures(self) -> list[Outcome]:
        """The expectations that were not met: of calls, of states, of whole paths, of segments, of the analysis."""
        return [one for one in (*self.outcomes, *verdicts(self)) if not one.met]

    @cached_property
    def capture(self) -> bytes:
        """What the tap saw, as a pcap file with nanoseconds, raw IP."""
        out = io.BytesIO()
        writer = PcapWriter(out, InterfaceToWrite(RAW_IP))
        for time_ns, packet in self.wire.frames:
            writer.write(packet, time_ns)
        return out.getvalue()

    def write(self, path: str | Path) -> None:
        """Write the capture: `.pcap`, or pcapng with the lesson as its comment."""
        self.wire.write(path, comment=self.scenario.lesson)

    def analysis(self) -> Analysis:
        """What the engine makes of the capture."""
        return self._analysis

    @cached_property
    def _analysis(self) -> Analysis:
        from tcpinspect.model.analysis import analyze

        return analyze(self.capture)

    def timeline(self) -> list[Step]:
        """What both ends truly went through."""
        return self.wire.timeline()

    def comparison(self) -> Comparison:
        """The engine's timeline beside the true one."""
        from tcpinspect.lab.compare import compare

        return compare(self._analysis.table("timeline").rows(), self.wire)

    def states(self, end: Name) -> list[str]:
        """The states that an end entered, in their order, LISTEN left out: nothing on a wire shows it."""
        out = []
        for step in sorted(getattr(self.wire.ends[end], "steps", ()), key=lambda step: step.time_ns):
            if step.optional or step.event == Event.OPEN_PASSIVE:
                continue
            out.append(str(State.CLOSED if step.to_state == State.LISTEN else step.to_state))
        return out


def play(
    scenario: Scenario,
    ends: Pair = "ours",
    *,
    watch: Watcher | None = None,
    user: bool | None = None,
    device: str = "auto",
    addresses: Sequence[str] | None = None,
) -> Played:
    """Play it. `watch` is called after everything that happens; `user` and `device` as for `KernelEnd`. `addresses` are those of
    A and B, by default addresses for documentation.

    Raises UsageError where the scenario cannot be played on these ends, LabError where this machine grants no kernels.
    """
    if ends not in scenario.pairs:
        raise UsageError(f"{scenario.name} cannot be played on {ends}: it can on {', '.join(scenario.pairs)}")
    hosts = HOSTS if addresses is None else {name: (new, HOSTS[name][1]) for name, new in zip(HOSTS, addresses, strict=True)}
    with ExitStack() as stack:
        users = {name: _user(scenario, ends, name, stack, user, device, hosts) for name in hosts}
        wire = Wire(users["A"].end, users["B"].end, delay_ns=scenario.delay_ns, treatments=[rule(text) for text in scenario.rules],
                    tap=scenario.tap)  # fmt: skip
        played = Played(scenario, ends, wire, hosts)
        for line in scenario.lines:
            if ends in line.pairs:
                wire.at(line.at_ns, _Act(played, line, users).carry_out)
        over = wire.start_ns + scenario.end_ns(ends)

        def done() -> bool:
            if watch is not None:
                watch(played, {name: user.states()[-1] for name, user in users.items()})
            return False

        try:
            wire.run(over - wire.start_ns, until=done)
        except KeyboardInterrupt:  # what happened until now is still an exchange
            played.interrupted = True
        played.ended_ns = time.time_ns() if wire.real_time else wire.now
    return played


def _user(
    scenario: Scenario, ends: Pair, name: Name, stack: ExitStack, user: bool | None, device: str, hosts: Mapping[Name, tuple[str, int]]
) -> OurUser | KernelUser:
    local, remote = hosts[name], hosts["B" if name == "A" else "A"]
    settings = scenario.settings.get(name, {})
    if not is_kernel(ends, name):
        chosen = {**_AS_LINUX, **settings}
        iss = chosen.pop("iss", _ISS[name])
        assert isinstance(iss, int)
        return OurUser(local, remote, chosen, iss=iss)
    sysctls = {**kernel_sysctls(settings), **scenario.sysctls.get(name, {})}
    end = KernelEnd(local[0], sysctls=sysctls, user=user, device=device, keep_readings=False)  # type: ignore[arg-type]
    stack.enter_context(end)
    return KernelUser(end, local, remote, settings)


@dataclass(frozen=True, slots=True)
class _Act:
    """One line, to be carried out when its time has come."""

    played: Played
    line: Line
    users: Mapping[Name, User]

    def carry_out(self, now: int) -> None:
        action = self.line.action
        if isinstance(action, Call):
            self._call(action, now)
        elif isinstance(action, Expectation):
            self._expect(action)
        elif isinstance(action, Injection):
            self._inject(action)
        elif isinstance(action, Flood):
            self._flood(action)

    def _note(self, end: Name | None, what: str, result: str, met: bool = True, expected: str = "") -> None:
        at_ns = self.played.wire.now - self.played.wire.start_ns
        late_ns = at_ns - self.line.at_ns
        self.played.outcomes.append(Outcome(self.line.number, at_ns, end, what, result, met, expected, late_ns=late_ns))

    def _call(self, call: Call, now: int) -> None:
        result = self.users[call.end].call(call.verb, call.data, now)
        given = "" if call.data is None else f" {call.data}" if isinstance(call.data, int) else f' "{call.data.decode("latin-1")}"'
        self._note(call.end, f"{call.verb}{given}", result, _as_expected(result, call.expected), call.expected or "")

    def _expect(self, wanted: Expectation) -> None:
        states = [str(state) for state in self.users[wanted.end].states()]
        if wanted.count is not None:
            count = self._count(wanted)
            met = count.ours == wanted.count and count.by_ss in (None, count.ours)
            self._note(wanted.end, f"in {count.state}", str(count), met, str(wanted.count))
            return
        met = states[-1] in wanted.states
        # A kernel's listening socket stays when its connection is gone.
        met = met or (is_kernel(self.played.ends, wanted.end) and states[-1] == str(State.LISTEN) and str(State.CLOSED) in wanted.states)
        self._note(wanted.end, "is", states[-1], met, " or ".join(wanted.states))

    def _count(self, wanted: Expectation) -> Count:
        user, state = self.users[wanted.end], next(state for state in State if str(state) == wanted.states[0])
        wire = self.played.wire
        count = Count(wanted.end, state, wire.now, user.states().count(state), user.counted_by_ss(state))
        self.played.counts.append(count)
        return count

    def _inject(self, injection: Injection) -> None:
        wire = self.played.wire
        segment = parse_segment(injection.notation, names=numbers(wire))
        hosts = self.played.hosts
        source, destination = hosts[injection.end], hosts["B" if injection.end == "A" else "A"]
        usual = {"src_port": source[1], "dst_port": destination[1], "window": _WINDOW}
        whole = replace(segment, **{name: value for name, value in usual.items() if getattr(segment, name) is None})  # type: ignore[arg-type]
        wire.inject(injection.end, wrap(whole, source[0], destination[0]))
        self._note(None, f"injected in {injection.end}'s name", injection.notation)

    def _flood(self, flood: Flood) -> None:
        wire, target = self.played.wire, self.played.hosts[flood.end]
        for number in range(flood.count):
            segment = parse_segment(f"S seq={number * 1000} win {_WINDOW} src_port={1024 + number} dst_port={target[1]} <mss 1460>")
            wire.inject("A" if flood.end == "B" else "B", wrap(segment, f"{_FLOOD_NETWORK}{number % 254 + 1}", target[0]))
        self._note(None, f"flood to {flood.end}", f"{flood.count} SYNs from addresses that nobody has")


def _as_expected(result: str, expected: str | None) -> bool:
    if expected is None:
        return not result.startswith("error")
    if expected.endswith(("octet", "octets")) and result.startswith('"'):
        return len(result) - 2 == int(expected.split()[0])
    return result == expected


def run(name: str, ends: Pair = "ours", *, watch: Watcher | None = None, user: bool | None = None) -> Played:
    """Play the scenario of that name in the catalogue, or in that file. Raises as `play` and `catalogue.load` do."""
    from tcpinspect.lab.catalogue import load

    return play(load(name), ends, watch=watch, user=user)
