"""What a summary says of a capture of any size, from its classes of connections instead of its rows. Floor 3.

Every number is exact: it is counted, class by class. Examples stand for their class where words are wanted: which connection
to look at first, and what a finding says. Two things are limited, and said to be: who failed to reach whom is followed for
65,536 addresses at a time (engine.classes), and of each class at most eight connections can be named.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any, NamedTuple

from tcpinspect.engine.classes import Class, Classes
from tcpinspect.engine.finish import Chunk
from tcpinspect.insight import floods, interest, reading
from tcpinspect.insight.doctor import Diagnosis, diagnose_counted
from tcpinspect.insight.findings import Finding, connection_findings, crowd_findings
from tcpinspect.model.address import address_text
from tcpinspect.model.batches import ConnectionBatch
from tcpinspect.model.endpoints import Endpoints
from tcpinspect.model.row import ROW_TYPES, Row


class Sort(NamedTuple):
    """A class of connections: examples of it as rows of `connections`, the first member first, and how many it has."""

    key: int
    number: int
    rows: list[Row]
    client_retransmissions: int
    server_retransmissions: int

    @property
    def row(self) -> Row:
        return self.rows[0]


class Trouble(NamedTuple):
    """A kind of finding in all connections: `connections` have it; `example` is the severest row of `findings`; `alike`: all say
    the same."""

    id: str
    connections: int
    example: Finding
    alike: bool


class Digest:
    """The classes of a capture, told."""

    def __init__(self, classes: Classes, end_ns: int) -> None:
        self.connections: int = classes.count
        self._classes = classes
        self._end_ns = end_ns  # when the capture ended
        self.sorts: list[Sort] = sorted(_sorts(classes.by_key.values(), end_ns), key=lambda s: s.row.stream)

    def counts(self, name: str) -> Counter[Any]:
        """How often each word of a column occurs that is the same throughout a class (conn_state, handshake, teardown …)."""
        out: Counter[Any] = Counter()
        for sort in self.sorts:
            out[getattr(sort.row, name)] += sort.number
        return out

    @cached_property
    def failures(self) -> list[interest.Failures]:
        """Who failed to open connections to whom."""
        kinds = {sort.key: (reading.opening(sort.row), sort.row.handshake) for sort in self.sorts}
        out, end = [], self._end_ns
        for (key, server, port), (number, row, history) in self._classes.ports.items():
            one = _rows([(row, history)], end)[0] if row else None
            out.append(interest.Failures(*kinds[key], "", address_text(*server), port, number, one))
        for (key, client, server), (number, row, history) in self._classes.pairs.items():
            one = _rows([(row, history)], end)[0] if row else None
            out.append(interest.Failures(*kinds[key], address_text(*client), address_text(*server), -1, number, one))
        for (key, server), (number, _, _, _, row, history) in self._classes.hosts.items():
            if row:
                out.append(interest.Failures(*kinds[key], "", address_text(*server), -1, number, _rows([(row, history)], end)[0]))
        return out

    @cached_property
    def worth(self) -> interest.Worth:
        """The connections worth a look first."""
        return interest.worth([(sort.rows, sort.number) for sort in self.sorts], self.failures)

    @cached_property
    def rows(self) -> dict[int, Row]:
        """The examples, by stream."""
        named = {row.stream: row for sort in self.sorts for row in sort.rows}
        return named | {one.row.stream: one.row for one in self.failures if one.row is not None}

    def diagnoses(self, capture: Any) -> list[Diagnosis]:
        """What is wrong with the capture itself."""
        older = [sort for sort in self.sorts if sort.row.handshake == "none"]
        first = min((sort.row.first_frame for sort in older), default=0)
        return diagnose_counted(self.connections, sum(sort.number for sort in older), first, capture)

    def crowd_findings(self) -> list[Finding]:
        """Floods and scans."""
        half_open: dict[floods.Port, Counter[str]] = {}
        times: Counter[floods.Ends] = Counter()
        for one in self.failures:
            if one.port >= 0 and one.opening in ("unanswered", "incomplete"):
                half_open.setdefault((one.server, one.port), Counter())[one.opening] += one.number
            elif one.client and one.opening in floods.FAILED:
                times[one.client, one.server] += one.number
        tried = {
            (address_text(*client), address_text(*server)): len(ports)
            for (client, server), ports in self._classes.doors.items()
            if len(ports) >= floods.CROWD
        }
        hosts = self._hosts()
        for ends, ports in tried.items():
            floods.note_scanner(hosts, ends, ports, times[ends])
        return crowd_findings(floods.Attempts(half_open, tried, hosts))

    def _hosts(self) -> dict[str, floods.Host]:
        """What failed at each host where it was a crowd."""
        kinds = {sort.key: reading.opening(sort.row) for sort in self.sorts}
        numbers: Counter[tuple[int, int, int]] = Counter()
        for (key, server), found in self._classes.hosts.items():
            numbers[server] += found[0] if kinds[key] in floods.FAILED else 0
        hosts: dict[str, floods.Host] = {}
        for (key, server), (number, clients, ports, first, _, _) in self._classes.hosts.items():
            if kinds[key] in floods.FAILED and numbers[server] >= floods.CROWD:
                host = hosts.setdefault(address_text(*server), floods.Host())
                host.kinds[kinds[key]] += number
                host.clients += clients
                host.ports |= ports
                host.first |= first
        return hosts

    def troubles(self, diagnoses: list[Any]) -> list[Trouble]:
        """Findings about single connections, by kind, in the order of the catalogue."""
        members: Counter[str] = Counter()
        found: dict[str, list[Finding]] = {}
        for sort in self.sorts:
            told = [connection_findings(row, diagnoses) for row in sort.rows]
            for one in chain.from_iterable(told):
                found.setdefault(one.id, []).append(one)
            for kind in {one.id for one in told[0]}:
                members[kind] += sort.number
        doors = {(one.server, one.port) for one in self.failures if one.port >= 0}
        out = []
        for kind, rows in sorted(found.items()):
            severest = max(rows, key=lambda one: (one.count, -(one.stream or 0)))
            alike = len({one.text for one in rows}) == 1 and (len(rows) >= members[kind] or _constant(severest, doors))
            out.append(Trouble(kind, members[kind], severest, alike))
        return out


def _constant(finding: Finding, doors: set[tuple[str, int]]) -> bool:
    """The text names no amount; where it names a port, there is but one that failed."""
    if "port " in finding.text:
        return len(doors) == 1
    return not any(letter.isdigit() for letter in finding.text)


def _sorts(classes: Collection[Class], end_ns: int) -> Iterator[Sort]:
    rows = iter(_rows([(row, history) for one in classes for _, _, row, history in one.examples], end_ns))
    for one in classes:
        examples = list(islice(rows, len(one.examples)))
        yield Sort(one.key, one.count, examples, one.client_retransmissions, one.server_retransmissions)


def _rows(kept: list[tuple[array[int], bytearray]], end_ns: int) -> list[Row]:
    chunk = Chunk.of_rows(kept)
    make = ROW_TYPES["connections"]._make  # type: ignore[attr-defined]
    return list(map(make, zip(*ConnectionBatch(chunk, Endpoints([chunk]), end_ns).lists(), strict=True)))
