"""Make text from a capture harmless: for a terminal, for Markdown, for a page. Floor 4. Reading: Unicode TR 36 §2.

File names, comments and options come from strangers. A control character can move the cursor, recolour the screen or hide a
line; a bidirectional override can make a line read backwards. All are written out, so that they can be seen.
"""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, soft hyphen, zero-width and bidirectional controls, line and paragraph separators, BOM, surrogates,
# and the tag characters: everything that changes how a line looks without being seen itself.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~!&])")


def plain(text: object, *, limit: int = 0) -> str:
    r"""Text on one line, with what cannot be seen written as `\x1b` or `\u202e`; cut after `limit` characters if that is not 0."""
    clean = _UNSEEN.sub(_written_out, str(text))
    return clean[: limit - 1] + "…" if limit and len(clean) > limit else clean


def _written_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    return {10: "\\n", 13: "\\r", 9: "\\t"}.get(code) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def markdown(text: object) -> str:
    """The same with every character that Markdown or HTML would act upon escaped; fit for a table cell."""
    return _MARKDOWN.sub(r"\\\1", plain(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def ascii_only(text: str) -> str:
    """Typographic characters of our own texts in ASCII; anything else beyond ASCII is written out."""
    for fancy, simple in _ASCII:
        text = text.replace(fancy, simple)
    return text.encode("ascii", "backslashreplace").decode("ascii")


_ASCII = (
    ("µ", "u"),
    ("–", "-"),
    ("−", "-"),
    ("…", "..."),
    ("→", "->"),
    ("←", "<-"),
    ("·", "-"),
    ("×", "x"),
    ("§", "section "),
    ("█", "#"),
    ("░", "."),
    ("✓", "ok"),
)
