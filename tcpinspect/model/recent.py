"""The headers of the latest packets, in bounded memory: so that one connection can be opened while the capture runs. Floor 3."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from tcpinspect.capture.writing import InterfaceToWrite, interface_block, section_block

if TYPE_CHECKING:
    from tcpinspect.model.connection import Connection
    from tcpinspect.model.table import Row

MOST_PACKETS = 200_000  # about 40 MB
MOST_OF_ONE = 5_000
_OCTETS = 160  # link layer, a tunnel or two, IPv6 and TCP with all options
_PACKET = struct.Struct("<IIIIIII")  # an enhanced packet block up to the octets (draft-ietf-opsawg-pcapng §4.3)
_LENGTH = struct.Struct("<I")


class Recent:
    """Keeps the latest packets; `open` one connection and its packets are kept apart from then on."""

    def __init__(self) -> None:
        self._all: deque[bytes] = deque(maxlen=MOST_PACKETS)
        self._one: deque[bytes] = deque(maxlen=MOST_OF_ONE)
        self._keys: tuple[bytes, bytes] | None = None
        self._row: Row | None = None
        self._head = section_block("")
        self._interfaces: dict[int, int] = {}
        self.changed = False

    def add(self, records: Any, first: int = 0, last: int | None = None) -> None:
        """Keep the records first … last − 1 of a batch."""
        view, keys = records.view, self._keys
        for n in range(first, records.count if last is None else last):
            at, captured, wire, time_ns, link = records.record(n)
            if link not in self._interfaces:
                self._interfaces[link] = len(self._interfaces)
                self._head += interface_block(InterfaceToWrite(link))
            kept = captured if captured < _OCTETS else _OCTETS
            total = 32 + (kept + 3 & -4)
            octets = bytes(view[at : at + kept])
            block = (
                _PACKET.pack(6, total, self._interfaces[link], time_ns >> 32, time_ns & 0xFFFFFFFF, kept, wire)
                + octets + bytes(-kept % 4) + _LENGTH.pack(total)
            )  # fmt: skip
            self._all.append(block)
            if keys is not None and (keys[0] in octets or keys[1] in octets):
                self._one.append(block)
                self.changed = True

    def open(self, row: Row) -> None:
        """Keep the packets of this connection, a row of the table `connections`, apart."""
        ports = row.client_port, row.server_port
        # In every TCP header the two ports stand side by side; what else has these octets is found out by the analysis.
        keys = struct.pack(">HH", *ports), struct.pack(">HH", *ports[::-1])
        self._keys, self._row, self.changed = keys, row, True
        self._one.clear()
        self._one.extend(block for block in self._all if keys[0] in block or keys[1] in block)

    def close(self) -> None:
        """No connection is open any more."""
        self._keys = self._row = None
        self._one.clear()

    def connection(self) -> Connection | None:
        """The open connection by the packets that are kept; None where none of them is left. Its stream number is another."""
        from tcpinspect.model.analysis import analyze

        self.changed = False
        if self._row is None or not self._one:
            return None
        wanted = self._row
        ends = {(wanted.client, wanted.client_port), (wanted.server, wanted.server_port)}
        found = None
        for one in analyze(self._head + b"".join(self._one)).connections:
            row = one.row
            if {(row.client, row.client_port), (row.server, row.server_port)} == ends and (
                found is None or row.start_ns <= wanted.start_ns
            ):
                found = one
        return found
