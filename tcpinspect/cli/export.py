"""export: a captured connection in a form that other tools run. Floor 5."""

from __future__ import annotations

from typing import Literal

import click

from tcpinspect.cli.options import file_argument, global_options, stream_option, the_connection
from tcpinspect.cli.session import Session, encoded
from tcpinspect.errors import UsageError

EXAMPLES = """\b
Examples:
  tcpinspect export --packetdrill office.pcap --stream 3 -o stream3.pkt
  tcpinspect export --packetdrill office.pcap --stream 3 --side client | tcpinspect drill -"""


@click.command(short_help="A connection as a packetdrill script.", epilog=EXAMPLES)
@file_argument
@click.option("--packetdrill", is_flag=True, help="As a packetdrill script: the capture becomes a test.")
@stream_option
@click.option("--side", type=click.Choice(["client", "server"]), default="server", show_default=True,
              help="Whose TCP the script tests; it plays the other side.")  # fmt: skip
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@global_options
@click.pass_obj
def export(
    session: Session, files: tuple[str, ...], packetdrill: bool, stream: int | None, side: Literal["client", "server"], out: str | None
) -> None:
    """Write one connection as a script: its segments with relative numbers and times, and the calls that explain them.

    What a script cannot say, or what is a guess, stands in its first lines and is a warning.
    """
    if not packetdrill:
        raise UsageError("export: in which form? There is --packetdrill")
    from tcpinspect.lab.packetdrill.writing import write

    session.check_output(out, files)
    connection = the_connection(session.analyze(files), stream)
    written = write(connection, side=side, source="" if files[0] == "-" else files[0].rpartition("/")[2])
    for text in (*written.lost, *written.doubts)[:20]:
        session.warn(f"stream {connection.stream}: {text}")
    with session.output(out, files) as target:
        target.write(encoded(written.text))
