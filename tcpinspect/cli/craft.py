"""craft: segments with any field and any option, also forbidden ones; drawn, written, sent. Floor 5."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tcpinspect.cli.options import global_options, lang_option
from tcpinspect.cli.session import Session, complain
from tcpinspect.errors import UsageError

if TYPE_CHECKING:
    from tcpinspect.lab.crafting import Exchange

_LOOPBACK = {False: "127.0.0.1", True: "::1"}

EXAMPLES = """\b
Examples:
  tcpinspect craft 'S seq=1000 win=65535 <mss 1460,wscale 7,sackOK,TS 1 0>'
  tcpinspect craft 'S seq=x' '< S. seq=y ack=x+1' '. seq=x+1 ack=y+1' -o - | tcpinspect show -
  tcpinspect craft 'SF 0:0(0) urg 7 checksum=0 data_offset=3 reserved=5' --hex --scapy
  tcpinspect craft 'S seq=1' --dport 8080 --send
\b
A segment is its flags (S F R P . U E W A, - for none), then in any order a:b(n) or seq=, ack, win, urg,
len=, data="...", src_port=, dst_port=, data_offset=, reserved=, checksum= and <options>. Names such as
x are numbers of their own, the same in every segment."""


@click.command(short_help="Segments with any field, also forbidden ones.", epilog=EXAMPLES)
@click.argument("segments", nargs=-1, required=True, metavar="SEGMENT...")
@click.option("--src", metavar="ADDRESS", help="Source address (default: loopback).")
@click.option("--dst", metavar="ADDRESS", help="Destination address (default: loopback).")
@click.option("--sport", type=click.IntRange(0, 65535), metavar="PORT", help="Source port (default: 49152).")
@click.option("--dport", type=click.IntRange(0, 65535), metavar="PORT", help="Destination port (default: 80).")
@click.option("--ipv6", is_flag=True, help="IPv6: the default addresses are ::1.")
@click.option("--ttl", type=click.IntRange(0, 255), default=64, show_default=True, help="Time to live, or hop limit.")
@click.option("--set", "numbers", multiple=True, metavar="NAME=NUMBER", help="The number a name stands for, such as x=1000.")
@click.option("--draw", is_flag=True, help="RFC 9293's bit drawing with the values (the default).")
@click.option("--hex", "as_hex", is_flag=True, help="Every octet with its field.")
@click.option("--scapy", is_flag=True, help="The expression of Scapy for it.")
@click.option("--picture", type=click.Path(), metavar="OUT", help="Write the drawing as a picture: .png, .svg, .pdf.")
@click.option("-o", "--output", "out", type=click.Path(allow_dash=True), metavar="OUT", help="Write a capture: .pcap, else pcapng.")
@click.option("--send", is_flag=True, help="Send them: to loopback, or from a network namespace of one's own.")
@click.option("--iface", "-i", metavar="NAME", help="Send through this interface.")
@click.option("--allow-external", is_flag=True, help="Let --send reach other addresses; it says first what it is about to do.")
@lang_option
@global_options
@click.pass_obj
def craft(
    session: Session, segments: tuple[str, ...], src: str | None, dst: str | None, sport: int | None, dport: int | None, ipv6: bool,
    ttl: int, numbers: tuple[str, ...], draw: bool, as_hex: bool, scapy: bool, picture: str | None, out: str | None, send: bool,
    iface: str | None, allow_external: bool, lang: str,
) -> None:  # fmt: skip
    """Craft segments written as in packetdrill and tcpdump; < in front of one makes it an answer.

    Every field and option can have any value its bits hold, right or wrong.
    """
    from tcpinspect.lab.crafting import Names, exchange

    ipv6 = ipv6 or ":" in (src or dst or "")
    ports = {name: port for name, port in (("src_port", sport), ("dst_port", dport)) if port is not None}
    given = Names(dict(map(_number, numbers)))
    made = exchange(*segments, names=given, src=src or _LOOPBACK[ipv6], dst=dst or _LOOPBACK[ipv6], ttl=ttl, **ports)
    if picture is not None:
        _picture(made, picture, lang)
    if out is not None:
        with session.output(out) as target:
            target.write(made.capture(classic=out.lower().endswith(".pcap")))
    if send:
        made.send(iface=iface, allow_external=allow_external, announce=complain)
    if draw or as_hex or scapy or not (out or send or picture):
        for line in _lines(made, draw=draw or not (as_hex or scapy), as_hex=as_hex, scapy=scapy, lang=lang):
            click.echo(line)


def _number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    try:
        if not name.isidentifier():
            raise ValueError
        return name, int(number, 0) % 2**32
    except ValueError:
        raise UsageError(f'--set {text}: write a name and a number, such as "--set x=1000"') from None


def _picture(made: Exchange, path: str, lang: str) -> None:
    from tcpinspect.cli.show import PICTURES

    if os.path.splitext(path)[1].lower() not in PICTURES:
        raise UsageError(f"{path} has no ending that says which picture it is: use {', '.join(PICTURES)}")
    if len(made) != 1:
        raise UsageError(f"a picture shows one segment, not {len(made)}: call it for each")
    import tcpinspect.plot

    tcpinspect.plot.save(made[0].picture(lang=lang), path)


def _lines(made: Exchange, *, draw: bool, as_hex: bool, scapy: bool, lang: str) -> Iterator[str]:
    """Each segment with its line of notation above it, unless its expression alone is wanted."""
    for n, one in enumerate(made):
        if draw or as_hex:
            yield f"{chr(10) if n else ''}{one}"
        if draw:
            yield one.draw(lang=lang).rstrip("\n")
        if as_hex:
            yield one.hex.rstrip("\n")
        if scapy:
            yield one.scapy
