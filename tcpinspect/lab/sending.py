"""Send crafted packets, to where no stranger is. Wing: lab. Reading: raw(7), network_namespaces(7), ioctl_ns(2).

Loopback is always allowed, and so is everything from a network namespace that is not the machine's own. Any other destination has
to be allowed by name, and is announced before the first packet leaves.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tcpinspect.errors import UsageError

_NS_GET_USERNS = 0xB701  # ioctl_ns(2): a descriptor of the user namespace that owns this one


class Sendable(Protocol):
    """Where a packet goes, and the packet as Scapy's object; in words by str()."""

    @property
    def dst(self) -> str: ...
    @property
    def packet(self) -> Any: ...


def send(
    segments: Sequence[Sendable], *, iface: str | None = None, allow_external: bool = False, announce: Callable[[str], None] | None = None
) -> int:
    """Send the packets in their order and give their number. See `crafting.Exchange.send`."""
    strangers = sorted({one.dst for one in segments if not is_loopback(one.dst)})
    if strangers and not in_private_namespace():
        text = f"{len(segments)} crafted packet{'s' if len(segments) != 1 else ''} to {', '.join(strangers)}"
        if not allow_external:
            raise UsageError(
                f"{text} would leave this machine: send to 127.0.0.1 or ::1, use a namespace of its own, or allow it with "
                "--allow-external (allow_external=True) where you may"
            )
        (announce or logging.getLogger("tcpinspect").warning)(f"sending {text}{f' through {iface}' if iface else ''}: {segments[0]}")
    try:
        return _send(segments, iface)
    except PermissionError:
        raise UsageError(
            "sending raw packets needs the capability CAP_NET_RAW: run it as root, or inside a user namespace (unshare -Urn)"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot send to {segments[0].dst}: {error.strerror or error}") from error


def _send(segments: Sequence[Sendable], iface: str | None) -> int:
    from scapy.sendrecv import send as scapy_send

    # Scapy remarks on stderr that nobody answered its ARP, which in a laboratory is no news.
    remarks = logging.getLogger("scapy.runtime")
    level = remarks.level
    remarks.setLevel(logging.ERROR)
    try:
        for one in segments:
            scapy_send(one.packet, iface=iface or ("lo" if is_loopback(one.dst) else None), verbose=0)
    finally:
        remarks.setLevel(level)
    return len(segments)


def is_loopback(address: str) -> bool:
    """Whether packets to this address stay on the machine: 127/8 and ::1."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def in_private_namespace() -> bool:
    """Whether the network is not the machine's: not that of its first process, or made inside our own user namespace.

    Where that cannot be told, the network is taken for the machine's.
    """
    try:
        return os.readlink("/proc/self/ns/net") != os.readlink("/proc/1/ns/net")
    except OSError:  # the first process is not ours to look at
        return _made_by_our_user_namespace()


def _made_by_our_user_namespace() -> bool:
    """Whether the network namespace belongs to our user namespace, and that is not the machine's own."""
    import fcntl

    try:
        with open("/proc/self/uid_map", encoding="ascii") as table:
            if table.read().split() == ["0", "0", "4294967295"]:  # user_namespaces(7): the initial one maps everybody to himself
                return False
        with open("/proc/self/ns/net", "rb") as network:
            owner = fcntl.ioctl(network.fileno(), _NS_GET_USERNS)
        try:
            return os.fstat(owner).st_ino == os.stat("/proc/self/ns/user").st_ino
        finally:
            os.close(owner)
    except OSError:
        return False
