"""Read a script: what the common part of packetdrill's language means, and a clear no to the rest. Wing lab.

    0.000  socket(..., SOCK_STREAM, IPPROTO_TCP) = 3     at an absolute time, in seconds
    +0.1   < S 0:0(0) win 1000 <mss 1460,sackOK>          so long after the event before; injected
    +0~+.1 > S. 0:0(0) ack 1 <...>                        expected, in a range of times, with any options
    *      > . 1:1(0) ack 1                               whenever it comes
    0.2...0.3 accept(3, ..., ...) = 4                     a call that waits until then

Comments are `// …`, `# …` and those of C. Options in front: see `_OPTIONS`. A statement goes on in the next line while its
parentheses are open. Refused, with line and reason: shell commands in backquotes, Python between %{ and }%, other protocols
than TCP, calls that are not translated. Nothing in a script is ever executed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Never

from tcpinspect.errors import NotationError, ScriptError, UsageError
from tcpinspect.lab.notation import parse
from tcpinspect.lab.packet import CE, ECT, ECT_1, NOT_ECT
from tcpinspect.lab.packetdrill.script import CallEvent, Event, Script, SegmentEvent, Surroundings, When
from tcpinspect.protocol.header import ACK

CALLS = ("socket", "bind", "listen", "accept", "connect", "write", "send", "sendto", "read", "recv", "recvfrom", "shutdown", "close",
         "setsockopt", "getsockopt", "fcntl", "poll")  # fmt: skip
_MARKS = {"noecn": (NOT_ECT,), "ect0": (ECT,), "ect1": (ECT_1,), "ect01": (ECT, ECT_1), "ce": (CE,)}  # RFC 3168 §5
_OTHER_PROTOCOLS = ("icmp", "icmpv6", "udp", "gre", "mpls", "ipv4", "ipv6", "raw", "vlan", "psp")
_LONGEST = 1 << 20  # characters: the longest published script has a fiftieth of it
_MOST_SECONDS = 86_400
_MOST_OCTETS = 65535 - 40 - 60  # of data: a packet's length field (RFC 791 §3.1) without the longest headers
_MOST_LINES = 400  # of one statement

# What is not closed goes to the end, so that a hostile script is read once and not again from each of its opening marks.
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*(?:`|\Z)|%\{.*?(?:\}%|\Z)|/\*.*?(?:\*/|\Z)|//[^\n]*|#[^\n]*', re.DOTALL)
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"
_TIME = re.compile(
    rf"(?:(?P<star>\*)|(?P<plus>\+)?\s*(?P<first>{_NUMBER})"
    rf"(?:\s*~\s*\+?\s*(?P<last>{_NUMBER})|\s*\.\.\.\s*(?P<back>{_NUMBER}))?)(?=\s|[<>`%]|$)"
)
_CALL = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*\(")
_RESULT = re.compile(r"=\s*(?P<number>-?(?:0[xX][0-9A-Fa-f]+|\d+)|\.\.\.)\s*(?P<error>[A-Z]\w*)?\s*(?:\([^\n]*\))?\s*;?\s*$")
_OPTION = re.compile(r"--(?P<name>\w+)(?:\s*=\s*(?P<value>\S+))?\s*$")


def read(text: str, name: str = "script", *, skip_commands: bool = False) -> Script:
    """The script in the text. `name` is what errors call it.

    `skip_commands` leaves out what would have to be executed (shell commands, Python assertions) and says so in
    `Script.left_out`, instead of raising. Raises ScriptError with line and reason.
    """
    if len(text) > _LONGEST:
        raise ScriptError(name, 1, f"{len(text)} characters are too long for a script: {_LONGEST} at most")
    return _Reader(name, skip_commands).script(text)


class _Reader:
    def __init__(self, name: str, skip_commands: bool) -> None:
        self.name, self.skip_commands, self.line = name, skip_commands, 1
        self.around = Surroundings()
        self.left_out: list[str] = []

    def script(self, text: str) -> Script:
        events: list[Event] = []
        for line, statement in self.statements(_COMMENT.sub(self.blank, text)):
            self.line = line
            if option := _OPTION.match(statement):
                self.option(option["name"], option["value"] or "")
            elif (event := self.event(statement)) is not None:
                events.append(event)
        if not events:
            self.fail("no event in it: a script is lines such as +0 < S 0:0(0) win 1000")
        self.check_addresses()
        return Script(self.name, tuple(events), self.around, tuple(self.left_out))

    def blank(self, match: re.Match[str]) -> str:
        """Comments become their line ends, so that lines keep their numbers; the rest stays."""
        text = match[0]
        if text[0] in '"`%':
            return text
        if text.startswith("/*") and (len(text) < 4 or not text.endswith("*/")):
            self.line = match.string.count("\n", 0, match.start()) + 1
            self.fail("the comment that begins with /* does not end")
        return "\n" * text.count("\n") or " "

    def check_addresses(self) -> None:
        around = self.around
        for text in (around.local, around.remote):
            address = ipaddress.ip_address(text)
            if address.version != around.ip_version:
                self.fail(f"{text} is no IPv{around.ip_version} address: --ip_version says which both are")
            if address.is_loopback or address.is_multicast or address.is_unspecified or around.local == around.remote:
                self.fail(f"{text} cannot be an address between two hosts: give each its own")

    def statements(self, text: str) -> Iterator[tuple[int, str]]:
        """Each statement with the line it begins in; one whose brackets are open goes on."""
        parts: list[str] = []
        first = 1
        for number, line in enumerate(text.split("\n"), 1):
            if not parts:
                first = number
            parts.append(line.strip())
            whole = " ".join(part for part in parts if part)
            if not _open(whole):
                parts = []
                if whole:
                    yield first, whole
            elif len(parts) > _MOST_LINES:
                break
        if parts:
            self.line = first
            self.fail("a bracket, a quotation or a command is not closed")

    def option(self, name: str, value: str) -> None:
        try:
            if name == "ip_version" and value in ("ipv4", "ipv6"):
                self.around = replace(self.around, ip_version=int(value[-1]))
            elif name in ("local_ip", "remote_ip"):
                self.around = replace(self.around, **{name: str(ipaddress.ip_address(value))})  # type: ignore[arg-type]
            elif name in ("bind_port", "connect_port", "mtu") and 0 < int(value) < 65536:
                self.around = replace(self.around, **{name: int(value)})  # type: ignore[arg-type]
            elif name == "tolerance_usecs" and 0 <= int(value) <= _MOST_SECONDS * 10**6:
                self.around = replace(self.around, tolerance_ns=int(value) * 1000)
            else:
                self.fail(f"the option --{name}={value} means nothing here: there are ip_version, local_ip, remote_ip, bind_port, "
                          "connect_port, mtu and tolerance_usecs")  # fmt: skip
        except ValueError as error:
            if isinstance(error, ScriptError):
                raise
            self.fail(f"--{name}={value} is no value for it")

    def event(self, statement: str) -> Event | None:
        timed = _TIME.match(statement)
        rest = statement[timed.end() :].lstrip() if timed else statement
        if rest[:1] == "`" or rest[:2] == "%{":
            what = "a shell command" if rest[0] == "`" else "Python code"
            if not self.skip_commands:
                self.fail(f"{what} is never executed here: remove it, or leave such lines out with --skip-commands")
            self.left_out.append(f"{self.name} line {self.line}: {what} was left out")
            return None
        if timed is None:
            self.fail(f'"{statement[:20]}" does not begin with a time such as 0.1, +0.1, +0~+0.1 or *')
        when = self.when(timed)
        if rest[:1] in ("<", ">"):
            return self.segment(when, rest)
        return self.call(when, rest)

    def when(self, timed: re.Match[str]) -> When:
        if timed["star"]:
            return When(0, 0, anytime=True)
        first = self.seconds(timed["first"])
        last = self.seconds(timed["last"]) if timed["last"] else first
        back = self.seconds(timed["back"]) if timed["back"] else None
        if last < first or (back is not None and back < first):
            self.fail("a range of times that ends before it begins")
        return When(first, last, bool(timed["plus"]), back)

    def seconds(self, text: str) -> int:
        whole, _, part = text.partition(".")
        if len(whole) > 6 or int(whole or 0) > _MOST_SECONDS:
            self.fail(f"{text[:20]} seconds are too long: {_MOST_SECONDS} at most")
        return int(whole or 0) * 10**9 + int((part + "0" * 9)[:9])

    def segment(self, when: When, rest: str) -> SegmentEvent:
        injected, text = rest[0] == "<", rest[1:].strip()
        shown = f"{rest[0]} {text}"
        ecn: tuple[int, ...] = ()
        if injected and (when.anytime or when.last_ns != when.first_ns):
            self.fail("what is injected needs one time: it happens when the script says so")
        if when.returns_ns is not None:
            self.fail("only a call can wait (A...B); a range of times is written a~b")
        if text[:1] == "[":
            mark, _, text = text[1:].partition("]")
            if mark.strip().lower() not in _MARKS:
                self.fail(f"[{mark[:20]}] is not understood: of the IP header only {', '.join(_MARKS)} can be said")
            ecn, text = _MARKS[mark.strip().lower()], text.strip()
            if injected and len(ecn) > 1:
                self.fail(f"[{mark.strip()}] can only be expected: a segment that is injected has one mark, such as [ect0]")
        word = re.match(r"\w*", text.lower())
        if word and word[0] in _OTHER_PROTOCOLS:
            self.fail(f"{word[0]} packets are not played here: only TCP segments are")
        try:
            draft = parse(text)
        except NotationError as error:
            self.fail(f"character {error.position + 1} of the segment: {error.what}")
        except UsageError as error:
            self.fail(str(error))
        if len(draft.payload) > _MOST_OCTETS:
            self.fail(f"{len(draft.payload)} octets of data do not fit a packet: {_MOST_OCTETS} at most")
        if injected and draft.options is None:
            self.fail('"any options" can only be expected: name the options of a segment that is injected')
        if injected and draft.window is None:
            self.fail("a segment that is injected needs its window: add win and a number")
        if injected and draft.flags & ACK and draft.ack is None:
            self.fail("a segment that is injected with ACK needs its acknowledgment number: add ack and a number")
        return SegmentEvent(self.line, when, shown, injected, draft, ecn)

    def call(self, when: When, rest: str) -> CallEvent:
        call = _CALL.match(rest)
        if call is None:
            self.fail(f'"{rest[:20]}" is neither a segment (< or >) nor a call such as listen(3, 1) = 0')
        if call["name"] not in CALLS:
            self.fail(f"the call {call['name']} is not translated here: there are {', '.join(CALLS)}")
        if when.anytime or when.last_ns != when.first_ns:
            self.fail("a call needs one time: it happens when the script says so")
        end = _closing(rest, call.end() - 1)
        result = _RESULT.match(" ".join(rest[end + 1 :].split()))
        if result is None:
            self.fail(f"what {call['name']} returns is missing or not understood: write = 0, = -1 EAGAIN or = ...")
        number = self.result(result["number"])
        if result["error"] and number != -1:
            self.fail(f"{result['error']} goes with the result -1")
        arguments = tuple(_split(rest[call.end() : end]))
        return CallEvent(self.line, when, rest, call["name"], arguments, number, result["error"])

    def result(self, text: str) -> int | None:
        try:
            return None if text == "..." else int(text, 0)
        except ValueError:
            self.fail(f"the result {text[:20]} is no number")

    def fail(self, reason: str) -> Never:
        raise ScriptError(self.name, self.line, reason)


def _open(text: str) -> bool:
    """Something in it is not closed yet. The `<` of a segment is no bracket."""
    if text.count("`") % 2 or text.count("%{") > text.count("}%"):
        return True
    if "`" in text or "%{" in text:
        return False
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return bare.count("(") > bare.count(")")


def _closing(text: str, at: int) -> int:
    """The place of the parenthesis that closes the one at `at`; the text's end where none does."""
    depth, quoted = 0, False
    for n in range(at, len(text)):
        if text[n] == '"' and text[n - 1] != "\\":
            quoted = not quoted
        elif not quoted and text[n] in "()":
            depth += 1 if text[n] == "(" else -1
            if depth == 0:
                return n
    return len(text)


def _split(text: str) -> Iterator[str]:
    """Arguments at the commas outside of brackets and quotations."""
    depth, quoted, start = 0, False, 0
    for n, letter in enumerate(text):
        if letter == '"' and text[n - 1 : n] != "\\":
            quoted = not quoted
        elif not quoted and letter in "([{":
            depth += 1
        elif not quoted and letter in ")]}":
            depth -= 1
        elif letter == "," and not quoted and depth == 0:
            yield text[start:n].strip()
            start = n + 1
    if text[start:].strip():
        yield text[start:].strip()
