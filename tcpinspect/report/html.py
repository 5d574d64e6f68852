"""The report as one self-contained page. Floor 4. Reading: CSP level 3 (the page's own lock), WCAG 2.2, WAI-ARIA APG (toolbars, tables).

Jinja2 with autoescape on fills `templates/`; every text is also freed of control characters on its way in (`finalize`), so no
template can forget it. The page loads nothing: styles, script and data are inside, and a Content-Security-Policy allows that one
style sheet and that one script by their hashes and no request at all. Without the script everything but the segments is there to
be read and printed; the script adds what only a reader's hand can ask for (templates/*.js, the data by `page_data`).

A page stays below LIMIT, whatever the capture: first the table of connections (MOST_ROWS), then stories while STORIES is not
spent, most interesting first, then the segments of as many connections as fit. What is left out is said in the page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tcpinspect.errors import MissingDependency, UsageError
from tcpinspect.insight import meanings, phrases, reading
from tcpinspect.insight.interest import interesting
from tcpinspect.insight.outcome_words import outcome_line, outcome_sentences
from tcpinspect.model.address import endpoint_text as endpoint
from tcpinspect.model.state_colors import STATE_COLORS, UNKNOWN_STATE, readable
from tcpinspect.plot.style import LIGHT
from tcpinspect.report import overview
from tcpinspect.report.options import negotiated
from tcpinspect.report.page_data import PageData
from tcpinspect.report.picture import ladder_picture, lanes_picture
from tcpinspect.report.safe import plain
from tcpinspect.report.sections import sections

if TYPE_CHECKING:
    from jinja2 import Environment

    from tcpinspect.report.language import Language

# Mail servers and issue trackers take a file of this size, and a browser reads it at once. Octets.
LIMIT = 4_800_000
STORIES = 1_600_000
# More rows than a browser sorts at once without a pause; the command prints them all.
MOST_ROWS = 4000
_MOST_COMMENTS = 50
_LONGEST_COMMENT = 500
_WORTH = 12
_SCRIPTS = ("data.js", "card.js", "ladder.js", "explore.js", "connections.js", "links.js")
_SAID = re.compile(
    r'\bsay\("((?:[^"\\]|\\.)+)"|^const PICKED\w* = "([^"]+)"|\["([A-Z][A-Za-z, ]*)", "n?"\]|\bfield\("([^"]+)"', re.MULTILINE
)
# Filled in at the end. No text of a capture can look like them: `finalize` writes their first character out.
_NOTE_HERE, _DATA_HERE = "\x00the note of what is left out\x00", "\x00the data\x00"
_RESERVE = 20_000  # octets for that note and for what the data has around the connections


def html_report(analysis: Any, *, lang: str = "en") -> str:
    """The page as text, to be written as UTF-8. UsageError for a language there is not."""
    env = _environment()
    from tcpinspect.report.language import LANGUAGES, language

    if lang not in LANGUAGES:
        raise UsageError(f'no report in the language "{lang}": there is {", ".join(LANGUAGES)}')
    words = language(lang)
    rows = analysis.connection_rows
    chosen = sections(rows)
    context = _context(analysis, words, rows)
    stories = _stories(env, analysis, rows, chosen, context)
    context["chosen"] = frozenset(stories)
    script = _script(env)
    # The data gets the room that everything else leaves, and only then is it known what is left out.
    text = _page(env, context, stories, script)
    room = LIMIT - len(text.encode("utf-8", "backslashreplace")) - _RESERVE
    carried = PageData(analysis, room=room, say=words.sentence)
    carried.fill(_order(rows, list(stories)))
    data = carried.text(words=_script_words(script, words), comments=_comments_by_frame(analysis.capture))
    note = env.get_template("left_out.html.j2").render(_=words, left_out=_left_out(context, len(stories), carried))
    return text.replace(_NOTE_HERE, note, 1).replace(_DATA_HERE, data, 1)


def _context(analysis: Any, words: Language, rows: list[Any]) -> dict[str, Any]:
    """What every part of the page may use."""
    from tcpinspect import __version__

    by_stream = {row.stream: row for row in rows}
    groups = overview.finding_groups(analysis.findings, capture=False)
    outcomes = overview.outcomes(rows)
    marked: dict[int, list[str]] = {}
    for one in analysis.findings:
        if one.stream is not None:
            marked.setdefault(one.stream, []).append(one.id)
    comments = analysis.capture.comments
    return {
        "_": words, "told": words.told, "count": words.count, "sentence_plain": words.sentence,
        "version": __version__, "name": analysis.name, "capture": analysis.capture,
        "not_tcp": overview.not_tcp(analysis.capture), "rows": rows[:MOST_ROWS], "row_count": len(rows),
        "outcomes": outcomes, "bar": _bar(outcomes), "marked": marked, "groups": groups,
        "worth": [(one, by_stream[one.stream]) for one in interesting(rows, limit=_WORTH)],
        "faults": getattr(analysis, "diagnoses", ()),
        "comments": [(frame, plain(text, limit=_LONGEST_COMMENT)) for frame, text in comments[:_MOST_COMMENTS]],
        "comments_left": max(0, len(comments) - _MOST_COMMENTS),
    }  # fmt: skip


def _page(env: Environment, context: dict[str, Any], stories: dict[int, Any], script: str) -> str:
    """All of the page but the data and the note of what is left out."""
    from markupsafe import Markup

    style = env.get_template("style.html.j2").render()
    return env.get_template("page.html.j2").render(
        **context,
        stories=[story for _, story in sorted(stories.items())],
        left_out=Markup(_NOTE_HERE),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        data=_DATA_HERE,
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _stories(env: Environment, analysis: Any, rows: list[Any], chosen: list[int], context: dict[str, Any]) -> dict[int, Any]:
    """The sections of connections, by stream, as far as STORIES goes; the most interesting come first and so are always there."""
    from markupsafe import Markup

    template = env.get_template("connection.html.j2")
    order = [stream for stream in _order(rows, chosen) if stream in set(chosen)]
    out: dict[int, Any] = {}
    room = STORIES
    for stream in order:
        text = template.render(**context, item=_connection(analysis.connections[stream], context["_"]))
        room -= len(text.encode("utf-8", "backslashreplace"))
        if out and room < 0:
            break
        out[stream] = Markup(text)
    return out


def _order(rows: list[Any], first: list[int]) -> list[int]:
    """All streams: those of the stories, then what else is interesting, then the rest in the order of the capture."""
    wanted = set(first)
    ranked = [one.stream for one in interesting(rows)]
    told = [stream for stream in ranked if stream in wanted] + sorted(wanted - set(ranked))
    return list(dict.fromkeys([*told, *ranked, *(row.stream for row in rows)]))


def _left_out(context: dict[str, Any], stories: int, carried: PageData) -> list[str]:
    """What this page does not have of the capture, in sentences; nothing where it has everything."""
    words, total, segments = context["_"], context["row_count"], context["capture"].segments
    lines = []
    if stories < total:
        lines.append(words("{0} have a story here, those most worth a look.", words.count(stories, "connection")))
    if carried.segments < segments:
        have = words.count(len(carried.streams), "connection"), f"{carried.segments:,}", f"{segments:,}"
        lines.append(words("The page carries the segments of {0}, {1} of {2}; the others would make it too large.", *have))
    return lines


def _connection(c: Any, words: Language) -> dict[str, Any]:
    """What a section of one connection needs, worked out here so that the template only writes it down."""
    ladders = _ladders(c, words)
    shown = sum(picture.segments for _, picture in ladders)
    return {
        "c": c,
        "tone": overview.tone(c),
        "line": outcome_line(c),
        "sentences": outcome_sentences(c),
        "ladders": ladders,
        "whole": ladder_picture(c, "all", say=words.sentence) if shown < c.client_packets + c.server_packets else None,
        "lanes": lanes_picture(c, say=words.sentence),
        "options": negotiated(c),
    }


def _ladders(c: Any, words: Language) -> list[tuple[str, Any]]:
    """The ladders to draw at once: handshake and teardown, or the one picture of a connection that has neither."""
    titled = [
        ("How it was opened (handshake)", ladder_picture(c, "handshake", say=words.sentence)),
        ("How it was closed (teardown)", ladder_picture(c, "teardown", say=words.sentence)),
    ]
    drawn = [(title, picture) for title, picture in titled if picture is not None]
    seen = [("What was seen", ladder_picture(c, "all", say=words.sentence))] if not drawn else []
    return drawn or [(title, picture) for title, picture in seen if picture is not None]


def _bar(outcomes: list[overview.Outcome]) -> list[tuple[overview.Outcome, float, float]]:
    """The outcomes side by side over a width of 1000, each wide enough to be seen, two units apart."""
    least, gap = 3.0, 2.0
    room = 1000 - (least + gap) * len(outcomes) + gap
    out, x = [], 0.0
    for one in outcomes:
        width = round(least + room * one.share, 1)
        out.append((one, round(x, 1), width))
        x += width + gap
    return out


def _comments_by_frame(capture: Any) -> dict[int, list[str]]:
    out: dict[int, list[str]] = {}
    for frame, text in capture.comments[: 10 * _MOST_COMMENTS]:
        out.setdefault(frame, []).append(plain(text, limit=_LONGEST_COMMENT))
    return out


def _script(env: Environment) -> str:
    assert env.loader is not None
    parts = [env.loader.get_source(env, name)[0] for name in _SCRIPTS]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def _script_words(script: str, words: Language) -> dict[str, str]:
    """What the script says, in the page's language; English needs no list."""
    if words.code == "en":
        return {}
    said = {text.replace('\\"', '"') for found in _SAID.findall(script) for text in found if text}
    said |= {*meanings.EVIDENCE, "client", "server", "good", "bad", "unfinished", "unverified"}
    return {text: words(text) for text in sorted(said)}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingDependency('the HTML report needs Jinja2: install it with "pip install jinja2"') from error

    env = Environment(
        loader=PackageLoader("tcpinspect.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    env.globals.update(meanings=meanings, endpoint=endpoint, tone=overview.tone)
    env.globals.update(outcome_line=outcome_line, amount=reading.amount, again=reading.again, since=phrases.since, slug=overview.slug)
    env.filters.update(
        duration=phrases.duration,
        size=phrases.size,
        number=phrases.number,
        moment=phrases.moment,
        rfc=phrases.rfc_reference,
    )
    env.filters["sentence"] = _sentence
    env.globals["state_colors"] = [(name.lower(), color, _on(color)) for name, color in STATE_COLORS.items()]
    env.globals["other_state"] = (UNKNOWN_STATE, _on(UNKNOWN_STATE))
    return env


def _on(color: str) -> str:
    """The colour of a state's name in its bar: where a drawing takes ink, a screen needs full black for a contrast of 4.5."""
    return readable(color) if readable(color) == LIGHT.paper else "#000000"


def _finalize(value: Any) -> Any:
    """Unknown becomes a dash; text from outside loses its control characters; what a template made stays as it is."""
    if value is None:
        return phrases.UNKNOWN
    return plain(value) if type(value) is str else value


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
