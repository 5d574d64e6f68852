"""Two kernels on a cable: what the capture tells is what they did."""

from __future__ import annotations

import time

import pytest

from tcpinspect.errors import LabError, UsageError
from tcpinspect.lab.endpoint import Endpoint
from tcpinspect.lab.ends import EndpointEnd
from tcpinspect.lab.hosts import TwoHosts
from tcpinspect.lab.kernel.netstat import counter
from tcpinspect.lab.namespaces import usable
from tcpinspect.lab.wire import Wire

NO_LAB = usable()
needs_the_lab = pytest.mark.skipif(NO_LAB is not None, reason=NO_LAB or "")


@needs_the_lab
def test_a_lost_last_ack_is_why_time_wait_waits() -> None:
    with TwoHosts(delay_ms=2, rules=["lose the second ACK from A"]) as hosts:
        client, server = hosts.connect()
        client.close()
        hosts.run()
        server.close()
        hosts.run(quiet_ms=600)
    connection = hosts.analysis().connections[0]
    assert hosts.true_states("client") == [step.to_state for step in connection.client.timeline]
    assert hosts.true_states("client")[-1] == "TIME-WAIT" and hosts.true_states("server")[-1] == "CLOSED"
    assert connection.server.retransmissions == 1, "the FIN, again"


@needs_the_lab
@pytest.mark.parametrize("pause_ms", [0, 120])
def test_what_is_sent_again_is_what_the_kernel_says_it_sent_again(pause_ms: int) -> None:
    """Whoever carries the packets may be late. A kernel that hears nothing for two round trips repeats its last segment, and that only:
    the tail loss probe of RFC 8985 §7. So [4, 4, 6] becomes [4, 4, 6, 6]."""
    with TwoHosts(delay_ms=20) as hosts:
        client, _ = hosts.connect()
        client.setsockopt("TCP_NODELAY", 1)
        for message in (b"one.", b"two.", b"three."):
            client.send(message)
        time.sleep(pause_ms / 1000)
        hosts.run()
        again = counter(hosts.client.namespace, "Tcp", "RetransSegs")
        probes = counter(hosts.client.namespace, "TcpExt", "TCPLossProbes")
    assert again is not None
    data = [segment for segment in hosts.analysis().connections[0].segments if segment.payload_len]
    assert [segment.payload_len for segment in data if not segment.retransmission] == [4, 4, 6]
    assert len(data) == 3 + again
    if pause_ms:
        assert again and probes == 1 and data[3].retransmission and data[3].payload_len == 6


@needs_the_lab
def test_a_handshake_that_does_not_end_says_so() -> None:
    with TwoHosts(rules=["lose every SYN-ACK from B"]) as hosts, pytest.raises(LabError, match="the handshake did not come to an end"):
        hosts.connect()


def test_a_rule_that_says_nothing_leaves_nothing_behind() -> None:
    with pytest.raises(UsageError, match="no rule for a wire"):
        TwoHosts(rules=["be kind"])


def test_a_port_where_nobody_listens_answers_who_asked() -> None:
    asking = EndpointEnd(Endpoint(("192.0.2.1", 4000), ("198.51.100.2", 80), iss=1))
    wire = Wire(asking, EndpointEnd(Endpoint(("198.51.100.2", 80), iss=2)))
    wire.at(0, asking.endpoint.open_active)
    wire.run()
    assert wire.analysis().connections[0].handshake == "refused"
