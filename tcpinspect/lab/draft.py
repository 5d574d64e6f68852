"""A segment as one means it: every field and option by name, also to forbidden values. Wing: lab. Reading: RFC 9293 §3.1, §3.2.

    Draft(flags=SYN, seq=1000, window=65535, options=(mss(1460), sack_permitted()))
    draft.to_bytes("10.0.0.1", "10.0.0.2")      the header, its options and its data, checksum computed
    Draft.from_bytes(octets)                    the reverse: any octets, broken ones too, and back to the same octets

A Draft says what a sender wants on the wire; nothing is corrected. What it does not say is None: such a number is worked out
when the octets are made (data offset, checksum), is 0 there (seq, ack), or has to be filled in first (ports, window).
`lab.notation` reads and writes drafts as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tcpinspect.errors import UsageError
from tcpinspect.protocol import header
from tcpinspect.protocol.checksum import checksum, pseudo_header
from tcpinspect.protocol.header import ACK

RAW = -1  # the kind of a DraftOption that is only octets: what no kind and length describe
MODULUS = 1 << 32
# Field of a Draft: the largest value its bits hold.
LARGEST = {
    "src_port": 0xFFFF, "dst_port": 0xFFFF, "seq": MODULUS - 1, "ack": MODULUS - 1, "data_offset": 15, "reserved": 7, "flags": 0x1FF,
    "window": 0xFFFF, "checksum": 0xFFFF, "urgent_pointer": 0xFFFF,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DraftOption:
    """One option: its kind, the octets of its value, and its length octet (None: the true length; no-operation has none).

    A `length` that is not 2 + len(data) is a lie one can tell on purpose: longer, it overlaps the options behind it. Kind RAW
    stands for `data` as it is, without kind or length.
    """

    kind: int
    data: bytes = b""
    length: int | None = None

    def to_bytes(self) -> bytes:
        """The octets of the option."""
        if self.kind == RAW:
            return self.data
        if self.kind in (0, 1) and self.length is None and not self.data:
            return bytes([self.kind])
        return bytes([self.kind, 2 + len(self.data) if self.length is None else self.length]) + self.data


def mss(value: int) -> DraftOption:
    """Maximum segment size (RFC 9293 §3.7.1)."""
    return DraftOption(2, value.to_bytes(2, "big"))


def window_scale(shift: int) -> DraftOption:
    """Window scale (RFC 7323 §2.2); shifts above 14 are forbidden, not impossible."""
    return DraftOption(3, bytes([shift]))


def sack_permitted() -> DraftOption:
    """SACK-permitted (RFC 2018 §2)."""
    return DraftOption(4)


def sack(*blocks: tuple[int, int]) -> DraftOption:
    """Selective acknowledgment of blocks (left edge, right edge) (RFC 2018 §3)."""
    return DraftOption(5, b"".join((edge % MODULUS).to_bytes(4, "big") for block in blocks for edge in block))


def timestamps(value: int, echo: int = 0) -> DraftOption:
    """Timestamps: TSval and TSecr (RFC 7323 §3.2)."""
    return DraftOption(8, (value % MODULUS).to_bytes(4, "big") + (echo % MODULUS).to_bytes(4, "big"))


def fast_open(cookie: bytes = b"") -> DraftOption:
    """TCP Fast Open: a cookie, or the request for one (RFC 7413 §4.1.1)."""
    return DraftOption(34, cookie)


NOP, EOL = DraftOption(1), DraftOption(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A TCP segment: the fields of RFC 9293 §3.1 in their order, then options and data.

    `flags` are the nine bits of `protocol.header` (AE is bit 8), `reserved` the three bits left of them. `data_offset` None is
    the true one, `checksum` None the right one. `options` None means "any", which only an expectation can say. In octets,
    options are padded with zeros to whole words.
    """

    src_port: int | None = None
    dst_port: int | None = None
    seq: int | None = None
    ack: int | None = None
    data_offset: int | None = None
    reserved: int = 0
    flags: int = 0
    window: int | None = None
    checksum: int | None = None
    urgent_pointer: int = 0
    options: tuple[DraftOption, ...] | None = ()
    payload: bytes = b""

    def __post_init__(self) -> None:
        for name, most in LARGEST.items():
            value = getattr(self, name)
            if value is not None and not 0 <= value <= most:
                raise UsageError(f"{name} {value} does not fit its {most.bit_length()} bits: give 0 to {most}")
        if self.options is not None and len(self.options_bytes()) > header.MAXIMUM_LENGTH - header.MINIMUM_LENGTH:
            room = header.MAXIMUM_LENGTH - header.MINIMUM_LENGTH
            raise UsageError(f"options of {len(self.options_bytes())} octets: a header has room for {room} (RFC 9293 3.1)")

    @property
    def seg_len(self) -> int:
        """SEG.LEN: the sequence numbers it takes, its data and one each for SYN and FIN (RFC 9293 §3.4)."""
        return len(self.payload) + bool(self.flags & header.SYN) + bool(self.flags & header.FIN)

    def shifted(self, seq: int = 0, ack: int = 0) -> Draft:
        """The same segment with `seq` added to its sequence number, `ack` to its acknowledgment number and its SACK edges.

        Relative numbers become those of the wire (or, subtracted, the reverse). The acknowledgment number of a segment without
        ACK means nothing and stays.
        """
        acknowledges = self.ack is not None and self.flags & ACK
        return replace(
            self,
            seq=None if self.seq is None else (self.seq + seq) % MODULUS,
            ack=(self.ack + ack) % MODULUS if self.ack is not None and acknowledges else self.ack,
            options=None if self.options is None else tuple(_shifted(option, ack) for option in self.options),
        )

    def options_bytes(self) -> bytes:
        """The options as octets, padded with end-of-option-list to whole words (RFC 9293 §3.2)."""
        if self.options is None:
            raise UsageError('"any options" can only be expected, not sent: name the options')
        octets = b"".join(option.to_bytes() for option in self.options)
        return octets + bytes(-len(octets) % 4)

    def to_bytes(self, src: str | None = None, dst: str | None = None) -> bytes:
        """The octets of header, options and data.

        The addresses (text, both IPv4 or both IPv6) are needed for the checksum unless the draft states one. Raises UsageError
        for what is missing.
        """
        for name in ("src_port", "dst_port", "window"):
            if getattr(self, name) is None:
                raise UsageError(f"the segment has no {name}: give it one")
        options = self.options_bytes()
        offset = self.data_offset if self.data_offset is not None else (header.MINIMUM_LENGTH + len(options)) // 4
        octets = bytearray(
            _number(self.src_port, 2) + _number(self.dst_port, 2) + _number(self.seq, 4) + _number(self.ack, 4)
            + (offset << 12 | self.reserved << 9 | self.flags).to_bytes(2, "big") + _number(self.window, 2) + _number(self.checksum, 2)
            + _number(self.urgent_pointer, 2) + options + self.payload
        )  # fmt: skip
        if self.checksum is None:
            if src is None or dst is None:
                raise UsageError("a checksum covers the IP addresses: give both, or a checksum of your own")
            octets[16:18] = checksum(pseudo_header(src, dst, len(octets)) + octets).to_bytes(2, "big")
        return bytes(octets)

    @classmethod
    def from_bytes(cls, octets: bytes) -> Draft:
        """The draft that makes exactly these octets (data offset and checksum stay as they are found, right or wrong).

        A data offset below 5 leaves no room for options, one beyond the end takes all there is. Raises UsageError below 20
        octets.
        """
        if len(octets) < header.MINIMUM_LENGTH:
            raise UsageError(f"{len(octets)} octets are no TCP header: it has at least {header.MINIMUM_LENGTH} (RFC 9293 3.1)")
        word = int.from_bytes(octets[12:14], "big")
        true_end = (word >> 12) * 4
        end = max(header.MINIMUM_LENGTH, min(true_end, len(octets)))
        if end % 4:  # cut off inside an option word: the rest cannot be options, which come in words
            end -= end % 4
        options = _read_options(octets[header.MINIMUM_LENGTH : end])
        ack = int.from_bytes(octets[8:12], "big")
        return cls(
            src_port=int.from_bytes(octets[0:2], "big"),
            dst_port=int.from_bytes(octets[2:4], "big"),
            seq=int.from_bytes(octets[4:8], "big"),
            ack=ack if ack or word & ACK else None,
            data_offset=None if true_end == end else word >> 12,
            reserved=word >> 9 & 7,
            flags=word & 0x1FF,
            window=int.from_bytes(octets[14:16], "big"),
            checksum=int.from_bytes(octets[16:18], "big"),
            urgent_pointer=int.from_bytes(octets[18:20], "big"),
            options=options,
            payload=octets[end:],
        )


def filler(seq: int, length: int) -> bytes:
    """Data for who gave only a length: the octet at sequence number n is the (n mod 26)th small letter.

    So a retransmission, or any other cut of the same stretch, carries the same octets.
    """
    letters = b"abcdefghijklmnopqrstuvwxyz"
    start = seq % 26
    return (letters * ((start + length) // 26 + 1))[start : start + length]


def _number(value: int | None, octets: int) -> bytes:
    return (value or 0).to_bytes(octets, "big")


def _shifted(option: DraftOption, by: int) -> DraftOption:
    if option.kind != 5 or len(option.data) % 8:
        return option
    edges = [(int.from_bytes(option.data[n : n + 4], "big") + by) % MODULUS for n in range(0, len(option.data), 4)]
    return DraftOption(5, b"".join(edge.to_bytes(4, "big") for edge in edges), option.length)


def _read_options(octets: bytes) -> tuple[DraftOption, ...]:
    """Options that make exactly these octets: behind the end of the list zeros stay EOL, anything else stays RAW."""
    out: list[DraftOption] = []
    at = 0
    while at < len(octets):
        kind = octets[at]
        if kind == 0:
            rest = octets[at + 1 :]
            out.append(EOL)
            out.extend([EOL] * len(rest) if not any(rest) else [DraftOption(RAW, rest)])
            break
        if kind == 1:
            out.append(NOP)
            at += 1
            continue
        if at + 1 == len(octets):
            out.append(DraftOption(RAW, octets[at:]))
            break
        length = octets[at + 1]
        if length < 2 or at + length > len(octets):
            out.append(DraftOption(kind, octets[at + 2 :], length))
            break
        out.append(DraftOption(kind, octets[at + 2 : at + length]))
        at += length
    return tuple(out)
