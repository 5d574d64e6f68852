"""plot header, plot layers: pictures of one frame. Floor 5."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from tcpinspect.cli.options import file_argument, global_options
from tcpinspect.cli.session import Session
from tcpinspect.cli.show import PICTURES
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.insight.dissect import Dissection


def _options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("-o", "--output", "out", type=click.Path(), required=True, metavar="OUT",
                     help="The picture to write; its ending (.png, .svg, .pdf) says how."),
        click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the picture."),
        click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="Light or dark paper."),
        click.option("--frame", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Number of the frame, from 1."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command(epilog="\b\nExample:\n  tcpinspect plot header office.pcap --frame 12 -o header.svg")
@file_argument
@_options
@global_options
@click.pass_obj
def header(session: Session, files: tuple[str, ...], frame: int, theme: str, lang: str, out: str) -> None:
    """Draw a frame's TCP header as RFC 9293 does, with its values; what is odd in it is marked."""

    def draw(found: Dissection) -> Any:
        import tcpinspect.plot
        from tcpinspect.capture.many import names

        if not found.segment:
            raise UsageError(
                f'frame {found.frame} of {names(files)} holds no TCP segment ({found.reason}): "tcpinspect plot layers" draws any'
            )
        src, dst = found.addresses if found.checksum in ("good", "bad") else ("", "")
        return tcpinspect.plot.header(found, src=src, dst=dst, theme=theme, lang=lang)

    _draw(session, files, frame, out, draw)


@click.command(epilog="\b\nExample:\n  tcpinspect plot layers office.pcap --frame 12 -o layers.png")
@file_argument
@_options
@global_options
@click.pass_obj
def layers(session: Session, files: tuple[str, ...], frame: int, theme: str, lang: str, out: str) -> None:
    """Draw a frame's octets in the layers that wrap its segment, each with its fields."""

    def draw(found: Dissection) -> Any:
        import tcpinspect.plot

        return tcpinspect.plot.layers(found, theme=theme, lang=lang)

    _draw(session, files, frame, out, draw)


def _draw(session: Session, files: tuple[str, ...], frame: int, out: str, draw: Callable[[Dissection], Any]) -> None:
    """Draw a frame of the file and save it. The ending is checked before the capture is read."""
    if os.path.splitext(out)[1].lower() not in PICTURES:
        raise UsageError(f"{out} has no ending that says which picture it is: use {', '.join(PICTURES)}")
    session.check_input(files)
    session.check_output(out, files)
    from tcpinspect.insight.dissect import frame_of

    axes = draw(frame_of(files, frame, follow=session.follow))
    import tcpinspect.plot

    tcpinspect.plot.save(axes, out)
