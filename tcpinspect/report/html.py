"""The report as one self-contained page. Floor 4. Reading: WAI-ARIA sortable tables, CSP level 3 (for the page's own lock).

Jinja2 with autoescape on fills `templates/`; every text is also freed of control characters on its way in (`finalize`), so no
template can forget it. The page loads nothing: its styles and its script are inside, and a Content-Security-Policy allows that
one script by its hash and no request at all.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tcpinspect.errors import MissingDependency, UsageError
from tcpinspect.insight import meanings, phrases, reading
from tcpinspect.insight.interest import interesting
from tcpinspect.insight.outcome_words import outcome_line, outcome_sentences
from tcpinspect.model.address import endpoint_text as endpoint
from tcpinspect.plot.style import STATE_COLORS, UNKNOWN_STATE, readable
from tcpinspect.report import overview
from tcpinspect.report.options import negotiated
from tcpinspect.report.picture import ladder_picture, lanes_picture
from tcpinspect.report.safe import plain
from tcpinspect.report.sections import sections

if TYPE_CHECKING:
    from jinja2 import Environment

LANGUAGES = ("en",)
# More rows than a browser sorts at once without a pause; the command prints them all.
MOST_ROWS = 5000
_WORTH = 12


def html_report(analysis: Any, *, lang: str = "en") -> str:
    """The page as text, to be written as UTF-8. UsageError for a language there is not."""
    if lang not in LANGUAGES:
        raise UsageError(f'no report in the language "{lang}": there is {", ".join(LANGUAGES)}')
    from tcpinspect import __version__

    rows = analysis.connection_rows
    by_stream = {row.stream: row for row in rows}
    chosen = sections(rows)
    env = _environment()
    script = env.get_template("script.html.j2").render()
    return env.get_template("page.html.j2").render(
        lang=lang,
        version=__version__,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        name=analysis.name,
        capture=analysis.capture,
        not_tcp=overview.not_tcp(analysis.capture),
        rows=rows[:MOST_ROWS],
        row_count=len(rows),
        outcomes=overview.outcomes(rows),
        worth=[(one, by_stream[one.stream]) for one in interesting(rows, limit=_WORTH)],
        groups=overview.finding_groups(analysis.findings, capture=False),
        faults=getattr(analysis, "diagnoses", ()),
        chosen=frozenset(chosen),
        connections=[_connection(analysis.connections[stream]) for stream in chosen],
    )


def _connection(c: Any) -> dict[str, Any]:
    """What a section of one connection needs, worked out here so that the template only writes it down."""
    ladders = _ladders(c)
    shown = sum(picture.segments for _, picture in ladders)
    return {
        "c": c,
        "tone": overview.tone(c),
        "line": outcome_line(c),
        "sentences": outcome_sentences(c),
        "ladders": ladders,
        "whole": ladder_picture(c, "all") if shown < c.client_packets + c.server_packets else None,
        "lanes": lanes_picture(c),
        "options": negotiated(c),
    }


def _ladders(c: Any) -> list[tuple[str, Any]]:
    """The ladders to draw at once: handshake and teardown, or the one picture of a connection that has neither."""
    titled = [
        ("How it was opened (handshake)", ladder_picture(c, "handshake")),
        ("How it was closed (teardown)", ladder_picture(c, "teardown")),
    ]
    drawn = [(title, picture) for title, picture in titled if picture is not None]
    return drawn or [(title, picture) for title, picture in [("What was seen", ladder_picture(c, "all"))] if picture is not None]


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
    env.globals.update(outcome_line=outcome_line, amount=reading.amount, again=reading.again)
    env.filters.update(
        duration=phrases.duration,
        octets=phrases.octets,
        size=phrases.size,
        number=phrases.number,
        moment=phrases.moment,
        rfc=phrases.rfc_reference,
    )
    env.filters["sentence"] = _sentence
    env.globals.update(count=phrases.count, since=phrases.since)
    env.globals["state_colors"] = [(name.lower(), color, readable(color)) for name, color in STATE_COLORS.items()]
    env.globals["other_state"] = (UNKNOWN_STATE, readable(UNKNOWN_STATE))
    return env


def _finalize(value: Any) -> Any:
    """Unknown becomes a dash; text from outside loses its control characters; what a template made stays as it is."""
    if value is None:
        return phrases.UNKNOWN
    return plain(value) if type(value) is str else value


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
