"""The interfaces of this network namespace and their counters, as the kernel tells them. Floor 1. Reading: rtnetlink(7).

Netlink, not /sys: that shows the namespace it was mounted in, which need not be this one.
"""

from __future__ import annotations

import difflib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from tcpinspect.errors import UsageError

ANY = "any"

# <linux/rtnetlink.h>, <linux/netlink.h>, <linux/if_link.h>, <linux/if_addr.h>
_RTM_NEWLINK, _RTM_GETLINK, _RTM_NEWADDR, _RTM_GETADDR = 16, 18, 20, 22
_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_IFLA_IFNAME, _IFLA_MTU, _IFLA_STATS64 = 3, 4, 23
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
# rtnl_link_stats64 as an array: packets that came as far as the interface and no further.
_RX_DROPPED, _RX_FIFO_ERRORS, _RX_MISSED_ERRORS = 6, 14, 15
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40

# <linux/if_arp.h> to tcpdump.org's link types; what is not here is captured "cooked".
_ARPHRD_ETHER, _ARPHRD_LOOPBACK = 1, 772
_ETHERNET, _RAW_IP, COOKED = 1, 101, 276
_LINK_TYPES = {
    _ARPHRD_ETHER: _ETHERNET, _ARPHRD_LOOPBACK: _ETHERNET,
    0xFFFE: _RAW_IP,  # ARPHRD_NONE: TUN and WireGuard
    519: _RAW_IP, 768: _RAW_IP, 769: _RAW_IP, 776: _RAW_IP,  # ARPHRD_RAWIP, _TUNNEL, _TUNNEL6, _SIT
}  # fmt: skip


@dataclass(slots=True)
class NetworkInterface:
    """One interface. `index` 0 is the pseudo-interface `any`; `dropped` counts what it lost before anybody could see it."""

    name: str
    index: int
    hardware: int
    flags: int
    mtu: int
    dropped: int
    addresses: list[str] = field(default_factory=list)

    @property
    def link_type(self) -> int:
        """The LINKTYPE_ number that its captures have."""
        return _LINK_TYPES.get(self.hardware, COOKED) if self.index else COOKED

    @property
    def up(self) -> bool:
        return bool(self.flags & _IFF_UP)

    @property
    def loopback(self) -> bool:
        return bool(self.flags & _IFF_LOOPBACK)

    @property
    def condition(self) -> str:
        """As `tcpdump -D` prints it: Up, Running, Loopback."""
        words = [word for flag, word in ((_IFF_UP, "Up"), (_IFF_RUNNING, "Running"), (_IFF_LOOPBACK, "Loopback")) if self.flags & flag]
        return ", ".join(words) or "Down"


def interfaces() -> list[NetworkInterface]:
    """All interfaces of this namespace by index, then `any`."""
    found = {one.index: one for one in _links()}
    for index, address in _addresses():
        if index in found:
            found[index].addresses.append(address)
    everything = NetworkInterface(ANY, 0, 0, _IFF_UP | _IFF_RUNNING, 0, sum(one.dropped for one in found.values()))
    return [*(found[index] for index in sorted(found)), everything]


def interface(name: str) -> NetworkInterface:
    """The interface with this name, or this number in the list. Raises UsageError where there is none."""
    known = interfaces()
    for one in known:
        if one.name == name:
            return one
    if name.isdigit() and 1 <= int(name) <= len(known):
        return known[int(name) - 1]
    near = difflib.get_close_matches(name, [one.name for one in known], n=1)
    names = near[0] + "?" if near else ", ".join(one.name for one in known[:8]) + ("…" if len(known) > 8 else "")
    raise UsageError(f'no interface "{name}" here; {"did you mean" if near else "there are"} {names} ("tcpinspect capture -D" lists them)')


def dropped_by(index: int) -> int | None:
    """The count of packets that the interface with this index (0: all together) lost; None when it is gone."""
    counts = [one.dropped for one in _links() if index in (0, one.index)]
    return sum(counts) if counts else None


def _links() -> Iterator[NetworkInterface]:
    for body in _dump(_RTM_GETLINK, _RTM_NEWLINK):
        _, hardware, index, flags, _ = struct.unpack_from("=BxHiII", body)
        found = NetworkInterface("", index, hardware, flags, 0, 0)
        for kind, value in _attributes(body[16:]):
            if kind == _IFLA_IFNAME:
                found.name = value.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif kind == _IFLA_MTU:
                found.mtu = int(struct.unpack("=I", value)[0])
            elif kind == _IFLA_STATS64:
                counters = struct.unpack(f"={len(value) // 8}Q", value[: len(value) // 8 * 8])
                found.dropped = counters[_RX_DROPPED] + counters[_RX_FIFO_ERRORS] + counters[_RX_MISSED_ERRORS]
        yield found


def _addresses() -> Iterator[tuple[int, str]]:
    for body in _dump(_RTM_GETADDR, _RTM_NEWADDR):
        family, index = struct.unpack_from("=BxxxI", body)
        values = dict(_attributes(body[8:]))
        value = values.get(_IFA_LOCAL, values.get(_IFA_ADDRESS))
        if value is not None and family in (socket.AF_INET, socket.AF_INET6):
            yield index, socket.inet_ntop(family, value)


def _dump(request: int, answer: int) -> Iterator[bytes]:
    """The bodies of the kernel's answers to "tell me all"."""
    if not hasattr(socket, "AF_NETLINK"):
        raise UsageError("live captures need Linux: elsewhere record with tcpdump -w, and read the file")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asked:
        asked.bind((0, 0))
        asked.send(struct.pack("=IHHIIB3x", 20, request, _REQUEST_DUMP, 1, 0, socket.AF_UNSPEC))
        while True:
            data = asked.recv(1 << 18)
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind in (_NLMSG_DONE, _NLMSG_ERROR) or length < 16:
                    return
                if kind == answer:
                    yield data[at + 16 : at + length]
                at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3
