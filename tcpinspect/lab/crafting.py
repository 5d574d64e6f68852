"""Craft segments: any field, any option, also forbidden ones; look at them, write them, send them. Wing: lab. Reading: RFC 9293 §3.1.

    segment = craft("S seq=1000 win=65535 <mss 1460,wscale 7>", src="192.0.2.1", dst="192.0.2.2", dst_port=80)
    craft(flags="SF", seq=1, urgent_pointer=7, checksum=0)            the same by name
    segment.bytes   segment.hex   segment.scapy   segment.draw()   segment.picture()   segment.write(path)   segment.send()

Scapy builds the octets (`packet` is its packet); what it cannot be told by name, such as an option with a false length, it gets
as octets. Several segments that belong together are an Exchange: names such as x are the same number in all of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from tcpinspect.errors import UsageError, WrongKind
from tcpinspect.lab import draft as drafts
from tcpinspect.lab.draft import LARGEST, Draft, DraftOption
from tcpinspect.lab.notation import notation, parse

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tcpinspect.model.analysis import Analysis

# RFC 6335 §6: the first of the ports that nobody is assigned; and a port everybody knows.
SRC_PORT, DST_PORT = 49152, 80
WINDOW = 65535
# Captures of crafted segments begin in the month of RFC 9293 (2022-08-18T00:00:00Z), so that the same segments give the same file.
START_NS = 1_660_780_800 * 10**9
STEP_NS = 1_000_000
Octets = bytes  # a Crafted has a property of that name
_FIELDS = (*LARGEST, "options", "payload")
_OPTIONS: dict[str, Callable[[Any], DraftOption]] = {
    "mss": drafts.mss,
    "wscale": drafts.window_scale,
    "sack_permitted": lambda _: drafts.sack_permitted(),
    "sack": lambda blocks: drafts.sack(*blocks),
    "timestamps": lambda pair: drafts.timestamps(*pair),
    "fast_open": drafts.fast_open,
}


class Names(dict[str, int]):
    """Numbers by name; a name nobody gave a number gets one of its own, the same every time: the CRC-32 of the name."""

    def __missing__(self, name: str) -> int:
        self[name] = zlib.crc32(name.encode())
        return self[name]


def craft(
    text: str | Draft = "",
    *,
    src: str = "127.0.0.1",
    dst: str = "127.0.0.1",
    ttl: int = 64,
    names: Mapping[str, int] | None = None,
    **fields: Any,
) -> Crafted:
    """One segment: from its notation (`lab.notation`), a Draft, or fields by name, which outdo the text.

    Fields: src_port, dst_port, seq, ack, data_offset, reserved, flags (bits, or letters such as "S."), window, checksum,
    urgent_pointer, payload (octets), options (a list of DraftOption); and behind those options: mss, wscale, sack_permitted,
    sack (a list of blocks), timestamps (a pair), fast_open (octets). `src` and `dst` decide between IPv4 and IPv6. What is not
    said is the usual: ports 49152 and 80, window 65535, the right checksum and data offset, numbers 0. Raises UsageError.
    """
    if not isinstance(text, (str, Draft)):
        raise WrongKind(f'a segment is written, such as "S seq=1000 <mss 1460>", or a Draft, not {text!r}')
    made = text if isinstance(text, Draft) else parse(text, names=Names() if names is None else names) if text.strip() else Draft()
    unknown = set(fields) - {*_FIELDS, *_OPTIONS}
    if unknown:
        raise UsageError(f"no field {', '.join(sorted(unknown))}: there are {', '.join((*_FIELDS, *_OPTIONS))}")
    if made.options is None:
        made.options_bytes()  # "any options" cannot be sent: says so
    given = {name: value for name, value in fields.items() if name in _FIELDS}
    if isinstance(given.get("flags"), str):
        given["flags"] = parse(given["flags"]).flags
    options = tuple(given.pop("options", made.options or ()))
    options += tuple(_option(name, value) for name, value in fields.items() if name in _OPTIONS and value is not False)
    made = replace(made, options=options, **given)
    usual: dict[str, Any] = {"src_port": SRC_PORT, "dst_port": DST_PORT, "window": WINDOW}
    return Crafted(replace(made, **{name: value for name, value in usual.items() if getattr(made, name) is None}), src, dst, ttl)


def _option(name: str, value: Any) -> DraftOption:
    try:
        return _OPTIONS[name](value)
    except (OverflowError, ValueError, TypeError) as error:
        raise UsageError(f"{name} {value!r} does not fit the option: {error}") from None


def exchange(*texts: str, names: Mapping[str, int] | None = None, **how: Any) -> Exchange:
    """Several segments that belong together. A text that begins with `<` goes the other way, one with `>` (or neither) this way.

    `how` are src, dst and the fields of craft(), which then hold for all. A name such as x is one number in all texts.
    """
    shared: Mapping[str, int] = Names() if names is None else Names(names)
    made = []
    for text in texts:
        answer = text.lstrip()[:1] == "<"
        one = craft(text.lstrip().removeprefix("<" if answer else ">").lstrip(), names=shared, **how)
        made.append(one.reversed() if answer else one)
    return Exchange(made)


@dataclass(frozen=True)
class Crafted:
    """One crafted segment in its IP packet. Two with the same draft and addresses are equal and give the same octets."""

    draft: Draft
    src: str
    dst: str
    ttl: int = 64

    def __post_init__(self) -> None:
        drafts.pseudo_header(self.src, self.dst, 0)  # both of one family
        size = (0 if self.ipv6 else 20) + 20 + len(self.draft.options_bytes()) + len(self.draft.payload)
        if size > 65535:  # RFC 791 §3.1 counts the IP header, RFC 8200 §3 what follows it
            raise UsageError(f"a packet of {size} octets: IP carries 65535 at most")
        if not 0 <= self.ttl <= 255:
            raise UsageError(f"ttl {self.ttl} does not fit its 8 bits: give 0 to 255")

    @property
    def ipv6(self) -> bool:
        """Whether it travels in IPv6."""
        return ":" in self.dst

    @cached_property
    def packet(self) -> Any:
        """The packet as Scapy's object."""
        from tcpinspect.lab.scapy_packet import layers_of, packet

        return packet(layers_of(self.draft, self.src, self.dst, self.ttl))

    @cached_property
    def bytes(self) -> Octets:
        """The whole packet, IP header first, as Scapy builds it."""
        return bytes(self.packet)

    @property
    def segment(self) -> Octets:
        """TCP header and data."""
        return self.bytes[40 if self.ipv6 else 20 :]

    @property
    def scapy(self) -> str:
        """The packet as an expression of Scapy (`from scapy.all import *`), which evaluates to the same octets."""
        from tcpinspect.lab.scapy_packet import expression, layers_of

        return expression(layers_of(self.draft, self.src, self.dst, self.ttl))

    @property
    def hex(self) -> str:
        """Every octet of TCP header and data with its field, a line for those that share one."""
        from tcpinspect.report.header_text import hex_listing

        return hex_listing(self.segment)

    def draw(self, *, lang: str = "en") -> str:
        """RFC 9293's bit drawing with the values in it, and what is odd about them."""
        from tcpinspect.report.header_text import bit_drawing

        return bit_drawing(self.segment, self.src, self.dst, lang=lang)

    def picture(self, ax: Axes | None = None, **look: Any) -> Axes:
        """The same drawing as a picture (`tcpinspect.plot.header`); returns the axes."""
        from tcpinspect import plot

        return plot.header(self.segment, src=self.src, dst=self.dst, ax=ax, **look)

    def reversed(self) -> Crafted:
        """The same segment the other way: addresses and ports change places."""
        return Crafted(replace(self.draft, src_port=self.draft.dst_port, dst_port=self.draft.src_port), self.dst, self.src, self.ttl)

    def write(self, path: str | PathLike[str], *, time_ns: int = START_NS) -> None:
        """Write it to a capture of its own."""
        Exchange([self]).write(path, start_ns=time_ns)

    def send(self, **how: Any) -> int:
        """Send it: see `Exchange.send`."""
        return Exchange([self]).send(**how)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """In a notebook the picture, in a console the drawing."""
        from tcpinspect.plot.save import svg_of

        return {"text/plain": f"{self}\n{self.draw()}", "image/svg+xml": svg_of(self.picture())}

    def __str__(self) -> str:
        return f"{self.src} > {self.dst}: {notation(self.draft)}"


class Exchange(Sequence[Crafted]):
    """Several crafted segments in their order."""

    def __init__(self, segments: Sequence[Crafted]) -> None:
        self._segments = tuple(segments)

    def __getitem__(self, index: Any) -> Any:
        return self._segments[index]

    def __len__(self) -> int:
        return len(self._segments)

    def records(self, start_ns: int = START_NS) -> Iterator[tuple[int, bytes]]:
        """(time, packet) of each, a millisecond apart."""
        for n, one in enumerate(self._segments):
            yield start_ns + n * STEP_NS, one.bytes

    def capture(self, *, classic: bool = False, start_ns: int = START_NS) -> bytes:
        """A capture with them as octets: pcapng with the notation of each as its comment, or pcap (`classic`)."""
        import io

        from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, PcapngWriter, PcapWriter

        stream, interface = io.BytesIO(), InterfaceToWrite(RAW_IP, name="crafted")
        with PcapWriter(stream, interface) if classic else PcapngWriter(stream, [interface]) as out:
            for (time_ns, packet), one in zip(self.records(start_ns), self._segments, strict=True):
                out.write(packet, time_ns, comment=notation(one.draft, extras=False))
        return stream.getvalue()

    def write(self, path: str | PathLike[str], *, start_ns: int = START_NS) -> None:
        """Write a capture: pcap where the name ends in .pcap, else pcapng."""
        octets = self.capture(classic=fspath(path).lower().endswith(".pcap"), start_ns=start_ns)
        with open(path, "wb") as out:
            out.write(octets)

    def analysis(self) -> Analysis:
        """What the engine makes of them."""
        from tcpinspect.model.analysis import analyze

        return analyze(self.capture())

    def send(self, *, iface: str | None = None, allow_external: bool = False, announce: Callable[[str], None] | None = None) -> int:
        """Send them, one after the other, and give their number: to loopback, or from a network namespace of one's own.

        Any other address needs `allow_external`, and then `announce` (logging, without it) is told first what will be sent.
        Raises UsageError where that or the right to send is missing.
        """
        from tcpinspect.lab.sending import send

        return send(self._segments, iface=iface, allow_external=allow_external, announce=announce)
