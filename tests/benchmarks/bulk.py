"""Make a capture with all of its payload: python tests/benchmarks/bulk.py OUT [MEGABYTES]

One connection sends so much from one network namespace to another over a veth pair whose offloads are off, and tcpdump writes down
whole packets of 1,500 octets. The namespaces are private and go with the process (root, or a system that allows user
namespaces); tcpdump and ip are needed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

_INSIDE = "TCPINSPECT_BENCHMARK_BULK"
NEAR, FAR, PORT = "10.9.0.1", "10.9.0.2", 5001
# <linux/sockios.h>; <linux/ethtool.h>: ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO.
SIOCETHTOOL = 0x8946
SWITCHES = (0x17, 0x19, 0x1F, 0x24, 0x2C)
PIECE = bytes(range(256)) * 1024


def shell(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def wire(far: int) -> None:
    """Two ends of a cable; the far one goes to the namespace of that process."""
    shell("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
    shell("ip", "link", "set", "far", "netns", str(far))
    there = ("nsenter", "--net", "--target", str(far))
    for inside, name, address in (((), "near", NEAR), (there, "far", FAR)):
        shell(*inside, sys.executable, __file__, "--plain", name)
        shell(*inside, "ip", "address", "add", f"{address}/24", "dev", name)
        shell(*inside, "ip", "link", "set", name, "up")


def plain(device: str) -> None:
    """Turn checksum and segmentation offloads off: what is captured is what a wire would carry."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for switch in SWITCHES:
            value = (ctypes.c_uint32 * 2)(switch, 0)
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(value)))


def receive() -> None:
    """Take what comes on the port until its sender closes."""
    with socket.create_server((FAR, PORT)) as server:
        connection = server.accept()[0]
        buffer = bytearray(1 << 20)
        while connection.recv_into(buffer):
            pass


def make(path: Path, octets: int) -> None:
    far = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        time.sleep(0.5)
        wire(far.pid)
        there = ("nsenter", "--net", "--target", str(far.pid))
        receiver = subprocess.Popen([*there, sys.executable, __file__, "--receive"])
        dump = subprocess.Popen(
            ["tcpdump", "-Z", "root", "-i", "near", "-s", "0", "-B", "65536", "-w", str(path), "tcp"], stderr=subprocess.PIPE
        )
        time.sleep(1.5)
        with socket.create_connection((FAR, PORT)) as sender:
            left = octets
            while left > 0:
                left -= sender.send(PIECE[: min(len(PIECE), left)])
        receiver.wait()
        time.sleep(1.5)
        dump.send_signal(signal.SIGINT)
        dump.communicate()
    finally:
        far.kill()
        far.wait()


def main(path: Path, megabytes: int) -> None:
    if _INSIDE not in os.environ:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        inside = {**os.environ, _INSIDE: "1"}
        done = subprocess.run(["unshare", *user, "--net", sys.executable, __file__, str(path), str(megabytes)], env=inside)
        raise SystemExit(done.returncode)
    make(path, megabytes * 1_000_000)


if __name__ == "__main__":
    if sys.argv[1:] == ["--receive"]:
        receive()
    elif len(sys.argv) == 3 and sys.argv[1] == "--plain":
        plain(sys.argv[2])
    elif len(sys.argv) in (2, 3) and sys.argv[-1].isdigit() == (len(sys.argv) == 3):
        main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) == 3 else 1000)
    else:
        sys.exit(__doc__)
