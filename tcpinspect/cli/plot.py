"""plot KIND: pictures of one connection, or of all of a capture (those of one frame: `plot_frame`). Floor 5."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from tcpinspect.cli.options import file_argument, global_options, stream_option, the_connection
from tcpinspect.cli.plot_frame import header, layers
from tcpinspect.cli.session import Session
from tcpinspect.cli.show import PHASES, PICTURES
from tcpinspect.errors import UsageError


def _out_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("-o", "--output", "out", type=click.Path(), required=True, metavar="OUT",
                        help="The picture to write; its ending (.png, .svg, .pdf) says how.")(function)  # fmt: skip


def picture_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What every kind of picture has: -o, --theme, --lang."""
    for option in (
        click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the picture."),
        click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="Light or dark paper."),
        _out_option,
    ):
        function = option(function)
    return function


_side_option = click.option("--side", type=click.Choice(["client", "server"]),
                            help="Whose data is drawn (default: of the side that sent more).")  # fmt: skip


class Duration(click.ParamType):
    """A length of time with its unit, as filters write it, in ns: 350us, 12.5ms, 1s."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ns|us|µs|ms|s)", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no length of time: write a number and its unit, 350us, 12.5ms or 1s", param, ctx)
        return round(float(found[1]) * _UNITS[found[2]])


_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


class _Kind(NamedTuple):
    """A kind of picture that needs no option of its own: what it takes, its help, its example."""

    of: str  # "connection", "direction" (of a connection) or "capture"
    help: str
    example: str


_KINDS: dict[str, _Kind] = {
    "states": _Kind("connection", "Draw both sides' states as lanes over time.", "--stream 3 -o states.png"),
    "sequence": _Kind(
        "direction",
        "Draw sequence numbers over time, with ACK line, window, SACK blocks and tcptrace's marks.",
        "--stream 3 -o sequence.svg",
    ),
    "throughput": _Kind("direction", "Draw octets of data a second over time.", "--stream 3 --side server -o throughput.png"),
    "rtt": _Kind("direction", "Draw round trips over time, smoothed, and the RTO by RFC 6298.", "--stream 3 -o rtt.png"),
    "window": _Kind("direction", "Draw the window offered and the octets in flight over time.", "--stream 3 -o window.png"),
    "segments": _Kind("direction", "Draw the size of every segment over time.", "--stream 3 -o sizes.png"),
    "overview": _Kind("capture", "Draw all connections as bars over time, coloured by outcome.", "-o overview.png"),
    "handshakes": _Kind("capture", "Draw how long the handshakes took.", "-o handshakes.png"),
    "teardowns": _Kind("capture", "Draw how long the teardowns took.", "-o teardowns.png"),
    "dwell": _Kind("capture", "Draw how long each state lasted: a leak of CLOSE-WAIT is seen.", "-o dwell.png"),
}


@click.group(short_help="A connection, a capture or a frame as a picture.")
@global_options
def plot() -> None:
    """Draw a connection (ladder, states, machine, sequence …) all of a capture (overview, dwell …) or a frame (header, layers)."""


@plot.command(epilog="\b\nExample:\n  tcpinspect plot ladder office.pcap --stream 3 --phase handshake --one-way 12.5ms -o handshake.svg")
@file_argument
@stream_option
@click.option("--phase", type=click.Choice(PHASES), default="all", show_default=True, help="Which part of the connection.")
@click.option("--options", is_flag=True, help="Write each header's options below its arrow.")
@click.option(
    "--one-way",
    "one_way_ns",
    type=Duration(),
    metavar="TIME",
    help="How long a segment is on its way, as measured elsewhere (350us, 12.5ms): arrows fall by it "
    "(default: half the handshake's round trip).",
)
@picture_options
@global_options
@click.pass_obj
def ladder(session: Session, files: tuple[str, ...], stream: int | None, out: str, **how: Any) -> None:
    """Draw client and server as two rails, time downwards, an arrow a segment, the states along the rails."""
    _draw(session, files, out, "ladder", lambda analysis: the_connection(analysis, stream), how)


@plot.command(epilog="\b\nExample:\n  tcpinspect plot machine office.pcap --stream 3 -o machine.png")
@file_argument
@click.option("--stream", type=click.IntRange(min=0), metavar="N",
              help="One connection; without it all of them, the wider an arc, the oftener.")  # fmt: skip
@picture_options
@global_options
@click.pass_obj
def machine(session: Session, files: tuple[str, ...], stream: int | None, out: str, **how: Any) -> None:
    """Draw RFC 9293's state diagram and the way a connection, or every connection, took through it."""
    _draw(session, files, out, "machine", lambda analysis: analysis if stream is None else analysis.connections[stream], how)


def _add(name: str, kind: _Kind) -> None:
    """Make the command of a kind without options of its own."""

    def draw(session: Session, files: tuple[str, ...], out: str, stream: int | None = None, **how: Any) -> None:
        def chosen(analysis: Any) -> Any:
            return analysis if kind.of == "capture" else the_connection(analysis, stream)

        _draw(session, files, out, name, chosen, how)

    command: Callable[..., Any] = click.pass_obj(draw)
    for option in (global_options, picture_options, *((_side_option,) if kind.of == "direction" else ()),
                   *((stream_option,) if kind.of != "capture" else ()), file_argument):  # fmt: skip
        command = option(command)
    example = f"\b\nExample:\n  tcpinspect plot {name} office.pcap {kind.example}"
    plot.command(name, help=kind.help, epilog=example)(command)


for _name, _kind in _KINDS.items():
    _add(_name, _kind)


def _draw(session: Session, files: tuple[str, ...], out: str, kind: str, chosen: Callable[[Any], Any], how: dict[str, Any]) -> None:
    """Draw what is `chosen` of the capture and save it. The ending is checked before the capture is read."""
    if os.path.splitext(out)[1].lower() not in PICTURES:
        raise UsageError(f"{out} has no ending that says which picture it is: use {', '.join(PICTURES)}")
    session.check_output(out, files)
    what = chosen(session.analyze(files))
    import tcpinspect.plot
    from tcpinspect.plot.speech import FontWarning

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", FontWarning)
        axes = getattr(tcpinspect.plot, kind)(what, **how)
        tcpinspect.plot.save(axes, out)
    for text in dict.fromkeys(str(one.message) for one in said if issubclass(one.category, FontWarning)):
        session.warn(text)


plot.add_command(header)
plot.add_command(layers)
