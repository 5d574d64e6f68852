"""What is made here works from the moment on at which it is there."""

from __future__ import annotations

import os
import sys

from tcpinspect.lab.namespaces import Namespace
from tests.conftest import ROOT

# Without waiting for the kernel's worker about one frame in two is dropped, and `send` does not say so.
FIRST_FRAMES = """
import socket
from tcpinspect.lab.kernel import links, netlink
arrived = 0
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_ROUTE) as door:
    for number in range(30):
        name, peer = f"near{number}", f"far{number}"
        links.make_veth(name, f"02:00:00:00:01:{number:02x}", peer, 1500)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
            out.bind((name, 0))
            out.send(bytes(60))
        arrived += links.frames_sent(door, socket.if_nametoindex(name))
print(arrived)
"""


def test_a_veth_passes_on_the_very_first_frame(private_network: None) -> None:
    with Namespace() as namespace:
        done = namespace.run([sys.executable, "-c", FIRST_FRAMES], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (done.stdout, done.stderr) == ("30\n", "")
