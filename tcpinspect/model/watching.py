"""Connections while their packets come: which state both ends are in now, and each step as it happens. Floor 3.

    watch = Watch()
    watch.feed(batch)                      # records of a file or an interface
    for step in watch.ask(now_ns): …       # what is new since the last question
    watch.counts(), watch.lines(most=20)   # how it stands

Memory grows with the connections alive (engine.now): nothing of the packets is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tcpinspect.engine.classes import Classes
from tcpinspect.engine.columns import UNKNOWN
from tcpinspect.engine.failures import half_open, spread
from tcpinspect.engine.finish import CHUNK_STREAMS, SECTIONS, Chunk
from tcpinspect.engine.now import NOW_FIELDS, Now
from tcpinspect.engine.order import best, states, used
from tcpinspect.engine.signs import Suspects
from tcpinspect.engine.states import DOUBTS
from tcpinspect.model.address import address_text
from tcpinspect.model.batches import ConnectionBatch, Endpoints
from tcpinspect.model.row import ROW_TYPES, Row
from tcpinspect.protocol.rfc9293 import Event, Evidence, State
from tcpinspect.schema import TIMELINE

if TYPE_CHECKING:
    from tcpinspect.capture.pcapng import Interface
    from tcpinspect.insight.floods import Host
    from tcpinspect.model.survey import Survey

_STATES = [str(state) for state in State]
_EVENTS = [str(event) for event in Event]
_EVIDENCE = [str(evidence) for evidence in Evidence]
_WIDTH = len(NOW_FIELDS)
_MANY = CHUNK_STREAMS  # rows made at once, at most
_AT = {name: n for n, name in enumerate(NOW_FIELDS)}
# The states of an end that has no connection any more, as in the engine's lines; -1: it never said a word.
_OVER = (-1, State.CLOSED, State.LISTEN, State.TIME_WAIT)
# RFC 6298 §2: before any measurement a sender waits one second. An attempt younger than that is only under way.
UNDER_WAY_NS = 1_000_000_000


class Step(NamedTuple):
    """A step of one side as it happened: the columns of the timeline, and how many of that side's latest steps are void because
    a later segment showed them to be wrong; drop those, add this, and you have the timeline of now. Then who the other side is."""

    stream: int
    side: str
    address: str
    port: int
    frame: int | None
    time_ns: int | None
    from_state: str
    to_state: str
    event: str
    evidence: str
    rfc: str
    doubt: str | None
    takes_back: int
    peer_address: str
    peer_port: int


assert Step._fields[: len(TIMELINE)] == tuple(column.name for column in TIMELINE)


class Line(NamedTuple):
    """How one connection stands: a row of the table `connections`, the slot it has, and since when each side is in its state."""

    row: Row
    slot: int
    client_since_ns: int | None
    server_since_ns: int | None

    @property
    def last_ns(self) -> int:
        return int(self.row.start_ns + self.row.duration_ns)


# The kinds of failure as engine.failures numbers them.
_FAILURES = ("refused", "unanswered", "incomplete")
# What lines can be ordered by, and whether the largest comes first.
ORDERS: dict[str, tuple[str, bool]] = {
    "latest": ("last_ns", True), "stream": ("number", False), "rtt": ("rtt_ns", True), "bytes": ("octets", True),
    "retransmissions": ("retransmissions", True), "client-state": ("client_state", False), "server-state": ("server_state", False),
}  # fmt: skip


class Watch:
    """Follows connections and answers at any time. Stream numbers are those of an analysis of the same packets.

    `steps` False: `ask` tells none, for those who only look how it stands.
    """

    def __init__(self, *, steps: bool = True) -> None:
        self._classes = Classes()
        self.now = Now(self._classes, steps)
        self.now.tracker.suspects = Suspects()

    def feed(self, records: Any) -> None:
        """Take the current batch of a source (`capture.batch.Batch`)."""
        self.now.feed(records)

    def feed_until(self, records: Any, first: int, until_ns: int) -> int:
        """Take the records of a batch from number `first` up to a time; the number of the first later one."""
        return int(self.now.feed_until(records, first, until_ns))

    @property
    def last_ns(self) -> int | None:
        """The time of the latest packet; None before the first."""
        return self.now.tracker.last_ns if self.now.tracker.frames else None

    @property
    def segments(self) -> int:
        """How many TCP segments have come."""
        return int(self.now.tracker.segments)

    def ask(self, now_ns: int | None = None) -> list[Step]:
        """The steps since the last question, in the order of their frames. `now_ns`: the time it is, by the packets' clock
        (default: that of the latest packet); it ends a TIME-WAIT."""
        return _in_order(_steps(self.now.ask(self._time(now_ns))))

    def end(self) -> list[Step]:
        """No more packets come: the steps that still belong to what came."""
        return self.ask() + _in_order(_steps(self.now.end()))

    def _time(self, now_ns: int | None) -> int:
        latest = self.last_ns or 0
        return latest if now_ns is None else max(now_ns, latest)

    def __len__(self) -> int:
        """How many connections are in the table."""
        return int(used(self.now.lines, _WIDTH))

    @property
    def seen(self) -> int:
        """How many connections there were in all."""
        return int(self.now.beyond + self.now.tracker.pairs.count)

    def _column(self, name: str) -> Any:
        return self.now.lines[_AT[name] :: _WIDTH]

    def _slots(self) -> list[int]:
        return [slot for slot, stream in enumerate(self._column("stream")) if stream >= 0]

    def counts(self) -> dict[str, tuple[int, int]]:
        """For each state that somebody is in: clients, servers; of connections in the table at the last question."""
        clients, servers = (states(self.now.lines, _WIDTH, _AT[name]) for name in ("client_state", "server_state"))
        return {word: (clients[n], servers[n]) for n, word in enumerate(_STATES) if clients[n] or servers[n]}

    def lines(
        self, order: str = "latest", *, most: int, first: int = 0, backwards: bool = False, slots: Collection[int] | None = None,
        now_ns: int | None = None,
    ) -> list[Line]:  # fmt: skip
        """Connections in one of ORDERS, `most` of them behind the first `first`; `slots`: only among these."""
        field, largest = ORDERS[order]
        found = best(self.now.lines, _WIDTH, _AT[field], largest != backwards, first + most, slots)[first:]
        return [line for at in range(0, len(found), _MANY) for line in self._lines(found[at : at + _MANY], self._time(now_ns))]

    def line(self, number: int, now_ns: int | None = None) -> Line | None:
        """The connection with this stream number; None when it has left the table."""
        numbers = self._column("number")
        found = [slot for slot in self._slots() if numbers[slot] == number]
        return next(iter(self._lines(found, self._time(now_ns))), None)

    def each(self) -> Iterator[tuple[int, int, tuple[int, int, int]]]:
        """Slot, stream number and a mark of every connection: whoever caches by them knows that it changed when the mark did."""
        numbers = self._column("number")
        marks = list(zip(self._column("last_frame"), self._column("client_state"), self._column("server_state"), strict=True))
        return ((slot, numbers[slot], marks[slot]) for slot in self._slots())

    def over(self) -> Iterator[tuple[int, int]]:
        """Slot and stream number of the connections of which nothing more than repeats can come."""
        return ((slot, number) for slot, number, (_, client, server) in self.each() if client in _OVER and server in _OVER)

    def rows(self, slots: Collection[int]) -> list[Row]:
        """The rows of the table `connections` for these slots."""
        chosen = list(slots)
        return [line.row for at in range(0, len(chosen), _MANY) for line in self._lines(chosen[at : at + _MANY], self._time(None))]

    def _lines(self, slots: Collection[int], now_ns: int) -> list[Line]:
        if not slots:
            return []
        rows = _rows([self.now.row(slot, now_ns) for slot in slots], now_ns)
        cells, out = self.now.lines, []
        for slot, row in zip(slots, rows, strict=True):
            since = (cells[slot * _WIDTH + _AT[name]] for name in ("client_since_ns", "server_since_ns"))
            out.append(Line(row, slot, *(None if at < 0 else at for at in since)))
        return out

    def left(self) -> list[Row]:
        """The rows of the connections that have left the table since the last call; the first call begins to keep them."""
        kept, self.now.gone = self.now.gone, []
        return [row for at in range(0, len(kept or ()), _MANY) for row in _rows(kept[at : at + _MANY], self._time(None))]

    def floods(self, now_ns: int | None = None) -> list[str]:
        """A sentence for each server port, or server, at which so many attempts wait unfinished that it looks like a flood of SYNs;
        those that have left the table are counted, too, while more come."""
        from tcpinspect.insight.findings import crowd_findings
        from tcpinspect.insight.floods import CROWD, Attempts

        before_ns = self._time(now_ns) - UNDER_WAY_NS
        waiting = half_open(self.now, before_ns)
        gone: dict[tuple[int, ...], int] = {}
        for (_, server, port), found in self._classes.ports.items() if waiting else ():
            where = (*server, port)
            if where in waiting:
                gone[where] = gone.get(where, 0) + found[0]
        at_port = {}
        for (family, high, low, port), (unanswered, incomplete) in waiting.items():
            left = gone.get((family, high, low, port), 0)
            if unanswered + incomplete + left < CROWD:  # with a flood over all ports there are as many of these as attempts
                continue
            # Which kind those were that left makes no difference to the sentence unless both kinds are there.
            kinds = Counter(unanswered=unanswered, incomplete=incomplete)
            kinds["incomplete" if incomplete else "unanswered"] += left
            at_port[address_text(family, high, low), port] = kinds
        return [finding.text for finding in crowd_findings(Attempts(at_port, {}, self._hosts(before_ns)))]

    def _hosts(self, before_ns: int) -> dict[str, Host]:
        """What failed at each host where it is a crowd, whatever the port."""
        from tcpinspect.insight.floods import CROWD, Host

        hosts = {}
        for server, (kinds, clients, ports, first) in spread(self.now, before_ns, CROWD).items():
            if len(clients) < CROWD or len(ports) < CROWD:
                continue
            scans = [number for number in clients.values() if number >= CROWD]
            host = Host(Counter(dict(zip(_FAILURES, kinds, strict=True))), len(clients), ports, first, len(scans), sum(scans))
            hosts[address_text(*server)] = host
            for (_, name), (number, _, left, *_) in self._classes.hosts.items():
                if name == server:
                    host.kinds["incomplete" if kinds[_FAILURES.index("incomplete")] else "unanswered"] += number
                    host.ports |= left
        return hosts

    def survey(
        self, name: str, interfaces: list[Interface], format: str, *, given: str = "", dropped: int | None = None
    ) -> Survey:  # fmt: skip
        """What a summary needs, once `end` was called. `given`: the file that can be asked for more, if there is one."""
        from tcpinspect.engine.layers import REASONS
        from tcpinspect.engine.run import Result
        from tcpinspect.engine.signs import signs
        from tcpinspect.model.survey import Survey

        t = self.now.tracker
        result = Result(
            files=1,
            name=name,
            given=given or f"<{name}>", format=format, packets=t.frames, segments=t.segments, octets=t.octets, bytes_read=t.octets,
            first_ns=t.first_ns if t.frames else None, last_ns=t.last_ns if t.frames else None,
            not_tcp={reason: t.reason(n) for n, reason in enumerate(REASONS) if n and t.reason(n)},
            interfaces=interfaces, comments=[], warnings=[], snaplen_cut=t.cut, steps_back=t.steps_back,
            checksums={"good": t.checksums_good, "bad": t.checksums_bad, "unfinished": t.checksums_unfinished},
            chunks=[], late_segments=t.late_segments, segment_chunks=[], health=signs(t),
        )  # fmt: skip
        if dropped:
            result.warnings.append(f"{dropped:,} packets were dropped while watching")
        return Survey(result, self._classes)


def _rows(kept: list[tuple[Any, bytearray]], now_ns: int) -> list[Row]:
    """The engine's rows with their histories as rows of the table `connections`."""
    chunk = Chunk.of_rows(kept)
    make = ROW_TYPES["connections"]._make  # type: ignore[attr-defined]
    return list(map(make, zip(*ConnectionBatch(chunk, Endpoints([chunk]), now_ns).lists(), strict=True)))


def _in_order(steps: list[Step]) -> list[Step]:
    """The steps of all connections mixed by frame; those of one stay in their order, where a frame is unknown or an earlier one."""
    latest: dict[int, int] = {}
    keys = []
    for step in steps:
        latest[step.stream] = max(step.frame or 0, latest.get(step.stream, 0))
        keys.append(latest[step.stream])
    return [steps[n] for n in sorted(range(len(steps)), key=keys.__getitem__)]


def _steps(news: list[tuple[int, ...]]) -> list[Step]:
    text = cache(address_text)
    return [
        Step(
            number, "server" if server else "client", text(family, high, low), port,
            None if frame == UNKNOWN else frame, None if time_ns == UNKNOWN else time_ns, _STATES[source], _STATES[target],
            _EVENTS[event], _EVIDENCE[evidence], SECTIONS[section], DOUBTS[doubt], takes_back, text(family, *peer), peer_port,
        )
        for number, family, high, low, port, server, frame, time_ns, source, target, event, evidence, section, doubt, takes_back,
            *peer, peer_port in news
    ]  # fmt: skip
