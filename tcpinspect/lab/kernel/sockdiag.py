"""Ask a kernel for the state of all its TCP sockets: sock_diag, with our own reading of its structures. Wing lab.

Reading: sock_diag(7), <linux/inet_diag.h>, <linux/tcp.h>.

The same door that `ss` uses, but open all the time: one reading takes a tenth of a millisecond, so that there
can be one after every packet.
It shows what no other source shows together: SYN-RECEIVED before the third segment, and TIME-WAIT.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from functools import lru_cache
from typing import NamedTuple

from tcpinspect.lab.kernel import netlink
from tcpinspect.lab.namespaces import Namespace
from tcpinspect.protocol.rfc9293 import State

# <net/tcp_states.h>. 12 is a passive opening before its third segment; sock_diag itself calls it 3.
LINUX_STATES: dict[int, State] = {
    1: State.ESTABLISHED, 2: State.SYN_SENT, 3: State.SYN_RECEIVED, 4: State.FIN_WAIT_1, 5: State.FIN_WAIT_2, 6: State.TIME_WAIT,
    7: State.CLOSED, 8: State.CLOSE_WAIT, 9: State.LAST_ACK, 10: State.LISTEN, 11: State.CLOSING, 12: State.SYN_RECEIVED,
}  # fmt: skip
_EVERY_STATE = sum(1 << number for number in LINUX_STATES)

_BY_FAMILY = 20
_INFO = 2
_REQUEST = struct.Struct("=BBBxI48x")
# family, state, timer, retransmits; ports, addresses, interface, cookie; expires, queues, user, inode.
_MESSAGE = struct.Struct("=BBBB2s2s16s16sIQIIIII")


class TcpSocket(NamedTuple):
    """One TCP socket as sock_diag shows it at one moment.

    `timer` is what runs: "", "retransmission", "keep-alive" (any other timer of a connection), "time-wait" or "probe", and
    `expires_ms` when it ends. Of a listener, `receive_queue` counts the connections that wait for accept, `send_queue` is the
    backlog; else both count octets: received and not read, sent and not acknowledged. `info` is a raw tcp_info: `tcp_info`.
    """

    address: str
    port: int
    peer_address: str
    peer_port: int
    state: State
    timer: str
    retransmits: int
    expires_ms: int
    receive_queue: int
    send_queue: int
    cookie: int
    info: bytes


_TIMERS = ("", "retransmission", "keep-alive", "time-wait", "probe")


class SocketTable:
    """The TCP sockets of one namespace, read as often as wanted. `close` when done."""

    def __init__(self, namespace: Namespace) -> None:
        """Raises LabError or OSError where the kernel was built without sock_diag."""
        self._door = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_SOCK_DIAG)
        self._requests = [
            netlink.message(_BY_FAMILY, netlink.DUMP, _REQUEST.pack(family, socket.IPPROTO_TCP, 1 << (_INFO - 1), _EVERY_STATE))
            for family in (socket.AF_INET, socket.AF_INET6)
        ]

    def read(self) -> list[TcpSocket]:
        """All TCP sockets of the namespace, at this moment."""
        return [_parse(body) for request in self._requests for body in netlink.dump(self._door, request, "sock_diag")]

    def close(self) -> None:
        """Close the door to the kernel."""
        self._door.close()


def _parse(body: bytes) -> TcpSocket:
    fields = _MESSAGE.unpack_from(body)
    family, state, timer, retransmits, port, peer_port, address, peer_address, _, cookie, expires, received, sent, _, _ = fields
    info = b""
    for kind, value in netlink.attributes(memoryview(body)[_MESSAGE.size :]):
        if kind == _INFO:
            info = bytes(value)
    return TcpSocket(
        address_text(family, address), int.from_bytes(port, "big"), address_text(family, peer_address), int.from_bytes(peer_port, "big"),
        LINUX_STATES[state], _TIMERS[timer] if timer < len(_TIMERS) else "", retransmits, expires, received, sent, cookie, info,
    )  # fmt: skip


@lru_cache(4096)
def address_text(family: int, packed: bytes) -> str:
    """The text of an address as the packets have it: an IPv4 address in IPv6 clothes is an IPv4 address."""
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, packed[:4])
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)


# struct tcp_info of <linux/tcp.h>, in its order; it only ever grew, so an older kernel gives a shorter one. Times are µs
# where the header says so (rto, ato, rtt, rttvar, busy and limited times), else ms.
_INFO_FIELDS = (
    "B state ca_state retransmits probes backoff options wscales app_limited",
    "I rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv last_ack_recv "
    "pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans",
    "Q pacing_rate max_pacing_rate bytes_acked bytes_received",
    "I segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out",
    "Q delivery_rate busy_time rwnd_limited sndbuf_limited",
    "I delivered delivered_ce",
    "Q bytes_sent bytes_retrans",
    "I dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash",
)


def _layout() -> dict[str, tuple[struct.Struct, int]]:
    places, at = {}, 0
    for line in _INFO_FIELDS:
        code, *names = line.split()
        one = struct.Struct("=" + code)
        for name in names:
            places[name] = (one, at)
            at += one.size
    return places


_INFO_PLACES = _layout()


def tcp_info(raw: bytes) -> dict[str, int]:
    """A tcp_info by the names of <linux/tcp.h>, without their prefix `tcpi_`; what this kernel does not tell is absent.

    The two window scales come apart, as `snd_wscale` and `rcv_wscale`.
    """
    info = {name: one.unpack_from(raw, at)[0] for name, (one, at) in _INFO_PLACES.items() if at + one.size <= len(raw)}
    if "wscales" in info:
        both = info.pop("wscales")
        info["snd_wscale"], info["rcv_wscale"] = both & 0x0F, both >> 4
    return info
