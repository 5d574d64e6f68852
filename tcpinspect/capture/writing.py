"""Capture files out: pcap and pcapng with nanoseconds, from packets that already are bytes. Floor 1.

    with create("lab.pcapng", [InterfaceToWrite(RAW_IP, name="lab0")], comment="a three-way handshake") as out:
        out.write(packet, time_ns, comment="the SYN", flags=OUTBOUND)

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

from tcpinspect.errors import CaptureError, UsageError

NULL, ETHERNET, RAW_IP, LINUX_COOKED, LINUX_COOKED_2 = 0, 1, 101, 113, 276  # link types
INBOUND, OUTBOUND = 1, 2  # draft-ietf-opsawg-pcapng §4.3.1, the flags word
CHECKSUM_NOT_READY = 1 << 9  # the same word: left to the network card
MAX_PACKET = 262144  # libpcap's MAXIMUM_SNAPLEN: readers take more for damage

_NANO = 10**9
_PCAP_MAGIC_NS = 0xA1B23C4D
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_SECTION, _INTERFACE, _STATISTICS, _ENHANCED = 0x0A0D0D0A, 1, 5, 6
_END, _COMMENT, _USER_APPLICATION = 0, 1, 4
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_FILTER = 2, 3, 9, 11
_EPB_FLAGS = 2
_ISB_RECEIVED, _ISB_DROPPED = 4, 5
_PCAP_SECONDS = 1 << 32  # pcap's seconds are unsigned 32-bit numbers


@dataclass(frozen=True, slots=True)
class InterfaceToWrite:
    """An interface to announce: its link type, and what pcapng can say about it."""

    link_type: int
    name: str = ""
    description: str = ""
    snaplen: int = MAX_PACKET
    capture_filter: str = ""


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, text: str) -> bytes:
    """A text option, nothing for an empty one; a length has 16 bits, so longer text is cut."""
    value = text.encode("utf-8", "replace")[:65535].decode("utf-8", "ignore").encode()
    return _option(code, value) if value else b""


def _block(kind: int, body: bytes, options: bytes = b"") -> bytes:
    if options:
        options += struct.pack("<HH", _END, 0)
    total = 12 + len(body) + len(options)
    return struct.pack("<II", kind, total) + body + options + struct.pack("<I", total)


def section_block(comment: str = "", application: str = "tcpinspect") -> bytes:
    """The section header; its length is left open, as one who does not know the end must."""
    body = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1)
    return _block(_SECTION, body, _text(_COMMENT, comment) + _text(_USER_APPLICATION, application))


def interface_block(interface: InterfaceToWrite) -> bytes:
    """The description of an interface whose clock ticks nanoseconds."""
    options = _text(_IF_NAME, interface.name) + _text(_IF_DESCRIPTION, interface.description) + _option(_IF_TSRESOL, b"\x09")
    if interface.capture_filter:
        options += _option(_IF_FILTER, b"\0" + interface.capture_filter.encode("utf-8", "replace")[:65534])
    return _block(_INTERFACE, struct.pack("<HHI", interface.link_type, 0, interface.snaplen), options)


def packet_block(
    packet: bytes, time_ns: int, *, interface: int = 0, wire_length: int | None = None, comment: str = "", flags: int = 0
) -> bytes:
    """An enhanced packet block. `flags` is the flags word: INBOUND or OUTBOUND, CHECKSUM_NOT_READY; 0 writes none."""
    size = len(packet)
    body = struct.pack("<IIIII", interface, time_ns >> 32, time_ns & 0xFFFFFFFF, size, size if wire_length is None else wire_length)
    options = _text(_COMMENT, comment) + (_option(_EPB_FLAGS, struct.pack("<I", flags)) if flags else b"")
    return _block(_ENHANCED, body + packet + bytes(-size % 4), options)


def statistics_block(time_ns: int, *, interface: int = 0, received: int | None = None, dropped: int | None = None) -> bytes:
    """What an interface counted until then: packets received, and dropped for want of room. None writes no number."""
    options = b"".join(
        _option(code, struct.pack("<Q", number))
        for code, number in ((_ISB_RECEIVED, received), (_ISB_DROPPED, dropped))
        if number is not None
    )
    return _block(_STATISTICS, struct.pack("<III", interface, time_ns >> 32, time_ns & 0xFFFFFFFF), options)


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
        out.write(struct.pack("<IHHiIII", _PCAP_MAGIC_NS, 2, 4, 0, 0, interface.snaplen, interface.link_type))

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

    def statistics(self, time_ns: int, *, interface: int = 0, received: int | None = None, dropped: int | None = None) -> None:
        """Note what an interface counted until then."""
        self._out.write(statistics_block(time_ns, interface=interface, received=received, dropped=dropped))

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
