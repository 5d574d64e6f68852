"""Traffic for the tests of capturing, run inside their namespace: `python peer.py KIND [WORDS]`.

connect N             N whole TCP connections over lo, with data both ways
frames IFACE N [TAG]  N numbered Ethernet frames, with a VLAN tag if one is given
tun N                 N numbered IPv4 packets that come in through a TUN device `tun9`, which waits for a line on stdin first
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys

_IFF_TUN, _IFF_NO_PI, _TUNSETIFF = 0x0001, 0x1000, 0x400454CA


def connect(count: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for number in range(count):
            with socket.create_connection(server.getsockname()) as client, server.accept()[0] as accepted:
                client.sendall(b"question %d" % number * 300)
                accepted.recv(1 << 16)
                accepted.sendall(b"answer" * 1000)
                client.shutdown(socket.SHUT_WR)
                accepted.shutdown(socket.SHUT_WR)
                while client.recv(1 << 16):
                    pass


def packet(number: int) -> bytes:
    """An IPv4 packet with a SYN whose sequence number is `number`, between addresses of RFC 5737."""
    addresses = bytes([192, 0, 2, 1, 198, 51, 100, 2])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, number & 0xFFFF, 0, 64, 6, 0) + addresses
    return ip + struct.pack("!HHIIBBHHH", 1024, 80, number, 0, 0x50, 2, 1024, 0, 0)


def frames(interface: str, count: int, tag: int | None) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
        out.bind((interface, 0))
        front = bytes.fromhex("ffffffffffff020000000001") + (b"" if tag is None else struct.pack("!HH", 0x8100, tag)) + b"\x08\x00"
        for number in range(count):
            out.send(front + packet(number))


def tun(count: int) -> None:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"tun9", _IFF_TUN | _IFF_NO_PI))
    subprocess.run(["ip", "link", "set", "tun9", "up"], check=True)
    print("up", flush=True)
    sys.stdin.readline()
    for number in range(count):
        os.write(device, packet(number))
    sys.stdin.readline()


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    if kind == "connect":
        connect(int(words[0]))
    elif kind == "frames":
        frames(words[0], int(words[1]), int(words[2]) if len(words) > 2 else None)
    else:
        tun(int(words[0]))
