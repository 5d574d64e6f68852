"""Capture files out: pcap and pcapng with nanoseconds, from packets that already are bytes. Floor 1.

    with create("lab.pcapng", [InterfaceToWrite(RAW_IP, name="lab0")], comment="a three-way handshake") as out:
        out.write(packet, time_ns, comment="the SYN", flags=pcapng.OUTBOUND)

The ending decides: `.pcap` has one link type and no comments, anything else is pcapng. Files are little-endian and hold nothing
that changes from run to run: the same packets give the same bytes. `section_block`, `interface_block`, `packet_block` and
`statistics_block` build pcapng's blocks for those who write by themselves.
Reading: draft-ietf-opsawg-pcap-05, draft-ietf-opsawg-pcapng-03 §3, §4; tcpdump.org's list of link-layer header types.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from tcpinspect.capture import pcapng
from tcpinspect.errors import CaptureError, UsageError

ETHERNET, RAW_IP = 1, 101  # link types
MAX_PACKET = 262144  # libpcap's MAXIMUM_SNAPLEN: readers take more for damage
PCAP_MAGIC_US, PCAP_MAGIC_NS = 0xA1B2C3D4, 0xA1B23C4D  # draft-ietf-opsawg-pcap §4

_NANO = 10**9
_PCAP_SECONDS = 1 << 32  # pcap's seconds are unsigned 32-bit numbers


@dataclass(frozen=True, slots=True)
class InterfaceToWrite:
    """An interface to announce: its link type, and what pcapng can say about it."""

    link_type: int
    name: str = ""
    description: str = ""
    snaplen: int = MAX_PACKET
    capture_filter: str = ""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What an interface counted; None where nobody knows. In packets: `received` came to the interface, `dropped_interface` it lost
    itself, `accepted` passed the filter, `dropped_system` found no room in the system's buffer, `delivered` is in the file.
    """

    start_ns: int | None = None
    end_ns: int | None = None
    received: int | None = None
    dropped_interface: int | None = None
    accepted: int | None = None
    dropped_system: int | None = None
    delivered: int | None = None


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, text: str) -> bytes:
    """A text option, nothing for an empty one; a length has 16 bits, so longer text is cut."""
    value = text.encode("utf-8", "replace")[:65535].decode("utf-8", "ignore").encode()
    return _option(code, value) if value else b""


def _block(kind: int, body: bytes, options: bytes = b"") -> bytes:
    if options:
        options += struct.pack("<HH", pcapng.END_OF_OPTIONS, 0)
    total = 12 + len(body) + len(options)
    return struct.pack("<II", kind, total) + body + options + struct.pack("<I", total)


def _stamp(time_ns: int) -> bytes:
    """A pcapng time: the upper half first, whatever the byte order."""
    return struct.pack("<II", time_ns >> 32, time_ns & 0xFFFFFFFF)


def pcap_header(link_type: int, snaplen: int, magic: int = PCAP_MAGIC_NS) -> bytes:
    """The header of a classic pcap file."""
    return struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)


def section_block(comment: str = "", application: str = "tcpinspect", system: str = "") -> bytes:
    """The section header; its length is left open, as one who does not know the end must. `system`: where it was captured."""
    body = struct.pack("<IHHq", pcapng.BYTE_ORDER_MAGIC, 1, 0, -1)
    options = _text(pcapng.COMMENT, comment) + _text(pcapng.SHB_OS, system) + _text(pcapng.SHB_USERAPPL, application)
    return _block(pcapng.SECTION, body, options)


def interface_block(interface: InterfaceToWrite) -> bytes:
    """The description of an interface whose clock ticks nanoseconds."""
    options = _text(pcapng.IF_NAME, interface.name) + _text(pcapng.IF_DESCRIPTION, interface.description)
    options += _option(pcapng.IF_TSRESOL, b"\x09")
    if interface.capture_filter:  # the octet in front says that it is libpcap's text
        options += _option(pcapng.IF_FILTER, b"\0" + interface.capture_filter.encode("utf-8", "replace")[:65534])
    return _block(pcapng.INTERFACE, struct.pack("<HHI", interface.link_type, 0, interface.snaplen), options)


def packet_block(
    packet: bytes, time_ns: int, *, interface: int = 0, wire_length: int | None = None, comment: str = "", flags: int = 0
) -> bytes:
    """An enhanced packet block. `flags` is the flags word, of pcapng's INBOUND … bits; 0 writes none."""
    size = len(packet)
    body = struct.pack("<I", interface) + _stamp(time_ns) + struct.pack("<II", size, size if wire_length is None else wire_length)
    options = _text(pcapng.COMMENT, comment) + (_option(pcapng.EPB_FLAGS, struct.pack("<I", flags)) if flags else b"")
    return _block(pcapng.ENHANCED_PACKET, body + packet + bytes(-size % 4), options)


def statistics_block(time_ns: int, counted: Statistics, *, interface: int = 0) -> bytes:
    """What an interface counted until that time."""
    times = ((pcapng.ISB_STARTTIME, counted.start_ns), (pcapng.ISB_ENDTIME, counted.end_ns))
    numbers = (
        (pcapng.ISB_IFRECV, counted.received), (pcapng.ISB_IFDROP, counted.dropped_interface),
        (pcapng.ISB_FILTERACCEPT, counted.accepted), (pcapng.ISB_OSDROP, counted.dropped_system),
        (pcapng.ISB_USRDELIV, counted.delivered),
    )  # fmt: skip
    options = b"".join(_option(code, _stamp(at)) for code, at in times if at is not None)
    options += b"".join(_option(code, struct.pack("<Q", number)) for code, number in numbers if number is not None)
    return _block(pcapng.STATISTICS, struct.pack("<I", interface) + _stamp(time_ns), options)


class Writer:
    """Writes packets one by one. Use as a context manager, or call `close`. `count` is the number of packets written."""

    def __init__(self, out: BinaryIO, name: str, *, close: bool) -> None:
        self._out, self._name, self._close = out, name, close
        self.count = 0

    def write(
        self, packet: bytes, time_ns: int, *, interface: int = 0, wire_length: int | None = None, comment: str = "", flags: int = 0
    ) -> None:
        """Append a packet captured at `time_ns` (since 1970 UTC); `wire_length` where only a part of it was captured.

        Raises UsageError for a packet or a time no file can hold, OSError where the disk takes no more.
        """
        if len(packet) > MAX_PACKET:
            raise UsageError(f"a packet of {len(packet)} octets: capture files hold {MAX_PACKET} at most")
        if not 0 <= time_ns < self._latest():
            raise UsageError(f"time {time_ns} ns lies outside of what the file can hold: give ns since 1970")
        self._out.write(self._record(packet, time_ns, interface, wire_length, comment, flags))
        self.count += 1

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._out.flush()

    def close(self) -> None:
        """Flush, and close the file if it was opened here."""
        self._out.flush()
        if self._close:
            self._out.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _latest(self) -> int:
        raise NotImplementedError

    def _record(self, packet: bytes, time_ns: int, interface: int, wire_length: int | None, comment: str, flags: int) -> bytes:
        raise NotImplementedError


class PcapWriter(Writer):
    """Classic pcap: one link type, nanoseconds, no names and no comments (those given are left out)."""

    def __init__(self, out: BinaryIO, interface: InterfaceToWrite, name: str = "", *, close: bool = False) -> None:
        super().__init__(out, name, close=close)
        out.write(pcap_header(interface.link_type, interface.snaplen))

    def _latest(self) -> int:
        return _PCAP_SECONDS * _NANO

    def _record(self, packet: bytes, time_ns: int, interface: int, wire_length: int | None, comment: str, flags: int) -> bytes:
        seconds, fraction = divmod(time_ns, _NANO)
        return struct.pack("<IIII", seconds, fraction, len(packet), len(packet) if wire_length is None else wire_length) + packet


class PcapngWriter(Writer):
    """pcapng: several interfaces with names, comments, directions, drop counts."""

    def __init__(
        self, out: BinaryIO, interfaces: Sequence[InterfaceToWrite], name: str = "", *, comment: str = "", close: bool = False
    ) -> None:
        super().__init__(out, name, close=close)
        out.write(section_block(comment))
        self.interfaces = 0
        for interface in interfaces:
            self.add_interface(interface)

    def add_interface(self, interface: InterfaceToWrite) -> int:
        """Announce one more interface and give its number."""
        self._out.write(interface_block(interface))
        self.interfaces += 1
        return self.interfaces - 1

    def statistics(self, time_ns: int, counted: Statistics, *, interface: int = 0) -> None:
        """Note what an interface counted until then."""
        self._out.write(statistics_block(time_ns, counted, interface=interface))

    def _latest(self) -> int:
        return 1 << 63

    def _record(self, packet: bytes, time_ns: int, interface: int, wire_length: int | None, comment: str, flags: int) -> bytes:
        if not 0 <= interface < self.interfaces:
            raise UsageError(f"no interface {interface}: the file has {self.interfaces}")
        return packet_block(packet, time_ns, interface=interface, wire_length=wire_length, comment=comment, flags=flags)


def create(
    where: str | os.PathLike[str] | BinaryIO, interfaces: Sequence[InterfaceToWrite], *, comment: str = ""
) -> PcapWriter | PcapngWriter:
    """A writer of the file: pcap where its name ends in .pcap, else pcapng (so also for a stream).

    Raises UsageError where pcap cannot hold what is asked, CaptureError where the file cannot be made.
    """
    if not isinstance(where, (str, os.PathLike)):
        return PcapngWriter(where, interfaces, comment=comment)
    name = os.fspath(where)
    classic = name.lower().endswith(".pcap")
    if classic and len({interface.link_type for interface in interfaces}) != 1:
        raise UsageError(f"{name}: pcap holds one link type: write a .pcapng")
    try:
        out = open(name, "wb")  # noqa: SIM115 - the writer closes it
    except OSError as error:
        raise CaptureError(f"cannot write {name}: {error.strerror or error}") from error
    if classic:
        return PcapWriter(out, interfaces[0], name, close=True)
    return PcapngWriter(out, interfaces, name, comment=comment, close=True)
