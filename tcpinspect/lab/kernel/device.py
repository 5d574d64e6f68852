"""The cable end in front of a kernel: read the IP packets it sends, write the ones it shall receive. Wing lab.

Reading: tun(4), veth(4), packet(7). Both kinds behave alike: what is written is processed before `write` returns.

- `Tun`: raw IP, nothing else in between; needs a /dev/net/tun that opens.
- `Veth`: an Ethernet pair; we sit at the end that has no address, with a packet socket. Frames of the kernel go to a
  MAC address that nobody owns, set as a permanent neighbour: so nobody but the packet socket takes them, and no ARP asks.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Sequence
from typing import Literal, Protocol

from tcpinspect.errors import LabError
from tcpinspect.lab.kernel import links
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


class Device(Protocol):
    """Where a kernel's packets come out and go in; whole IP packets, without a link-layer header."""

    kind: str

    def read(self) -> bytes | None:
        """The next packet that the kernel sent, or None when none waits."""

    def write(self, packet: bytes) -> None:
        """Let the kernel receive a packet. What is no IP packet at all it does not get to see."""

    def fileno(self) -> int:
        """For select: readable when a packet waits."""

    def close(self) -> None:
        """Remove the device."""


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
        with contextlib.suppress(InterruptedError):
            try:
                os.write(self._descriptor, packet)
            except OSError as error:
                if error.errno != 22:
                    raise

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Veth:
    """A veth pair inside the namespace, and a packet socket on its far end."""

    kind = "veth"

    def __init__(self, namespace: Namespace, mtu: int) -> None:
        """Raises OSError where the kernel has no veth."""
        self.name = "veth0"
        namespace.call(links.make_veth, self.name, _KERNEL_MAC, "wire0", mtu)
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind(("wire0", _ETH_P_ALL))
        self._socket.setblocking(False)

    def read(self) -> bytes | None:
        while True:
            try:
                frame, address = self._socket.recvfrom(_PACKET_BYTES)
            except BlockingIOError:
                return None
            if address[2] != _PACKET_OUTGOING and frame[:6] == _TO_NOBODY and frame[12:14] in _ETHERTYPES.values():
                return frame[14:]

    def write(self, packet: bytes) -> None:
        ethertype = _ETHERTYPES.get(packet[0] >> 4) if packet else None
        if ethertype is not None:
            self._socket.send(_TO_KERNEL + ethertype + packet)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


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
