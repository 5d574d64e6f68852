"""Read a scenario from its text. Wing lab.

    The last ACK is lost: TIME-WAIT answers the repeated FIN.        what one learns; the next line may say it in Chinese
    最后一个 ACK 丢失 ...

    play on: ours, kernels                                           default: every pair of ends
    wire: delay 10 ms, tap at B                                      one way; default 10 ms, tap in the middle
    wire: lose the second ACK from A                                 a rule of lab.rules
    A: iss 300, timestamps off, keep_alive 1 s, never_ack            endpoint.Settings and Misbehaviour by their names
    kernel B: net.ipv4.tcp_syncookies 2                              a sysctl, where B is a kernel

      0 ms  B listen                                                 # a comment
      0 ms  A open                                                   or: open with "GET /"
    100 ms  A send 300                                               or: send "hello", send message "hello"
    200 ms  B receive -> 300 octets                                  or: -> "hello", end of data, nothing yet, error ECONNRESET
    300 ms  A close                                                  also shutdown, abort, crash
    310 ms  inject from B: R seq=b_nxt+7                             a segment in B's name, in lab.notation
    320 ms  A is FIN-WAIT-2                                          or: is TIME-WAIT or CLOSED
    900 ms  end

    A goes SYN-SENT ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT      the whole way, LISTEN left out
    seen from B: . ack a+301                                         such a segment is in the capture, behind the one seen before
    analysis: handshake three-way, some retransmission               columns of the connection; flags counted over all segments

[ours, kernels] in front of a line: only on these pairs. Every error names the line and the character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Never, cast

from tcpinspect.errors import NotationError, ScenarioError, UsageError
from tcpinspect.lab.endpoint import Misbehaviour, Settings
from tcpinspect.lab.notation import parse as parse_segment
from tcpinspect.lab.rules import rule
from tcpinspect.lab.script import PAIRS, Action, Call, Claim, End, Expectation, Flood, Injection, Line, Pair, Path, Scenario, Sight
from tcpinspect.lab.wire import Name
from tcpinspect.protocol.rfc9293 import State
from tcpinspect.schema import ANALYSIS_FLAGS, CONNECTIONS

SEGMENT_NAMES = ("a", "b", "a_nxt", "b_nxt")
MOST_SYNS = 256  # of a flood: as many as the socket table of a private network has room for
_UNITS = {"us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "min": 60_000_000_000}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min)\b")
_QUALIFIED = re.compile(r"\[([^\]]*)\]\s*")
_HEAD = re.compile(r"(play on|wire|kernel [AB]|A|B|analysis(?: \d+)?|beside)\s*:\s*")
_HEADS = '"play on:", "wire:", "A:", "B:", "kernel A:", "analysis:", "beside:"'
_GOES = re.compile(r"([AB]) goes\b\s*(.*)")
_SEEN = re.compile(r"seen from ([AB]):\s*")
_INJECT = re.compile(r"inject from ([AB]):\s*")
_FLOOD = re.compile(r"flood ([AB]) with (\d+) SYNs")
_HOLDS = re.compile(r"([AB]) holds (\d+) in ([A-Z0-9-]+)")
_IS = re.compile(r"([AB]) is (.+)")
_CALL = re.compile(r"([AB]) (\w+)\s*(.*)")
_COMMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^#])*')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RESULT = re.compile(r'\d+ octets?|"(?:[^"\\]|\\.)*"|end of data|nothing yet|ok|error [A-Z]+')
# Call → whether it takes data: never, perhaps, always.
_VERBS = {"listen": 0, "open": 1, "send": 2, "receive": 1, "shutdown": 0, "close": 0, "abort": 0, "crash": 0, "udp": 1}
_STATES = {str(state) for state in State}
_COLUMNS = {column.name for column in CONNECTIONS}
_ALL = frozenset(PAIRS)


def read(text: str, name: str = "scenario") -> Scenario:
    """The scenario that the text tells. Raises ScenarioError."""
    return _Reader(text, name).scenario()


class _Reader:
    """Reads line by line; `number`, `line` and `at` are the place."""

    def __init__(self, text: str, name: str) -> None:
        self.text_lines = text.splitlines()
        self.name = name
        self.number, self.line, self.at = 1, "", 0
        self.pairs = _ALL
        self.made: dict[str, Any] = {
            "pairs": PAIRS, "settings": {"A": {}, "B": {}}, "sysctls": {"A": {}, "B": {}}, "rules": [], "lines": [], "paths": [],
            "claims": [], "sights": [],
        }  # fmt: skip

    def fail(self, what: str, at: int | None = None) -> Never:
        raise ScenarioError(self.name, self.number, (self.at if at is None else at) + 1, what)

    def scenario(self) -> Scenario:
        """Title lines, then the rest."""
        lesson, *rest = self.text_lines or [""]
        if not lesson.strip():
            self.fail("the first line must say what one learns")
        chinese = rest[0].strip() if rest else ""
        for number, line in enumerate(self.text_lines, 1):
            self.number, self.line = number, line
            if number > 2 or (number == 2 and not chinese):
                self.one_line()
        made = self.made
        made |= {key: tuple(made[key]) for key in ("rules", "lines", "paths", "claims", "sights")}
        return Scenario(name=self.name, lesson=lesson.strip(), lesson_zh=chinese, **made)

    def one_line(self) -> None:
        found = _COMMENT.match(self.line)
        self.line = found[0].rstrip() if found is not None else self.line
        self.at, self.pairs = len(self.line) - len(self.line.lstrip()), _ALL
        if not self.line.strip():
            return
        if qualified := _QUALIFIED.match(self.line, self.at):
            self.pairs = frozenset(self.pair_list(qualified[1], qualified.start(1)))
            self.at = qualified.end()
        if timed := _TIME.match(self.line, self.at):
            at_ns = round(float(timed[1]) * _UNITS[timed[2]])
            self.at = timed.end() + len(self.line[timed.end() :]) - len(self.line[timed.end() :].lstrip())
            self.made["lines"].append(Line(self.number, at_ns, self.action(), self.pairs))
        elif head := _HEAD.match(self.line, self.at):
            self.at = head.end()
            self.header(head[1])
        elif seen := _SEEN.match(self.line, self.at):
            self.segment(seen.end())
            self.made["sights"].append(Sight(self.number, cast(Name, seen[1]), self.line[seen.end() :], self.pairs))
        elif goes := _GOES.match(self.line, self.at):
            states = tuple(self.state(word.group(), goes.start(2) + word.start()) for word in re.finditer(r"\S+", goes[2]))
            self.made["paths"].append(Path(self.number, cast(Name, goes[1]), states, self.pairs))
        else:
            self.fail(self.fail(f'not understood: a line begins with a time ("20 ms"), "A goes", "seen from A:" or one of {_HEADS}'))

    # The lines without a time.

    def header(self, word: str) -> None:
        rest = self.line[self.at :]
        if word == "play on":
            self.made["pairs"] = self.pair_list(rest, self.at)
        elif word == "beside":
            self.made["beside"] = rest.strip()
        elif word == "wire":
            self.wire(rest)
        elif word.startswith("analysis"):
            stream = int(word.split()[1]) if " " in word else None
            self.each(rest, lambda part, at: self.claim(stream, part, at))
        elif word.startswith("kernel"):
            self.each(rest, lambda part, at: self.sysctl(word[-1], part, at))
        else:
            self.each(rest, lambda part, at: self.setting(word, part, at))

    def each(self, text: str, take: Callable[[str, int], None]) -> None:
        """What stands between the commas, each with its place."""
        at = self.at
        for part in text.split(","):
            take(part.strip(), at + len(part) - len(part.lstrip()))
            at += len(part) + 1

    def pair_list(self, text: str, at: int) -> tuple[Pair, ...]:
        named: list[Pair] = []
        self.at = at
        self.each(text, lambda part, place: named.append(self.pair(part, place)))
        return tuple(pair for pair in PAIRS if pair in named)

    def pair(self, word: str, at: int) -> Pair:
        if word not in PAIRS:
            self.fail(f'no pair of ends "{word}": there are {", ".join(PAIRS)}', at)
        return cast(Pair, word)

    def wire(self, text: str) -> None:
        """Delay and tap, or a rule."""
        simple = [part.strip() for part in text.split(",")]
        if any(part.startswith("tap at ") or re.fullmatch(r"delay [\d.]+ ?\w+", part) for part in simple):
            self.each(text, self.wire_part)
            return
        try:
            rule(text)
        except UsageError as error:
            self.fail(str(error))
        self.made["rules"].append(text.strip())

    def wire_part(self, part: str, at: int) -> None:
        timed = _TIME.fullmatch(part.removeprefix("delay ").strip())
        if part.startswith("delay ") and timed:
            self.made["delay_ns"] = round(float(timed[1]) * _UNITS[timed[2]])
        elif part.startswith("tap at ") and part[7:] in ("A", "B", "the middle"):
            self.made["tap"] = part[7:].removeprefix("the ")
        else:
            self.fail('say "delay 10 ms" or "tap at A", "tap at B", "tap at the middle"', at)

    def setting(self, end: str, part: str, at: int) -> None:
        name, _, value = part.partition(" ")
        known = {f.name.removesuffix("_ns"): f.name for f in (*fields(Settings), *fields(Misbehaviour))} | {"iss": "iss"}
        if name not in known:
            self.fail(f'no setting "{name}": there are {", ".join(sorted(known))}', at)
        self.made["settings"][end][known[name]] = self.value(value.strip(), known[name], at + len(name) + 1)

    def value(self, text: str, field: str, at: int) -> object:
        if text in ("", "on"):
            return True
        if text == "off":
            return None if field in ("window_shift", "keep_alive_ns", "fin_wait_2_ns", "user_timeout_ns") else False
        timed = _TIME.fullmatch(text)
        if timed and field.endswith("_ns"):
            return round(float(timed[1]) * _UNITS[timed[2]])
        if text.isdecimal() and (not field.endswith("_ns") or text == "0"):
            return int(text)
        self.fail(f"{field.removesuffix('_ns')} wants {'a time such as 200 ms' if field.endswith('_ns') else 'a number, on or off'}", at)

    def sysctl(self, end: str, part: str, at: int) -> None:
        name, _, value = part.partition(" ")
        if not value.strip():
            self.fail("a sysctl and its value: net.ipv4.tcp_syncookies 2", at)
        self.made["sysctls"][end][name] = value.strip()

    def claim(self, stream: int | None, part: str, at: int) -> None:
        first, _, second = part.partition(" ")
        counted = first.isdecimal() or first == "some"
        what, value = (second.strip(), first) if counted else (first, second.strip())
        if what not in (ANALYSIS_FLAGS if counted else _COLUMNS):
            self.fail(f'no {"flag of a segment" if counted else "column of a connection"} "{what}"', at)
        self.made["claims"].append(Claim(self.number, stream, what, value, self.pairs, counted))

    # The lines with a time.

    def action(self) -> Action:
        text, at = self.line, self.at
        if text[at:] == "end":
            return End()
        if found := _INJECT.match(text, at):
            return Injection(cast(Name, found[1]), text[found.end() :], self.segment(found.end()))
        if found := _FLOOD.fullmatch(text, at):
            if int(found[2]) > MOST_SYNS:
                self.fail(f"at most {MOST_SYNS} SYNs: a lesson, not an attack", found.start(2))
            return Flood(cast(Name, found[1]), int(found[2]))
        if found := _HOLDS.fullmatch(text, at):
            return Expectation(cast(Name, found[1]), (self.state(found[3], found.start(3)),), int(found[2]))
        if found := _IS.fullmatch(text, at):
            places = [word for word in re.finditer(r"\S+", found[2]) if word.group() != "or"]
            return Expectation(cast(Name, found[1]), tuple(self.state(one.group(), found.start(2) + one.start()) for one in places))
        if found := _CALL.fullmatch(text, at):
            return self.call(cast(Name, found[1]), found)
        self.fail('who does what? "A open", "B is LISTEN", "inject from A: S seq=90", "flood B with 40 SYNs", "end"')

    def segment(self, at: int) -> Any:
        try:
            return parse_segment(self.line[at:], names=dict.fromkeys(SEGMENT_NAMES, 1))
        except NotationError as error:
            self.fail(error.what, at + error.position)

    def call(self, end: Name, found: re.Match[str]) -> Call:
        verb, rest, at = found[2], found[3], found.start(3)
        if verb not in _VERBS:
            self.fail(f'no call "{verb}": there are {", ".join(_VERBS)}', found.start(2))
        rest, arrow, expected = rest.rpartition("->") if "->" in rest else (rest, "", "")
        if arrow and not _RESULT.fullmatch(expected.strip()):
            place = at + len(rest) + 2
            self.fail('a call returns "5 octets", text in quotes, "end of data", "nothing yet", "ok" or "error NAME"', place)
        if rest.startswith("message") and verb in ("send", "receive"):
            verb, rest, at = f"{verb} message", rest.removeprefix("message"), at + 7
        data = self.data(rest.removeprefix("with").strip(), at)
        takes = _VERBS[verb.split()[0]]
        if (data is not None and takes == 0) or (data is None and takes == 2):
            self.fail(f"{verb} takes {'nothing more' if takes == 0 else 'text in quotes, or how many octets'}", at)
        return Call(end, verb, data, expected.strip() or None)

    def data(self, text: str, at: int) -> bytes | int | None:
        if not text:
            return None
        if text.isdecimal():
            return int(text)
        quoted = _QUOTED.fullmatch(text)
        if quoted is None:
            self.fail("text in quotes, or how many octets", at)
        return quoted[1].encode().decode("unicode_escape").encode("latin-1")

    def state(self, word: str, at: int) -> str:
        if word not in _STATES:
            self.fail(f'no state "{word}": there are {", ".join(str(state) for state in State)}', at)
        return word
