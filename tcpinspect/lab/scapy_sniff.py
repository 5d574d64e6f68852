"""Sniff a few segments with Scapy and analyse them: for lessons and experiments. Wing: lab. Reading: packet(7), Scapy's sendrecv.

    seen = sniff(port=8080, timeout=5)          wait for what comes
    with sniffing(port=8080) as seen:           or watch what happens in the block
        connect_and_close()
    seen.analysis().connections[0].timeline

Scapy makes an object of every packet: it loses some from a few thousand a second on. On loopback an AF_PACKET socket sees every
packet twice, going out and coming in; the outgoing copy is left out.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from tcpinspect.capture.writing import ETHERNET, RAW_IP, InterfaceToWrite, PcapngWriter, create
from tcpinspect.errors import CaptureError

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

_SETTLE_S = 0.05  # so long nothing must come before a watch ends, so that what is under way is still seen
_PATIENCE_S = 1.0
_NANO = 10**9


class Sniffed:
    """Packets with their times. `records` are (ns since 1970, octets), `packets` the same as Scapy's objects where it saw them."""

    def __init__(self, records: Iterable[tuple[int, bytes]] = (), link_type: int = RAW_IP, iface: str = "") -> None:
        self.records = list(records)
        self.link_type, self.iface = link_type, iface
        self.packets: list[Any] = []

    def __len__(self) -> int:
        return len(self.records)

    def add(self, packet: Any) -> None:
        """Keep a packet of Scapy's; its time has the precision of a float, a quarter of a microsecond."""
        self.records.append((round(float(packet.time) * _NANO), packet.original))
        self.packets.append(packet)

    def write(self, path: str | PathLike[str]) -> None:
        """Write them to a capture: pcap where the name ends in .pcap, else pcapng."""
        with create(fspath(path), [self._interface()]) as out:
            for time_ns, packet in self.records:
                out.write(packet, time_ns)

    def analysis(self) -> Analysis:
        """What the engine makes of them."""
        from tcpinspect.model.analysis import analyze

        stream = io.BytesIO()
        with PcapngWriter(stream, [self._interface()]) as out:
            for time_ns, packet in self.records:
                out.write(packet, time_ns)
        return analyze(stream.getvalue())

    def _interface(self) -> InterfaceToWrite:
        return InterfaceToWrite(self.link_type, name=self.iface)


def sniff(
    *, iface: str = "lo", port: int | None = None, count: int = 0, timeout: float | None = None, until: Callable[[Any], bool] | None = None
) -> Sniffed:
    """Sniff TCP segments on an interface until `count` of them came, `timeout` seconds passed, `until(packet)` is true, or Ctrl-C.

    `port`: only segments from or to it. Raises CaptureError where capturing is not allowed or the interface does not exist.
    """
    seen, socket = _opened(iface)
    try:
        from scapy.sendrecv import sniff as scapy_sniff

        scapy_sniff(opened_socket=socket, prn=seen.add, store=False, lfilter=_wanted(port), count=count, timeout=timeout,
                    stop_filter=until)  # fmt: skip
    finally:
        socket.close()
    return seen


@contextmanager
def sniffing(*, iface: str = "lo", port: int | None = None) -> Iterator[Sniffed]:
    """Sniff TCP segments in the background while the block runs. Raises as sniff()."""
    import threading

    from scapy.sendrecv import AsyncSniffer

    seen, socket = _opened(iface)
    ready = threading.Event()
    watch = AsyncSniffer(opened_socket=socket, prn=seen.add, store=False, lfilter=_wanted(port), started_callback=ready.set)
    try:
        watch.start()
        ready.wait(_PATIENCE_S)
        try:
            yield seen
        finally:
            _settle(seen)
            watch.stop()
    finally:
        socket.close()


def _settle(seen: Sniffed) -> None:
    end = time.monotonic() + _PATIENCE_S
    before = -1
    while len(seen) != before and time.monotonic() < end:
        before = len(seen)
        time.sleep(_SETTLE_S)


def _wanted(port: int | None) -> Callable[[Any], bool]:
    from scapy.layers.inet import TCP

    def wanted(packet: Any) -> bool:
        return TCP in packet and (port is None or port in (packet[TCP].sport, packet[TCP].dport))

    return wanted


def _opened(iface: str) -> tuple[Sniffed, Any]:
    """A listening socket on the interface, and where what it hears is kept."""
    import errno

    from scapy.arch.linux import L2ListenSocket, L2Socket
    from scapy.error import Scapy_Exception

    # The layers first: a socket learns when it is opened which of them its interface speaks.
    from scapy.layers import inet, inet6  # noqa: F401 - for what they register

    # Scapy's L2Socket leaves outgoing packets out, which on loopback are the second copies; elsewhere they are the only ones.
    kind = L2Socket if iface == "lo" else L2ListenSocket
    try:
        socket = kind(iface=iface)
    except PermissionError:
        raise CaptureError(
            "capturing needs the capability CAP_NET_RAW: run it as root, or inside a user namespace (unshare -Urn)"
        ) from None
    except (OSError, ValueError, Scapy_Exception) as error:
        if getattr(error, "errno", errno.ENODEV) == errno.ENODEV:
            raise CaptureError(f"no interface {iface!r}: list them with ip link") from error
        raise CaptureError(f"cannot capture on {iface}: {error}") from error
    return Sniffed(link_type=_link_type(socket), iface=iface), socket


def _link_type(socket: Any) -> int:
    from scapy.layers.l2 import Ether

    return ETHERNET if issubclass(socket.LL, Ether) else RAW_IP
