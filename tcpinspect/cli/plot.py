"""plot ladder, plot states: pictures of one connection (those of one frame: `plot_frame`). Floor 5."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from tcpinspect.cli.options import file_argument, global_options, stream_option, the_connection
from tcpinspect.cli.plot_frame import header, layers
from tcpinspect.cli.session import Session
from tcpinspect.cli.show import PHASES, PICTURES
from tcpinspect.errors import UsageError


def _out_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("-o", "--output", "out", type=click.Path(), required=True, metavar="OUT",
                        help="The picture to write; its ending (.png, .svg, .pdf) says how.")(function)  # fmt: skip


@click.group(short_help="A connection or a frame as a picture.")
@global_options
def plot() -> None:
    """Draw one connection: a ladder of its segments, or the lanes of its states; or one frame: its header, its layers."""


@plot.command(epilog="\b\nExample:\n  tcpinspect plot ladder office.pcap --stream 3 --phase handshake -o handshake.svg")
@file_argument
@stream_option
@click.option("--phase", type=click.Choice(PHASES), default="all", show_default=True, help="Which part of the connection.")
@_out_option
@global_options
@click.pass_obj
def ladder(session: Session, file: str, stream: int | None, phase: str, out: str) -> None:
    """Draw client and server as two rails, time downwards, an arrow a segment, the states along the rails."""

    def draw(connection: Any) -> Any:
        import tcpinspect.plot

        return tcpinspect.plot.ladder(connection, phase=phase)

    _draw(session, file, stream, out, draw)


@plot.command(epilog="\b\nExample:\n  tcpinspect plot states office.pcap --stream 3 -o states.png")
@file_argument
@stream_option
@_out_option
@global_options
@click.pass_obj
def states(session: Session, file: str, stream: int | None, out: str) -> None:
    """Draw both sides' states as lanes over time."""

    def draw(connection: Any) -> Any:
        import tcpinspect.plot

        return tcpinspect.plot.states(connection)

    _draw(session, file, stream, out, draw)


def _draw(session: Session, file: str, stream: int | None, out: str, draw: Callable[[Any], Any]) -> None:
    """Draw a stream of the file and save it. The ending is checked before the capture is read."""
    if os.path.splitext(out)[1].lower() not in PICTURES:
        raise UsageError(f"{out} has no ending that says which picture it is: use {', '.join(PICTURES)}")
    session.check_output(out, file)
    axes = draw(the_connection(session.analyze(file), stream))
    import tcpinspect.plot

    tcpinspect.plot.save(axes, out)


plot.add_command(header)
plot.add_command(layers)
