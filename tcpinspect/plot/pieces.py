"""What a laid-out picture consists of: arrows, spans, breaks, bars. Floor 4. Reading: RFC 9293 §3.5, §3.6 (figures 6 to 13).

Vertical positions are in rows, from 0 at the top to `height` at the bottom: an arrow's start is at least one row below the
start before it, so that a label of one row never meets another. Time is therefore in order but not to scale. The two rails
stand at x = 0 (client) and x = 1 (server) of whoever draws. An arrow's label belongs above it and its note below it, both in
the sender's part of the width (`layout.label_share`); there nothing else is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["data", "control", "retransmission", "out_of_order", "reset", "fin", "syn", "fold"]
Side = Literal["client", "server"]

KINDS: tuple[Kind, ...] = ("data", "control", "retransmission", "out_of_order", "reset", "fin", "syn", "fold")


@dataclass(frozen=True, slots=True)
class Arrow:
    """One segment, or a run of segments folded into one (`kind` "fold", `segments` > 1).

    Leaves its sender's rail at `y_start` and reaches the other at `y_end` (>= y_start). `label` is flags and numbers
    ("SYN, ACK  seq=0 ack=1 len=0"), `note` says in words what it is ("acknowledges the FIN"). `lost`: it was sent again and
    nothing shows that it arrived: draw it ending in mid-air. `flags` and `numbers` are the two parts of `label`.
    """

    y_start: float
    y_end: float
    from_client: bool
    frame: int
    time_ns: int
    label: str
    note: str
    kind: Kind
    lost: bool
    flags: str = ""
    numbers: str = ""
    last_frame: int = 0
    segments: int = 1
    crosses: bool = False  # met by the next arrow on its way: both were sent before the other arrived
    options: str = ""  # the header's options, where they were asked for


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one side's rail: it is in `state` from `y_top` to `y_bottom`. `evidence` and `frame` (None: no frame shows
    it) are those of the step that led into the state; the state before the first step is "assumed"."""

    side: Side
    y_top: float
    y_bottom: float
    state: str
    evidence: str
    frame: int | None


@dataclass(frozen=True, slots=True)
class Break:
    """A long silence shortened to one row: at `y` (its middle) nothing was captured for `silence_ns`."""

    y: float
    silence_ns: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The arrows of one phase, `phase` "handshake" or "teardown", from `y_top` to `y_bottom`: `kind` is its name in the table
    connections (empty: not given), `duration_ns` the time from its first segment to its last."""

    phase: str
    kind: str
    y_top: float
    y_bottom: float
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Tie:
    """A retransmission (`frame`, at `y_bottom`) and the segment (`original`, at `y_top`) whose octets it repeats: same sender.

    Ties that run beside each other have different `lane`s, 0 or 1."""

    from_client: bool
    y_top: float
    y_bottom: float
    original: int
    frame: int
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """A connection, or a phase of it, ready to be drawn. `client` and `server` are address and port as text.

    Empty `arrows` mean that the connection has no such phase. Each side's spans cover its rail from 0 to `height` without a
    gap (none at all where the timeline has no row of that side). `start_ns` is the connection's first segment: times are
    counted from there. `segments` is the number of segments that the arrows stand for. The arrows fall the more, the longer the way
    takes: `one_way_ns`, `measured` between two captures, or else half the round trip of the handshake (None: not known).
    """

    client: str
    server: str
    arrows: tuple[Arrow, ...]
    spans: tuple[Span, ...]
    breaks: tuple[Break, ...]
    height: float
    start_ns: int = 0
    segments: int = 0
    phase: str = "all"
    frames: tuple[Frame, ...] = ()
    ties: tuple[Tie, ...] = ()
    one_way_ns: int | None = None
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of one side's lane: it is in `state` from `x_left` to `x_right`, shares of the whole width from 0 to 1.

    `start_ns` and `end_ns` are counted from the connection's first segment; None where nobody knows (before the first, after
    the last). `evidence` and `frame` are those of the step that led into the state, `event` is its name in the timeline.
    """

    side: Side
    x_left: float
    x_right: float
    state: str
    evidence: str
    frame: int | None
    start_ns: int | None
    end_ns: int | None
    event: str
    seen_to: float | None = None  # beyond it nothing was captured, and that the state went on is assumed; None: nothing is beyond


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on the axis of time: at `x` (0 to 1), `time_ns` after the connection's first segment, in words `text`."""

    x: float
    time_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """Both sides' states over time. Each side's bars cover 0 to 1 without a gap; none where the timeline has no row of a side.

    `to_scale` False: time is in order but stretched where much happens, so that every state can be seen.
    """

    client: str
    server: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    to_scale: bool
