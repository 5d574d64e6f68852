"""Send a known number of small TCP frames at a known rate: `python sender.py IFACE RATE SECONDS [data|flood|everywhere]`.

Beside the package. Prints what was sent as one line of JSON. Only for interfaces of a namespace that was made for it.

`data`   segments of one connection with 20 octets each, 74 octets a frame, the sequence number tells which. The kernel cuts many
         from one large segment (software segmentation offload, packet(7) PACKET_VNET_HDR), so that the sender costs 1 µs a frame
         and leaves the machine to who is measured.
`flood`  SYNs of 74 octets, each from another address and port, through sendmmsg(2).
`everywhere`  the same to all ports of the server, not to one.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import socket
import struct
import sys
import time
from collections.abc import Callable

FRAME_OCTETS = 74
BATCH = 256  # SYNs of a flood in one system call
SEGMENTS = 128  # cut from one large segment: less than the kernel's backlog of a thousand frames (net.core.netdev_max_backlog)
TEXT_OCTETS = 20
_SOL_PACKET, _VNET_HEADER, _QDISC_BYPASS = 263, 15, 20
# <linux/virtio_net.h>: flags, gso_type, then lengths
_NEEDS_CHECKSUM, _GSO_TCPV4 = 1, 1
_SIOCETHTOOL, _SET_TSO, _SET_GSO = 0x8946, 0x1F, 0x24
_ETHERNET = bytes.fromhex("0200000000020200000000010800")
_FROM, _TO = bytes([192, 0, 2, 1]), bytes([198, 51, 100, 2])  # addresses for documentation (RFC 5737)


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):  # struct mmsghdr of sendmmsg(2)
    _fields_ = (
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vector", ctypes.POINTER(_Vector)), ("vectors", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int), ("padding", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )  # fmt: skip


def _ip(length: int, number: int) -> bytes:
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, number & 0xFFFF, 0, 64, 6, 0, _FROM, _TO)


def data(interface: str) -> tuple[int, Callable[[int, int], int]]:
    """How many frames go out at once, and a function (number of the first, how many) that sends them: how many it sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        for what in (_SET_TSO, _SET_GSO):  # off: the cable carries frames, not the large segment
            request = ctypes.create_string_buffer(struct.pack("=II", what, 0), 8)
            fcntl.ioctl(door, _SIOCETHTOOL, struct.pack("@16sP", interface.encode(), ctypes.addressof(request)))
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.setsockopt(_SOL_PACKET, _VNET_HEADER, 1)
    out.bind((interface, 0))
    text = bytes(TEXT_OCTETS * SEGMENTS)

    def send(first: int, count: int) -> int:
        size = TEXT_OCTETS * count
        offload = struct.pack("=BBHHHH", _NEEDS_CHECKSUM, _GSO_TCPV4 if count > 1 else 0, 54, TEXT_OCTETS, 34, 16)
        tcp = struct.pack("!HHIIBBHHH", 1024, 80, first * TEXT_OCTETS & 0xFFFFFFFF, 1, 0x50, 0x10, 64240, 0, 0)
        out.send(b"".join((offload, _ETHERNET, _ip(40 + size, first), tcp, text[:size])))
        return count

    return SEGMENTS, send


def everywhere(interface: str) -> tuple[int, Callable[[int, int], int]]:
    """As `flood`, to all ports."""
    return flood(interface, one_port=False)


def flood(interface: str, *, one_port: bool = True) -> tuple[int, Callable[[int, int], int]]:
    """As `data`, of SYNs from all over 10.0.0.0/8."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.bind((interface, 0))
    out.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    options = bytes.fromhex("020405b40402080a000000000000000001030307")  # as Linux sends them: MSS, SACK, timestamps, scale
    one = _ETHERNET + _ip(60, 0) + struct.pack("!HHIIBBHHH", 0, 80, 0, 0, 0xA0, 2, 64240, 0, 0) + options
    frames = bytearray(one * BATCH)
    frames[35::FRAME_OCTETS] = bytes(range(BATCH))  # the low octet of the source port
    frames[26::FRAME_OCTETS] = bytes([10]) * BATCH
    places = (27, 28, 29, 34, 40)
    if not one_port:  # the low octets of the address and of the server's port, too
        frames[29::FRAME_OCTETS] = frames[37::FRAME_OCTETS] = bytes(range(BATCH))
        places = (27, 28, 36, 34, 40)
    start = ctypes.addressof(ctypes.c_char.from_buffer(frames))
    vectors = (_Vector * BATCH)(*(_Vector(start + number * FRAME_OCTETS, FRAME_OCTETS) for number in range(BATCH)))
    messages = (_Message * BATCH)(*(_Message(vector=ctypes.pointer(vector), vectors=1) for vector in vectors))

    def send(first: int, count: int) -> int:
        for place, octet in zip(places, (first // BATCH * 2654435761 & 0xFFFFFFFF).to_bytes(4, "big") + b"\1", strict=True):
            frames[place::FRAME_OCTETS] = bytes([octet]) * BATCH
        return max(0, int(libc.sendmmsg(out.fileno(), messages, count, 0)))

    return BATCH, send


KINDS = {"data": data, "flood": flood, "everywhere": everywhere}


def run(interface: str, rate: int, seconds: float, kind: str = "data") -> dict[str, float]:
    """Send `rate` frames a second for so long, and tell how many the kernel took."""
    batch, send = KINDS[kind](interface)
    wanted, sent, refused = int(rate * seconds), 0, 0
    start = time.monotonic()
    while sent < wanted:
        due = min(wanted, int((time.monotonic() - start) * rate)) - sent
        if due < min(batch, wanted - sent):
            time.sleep(0.0002)
            continue
        try:
            taken = send(sent, min(batch, wanted - sent))
        except OSError:
            taken = 0
        sent, refused = sent + taken, refused + (not taken)
    spent = time.monotonic() - start
    return {"sent": sent, "seconds": round(spent, 3), "rate": round(sent / spent), "refused": refused, "sender_cpu_s": time.process_time()}


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])))
