"""Which calls of a program explain one side of a captured connection. Wing lab. Reading: RFC 9293 §3.9.1.

A capture shows segments, never calls: a connect for the SYN, a write for new data, a close for the FIN. What several calls could
explain is decided for the simplest, and told in `doubts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from tcpinspect.lab.draft import MODULUS
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN
from tcpinspect.protocol.seqnum import difference

_LISTEN = (
    "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
    "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0",
    "bind(3, ..., ...) = 0",
    "listen(3, 16) = 0",
)
_CONNECT = (
    "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
    "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
    "connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)",
)


class Deduced:
    """The calls of one side, told segment by segment in the order of the capture.

    `rows` are all segments of the connection, `from_client` says which side is meant. `isn` is the number that its SYN has,
    or would have; `peer_isn` the other side's.
    """

    def __init__(self, rows: Sequence[Any], *, from_client: bool, isn: int, peer_isn: int, reads_late: bool) -> None:
        self.rows, self.from_client, self.isn = rows, from_client, isn
        self.own = [row for row in rows if row.from_client == from_client]
        syns = [row for row in self.own if row.tcp_flags & SYN]
        self.active = bool(syns) and not syns[0].tcp_flags & ACK
        self.passive = bool(syns) and not self.active
        self.doubts: list[str] = []
        self._socket: int | None = None
        self._written = (isn + 1) % MODULUS
        self._received = (peer_isn + 1) % MODULUS
        self._held: list[tuple[int, int]] = []
        self._unread = 0
        self._reads_late = reads_late
        self._said = -1
        self._answered = self._closed = self._probed = False

    def first(self) -> tuple[str, ...]:
        """The calls before everything else."""
        if self.passive:
            return _LISTEN
        if not self.active:
            self.doubts.append("the side under test never opens: no call is written for it")
        return ()

    def before(self, place: int) -> Iterator[str]:
        """The calls that explain the segment at this place of `rows`, if its sender is the side under test."""
        row = self.rows[place]
        if row.from_client != self.from_client:
            return
        self._doubt(row)
        if row.tcp_flags & SYN:
            if self.active and self._socket is None:
                self._socket = 3
                if row.payload_len:
                    self.doubts.append(f"frame {row.frame}: data in a SYN needs a Fast Open cookie from an earlier connection")
                yield from _CONNECT
            self._answered = True
        if self._socket is None:
            return
        if self._reads_late and self._unread and row.window_raw and row.window_update:
            yield self._read()
        if row.payload_len and not row.tcp_flags & SYN and not self._closed and difference(_end(row), self._written) > 0:
            octets = self._octets_written(place)
            yield f"write({self._socket}, ..., {octets}) = {octets}"
        if row.tcp_flags & FIN and not self._closed:
            self._closed = True
            behind = (one for one in islice(self.rows, place + 1, None) if one.from_client != self.from_client)
            later = any(one.payload_len and not one.retransmission for one in behind)
            if row.payload_len:
                self.doubts.append(f"frame {row.frame}: data and FIN in one segment; write and close may make two of it")
            yield f"shutdown({self._socket}, SHUT_WR) = 0" if later else f"close({self._socket}) = 0"
        elif row.tcp_flags & RST and not self._closed:
            self._closed = True
            self.doubts.append(f"frame {row.frame}: the reset is written as an abort (SO_LINGER 0); it may have had another reason")
            yield f"setsockopt({self._socket}, SOL_SOCKET, SO_LINGER, {{onoff=1, linger=0}}, 8) = 0"
            yield f"close({self._socket}) = 0"

    def after(self, place: int) -> Iterator[str]:
        """The calls that follow the segment at this place, if it came to the side under test."""
        row = self.rows[place]
        if row.from_client == self.from_client:
            return
        if row.tcp_flags & (SYN | FIN) or row.payload_len:
            self._said = max(self._said, row.seq or 0)
        if self.passive and self._answered and self._socket is None and row.tcp_flags & ACK and not row.tcp_flags & (SYN | RST):
            self._socket = 4
            yield "accept(3, ..., ...) = 4"
        if row.payload_len and not row.tcp_flags & (SYN | RST):
            self._take(row.seq_raw, _end(row))
        if self._unread and self._socket is not None and not self._reads_late and not self._closed:
            yield self._read()

    def _doubt(self, row: Any) -> None:
        """Note where a kernel in this side's place may do otherwise."""
        speaks = row.payload_len or row.tcp_flags & (SYN | FIN)
        if speaks and row.ack is not None and row.ack <= self._said and not row.retransmission and not self._held:
            self.doubts.append(
                f"frame {row.frame} does not acknowledge what the capture has before it: they crossed, and who has it answers otherwise"
            )
        if row.keep_alive and not self._probed:
            self._probed = True
            self.doubts.append(f"frame {row.frame}: keep-alive probes need SO_KEEPALIVE with times that nothing tells")

    def _read(self) -> str:
        octets, self._unread = self._unread, 0
        return f"read({self._socket}, ..., {octets}) = {octets}"

    def _octets_written(self, place: int) -> int:
        """New octets from here to the first segment with PSH: what one call is likely to have given."""
        start = self._written
        for row in islice(self.rows, place, None):
            if row.from_client == self.from_client and row.payload_len and difference(_end(row), self._written) > 0:
                self._written = _end(row)
                if row.tcp_flags & (PSH | FIN):
                    break
        return difference(self._written, start)

    def _take(self, start: int, end: int) -> None:
        """Octets that came: those in order can be read, the others wait for what is missing."""
        self._held.append((start, end))
        moved = True
        while moved:
            moved = False
            for piece in list(self._held):
                if difference(piece[0], self._received) <= 0:
                    self._held.remove(piece)
                    if (new := difference(piece[1], self._received)) > 0:
                        self._unread += new
                        self._received = piece[1]
                    moved = True


def _end(row: Any) -> int:
    return int((row.seq_raw + row.payload_len) % MODULUS)
