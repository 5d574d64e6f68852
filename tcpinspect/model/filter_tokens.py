"""Cut a display filter into its tokens and write them as Python would: names resolved, addresses and durations as values.

Floor 3. Only tokens named here pass; a name is known (`filter_names`), or a bare word where a text is compared, or an
error that says which columns are near.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tcpinspect.errors import FilterError
from tcpinspect.model.filter_names import FLAG_BITS, bare_text, bpf_advice, heading_advice, names, near, reads
from tcpinspect.schema import Column

MAX_INT = 2**64

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?P<address> \d{1,3}(?:\.\d{1,3}){3}(?![\w.]) | [0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]* )
    | (?P<number> 0[xX][0-9A-Fa-f_]+ | \d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)? ) (?P<unit>ns|us|ms|s)? (?!\w)
    | (?P<name> [A-Za-z_]\w*(?:\.\w+)* )
    | (?P<op> && | \|\| | == | != | <= | >= | [-+*/%&<>!()\[\]{},] )
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
# a text that nobody quotes: TIME-WAIT, SF, TI-..., 3.10.7
_BARE = re.compile(r"\s*([A-Za-z0-9]\w*(?:[-.]\w+)*)(?![\w:.])", re.ASCII)
_BRACES = ("{", "}", "[", "]")
_OPENING = ("(", "[", "{")
_NO_VALUE = {*"([{,+-*/%&<>@", "==", "!=", "<=", ">=", "and", "or", "not", "in", "is"}
_QUOTES = "'\""
_ITEMS = ("string", "address", "number", "name", "bare")
_VALUES = {"and", "or", "not", "in", "is", "None", "True", "False", "@", "==", "!=", "<", "<=", ">", ">="}
_NANOSECONDS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_WORDS = {"and": "and", "or": "or", "not": "not", "in": "in", "is": "is", "null": "None", "true": "True", "false": "False"}
_WORDS["contains"] = "@"  # binds like a multiplication, which is tighter than any comparison
_WORDS |= {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}  # Wireshark's spelling
_SIGNS = {"&&": "and", "||": "or", "!": "not"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def located(problem: str, text: str, place: int) -> str:
    """The problem, the number of the character and what stands around it, on one printable line."""
    place = max(0, min(place, len(text)))
    start, end = max(0, place - 30), min(len(text), place + 30)
    before, after = ascii(text[start:place])[1:-1], ascii(text[place:end])[1:-1]
    excerpt = f"{'...' if start else ''}{before} >>> {after or '(end)'}{'...' if end < len(text) else ''}".strip()
    return f"filter: {problem} at character {place + 1}: {excerpt}"


class Tokens(NamedTuple):
    """A filter in Python's spelling; (offset there, offset in the text) of each token; the columns it names; the numbers
    as they were written, with their unit, by their offset."""

    source: str
    places: list[tuple[int, int]]
    used: set[str]
    numbers: dict[int, tuple[str, str | None]]


def tokens(text: str, schema: Sequence[Column]) -> Tokens:
    """Cut the filter. Raises FilterError at the first token that has no meaning."""
    known = names(schema)
    texts = {column.name for column in schema if column.type == "str"} | {"tcp_flags", "_either_address"}
    found = Tokens("", [], set(), {})
    pieces: list[str] = []
    listed = ""  # the text column before `in`, while its list is open
    offset = position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        wanted = listed or _compared(pieces, texts)
        bare = _BARE.match(text, position) if wanted else None
        if bare and (match is None or match["name"] or match["number"]) and not _special(bare[1], wanted, known, texts):
            match, word, place, kind = bare, bare[1], bare.start(1), "bare"
        if match is None:
            place = position + len(text[position:]) - len(text[position:].lstrip())
            problem = "a single = (write ==)" if text[place] == "=" else "a character that has no meaning here"
            raise FilterError(located(problem, text, place))
        if match is not bare or match is None:
            kind = next(name for name in ("string", "address", "number", "name", "op") if match[name] is not None)
            word, place = match[kind], match.start(kind)
        position = match.end()
        if kind == "bare":
            piece = ascii(bare_text(word, wanted))
        elif kind == "string":
            piece = ascii(re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), word[1:-1], flags=re.DOTALL))
        elif kind == "address":
            piece = _address(word, text, place)
        elif kind == "number":
            piece = _number(word, match["unit"], text, place)
        elif kind == "op":
            piece = _SIGNS.get(word, word)
        else:
            piece = _name(word, text, place, known, schema)
            if piece not in _VALUES:
                found.used.update(reads(piece, schema))
        if pieces and kind in _ITEMS and pieces[-1] not in _OPENING and _in_braces(pieces):
            pieces.append(",")  # Wireshark's {80 443}
            found.places.append((offset, place))
            offset += 2
        if pieces and piece[0] in _QUOTES and pieces[-1][0] in _QUOTES:  # Python would join them
            raise FilterError(located("two texts side by side", text, place))
        if piece in _OPENING:
            listed = next((name for name in pieces[:-3:-1] if name in texts), "") if pieces and pieces[-1] == "in" else listed
        elif piece in (")", "]", "}"):
            listed = ""
        if kind == "number":
            found.numbers[offset] = (word, match["unit"])
        pieces.append(piece)
        found.places.append((offset, place))
        offset += len(piece) + 1
    return found._replace(source=" ".join(pieces))


def _name(word: str, text: str, place: int, known: dict[str, str], schema: Sequence[Column]) -> str:
    advice = bpf_advice(text, place, schema)
    if advice is not None:
        raise FilterError(located(advice, text, place))
    if word in known:
        return known[word]
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    advice = heading_advice(word, schema)
    if advice is not None:
        raise FilterError(located(f'no column "{word}": {advice}', text, place))
    if word == "matches":
        raise FilterError(located("matches is not known here: write contains", text, place))
    raise FilterError(located(f'no column "{word[:40]}"{near(word[:40], known)}', text, place))


def _special(word: str, wanted: str, known: dict[str, str], texts: set[str]) -> bool:
    """Whether a word compared with the column `wanted` is no text: a word of the language, or a column that compares with it."""
    if wanted == "tcp_flags":
        return word.lower() not in FLAG_BITS
    return word.lower() in _WORDS or known.get(word) in texts


def _compared(pieces: list[str], texts: set[str]) -> str:
    """The column of text that the next token is compared with, "" for none."""
    return pieces[-2] if len(pieces) > 1 and pieces[-1] in ("==", "!=", "@") and pieces[-2] in texts else ""


def _in_braces(pieces: list[str]) -> bool:
    """Whether a value stands before, in braces or brackets that are open."""
    if pieces[-1] in _NO_VALUE:
        return False
    return next((piece for piece in reversed(pieces) if piece in _BRACES), "") in ("{", "[")


def _address(word: str, text: str, place: int) -> str:
    """In the tables' own spelling (RFC 5952), so that 2001:DB8:0::1 finds 2001:db8::1."""
    import socket

    family = socket.AF_INET6 if ":" in word else socket.AF_INET
    try:
        return repr(socket.inet_ntop(family, socket.inet_pton(family, word)))
    except OSError:
        raise FilterError(located(f'"{word}" is no address', text, place)) from None


def _number(word: str, unit: str | None, text: str, place: int) -> str:
    try:
        digits = word.replace("_", "")
        number: int | float
        if digits[:2].lower() == "0x":
            number = int(digits, 16)
        else:
            number = int(digits) if digits.isdigit() else float(digits)
        if unit:
            number = round(number * _NANOSECONDS[unit])
    except (ValueError, OverflowError):
        raise FilterError(located("a number that cannot be read", text, place)) from None
    if not number <= MAX_INT:
        raise FilterError(located("a number beyond 64 bits", text, place))
    return repr(number)
