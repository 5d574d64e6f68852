"""The arguments of a script's calls: descriptors, flags, option values, as numbers. Wing lab. Reading: socket(2), tcp(7), poll(2)."""

from __future__ import annotations

import errno
import re
import select
import struct
from typing import NamedTuple

from tcpinspect.errors import ScriptError
from tcpinspect.lab.draft import filler
from tcpinspect.lab.packetdrill.script import CallEvent

ANY = "..."
O_RDWR, O_NONBLOCK = 0o2, 0o4000  # <fcntl.h> on Linux
_MOST_OCTETS = 1 << 24
_LONGEST = 4096
_LINGER = re.compile(r"\[?\s*\{\s*(?:(?:\.?l_)?onoff\s*=\s*)?(\d+)\s*,\s*(?:(?:\.?l_)?linger\s*=\s*)?(\d+)\s*\}\s*\]?")
_POLL = re.compile(r"\{\s*fd\s*=\s*(\d+)\s*,\s*events\s*=\s*([A-Z |]+?)\s*,\s*revents\s*=\s*([A-Z |]+|0)\s*\}")
_FLAGS = {"0": 0, "MSG_DONTWAIT": 0, "MSG_NOSIGNAL": 0, "MSG_OOB": 0, "MSG_FASTOPEN": 0}


class Outcome(NamedTuple):
    """What a call returned: a number, or -1 and the errno's name. `note` is what else is worth comparing, "" if right."""

    result: int
    error: str | None = None
    note: str = ""

    def __str__(self) -> str:
        return (f"{self.result} {self.error}" if self.error else str(self.result)) + (f" ({self.note})" if self.note else "")


class Polled(NamedTuple):
    """One entry of poll: the script's descriptor, what is asked, what is expected."""

    descriptor: int
    asked: int
    expected: int


class Arguments:
    """The arguments of one call; every reader raises ScriptError with the call's line."""

    def __init__(self, event: CallEvent, script: str) -> None:
        self.event, self._script = event, script

    def refuse(self, reason: str) -> ScriptError:
        """The error that says why this call cannot be made."""
        return ScriptError(self._script, self.event.line, f"{self.event.name}: {reason}")

    def text(self, place: int, default: str | None = None) -> str:
        """The argument at this place, from 0."""
        if place < len(self.event.arguments):
            text = self.event.arguments[place]
            if len(text) > _LONGEST:
                raise self.refuse(f"argument {place + 1} is longer than {_LONGEST} characters")
            return text
        if default is None:
            raise self.refuse(f"argument {place + 1} is missing")
        return default

    def number(self, place: int, most: int = _MOST_OCTETS) -> int:
        """A number, alone or in brackets: 1, [1], 0x10."""
        text = self.text(place).strip("[] ")
        try:
            value = int(text, 0)
        except ValueError:
            raise self.refuse(f'argument {place + 1} is "{text[:40]}", a number is expected') from None
        if not -1 <= value <= most:
            raise self.refuse(f"argument {place + 1} is {value}: {most} at most")
        return value

    def descriptor(self) -> int:
        """The script's number of the socket."""
        return self.number(0)

    def words(self, place: int) -> set[str]:
        """Names joined by |."""
        return {word.strip() for word in self.text(place, "0").split("|")}

    def flags(self, place: int) -> set[str]:
        """The flags of a send or receive, of those that are translated."""
        words = self.words(place) - {"0"}
        if unknown := words - _FLAGS.keys():
            raise self.refuse(f"the flag {sorted(unknown)[0][:40]} is not translated: there are {', '.join(_FLAGS)}")
        return words

    def data(self) -> bytes:
        """What is written: the script's text, or filler of the length it says."""
        text = self.text(1)
        size = self.number(2)
        if text[:1] == '"' and text[-1:] == '"':
            return text[1:-1].encode()[:size]
        if text != ANY:
            raise self.refuse(f'the data "{text[:40]}" is not understood: write ... or "text"')
        return filler(0, max(size, 0))

    def address_left_open(self, place: int) -> None:
        """Addresses and ports are the script's, not the call's."""
        if self.text(place, ANY) != ANY:
            raise self.refuse("an address is written ... here: --local_ip, --remote_ip, --bind_port and --connect_port say which")

    def option(self) -> tuple[str, int | bytes]:
        """Name and value of setsockopt."""
        name, text = self.text(2), self.text(3)
        if linger := _LINGER.fullmatch(text):
            if max(int(number[:9]) for number in linger.groups()) > 65535:
                raise self.refuse(f"the value {text[:40]} is too large")
            return name, struct.pack("=ii", *map(int, linger.groups()))
        if text[:1] == '"' and text[-1:] == '"':
            return name, text[1:-1].encode()
        return name, self.number(3, (1 << 31) - 1)

    def expected_value(self) -> int | None:
        """The value that getsockopt is expected to tell, a number or an errno's name; None where the script leaves it open."""
        text = self.text(3).strip("[] ")
        if text == ANY:
            return None
        number = getattr(errno, text, None) if re.fullmatch(r"E[A-Z0-9]+", text) else None
        return number if isinstance(number, int) else self.number(3, (1 << 31) - 1)

    def polled(self) -> list[Polled]:
        """The entries of poll."""
        found = [Polled(int(one[1][:9]), self._events(one[2]), self._events(one[3])) for one in _POLL.finditer(self.text(0))]
        if not found or len(found) != self.number(1):
            raise self.refuse("write its entries as [{fd=4, events=POLLIN, revents=POLLIN}], then their number")
        return found

    def _events(self, text: str) -> int:
        bits = 0
        for word in text.split("|"):
            name = word.strip()
            value = 0 if name == "0" else getattr(select, name, None) if name.startswith("POLL") else None
            if not isinstance(value, int):
                raise self.refuse(f"the event {name[:20]} is not known")
            bits |= value
        return bits
