"""What the user has sent and the peer has not acknowledged, by sequence number. Wing lab. Reading: RFC 9293 §3.4, §3.10.2, §3.10.4."""

from __future__ import annotations

from tcpinspect.protocol.seqnum import add, difference


class Outgoing:
    """The sequence space of one direction: the SYN at ISS, the data behind it, then the FIN."""

    def __init__(self, iss: int) -> None:
        self.iss = iss
        self._base = add(iss, 1)  # sequence number of the first octet kept
        self._data = bytearray()
        self.closed = False  # the user said CLOSE: a FIN follows the data

    @property
    def end(self) -> int:
        """The number behind the last octet of data: where the FIN is, or will be."""
        return add(self._base, len(self._data))

    def append(self, data: bytes) -> None:
        self._data += data

    def cut(self, seq: int, size: int) -> bytes:
        """At most `size` octets of data from `seq` on."""
        at = difference(seq, self._base)
        return bytes(self._data[max(at, 0) : max(at, 0) + size])

    def forget(self, una: int) -> None:
        """All before `una` is acknowledged."""
        gone = min(difference(una, self._base), len(self._data))
        if gone > 0:
            del self._data[:gone]
            self._base = add(self._base, gone)

    def unsent(self, nxt: int) -> int:
        """Octets of data from `nxt` on."""
        return max(difference(self.end, nxt), 0)
