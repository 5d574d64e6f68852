"""Watch an interface through an AF_PACKET socket and write what it saw as pcap or pcapng.

Beside the package, for recording `captures/` only. Reading: packet(7); draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.

The kernel stamps and queues every frame, so nobody has to read while a scene runs, and no thread is needed.
"""

from __future__ import annotations

import gzip
import socket
import struct
from pathlib import Path
from typing import NamedTuple

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
LINKTYPE_ETHERNET = 1
LINKTYPE_LINUX_SLL = 113
SNAPLEN = 262144

# Numbers of <asm-generic/socket.h> and <linux/if_packet.h> that the socket module does not name.
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_TIMESPEC = struct.Struct("=qq")
_QUEUE_BYTES = 32 << 20


class Frame(NamedTuple):
    """One captured frame: its time in nanoseconds since 1970 (UTC) and its bytes, never cut."""

    time_ns: int
    octets: bytes


class Tap:
    """A sniffer in the network namespace it is made in; both directions, except on `lo`, where each frame shows twice."""

    def __init__(self, interface: str | None) -> None:
        """Start watching one interface, or with None all of them, "cooked" as `tcpdump -i any` does.

        Raises PermissionError without CAP_NET_RAW in this namespace.
        """
        self.interface = interface
        self.cooked = interface is None
        self.frames: list[Frame] = []
        if interface is None:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        else:
            # Protocol 0 keeps the socket deaf until the bind, so that nothing from another interface slips in.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _QUEUE_BYTES)
        except PermissionError:
            # Without root in the first user namespace the ordinary limit has to do; `drops` tells if it did not.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if interface is not None:
            self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)

    @property
    def link_type(self) -> int:
        """The LINKTYPE_ number of the frames."""
        return LINKTYPE_LINUX_SLL if self.cooked else LINKTYPE_ETHERNET

    def drops(self) -> int:
        """Frames the kernel had to throw away since the last call, because the queue was full."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        return int(struct.unpack("=II", statistics)[1])

    def drain(self) -> int:
        """Fetch all frames that wait in the kernel; return how many they were."""
        before = len(self.frames)
        while True:
            try:
                octets, ancillary, _, address = self._socket.recvmsg(SNAPLEN, socket.CMSG_SPACE(_TIMESPEC.size))
            except BlockingIOError:
                return len(self.frames) - before
            if address[0] == "lo" and address[2] == PACKET_OUTGOING:
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            prefix = _cooked_header(address) if self.cooked else b""
            self.frames.append(Frame(seconds * 1_000_000_000 + nanoseconds, prefix + octets))

    def close(self) -> None:
        """Stop watching."""
        self._socket.close()


def _cooked_header(address: tuple[str, int, int, int, bytes]) -> bytes:
    """The 16 octets of LINKTYPE_LINUX_SLL: direction, kind of device, sender's address, protocol."""
    _, protocol, direction, device, sender = address
    return struct.pack("!HHH8sH", direction, device, len(sender), sender[:8], protocol)


def write(path: Path, tap: Tap, *, nanoseconds: bool) -> None:
    """Write the frames of a tap; the name decides: `.pcapng` or `.pcap`, `.gz` behind it compresses."""
    name = path.name.removesuffix(".gz")
    octets = _pcapng(tap) if name.endswith(".pcapng") else _pcap(tap, nanoseconds=nanoseconds)
    # No file name and no time in the gzip header: the same frames give the same file.
    path.write_bytes(gzip.compress(octets, mtime=0) if path.suffix == ".gz" else octets)


def _pcap(tap: Tap, *, nanoseconds: bool) -> bytes:
    magic, unit = (0xA1B23C4D, 1) if nanoseconds else (0xA1B2C3D4, 1000)
    parts = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, SNAPLEN, tap.link_type)]
    for frame in tap.frames:
        seconds, rest = divmod(frame.time_ns, 1_000_000_000)
        parts.append(struct.pack("<IIII", seconds, rest // unit, len(frame.octets), len(frame.octets)))
        parts.append(frame.octets)
    return b"".join(parts)


def _pcapng(tap: Tap) -> bytes:
    """One section, one interface with nanosecond stamps, enhanced packet blocks, and the drop counter at the end."""
    interface = (tap.interface or "any").encode()
    # Options: 4 shb_userappl, 2 if_name, 9 if_tsresol (10⁻⁹ s), 4 isb_ifrecv, 5 isb_ifdrop.
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((4, b"captures/record.py"))
    described = struct.pack("<HHI", tap.link_type, 0, SNAPLEN) + _options((2, interface), (9, b"\x09"))
    parts = [_block(0x0A0D0D0A, section), _block(1, described)]
    for frame in tap.frames:
        head = struct.pack("<I", 0) + _stamp(frame.time_ns) + struct.pack("<II", len(frame.octets), len(frame.octets))
        parts.append(_block(6, head + _padded(frame.octets)))
    if tap.frames:
        counters = _options((4, struct.pack("<Q", len(tap.frames))), (5, struct.pack("<Q", 0)))
        parts.append(_block(5, struct.pack("<I", 0) + _stamp(tap.frames[-1].time_ns) + counters))
    return b"".join(parts)


def _stamp(time_ns: int) -> bytes:
    """A pcapng time stamp: upper half first, whatever the byte order of the section."""
    return struct.pack("<II", time_ns >> 32, time_ns & 0xFFFFFFFF)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options) + bytes(4)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
