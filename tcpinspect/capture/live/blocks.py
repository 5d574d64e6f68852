"""What stands around the packets in a capture file: file headers, interfaces, statistics. Floor 1.

Little-endian, as `encode` writes the packets.
Reading: draft-ietf-opsawg-pcap §4; draft-ietf-opsawg-pcapng §4.1, §4.2, §4.6.
"""

from __future__ import annotations

import os
import struct

from tcpinspect.capture.live.encode import PCAP_NS, PCAPNG
from tcpinspect.capture.live.tap import Counts
from tcpinspect.capture.pcapng import Interface

_MAGIC_US, _MAGIC_NS = 0xA1B2C3D4, 0xA1B23C4D
_SECTION, _INTERFACE, _STATISTICS, _BYTE_ORDER = 0x0A0D0D0A, 1, 5, 0x1A2B3C4D
_SHB_OS, _SHB_USERAPPL = 3, 4
_IF_NAME, _IF_TSRESOL, _IF_FILTER = 2, 9, 11
_ISB_START, _ISB_END, _ISB_IFRECV, _ISB_IFDROP, _ISB_FILTERACCEPT, _ISB_OSDROP, _ISB_USRDELIV = 2, 3, 4, 5, 6, 7, 8


def beginning(kind: int, interface: Interface) -> bytes:
    """The header of a file: of pcap, or pcapng's section and its one interface."""
    if kind != PCAPNG:
        return struct.pack("<IHHiIII", _MAGIC_NS if kind == PCAP_NS else _MAGIC_US, 2, 4, 0, 0, interface.snaplen, interface.link_type)
    from tcpinspect import __version__

    system = os.uname()
    section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + _options(
        (_SHB_OS, f"{system.sysname} {system.release}".encode()), (_SHB_USERAPPL, f"tcpinspect {__version__}".encode())
    )
    about = [(_IF_NAME, interface.name.encode("utf-8", "surrogateescape")), (_IF_TSRESOL, bytes([interface.resolution]))]
    if interface.capture_filter:
        about.append((_IF_FILTER, b"\0" + interface.capture_filter.encode()))
    return _block(_SECTION, section) + _block(_INTERFACE, struct.pack("<HHI", interface.link_type, 0, interface.snaplen) + _options(*about))


def ending(kind: int, interface: Interface, counts: Counts, written: int, start_ns: int, end_ns: int) -> bytes:
    """The interface statistics block with which a pcapng file ends; nothing for pcap, which has no place for it."""
    if kind != PCAPNG:
        return b""
    found = [(_ISB_START, _stamp(start_ns)), (_ISB_END, _stamp(end_ns))]
    if not interface.capture_filter:  # behind a filter nobody knows how many came to the interface
        found.append((_ISB_IFRECV, _u64(counts.received)))
    if counts.dropped_interface is not None:
        found.append((_ISB_IFDROP, _u64(counts.dropped_interface)))
    found += [(_ISB_FILTERACCEPT, _u64(counts.received)), (_ISB_OSDROP, _u64(counts.dropped_kernel)), (_ISB_USRDELIV, _u64(written))]
    return _block(_STATISTICS, struct.pack("<I", 0) + _stamp(end_ns) + _options(*found))


def whole_records(kind: int, octets: memoryview, room: int) -> tuple[int, int]:
    """How many whole records from the beginning of these octets fit into the room: (records, octets)."""
    records = at = 0
    while at + 16 <= len(octets):
        (length,) = struct.unpack_from("<I", octets, at + (4 if kind == PCAPNG else 8))
        behind = at + length + (0 if kind == PCAPNG else 16)
        if behind > min(room, len(octets)):
            break
        records, at = records + 1, behind
    return records, at


def _stamp(time_ns: int) -> bytes:
    """A pcapng time: the upper half first, whatever the byte order."""
    return struct.pack("<II", time_ns >> 32, time_ns & 0xFFFFFFFF)


def _u64(value: int) -> bytes:
    return struct.pack("<Q", value)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in options) + bytes(4)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
