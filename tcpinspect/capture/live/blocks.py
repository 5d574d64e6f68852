"""What stands around the packets in a recorded file: its header, its interface, its statistics. Floor 1.

Little-endian, as `encode` writes the packets; the blocks are `writing`'s. Reading: draft-ietf-opsawg-pcapng §4.6.
"""

from __future__ import annotations

import os
import struct

from tcpinspect.capture import writing
from tcpinspect.capture.live.encode import PCAP_NS, PCAPNG
from tcpinspect.capture.live.tap import Counts
from tcpinspect.capture.pcapng import Interface


def beginning(kind: int, interface: Interface) -> bytes:
    """The header of a file: of pcap, or pcapng's section and its one interface."""
    if kind != PCAPNG:
        magic = writing.PCAP_MAGIC_NS if kind == PCAP_NS else writing.PCAP_MAGIC_US
        return writing.pcap_header(interface.link_type, interface.snaplen, magic)
    from tcpinspect import __version__

    system = os.uname()
    section = writing.section_block(application=f"tcpinspect {__version__}", system=f"{system.sysname} {system.release}")
    described = writing.InterfaceToWrite(
        interface.link_type, name=interface.name, snaplen=interface.snaplen, capture_filter=interface.capture_filter
    )
    return section + writing.interface_block(described)


def ending(kind: int, interface: Interface, counts: Counts, written: int, start_ns: int, end_ns: int) -> bytes:
    """The interface statistics block with which a pcapng file ends; nothing for pcap, which has no place for it."""
    if kind != PCAPNG:
        return b""
    counted = writing.Statistics(
        start_ns=start_ns, end_ns=end_ns,
        # behind a filter nobody knows how many came to the interface
        received=None if interface.capture_filter else counts.received,
        dropped_interface=counts.dropped_interface, accepted=counts.received, dropped_system=counts.dropped_kernel, delivered=written,
    )  # fmt: skip
    return writing.statistics_block(end_ns, counted)


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
