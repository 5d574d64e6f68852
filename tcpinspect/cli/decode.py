"""decode: one frame of a capture, every octet with its field, the TCP header as the RFC draws it. Floor 5."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tcpinspect.cli.options import check_text_ending, file_argument, global_options, lang_option
from tcpinspect.cli.session import Session, encoded, unicode_output
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.insight.dissect import Dissection


@click.command(
    short_help="One frame: its layers, and its TCP header bit by bit.",
    epilog="\b\nExamples:\n  tcpinspect decode office.pcap --frame 12\n  tcpinspect decode office.pcap --frame 12 --notation",
)
@file_argument
@click.option("--frame", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="Number of the frame, from 1.")
@click.option("-T", "--format", "format", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="For people or for programs.")  # fmt: skip
@click.option("--notation", is_flag=True, help="Only the segment in the notation that craft reads.")
@click.option("--scapy", is_flag=True, help="Only the segment as an expression of Scapy.")
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write here instead of to stdout.")
@lang_option
@global_options
@click.pass_obj
def decode(
    session: Session, files: tuple[str, ...], frame: int, format: str, notation: bool, scapy: bool, out: str | None, lang: str
) -> None:
    """Take one frame apart: Ethernet, VLAN, MPLS, tunnels, IP, TCP: each layer's octets and fields, and what is odd in them."""
    from tcpinspect.capture.many import names
    from tcpinspect.insight.dissect import frame_of

    check_text_ending(out, ".json")
    session.check_input(files)
    session.check_output(out, files)
    found = frame_of(files, frame, follow=session.follow)
    to_screen = out in (None, "-")
    if notation or scapy:
        text = "".join(f"{line}\n" for line in _written(found, notation, scapy))
    elif format == "json":
        text = json.dumps(_facts(found), indent=2) + "\n"
    else:
        from tcpinspect.report.header_text import frame_text

        text = frame_text(found, names(files), lang=lang)
    with session.output(out, files) as target:
        target.write(encoded(text, unicode=unicode_output() or not to_screen))


def _written(found: Dissection, notation: bool, scapy: bool) -> Iterator[str]:
    """The segment as one would write it, data and a stated checksum included, so that the same octets come out again."""
    if not found.segment:
        raise UsageError(f"frame {found.frame} holds no TCP segment: {found.reason}")
    from tcpinspect.lab.crafting import craft
    from tcpinspect.lab.draft import Draft

    src, dst = found.addresses
    one = craft(Draft.from_bytes(found.segment), src=src, dst=dst)
    if notation:
        yield str(one).partition(": ")[2]
    if scapy:
        yield one.scapy


def _facts(found: Dissection) -> dict[str, object]:
    """The frame as plain values."""
    return {
        "frame": found.frame,
        "time_ns": found.time_ns,
        "link_type": found.link_type,
        "captured_octets": len(found.octets),
        "wire_octets": found.wire_length,
        "reason": found.reason,
        "checksum": found.checksum,
        "layers": [
            {
                "name": layer.name, "source": layer.source, "at": layer.at, "octets": layer.octets.hex(),
                "fields": [field._asdict() for field in layer.fields],
            }
            for layer in found.layers
        ],
    }  # fmt: skip
