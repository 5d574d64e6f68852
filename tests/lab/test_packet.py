"""IP packets as Scapy and we see them."""

from __future__ import annotations

import pytest

from tcpinspect.lab.notation import parse
from tcpinspect.lab.packet import CE, ECT, corrupted, marked, unwrap, wrap

SEGMENT = parse("PS. 1000:1003(3) ack 2000 win 300 <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7> src_port=4000 dst_port=80")


@pytest.mark.parametrize(("a", "b"), [("192.0.2.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::2")])
def test_packets_are_scapys(a: str, b: str) -> None:
    inet, inet6 = pytest.importorskip("scapy.layers.inet"), pytest.importorskip("scapy.layers.inet6")
    ours = wrap(SEGMENT, a, b, identification=7, ecn=ECT)
    outer = inet6.IPv6(src=a, dst=b, tc=ECT, hlim=64) if ":" in a else inet.IP(src=a, dst=b, id=7, tos=ECT, flags="DF", ttl=64)
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("NOP", None), ("WScale", 7)]
    theirs = outer / inet.TCP(sport=4000, dport=80, seq=1000, ack=2000, window=300, flags="SPA", options=options) / SEGMENT.payload
    assert ours == bytes(theirs)
    found = unwrap(ours)
    assert found is not None and found.intact and (found.source, found.destination, found.ecn) == (a, b, ECT)


def test_mark_and_corruption() -> None:
    packet = wrap(SEGMENT, "192.0.2.1", "198.51.100.2", ecn=ECT)
    found, spoiled = unwrap(marked(packet)), unwrap(corrupted(packet))
    assert found is not None and found.intact and found.ecn == CE
    assert spoiled is not None and not spoiled.intact
    plain = wrap(SEGMENT, "192.0.2.1", "198.51.100.2")
    assert marked(plain) == plain, "only what is ECN-capable is marked"


@pytest.mark.parametrize("packet", [b"", b"\x45", bytes(40), b"\x45" + bytes(60), b"\x60" + bytes(70)])
def test_what_is_no_tcp_is_none(packet: bytes) -> None:
    assert unwrap(packet) is None
