"""Play a script: its calls are made, its segments injected, and what comes out is held against what it expects. Wing lab.

    result = on_kernel(read(text))
    print(result.mismatch or "passed")

The side under test (a kernel in a private namespace, or our own endpoint) is end A of a wire without delay; the script is end
B. A time with + counts from what really happened before, so that one late event does not spoil those behind it; a time without
counts from the start. A segment may come earlier or later by the script's tolerance. The first mismatch ends the play.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint import Endpoint
from tcpinspect.lab.ends import End, EndpointEnd
from tcpinspect.lab.kernel.device import DeviceKind
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.notation import notation
from tcpinspect.lab.packet import NOT_ECT, Packet, unwrap, wrap
from tcpinspect.lab.packetdrill.arguments import Outcome
from tcpinspect.lab.packetdrill.endpoint_user import EndpointUser
from tcpinspect.lab.packetdrill.kernel_user import KernelUser
from tcpinspect.lab.packetdrill.numbers import Numbers
from tcpinspect.lab.packetdrill.result import Mismatch, Result
from tcpinspect.lab.packetdrill.script import SECOND, CallEvent, Event, Script, SegmentEvent, When
from tcpinspect.lab.wire import Wire
from tcpinspect.protocol.header import ACK, SYN

_ANYTIME_NS = 10 * SECOND  # how long a segment at any time (*) is waited for
_ISNS = range(1_000_000_000, 1 << 32, 64_000_000)


class User(Protocol):
    """Who makes the calls of a script."""

    def call(self, event: CallEvent, now: int) -> Outcome | None: ...
    def again(self, event: CallEvent, now: int) -> Outcome | None: ...


def on_kernel(script: Script, *, device: DeviceKind = "auto") -> Result:
    """Play it against this machine's kernel, in real time, in a private namespace.

    Raises LabError where this machine grants none, ScriptError for a call whose arguments are not translated.
    """
    around = script.surroundings
    with KernelEnd(around.local, mtu=around.mtu, device=device) as end:
        return _Play(script, end, KernelUser(end, script), "a kernel").result()


def on_endpoint(script: Script) -> Result:
    """Play it against our own endpoint, in time of its own that takes none. Raises ScriptError for calls it does not know."""
    local, _ = script.ports()
    end = EndpointEnd(Endpoint((script.surroundings.local, local), iss=_ISNS))
    return _Play(script, end, EndpointUser(end, script), "our own endpoint").result()


class _Peer:
    """The script as an end of the wire: says what it is told to, remembers what it hears."""

    real_time = False

    def __init__(self) -> None:
        self.heard: deque[tuple[int, Packet]] = deque()
        self.out: list[bytes] = []

    def receive(self, packet: bytes, now: int) -> None:
        if (found := unwrap(packet)) is not None:
            self.heard.append((now, found))

    def pending(self, now: int) -> list[bytes]:
        out, self.out = self.out, []
        return out

    def next_timer(self) -> None:
        return None


class _Mismatched(Exception):
    def __init__(self, event: Event, expected: str, got: str, why: str) -> None:
        super().__init__(why)
        self.event, self.expected, self.got, self.why = event, expected, got, why


class _Play:
    """One playing of one script."""

    def __init__(self, script: Script, end: End, user: User, side: str) -> None:
        self.script, self.user, self.side = script, user, side
        self.peer, self.numbers = _Peer(), Numbers()
        self.wire = Wire(end, self.peer, delay_ns=0, tap="A")
        self.tolerance = script.surroundings.tolerance_ns
        self.ports = list(script.ports())
        self.last = self.wire.start_ns
        self.waiting: list[tuple[CallEvent, int]] = []

    def result(self) -> Result:
        done, mismatch = 0, None
        try:
            for event in self.script.events:
                self._play(event)
                done += 1
            while self.waiting:
                self._advance(min(due for _, due in self.waiting) + self.tolerance + 1)
        except _Mismatched as found:
            # A call that waited may fail behind later lines; what counts is its own.
            mismatch = Mismatch(self.script.name, found.event.line, found.expected, found.got, found.why)
        return Result(self.script, self.side, self.wire, done, mismatch, len(self.peer.heard))

    def _play(self, event: Event) -> None:
        first, last = self._due(event.when)
        if isinstance(event, CallEvent):
            self._advance(first)
            self._call(event)
        elif event.injected:
            self._advance(first)
            self._inject(event)
        else:
            self._expect(event, first, last)

    def _due(self, when: When) -> tuple[int, int]:
        base = self.last if when.relative or when.anytime else self.wire.start_ns
        return base + when.first_ns, base + (_ANYTIME_NS if when.anytime else when.last_ns)

    def _advance(self, until_ns: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Let the wire run until then, or until `stop`; calls that wait are asked again all the while."""

        def enough() -> bool:
            self._ask_again()
            return stop()

        if until_ns > self.wire.now:
            # In time of its own the wire stops where nothing is left to happen.
            self.wire.at(until_ns - self.wire.start_ns, lambda _: None)
        self.wire.run(max(until_ns - self.wire.now, 0), until=enough)

    # Calls.

    def _call(self, event: CallEvent) -> None:
        if event.name == "connect":
            self.numbers.another_connection()
        self.last = self.wire.now
        outcome = self.user.call(event, self.wire.now)
        if outcome is not None and event.when.returns_ns is None:
            self._judge(event, outcome)
            return
        if outcome is not None:
            raise _Mismatched(event, event.text, str(outcome), "it returned at once and did not wait")
        base = self.last - event.when.first_ns if event.when.relative else self.wire.start_ns
        due = self.last if event.when.returns_ns is None else base + event.when.returns_ns
        self.waiting.append((event, due))
        if event.when.returns_ns is None:
            # It should not wait; it gets what time is forgiven.
            self._advance(due + self.tolerance + 1, stop=lambda: not self.waiting)

    def _ask_again(self) -> None:
        for entry in list(self.waiting):
            event, due = entry
            outcome = self.user.again(event, self.wire.now)
            early, late = self.wire.now < due - self.tolerance, self.wire.now > due + self.tolerance
            if outcome is None and not late:
                continue
            self.waiting.remove(entry)
            if outcome is None:
                raise _Mismatched(event, event.text, "nothing", "the call still waits")
            if early:
                raise _Mismatched(event, event.text, str(outcome), f"it returned {_seconds(due - self.wire.now)} too early")
            self._judge(event, outcome)

    def _judge(self, event: CallEvent, outcome: Outcome) -> None:
        wrong = event.result is not None and (event.result != outcome.result or event.error not in (None, outcome.error))
        if wrong or outcome.note:
            raise _Mismatched(event, event.text, str(outcome), outcome.note or "another result")

    # Segments.

    def _inject(self, event: SegmentEvent) -> None:
        if event.draft.flags & SYN and not event.draft.flags & ACK:
            # Only a listener answers it with a new ISN; in an open attempt (simultaneous open) the old one stays.
            if not self.script.active:
                self.numbers.another_connection()
        local, remote = self.ports
        draft = self.numbers.injected(event.draft)
        src = remote if draft.src_port is None else draft.src_port
        draft = replace(draft, src_port=src, dst_port=local if draft.dst_port is None else draft.dst_port)
        around = self.script.surroundings
        self.last = self.wire.now
        self.peer.out.append(wrap(draft, around.remote, around.local, ecn=next(iter(event.ecn), NOT_ECT)))
        count = len(self.wire.crossings)
        self._advance(self.wire.now + SECOND, stop=lambda: any(c.sender == "B" and c.copies[0].arrival is not None
                                                              for c in self.wire.crossings[count:]))  # fmt: skip

    def _expect(self, event: SegmentEvent, first: int, last: int) -> None:
        self._advance(last + self.tolerance, stop=lambda: bool(self.peer.heard))
        if not self.peer.heard:
            waited = _seconds(self.wire.now - self.last)
            raise _Mismatched(event, event.text, "nothing", f"no segment came within {waited} of the event before")
        moment, packet = self.peer.heard.popleft()
        if packet.segment.flags & SYN and not packet.segment.flags & ACK:
            self.ports = [packet.segment.src_port or 0, packet.segment.dst_port or 0]
        live = self.numbers.as_script(packet.segment, event.draft)
        why = self.numbers.differences(event.draft, live)
        if event.ecn and packet.ecn not in event.ecn:
            why.append(f"the ECN field of its IP header is {packet.ecn}, not {' or '.join(map(str, event.ecn))}")
        if not packet.intact:
            why.append("its checksum is wrong")
        why += self._out_of_time(event.when, moment, first, last)
        self.last = max(self.last, moment)
        if why:
            raise _Mismatched(event, event.text, _shown(live), ", ".join(why))

    def _out_of_time(self, when: When, moment: int, first: int, last: int) -> list[str]:
        if when.anytime or first - self.tolerance <= moment <= last + self.tolerance:
            return []
        early = moment < first
        return [f"it came {_seconds(first - moment if early else moment - last)} too {'early' if early else 'late'}"]


def _shown(live: Draft) -> str:
    return f"> {notation(live, extras=False)}"


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.3f} s"
