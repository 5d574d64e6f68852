"""A scripted peer for a kernel: segments in packetdrill's notation to it, and what it answers."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.kernel.calls import KernelSocket
from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.notation import parse
from tcpinspect.protocol.checksum import checksum
from tcpinspect.protocol.header import FLAG_NAMES, SYN

KERNEL, PEER = "192.0.2.1", "198.51.100.7"
SYN_TEXT = "S 0:0(0) <mss 1460>"


def ipv4(source: str, destination: str, segment: bytes) -> bytes:
    """An IP packet around a segment."""
    addresses = b"".join(bytes(map(int, address.split("."))) for address in (source, destination))
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(segment), 1, 0x4000, 64, 6)
    return head + struct.pack("!H", checksum(head + b"\0\0" + addresses)) + addresses + segment


class Peer:
    """Speaks to a kernel end with numbers that count from each side's initial one. `heard` has the flags of all it heard."""

    def __init__(self, end: KernelEnd, kernel_port: int, *, port: int = 4000, isn: int = 1_000_000, address: str = PEER) -> None:
        self.end, self.port, self.kernel_port, self.isn, self.address = end, port, kernel_port, isn, address
        self.kernel_isn = 0
        self.heard: list[str] = []
        self.now = 0

    def send(self, text: str) -> list[str]:
        """Send one segment; the flags of what the kernel answers at once."""
        draft = parse(text).shifted(self.isn, self.kernel_isn)
        window = 65535 if draft.window is None else draft.window
        draft = replace(draft, src_port=self.port, dst_port=self.kernel_port, window=window)
        self.now += 1000
        kernel = self.end.addresses[0]
        self.end.receive(ipv4(self.address, kernel, draft.to_bytes(self.address, kernel)), self.now)
        return self.listen()

    def listen(self) -> list[str]:
        """The flags of what the kernel has sent meanwhile."""
        flags = []
        for packet in self.end.pending(self.now):
            segment = Draft.from_bytes(packet[20:])
            if segment.dst_port != self.port:
                continue
            if segment.flags & SYN:
                self.kernel_isn, self.kernel_port = segment.seq or 0, segment.src_port or 0
            flags.append("+".join(name for bit, name in enumerate(FLAG_NAMES) if segment.flags >> bit & 1 and name != "PSH"))
        self.heard += flags
        return flags

    def wait_for(self, flags: str) -> None:
        """Listen until the kernel has sent a segment with these flags."""
        deadline = time.monotonic() + 5
        while flags not in self.heard:
            assert time.monotonic() < deadline, f"no {flags}, only {self.heard}"
            time.sleep(0.005)
            self.listen()

    def states(self) -> list[str]:
        """The states that the kernel's end of this connection has entered, LISTEN left out."""
        mine = [step for step in self.end.steps if (step.ends.peer_address, step.ends.peer_port) == (self.address, self.port)]
        return [str(step.to_state) for step in mine if str(step.to_state) != "LISTEN"]


@pytest.fixture(params=["tun", "veth"])
def either(request: pytest.FixtureRequest, private_network: None) -> Iterator[KernelEnd]:
    """A kernel behind each kind of device; TUN only where it opens."""
    with KernelEnd(KERNEL, device="auto" if request.param == "tun" else "veth") as end:
        if end.device != request.param:
            pytest.skip("/dev/net/tun does not open here")
        yield end


@pytest.fixture
def kernel(private_network: None) -> Iterator[KernelEnd]:
    """A kernel behind whatever device there is."""
    with KernelEnd(KERNEL) as end:
        yield end


def listening(end: KernelEnd) -> KernelSocket:
    server = end.socket()
    assert server.bind(KERNEL, 80).ok
    assert server.listen().ok
    return server


def accepted(end: KernelEnd) -> tuple[Peer, KernelSocket]:
    """A connection that the peer opened."""
    server = listening(end)
    peer = Peer(end, 80)
    assert peer.send(SYN_TEXT) == ["SYN+ACK"]
    assert peer.send(". 1:1(0) ack 1") == []
    return peer, server.accept().result


def connected(end: KernelEnd) -> tuple[Peer, KernelSocket]:
    """A connection that the kernel opened."""
    client = end.socket()
    peer = Peer(end, 0, port=443)
    assert client.connect(PEER, 443).error == "EINPROGRESS"
    assert peer.listen() == ["SYN"]
    assert peer.send("S. 0:0(0) ack 1 <mss 1460>") == ["ACK"]
    return peer, client
