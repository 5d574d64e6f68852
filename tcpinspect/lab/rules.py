"""Read a wire's rules: one sentence says which packet meets what. Wing lab.

    lose the second FIN from A                  lose the first 3 SYNs
    delay the first data from B by 300 ms       lose every ACK from B
    duplicate the 2nd data from A by 5 ms       corrupt the third data from A
    hold the first data from A                  (until the next packet from A has passed: they change places)
    mark the fourth data from A                 (congestion experienced, where the packet is ECN-capable)
    rewrite the first RST from B: seq + 5       rewrite every SYN from A: window = 0
    lose the second datagram from A             (of UDP)

What is counted: SYN (without ACK), SYN-ACK, FIN, RST, ACK (nothing but an acknowledgment), data, segment (all of them), datagram;
repeats count too. It happens behind the middle of the wire, so that a tap there does not see it; `before the tap` at the end of the
sentence says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tcpinspect.errors import UsageError
from tcpinspect.lab import fates
from tcpinspect.lab.draft import MODULUS, Draft
from tcpinspect.lab.fates import Passage, Traveller
from tcpinspect.protocol.header import ACK, FIN, RST, SYN

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "ms": 10**6, "s": 10**9}
_FIELDS = ("seq", "ack", "window", "urgent_pointer", "src_port", "dst_port")
_SENTENCE = re.compile(
    r"(?P<verb>lose|delay|duplicate|corrupt|hold|mark|rewrite)\s+"
    r"(?:the\s+)?(?P<which>every|all|first\s+\d+|\d+(?:st|nd|rd|th)|[a-z]+)\s+"
    r"(?P<kind>SYN-ACK|SYN|FIN|RST|ACK|datagram|data|segment)s?"
    r"(?:\s+from\s+(?P<sender>\w+))?"
    r"(?:\s+by\s+(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ns|us|µs|ms|s))?"
    r"(?P<early>\s+before\s+the\s+tap)?"
    r"(?:\s*:\s*(?P<field>\w+)\s*(?P<sign>[-+=])\s*(?P<value>\d+))?\s*"
)
# Until when a packet that a rule duplicates is followed by its copy.
_COPY_BEHIND_NS = 1_000_000


def kind_of(segment: Draft | None) -> frozenset[str]:
    """Under which words a rule finds the segment; None is a packet without one."""
    if segment is None:
        return frozenset({"datagram"})
    flags = segment.flags
    out = {"segment"}
    if flags & SYN:
        out.add("SYN-ACK" if flags & ACK else "SYN")
    if flags & FIN:
        out.add("FIN")
    if flags & RST:
        out.add("RST")
    if segment.payload:
        out.add("data")
    elif flags & ACK and not flags & (SYN | FIN | RST):
        out.add("ACK")
    return frozenset(out)


@dataclass
class Rule:
    """One sentence, as a treatment; it counts what it has seen."""

    text: str
    kind: str
    sender: str | None
    first: int
    last: int | None  # None: no end
    act: Callable[[Passage, Draft | None], list[Passage]]
    early: bool = False
    seen: int = 0

    def __call__(self, traveller: Traveller, passages: list[Passage]) -> list[Passage]:
        segment = traveller.segment
        if self.kind not in kind_of(segment) or self.sender not in (None, traveller.sender):
            return passages
        self.seen += 1
        if self.seen < self.first or (self.last is not None and self.seen > self.last):
            return passages
        return [replace(done, early=self.early, why=self.text) for passage in passages for done in self.act(passage, segment)]


def rule(text: str) -> Rule:
    """The rule that the sentence tells; raises UsageError where it tells none."""
    match = _SENTENCE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f'no rule for a wire: "{text}"; write it like "lose the second FIN from A" or "delay the first data by 300 ms"')
    first, last = _which(match["which"], text)
    by_ns = None if match["number"] is None else round(float(match["number"]) * _UNITS[match["unit"]])
    act = _action(match, by_ns, text)
    return Rule(text.strip(), match["kind"], match["sender"], first, last, act, early=match["early"] is not None)


def _which(word: str, text: str) -> tuple[int, int | None]:
    if word in ("every", "all"):
        return 1, None
    if word.startswith("first") and word != "first":
        return 1, int(word.split()[1])
    digits = re.match(r"\d+", word)
    if digits is None and word not in _ORDINALS:
        raise UsageError(f'"{word}" is no number in the rule "{text}": write first to tenth, 11th, every, or first 3')
    number = int(digits[0]) if digits else _ORDINALS.index(word) + 1
    return number, number


def _action(match: re.Match[str], by_ns: int | None, text: str) -> Callable[[Passage, Draft | None], list[Passage]]:
    verb = match["verb"]
    if (match["field"] is not None) != (verb == "rewrite"):
        raise UsageError(f'the rule "{text}" must say what to rewrite (and only such a rule): "rewrite the first SYN: window = 0"')
    if match["kind"] == "datagram" and verb not in ("lose", "delay", "duplicate", "hold"):
        raise UsageError(f'a datagram can be lost, delayed, duplicated or held: the rule "{text}" is for segments')
    if by_ns is not None and verb not in ("delay", "duplicate"):
        raise UsageError(f'nothing to {verb} by a time in the rule "{text}": leave it out')
    if verb == "rewrite":
        change = _change(match["field"], match["sign"], int(match["value"]), text)
        return lambda passage, segment: [passage] if segment is None else fates.rewrite(change, segment)(passage)
    if verb == "delay":
        if by_ns is None:
            raise UsageError(f'the rule "{text}" must say by how much: "delay the first data by 300 ms"')
        later = fates.delay(by_ns)
        return lambda passage, _: later(passage)
    if verb == "duplicate":
        twice = fates.duplicate(_COPY_BEHIND_NS if by_ns is None else by_ns)
        return lambda passage, _: twice(passage)
    simple = {"lose": fates.lose, "hold": fates.hold, "corrupt": fates.corrupt, "mark": fates.mark}[verb]
    return lambda passage, _: simple(passage)


def _change(field: str, sign: str, value: int, text: str) -> Callable[[Draft], Draft]:
    if field not in _FIELDS:
        raise UsageError(f'"{field}" cannot be rewritten in the rule "{text}": there are {", ".join(_FIELDS)}')
    modulus = MODULUS if field in ("seq", "ack") else 1 << 16

    def change(segment: Draft) -> Draft:
        old = getattr(segment, field) or 0
        new = value if sign == "=" else old + value if sign == "+" else old - value
        return replace(segment, **{field: new % modulus})  # type: ignore[arg-type]

    return change
