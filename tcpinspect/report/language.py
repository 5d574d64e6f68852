"""The language of a page: its own words, and the sentences that other modules made in English. Floor 4. Reading: RFC 5646 (language tags).

English texts are the keys, as in gettext: a text nobody translated stays English, and the page marks it so (`lang="en"`) for
screen readers. Ids, states, events, flags and fields of the RFC are names and are never translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup, escape

from tcpinspect.insight import phrases
from tcpinspect.report.safe import plain

# What needs no translation inside a sentence: amounts with their units, addresses, names of states and ids.
_NAME = re.compile(
    r"[−+-]?[\d.,]+"
    r"( (ns|µs|ms|s|min|h|d|B|kB|MB|GB|TB|%))?( \d+ (s|min|h))?|[\da-fA-F.:\[\]]+|[A-Z0-9]+(-[A-Z0-9]+)*(v6)?|[a-z0-9]+(-[a-z0-9]+)+"
)
LANGUAGES = {"en": "English", "zh": "中文"}


class Language:
    """Turns English into the page's language: `words` by exact text, `sentences` by patterns whose groups are translated in turn."""

    def __init__(
        self,
        code: str,
        words: Mapping[str, str] | None = None,
        sentences: Mapping[str, str] | None = None,
        nouns: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.tag = {"zh": "zh-CN"}.get(code, code)
        self._words = words or {}
        self._nouns = nouns or {}
        self._sentences = [(re.compile(pattern), text) for pattern, text in (sentences or {}).items()]
        self._said: dict[str, str | None] = {}

    def __call__(self, text: str, *values: object) -> str:
        """One of the page's own texts, with {0}, {1} … filled in."""
        said = self._words.get(text, text)
        return said.format(*values) if values else said

    def count(self, number: int, noun: str) -> str:
        """`2 packets`, in this language."""
        if self.code == "en":
            return phrases.count(number, noun)
        return f"{number:,} {self._nouns.get(noun, noun)}"

    def sentence(self, text: str) -> str:
        """A text made elsewhere; unchanged where nobody translated it."""
        return self._translated(text) or text

    def told(self, text: str) -> Markup:
        """The same for a page: escaped, and marked as English where it stayed so."""
        said = self._translated(text)
        if said is None:
            return Markup('<span lang="en">{}</span>').format(plain(text))
        return escape(plain(said))

    def knows(self, text: str) -> bool:
        """Whether it can say this text."""
        return self._translated(text) is not None

    def _translated(self, text: str) -> str | None:
        if self.code == "en":
            return text
        if text not in self._said:
            # A crowd of different sentences would only fill memory; they are as quickly made again.
            if len(self._said) > 20_000:
                self._said.clear()
            self._said[text] = self._by_word(text) or self._by_pattern(text) or (text if _NAME.fullmatch(text) else None)
        return self._said[text]

    def _by_word(self, text: str) -> str | None:
        """A whole text; one that begins a sentence may be known without its capital."""
        return self._words.get(text) or self._words.get(text[:1].lower() + text[1:])

    def _by_pattern(self, text: str) -> str | None:
        """The first pattern that fits and whose groups can all be said, or need not be: numbers, addresses, names."""
        for pattern, said in self._sentences:
            match = pattern.fullmatch(text) or pattern.fullmatch(text[:1].lower() + text[1:])
            if match:
                parts = [self._part((part or "").strip()) for part in match.groups()]
                if None not in parts:
                    return said.format(*parts)
        return None

    def _part(self, text: str) -> str | None:
        return self._translated(text) if text else ""


@lru_cache(maxsize=4)
def language(code: str) -> Language:
    """The language of this code, one of LANGUAGES."""
    if code == "zh":
        from tcpinspect.report.chinese import NOUNS, SENTENCES, WORDS

        return Language("zh", WORDS, SENTENCES, NOUNS)
    return Language(code)
