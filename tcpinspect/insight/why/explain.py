"""One segment explained: what it is, which rules fired and nearly fired, what it did to both sides, and why. Floor 3.

`explain` replays the segment's connection once. Reading: RFC 9293 §3.10.7 and what the modules beside this one read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tcpinspect.insight.phrases import duration, rfc_reference
from tcpinspect.insight.why.cause import CAUSES, judged
from tcpinspect.insight.why.differ import differences
from tcpinspect.insight.why.flagged import Fired, Rule, View
from tcpinspect.insight.why.moment import SIDES, States
from tcpinspect.insight.why.replay import Fact
from tcpinspect.insight.why.rules import rules_of
from tcpinspect.insight.why.tell import about_ack, about_late, about_reset, about_retransmission, reset_section
from tcpinspect.insight.words import Narrator, flags_in_words, numbers_in_words, octets
from tcpinspect.protocol.header import RST, SYN

# The section that a cause rests on; a reset's is in tell.
_SECTIONS = {
    "syn-retransmission": "3.8.3", "stray-syn": "RFC 5961 4", "syn-ack-retransmission": "RFC 6298 5.4",
    "syn-ack-of-simultaneous-open": "3.5",
    "fin-retransmission": "RFC 6298 5.4", "fast-retransmission": "RFC 5681 3.2", "recovery-retransmission": "RFC 6675 5",
    "rack-retransmission": "RFC 8985 6.2", "tail-loss-probe": "RFC 8985 7.2", "rto-retransmission": "RFC 6298 5.4",
    "timer-retransmission": "RFC 6298 5.4", "retransmission": "3.8.1", "reordered": "3.4", "unknown": "3.4",
    "network-duplicate": "RFC 2883 4", "keep-alive": "3.8.4", "keep-alive-ack": "3.8.4", "window-probe": "3.8.6.1",
    "window-probe-ack": "3.8.6.1", "zero-window": "3.8.6", "window-update": "3.8.6", "duplicate-ack": "RFC 5681 4.2",
    "d-sack": "RFC 2883 4", "duplicate-data-ack": "3.10.7.4", "handshake-ack-again": "3.10.7.4", "challenge-ack": "RFC 5961 4",
}  # fmt: skip
_STEP = ("from_state", "to_state", "event", "evidence", "rfc", "doubt")


@dataclass(frozen=True, slots=True)
class Standing:
    """A side around the segment: its state before and after (None: the timeline knows nothing of it) and the steps taken."""

    side: str
    before: str | None
    after: str | None
    steps: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Why a segment was sent and what it did. `kind` says what made its sender repeat it where `cause` says that it was in vain."""

    frame: int
    stream: int
    time_ns: int
    since_start_ns: int
    sender: str
    source: str
    destination: str
    header: str
    cause: str
    kind: str
    sentence: str
    details: tuple[str, ...]
    rules: tuple[Rule, ...]
    states: tuple[Standing, ...]
    differs: tuple[str, ...]
    sections: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it for people, lines of any length."""
        return self.render(None)

    def render(self, width: int | None) -> str:
        """The text, broken at `width` characters; None leaves lines as long as they are."""
        receiver = "server" if self.sender == "client" else "client"
        lines = [
            f"frame {self.frame}, stream {self.stream}: {self.source} ({self.sender}) → {self.destination} ({receiver})",
            f"{self.header}  {duration(self.since_start_ns)} after the first segment",
            "",
            self.sentence,
        ]
        lines += [f"  {text}" for text in self.details]
        lines += ["", "States"]
        for one in self.states:
            if one.before is None:
                lines.append(f"  {one.side}: the timeline knows no state of it")
            elif not one.steps:
                lines.append(f"  {one.side}: {one.before}, unchanged")
            for step in one.steps:
                reference = rfc_reference(step.rfc)
                lines.append(f"  {one.side}: {step.from_state} → {step.to_state} on {step.event} ({step.evidence}, {reference})")
                doubt = getattr(step, "doubt", None)
                if doubt:
                    lines.append(f"    in doubt: {doubt}")
        for heading, fired in (("Rules that fired", True), ("Rules that nearly fired", "nearly")):
            chosen = [rule for rule in self.rules if rule.fired is fired or rule.fired == fired]
            if chosen:
                lines += ["", heading]
                lines += [f"  {rule.rule} ({_source(rule.source)}): {rule.compared}" for rule in chosen]
        if self.differs:
            lines += ["", "Where Wireshark reads it differently"]
            lines += [f"  {text}" for text in self.differs]
        if self.sections:
            lines += ["", "Read " + ", ".join(rfc_reference(section) for section in self.sections)]
        if width is not None:
            lines = [part for line in lines for part in _broken(line, width)]
        return "\n".join(lines) + "\n"

    def __str__(self) -> str:
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON; times and durations in ns."""
        return {
            "frame": self.frame, "stream": self.stream, "time_ns": self.time_ns, "since_start_ns": self.since_start_ns,
            "sender": self.sender, "source": self.source, "destination": self.destination, "cause": self.cause, "kind": self.kind,
            "sentence": self.sentence, "details": list(self.details),
            "states": [
                {"side": one.side, "before": one.before, "after": one.after,
                 "steps": [{name: getattr(step, name, None) for name in _STEP} for step in one.steps]}
                for one in self.states
            ],
            "rules": [
                {"rule": r.rule, "fired": r.fired, "compared": r.compared, "source": r.source, "numbers": dict(r.numbers)}
                for r in self.rules
            ],
            "differs": list(self.differs), "rfc": list(self.sections),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.render(100))}</pre>"


def _source(source: str) -> str:
    return source if source == "Wireshark" else rfc_reference(source)


def _broken(line: str, width: int) -> list[str]:
    indent = "  " if line.startswith("  ") else ""
    return textwrap.wrap(line, max(width, 20), subsequent_indent=indent * 2, break_long_words=False, break_on_hyphens=False) or [""]


def explain(segments: Sequence[Any], timeline: Sequence[Any], frame: int) -> Why | None:
    """Why for the segment in this frame, from its connection's rows of `segments` and `timeline`; None if it is not among them."""
    facts = judged(segments, timeline)
    found = next((fact for fact in facts if fact.row.frame == frame), None)
    if found is None:
        return None
    view, narrator = View(), Narrator()
    flagged: list[Rule] = []
    moved: Any = None
    words = ""
    for fact in facts[: found.index + 1]:
        moved = view.moved_by(bool(fact.row.from_client))
        flagged = view.rules(fact.row, wanted=fact is found)
        words = narrator(fact.row if fact is not found or fact.cause else _unflagged(fact.row))
    row = found.row
    states = States(timeline)
    standings = tuple(
        Standing(
            side,
            states.state(side, frame),
            states.state(side, frame, after=True),
            tuple(step for step in states.steps(frame) if step.side == side),
        )
        for side in SIDES
    )
    sections = dict.fromkeys(
        [*_section(found, facts), *(s.rfc for one in standings for s in one.steps if s.rfc)]
    )  # fmt: skip
    return Why(
        frame=frame, stream=row.stream, time_ns=row.time_ns, since_start_ns=row.time_ns - facts[0].row.time_ns,
        sender="client" if row.from_client else "server", source=_end(row.src, row.src_port), destination=_end(row.dst, row.dst_port),
        header=f"{flags_in_words(row.tcp_flags)}  {numbers_in_words(row)}", cause=found.cause, kind=found.kind,
        sentence=_sentence(found, words), details=tuple(_details(found, facts, states)), rules=(*flagged, *rules_of(found)),
        states=standings, differs=tuple(differences(found, facts, moved)), sections=tuple(sections),
    )  # fmt: skip


class Told(NamedTuple):
    """What `explain` says of a segment in the fewest words: its cause (a word of CAUSES), a sentence, and the numbers behind it."""

    cause: str
    sentence: str
    details: tuple[str, ...]


def tell_all(segments: Sequence[Any], timeline: Sequence[Any]) -> list[Told]:
    """Told for every segment of one connection, in order, with one replay; details only where the cause is not the ordinary one."""
    facts, narrator, states = judged(segments, timeline), Narrator(), States(timeline)
    return [
        Told(f.cause, _sentence(f, narrator(f.row if f.cause else _unflagged(f.row))), tuple(_details(f, facts, states)) if f.cause else ())
        for f in facts
    ]


def _unflagged(row: Any) -> Any:
    """The row of an ordinary segment without the flags that would make the words call it a repetition."""
    names = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack")
    return row._replace(**dict.fromkeys(names, False), rto_ns=None, duplicate_ack_num=None)


def _end(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _section(f: Fact, facts: list[Fact]) -> list[str]:
    if f.flags & RST and f.twin is None:
        return [reset_section(f.kind)]
    if f.kind == "challenge-ack" and f.prompt is not None and not facts[f.prompt].flags & SYN:
        return ["RFC 5961 3.2" if facts[f.prompt].flags & RST else "RFC 5961 5.2"]
    return [_SECTIONS[f.kind]] if f.kind in _SECTIONS else []


def _sentence(f: Fact, words: str) -> str:
    meaning = CAUSES[f.cause] if f.cause else ""
    if not f.cause:
        text = words
    elif f.payload:
        text = f"{octets(f.payload)} of data, {meaning}"
    else:
        text = meaning
    return f"{text[:1].upper()}{text[1:]}" + (f" ({f.cause})." if f.cause else ".")


def _details(f: Fact, facts: list[Fact], states: States) -> list[str]:
    if f.twin is not None or f.kind in ("reordered", "unknown"):
        return about_late(f, facts)
    if f.flags & RST:
        return about_reset(f, facts, states)
    if "retransmission" in f.kind or f.kind == "tail-loss-probe":
        late = about_late(f, facts) if f.hole is not None else []
        return [*late, *about_retransmission(f, facts)]
    return about_ack(f, facts)


__all__ = ["Fired", "Rule", "Standing", "Told", "Why", "explain", "tell_all"]
