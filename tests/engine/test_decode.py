"""The TCP header as decoding reads it: fields, options of every kind, damage, checksums, and the quotation in ICMP errors."""

from __future__ import annotations

import struct

import pytest

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.engine.decode import CHECKSUM_STATUS, Decoder
from tcpinspect.engine.links import CUT_OFF, ICMP, ICMPV6, MALFORMED, SEGMENT
from tcpinspect.engine.segment import Segment
from tcpinspect.engine.track import Tracker
from tcpinspect.protocol.header import parse_options

RAW, ETHERNET = 101, 1
CLIENT, SERVER, ROUTER = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 2]), bytes([203, 0, 113, 9])
CLIENT6, SERVER6, ROUTER6 = (bytes.fromhex("20010db8") + bytes(11) + bytes([n]) for n in (1, 2, 9))


def summed(data: bytes, start: int = 0) -> int:
    """Ones' complement sum, RFC 1071, not inverted."""
    total = start + sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def tcp(
    options: bytes = b"", payload: bytes = b"", *, flags: int = 0x10, checksum: int = 0, offset: int | None = None, **how: int
) -> bytes:
    words = 5 + len(options) // 4 if offset is None else offset
    ports = how.get("source", 4000), how.get("target", 80)
    head = struct.pack(">HHIIHHHH", *ports, how.get("seq", 1000), 0xFFFFFFFF, words << 12 | flags, 512, checksum, how.get("urgent", 0))
    return head + options + payload


def ipv4(data: bytes, protocol: int = 6, *, source: bytes = CLIENT, target: bytes = SERVER, fragment: int = 0) -> bytes:
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), 7, fragment, 63, protocol, 0) + source + target + data


def ipv6(data: bytes, following: int = 6, *, source: bytes = CLIENT6, target: bytes = SERVER6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(data), following, 64) + source + target + data


def decode(packet: bytes, captured: int | None = None, link: int = RAW) -> tuple[int, Segment, Decoder]:
    """The packet between octets that must never be read."""
    decoder, segment = Decoder(), Segment()
    decoder.use(b"\x05" * 9 + packet + b"\x05" * 60)
    return decoder.decode(segment, 9, len(packet) if captured is None else captured, len(packet), link), segment, decoder


def segment_of(packet: bytes, captured: int | None = None, link: int = RAW) -> Segment:
    reason, segment, _ = decode(packet, captured, link)
    assert reason == SEGMENT
    return segment


def test_every_field_of_the_header() -> None:
    s = segment_of(ipv4(tcp(payload=b"abc", flags=0x1FF | 5 << 9, urgent=9, checksum=0x1234, seq=0xFFFFFFF0)))
    assert (s.family, s.src_lo, s.dst_lo, s.ttl, s.ip_id) == (4, int.from_bytes(CLIENT), int.from_bytes(SERVER), 63, 7)
    assert (s.src_port, s.dst_port, s.seq, s.ack) == (4000, 80, 0xFFFFFFF0, 0xFFFFFFFF)
    assert (s.header_len, s.flags, s.reserved, s.window_raw, s.checksum, s.urgent_pointer) == (20, 0x1FF, 5, 512, 0x1234, 9)
    assert (s.payload_len, s.payload_captured, s.payload_at) == (3, 3, 9 + 40)


UNKNOWN = {"mss": -1, "window_shift": -1, "sack_permitted": 0, "ts_val": -1, "ts_ecr": -1, "sack_count": 0, "fast_open": -1, "mptcp": -1}
OPTIONS = {
    "none": (b"", {}),
    "end of list": (b"\0\0\0\0", {}),
    "nothing is read behind the end of list": (b"\0\2\4\5" + b"\xb4\1\1\1", {}),
    "no-operation": (b"\1\1\1\1", {}),
    "maximum segment size": (b"\2\4\5\xb4", {"mss": 1460}),
    "maximum segment size 0": (b"\2\4\0\0", {"mss": 0}),
    "window scale": (b"\1\3\3\7", {"window_shift": 7}),
    "window scale beyond 14 is kept as it is": (b"\1\3\3\xff", {"window_shift": 255}),
    "SACK permitted": (b"\1\1\4\2", {"sack_permitted": 1}),
    "one SACK block": (b"\1\1\5\x0a" + struct.pack(">II", 1, 0xFFFFFFFF), {"sack_count": 1}),
    "four SACK blocks": (b"\1\1\5\x22" + struct.pack(">8I", *range(8)), {"sack_count": 4}),
    "timestamps as most senders align them": (b"\1\1\x08\x0a" + struct.pack(">II", 5, 0xFFFFFFFF), {"ts_val": 5, "ts_ecr": 0xFFFFFFFF}),
    "timestamps in front": (b"\x08\x0a" + struct.pack(">II", 5, 6) + b"\1\1", {"ts_val": 5, "ts_ecr": 6}),
    "MPTCP": (b"\x1e\4\x30\0", {"mptcp": 3}),
    "Fast Open, cookie wanted": (b"\x22\2\1\1", {"fast_open": 0}),
    "Fast Open, cookie": (b"\x22\x0a" + b"c" * 8 + b"\1\1", {"fast_open": 8}),
    "experimental Fast Open": (b"\xfe\x0c\xf9\x89" + b"c" * 8, {"fast_open": 8}),
    "another experiment": (b"\xfd\4\0\1", {}),
    "MD5 signature": (b"\x13\x12" + b"d" * 16 + b"\1\1", {}),
    "authentication": (b"\x1d\4\1\2", {}),
    "user timeout": (b"\x1c\4\0\1", {}),
    "unknown kind": (b"\xc8\4\0\1", {}),
    "a Linux SYN": (
        b"\2\4\5\xb4\4\2\x08\x0a" + struct.pack(">II", 9, 0) + b"\1\3\3\x0a",
        {"mss": 1460, "sack_permitted": 1, "ts_val": 9, "ts_ecr": 0, "window_shift": 10},
    ),
}
MALFORMED_OPTIONS = {
    "length 0": (b"\2\0\5\xb4", {}),
    "length 1": (b"\1\3\1\1", {}),
    "beyond the header": (b"\1\1\x08\x0a", {}),
    "kind without length": (b"\1\1\1\2", {}),
    "MSS of 3 octets": (b"\2\3\5\1", {}),
    "window scale of 4": (b"\3\4\1\1", {}),
    "SACK permitted of 4": (b"\4\4\0\0", {}),
    "no SACK block": (b"\1\1\5\2", {}),
    "half a SACK block": (b"\5\6\0\0\0\0\1\1", {}),
    "timestamps of 8": (b"\x08\x08\0\0\0\1\0\0", {}),
    "what stands in front of the damage counts": (b"\2\4\5\xb4\3\x28\1\1", {"mss": 1460}),
    "what stands behind a wrong length that fits, too": (b"\3\4\0\0\2\4\5\xb4", {"mss": 1460}),
}


@pytest.mark.parametrize(("octets", "found"), OPTIONS.values(), ids=OPTIONS)
def test_option(octets: bytes, found: dict[str, int]) -> None:
    s = segment_of(ipv4(tcp(octets, b"data")))
    assert {name: getattr(s, name) for name in UNKNOWN} == UNKNOWN | found
    assert not s.options_malformed
    assert (s.options_len, s.payload_len) == (len(octets), 4)


@pytest.mark.parametrize(("octets", "found"), MALFORMED_OPTIONS.values(), ids=MALFORMED_OPTIONS)
def test_malformed_option(octets: bytes, found: dict[str, int]) -> None:
    s = segment_of(ipv4(tcp(octets, b"data")))
    assert {name: getattr(s, name) for name in UNKNOWN} == UNKNOWN | found
    assert s.options_malformed


def test_sack_edges() -> None:
    s = segment_of(ipv4(tcp(b"\1\1\5\x12" + struct.pack(">4I", 10, 20, 0xFFFFFFF0, 4))))
    assert [(s.sack_edge(n, 0), s.sack_edge(n, 1)) for n in range(s.sack_count)] == [(10, 20), (0xFFFFFFF0, 4)]


@pytest.mark.parametrize("kind", [*range(2, 40), 69, 99, 172, 253, 254])
def test_an_option_is_malformed_in_the_flag_when_it_is_in_the_words(kind: int) -> None:
    for length in range(2, 21):
        octets = bytes([kind, length]) + bytes(length - 2) + b"\1" * (-length % 4)
        said = any(one.malformed for one in parse_options(octets))
        assert bool(segment_of(ipv4(tcp(octets))).options_malformed) == said, length


def test_options_of_the_packet_before_are_forgotten() -> None:
    decoder, s = Decoder(), Segment()
    for options, mss in ((b"\2\4\5\xb4", 1460), (b"", -1)):
        packet = ipv4(tcp(options))
        decoder.use(packet)
        assert decoder.decode(s, 0, len(packet), len(packet), RAW) == SEGMENT
        assert s.mss == mss


@pytest.mark.parametrize("offset", [0, 4, 6, 15])
def test_bad_data_offset_is_malformed(offset: int) -> None:
    assert decode(ipv4(tcp(offset=offset)))[0] == MALFORMED


def test_snap_length() -> None:
    packet = ipv4(tcp(b"\2\4\5\xb4\1\1\4\2", b"x" * 100))
    for captured in range(len(packet) + 1):
        reason, s, _ = decode(packet, captured)
        if captured < 40:
            assert reason == CUT_OFF
            continue
        assert reason == SEGMENT
        assert s.payload_len == 100 and s.header_len == 28
        assert s.payload_captured == max(0, captured - 48)
        assert s.options_len == min(8, captured - 40)
        assert s.mss == (1460 if captured >= 44 else -1) and s.sack_permitted == (captured >= 48)
        assert not s.options_malformed
        assert (CHECKSUM_STATUS[s.checksum_status] == "unverified") == (captured < len(packet))


@pytest.mark.parametrize(("version", "link"), [(4, RAW), (6, RAW), (4, ETHERNET)])
@pytest.mark.parametrize("length", [*range(10), 31, 1460])
def test_checksum(version: int, link: int, length: int) -> None:
    wrap, source, target = (ipv4, CLIENT, SERVER) if version == 4 else (ipv6, CLIENT6, SERVER6)
    body = tcp(b"\1\1\1\1", bytes(n * 7 & 0xFF for n in range(length)))
    pseudo = summed(source + target, 6)
    with_length = summed(struct.pack(">I", len(body)), pseudo)
    good = summed(body, with_length) ^ 0xFFFF

    def status(checksum: int) -> str:
        packet = wrap(body[:16] + struct.pack(">H", checksum) + body[18:])
        # in Ethernet a packet is "plain", and read at once
        return CHECKSUM_STATUS[segment_of(bytes(12) + b"\x08\0" + packet if link == ETHERNET else packet, link=link).checksum_status]

    assert status(good) == "good"
    assert status(good ^ 0x0100) == "bad"
    # What the network card would have completed.
    assert [status(with_length), status(pseudo), status(0)] == ["unfinished"] * 3


def test_ip_that_claims_more_than_the_link_has_cannot_be_verified() -> None:
    whole = ipv4(tcp(payload=b"x" * 50))
    decoder, s = Decoder(), Segment()
    decoder.use(whole[:60])
    assert decoder.decode(s, 0, 60, 60, RAW) == SEGMENT
    assert CHECKSUM_STATUS[s.checksum_status] == "unverified"


def icmp(kind: int, code: int, quotation: bytes, mtu: int = 0) -> bytes:
    return ipv4(struct.pack(">BBHHH", kind, code, 0, 0, mtu) + quotation, 1, source=ROUTER, target=CLIENT)


def icmp6(kind: int, code: int, quotation: bytes, mtu: int = 0) -> bytes:
    return ipv6(struct.pack(">BBHI", kind, code, 0, mtu) + quotation, 58, source=ROUTER6, target=CLIENT6)


@pytest.mark.parametrize(("kind", "code", "mtu"), [(3, 1, -1), (3, 4, 1400), (4, 0, -1), (5, 1, -1), (11, 0, -1), (12, 0, -1)])
def test_icmp_error_quotes_the_segment(kind: int, code: int, mtu: int) -> None:
    reason, _, d = decode(icmp(kind, code, ipv4(tcp(seq=77))[:28], max(mtu, 0)))
    assert reason == ICMP and d.quoted
    assert (d.icmp_type, d.icmp_code, d.icmp_mtu) == (kind, code, mtu)
    q = d.quote
    assert (q.family, q.src_lo, q.dst_lo) == (4, int.from_bytes(CLIENT), int.from_bytes(SERVER))
    assert (q.src_port, q.dst_port, q.seq) == (4000, 80, 77)


@pytest.mark.parametrize(("kind", "code", "mtu"), [(1, 4, -1), (2, 0, 1280), (3, 0, -1), (4, 1, -1)])
@pytest.mark.parametrize("between", ["", "fragment", "options"])
def test_icmpv6_error_quotes_the_segment(kind: int, code: int, mtu: int, between: str) -> None:
    head = {"": b"", "fragment": bytes([6, 0, 0, 1, 0, 0, 0, 5]), "options": bytes([6, 0, 1, 4, 0, 0, 0, 0])}[between]
    following = {"": 6, "fragment": 44, "options": 60}[between]
    reason, _, d = decode(icmp6(kind, code, ipv6(head + tcp(seq=77), following), max(mtu, 0)))
    assert reason == ICMPV6 and d.quoted
    assert (d.icmp_type, d.icmp_code, d.icmp_mtu) == (kind, code, mtu)
    assert (d.quote.family, d.quote.src_lo, d.quote.dst_lo, d.quote.src_port, d.quote.seq) == (6, 1, 2, 4000, 77)


NOT_QUOTED = {
    "echo": icmp(8, 0, ipv4(tcp())),
    "UDP": icmp(3, 3, ipv4(tcp(), 17)),
    "a later fragment": icmp(3, 1, ipv4(tcp(), fragment=1)),
    "fewer than 8 octets": icmp(3, 1, ipv4(tcp())[:27]),
    "cut off in the header": icmp(3, 1, ipv4(tcp())[:19]),
    "another version": icmp(3, 1, ipv6(tcp())),
    "nothing": icmp(3, 1, b""),
    "less than a message": ipv4(b"\3\1\0", 1),
    "ICMPv6 echo": icmp6(128, 0, ipv6(tcp())),
    "ICMPv6, a later fragment": icmp6(1, 0, ipv6(bytes([6, 0, 0, 8, 0, 0, 0, 5]) + tcp(), 44)),
    "ICMPv6, endless headers": icmp6(1, 0, ipv6(bytes(800), 0)),
    "ICMPv6, cut off": icmp6(1, 0, ipv6(tcp())[:47]),
}


@pytest.mark.parametrize("packet", NOT_QUOTED.values(), ids=NOT_QUOTED)
def test_nothing_is_quoted(packet: bytes) -> None:
    decoder, s = Decoder(), Segment()
    for one, quoted in ((icmp(3, 1, ipv4(tcp())), 1), (packet, 0)):
        decoder.use(one)
        assert decoder.decode(s, 0, len(one), len(one), RAW) in (ICMP, ICMPV6)
        assert decoder.quoted == quoted


def tracked(*packets: bytes) -> Tracker:
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, RAW)
    for n, packet in enumerate(packets):
        out += struct.pack("<IIII", n, 0, len(packet), len(packet)) + packet
    records, tracker = Records(Source(out)), Tracker()
    while records.next_block():
        tracker.block(records, 0, records.count)
    return tracker


def test_an_icmp_error_goes_to_the_connection_it_is_about() -> None:
    syn = ipv4(tcp(flags=2))
    back = ipv4(tcp(flags=0x12, source=80, target=4000, seq=5), source=SERVER, target=CLIENT)
    other = ipv4(tcp(flags=2, source=4001))
    t = tracked(other, syn, back, icmp(3, 4, syn[:28], 1400), icmp(11, 0, back[:28]))
    assert t.segments == 3 and t.reason(ICMP) == 2 and len(t.alive) == 2
    assert t.alive[0].icmp_events is None
    second = 1_000_000_000
    assert t.alive[1].icmp_events == [(4, 3 * second, 3, 4, 0, 1000, 1400), (5, 4 * second, 11, 0, 1, 5, -1)]


def test_an_icmp_error_about_nothing_seen_opens_no_connection() -> None:
    t = tracked(icmp(3, 1, ipv4(tcp())), icmp6(1, 0, ipv6(tcp())))
    assert not t.alive and not t.segments


def test_repeated_icmp_errors_are_bounded() -> None:
    syn = ipv6(tcp(flags=2))
    t = tracked(syn, *[icmp6(1, 4, syn)] * 100)
    assert len(t.alive[0].icmp_events) == 32
