"""What RFC 9293 forbids or warns of in a single segment, field by field. Floor 3. Reading: RFC 9293 §3.1, §3.2, RFC 7323 §2, RFC 9768.

A segment alone says little about right and wrong: this tells only what no other segment is needed for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tcpinspect.protocol import header
from tcpinspect.protocol.checksum import checksum, pseudo_header
from tcpinspect.protocol.header import ACK, FIN, RST, SYN, URG


class Oddity(NamedTuple):
    """A field whose value no correct sender writes, and why; `chinese` says the same in simplified Chinese."""

    field: str
    text: str
    chinese: str

    def said(self, lang: str) -> str:
        """The remark in a language: "en" or "zh"."""
        return f"{self.field}: {self.chinese if lang == 'zh' else self.text}"


_PORT_0 = ("port 0 is reserved (RFC 6335 6)", "端口 0 是保留的（RFC 6335 6）")


def oddities(segment: bytes, src: str = "", dst: str = "") -> list[Oddity]:
    """The odd values in TCP header and data, in the order of the header. The checksum is judged where both addresses are given."""
    return list(_found(segment, src, dst))


def _found(segment: bytes, src: str, dst: str) -> Iterator[Oddity]:
    if len(segment) < header.MINIMUM_LENGTH:
        return
    word = int.from_bytes(segment[12:14], "big")
    flags, words = word & 0x1FF, word >> 12
    if not int.from_bytes(segment[0:2], "big"):
        yield Oddity("Source Port", *_PORT_0)
    if not int.from_bytes(segment[2:4], "big"):
        yield Oddity("Destination Port", *_PORT_0)
    if words < 5:
        yield Oddity(
            "Data Offset",
            f"{words} words are less than the header's own 5 (RFC 9293 3.1)",
            f"{words} 个字少于首部自身的 5 个（RFC 9293 3.1）",
        )
    elif words * 4 > len(segment):
        octets, whole = words * 4, len(segment)
        yield Oddity("Data Offset", f"{octets} octets are more than the segment's {whole}", f"{octets} 字节超过整个报文段的 {whole} 字节")
    if word >> 9 & 7:
        yield Oddity("Reserved", "must be zero in generated segments (RFC 9293 3.1)", "发送时必须为零（RFC 9293 3.1）")
    yield from _flags(flags, len(segment) - max(5, words) * 4)
    if int.from_bytes(segment[18:20], "big") and not flags & URG:
        yield Oddity("Urgent Pointer", "means nothing without URG (RFC 9293 3.1)", "没有 URG 时没有意义（RFC 9293 3.1）")
    if src and dst and words * 4 <= len(segment):
        right = checksum(pseudo_header(src, dst, len(segment)) + segment[:16] + b"\0\0" + segment[18:])
        found = int.from_bytes(segment[16:18], "big")
        if found != right and {found, right} != {0, 0xFFFF}:
            yield Oddity("Checksum", f"should be 0x{right:04x}", f"应为 0x{right:04x}")
    for option in header.parse_options(segment[header.MINIMUM_LENGTH : max(5, words) * 4]):
        yield from _option(option, flags)


def _flags(flags: int, data: int) -> Iterator[Oddity]:
    if flags & SYN and flags & FIN:
        yield Oddity(
            "FIN", "SYN and FIN at once: open and close in one (RFC 9293 3.5)", "SYN 与 FIN 同时置位：又打开又关闭（RFC 9293 3.5）"
        )
    if flags & SYN and flags & RST:
        yield Oddity(
            "RST", "SYN and RST at once: open and reset in one (RFC 9293 3.5)", "SYN 与 RST 同时置位：又打开又复位（RFC 9293 3.5）"
        )
    if not flags & (SYN | RST | ACK):
        yield Oddity(
            "ACK",
            "must be set in all segments but the first SYN and a reset (RFC 9293 3.10.7.4)",
            "除首个 SYN 和 RST 外，所有报文段都必须置位（RFC 9293 3.10.7.4）",
        )
    if flags & RST and data > 0:
        yield Oddity("RST", "a reset with data is allowed, and rare (RFC 9293 3.5.3)", "RST 可以携带数据，但很少见（RFC 9293 3.5.3）")


def _option(option: header.Option, flags: int) -> Iterator[Oddity]:
    name = f"Option {option.name}"
    if option.malformed:
        yield Oddity(name, "its length cannot be (RFC 9293 3.2)", "长度不可能如此（RFC 9293 3.2）")
    elif option.kind in (2, 3, 4) and not flags & SYN:
        rules = "RFC 9293 3.7.1, RFC 7323 2.2, RFC 2018 2"
        yield Oddity(name, f"belongs into SYN segments only ({rules})", f"只能出现在 SYN 报文段中（{rules}）")
    elif option.kind == 3 and option.data[0] > header.MAX_WINDOW_SHIFT:
        yield Oddity(name, "shifts above 14 are taken as 14 (RFC 7323 2.3)", "移位大于 14 时按 14 处理（RFC 7323 2.3）")
