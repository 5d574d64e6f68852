"""Sentences folded to a number of columns, Chinese ones too. Floor 4. Reading: Unicode UAX 11 (width), UAX 14 (where a line may end)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import east_asian_width

# A word is what has no space in it; of a script without spaces every character, with the marks that may not begin a line.
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSING = "，。：；、！？）》」』”"
_WORD = re.compile(rf" *(?:[（《「『“]?[{_WIDE}][{_CLOSING}]*|[^ {_WIDE}]+[{_CLOSING}]*)")


def columns_of(text: str) -> int:
    """How many columns of a terminal the text takes: two for a wide character."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def folded(text: str, width: int, *, indent: str = "") -> Iterator[str]:
    """Lines of at most `width` columns, those after the first with `indent`; only a word that is longer sticks out."""
    line = text[: len(text) - len(text.lstrip(" "))]
    begun = False
    for word in _WORD.findall(text.lstrip(" ")):
        if begun and columns_of(line) + columns_of(word) > width:
            yield line
            line, begun = indent, False
        line, begun = line + (word if begun else word.lstrip(" ")), True
    yield line
