"""One frame, layer by layer: which octets are which header, and what stands in their fields. Floor 3. Reading: RFC 9293 §3.1.

    found = frame_of("office.pcap", 12)
    for layer in found.layers:
        layer.name, layer.at, layer.octets, layer.fields

The engine's own walk (`engine.decode.Decoder`) finds the layers; here each step it takes gets its name and its fields
(`protocol.wrapping`, `protocol.header`). A frame without TCP shows the layers it has, and why there is no segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcpinspect.capture.many import Files, inputs
from tcpinspect.capture.source import Input
from tcpinspect.engine.decode import CHECKSUM_STATUS, Decoder
from tcpinspect.engine.layers import REASONS, TRANSPORT
from tcpinspect.engine.segment import Segment
from tcpinspect.errors import UsageError
from tcpinspect.insight.dissect_steps import link_headers, step_headers, unpeeled
from tcpinspect.protocol import header
from tcpinspect.protocol.wrapping import Header, HeaderField

_TCP = 6


class FieldValue(NamedTuple):
    """A field as it was captured: its value as text, and the bits it takes from the start of its layer."""

    name: str
    text: str
    first_bit: int
    bits: int


class Layer(NamedTuple):
    """A header, or the data at the end. `at` is its place in the frame; None where it lies in a datagram put together from fragments."""

    name: str
    source: str
    at: int | None
    octets: bytes
    fields: tuple[FieldValue, ...]

    @property
    def end(self) -> int | None:
        """The place in the frame behind it."""
        return None if self.at is None else self.at + len(self.octets)


class Dissection(NamedTuple):
    """A frame taken apart. `reason` is "TCP", or why there is no segment; `segment` is TCP header and data as captured, b"" without.

    `checksum` is "good", "bad", "unfinished" (left to the network card) or "unverified" (not wholly captured). `addresses` are
    those of the IP header nearest to TCP, "" without.
    """

    frame: int
    time_ns: int
    link_type: int
    wire_length: int
    octets: bytes
    layers: tuple[Layer, ...]
    reason: str
    checksum: str
    segment: bytes
    addresses: tuple[str, str]


def frame_of(where: Input | Sequence[Input], frame: int, *, follow: float | None = None) -> Dissection:
    """Take apart the frame with this number (from 1) of a capture, or of several read as one (capture.many).

    Earlier frames are passed through the decoder, since a fragment may complete a datagram begun there. `follow`: wait for one
    that is not there yet, at most so many seconds. Raises CaptureError where the capture cannot be read, UsageError where it
    has no such frame.
    """
    files = Files(inputs(where), follow=follow)
    decoder, segment = Decoder(), Segment()
    try:
        for records, first, last in files.blocks():
            decoder.use(records.view)
            for n in range(first, last):
                at, captured, wire, time_ns, link = records.record(n)
                segment.time_ns = time_ns
                if files.packets + n - first + 1 == frame:
                    return _dissect(decoder, segment, at, captured, wire, link)._replace(frame=frame, time_ns=time_ns)
                decoder.decode(segment, at, captured, wire, link)
        has = f"it has 1–{files.packets}" if files.packets else "it has none"
        damage = f" ({files.warnings[-1]})" if files.warnings else ""
        raise UsageError(f"no frame {frame} in {files.name}: {has}{damage}")
    finally:
        files.close()


def packet_layers(packet: bytes, link_type: int, *, wire_length: int | None = None) -> Dissection:
    """Take apart a packet that is not in a file; `link_type` is a number of tcpdump.org's list (101: it begins with IP)."""
    decoder, segment = Decoder(), Segment()
    decoder.use(packet or b"\0")
    return _dissect(decoder, segment, 0, len(packet), len(packet) if wire_length is None else wire_length, link_type)


def _dissect(decoder: Decoder, s: Segment, start: int, captured: int, wire: int, link: int) -> Dissection:
    """Step through the layers, and name what each step passed."""
    frame = decoder.cut(start, start + captured)
    layers: list[Layer] = []
    s.family = s.checksum_status = 0
    tcp_at = -1
    reason = decoder.begin(start, captured, wire, link)
    place: int | None = 0
    passed = decoder.cut(start, decoder.at)
    layers += _named(link_headers(link, passed), place)
    place = len(passed)
    while not reason:
        kind, value, at, away, end = decoder.layer, decoder.value, decoder.at, decoder.away, decoder.end
        before = decoder.cut(at, end)
        is_tcp = kind == TRANSPORT and value == _TCP
        tcp_at = len(layers) if is_tcp else -1
        reason = decoder.peel(s)
        if is_tcp:
            layers += _tcp_layers(before, place)
            place = None if place is None else place + len(before)
            break
        if decoder.away and not away:  # the fragment completed its datagram: the walk goes on in there
            layers += _named(step_headers(kind, value, before, whole=False), place)
            place = None
            layers.append(_reassembled(decoder.cut(0, decoder.end)))
            layers += _named(step_headers(kind, value, decoder.cut(0, decoder.at), inside=True), None)
            continue
        layers += _named(step_headers(kind, value, before[: decoder.at - at]), place)
        if place is not None:
            place += decoder.at - at
        if reason:
            rest = decoder.cut(decoder.at, decoder.end)
            layers += _named(unpeeled(decoder.layer, decoder.value, rest), place)
            place = None if place is None else place + len(rest)
    if reason and not layers:
        from tcpinspect.model.analysis import LINK_NAMES

        layers.append(Layer(LINK_NAMES.get(link, f"Link type {link}"), f"tcpdump.org, link type {link}", 0, frame, ()))
        place = len(frame)
    if place is not None and place < len(frame):
        layers.append(Layer("Trailer", "behind the packet: padding or a frame check sequence", place, frame[place:], ()))
    segment = b"".join(layer.octets for layer in layers[tcp_at : tcp_at + 2] if layer.name in ("TCP", "Data")) if tcp_at >= 0 else b""
    addresses = _addresses(s)
    return Dissection(0, 0, link, wire, frame, tuple(layers), REASONS[reason], CHECKSUM_STATUS[s.checksum_status], segment, addresses)


def _reassembled(octets: bytes) -> Layer:
    return Layer("Reassembled datagram", "RFC 791 3.2, RFC 8200 4.5: put together from this and earlier frames", None, octets, ())


def _named(pieces: Iterator[tuple[Header, bytes]], place: int | None) -> Iterator[Layer]:
    """The pieces of one step as layers, each with its fields."""
    for head, octets in pieces:
        if octets:
            yield Layer(head.name, head.source, place, octets, tuple(_fields(head, octets)))
        place = None if place is None else place + len(octets)


def _fields(head: Header, octets: bytes) -> Iterator[FieldValue]:
    at = 0
    for field in head.fields:
        if at + field.bits > 8 * len(octets):
            return
        yield FieldValue(field.name, field_text(field, _bits(octets, at, field.bits)), at, field.bits)
        at += field.bits
    if at < 8 * len(octets) and head.fields:
        yield FieldValue(head.rest, octets[at // 8 :].hex(), at, 8 * len(octets) - at)


def _bits(octets: bytes, first: int, bits: int) -> int:
    whole = int.from_bytes(octets[first // 8 : (first + bits + 7) // 8], "big")
    return whole >> (-(first + bits) % 8) & (1 << bits) - 1


def field_text(field: HeaderField, value: int) -> str:
    """The value as its field is usually written."""
    octets = field.bits // 8
    if field.style == "x":
        return f"0x{value:0{(field.bits + 3) // 4}x}"
    if field.style == "le" or (field.style == "host" and value > 0xFFFF):
        return str(int.from_bytes(value.to_bytes(octets, "big"), "little"))
    if field.style == "mac":
        return value.to_bytes(octets, "big").hex(":")
    if field.style == "ip4":
        return ".".join(map(str, value.to_bytes(4, "big")))
    if field.style == "ip6":
        import socket

        return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))
    return value.to_bytes(octets, "big").hex() if field.style == "hex" else str(value)


def _tcp_layers(octets: bytes, place: int | None) -> Iterator[Layer]:
    """TCP header and data. A data offset below 5 or beyond the end cannot be right: then the header is what there is of it."""
    stated = (octets[12] >> 4) * 4 if len(octets) > 12 else header.MINIMUM_LENGTH
    length = min(max(header.MINIMUM_LENGTH, stated), len(octets))
    head = octets[:length]
    yield Layer("TCP", "RFC 9293 3.1", place, head, tuple(tcp_fields(head)))
    if octets[length:]:
        yield Layer("Data", "RFC 9293 3.1", None if place is None else place + length, octets[length:], ())


def tcp_fields(head: bytes) -> Iterator[FieldValue]:
    """The fields of a TCP header as far as its octets go, then a field for each option."""
    for field in header.FIELDS:
        if field.bits > 0 and field.first_bit + field.bits <= 8 * len(head):
            value = _bits(head, field.first_bit, field.bits)
            text = f"0x{value:04x}" if field.column == "checksum" else str(value)
            yield FieldValue(field.name, text, field.first_bit, field.bits)
    at = header.MINIMUM_LENGTH
    for option in header.parse_options(head[at:]):
        stated = head[at + 1] if at + 1 < len(head) else 0
        # no-operation and the list's end are single octets; an impossible length ends the list and takes what is left
        size = 1 if option.kind in (0, 1) else stated if 2 <= stated <= len(head) - at else len(head) - at
        yield FieldValue("Option", option.text, 8 * at, 8 * size)
        at += size
    if at < len(head):
        yield FieldValue("Padding", head[at:].hex(), 8 * at, 8 * (len(head) - at))


def segment_layers(segment: bytes) -> list[Layer]:
    """TCP header and data of a segment that stands alone."""
    return list(_tcp_layers(segment, 0))


def _addresses(s: Segment) -> tuple[str, str]:
    from tcpinspect.model.address import address_text

    if not s.family:
        return "", ""
    return address_text(s.family, s.src_hi, s.src_lo), address_text(s.family, s.dst_hi, s.dst_lo)
