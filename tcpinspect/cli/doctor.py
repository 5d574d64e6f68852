"""doctor: what is wrong with the capture itself, before anything in it is believed. Floor 5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from tcpinspect.cli.options import file_argument, global_options
from tcpinspect.cli.session import Session, encoded, terminal_width, unicode_output

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

_WIDTH_ELSEWHERE = 80  # characters where stdout is no terminal
_STREAMS_IN_TEXT = 8
_TONES = {"error": "31", "warn": "33", "note": "36", "chat": "2"}


@click.command(
    short_help="What is wrong with the capture itself.",
    epilog="\b\nExamples:\n  tcpinspect doctor office.pcap\n  tcpinspect doctor office.pcap -T ndjson",
)
@file_argument
@click.option("-T", "--format", "format", type=click.Choice(["text", "json", "ndjson"]), default="text", show_default=True,
              help="For people or for programs; ndjson is a line for every fault.")  # fmt: skip
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@global_options
@click.pass_obj
def doctor(session: Session, files: tuple[str, ...], format: str, out: str | None) -> None:
    """Examine the recording itself: offload, copies, order, drops, cut packets, one direction, clock.

    Each fault with what it does to the analysis and what to do about it. The exit code is 0 also for a sick capture.
    """
    analysis = session.analyze(files, segments=False)
    to_screen = out in (None, "-")
    with session.output(out, files) as target:
        if format == "text":
            unicode = unicode_output() or not to_screen
            width = max(40, (terminal_width() if to_screen else None) or _WIDTH_ELSEWHERE)
            color = session.colored() if to_screen else False
            target.write(encoded("\n".join(_lines(analysis, width, color)) + "\n", unicode=unicode))
            return
        import json

        rows = list(_rows(analysis.diagnoses))
        if format == "json":
            facts = {"name": analysis.name, "packets": analysis.capture.packets, "healthy": not rows, "diagnoses": rows}
            target.write((json.dumps(facts, indent=2) + "\n").encode("ascii"))
        else:
            for row in rows:
                target.write((json.dumps(row) + "\n").encode("ascii"))


def _rows(diagnoses: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The diagnoses as plain values; `streams` is empty where the whole capture is meant."""
    for one in diagnoses:
        yield {**one._asdict(), "streams": sorted(one.streams)}


def _lines(analysis: Analysis, width: int, color: bool) -> Iterator[str]:
    from tcpinspect.insight.phrases import count
    from tcpinspect.report.safe import plain

    found = sorted(analysis.diagnoses, key=lambda one: list(_TONES).index(one.severity))
    if not found:
        yield f"{plain(analysis.name)}: healthy"
        if not analysis.capture.segments:
            yield "  (there is no TCP in it to judge by)"
        return
    yield f"{plain(analysis.name)}: {count(len(found), 'fault')}"
    for one in found:
        yield ""
        grade = f"\x1b[{_TONES[one.severity]}m{one.severity:<5}\x1b[0m" if color else f"{one.severity:<5}"
        yield f"{grade} {one.id}  {one.title}"
        where = f" First in frame {one.frame:,}." if one.frame is not None else ""
        if one.streams:
            named = ", ".join(f"#{stream}" for stream in sorted(one.streams)[:_STREAMS_IN_TEXT])
            more = len(one.streams) - _STREAMS_IN_TEXT
            where += f" In {named}{f' and {more:,} more' if more > 0 else ''}."
        for label, text in (("", one.text + where), ("means: ", one.effect), ("to do: ", one.remedy)):
            yield from wrap(label + plain(text), width, initial_indent="      ", subsequent_indent="      " + " " * len(label))
