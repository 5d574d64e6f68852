"""Fragments of IPv4 and IPv6 written by hand: the frame that completes a datagram is the segment, the others are fragments."""

from __future__ import annotations

import itertools
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.engine.decode import Decoder
from tcpinspect.engine.links import FRAGMENT, ICMP, MALFORMED, SEGMENT, TOO_DEEP, UDP
from tcpinspect.engine.segment import Segment

RAW = 101
SECOND = 1_000_000_000
HERE, THERE = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
HERE6, THERE6 = bytes.fromhex("20010db8") + bytes(11) + b"\1", bytes.fromhex("20010db8") + bytes(11) + b"\2"
MORE, WHOLE = True, False


def summed(data: bytes) -> int:
    """The Internet checksum, RFC 1071."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def tcp(payload: bytes, source: bytes = HERE, target: bytes = THERE, seq: int = 1000) -> bytes:
    """A segment from port 4000 to 80 with timestamps and a good checksum."""
    head = struct.pack(">HHIIBBHHH", 4000, 80, seq, 77, 8 << 4, 0x18, 500, 0, 0) + b"\1\1\x08\x0a" + struct.pack(">II", 11, 22)
    body = head + payload
    pseudo = source + target + struct.pack(">I", len(body)) + b"\0\0\0\6"
    return body[:16] + struct.pack(">H", summed(pseudo + body)) + body[18:]


def ipv4(
    data: bytes, offset: int = 0, more: bool = False, ident: int = 7, *, protocol: int = 6, source: bytes = HERE, options: bytes = b""
) -> bytes:
    length = 20 + len(options) + len(data)
    head = struct.pack(">BBHHHBB", 0x45 + len(options) // 4, 0, length, ident, more << 13 | offset // 8, 64, protocol)
    return head + b"\0\0" + source + THERE + options + data


def ipv6(data: bytes, following: int = 6, source: bytes = HERE6) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(data), following, 64) + source + THERE6 + data


def fragment6(data: bytes, offset: int = 0, more: bool = False, ident: int = 0xDEADBEEF, following: int = 6) -> bytes:
    """What IPv6 carries behind next header 44."""
    return struct.pack(">BBHI", following, 0, offset | more, ident) + data


def six(data: bytes, offset: int = 0, more: bool = False, **how: int) -> bytes:
    return ipv6(fragment6(data, offset, more, **how), 44)


def pieces(data: bytes, *cuts: int) -> list[tuple[bytes, int, bool]]:
    """The data cut at these offsets: (octets, offset, whether more follow)."""
    edges = [0, *cuts, len(data)]
    return [(data[a:b], a, b < len(data)) for a, b in itertools.pairwise(edges)]


class Wire:
    """Decodes packet after packet; `segment` is of the last."""

    def __init__(self) -> None:
        self.decoder, self.segment = Decoder(), Segment()

    def __call__(self, packet: bytes, time_ns: int = 0, captured: int | None = None, link: int = RAW) -> int:
        self.segment.time_ns = time_ns
        # Octets around the packet must never be read.
        self.decoder.use(b"\xaa" * 5 + packet + b"\xaa" * 5)
        return self.decoder.decode(self.segment, 5, len(packet) if captured is None else captured, len(packet), link)

    @property
    def held(self) -> int:
        return len(self.decoder.fragments.waiting)


def values(s: Segment) -> tuple[int, ...]:
    head = (s.family, s.src_hi, s.src_lo, s.dst_lo, s.src_port, s.dst_port, s.seq, s.ack, s.flags)
    return (*head, s.ts_val, s.ts_ecr, s.payload_len, s.payload_captured, s.checksum_status)


def unfragmented(packet: bytes) -> tuple[int, ...]:
    wire = Wire()
    assert wire(packet) == SEGMENT
    return values(wire.segment)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_the_fragment_that_completes_the_datagram_is_the_segment(wire: Wire) -> None:
    data = tcp(b"x" * 1000)
    first, second, third = pieces(data, 8, 400)
    assert [wire(ipv4(*first)), wire(ipv4(*second)), wire(ipv4(*third))] == [FRAGMENT, FRAGMENT, SEGMENT]
    assert wire.segment.payload_len == wire.segment.payload_captured == 1000
    assert wire.segment.checksum_status == 1
    assert values(wire.segment) == unfragmented(ipv4(data))
    assert wire.held == 0 and wire.decoder.fragments.held == 0


def test_a_header_of_fewer_than_20_octets_a_piece_is_read_whole(wire: Wire) -> None:
    data = tcp(b"")
    assert [wire(ipv4(*p)) for p in pieces(data, 8, 16, 24)] == [FRAGMENT] * 3 + [SEGMENT]
    assert wire.segment.ts_val == 11 and wire.segment.checksum_status == 1


def test_the_packet_after_a_reassembled_one_is_read_from_the_capture_again(wire: Wire) -> None:
    packets = [ipv4(*p) for p in pieces(tcp(b"y" * 64), 40)] + [ipv4(tcp(b"z", seq=5), ident=8)]
    block = b"".join(packets)
    wire.decoder.use(block)
    at, results = 0, []
    for packet in packets:
        results.append((wire.decoder.decode(wire.segment, at, len(packet), len(packet), RAW), wire.segment.seq))
        at += len(packet)
    assert results[1:] == [(SEGMENT, 1000), (SEGMENT, 5)]
    assert wire.segment.payload_at == len(block) - 1


def test_order_does_not_matter(wire: Wire) -> None:
    last, middle, first = reversed(pieces(tcp(b"x" * 100), 16, 64))
    assert [wire(ipv4(*p)) for p in (last, first, middle)] == [FRAGMENT, FRAGMENT, SEGMENT]
    assert wire.segment.checksum_status == 1


def test_a_wrong_checksum_of_the_whole_is_seen(wire: Wire) -> None:
    data = tcp(b"x" * 100)
    parts = pieces(data[:-1] + b"!", 64)
    assert [wire(ipv4(*p)) for p in parts] == [FRAGMENT, SEGMENT]
    assert wire.segment.checksum_status == 2


@pytest.mark.parametrize("make", [ipv4, six], ids=["IPv4", "IPv6"])
def test_an_exact_duplicate_is_ignored(wire: Wire, make) -> None:
    first, second = pieces(tcp(b"x" * 100, *([HERE6, THERE6] if make is six else [])), 64)
    assert [wire(make(*p)) for p in (first, first, second)] == [FRAGMENT, FRAGMENT, SEGMENT]
    assert wire.segment.checksum_status == 1


def test_ipv4_overlap_first_arrival_wins(wire: Wire) -> None:
    data = tcp(b"x" * 96)
    first, second = pieces(data, 64)
    assert wire(ipv4(*first)) == FRAGMENT
    assert wire(ipv4(b"\xff" * 56 + second[0], 8, WHOLE)) == SEGMENT
    assert wire.segment.checksum_status == 1 and wire.segment.payload_len == 96


def test_ipv4_fragment_beyond_the_known_end_is_ignored(wire: Wire) -> None:
    first, last = pieces(tcp(b"x" * 96), 64)
    assert wire(ipv4(*last)) == FRAGMENT
    assert wire(ipv4(b"\xff" * 64, 96, MORE)) == FRAGMENT
    assert wire(ipv4(b"\xff" * 8, 64, WHOLE)) == FRAGMENT  # another end
    assert wire(ipv4(*first)) == SEGMENT
    assert wire.segment.checksum_status == 1


@pytest.mark.parametrize(
    "forged",
    [(b"\xff" * 16, 56, MORE), (b"\xff" * 8, 8, MORE), (b"\xff" * 8, 256, MORE), (b"\xff" * 64, 0, MORE), (b"x" * 8, 128, WHOLE)],
    ids=["partly", "inside", "beyond the end", "other octets", "another end"],
)
def test_ipv6_overlap_discards_the_datagram_and_what_follows_of_it(wire: Wire, forged: tuple[bytes, int, bool]) -> None:
    first, second, third = pieces(tcp(b"x" * 160, HERE6, THERE6), 64, 128)
    assert [wire(six(*p)) for p in (first, third, forged, second)] == [FRAGMENT] * 4
    assert [wire(six(*p)) for p in (first, second, third)] == [FRAGMENT] * 3
    # Another identification is another datagram; and a minute later the number may come again.
    assert [wire(six(*p, ident=1)) for p in (first, second, third)] == [FRAGMENT, FRAGMENT, SEGMENT]
    assert [wire(six(*p), 61 * SECOND) for p in (first, second, third)] == [FRAGMENT, FRAGMENT, SEGMENT]


def test_ipv6_fragment_that_is_no_multiple_of_8_and_not_the_last_is_discarded(wire: Wire) -> None:
    data = tcp(b"x" * 100, HERE6, THERE6)
    assert wire(six(data[:65], 0, MORE)) == FRAGMENT
    assert wire.held == 0
    assert [wire(six(*p)) for p in pieces(data, 64)] == [FRAGMENT, SEGMENT]


def test_ipv6_takes_the_next_header_of_the_first_fragment(wire: Wire) -> None:
    first, second = pieces(tcp(b"x" * 100, HERE6, THERE6), 64)
    assert wire(six(*second, following=17)) == FRAGMENT
    assert wire(six(*first, following=6)) == SEGMENT


def test_ipv6_atomic_fragment_stands_alone(wire: Wire) -> None:
    first, second = pieces(tcp(b"x" * 100, HERE6, THERE6), 64)
    assert wire(six(*first)) == FRAGMENT
    assert wire(six(tcp(b"a", HERE6, THERE6))) == SEGMENT  # the same identification (RFC 6946)
    assert wire(six(*second)) == SEGMENT
    assert wire.segment.payload_len == 100


def test_ipv6_extension_headers_on_both_sides_of_the_fragment_header(wire: Wire) -> None:
    padding = bytes([6, 0, 1, 4, 0, 0, 0, 0])
    data = padding + tcp(b"x" * 100, HERE6, THERE6)
    parts = [ipv6(bytes([44, 0, 1, 4, 0, 0, 0, 0]) + fragment6(*p, following=60), 0) for p in pieces(data, 8, 64)]
    assert [wire(p) for p in parts] == [FRAGMENT, FRAGMENT, SEGMENT]
    assert wire.segment.checksum_status == 1 and wire.segment.payload_len == 100


@pytest.mark.parametrize(
    "other",
    [{"ident": 8}, {"protocol": 17}, {"source": b"\x0a\0\0\1"}],
    ids=["identification", "protocol", "source"],
)
def test_fragments_of_different_datagrams_do_not_meet(wire: Wire, other: dict) -> None:
    first, second = pieces(tcp(b"x" * 100), 64)
    assert [wire(ipv4(*first)), wire(ipv4(*second, **other))] == [FRAGMENT, FRAGMENT]
    assert wire.held == 2


@pytest.mark.parametrize(("make", "wait"), [(ipv4, 30), (six, 60)], ids=["IPv4", "IPv6"])
def test_fragments_wait_so_long_and_not_longer(make, wait: int) -> None:
    first, second = pieces(tcp(b"x" * 100, *([HERE6, THERE6] if make is six else [])), 64)
    for late, outcome in ((0, SEGMENT), (1, FRAGMENT)):
        wire = Wire()
        assert wire(make(*first), 5 * SECOND) == FRAGMENT
        assert wire(make(*second), (5 + wait) * SECOND + late) == outcome
        wire = Wire()
        assert wire(make(*first), 100 * SECOND) == FRAGMENT
        assert wire(make(*second), (100 - wait) * SECOND - late) == outcome


def test_the_same_identification_serves_again_after_completion(wire: Wire) -> None:
    parts = pieces(tcp(b"x" * 100), 64)
    assert [wire(ipv4(*p)) for p in parts * 2] == [FRAGMENT, SEGMENT] * 2


def test_a_fragment_cut_off_by_the_snap_length_completes_nothing(wire: Wire) -> None:
    first, second = pieces(tcp(b"x" * 100), 64)
    assert wire(ipv4(*first), captured=60) == FRAGMENT
    assert wire.held == 0
    assert wire(ipv4(*second)) == FRAGMENT


def test_padding_of_the_link_is_not_data(wire: Wire) -> None:
    ethernet = b"\x02" * 12 + b"\x08\x00"
    parts = pieces(tcp(b""), 8, 16, 24)
    assert [wire((ethernet + ipv4(*p)).ljust(60, b"\xee"), link=1) for p in parts] == [FRAGMENT] * 3 + [SEGMENT]
    assert wire.segment.checksum_status == 1


def test_a_datagram_has_at_most_65535_octets(wire: Wire) -> None:
    data = tcp(b"x" * (65515 - 32))
    assert [wire(ipv4(*p)) for p in pieces(data, 32768)] == [FRAGMENT, SEGMENT]
    assert wire.segment.payload_len == 65483 and wire.segment.checksum_status == 1
    assert wire(ipv4(b"x" * 4, 65512, WHOLE)) == FRAGMENT  # one octet too many
    assert wire.held == 0
    assert wire(ipv4(b"", 8, WHOLE)) == FRAGMENT  # nothing at all
    assert wire.held == 0


def test_memory_has_limits_and_the_oldest_goes_first(wire: Wire) -> None:
    first, second = pieces(tcp(b"x" * 100), 64)
    for ident in range(1100):
        assert wire(ipv4(*first, ident=ident), ident) == FRAGMENT
    assert wire.held == 1024
    assert wire(ipv4(*second, ident=1099)) == SEGMENT
    assert wire(ipv4(*second, ident=3)) == FRAGMENT
    for ident in range(300):
        assert wire(ipv4(b"x" * 8, 65488, MORE, ident, source=bytes([10, 0, ident >> 8, ident & 255]))) == FRAGMENT
    assert wire.decoder.fragments.held <= 16 << 20
    assert wire.held <= 256 + 1


def test_eight_thousand_fragments_in_any_order(wire: Wire) -> None:
    data = tcp(b"x" * 65000)
    parts = pieces(data, *range(8, len(data), 8))
    random.Random(1).shuffle(parts)
    assert [wire(ipv4(*p)) for p in parts] == [FRAGMENT] * (len(parts) - 1) + [SEGMENT]
    assert wire.segment.checksum_status == 1


def test_a_tunnel_in_fragments_that_carries_fragments(wire: Wire) -> None:
    """IPv4 fragments of GTP-U packets, in each of which is a fragment of the datagram with the segment."""
    results = []
    for number, piece in enumerate(pieces(tcp(b"x" * 600), 296)):
        inner = ipv4(*piece)
        gtp = struct.pack(">BBHI", 0x30, 255, len(inner), 1) + inner
        udp = struct.pack(">HHHH", 2152, 2152, 8 + len(gtp), 0) + gtp
        results += [wire(ipv4(*p, ident=number, protocol=17, source=b"\x0a\0\0\1")) for p in pieces(udp, 160)]
    assert results == [FRAGMENT, FRAGMENT, FRAGMENT, SEGMENT]
    assert wire.segment.payload_len == 600 and wire.segment.checksum_status == 1
    assert wire.segment.src_lo == int.from_bytes(HERE)


def test_ipv6_fragments_of_fragments(wire: Wire) -> None:
    data = fragment6(tcp(b"x" * 40, HERE6, THERE6)[:32], 0, True, ident=1)
    rest = fragment6(tcp(b"x" * 40, HERE6, THERE6)[32:], 32, False, ident=1)
    assert [wire(six(*p, ident=2, following=44)) for p in pieces(data, 16)] == [FRAGMENT, FRAGMENT]
    assert [wire(six(*p, ident=3, following=44)) for p in pieces(rest, 16)] == [FRAGMENT, SEGMENT]
    assert wire.segment.payload_len == 40 and wire.segment.checksum_status == 1


def test_headers_without_end_are_given_up(wire: Wire) -> None:
    atomic = struct.pack(">BBHI", 44, 0, 0, 1)
    assert wire(ipv6(atomic * 100, 44)) == TOO_DEEP


@pytest.mark.parametrize(("protocol", "reason"), [(17, UDP), (1, ICMP)])
def test_other_protocols_in_fragments_have_their_own_reason(wire: Wire, protocol: int, reason: int) -> None:
    assert [wire(ipv4(*p, protocol=protocol)) for p in pieces(b"\0" * 100, 64)] == [FRAGMENT, reason]


def test_a_whole_that_is_no_tcp_header_is_malformed(wire: Wire) -> None:
    assert [wire(ipv4(*p)) for p in pieces(b"\0" * 64, 32)] == [FRAGMENT, MALFORMED]


def test_options_lengthen_the_header_not_the_data(wire: Wire) -> None:
    first, second = pieces(tcp(b"x" * 100), 64)
    assert wire(ipv4(*first, options=b"\x94\x04\0\0")) == FRAGMENT
    assert wire(ipv4(*second)) == SEGMENT
    assert wire.segment.checksum_status == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_split_in_any_order_gives_back_the_segment(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from([4, 6]))
    body = tcp(data.draw(st.binary(max_size=300)), *([HERE6, THERE6] if version == 6 else []))
    cuts = data.draw(st.sets(st.integers(1, (len(body) - 1) // 8), min_size=1))
    parts = pieces(body, *(8 * c for c in sorted(cuts)))
    order = data.draw(st.permutations(parts))
    repeats = data.draw(st.lists(st.sampled_from(order[:-1]), max_size=3))
    # An exact duplicate may come anywhere before the end.
    make = six if version == 6 else ipv4
    wire = Wire()
    for piece in (*order[:-1], *repeats):
        assert wire(make(*piece)) == FRAGMENT
    assert wire(make(*order[-1])) == SEGMENT
    assert values(wire.segment) == unfragmented(ipv6(body) if version == 6 else ipv4(body))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=40), st.booleans(), st.integers(0, 2), st.booleans()), max_size=40))
def test_hostile_fragments_never_overrun_their_bookkeeping(parts: list[tuple[int, bytes, bool, int, bool]]) -> None:
    wire = Wire()
    for offset, octets, more, ident, version6 in parts:
        make = six if version6 else ipv4
        reason = wire(make(octets, offset * 8, more, ident=ident))
        assert 0 <= reason < 14
    held = wire.decoder.fragments.held
    assert held % 4096 == 0 and 0 <= held <= 6 * 4096
