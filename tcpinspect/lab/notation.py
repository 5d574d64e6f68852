"""Read and write segments in packetdrill's notation, the one people know from tcpdump too. Wing: lab. Reading: RFC 9293 §3.1, §3.2.

    parse("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>")
    parse("P. 1:101(100) ack 1 win 257")           100 octets of filler data (`draft.filler`)
    parse(". 1:1(0) ack 301 <nop,nop,sack 401:501>")
    parse("S. seq=y ack=x+1 win=65535", names={"x": 1000, "y": 5000})
    parse('FS seq=1 checksum=0 reserved=5 data_offset=3 src_port=7 data="hi"')
    notation(draft)                                the text of a draft; parse(notation(draft)) == draft

A segment is its flags, then parts in any order, each once:

    flags       letters of S F R P . (ACK) U E W A (AE; `e` too), digits 0-7 for the three ACE bits (RFC 9768), `-` for none
    a:b(n)      sequence number, the one behind the data, octets of data
    NAME VALUE  or NAME=VALUE for seq, len, ack, win, urg, src_port, dst_port, data_offset, reserved, checksum, data
    <...>       options; the three dots themselves mean "any options" (only an expectation can)

Numbers are decimal or 0x hexadecimal; sequence numbers may be negative (modulo 2^32) and may name a number: x, x+1, x-1. `data` is
"text" or 0x octets. Options: mss N, wscale N, sackOK, sack a:b ..., TS val N ecr N (or TS N N), nop, eol, FO and FOEXP with a
cookie in hexadecimal or without, uto N, every other name of `protocol.header.OPTION_KINDS` and kindN with octets (0x..), and
`raw 0x..` for octets that are no option at all; any but raw may end in `length N`, the length octet to claim instead of the true
one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Never

from tcpinspect.errors import NotationError
from tcpinspect.lab.draft import EOL, LARGEST, MODULUS, NOP, RAW, Draft, DraftOption, filler, mss, sack, sack_permitted
from tcpinspect.lab.draft import timestamps as timestamps_option
from tcpinspect.lab.draft import window_scale as window_scale_option
from tcpinspect.protocol.header import ACK, AE, CWR, ECE, FIN, OPTION_KINDS, PSH, RST, SYN, URG

_LETTERS = {"S": SYN, "F": FIN, "R": RST, "P": PSH, "U": URG, "E": ECE, "W": CWR, "A": AE, ".": ACK}
_READ_LETTERS = {**_LETTERS, "e": AE}
_FIELDS = {
    "seq": "seq", "ack": "ack", "win": "window", "window": "window", "urg": "urgent_pointer", "urgent_pointer": "urgent_pointer",
    "src_port": "src_port", "sport": "src_port", "dst_port": "dst_port", "dport": "dst_port", "data_offset": "data_offset",
    "reserved": "reserved", "checksum": "checksum",
}  # fmt: skip
_PARTS = {**_FIELDS, "len": "len", "data": "data"}
_BY_NAME = {option.name.lower(): option.kind for option in OPTION_KINDS.values()}
_FAST_OPEN_EXPERIMENT = bytes.fromhex("f989")  # RFC 7413 §7, in an option of kind 254

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_OPTION_NAME = re.compile(r"[A-Za-z][\w-]*")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|\d+")
_HEX = re.compile(r"(?:0[xX])?((?:[0-9A-Fa-f]{2})*)(?![0-9A-Za-z])")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_START_OF_SEQUENCE = re.compile(r"[-+\w]+(?=\s*:)")


def parse(text: str, *, names: Mapping[str, int] | None = None) -> Draft:
    """The segment that the text describes. `names` are the numbers it may use by name, such as x for an ISN.

    Raises NotationError, which shows the place in the text.
    """
    return _Reader(text, {} if names is None else names).segment()


def notation(draft: Draft, *, extras: bool = True) -> str:
    """The draft as text; parse() gives back an equal draft.

    `extras` False leaves out what packetdrill's language cannot say: ports, data offset, reserved bits, checksum, the data.
    """
    parts = [_flags_text(draft.flags)]
    size = len(draft.payload)
    if draft.seq is not None:
        parts.append(f"{draft.seq}:{(draft.seq + size) % MODULUS}({size})")
    if draft.ack is not None:
        parts.append(f"ack {draft.ack}")
    if draft.window is not None:
        parts.append(f"win {draft.window}")
    if draft.urgent_pointer:
        parts.append(f"urg {draft.urgent_pointer}")
    if draft.options is None:
        parts.append("<...>")
    elif draft.options:
        parts.append(f"<{','.join(map(option_text, draft.options))}>")
    if extras:
        for name in ("src_port", "dst_port", "data_offset", "checksum"):
            if getattr(draft, name) is not None:
                parts.append(f"{name}={getattr(draft, name)}")
        if draft.reserved:
            parts.append(f"reserved={draft.reserved}")
        if size and draft.payload != filler(draft.seq or 0, size):
            parts.append(f"data=0x{draft.payload.hex()}")
        elif size and draft.seq is None:
            parts.append(f"len={size}")
    return " ".join(parts)


def option_text(option: DraftOption) -> str:
    """One option in this notation: by its name where its value has the name's form, else as kindN with octets."""
    claimed = "" if option.length is None else f" length {option.length}"
    return _option_value_text(option) + claimed


def _option_value_text(option: DraftOption) -> str:
    kind, data = option.kind, option.data
    number = int.from_bytes(data, "big")
    if kind == RAW:
        return f"raw 0x{data.hex()}"
    if option in (NOP, EOL):
        return "nop" if kind else "eol"
    known = OPTION_KINDS.get(kind)
    if (kind == 2 and len(data) == 2) or (kind == 3 and len(data) == 1) or (kind == 28 and len(data) == 2):
        return f"{OPTION_KINDS[kind].name} {number}"
    if kind == 4 and not data:
        return "sackOK"
    if kind == 5 and data and len(data) % 8 == 0:
        edges = [int.from_bytes(data[n : n + 4], "big") for n in range(0, len(data), 4)]
        return "sack " + " ".join(f"{a}:{b}" for a, b in zip(edges[::2], edges[1::2], strict=True))
    if kind == 8 and len(data) == 8:
        return f"TS val {number >> 32} ecr {number % MODULUS}"
    octets = f" 0x{data.hex()}" if data else ""
    if kind == 34:
        return "FO" + octets.replace("0x", "")  # as packetdrill has it
    if kind == 254 and data[:2] == _FAST_OPEN_EXPERIMENT:
        return "FOEXP" + (f" {data[2:].hex()}" if data[2:] else "")
    named = known is not None and kind not in (0, 1, 2, 3, 4, 5, 8, 28)
    return (OPTION_KINDS[kind].name if named else f"kind{kind}") + octets


def _flags_text(flags: int) -> str:
    return "".join(letter for letter, bit in _LETTERS.items() if flags & bit) or "-"


class _Reader:
    """Reads one segment; `at` is the place in the text."""

    def __init__(self, text: str, names: Mapping[str, int]) -> None:
        self.text, self.names, self.at = text, names, 0
        self.given: dict[str, Any] = {}

    def segment(self) -> Draft:
        self.skip()
        self.given["flags"] = self.flags()
        while self.skip() < len(self.text):
            self.part()
        return self.finished()

    def flags(self) -> int:
        start, flags, ace = self.at, 0, (ECE, CWR, AE)
        while self.at < len(self.text) and not self.text[self.at].isspace():
            letter = self.text[self.at]
            if letter in _READ_LETTERS:
                bits = _READ_LETTERS[letter]
            elif letter in "01234567":
                bits = sum(bit for n, bit in enumerate(ace) if int(letter) >> n & 1)
            elif letter == "-" and self.at == start:
                self.at += 1
                break
            else:
                self.fail("no flag: a segment begins with letters of S F R P . U E W A, or - for no flag")
            if flags & bits:
                self.fail("a flag given twice")
            flags |= bits
            self.at += 1
        if self.at == start:
            self.fail("the flags are missing: letters of S F R P . U E W A, or - for none")
        return flags

    def part(self) -> None:
        start = self.at
        if self.text[start] == "<":
            self.put("options", self.options(), start)
            return
        if _START_OF_SEQUENCE.match(self.text, start):
            self.sequence()
            return
        word = self.take(_WORD)
        field = _PARTS.get(word or "")
        if word is None or field is None:
            self.at = start
            self.fail(f"not understood: give a:b(n), <options> or one of {', '.join(_PARTS)}")
        self.skip()
        self.accept("=")
        if field == "data":
            self.put(field, self.data(), start)
        elif field in ("seq", "ack"):
            self.put(field, self.sequence_number(), start)
        else:
            self.put(field, self.number(LARGEST.get(field, 0xFFFF), field), start)

    def sequence(self) -> None:
        """a:b(n), where b is a + n: a typing error in one of them shows."""
        start = self.at
        first = self.sequence_number()
        self.expect(":")
        past = self.sequence_number()
        self.expect("(")
        place = self.at
        size = self.number(0xFFFF, "length")
        self.expect(")")
        if (past - first) % MODULUS != size:
            self.at = place
            self.fail(f"from {first} to {past} are {(past - first) % MODULUS} octets, not {size}")
        self.put("seq", first, start)
        self.put("len", size, start)

    def options(self) -> tuple[DraftOption, ...] | None:
        self.expect("<")
        self.skip()
        if self.text.startswith("...", self.at):
            self.at += 3
            self.expect(">")
            return None
        out = []
        self.skip()
        if self.accept(">"):
            return ()
        while True:
            out.append(self.option())
            self.skip()
            if self.accept(">"):
                return tuple(out)
            if not self.accept(","):
                self.fail('"," or ">" expected behind an option')

    def option(self) -> DraftOption:
        self.skip()
        start = self.at
        name = self.take(_OPTION_NAME)
        if name is None:
            self.fail("the name of an option expected")
        found = self.option_value(name, start)
        self.skip()
        place = self.at
        if found.kind != RAW and self.take(_WORD) == "length":
            return DraftOption(found.kind, found.data, self.number(255, "length"))
        self.at = place
        return found

    def option_value(self, name: str, start: int) -> DraftOption:
        low = name.lower()
        simple = {"nop": NOP, "eol": EOL, "sackok": sack_permitted()}
        if low in simple:
            return simple[low]
        if low == "mss":
            return mss(self.number(0xFFFF, "mss"))
        if low in ("wscale", "ws"):
            return window_scale_option(self.number(255, "wscale"))
        if low == "uto":
            return DraftOption(28, self.number(0xFFFF, "uto").to_bytes(2, "big"))
        if low == "sack":
            return self.sack_blocks()
        if low == "ts":
            return self.timestamps()
        kind = {"raw": RAW, "fo": 34, "foexp": 254}.get(low, _BY_NAME.get(low))
        if kind is None:
            if not re.fullmatch(r"kind\d+", low) or int(low[4:]) > 255:
                self.at = start
                self.fail(f'no option "{name}": write kindN 0x.. for any other')
            kind = int(low[4:])
        octets = self.octets()
        return DraftOption(kind, _FAST_OPEN_EXPERIMENT + octets if low == "foexp" else octets)

    def sack_blocks(self) -> DraftOption:
        blocks = []
        while self.skip() < len(self.text) and _START_OF_SEQUENCE.match(self.text, self.at):
            left = self.sequence_number()
            self.expect(":")
            blocks.append((left, self.sequence_number()))
        if not blocks:
            self.fail("a block left:right expected behind sack")
        return sack(*blocks)

    def timestamps(self) -> DraftOption:
        value = self.labelled("val")
        return timestamps_option(value, self.labelled("ecr"))

    def labelled(self, label: str) -> int:
        """A number with or without its label: `val 1`, `1`."""
        self.skip()
        place = self.at
        if self.take(_WORD) != label:
            self.at = place
        return self.number(MODULUS - 1, f"TS {label}")

    def data(self) -> bytes:
        self.skip()
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is None:
            if self.text[self.at : self.at + 2].lower() != "0x":
                self.fail('data is written as "text" or 0x octets')
            return self.octets()
        self.at = quoted.end()
        # escapes as in Python and C; other characters as UTF-8
        return re.sub(rb"\\(x[0-9A-Fa-f]{2}|.)", _unescaped, quoted[1].encode(), flags=re.DOTALL)

    def octets(self) -> bytes:
        self.skip()
        found = _HEX.match(self.text, self.at)
        if found is None:
            if self.at < len(self.text) and self.text[self.at] in "0123456789":
                self.fail("octets are written in hexadecimal, two digits each: 0x1a2b")
            return b""
        self.at = found.end()
        return bytes.fromhex(found[1])

    def sequence_number(self) -> int:
        """A number modulo 2^32: -1, 0x10, x, x+1."""
        self.skip()
        sign = -1 if self.accept("-") else 1
        name = self.take(_WORD)
        if name is None:
            return sign * self.number(MODULUS - 1, "sequence number") % MODULUS
        try:
            value = sign * self.names[name]
        except KeyError:
            self.at -= len(name)
            known = f"there are {', '.join(sorted(self.names))}" if self.names else "no names were given"
            self.fail(f'no number is called "{name}": {known}')
        if self.text[self.at : self.at + 1] in ("+", "-"):
            sign = -1 if self.text[self.at] == "-" else 1
            self.at += 1
            value += sign * self.number(MODULUS - 1, "offset")
        return value % MODULUS

    def number(self, most: int, name: str) -> int:
        self.skip()
        found = self.take(_NUMBER)
        if found is None:
            self.fail(f"a number expected for {name}, 0 to {most}")
        value = int(found, 16) if found[:2].lower() == "0x" else int(found)
        if value > most:
            self.at -= len(found)
            self.fail(f"{name} {value} does not fit: 0 to {most}")
        return value

    def finished(self) -> Draft:
        given = self.given
        size, payload = given.pop("len", None), given.pop("data", None)
        if payload is None:
            payload = filler(given.get("seq") or 0, size or 0)
        elif size is not None and size != len(payload):
            self.fail(f"the data is {len(payload)} octets long, not {size}")
        return Draft(payload=payload, **given)

    def put(self, field: str, value: Any, place: int) -> None:
        if field in self.given:
            self.at = place
            self.fail(f"{field} is given twice")
        self.given[field] = value

    def skip(self) -> int:
        space = _SPACE.match(self.text, self.at)
        if space is not None:
            self.at = space.end()
        return self.at

    def take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def accept(self, mark: str) -> bool:
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def expect(self, mark: str) -> None:
        self.skip()
        if not self.accept(mark):
            self.fail(f'"{mark}" expected')

    def fail(self, what: str) -> Never:
        raise NotationError(self.text, self.at, what)


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1] == b"x" and len(code) == 3:
        return bytes([int(code[1:], 16)])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}.get(code, code)
