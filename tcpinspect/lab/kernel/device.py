"""The cable end in front of a kernel: read the IP packets it sends, write the ones it shall receive. Wing lab.

Reading: tun(4), veth(4), packet(7). Both kinds behave alike: `read` gives the next whole IP packet
that the kernel sent, None when none waits; what is written is processed before `write` returns, but for what is no IP packet
at all, which the kernel does not get to see. `fileno` is for select: readable when a packet waits.

- `Tun`: raw IP, nothing else in between; needs a /dev/net/tun that opens.
- `Veth`: an Ethernet pair; we sit at the end that has no address, with a packet socket. Frames of the kernel go to a
  MAC address that nobody owns, set as a permanent neighbour: so nobody but the packet socket takes them, and no ARP asks.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import select
import socket
import struct
from collections.abc import Sequence
from typing import Literal

from tcpinspect.errors import LabError
from tcpinspect.lab.kernel import links, netlink
from tcpinspect.lab.namespaces import Namespace

DeviceKind = Literal["auto", "tun", "veth"]

_PACKET_BYTES = 1 << 16
_PACKET_OUTGOING = 4
_ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
_ETH_P_ALL = 0x0003
_KERNEL_MAC = "02:00:00:00:00:01"
# Locally administered, and on no device: to the receiving stack such a frame is somebody else's.
_NOBODYS_MAC = "02:00:00:00:00:02"
_TO_KERNEL = bytes.fromhex((_KERNEL_MAC + _NOBODYS_MAC).replace(":", ""))
_TO_NOBODY = bytes.fromhex(_NOBODYS_MAC.replace(":", ""))
_FAR_END = "wire0"
# IEEE 802: 88-B5 is for local experiments. No protocol of the kernel listens to it.
_ETH_P_EXPERIMENTAL = 0x88B5
_ECHO = _TO_KERNEL + struct.pack("!H", _ETH_P_EXPERIMENTAL) + b"tcpinspect: all before this is processed"
_PATIENCE_SECONDS = 2

_libc = ctypes.CDLL(None)


class Tun:
    """A TUN device; it disappears with its descriptor."""

    kind = "tun"

    def __init__(self, namespace: Namespace, mtu: int) -> None:
        """Raises OSError where /dev/net/tun does not open."""
        (self._descriptor,) = namespace.open(links.open_tun, "tun0", mtu)
        self.name = "tun0"

    def read(self) -> bytes | None:
        try:
            return os.read(self._descriptor, _PACKET_BYTES)
        except BlockingIOError:
            return None

    def write(self, packet: bytes) -> None:
        # EINVAL is the device's answer to what is neither IPv4 nor IPv6, or too short to be either.
        try:
            os.write(self._descriptor, packet)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Veth:
    """A veth pair inside the namespace, and a packet socket on its far end.

    On a busy machine the kernel puts off what passes a veth (to its ksoftirqd). So `write` sends a frame of ours behind the
    packet, through the same queue, and waits until that one came out; and `read` counts what the kernel says it has sent.
    """

    kind = "veth"
    name = "veth0"

    def __init__(self, namespace: Namespace, mtu: int) -> None:
        """Raises OSError where the kernel has no veth."""
        namespace.call(links.make_veth, self.name, _KERNEL_MAC, _FAR_END, mtu)
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._echo = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._counters = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_ROUTE)
        self._socket.bind((_FAR_END, _ETH_P_ALL))
        self._echo.bind((self.name, _ETH_P_EXPERIMENTAL))
        self._socket.setblocking(False)
        self._index = int(namespace.call(socket_index, self.name))
        self._seen = self._sent()

    def read(self) -> bytes | None:
        while True:
            try:
                frame, address = self._socket.recvfrom(_PACKET_BYTES)
            except BlockingIOError:
                if not self._await_the_rest():
                    return None
                continue
            if address[2] == _PACKET_OUTGOING:
                continue
            self._seen += 1
            if frame[:6] == _TO_NOBODY and frame[12:14] in _ETHERTYPES.values():
                return frame[14:]

    def _await_the_rest(self) -> bool:
        """Wait for what the kernel has sent and what has not come out yet; False when there is nothing such."""
        sent = self._sent()
        if self._seen >= sent:
            return False
        if select.select([self._socket], [], [], _PATIENCE_SECONDS)[0]:
            return True
        # Lost in the packet socket, whose queue was full.
        self._seen = sent
        return False

    def _sent(self) -> int:
        """How many frames the kernel has sent through its end."""
        return links.frames_sent(self._counters, self._index)

    def write(self, packet: bytes) -> None:
        ethertype = _ETHERTYPES.get(packet[0] >> 4) if packet else None
        if ethertype is None:
            return
        # Each processor has a queue of its own: both frames must go into the same one.
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {_current_cpu(allowed)})
        try:
            self._socket.send(_TO_KERNEL + ethertype + packet)
            self._socket.send(_ECHO)
        finally:
            os.sched_setaffinity(0, allowed)
        if select.select([self._echo], [], [], _PATIENCE_SECONDS)[0]:
            self._echo.recv(len(_ECHO))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        for one in (self._socket, self._echo, self._counters):
            one.close()


def socket_index(name: str) -> int:
    """The number of a device; called inside."""
    return socket.if_nametoindex(name)


def _current_cpu(allowed: set[int]) -> int:
    """The processor that this thread runs on, so that pinning it there moves nothing."""
    cpu = int(_libc.sched_getcpu())
    return cpu if cpu in allowed else min(allowed)


def open_device(namespace: Namespace, addresses: Sequence[str], *, kind: DeviceKind = "auto", mtu: int = 1500) -> Tun | Veth:
    """A device with these addresses, through which everything else is reached. "auto" takes TUN where it opens, else veth.

    Raises LabError when the kernel gives neither, or not the one asked for.
    """
    device = _make(namespace, kind, mtu)
    versions = {ipaddress.ip_address(address).version for address in addresses}
    try:
        for address in addresses:
            namespace.call(links.add_address, device.name, address)
        for version in versions:
            namespace.call(links.route_everything, device.name, version, _NOBODYS_MAC if device.kind == "veth" else None)
    except OSError as error:
        device.close()
        raise LabError(f"cannot set up {error.filename} on {device.name} in the private network: {error.strerror}") from error
    return device


def _make(namespace: Namespace, kind: DeviceKind, mtu: int) -> Tun | Veth:
    closed = ""
    if kind != "veth":
        try:
            return Tun(namespace, mtu)
        except OSError as error:
            closed = f"/dev/net/tun does not open ({error.strerror})"
            if kind == "tun":
                raise LabError(f'{closed}: take the device "veth", which needs none') from error
    try:
        return Veth(namespace, mtu)
    except OSError as error:
        raise LabError(f"no veth device in the private network ({error.strerror}){closed and ', and ' + closed}") from error
