"""Give every arrow of a ladder its height. Floor 4. Reading: RFC 9293 §3.5 (figures 6, 7), §3.6 (figures 12, 13).

Rows grow downwards. An arrow starts at least one row below the one before; two SYNs or FINs that met on the way start closer
and cross. A silence takes a row of its own, and so does every further state that one segment leads through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log10
from typing import Any

from tcpinspect.insight.words import flags_in_words, numbers_in_words
from tcpinspect.plot.extract import SILENCE_LEAST_NS
from tcpinspect.plot.fold import Run, Tally, fold_words, tally_of
from tcpinspect.plot.pieces import Arrow, Break, Kind
from tcpinspect.protocol.header import ACK, FIN, RST, SYN
from tcpinspect.protocol.seqnum import add, difference

# The narrowest a stretch of a rail gets: room for the name of its state.
STATE_ROWS = 0.5
_PITCH = 1.0
_TOP = 0.9
_BOTTOM = 0.9
_BREAK_ROWS = 1.0
# So much further apart at most for a pause that is not yet a silence.
_STRETCH = 0.6
_SLANT_UNKNOWN = 0.2
_SLANT_LEAST, _SLANT_MOST = 0.12, 0.3
# So much more before and after the frame of a phase.
_FRAME_ROWS = 0.28
# So much more where the options stand below the note.
_OPTION_ROWS = 0.3
# Two that cross start this far apart and fall this far: the lines then meet beyond both labels.
_CROSSING_PITCH = 0.45
_CROSSING_FALL = 2.0


@dataclass(slots=True)
class Rows:
    """The placed arrows; `ends` says by frame where a segment starts and ends and whether the client sent it."""

    arrows: list[Arrow] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    ends: dict[int, tuple[float, float, bool]] = field(default_factory=dict)
    height: float = _TOP + _BOTTOM


@dataclass(frozen=True, slots=True)
class Given:
    """What placing rests on: the segments of the phase, the words for each, who shares an arrow, and by index the ns of silence.

    By frame: which were lost, which came after the other side's last word, which are the SYN-ACKs of a simultaneous open, and how
    many states begin there at one side at most; `trailing` is the number of states after all frames. `one_way_ns`: how long a
    segment is on its way, None unknown. `options`: each arrow says its options, and has room for them. `apart`: by index, before
    which segments the frame of a phase ends or begins.
    """

    segments: Sequence[Any]
    words: Sequence[str]
    runs: Sequence[Run]
    silences: Mapping[int, int]
    lost: frozenset[int]
    unanswered: frozenset[int]
    answers: frozenset[int]
    steps: Mapping[int, int]
    trailing: int
    one_way_ns: int | None
    options: bool = False
    apart: frozenset[int] = frozenset()


def place(given: Given) -> Rows:
    """Give every arrow its height, from the top down."""
    rows = Rows()
    slant = _slant(given.one_way_ns)
    y, lowest, crossed = _TOP, 0.0, False
    for n, run in enumerate(given.runs):
        part = given.segments[run.first : run.last + 1]
        if n:
            y = _after_pause(rows, y, lowest, given, run.first) + (_FRAME_ROWS if run.first in given.apart else 0.0)
        crosses = not crossed and _meets_next(given, n)
        fall = _CROSSING_FALL if crosses or crossed else slant if len(part) == 1 else 0.0
        arrow = _arrow(part, run.tally, given.words[run.first], (y, y + fall), crosses, given)
        rows.arrows.append(arrow)
        rows.ends.update((s.frame, (arrow.y_start, arrow.y_end, arrow.from_client)) for s in part)
        # Where one segment moves a side through several states, each name needs its room before the next arrow.
        extra = STATE_ROWS * (max((given.steps.get(s.frame, 0) for s in part), default=0) - 1)
        lowest = max(lowest, arrow.y_end + max(0.0, extra))
        y = y + _CROSSING_PITCH if crosses else max(y + _PITCH, lowest + _PITCH - slant) + (_OPTION_ROWS if arrow.options else 0.0)
        crossed = crosses
    lowest += _OPTION_ROWS if rows.arrows and rows.arrows[-1].options else 0.0
    rows.height = max(rows.height, lowest + _BOTTOM + STATE_ROWS * given.trailing)
    return rows


def _after_pause(rows: Rows, y: float, lowest: float, given: Given, index: int) -> float:
    """Where the arrow of segment `index` starts when there was time before it: a silence is a row, a pause some room."""
    silence = given.silences.get(index)
    if silence is not None:
        rows.breaks.append(Break((lowest + y + _BREAK_ROWS) / 2, silence))
        return y + _BREAK_ROWS
    pause = given.segments[index].time_ns - given.segments[index - 1].time_ns
    if rows.arrows[-1].crosses:
        return y
    return y + _STRETCH * min(1.0, max(0.0, pause / SILENCE_LEAST_NS))


def _meets_next(given: Given, n: int) -> bool:
    """Whether the n-th arrow crosses the one after it: both single segments that met on the way, the first one not lost."""
    if n + 1 >= len(given.runs):
        return False
    one, other = given.runs[n], given.runs[n + 1]
    if one.first != one.last or other.first != other.last or other.first in given.silences:
        return False
    a = given.segments[one.first]
    return a.frame not in given.lost and _cross(a, given.segments[other.first])


def _arrow(part: Sequence[Any], tally: Tally | None, note: str, ys: tuple[float, float], crosses: bool, given: Given) -> Arrow:
    s = part[0]
    if len(part) > 1:
        tally = tally or tally_of(part)
        label, inside, from_client = fold_words(tally)
        number = sum(tally.segments)
        return Arrow(*ys, from_client, s.frame, s.time_ns, label, inside, "fold", False, last_frame=part[-1].frame, segments=number)
    kind, lost = kind_of(s, answer=s.frame in given.answers), s.frame in given.lost
    flags, numbers = flags_in_words(s.tcp_flags), numbers_in_words(s)
    if lost:
        note += "; no answer" if s.frame in given.unanswered or (s.tcp_flags & SYN and not s.tcp_flags & ACK) else "; lost"
    return Arrow(
        *ys,
        s.from_client,
        s.frame,
        s.time_ns,
        f"{flags}  {numbers}",
        note,
        kind,
        lost,
        flags,
        numbers,
        s.frame,
        1,
        crosses,
        s.options if given.options else "",
    )


def kind_of(s: Any, *, answer: bool = False) -> Kind:
    """How an arrow is drawn, the weightiest first: a SYN sent again is a retransmission, but not the `answer` to one that crossed."""
    if s.tcp_flags & RST:
        return "reset"
    if s.retransmission and not answer:
        return "retransmission"
    if s.out_of_order:
        return "out_of_order"
    if s.tcp_flags & SYN:
        return "syn"
    if s.tcp_flags & FIN:
        return "fin"
    return "data" if s.payload_len else "control"


def _slant(one_way_ns: int | None) -> float:
    """How far an arrow falls: more for a longer way, by orders of magnitude from 100 µs to 1 s; the same for all of a connection."""
    if one_way_ns is None or one_way_ns <= 0:
        return _SLANT_UNKNOWN
    magnitude = log10(one_way_ns / 100_000) / 4
    return round(min(_SLANT_MOST, max(_SLANT_LEAST, _SLANT_LEAST + (_SLANT_MOST - _SLANT_LEAST) * magnitude)), 3)


def _cross(a: Any, b: Any) -> bool:
    """Two SYNs or two FINs that met on the way: b, of the other side, does not acknowledge a though a was captured before it."""
    if a.from_client == b.from_client or (a.tcp_flags | b.tcp_flags) & RST:
        return False
    if a.tcp_flags & SYN and b.tcp_flags & SYN:
        return not (a.tcp_flags & ACK or b.tcp_flags & ACK)
    if a.tcp_flags & FIN and b.tcp_flags & FIN and b.tcp_flags & ACK:
        return difference(b.ack_raw, add(a.seq_raw, a.payload_len)) <= 0
    return False
