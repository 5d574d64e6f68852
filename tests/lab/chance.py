"""Exchanges made up at random, played between two endpoints over a bad wire, and what the analysis must then say.

An exchange is data and calls at random moments, settings at random, faults of the wire at random; the same numbers give the same
exchange. `play` carries it out.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, PcapWriter
from tcpinspect.errors import ProtocolError
from tcpinspect.lab.draft import filler
from tcpinspect.lab.endpoint import MILLISECOND, SECOND, Ended, EndOfData, Endpoint, EndpointEvent, Readable, Settings
from tcpinspect.lab.ends import EndpointEnd, Program
from tcpinspect.lab.fates import Chance
from tcpinspect.lab.packet import unwrap
from tcpinspect.lab.wire import Crossing, Step, TapPosition, Wire
from tcpinspect.model.row import Row
from tcpinspect.protocol.header import FIN
from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, Event, State

A, B = ("192.0.2.1", 4000), ("198.51.100.2", 80)
NUMBER = st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 3000, 2**32 - 1))


@dataclass(frozen=True)
class Plan:
    """What happens. `calls` are (end, ms, call, octets); `closers` close after 400 s, an end that is no closer when the other has."""

    isses: tuple[int, int]
    settings: tuple[Settings, Settings]
    calls: tuple[tuple[str, int, str, int], ...]
    faults: tuple[Chance, ...]
    delay_ms: int
    tap: TapPosition
    simultaneous: bool
    closers: str


@dataclass
class Heard:
    """What one end's program did and got."""

    sent: bytearray = field(default_factory=bytearray)
    got: bytearray = field(default_factory=bytearray)
    ended: str | None = None
    end_of_data: bool = False


CALLS = ["send", "send", "send", "shutdown", "close", "abort"]


@st.composite
def plans(draw: st.DrawFn, *, orderly: bool = False) -> Plan:
    """Plans of any kind; the simplest is a handshake over a perfect wire.

    Orderly ones open as client and server, nobody aborts, one side closes and the other follows, and the wire keeps the order.
    """
    share = st.sampled_from([0.0, 0.0, 0.05, 0.2] if orderly else [0.0, 0.0, 0.05, 0.2, 0.4])
    faults = Chance(
        draw(st.integers(0, 10**6)),
        loss=draw(share),
        duplication=draw(share),
        reorder=0.0 if orderly else draw(share),
        corruption=draw(st.sampled_from([0.0, 0.0, 0.1])),
        jitter_ns=0 if orderly else draw(st.sampled_from([0, 0, 5, 400])) * MILLISECOND,
        marking=draw(share),
    )
    call = st.sampled_from(["send"] if orderly else CALLS)
    octets = st.sampled_from([1, 10, 1000, 3000, 20_000])
    calls = draw(st.lists(st.tuples(st.sampled_from("AB"), st.integers(200 if orderly else 0, 3000), call, octets), max_size=6))
    return Plan(
        (draw(NUMBER), draw(NUMBER)),
        (draw(settings_of_an_end()), draw(settings_of_an_end())),
        tuple(sorted(calls, key=lambda call: call[1])),
        (faults,),
        draw(st.sampled_from([1, 10, 100])),
        draw(st.sampled_from(["A", "middle", "B"])),
        not orderly and draw(st.sampled_from([False, False, False, True])),
        draw(st.sampled_from("AB")) if orderly else "AB",
    )


@st.composite
def settings_of_an_end(draw: st.DrawFn) -> Settings:
    """Any settings that promise an end in reasonable time."""
    return Settings(
        mss=draw(st.sampled_from([1460, 536, 100])),
        receive_buffer=draw(st.sampled_from([65535, 5000, 300])),
        window_shift=draw(st.sampled_from([None, 0, 7])),
        sack=draw(st.booleans()),
        timestamps=draw(st.booleans()),
        ecn=draw(st.booleans()),
        nagle=draw(st.booleans()),
        delayed_ack_ns=draw(st.sampled_from([0, 200 * MILLISECOND])),
        rto_min_ns=draw(st.sampled_from([200 * MILLISECOND, SECOND])),
        keep_alive_ns=draw(st.sampled_from([None, 30 * SECOND])),
        fin_wait_2_ns=60 * SECOND,
    )


class Played:
    """A plan carried out: `wire`, `ends`, what each program heard, and the capture as octets."""

    def __init__(self, plan: Plan) -> None:
        first = Endpoint(A, B, iss=plan.isses[0], settings=plan.settings[0])
        second = Endpoint(B, A, iss=plan.isses[1], settings=plan.settings[1])
        self.heard = {"A": Heard(), "B": Heard()}
        self.ends = {"A": EndpointEnd(first, program=self._program("A", plan)), "B": EndpointEnd(second, program=self._program("B", plan))}
        self.wire = Wire(self.ends["A"], self.ends["B"], delay_ns=plan.delay_ms * MILLISECOND, treatments=plan.faults, tap=plan.tap)
        self.wire.at(0, second.open_active if plan.simultaneous else second.open_passive)
        self.wire.at(0, first.open_active)
        for end, ms, call, octets in plan.calls:
            self.wire.at(ms * MILLISECOND, self._call(end, call, octets, patient=plan.closers != "AB"))
        for end in plan.closers:
            self.wire.at(400 * SECOND, self._call(end, "shutdown", 0))
        self.wire.run(3600 * SECOND)

    def _program(self, name: str, plan: Plan) -> Program:
        heard = self.heard[name]

        def told(end: EndpointEnd, event: EndpointEvent, now: int) -> None:
            if isinstance(event, Readable):
                heard.got += end.endpoint.receive(now)
            elif isinstance(event, EndOfData):
                heard.end_of_data = True
                if name not in plan.closers:
                    end.endpoint.shutdown(now)
            elif isinstance(event, Ended):
                heard.ended = event.reason

        return told

    def _call(self, name: str, call: str, octets: int, *, patient: bool = False) -> Callable[[int], None]:
        endpoint, heard = self.ends[name].endpoint, self.heard[name]

        def act(now: int) -> None:
            if call == "send" and patient and endpoint.state == State.LISTEN:
                return
            data = filler(len(heard.sent), octets)
            try:
                endpoint.send(data, now) if call == "send" else getattr(endpoint, call)(now)
            except ProtocolError:
                return
            if call == "send" and endpoint.state != State.LISTEN:
                heard.sent += data

        return act

    def capture(self) -> bytes:
        out = io.BytesIO()
        writer = PcapWriter(out, InterfaceToWrite(RAW_IP))
        for time_ns, packet in self.wire.frames:
            writer.write(packet, time_ns)
        return out.getvalue()


def legal(played: Played) -> None:
    """Both timelines are paths of the table from CLOSED."""
    for end in played.ends.values():
        state = State.CLOSED
        for step in end.steps:
            assert step.from_state == state
            arc = BY_STATE_AND_EVENT[step.from_state, step.event]
            assert arc.to == step.to_state
            state = step.to_state


def whole_or_told(played: Played) -> None:
    """What arrived is the beginning of what was sent; all of it, unless the connection says why not.

    A reset that sends a listener from SYN-RECEIVED back to LISTEN: "the user need not be informed" (RFC 9293 §3.10.7.4, second).
    """
    for name, other in (("A", "B"), ("B", "A")):
        got, sent = bytes(played.heard[name].got), bytes(played.heard[other].sent)
        assert sent.startswith(got)
        if played.heard[name].end_of_data:
            assert got == sent
        if got != sent:
            told = played.heard["A"].ended or played.heard["B"].ended
            steps = [step for end in played.ends.values() for step in end.steps]
            aborted = any(step.event == Event.ABORT for step in steps)
            turned_back = any(step.event == Event.RCV_RST and step.from_state == State.SYN_RECEIVED for step in steps)
            assert told or aborted or turned_back, f"{len(got)} of {len(sent)} octets, and nobody says why"


Seen = tuple[str, str, str, int | None]


def visible(entries: list[Step]) -> list[Seen]:
    """A side's true steps as far as a tap can tell them: other names for what no segment shows.

    A CLOSE whose FIN no tap saw (it waited behind data, or was lost before) is left out; a listener that calls is a caller; a
    connection that ended in silence has ended when a RST says so.
    """
    out: list[Seen] = []
    hidden: dict[State, State] = {}
    for entry in entries:
        step = entry.step
        start = hidden.get(step.from_state, step.from_state)
        if step.event == Event.CLOSE and entry.frame is None and step.to_state != State.CLOSED:
            hidden[step.to_state] = start
            continue
        event, frame = str(step.event), entry.frame
        if step.event == Event.SEND:
            start, event = State.CLOSED, "OPEN-ACTIVE"
        if step.to_state == State.CLOSED and frame is None and step.event != Event.TIMEOUT_2MSL:
            event, frame = "ABORT", ANY
        out.append((str(start), str(step.to_state), event, frame))
    return out


def unseen_close(entries: list[Step], crossings: list[Crossing]) -> list[Seen]:
    """The same where the side's CLOSE was earlier than any FIN that the tap saw: its steps as if it had closed only then.

    "A FIN that leaves ESTABLISHED is the user's CLOSE": of a call whose FIN waits behind data, or is lost before the capture point
    with all that follows it, nothing is on the wire. Empty where the first FIN left with the call and was captured.
    """
    steps = [entry.step for entry in entries]
    call = next((step for step in steps if step.event == Event.CLOSE and step.to_state != State.CLOSED), None)
    if call is None:
        return []
    fins = [c for c in crossings if c.departure >= call.departure and (found := unwrap(c.packet)) and found.segment.flags & FIN]
    seen = [c for c in fins if c.frame is not None]
    between = [step for step in steps[steps.index(call) + 1 :] if seen and step.departure <= seen[0].departure]
    if seen and seen[0] is fins[0] and not between:
        return []
    moment = seen[0].sent_ns if seen else None
    frame = min((c.frame for c in seen if c.frame is not None), default=None)
    acts = [(e.step.time_ns, e.step.event, e.frame) for e in entries if e.step is not call and e.step.event is not None]
    if moment is not None:
        acts.append((moment, Event.CLOSE, frame))
        acts.sort(key=lambda act: act[0])
    return _replayed(acts)


def _replayed(acts: list[tuple[int, Event, int | None]]) -> list[Seen]:
    """The path that the table gives for these events; one that does not fit the state reached is passed over."""
    out: list[Seen] = []
    state = State.CLOSED
    for _, event, frame in acts:
        if event == Event.RCV_FIN_ACK_OF_FIN and (state, event) not in BY_STATE_AND_EVENT:
            event = Event.RCV_FIN
        if state == State.SYN_RECEIVED and event == Event.CLOSE:
            out.append((str(state), str(State.ESTABLISHED), str(Event.RCV_ACK_OF_SYN), ANY))
            state = State.ESTABLISHED
        arc = BY_STATE_AND_EVENT.get((state, event))
        if arc is not None:
            out.append((str(state), str(arc.to), str(event), frame))
            state = arc.to
    return out


ANY = -1


@dataclass
class Comparison:
    """What the analysis calls observed, and names no doubt about: `steps` of them, and how the wrong ones are wrong.

    `unseen_calls` happened, had the side closed when the first captured FIN left.
    """

    steps: int = 0
    never_happened: list[str] = field(default_factory=list)
    other_frame: list[str] = field(default_factory=list)
    unseen_calls: list[str] = field(default_factory=list)

    def add(self, other: Comparison) -> None:
        self.steps += other.steps
        self.never_happened += other.never_happened
        self.other_frame += other.other_frame
        self.unseen_calls += other.unseen_calls


def compare(played: Played) -> Comparison:
    """The analysis of the tap's capture beside the true timelines."""
    out = Comparison()
    entries = played.wire.timeline()
    for connection in ti.analyze(played.capture()).connections:
        for side in (connection.client, connection.server):
            name = "A" if (side.address, side.port) == A else "B"
            mine = [entry for entry in entries if entry.end == name]
            late = unseen_close(mine, [crossing for crossing in played.wire.crossings if crossing.sender == name])
            before = None
            for row in side.timeline:
                if _claimed(row):
                    out.steps += 1
                    known = before is None or _claimed(before)
                    _judge(row, f"stream {connection.stream} {side.role}", visible(mine), late, out, known=known)
                before = row
    return out


def _claimed(row: Row) -> bool:
    """The analysis says that this did happen."""
    return row.evidence == "observed" and not row.doubt


# The contract of the timeline: "FIN-WAIT-1 → TIME-WAIT in one segment may be one row or two".
TWO_FOR_ONE = {
    ("FIN-WAIT-1", "FIN-WAIT-2", "RCV-ACK-OF-FIN"): ("FIN-WAIT-1", "TIME-WAIT", "RCV-FIN-ACK-OF-FIN"),
    ("FIN-WAIT-2", "TIME-WAIT", "RCV-FIN"): ("FIN-WAIT-1", "TIME-WAIT", "RCV-FIN-ACK-OF-FIN"),
    ("FIN-WAIT-1", "TIME-WAIT", "RCV-FIN-ACK-OF-FIN"): ("FIN-WAIT-2", "TIME-WAIT", "RCV-FIN"),
}


def _judge(row: Row, who: str, truth: list[Seen], late: list[Seen], out: Comparison, *, known: bool) -> None:
    text = f"{who}: {row.from_state} → {row.to_state} ({row.event}) by frame {row.frame}"
    frames = _frames(row, truth, known=known)
    if not frames and _frames(row, late, known=known):
        out.unseen_calls.append(text)
    elif not frames:
        out.never_happened.append(text)
    elif row.frame not in frames and ANY not in frames:
        out.other_frame.append(f"{text}: it was frame {frames[0]}")


def _frames(row: Row, truth: list[Seen], *, known: bool) -> list[int | None]:
    """The frames at which the step was made.

    `known`: so is the state that it left. That is the claim of the row before (rows join), which may be only assumed or doubted.
    An end that gave up in silence looks like one that the reset which came next has ended.
    """
    found = (row.from_state, row.to_state, row.event)
    silent = (row.from_state, row.to_state, "ABORT", ANY) if row.event == "RCV-RST" else None
    return (
        [t[3] for t in truth if t[:3] == found or t == silent]
        or [t[3] for t in truth if t[:3] == TWO_FOR_ONE.get(found)]
        or [t[3] for t in truth if not known and t[1:3] == found[1:]]
    )
