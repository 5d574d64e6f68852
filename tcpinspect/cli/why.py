"""why: one segment explained, or with --stream alone every segment of a connection that is not ordinary. Floor 5."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tcpinspect.cli.options import file_argument, global_options
from tcpinspect.cli.session import Session, encoded, terminal_width, unicode_output
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

_WIDTH_ELSEWHERE = 100  # characters where stdout is no terminal


@click.command(
    short_help="Why a segment was sent, and what it did to both sides.",
    epilog="\b\nExamples:\n  tcpinspect why office.pcap --frame 57\n  tcpinspect why office.pcap --stream 3",
)
@file_argument
@click.option("--frame", type=click.IntRange(min=1), metavar="N", help="Number of the frame, from 1.")
@click.option("--stream", type=click.IntRange(min=0), metavar="N",
              help="The connection of the frame; without --frame, a line for each of its segments that needs explaining.")  # fmt: skip
@click.option("-T", "--format", "format", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="For people or for programs.")  # fmt: skip
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@global_options
@click.pass_obj
def why(session: Session, files: tuple[str, ...], frame: int | None, stream: int | None, format: str, out: str | None) -> None:
    """Explain one segment: what it is, the rules that fired and nearly fired with their numbers, its effect on both sides' states.

    For a retransmission also what made its sender repeat it and whether it was needed, for a reset which rule sent it and
    whether it was obeyed, and where Wireshark's flags say something else.
    """
    if frame is None and stream is None:
        raise click.UsageError("which segment? Give --frame N, or --stream N for all that is not ordinary in a connection")
    analysis = session.analyze(files)
    to_screen = out in (None, "-")
    unicode = unicode_output() or not to_screen
    width = (terminal_width() if to_screen else None) or _WIDTH_ELSEWHERE
    if frame is None:
        assert stream is not None
        rows = _unusual(analysis, stream)
        text = json.dumps(rows, indent=2) + "\n" if format == "json" else _listed(rows, stream)
    else:
        belongs = analysis.stream_of(frame)
        if stream is not None and belongs != stream:
            raise UsageError(f"frame {frame} of {analysis.given} belongs to stream {belongs}, not {stream}")
        found = analysis.why(frame)
        text = json.dumps(found.as_dict(), indent=2) + "\n" if format == "json" else found.render(width)
    with session.output(out, files) as target:
        target.write(encoded(text, unicode=unicode))


def _unusual(analysis: Analysis, stream: int) -> list[dict[str, Any]]:
    """The segments of a connection whose cause is not the ordinary one."""
    from tcpinspect.insight.why import CAUSES, causes

    connection = analysis.connections[stream]
    segments = connection.segments
    return [
        {"frame": row.frame, "time_ns": row.time_ns, "sender": "client" if row.from_client else "server", "cause": cause,
         "meaning": CAUSES[cause]}
        for row, cause in zip(segments, causes(segments, connection.timeline), strict=True) if cause
    ]  # fmt: skip


def _listed(rows: list[dict[str, Any]], stream: int) -> str:
    if not rows:
        return f"Nothing in stream {stream} needs explaining.\n"
    wide, cause = len(str(rows[-1]["frame"])), max(len(row["cause"]) for row in rows)
    return "".join(f"{row['frame']:>{wide}}  {row['sender']}  {row['cause']:<{cause}}  {row['meaning']}\n" for row in rows)
