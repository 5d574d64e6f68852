"""The TCP header: its fields, its nine flag bits, its options. Floor 0. Reading: RFC 9293 §3.1, §3.2.

Only names, bits and lengths live here; the engine decodes bytes, this module says what they mean.
"""

from __future__ import annotations

import struct
from typing import NamedTuple


class Field(NamedTuple):
    """One field of the header: where it lies (bits from the start of the header), what it says, its name in Chinese."""

    name: str
    column: str
    first_bit: int
    bits: int
    meaning: str
    chinese: str


FIELDS: tuple[Field, ...] = (
    Field("Source Port", "src_port", 0, 16, "port of the sender", "源端口"),
    Field("Destination Port", "dst_port", 16, 16, "port of the receiver", "目的端口"),
    Field("Sequence Number", "seq_raw", 32, 32, "number of the first octet of this segment's data; the ISN when SYN is set", "序号"),
    Field("Acknowledgment Number", "ack_raw", 64, 32, "the next sequence number the sender expects, when ACK is set", "确认号"),
    Field("Data Offset", "data_offset", 96, 4, "length of the header in 32-bit words", "数据偏移"),
    Field("Reserved", "reserved", 100, 4, "zero; RFC 9768 uses the last of the four bits as AE", "保留"),
    Field("CWR", "cwr", 104, 1, "congestion window reduced (RFC 3168)", "CWR"),
    Field("ECE", "ece", 105, 1, "ECN echo (RFC 3168)", "ECE"),
    Field("URG", "urg", 106, 1, "the urgent pointer is significant", "URG"),
    Field("ACK", "ack", 107, 1, "the acknowledgment number is significant", "ACK"),
    Field("PSH", "psh", 108, 1, "push: hand the data to the application now", "PSH"),
    Field("RST", "rst", 109, 1, "reset the connection", "RST"),
    Field("SYN", "syn", 110, 1, "synchronize sequence numbers", "SYN"),
    Field("FIN", "fin", 111, 1, "no more data from the sender", "FIN"),
    Field("Window", "window_raw", 112, 16, "octets the sender of this segment is willing to accept, before scaling", "窗口"),
    Field("Checksum", "checksum", 128, 16, "ones' complement sum over pseudo-header, header and data", "校验和"),
    Field("Urgent Pointer", "urgent_pointer", 144, 16, "offset of the end of urgent data, when URG is set", "紧急指针"),
    Field("Options", "options", 160, -1, "kind, length, value; padded to 32 bits", "选项"),
)

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = (1 << n for n in range(9))
FLAG_NAMES: tuple[str, ...] = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")
_TCPDUMP_LETTERS = "FSRP.UEWe"

MINIMUM_LENGTH = 20  # §3.1: data offset is at least 5 words
MAXIMUM_LENGTH = 60  # four bits of data offset: at most 15 words
MAX_WINDOW_SHIFT = 14  # RFC 7323 §2.3
DEFAULT_MSS_IPV4 = 536  # §3.7.1
DEFAULT_MSS_IPV6 = 1220  # §3.7.1


class OptionKind(NamedTuple):
    """An option of the registry: its kind, length in octets (0: varies), name and the RFC that defines it."""

    kind: int
    length: int
    name: str
    rfc: str


OPTION_KINDS: dict[int, OptionKind] = {
    o.kind: o
    for o in (
        OptionKind(0, 1, "eol", "RFC 9293 3.2"),
        OptionKind(1, 1, "nop", "RFC 9293 3.2"),
        OptionKind(2, 4, "mss", "RFC 9293 3.7.1"),
        OptionKind(3, 3, "wscale", "RFC 7323 2.2"),
        OptionKind(4, 2, "sackOK", "RFC 2018 2"),
        OptionKind(5, 0, "sack", "RFC 2018 3"),
        OptionKind(6, 6, "echo", "RFC 1072"),
        OptionKind(7, 6, "echoreply", "RFC 1072"),
        OptionKind(8, 10, "TS", "RFC 7323 3.2"),
        OptionKind(9, 2, "poc-permitted", "RFC 1693"),
        OptionKind(10, 3, "poc-profile", "RFC 1693"),
        OptionKind(11, 6, "cc", "RFC 1644"),
        OptionKind(12, 6, "ccnew", "RFC 1644"),
        OptionKind(13, 6, "ccecho", "RFC 1644"),
        OptionKind(14, 3, "altchecksum", "RFC 1146"),
        OptionKind(15, 0, "altchecksumdata", "RFC 1146"),
        OptionKind(18, 3, "trailerchecksum", "IANA"),
        OptionKind(19, 18, "md5", "RFC 2385"),
        OptionKind(20, 0, "scps", "CCSDS 714.0-B-2"),
        OptionKind(27, 8, "quickstart", "RFC 4782"),
        OptionKind(28, 4, "uto", "RFC 5482"),
        OptionKind(29, 0, "ao", "RFC 5925"),
        OptionKind(30, 0, "mptcp", "RFC 8684"),
        OptionKind(34, 0, "fastopen", "RFC 7413"),
        OptionKind(69, 0, "eno", "RFC 8547"),
        OptionKind(172, 0, "accecn0", "RFC 9768"),
        OptionKind(174, 0, "accecn1", "RFC 9768"),
        OptionKind(253, 0, "exp253", "RFC 6994"),
        OptionKind(254, 0, "exp254", "RFC 6994"),
    )
}


def flag_letters(flags: int) -> str:
    """The flags as tcpdump writes them: `S.` is SYN and ACK, `none` is no flag at all."""
    return "".join(letter for bit, letter in enumerate(_TCPDUMP_LETTERS) if flags >> bit & 1) or "none"


def flag_names(flags: int) -> str:
    """The flags by name, SYN first as people say them: `SYN,ACK`."""
    order = (SYN, FIN, RST, PSH, URG, ECE, CWR, AE, ACK)
    return ",".join(FLAG_NAMES[bit.bit_length() - 1] for bit in order if flags & bit) or "none"


class Option(NamedTuple):
    """One option as it stands in a header; `text` is its value in the notation of packetdrill and tcpdump."""

    kind: int
    name: str
    data: bytes
    text: str
    malformed: bool


def parse_options(raw: bytes) -> list[Option]:
    """The options in the bytes behind a header's 20th octet.

    Never raises: an option whose length is impossible is returned malformed with the rest of the bytes, and ends the list
    (RFC 9293 §3.2: a receiver must be prepared for an illegal option length).
    """
    out: list[Option] = []
    at = 0
    while at < len(raw):
        kind = raw[at]
        known = OPTION_KINDS.get(kind)
        name = known.name if known else f"kind{kind}"
        if kind in (0, 1):
            out.append(Option(kind, name, b"", name, False))
            at += 1
            if kind == 0:
                break
            continue
        length = raw[at + 1] if at + 1 < len(raw) else 0
        data = raw[at + 2 : at + length]
        if length < 2 or at + length > len(raw):
            out.append(Option(kind, name, raw[at + 1 :], f"{name} malformed 0x{raw[at:].hex()}", True))
            break
        wrong = bool(known and known.length and known.length != length) or (kind == 5 and (length < 10 or (length - 2) % 8 != 0))
        out.append(Option(kind, name, data, _option_text(kind, name, data, wrong), wrong))
        at += length
    return out


def _option_text(kind: int, name: str, data: bytes, wrong: bool) -> str:
    if wrong:
        return f"{name} malformed 0x{data.hex()}"
    number = int.from_bytes(data, "big")
    if kind in (2, 3, 28):
        return f"{name} {number}"
    if kind == 5:
        edges = [int.from_bytes(data[n : n + 4], "big") for n in range(0, len(data), 4)]
        return name + "".join(f" {a}:{b}" for a, b in zip(edges[::2], edges[1::2], strict=True))
    if kind == 8:
        return f"{name} val {number >> 32} ecr {number & 0xFFFFFFFF}"
    return name + (f" 0x{data.hex()}" if data else "")


def options_text(raw: bytes) -> str:
    """All options in one line, `mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 7`; empty when there are none."""
    if len(raw) == 12 and raw[:4] == b"\x01\x01\x08\x0a":  # nearly every segment: RFC 7323 appendix A
        return f"nop,nop,TS val {int.from_bytes(raw[4:8], 'big')} ecr {int.from_bytes(raw[8:], 'big')}"
    words = _usual_words(raw)
    return ",".join([option.text for option in parse_options(raw)] if words is None else words)


def _usual_words(raw: bytes) -> list[str] | None:
    """The texts of options that are well-formed and in daily use, without an object for each; None where one is neither."""
    words: list[str] = []
    at, end = 0, len(raw)
    while at < end:
        kind = raw[at]
        if kind == 1:
            words.append("nop")
            at += 1
            continue
        length = raw[at + 1] if at + 1 < end else 0
        if at + length > end:
            return None
        if kind == 2 and length == 4:
            words.append(f"mss {raw[at + 2] << 8 | raw[at + 3]}")
        elif kind == 3 and length == 3:
            words.append(f"wscale {raw[at + 2]}")
        elif kind == 4 and length == 2:
            words.append("sackOK")
        elif kind == 5 and length in (10, 18, 26, 34):
            edges = struct.unpack_from(f">{(length - 2) // 4}I", raw, at + 2)
            words.append("sack" + "".join([f" {edges[n]}:{edges[n + 1]}" for n in range(0, len(edges), 2)]))
        elif kind == 8 and length == 10:
            value, reply = struct.unpack_from(">II", raw, at + 2)
            words.append(f"TS val {value} ecr {reply}")
        else:
            return None
        at += length
    return words
