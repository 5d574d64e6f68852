"""Make devices and give them addresses; runs inside the namespace. Wing lab. Reading: rtnetlink(7), veth(4), tun(4).

The functions are called through `Namespace.call` and `Namespace.open`, so their arguments are plain text and numbers.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import ipaddress
import os
import socket
import struct
import time

from tcpinspect.lab.kernel import netlink
from tcpinspect.lab.kernel.netlink import attribute

# <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>, <linux/neighbour.h>
_NEW_LINK, _GET_LINK, _NEW_ADDRESS, _NEW_ROUTE, _NEW_NEIGHBOUR = 16, 18, 20, 24, 28
_LINK_ADDRESS, _LINK_NAME, _LINK_MTU, _LINK_OPERATION, _LINK_INFO = 1, 3, 4, 16, 18
_OPERATES = 6  # RFC 2863's ifOperStatus up, as <linux/if.h> numbers it
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_ADDRESS, _LOCAL_ADDRESS, _NO_DAD = 1, 2, 0x02
_ROUTE_DEVICE, _ROUTE_GATEWAY, _MAIN_TABLE, _STATIC, _UNICAST, _ONLINK = 4, 5, 254, 4, 1, 4
_NEIGHBOUR, _NEIGHBOUR_MAC, _PERMANENT = 1, 2, 0x80
_LOCAL_ROUTE = 0x80000000  # <linux/ipv6_route.h>: RTF_LOCAL
_PATIENCE_SECONDS = 2
_UP = 0x1
_GET_STATISTICS, _STATISTICS_64 = 94, 1
# <linux/if_tun.h>
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# <linux/ethtool.h>: ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO: one switch each.
_SIOCETHTOOL = 0x8946
_OFFLOAD_SWITCHES = (0x17, 0x19, 0x1F, 0x24, 0x2C)

# The next hop to everywhere, where the device has neighbours: RFC 7600's dummy address, and any link-local one.
GATEWAYS = {4: "192.0.0.8", 6: "fe80::1"}


def open_tun(name: str, mtu: int) -> list[int]:
    """A new TUN device, as its descriptor: what is read from it the kernel sent, what is written to it the kernel receives."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        set_link(name, mtu=mtu, up=True)
    except OSError:
        os.close(descriptor)
        raise
    return [descriptor]


def make_veth(name: str, mac: str, peer: str, mtu: int) -> None:
    """A pair of joined Ethernet devices, both at work: `name` for the kernel, `peer` without address for whoever listens there."""
    peer_link = _link_message(0, 0) + attribute(_LINK_NAME, peer.encode()) + attribute(_LINK_MTU, struct.pack("=I", mtu))
    info = attribute(_INFO_KIND, b"veth") + attribute(_INFO_DATA, attribute(_VETH_PEER, peer_link))
    body = _link_message(0, 0) + attribute(_LINK_NAME, name.encode()) + attribute(_LINK_ADDRESS, _mac(mac))
    body += attribute(_LINK_MTU, struct.pack("=I", mtu)) + attribute(_LINK_INFO, info)
    _command(_NEW_LINK, netlink.CREATE_NEW, body, f"veth {name}")
    for device in (name, peer):
        _quiet(device)
        _turn_offloads_off(device)
        set_link(device, mtu=mtu, up=True)
    for device in (name, peer):
        _await_operation(device)


def _await_operation(device: str) -> None:
    """Until a worker of the kernel has seen that its other end is up, a device drops what is sent, and send says that all is well.

    Reading: Documentation/networking/operstates.rst of Linux; linkwatch_do_dev(), noop_enqueue().
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_ROUTE) as door:
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            door.send(netlink.message(_GET_LINK, 0, _link_message(socket.if_nametoindex(device), 0)))
            (answer,) = netlink.answers(door, f"device {device}")
            if any(kind == _LINK_OPERATION and value[0] == _OPERATES for kind, value in netlink.attributes(memoryview(answer)[16:])):
                return
            time.sleep(0.001)


def set_link(name: str, *, mtu: int, up: bool) -> None:
    """Set a device's MTU and switch it on or off."""
    _quiet(name)
    body = _link_message(socket.if_nametoindex(name), _UP if up else 0) + attribute(_LINK_MTU, struct.pack("=I", mtu))
    _command(_NEW_LINK, 0, body, f"device {name}")


def add_address(device: str, address: str) -> None:
    """Give a device an address of its own, usable at once (no duplicate address detection)."""
    ip = ipaddress.ip_address(address)
    if ip.version == 6:
        _write(f"net/ipv6/conf/{device}/disable_ipv6", "0")
    body = struct.pack("=BBBBI", _family(ip.version), ip.max_prefixlen, _NO_DAD, 0, socket.if_nametoindex(device))
    _command(_NEW_ADDRESS, netlink.CREATE_NEW, body + attribute(_LOCAL_ADDRESS, ip.packed) + attribute(_ADDRESS, ip.packed), address)
    if ip.version == 6:
        _await_local_route(ip.packed.hex())


def _await_local_route(address: str) -> None:
    """Until a worker of the kernel has made the way to an IPv6 address, packets to it are dropped. Most often it is there already."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        with open("/proc/net/ipv6_route", encoding="ascii") as file:
            for words in map(str.split, file):
                if words[0] == address and int(words[8], 16) & _LOCAL_ROUTE:
                    return
        time.sleep(0.001)


def route_everything(device: str, version: int, gateway_mac: str | None) -> None:
    """Send all of IPv4 or IPv6 through a device; on Ethernet to a gateway whose MAC address is set and never asked for."""
    index = socket.if_nametoindex(device)
    family = _family(version)
    flags, gateway = 0, b""
    if gateway_mac is not None:
        packed = ipaddress.ip_address(GATEWAYS[version]).packed
        flags, gateway = _ONLINK, attribute(_ROUTE_GATEWAY, packed)
        body = struct.pack("=BBHiHBB", family, 0, 0, index, _PERMANENT, 0, 0)
        body += attribute(_NEIGHBOUR, packed) + attribute(_NEIGHBOUR_MAC, _mac(gateway_mac))
        _command(_NEW_NEIGHBOUR, netlink.CREATE_NEW, body, f"the neighbour on {device}")
    body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _MAIN_TABLE, _STATIC, 0, _UNICAST, flags)
    body += attribute(_ROUTE_DEVICE, struct.pack("=I", index)) + gateway
    _command(_NEW_ROUTE, netlink.CREATE_NEW, body, f"the route through {device}")


def frames_sent(door: socket.socket, index: int) -> int:
    """How many frames the kernel has sent through a device, asked through a NETLINK_ROUTE socket of its namespace."""
    body = struct.pack("=BBHII", 0, 0, 0, index, 1 << (_STATISTICS_64 - 1))
    door.send(netlink.message(_GET_STATISTICS, 0, body))
    (answer,) = netlink.answers(door, "statistics")
    for kind, value in netlink.attributes(memoryview(answer)[12:]):
        if kind == _STATISTICS_64:
            return int(struct.unpack_from("=QQ", value)[1])
    raise OSError(errno.ENODATA, os.strerror(errno.ENODATA), "statistics")


def _command(kind: int, flags: int, body: bytes, what: str) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_ROUTE) as door:
        netlink.command(door, netlink.message(kind, flags | netlink.ACKNOWLEDGE, body), what)


def _link_message(index: int, flags: int) -> bytes:
    return struct.pack("=BBHiII", 0, 0, 0, index, flags, _UP)


def _family(version: int) -> int:
    return int(socket.AF_INET if version == 4 else socket.AF_INET6)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _write(name: str, value: str) -> None:
    with open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
        file.write(value)


def _quiet(device: str) -> None:
    """Let a device say nothing by itself: no IPv6 address of its own making, so no router solicitations."""
    try:
        _write(f"net/ipv6/conf/{device}/disable_ipv6", "1")
        _write(f"net/ipv6/conf/{device}/addr_gen_mode", "1")
    except FileNotFoundError:
        # A kernel without IPv6.
        pass


def _turn_offloads_off(device: str) -> None:
    """Have checksums computed and segments cut before the frame is seen, as they look on a real cable."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for switch in _OFFLOAD_SWITCHES:
            value = ctypes.create_string_buffer(struct.pack("=II", switch, 0))
            fcntl.ioctl(any_socket, _SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(value)))
