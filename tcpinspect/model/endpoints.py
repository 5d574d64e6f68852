"""Who the two ends of every connection are: texts of addresses, ports, and which of them is the client. Floor 3.

Lists have a value a stream, from the stream `first`. Arrays have two, so that a segment finds its sender and its receiver without
asking who is the client: 2 × (stream - first) + endpoint, endpoint 0 being the first segment's sender.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cached_property

from tcpinspect.engine.finish import CONNECTION_FIELD, Chunk
from tcpinspect.model.address import address_text


class Endpoints:
    """Those of the connections of `chunks`, which follow one another; nothing is looked up before somebody asks.

    `client_endpoint`: which end is the client's; `client_port`, `server_port`; `texts`: every address once, in its canonical form;
    `client_number`, `server_number`: which of them is theirs.
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.first: int = chunks[0].first if chunks else 0
        self._chunks = chunks

    @cached_property
    def client_endpoint(self) -> list[int]:
        return _column(self._chunks, "client_endpoint")

    @cached_property
    def client_port(self) -> list[int]:
        return _column(self._chunks, "client_port")

    @cached_property
    def server_port(self) -> list[int]:
        return _column(self._chunks, "server_port")

    @cached_property
    def texts(self) -> list[str]:
        return self._addresses[0]

    @cached_property
    def client_number(self) -> list[int]:
        return self._addresses[1]

    @cached_property
    def server_number(self) -> list[int]:
        return self._addresses[2]

    @cached_property
    def _addresses(self) -> tuple[list[str], list[int], list[int]]:
        """Every address once, and the clients' and the servers' numbers among them."""
        numbers: dict[tuple[int, int, int], int] = {}
        family = _column(self._chunks, "client_family")
        sides = []
        for side in ("client", "server"):
            keys = zip(family, _column(self._chunks, f"{side}_hi"), _column(self._chunks, f"{side}_lo"), strict=True)
            sides.append([numbers.setdefault(key, len(numbers)) for key in keys])
        return [address_text(*key) for key in numbers], sides[0], sides[1]

    @cached_property
    def client(self) -> list[str]:
        return [self.texts[number] for number in self.client_number]

    @cached_property
    def server(self) -> list[str]:
        return [self.texts[number] for number in self.server_number]

    @cached_property
    def address(self) -> array[int]:
        """The number in `texts` of each end's address."""
        return self._by_end(self.client_number, self.server_number)

    @cached_property
    def port(self) -> array[int]:
        return self._by_end(self.client_port, self.server_port)

    @cached_property
    def is_client(self) -> array[int]:
        """1 for the client's end, 0 for the server's."""
        return self._by_end([1] * len(self.client_number), [0] * len(self.client_number))

    def _by_end(self, client: list[int], server: list[int]) -> array[int]:
        out = array("q", bytes(16 * len(client)))
        ends = self.client_endpoint
        out[0::2] = array("q", [s if end else c for end, c, s in zip(ends, client, server, strict=True)])
        out[1::2] = array("q", [c if end else s for end, c, s in zip(ends, client, server, strict=True)])
        return out


class GrowingEndpoints:
    """The same of connections whose chunks come one by one, in order and from stream 0, and are forgotten: what a segment asks for."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self.address, self.port, self.is_client = array("q"), array("q"), array("q")

    def add(self, chunk: Chunk) -> None:
        """The next connections."""
        ends = Endpoints([chunk])
        numbers = []
        for text in ends.texts:
            number = self._numbers.setdefault(text, len(self.texts))
            if number == len(self.texts):
                self.texts.append(text)
            numbers.append(number)
        self.address.extend(array("q", [numbers[number] for number in ends.address]))
        self.port.extend(ends.port)
        self.is_client.extend(ends.is_client)


def _column(chunks: Sequence[Chunk], name: str) -> list[int]:
    out: list[int] = []
    for chunk in chunks:
        out += chunk.column(CONNECTION_FIELD[name]).tolist()
    return out
