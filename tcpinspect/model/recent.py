"""The headers of the latest packets, in bounded memory: so that one connection can be opened while the capture runs. Floor 3."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tcpinspect.capture.live.encode import PCAPNG, Encoder
from tcpinspect.capture.writing import InterfaceToWrite, interface_block, section_block

if TYPE_CHECKING:
    from tcpinspect.model.connection import Connection
    from tcpinspect.model.row import Row

MOST_OCTETS = 32 << 20  # of all packets: more than 250,000 small ones
MOST_OF_ONE = 5_000  # packets of the open connection
_HEADERS = 160  # link layer, a tunnel or two, IPv6 and TCP with all options
_PIECE = 1 << 20
_LENGTH = struct.Struct("<4xI")  # of an enhanced packet block (draft-ietf-opsawg-pcapng §4.3)


class Recent:
    """Keeps the latest packets; `open` one connection and its packets are kept apart from then on."""

    def __init__(self) -> None:
        self._encoder = Encoder(PCAPNG, _PIECE, _HEADERS)
        self._all: deque[bytes] = deque()
        self._size = 0
        self._one: deque[bytes] = deque(maxlen=MOST_OF_ONE)
        self._keys: tuple[bytes, bytes] | None = None
        self._row: Row | None = None
        self.changed = False

    def add(self, records: Any, first: int = 0, last: int | None = None) -> None:
        """Keep the records first … last − 1 of a batch."""
        end = records.count if last is None else last
        while first < end:
            first = self._encoder.encode(records, first, end, _PIECE)
            blocks = bytes(memoryview(self._encoder.out)[: self._encoder.filled])
            self._all.append(blocks)
            self._size += len(blocks)
            while self._size > MOST_OCTETS:
                self._size -= len(self._all.popleft())
            if self._keys is not None:
                found = list(_with(self._keys, blocks))
                self._one.extend(found)
                self.changed = self.changed or bool(found)

    def open(self, row: Row) -> None:
        """Keep the packets of this connection, a row of the table `connections`, apart."""
        ports = row.client_port, row.server_port
        # In every TCP header the two ports stand side by side; what else has these octets is found out by the analysis.
        keys = struct.pack(">HH", *ports), struct.pack(">HH", *ports[::-1])
        self._keys, self._row, self.changed = keys, row, True
        self._one.clear()
        for blocks in self._all:
            self._one.extend(_with(keys, blocks))

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
        head = section_block() + b"".join(interface_block(InterfaceToWrite(link)) for link in self._encoder.links)
        for one in analyze(head + b"".join(self._one)).connections:
            row = one.row
            if {(row.client, row.client_port), (row.server, row.server_port)} == ends and (
                found is None or row.start_ns <= wanted.start_ns
            ):
                found = one
        return found


def _with(keys: tuple[bytes, bytes], blocks: bytes) -> Iterator[bytes]:
    """Those of the packet blocks in which one of the keys stands."""
    if not any(key in blocks for key in keys):
        return
    at = 0
    while at < len(blocks):
        (length,) = _LENGTH.unpack_from(blocks, at)
        block = blocks[at : at + length]
        if keys[0] in block or keys[1] in block:
            yield block
        at += length
