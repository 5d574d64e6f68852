"""Who else counts: the kernel its cookies, ss its connections."""

from __future__ import annotations

import shutil

import pytest

from tcpinspect.lab.kernel.end import KernelEnd
from tcpinspect.lab.kernel.netstat import cookies_sent, counted_by_ss
from tcpinspect.protocol.rfc9293 import State

from .conftest import KERNEL, SYN_TEXT, Peer, listening


def test_a_cookie_is_counted_when_it_is_sent(private_network: None) -> None:
    with KernelEnd(KERNEL, sysctls={"net.ipv4.tcp_syncookies": 2}) as kernel:
        listening(kernel)
        assert cookies_sent(kernel.namespace) == 0
        Peer(kernel, 80).send(SYN_TEXT)
        assert cookies_sent(kernel.namespace) == 1


def test_ss_counts_the_states_of_one_port(private_network: None) -> None:
    if shutil.which("ss") is None:
        pytest.skip("ss is not installed (Debian package iproute2)")
    with KernelEnd(KERNEL) as kernel:
        listening(kernel)
        peer = Peer(kernel, 80)
        peer.send(SYN_TEXT)
        assert [counted_by_ss(kernel.namespace, state, 80) for state in (State.SYN_RECEIVED, State.ESTABLISHED)] == [1, 0]
        peer.send(". 1:1(0) ack 1")
        assert [counted_by_ss(kernel.namespace, state, 80) for state in (State.SYN_RECEIVED, State.ESTABLISHED)] == [0, 1]
        assert counted_by_ss(kernel.namespace, State.ESTABLISHED, 81) == 0
