"""One frame taken apart: the layers add up to the frame, and tshark reads the same values in them."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest

from tcpinspect.capture.writing import RAW_IP, InterfaceToWrite, create
from tcpinspect.errors import UsageError
from tcpinspect.insight.dissect import Dissection, frame_of, packet_layers, segment_layers

from ..conftest import CAPTURES
from ..engine.test_layers import NO_SEGMENT, NOT_IN_TSHARK, PAYLOAD, TCP, V4, WRAPPINGS, ipv4, outer

# Our layers and fields, tshark's fields, and how the two writings meet: as numbers, as octets, or as text.
FIELDS: dict[tuple[str, str], str] = {
    ("Ethernet", "Destination"): "eth.dst", ("Ethernet", "Source"): "eth.src", ("Ethernet", "EtherType"): "eth.type",
    ("Ethernet", "Length"): "eth.len",
    ("VLAN", "VLAN ID"): "vlan.id", ("VLAN", "PCP"): "vlan.priority", ("VLAN", "EtherType"): "vlan.etype",
    ("MPLS", "Label"): "mpls.label", ("MPLS", "TC"): "mpls.exp", ("MPLS", "S"): "mpls.bottom", ("MPLS", "TTL"): "mpls.ttl",
    ("PPPoE", "Session ID"): "pppoe.session_id", ("PPPoE", "Length"): "pppoe.payload_length", ("PPP", "Protocol"): "ppp.protocol",
    ("IPv4", "IHL"): "ip.hdr_len", ("IPv4", "Total Length"): "ip.len", ("IPv4", "Identification"): "ip.id",
    ("IPv4", "DF"): "ip.flags.df", ("IPv4", "Fragment Offset"): "ip.frag_offset", ("IPv4", "Time to Live"): "ip.ttl",
    ("IPv4", "Protocol"): "ip.proto", ("IPv4", "Header Checksum"): "ip.checksum", ("IPv4", "Source Address"): "ip.src",
    ("IPv4", "Destination Address"): "ip.dst", ("IPv6", "Flow Label"): "ipv6.flow", ("IPv6", "Payload Length"): "ipv6.plen",
    ("IPv6", "Next Header"): "ipv6.nxt", ("IPv6", "Hop Limit"): "ipv6.hlim", ("IPv6", "Source Address"): "ipv6.src",
    ("IPv6", "Destination Address"): "ipv6.dst", ("GRE", "Protocol"): "gre.proto", ("UDP", "Source Port"): "udp.srcport",
    ("UDP", "Destination Port"): "udp.dstport", ("UDP", "Length"): "udp.length", ("VXLAN", "VNI"): "vxlan.vni",
    ("Geneve", "VNI"): "geneve.vni", ("GTP-U", "TEID"): "gtp.teid", ("GTP-U", "Message Type"): "gtp.message",
    ("Linux cooked", "Packet Type"): "sll.pkttype", ("Linux cooked", "EtherType"): "sll.etype",
    ("Radiotap", "Length"): "radiotap.length", ("802.11", "Duration"): "wlan.duration", ("ERSPAN", "VLAN"): "erspan.vlan",
    ("TCP", "Source Port"): "tcp.srcport", ("TCP", "Destination Port"): "tcp.dstport", ("TCP", "Sequence Number"): "tcp.seq_raw",
    ("TCP", "Acknowledgment Number"): "tcp.ack_raw", ("TCP", "Data Offset"): "tcp.hdr_len", ("TCP", "Window"): "tcp.window_size_value",
    ("TCP", "Checksum"): "tcp.checksum", ("TCP", "PSH"): "tcp.flags.push", ("TCP", "Urgent Pointer"): "tcp.urgent_pointer",
}  # fmt: skip
# tshark has names of its own for an outer tag (ieee8021ad) and for the frame in a backbone frame (ieee8021ah).
OWN_NAMES = {("QinQ", "VLAN"), ("PPPoE in QinQ", "VLAN"), ("provider backbone bridge", "Ethernet")}
# … and for the frames that fabrics wrap; the protocol of 802.11 in Linux cooked is none.
OWN_NAMES |= {("FabricPath", "Ethernet"), ("ISL", "Ethernet"), ("Linux cooked, radiotap", "Linux cooked")}
_IN_WORDS = {"ip.hdr_len", "tcp.hdr_len"}  # we write the field, tshark what it means


def number(text: str) -> int | str:
    try:
        return int(text, 0)
    except ValueError:
        return text


def values(found: Dissection, layer: str, field: str) -> list[int | str]:
    return [number(one.text) for part in found.layers if part.name == layer for one in part.fields if one.name == field]


@pytest.fixture(scope="module")
def by_tshark(tmp_path_factory: pytest.TempPathFactory, tshark: object) -> dict[str, dict[str, list[str]]]:
    """All wrappings in one file, an interface each, with all occurrences of each field."""
    path = tmp_path_factory.mktemp("dissect") / "wrappings.pcapng"
    with create(path, [InterfaceToWrite(link) for link, _ in WRAPPINGS.values()]) as out:
        for n, (_, packet) in enumerate(WRAPPINGS.values()):
            out.write(packet, n, interface=n)
    names = sorted(set(FIELDS.values()))
    command = ["tshark", "-r", str(path), "-n", "-T", "fields", "-E", "separator=|", "-E", "aggregator=;"]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [[cell.split(";") if cell else [] for cell in line.split("|")] for line in done.stdout.splitlines()]
    return {case: dict(zip(names, row, strict=True)) for case, row in zip(WRAPPINGS, rows, strict=True)}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_tshark_reads_the_same_values(name: str, by_tshark: dict[str, dict[str, list[str]]]) -> None:
    if name in NOT_IN_TSHARK:
        pytest.skip("tshark does not open this")
    link, packet = WRAPPINGS[name]
    found = packet_layers(packet, link)
    compared = 0
    for (layer, field), theirs in FIELDS.items():
        ours = values(found, layer, field)
        if ours and (name, layer) not in OWN_NAMES:
            factor = 4 if theirs in _IN_WORDS else 1
            assert [value * factor if isinstance(value, int) else value for value in ours] == [
                number(text) for text in by_tshark[name][theirs]
            ], f"{layer} {field}"
            compared += 1
    assert compared >= 15


@pytest.mark.parametrize("name", [*WRAPPINGS, *NO_SEGMENT])
def test_the_layers_are_the_frame(name: str) -> None:
    link, packet = (WRAPPINGS | {case: (link, packet) for case, (link, packet, _) in NO_SEGMENT.items()})[name]
    for captured in range(len(packet) + 1):
        found = packet_layers(packet[:captured], link, wire_length=len(packet))
        assert b"".join(layer.octets for layer in found.layers) == packet[:captured]
        for layer in found.layers:
            assert layer.at is not None and packet[layer.at : layer.at + len(layer.octets)] == layer.octets
            end = 0
            for field in layer.fields:  # fields lie side by side, without a hole
                assert field.first_bit == end
                end = field.first_bit + field.bits
            assert not layer.fields or end <= 8 * len(layer.octets)
    if name in WRAPPINGS:
        last = [layer for layer in found.layers if layer.name != "Trailer"][-1]
        assert found.segment == TCP and last.octets == PAYLOAD and found.reason == "TCP"


def test_padding_is_a_trailer_and_no_data() -> None:
    link, packet = WRAPPINGS["VLAN"]
    assert [layer.name for layer in packet_layers(packet + b"\xee" * 9, link).layers][-2:] == ["Data", "Trailer"]


def test_a_fragment_shows_the_datagram_it_completes(tmp_path: Path) -> None:
    data = V4[20:]
    pieces = [ipv4(data[:24]), ipv4(data[24:])]
    pieces[0] = pieces[0][:6] + struct.pack(">H", 0x2000) + pieces[0][8:]
    pieces[1] = pieces[1][:6] + struct.pack(">H", 3) + pieces[1][8:]
    path = tmp_path / "fragments.pcap"
    with create(path, [InterfaceToWrite(RAW_IP)]) as out:
        for n, piece in enumerate(pieces):
            out.write(piece, n)
    first, second = frame_of(path, 1), frame_of(path, 2)
    assert (first.reason, [layer.name for layer in first.layers]) == ("IP fragment", ["IPv4", "Data"])
    assert [layer.name for layer in second.layers] == ["IPv4", "Fragment", "Reassembled datagram", "TCP", "Data"]
    assert second.segment == TCP and second.layers[-1].octets == PAYLOAD
    assert [layer.at is None for layer in second.layers] == [False, False, True, True, True]


def test_every_frame_of_a_capture_as_tshark_counts_them(tshark: object) -> None:
    path = CAPTURES / "ipv6-normal-close.pcap"
    done = subprocess.run(["tshark", "-r", str(path), "-n", "-T", "json", "-x"], capture_output=True, text=True, check=True)
    frames = json.loads(done.stdout)
    for n, frame in enumerate(frames, 1):
        found = frame_of(path, n)
        assert found.octets.hex() == frame["_source"]["layers"]["frame_raw"][0]
        theirs = frame["_source"]["layers"].get("tcp_raw", [None])[0]
        assert next((layer.octets.hex() for layer in found.layers if layer.name == "TCP"), None) == theirs
    with pytest.raises(UsageError, match=f"it has 1–{len(frames)}"):
        frame_of(path, len(frames) + 1)


def test_a_header_with_a_forbidden_offset_is_still_shown() -> None:
    short = TCP[:12] + b"\x30" + TCP[13:]
    found = packet_layers(outer(short, 6), RAW_IP)
    assert found.reason == "malformed" and found.segment == short
    assert values(found, "TCP", "Data Offset") == [3]


def test_options_have_the_octets_they_take() -> None:
    head = TCP[:12] + b"\xa0" + TCP[13:20] + bytes.fromhex("020405b4 01 030307 0402 080a 00000001 00000002 0000")[:20]
    tcp = segment_layers(head)[0]
    texts = [(field.text, field.first_bit // 8, field.bits // 8) for field in tcp.fields if field.name == "Option"]
    assert texts == [("mss 1460", 20, 4), ("nop", 24, 1), ("wscale 7", 25, 3), ("sackOK", 28, 2), ("TS val 1 ecr 2", 30, 10)]
