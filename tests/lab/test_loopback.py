"""A client crafted with Scapy against a real server on plain loopback, in a private network so that no root is needed."""

from __future__ import annotations

import json

import pytest

from tcpinspect.errors import LabError
from tcpinspect.lab.loopback import reserve
from tcpinspect.lab.namespaces import Namespace

from .conftest import script

pytest.importorskip("scapy")
pytestmark = pytest.mark.usefixtures("private_network")

# Crafts SYN, ACK, data and reads the answers; prints the first answer's flags, what the real server got,
# and how many resets this network's kernel has sent.
CLIENT = """
import contextlib, json, logging, socket
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.all import IP, TCP, conf, send, sr1
from tcpinspect.lab.loopback import reserve
conf.verb = 0
server = socket.create_server(("127.0.0.1", 0))
server.settimeout(0.5)
to = server.getsockname()[1]
with RESERVED as port:
    base = IP(dst="127.0.0.1") / TCP(sport=port, dport=to)
    base[TCP].seq, base[TCP].flags = 1000, "S"
    syn_ack = sr1(base, timeout=2)
    base[TCP].flags, base[TCP].seq, base[TCP].ack = "A", 1001, syn_ack[TCP].seq + 1
    send(base)
    with contextlib.suppress(TimeoutError, ConnectionError):
        connection, _ = server.accept()
        connection.settimeout(2)
        base[TCP].flags = "PA"
        answer = sr1(base / b"crafted", timeout=1)
        got = connection.recv(100).decode()
    names, values = [line.split() for line in open("/proc/net/snmp") if line.startswith("Tcp:")]
    print(json.dumps([str(syn_ack[TCP].flags), globals().get("got"), int(values[names.index("OutRsts")])]))
"""


def crafted(reserved: str) -> tuple[str, str | None, int]:
    with Namespace() as network:
        done = network.run(script(CLIENT.replace("RESERVED", reserved)), cwd="/")
    assert done.stdout, done.stderr
    return tuple(json.loads(done.stdout))


def test_with_the_port_reserved_a_crafted_client_talks_to_a_real_server() -> None:
    assert crafted("reserve('127.0.0.1')") == ("SA", "crafted", 0)


def test_without_it_the_kernel_resets_the_handshake() -> None:
    flags, got, resets = crafted("contextlib.nullcontext(40001)")
    assert (flags, got) == ("SA", None)
    assert resets >= 1


def test_a_port_in_use_is_an_error_of_one_line() -> None:
    with reserve() as port, pytest.raises(LabError, match=f"port {port} of 127.0.0.1 cannot be reserved") as refused, reserve(port=port):
        pass
    assert "\n" not in str(refused.value)


def test_ipv6_too() -> None:
    with reserve("::1") as port:
        assert port > 0
