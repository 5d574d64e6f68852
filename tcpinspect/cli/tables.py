"""segments, connections, timeline, findings: the four tables, for people and for programs. Floor 5. Reading: contract.

The rows that leave are those of the streams asked for that the display filter lets through; the columns never change,
but for text, which is arranged for a screen (`views`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tcpinspect.cli.options import file_argument, global_options
from tcpinspect.cli.session import Session, encoded, is_terminal, terminal_width, unicode_output
from tcpinspect.errors import UsageError
from tcpinspect.schema import TABLES

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis
    from tcpinspect.model.filter import Filter

_FORMATS = ("text", "json", "ndjson", "csv", "tsv", "parquet")
_SUFFIXES = {"": "text", ".txt": "text", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".tsv": "tsv",
             ".parquet": "parquet"}  # fmt: skip
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4")

_EXAMPLES = {
    "segments": "tcpinspect segments office.pcap -Y 'retransmission and payload_len > 0' -T csv -o retransmitted.csv",
    "connections": "tcpinspect connections office.pcap -Y 'conn_state != \"SF\"'",
    "timeline": "tcpinspect timeline office.pcap --stream 3",
    "findings": 'tcpinspect findings office.pcap -Y \'severity in ["warn", "error"]\'',
}
_HELP = {
    "segments": "Print every TCP segment: header, options, and what the analysis says of it.",
    "connections": "Print every connection: who, when, how much, how it began and ended.",
    "timeline": "Print every change of state of both sides, with its frame, evidence and section of RFC 9293.",
    "findings": "Print what deserves attention, the capture as a whole included.",
}
_MORE = {
    "segments": 'Flags: tcp_flags == "SYN,ACK", tcp_flags contains "RST", tcp.flags.syn. Either side: ip.addr, tcp.port. '
    "Wireshark's times (tcp.analysis.ack_rtt) are in seconds, columns (ack_rtt_ns) in ns. Divided by zero is null.",
    "connections": "Either side: ip.addr, tcp.port.",
}
_SHORT = {
    "segments": "Every TCP segment and what it is.",
    "connections": "Every connection: who, when, how it ended.",
    "timeline": "Every change of state of both sides.",
    "findings": "What deserves attention.",
}


def run_table(name: str, files: tuple[str, ...], streams: tuple[int, ...], format: str | None, out: str | None, expression: str | None,
              fields: tuple[str, ...], count: int | None, style: str) -> None:  # fmt: skip
    """Analyse the file and write one of its tables. Raises TcpinspectError before anything is written."""
    from tcpinspect.model.stream import STREAMING

    session = click.get_current_context().ensure_object(Session)
    session.check_output(out, files)
    chosen: Any = format or format_of(out)
    schema = TABLES[name]
    if fields and chosen != "text":
        raise UsageError(f"-e chooses columns of text only; {chosen} always has every column of {name}")
    if chosen == "parquet" and out in (None, "-") and is_terminal(sys.stdout):
        raise UsageError("parquet is no text for a terminal: use -o OUT, or redirect stdout")
    if chosen == "text":
        check_fields(name, fields)
    filter_: Filter | None = None
    if expression:
        from tcpinspect.model import filter as display_filter

        filter_ = display_filter.compile(expression, schema)
    if name in STREAMING and chosen != "text" and not streams:
        _stream(session, name, files, chosen, out, filter_, count)
        return
    analysis = session.analyze(files, segments=name in ("segments", "findings"))
    check_streams(analysis, streams)
    table = analysis.table(name)
    everything = not streams and filter_ is None and count is None
    if len(streams) == 1 and name in ("segments", "timeline"):
        # a connection finds its own rows without making all others
        source: Iterable[Any] = getattr(analysis.connections[streams[0]], name)
    else:
        source = table.rows()
    rows = islice(_selected(source, streams, filter_), count)
    with session.output(out, files) as target:
        if chosen == "text":
            to_screen = out in (None, "-")
            width = terminal_width() if to_screen else None
            unicode = unicode_output() or not to_screen
            for line in _text_lines(name, rows, analysis, fields, style, width):
                target.write(encoded(line + "\n", unicode=unicode))
        else:
            from tcpinspect.model import export

            export.write_table(table if everything else export.Rows(schema, rows), schema, chosen, target)


def _stream(session: Session, name: Any, files: tuple[str, ...], format: Any, out: str | None, filter_: Filter | None,
            count: int | None) -> None:  # fmt: skip
    """Write a table while the capture is read. The output is opened when there is something to write, or nothing came."""
    from contextlib import ExitStack

    from tcpinspect.model import export
    from tcpinspect.model.row import ROW_TYPES

    make: Any = ROW_TYPES[name]._make  # type: ignore[attr-defined]
    to: export.Writer | None = None
    left = count

    def ready() -> export.Writer:
        nonlocal to
        if to is None:
            to = export.writer(TABLES[name], format, stack.enter_context(session.output(out, files)))
        return to

    def write(batch: Any) -> None:
        nonlocal left
        if filter_ is None and left is None:
            ready().batch(batch)
        elif left != 0 and (rows := list(islice(_selected(map(make, zip(*batch.lists(), strict=True)), (), filter_), left))):
            ready().columns(list(zip(*rows, strict=True)))
            left = left if left is None else left - len(rows)

    export.prepare(format)
    with ExitStack() as stack:
        done = session.stream(files, name, write)
        ready().close()
    if not done.whole:
        session.warn("the table ends earlier: Ctrl-C came while rows were written")
    if done.late_segments:
        what = ("are analysed without what their connection had sent" if name == "segments" else
                "came after the row of their connection was written, which does not count them")  # fmt: skip
        session.warn(f"{done.late_segments} segments {what}: so many connections were open that those long silent had to leave")


def format_of(out: str | None) -> str:
    """The format that the ending of an output says. Raises UsageError for an ending that says none."""
    ending = os.path.splitext(out or "")[1].lower()
    if ending in _COMPRESSED:
        raise UsageError(f"{out}: nothing is compressed on the way out; write to stdout through a pipe, as in: -T ndjson | gzip > {out}")
    if ending not in _SUFFIXES:
        raise UsageError(f"{out} has no ending that says a format: use {', '.join(e for e in _SUFFIXES if e)}, or say which with -T")
    return _SUFFIXES[ending]


def check_fields(name: str, fields: tuple[str, ...]) -> None:
    """Complain of an unknown -e before the capture is read."""
    from tcpinspect.cli.timestyle import TimeStyle
    from tcpinspect.cli.views import view

    view(name, fields, TimeStyle("r", None))


def check_streams(analysis: Analysis, streams: Iterable[int]) -> None:
    """Raise UsageError for a stream the capture does not have; the model's own error says which there are."""
    for stream in streams:
        if stream >= len(analysis.connections):
            analysis.connections[stream]


def _selected(rows: Iterable[Any], streams: tuple[int, ...], filter_: Filter | None) -> Iterator[Any]:
    chosen = set(streams)
    if chosen:
        rows = (row for row in rows if row.stream in chosen)
    return filter_.rows(rows) if filter_ is not None else iter(rows)


def _text_lines(name: str, rows: Iterable[Any], analysis: Analysis, fields: tuple[str, ...], style: str,
                width: int | None) -> Iterator[str]:  # fmt: skip
    from tcpinspect.cli.timestyle import TimeStyle
    from tcpinspect.cli.views import view
    from tcpinspect.model.text_table import TextTable

    first = analysis.capture.first_ns
    fine = any(ns is not None and ns % 1000 for ns in (first, analysis.capture.last_ns))
    columns = view(name, fields, TimeStyle(style, first, nanoseconds=fine))
    # columns asked for by name are never left out for want of room
    yield from TextTable(columns, rows, width=width, every=bool(fields), ellipsis="…" if unicode_output() else "~").lines()


def _complete_field(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from tcpinspect.cli.views import names

    known = names(ctx.info_name) if ctx.info_name in TABLES else []
    return [name for name in known if name.startswith(incomplete)]


def _command(name: str) -> click.Command:
    from tcpinspect.cli.timestyle import STYLES

    @click.command(name, help=_HELP[name], short_help=_SHORT[name], epilog=f"\b\nExample:\n  {_EXAMPLES[name]}")
    @file_argument
    @click.option("--stream", "streams", type=click.IntRange(min=0), multiple=True, metavar="N", help="Only this connection (repeatable).")
    @click.option(
        "-T",
        "--format",
        "format",
        type=click.Choice(_FORMATS),
        help="Default: by the ending of OUT, otherwise text. All but text have every column.",
    )
    @click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
    @click.option(
        "-Y",
        "--filter",
        "expression",
        metavar="FILTER",
        help="Only rows that satisfy this: columns (or Wireshark's names), and or not, == != < <= > >=, in [..], "
        "contains, is null, + - * / % &; values like 80, 200ms, 192.0.2.1, SF, true. " + _MORE.get(name, ""),
    )
    @click.option(
        "-e",
        "--field",
        "fields",
        multiple=True,
        metavar="COLUMN",
        shell_complete=_complete_field,
        help="A column of the text, instead of the usual ones that fit the screen (repeatable).",
    )
    @click.option("-c", "--count", type=click.IntRange(min=0), metavar="N", help="At most N rows.")
    @click.option(
        "-t",
        "--time",
        "style",
        type=click.Choice(STYLES),
        default="r",
        show_default=True,
        help="Times in text: r since the first packet, u/ud UTC, a/ad local, e epoch, d since the row before.",
    )
    @global_options
    def command(
        files: tuple[str, ...],
        streams: tuple[int, ...],
        format: str | None,
        out: str | None,
        expression: str | None,
        fields: tuple[str, ...],
        count: int | None,
        style: str,
    ) -> None:
        run_table(name, files, streams, format, out, expression, fields, count, style)  # fmt: skip

    return command


segments = _command("segments")
connections = _command("connections")
timeline = _command("timeline")
findings = _command("findings")
