"""A real kernel's TCP as one end of a wire. Wing lab. Reading: tun(4), tcp(7), RFC 9293 §3.9.

    with KernelEnd("192.0.2.1") as end:
        server = end.socket()
        server.bind("192.0.2.1", 80)
        server.listen()
        end.receive(syn, now)            # a whole IP packet arrives
        end.pending()                    # [syn_ack]: what the kernel has sent
        end.truth.steps                  # CLOSED → LISTEN → SYN-RECEIVED

To a wire it is an end like the endpoint of our own: `receive(packet, now)`, `pending(now)`, `next_timer()`. But its clock is the
real one: a wire with a kernel at it runs in real time, and `fileno()` tells when the kernel has something to send.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from tcpinspect.errors import LabError, UsageError
from tcpinspect.lab.kernel.calls import Call, KernelSocket, outcome
from tcpinspect.lab.kernel.device import DeviceKind, Tun, Veth, open_device
from tcpinspect.lab.kernel.tracepoint import Tracepoint
from tcpinspect.lab.kernel.truth import Truth
from tcpinspect.lab.namespaces import Namespace
from tcpinspect.lab.timeline import TrueStep

_Bare = socket.socket
_TCP, _ICMP, _UDP, _ICMP6 = 6, 1, 17, 58
# RFC 4443 §2.1: below 128 is an error; the rest is the neighbour's and the multicast listener's small talk.
_FIRST_INFORMATIONAL = 128


class KernelEnd:
    """One kernel TCP in a private namespace of its own, behind a device. A context manager; `close` removes everything.

    `addresses` (one text or several, IPv4 and IPv6) are the kernel's; whatever else it wants to reach, it sends to the wire.
    `device` is "tun", "veth" or "auto" (TUN where it opens). `user` as for Namespace. `sysctls` are set first, by names such
    as `net.ipv4.tcp_syncookies`. `watch` also opens the tracepoint: True (LabError without root), False, or None where it can
    be had; then take addresses that nobody else on this machine uses. `clock` gives the time of the calls.

    Afterwards `calls` has every call with its outcome, `truth` every state; `departures` and `arrivals` count packets.

    Raises LabError, in one line, where this system cannot do it.
    """

    real_time = True

    def __init__(
        self,
        addresses: str | Iterable[str],
        *,
        device: DeviceKind = "auto",
        mtu: int = 1500,
        user: bool | None = None,
        sysctls: Mapping[str, int | str] | None = None,
        watch: bool | None = False,
        keep_readings: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.addresses = (addresses,) if isinstance(addresses, str) else tuple(addresses)
        self.calls: list[Call] = []
        self._clock = clock
        self._sockets: list[KernelSocket] = []
        self._out: deque[bytes] = deque()
        self.departures = 0
        self.arrivals = 0
        self._device: Tun | Veth | None = None
        self._tracepoint: Tracepoint | None = None
        self.namespace = Namespace(user=user)
        try:
            for name, value in (sysctls or {}).items():
                self.sysctl(name, value)
            self._device = open_device(self.namespace, self.addresses, kind=device, mtu=mtu)
            self._tracepoint = _tracepoint(self.addresses, watch)
            self.truth = Truth(self.namespace, tracepoint=self._tracepoint, keep_readings=keep_readings)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets, remove the device, end the namespace. What was seen stays in `truth` and `calls`."""
        for one in self._sockets:
            one.bare.close()
        for part in (getattr(self, "truth", None), self._tracepoint, self._device):
            if part is not None:
                part.close()
        self.namespace.close()

    @property
    def device(self) -> str:
        """The kind of device in use: "tun" or "veth"."""
        return self._wire.kind

    @property
    def _wire(self) -> Tun | Veth:
        assert self._device is not None
        return self._device

    def sysctl(self, name: str, value: int | str | None = None) -> str:
        """A parameter of this kernel's network, set first when a value is given. Raises UsageError where it has no such one."""
        try:
            return self.namespace.sysctl(name, value)
        except OSError as error:
            if isinstance(error, LabError):
                raise
            raise UsageError(f"no parameter {name} = {value} in a private network of this kernel ({error.strerror})") from error

    # The end of a wire.

    def receive(self, packet: bytes, now: int) -> None:
        """Let the kernel receive a whole IP packet; it is processed, and the kernel's state read, before this returns."""
        self._look(now)
        number = self.arrivals
        self.arrivals += 1
        self._wire.write(packet)
        self.truth.observe(now, departure=self.departures, packet=packet, arrival=number)
        self._collect()

    def pending(self, now: int | None = None) -> list[bytes]:
        """What the kernel has sent since the last time, in its order. Reads its state too: shows what its timers did."""
        self._look(self._clock() if now is None else now)
        out = list(self._out)
        self._out.clear()
        return out

    def next_timer(self) -> int | None:
        """None: this end's timers are the kernel's own and need nobody; `fileno` is readable when they sent something."""
        return None

    def fileno(self) -> int:
        """For select: readable when `pending` has something new."""
        return self._wire.fileno()

    @property
    def steps(self) -> list[TrueStep]:
        """The true timeline of all this kernel's connections."""
        return self.truth.steps

    def _look(self, now: int) -> None:
        """Take what the kernel sent by itself, and read its state."""
        departure = self.departures
        self._collect()
        self.truth.observe(now, departure=departure)

    def _collect(self) -> None:
        while (packet := self._wire.read()) is not None:
            if _worth_carrying(packet):
                self._out.append(packet)
                self.departures += 1

    # The user above.

    def socket(self, *, kind: socket.SocketKind = socket.SOCK_STREAM, version: int | None = None) -> KernelSocket:
        """A new socket of this kernel, for TCP or (SOCK_DGRAM) UDP; of IPv4 or IPv6, by default that of the first address."""
        six = version == 6 if version is not None else ":" in self.addresses[0]
        return self._adopt(self.namespace.socket(socket.AF_INET6 if six else socket.AF_INET, kind))

    def _adopt(self, bare: _Bare) -> KernelSocket:
        name = f"s{len(self._sockets) + 1}"
        made = KernelSocket(bare, name, self._around, self._adopt)
        self._sockets.append(made)
        return made

    def _around(self, action: Callable[[], Any], name: str, call: str, arguments: str) -> Call:
        """Make a call, write it down, and read what it did to the kernel's state."""
        now = self._clock()
        self._look(now)
        record = Call(now, name, call, arguments, *outcome(action))
        self.calls.append(record)
        self.truth.observe(now, departure=self.departures, call=call)
        self._collect()
        return record


def _tracepoint(addresses: Iterable[str], watch: bool | None) -> Tracepoint | None:
    if watch is False:
        return None
    try:
        return Tracepoint(tuple(addresses))
    except LabError:
        if watch:
            raise
        return None


def _worth_carrying(packet: bytes) -> bool:
    """TCP, UDP and ICMP; not what a device says to its link, which no other end would understand."""
    if packet[0] >> 4 == 4:
        return len(packet) > 9 and packet[9] in (_TCP, _UDP, _ICMP)
    if len(packet) <= 40:
        return False
    return packet[6] in (_TCP, _UDP) or (packet[6] == _ICMP6 and packet[40] < _FIRST_INFORMATIONAL)
