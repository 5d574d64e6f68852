"""Sniffing on loopback: every packet once, and what a real kernel answers to what we send."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import CaptureError
from tcpinspect.lab.crafting import craft
from tcpinspect.lab.scapy_sniff import sniff, sniffing


def may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except (PermissionError, AttributeError):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # a fresh namespace has loopback down
        return probe.connect_ex(("127.0.0.1", 9)) == 0


pytestmark = pytest.mark.skipif(not may_capture(), reason="needs CAP_NET_RAW and lo up: run as root, or with unshare -Urn")


def test_a_whole_connection_is_seen_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with sniffing(port=port) as seen:
            client = socket.create_connection(("127.0.0.1", port))
            server, _ = listener.accept()
            client.sendall(b"hello")
            assert server.recv(5) == b"hello"
            client.close()
            assert server.recv(1) == b""
            server.close()
    connection = seen.analysis().connections[0]
    assert (connection.handshake, connection.client_retransmissions) == ("three-way", 0)
    assert connection.client_bytes == 5 and connection.teardown in ("four-segment", "three-segment")
    assert len(seen.packets) == len(seen) == connection.client_packets + connection.server_packets
    seen.write(tmp_path / "seen.pcap")
    assert ti.analyze(tmp_path / "seen.pcap").connections[0].history == connection.history


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_kernel_answers_a_crafted_syn_to_a_closed_port(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        held = socket.socket(family)
        held.bind((address, 0))  # reserves a port without listening on it
    except OSError:
        pytest.skip(f"no {address} on this machine")
    with held:
        port = held.getsockname()[1]
        one = craft("S seq=7", src=address, dst=address, dst_port=port)
        timer = threading.Timer(0.3, one.send)
        timer.start()
        seen = sniff(port=port, count=2, timeout=10)
        timer.join()
    assert seen.records[0][1][14:] == one.bytes
    # RFC 9293 §3.10.7.1: a closed port answers <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
    answer = list(seen.analysis().table("segments"))[1]
    assert (answer.tcp_flags, answer.seq_raw, answer.ack_raw) == (0x14, 0, 8)


def test_an_interface_that_does_not_exist_is_named() -> None:
    with pytest.raises(CaptureError, match="no interface 'nowhere0'"):
        sniff(iface="nowhere0", timeout=1)


def test_nothing_comes_and_the_time_is_over() -> None:
    assert len(sniff(port=1, timeout=0.1)) == 0
