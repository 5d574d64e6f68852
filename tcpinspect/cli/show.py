"""show: one connection as a ladder in the terminal. Floor 5."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tcpinspect.cli.options import check_text_ending, file_argument, global_options, stream_option, the_connection
from tcpinspect.cli.session import Session, encoded, terminal_width, unicode_output
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.model.connection import Connection

PICTURES = (".png", ".svg", ".pdf")
PAGES = (".html", ".htm", ".md")
PHASES = ("handshake", "teardown", "all")
_WIDTH_ELSEWHERE = 100  # characters where stdout is no terminal


@click.command(
    short_help="One connection as a ladder in the terminal.",
    epilog="\b\nExample:\n  tcpinspect show office.pcap --stream 3 --phase handshake",
)
@file_argument
@stream_option
@click.option("--phase", type=click.Choice(PHASES), default="all", show_default=True, help="Which part of the connection.")
@click.option("--width", type=click.IntRange(min=40), metavar="N", help="Characters in a line (default: the terminal's).")
@click.option("--ascii", "plain", is_flag=True, help="Only ASCII characters.")
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@global_options
@click.pass_obj
def show(session: Session, files: tuple[str, ...], stream: int | None, phase: str, width: int | None, plain: bool, out: str | None) -> None:
    """Show one connection: two rails with each side's state, an arrow a segment, and what it means."""
    from tcpinspect.report.ladder_text import text_ladder

    session.check_output(out, files)
    ending = os.path.splitext(out or "")[1].lower()
    if ending in PICTURES or ending in PAGES:
        other = "tcpinspect plot ladder" if ending in PICTURES else "tcpinspect report"
        raise UsageError(f'{out}: show writes text, not {ending}; for that there is "{other}"')
    check_text_ending(out, ".ans")
    connection = the_connection(session.analyze(files), stream)
    to_screen = out in (None, "-")
    unicode = not plain and (unicode_output() or not to_screen)
    columns = width or (terminal_width() if to_screen else None) or _WIDTH_ELSEWHERE
    color = session.colored() if to_screen else session.color == "always"
    text = text_ladder(connection, phase=phase, width=columns, unicode=unicode, color=color)
    below = "".join(f"\n{line}" for line in _below(connection, columns)) if phase == "all" else ""
    with session.output(out, files) as target:
        target.write(encoded(text.rstrip("\n") + "\n" + below + "\n" * bool(below), unicode=unicode))


def _below(connection: Connection, width: int) -> list[str]:
    """What made its handshake and its close what they are, where that can be told."""
    import textwrap

    from tcpinspect.insight.at_close import octets_after_fin, segments_of
    from tcpinspect.insight.details import detail_sentences
    from tcpinspect.insight.phrases import count

    said = detail_sentences(connection.row)
    if connection.row.teardown == "half-close" and (more := octets_after_fin(segments_of(connection))):
        said[-1:] = [f"{said[-1]}, {count(more, 'octet')} of new data"]
    return [line for text in said for line in textwrap.wrap(text, width, subsequent_indent="  ")]
