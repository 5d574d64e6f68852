"""states: the table of RFC 9293's transitions itself, as text, Markdown or a graph for Graphviz. Floor 5."""

from __future__ import annotations

from collections.abc import Iterator

import click

from tcpinspect.cli.options import global_options
from tcpinspect.cli.session import Session, encoded, terminal_width, unicode_output
from tcpinspect.protocol.rfc9293 import TRANSITIONS, State, Transition

_HEADINGS = ("state", "event", "sends", "next state", "RFC 9293")


@click.command(
    short_help="The transitions of RFC 9293 themselves.", epilog="\b\nExample:\n  tcpinspect states --format dot | dot -Tsvg -o tcp.svg"
)
@click.option("-T", "--format", "format", type=click.Choice(["text", "md", "dot"]), default="text", show_default=True,
              help="Text, a Markdown table, or a graph for Graphviz.")  # fmt: skip
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@global_options
@click.pass_obj
def states(session: Session, format: str, out: str | None) -> None:
    """Print TCP's state machine: every transition of RFC 9293, as the engine uses it."""
    to_screen = out in (None, "-")
    make = {"text": lambda: text(terminal_width() if to_screen else None), "md": markdown, "dot": dot}[format]
    with session.output(out) as target:
        for line in make():
            target.write(encoded(line + "\n", unicode=unicode_output() or not to_screen))


def _cells(arc: Transition) -> tuple[str, ...]:
    return str(arc.state), str(arc.event), arc.sends, str(arc.to), arc.section


def text(width: int | None = None) -> Iterator[str]:
    """The table in columns."""
    from operator import itemgetter

    from tcpinspect.model.text_table import TextColumn, TextTable

    columns = [TextColumn(heading, itemgetter(i)) for i, heading in enumerate(_HEADINGS)]
    return TextTable(columns, map(_cells, TRANSITIONS), width=width, ellipsis="…" if unicode_output() else "~").lines()


def markdown() -> Iterator[str]:
    """The table in Markdown."""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "|" + " --- |" * len(_HEADINGS)
    for arc in TRANSITIONS:
        yield f"| {' | '.join(_cells(arc))} |"


def dot() -> Iterator[str]:
    """The state diagram for Graphviz: arcs between the same states share a line; the two opens and two closes stand apart."""
    yield "digraph tcp {"
    yield '  rankdir=TB; node [shape=box, style=rounded, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=9];'
    for state in State:
        yield f'  "{state}"{" [peripheries=2]" if state in (State.CLOSED, State.ESTABLISHED) else ""};'
    arcs: dict[tuple[State, State], list[str]] = {}
    for arc in TRANSITIONS:
        label = f"{arc.event} / {arc.sends}" if arc.sends else str(arc.event)
        arcs.setdefault((arc.state, arc.to), []).append(label)
    for (start, end), labels in arcs.items():
        # what ends a connection at once would cross everything: drawn faint
        abrupt = end is State.CLOSED and start not in (State.LAST_ACK, State.TIME_WAIT)
        faint = ", color=gray, fontcolor=gray" if abrupt else ""
        text = "\\n".join(labels)
        yield f'  "{start}" -> "{end}" [label="{text}"{faint}];'
    yield "}"
