"""Why the engine and the truth differ: from what the wire knows and no observer can. Wing lab. Reading: RFC 9293 §3.10.

Each reason is a fact about the packets in question, looked up in the wire's memory: this one was lost, that one was never
captured, these two are the same segment. Where no such fact is found the reason is "", and somebody has to look.
"""

from __future__ import annotations

from typing import Protocol

from tcpinspect.lab.packet import unwrap
from tcpinspect.lab.timeline import TrueStep
from tcpinspect.lab.wire import INJECTED, Crossing, Name, Wire
from tcpinspect.protocol.header import FIN, RST, SYN
from tcpinspect.protocol.rfc9293 import Event, State

_RIGHT_THEN_NS = 50_000_000  # as closely as a kernel's timers are looked at, and some more
TIMERS = (Event.TIMEOUT_USER, Event.TIMEOUT_2MSL)
_SPOKEN = {Event.OPEN_ACTIVE: SYN, Event.SEND: SYN, Event.CLOSE: FIN, Event.ABORT: RST}


# How the reasons begin that lie in the analysis; all others are facts that a capture does not hold.
_THE_ANALYSIS = "the analysis "


def in_the_capture(reason: str) -> bool:
    """Could somebody who has only the capture have known better?"""
    return not reason or _THE_ANALYSIS in reason


class Row(Protocol):
    """A row of the engine's timeline; `Analysis.table("timeline")` gives them."""

    @property
    def stream(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def frame(self) -> int | None: ...
    @property
    def from_state(self) -> str: ...
    @property
    def to_state(self) -> str: ...
    @property
    def evidence(self) -> str: ...
    @property
    def doubt(self) -> str | None: ...


class View:
    """The wire as one end of it has seen it: its own packets, what came to it, and where the tap saw them."""

    def __init__(self, end: Name, wire: Wire) -> None:
        self._end, self._wire = end, wire
        self._sent = [one for one in wire.crossings if one.sender == end and one.departure != INJECTED]
        self._injected = {one.frame for one in wire.crossings if one.departure == INJECTED and one.sender == end}
        received = [(one, copy) for one in wire.crossings if one.sender != end for copy in one.copies]
        self._arrived = {copy.arrival: copy for _, copy in received if copy.arrival is not None}
        self._lost = {copy.frame for _, copy in received if copy.arrival is None and copy.frame is not None}
        self._packets = {copy.frame: one.packet for one in wire.crossings for copy in one.copies if copy.frame is not None}
        self._crashes: list[int] = getattr(wire.ends[end], "crashes", [])
        packets = (unwrap(one.packet) for one in self._sent)
        self.addresses = {packet.source for packet in packets if packet is not None}

    def frames_of(self, step: TrueStep) -> list[int]:
        """The frames that a step may be known by: that of the segment that did it, or by which a call speaks.

        An end that aborts because of a segment has both: the segment and its own RST.
        """
        frames = [self._wire.frame_of(self._end, step)]
        if step.arrival is not None and step.event == Event.ABORT:
            frames.append(self._wire.frame_of(self._end, step._replace(arrival=None)))
        return [frame for frame in frames if frame is not None]

    def proof_of(self, step: TrueStep) -> int | None:
        """The first frame that this end sent after a step: what an observer may infer it from."""
        return next((one.frame for one in self._after(step) if one.frame is not None), None)

    def only(self, rows: list[Row], steps: list[TrueStep]) -> list[Row]:
        """The rows of the streams that have a frame in common with these steps; all where none has."""
        frames = {frame for step in steps for frame in self.frames_of(step)}
        streams = {row.stream for row in rows if row.frame in frames}
        return [row for row in rows if row.stream in streams] if streams else rows

    def lost(self, frame: int | None) -> bool:
        """The other end sent this frame, and it never came."""
        return frame in self._lost

    def injected(self, frame: int | None) -> bool:
        """Somebody else sent this frame in the end's name."""
        return frame is not None and frame in self._injected

    def crashed(self, frame: int | None) -> bool:
        """The end had lost its memory before this frame."""
        return frame is not None and any(crash <= self._wire.frames[frame - 1][0] for crash in self._crashes)

    def resets(self, frame: int | None) -> bool:
        """The frame carries a RST."""
        found = unwrap(self._packets[frame]) if frame in self._packets else None
        return found is not None and bool(found.segment.flags & RST)

    def uncaptured(self, step: TrueStep) -> str | None:
        """What of a step the tap never saw: the segment that did it, or the answer that would show it."""
        if step.arrival is not None:
            copy = self._arrived.get(step.arrival)
            if copy is not None and copy.frame is None:
                return "the segment that did it was never captured"
        spoken = self._spoken(step)
        if spoken is not None and spoken.frame is None:
            return "the first segment that shows it was lost before the capture point"
        return None

    def told(self, step: TrueStep) -> bool:
        """The end said with a RST, right then, what its timer did."""
        for one in self._sent:
            packet = unwrap(one.packet) if one.departure == step.departure and one.sent_ns - step.time_ns < _RIGHT_THEN_NS else None
            if packet is not None and packet.segment.flags & RST:
                return True
        return False

    def overtaken(self, step: TrueStep) -> bool:
        """Segments of this end came to the tap in another order than they were sent in, around the one that shows a step."""
        spoken = self._spoken(step)
        if spoken is None or spoken.frame is None:
            return False
        return any(
            (one.departure < spoken.departure) != (one.frame < spoken.frame) for one in self._sent if one.frame and one is not spoken
        )

    def same_segment(self, one: int | None, other: int | None) -> bool:
        """Two frames carry the same segment: an original and its repeat."""
        if one == other or one not in self._packets or other not in self._packets:
            return False
        first, second = unwrap(self._packets[one]), unwrap(self._packets[other])
        if first is None or second is None or first.source != second.source:
            return False
        a, b = first.segment, second.segment
        return (a.seq, a.flags & (SYN | FIN | RST), len(a.payload)) == (b.seq, b.flags & (SYN | FIN | RST), len(b.payload))

    def _after(self, step: TrueStep) -> list[Crossing]:
        return [one for one in self._sent if one.departure >= step.departure]

    def _spoken(self, step: TrueStep) -> Crossing | None:
        """The first packet by which this end shows a step: for a call its SYN, FIN or RST, else whatever it says next."""
        flag = _SPOKEN.get(step.event) if step.event is not None else None
        for one in self._after(step):
            packet = unwrap(one.packet)
            if packet is not None and (flag is None or packet.segment.flags & flag):
                return one
        return None


def why(step: TrueStep | None, row: Row | None, view: View) -> str:
    """The reason for a disagreement: a step that only one of both has, or that they have at different frames."""
    if step is None:
        assert row is not None
        return _extra(row, view)
    found = _missing(step, view) if row is None else _elsewhere(step, row, view)
    if not found and view.overtaken(step):
        return "segments overtook each other on the way to the capture point"
    return found


def _missing(step: TrueStep, view: View) -> str:
    if step.note:
        return step.note
    if step.event in TIMERS:
        return "" if view.told(step) else "a timer of the end did it, and no packet shows it"
    if unseen := view.uncaptured(step):
        return unseen
    if not view.frames_of(step):
        return f"the {step.call} sent nothing that shows it" if step.call else "no captured segment shows it"
    return ""


def _extra(row: Row, view: View) -> str:
    if view.lost(row.frame):
        return f"frame {row.frame} was captured and then lost: this end never received it"
    if view.injected(row.frame):
        return f"frame {row.frame} was injected in the name of this end, which never sent it"
    if row.from_state == str(State.TIME_WAIT) and view.resets(row.frame):
        return f"this end ignored the RST in frame {row.frame} (RFC 1337)"
    if view.crashed(row.frame):
        return "the end had crashed before and knew nothing of the connection any more"
    return _own_doubt(row)


def _elsewhere(step: TrueStep, row: Row, view: View) -> str:
    if view.lost(row.frame):
        return f"frame {row.frame} was captured and then lost: a later copy was received"
    frames = view.frames_of(step)
    if step.arrival is None and frames and view.same_segment(row.frame, frames[0]):
        return f"{_THE_ANALYSIS}takes a repeat of the segment (frame {row.frame}) for the one that the call sent (frame {frames[0]})"
    if frames and view.same_segment(row.frame, frames[0]):
        return f"frames {frames[0]} and {row.frame} are the same segment: which copy arrived first no capture tells"
    return view.uncaptured(step) or step.note or _own_doubt(row)


def _own_doubt(row: Row) -> str:
    if row.doubt:
        return f"{_THE_ANALYSIS}doubts it itself: {row.doubt}"
    return f"{_THE_ANALYSIS}only assumes it" if row.evidence == "assumed" else ""
