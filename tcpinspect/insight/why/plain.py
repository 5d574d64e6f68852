"""The causes of one connection at the price of its unusual segments. Floor 3.

Most segments are the next octets in order, or the first acknowledgment of some: they have no cause, and all they do is move
the numbers of `replay.Way`. `unusual` moves these itself and makes no Fact of them; every other segment goes through `cause`
as always. What comes out is the same, which a test holds on every capture. Reading: as `cause`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from tcpinspect.engine.columns import MARK_SACK_PERMITTED
from tcpinspect.insight.why.cause import final, judged, kind_of
from tcpinspect.insight.why.moment import States
from tcpinspect.insight.why.need import doubled, settle
from tcpinspect.insight.why.replay import CONTROL, Fact, Replay, Way
from tcpinspect.protocol.header import ACK, FIN, RST, SYN
from tcpinspect.protocol.seqnum import MODULUS

_PLAIN = CONTROL | ACK
_MOVING = SYN | RST | ACK
_MASK = MODULUS - 1


class Seen(NamedTuple):
    """What the causes ask of a segment: columns of `segments`, but the options as octets."""

    frame: int
    time_ns: int
    from_client: bool
    src: str
    dst: str
    src_port: int
    dst_port: int
    tcp_flags: int
    payload_len: int
    seq_raw: int
    ack_raw: int
    window_raw: int
    window: int | None
    seq: int | None
    ack: int | None
    sack_permitted: bool
    sack_blocks: int
    options: bytes
    options_malformed: bool
    ts_val: int | None
    ts_ecr: int | None
    checksum: int


# The columns that tell an ordinary segment; -1 is an unknown window.
TELLING = ("time_ns", "tcp_flags", "payload_len", "seq_raw", "ack_raw", "window_raw", "window", "sack_blocks", "marks")


class Columns:
    """One connection: the columns TELLING and who sent, sequences of one length, and how to get a whole row by its place."""

    def __init__(self, telling: dict[str, list[int]], from_client: list[bool], row: Callable[[int], Seen]) -> None:
        self._columns = [telling[name] for name in TELLING]
        self.times, self.flags, self.payloads = telling["time_ns"], telling["tcp_flags"], telling["payload_len"]
        self.from_client = from_client
        self.row = row

    def rows(self) -> list[Seen]:
        """All segments whole."""
        return list(map(self.row, range(len(self.times))))

    def telling(self) -> Iterator[tuple[int, ...]]:
        """Of each segment what tells an ordinary one."""
        return zip(*self._columns, strict=True)


class _Ordinary:
    """What an ordinary segment is to those that look back at it: the part of a Fact they ask for."""

    __slots__ = ("_table", "_ways", "index")
    kind = ""
    again = 0
    probe = False
    peer_top = None

    def __init__(self, table: Columns, ways: list[Way], index: int) -> None:
        self._table, self._ways, self.index = table, ways, index

    @property
    def row(self) -> Seen:
        return self._table.row(self.index)

    @property
    def flags(self) -> int:
        return self._table.flags[self.index]

    @property
    def payload(self) -> int:
        return self._table.payloads[self.index]

    @property
    def end(self) -> int:
        row = self.row
        return self._ways[row.from_client].place(row.seq_raw) + row.payload_len + (row.tcp_flags & (SYN | FIN) != 0)

    @property
    def ack(self) -> int | None:
        row = self.row
        return self._ways[not row.from_client].place(row.ack_raw) if row.tcp_flags & ACK else None


class _Facts(list[Any]):
    """Facts by place; None stands for an ordinary segment."""

    def __init__(self, columns: Columns, ways: list[Way]) -> None:
        super().__init__()
        self._table, self._ways = columns, ways

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(len(self)))]
        found = super().__getitem__(at)
        return _Ordinary(self._table, self._ways, at) if found is None else found


class _Quick(Replay):
    """A replay that makes Facts only of segments that are not ordinary."""

    def __init__(self, columns: Columns) -> None:
        super().__init__()
        self.facts = _Facts(columns, self.ways)
        self._columns = columns

    def time(self, index: int) -> int:
        return self._columns.times[index]

    def flags(self, index: int) -> int:
        return self._columns.flags[index]

    def opened(self) -> int:
        """Note a handshake of three segments, and return how many that are: 3, or 0 where the connection begins otherwise."""
        segments = list(islice(self._columns.telling(), 3))
        if len(segments) < 3 or self._columns.from_client[:3] not in ([True, False, True], [False, True, False]):
            return 0
        syn, answer, third = segments
        kinds = [segment[1] & _PLAIN for segment in segments]
        quiet = not (syn[2] or answer[2] or third[2] or third[7])
        numbers = (answer[4] == third[3] == (syn[3] + 1) & _MASK, third[4] == (answer[3] + 1) & _MASK)
        if kinds != [SYN, SYN | ACK, ACK] or not quiet or not all(numbers) or not third[5]:
            return 0
        mine = self._columns.from_client[0]
        ways = self.ways[mine], self.ways[not mine]
        for place, (own, segment) in enumerate(zip(ways, segments, strict=False)):
            own.base, own.syn, own.top, own.una = segment[3], 0, 1, 1
            own.sent.append(0, 1, place)
            own.measured(segments[place + 1][0] - segment[0])
            own.timer_ns, own.delivered = segments[place + 1][0], place
            own.last_ack, own.last_new = place + 1, place
            own.sack_offered = segment[8] & MARK_SACK_PERMITTED != 0
        own, other = ways
        own.opened = other.accepted = True
        own.recent, own.last = [0, 2], 2
        other.recent, other.last, other.last_control = [1], 1, SYN
        for way, (_, _, _, _, _, window_raw, *_) in ((other, answer), (own, third)):
            way.window_raw = window_raw
        other.edge = None if third[6] < 0 else 1 + third[6]
        own.edge = None if answer[6] < 0 else 1 + answer[6]
        self.initial_rtt_ns = max(0, third[0] - syn[0])
        self.facts.extend([None] * 3)  # type: ignore[list-item]
        return 3

    def ordinary(self, place: int, own: Way, other: Way, segment: tuple[int, ...]) -> bool:
        """Note the segment and return True, if it is the next data in order or a first acknowledgment, and nothing is in doubt."""
        now, flags, payload, seq_raw, ack_raw, window_raw, window, _, _ = segment
        top, una, sent = own.top, other.una, other.top
        if top is None or una is None or sent is None or self.syn_ns is not None:
            return False
        if seq_raw != (own.base + top) & _MASK:  # type: ignore[operator]  # what has a top has a base
            return False
        ack = sent - ((other.base + sent - ack_raw) & _MASK)  # type: ignore[operator]
        if ack < una:
            return False
        news = ack > una
        if news and (other.recovery is not None or other.sacked or (other.resent is not None and una < other.resent)):
            return False
        fin = flags & FIN
        if payload or fin:
            end = top + payload + fin
            if (payload == 1 and not fin) or not own.sent.append(top, end, place):
                return False
            if payload:
                own.last_data = place
            if fin:
                own.fin = end - 1
            own.last_new = place
            if own.una is not None and own.una >= top:
                own.timer_ns = now
            own.top = end
        elif not news or not window_raw or other.last_control & SYN:
            return False
        if news:
            self._in_order(other, una, ack, now)
            other.una, other.timer_ns = ack, now
            other.duplicates, other.last_duplicate = 0, None
        other.last_ack = own.last = place
        own.last_control, other.unanswered = fin, 0
        own.opened = True
        own.window_raw = window_raw
        if window >= 0 and (other.edge is None or ack + window > other.edge):
            other.edge = ack + window
        recent = own.recent
        if len(recent) > 3:
            del recent[0]
        recent.append(place)
        return True

    def _in_order(self, way: Way, una: int, ack: int, now: int) -> None:
        """What `_arrived` notes, where nothing between was sent twice or out of order."""
        piece = way.sent.ending(ack)
        if piece is None or piece.copies != 1:
            self._arrived(way, una, ack, now, sample=True)
            return
        way.delivered = piece.last if way.delivered is None else max(way.delivered, piece.last)
        took = now - self._columns.times[piece.last]
        if took >= 0:
            way.measured(took)


def unusual(columns: Columns) -> list[tuple[int, str]]:
    """(place, cause) of each segment that has a cause, in order."""
    replay = _Quick(columns)
    facts, ways, ordinary = replay.facts, replay.ways, replay.ordinary
    states = States(())
    made: list[Fact] = []
    again = 0
    opened = replay.opened()
    segments = islice(enumerate(zip(columns.from_client, columns.telling(), strict=True)), opened, None)
    carriers = 2 if opened else 0
    for place, (mine, segment) in segments:
        flags, payload = segment[1], segment[2]
        if flags & _MOVING == ACK and not segment[7] and payload >= 0 and ordinary(place, ways[mine], ways[not mine], segment):
            facts.append(None)  # type: ignore[arg-type]
            carriers += payload > 0 or flags & FIN
            continue
        fact = replay.step(columns.row(place))
        fact.kind = kind_of(fact, replay, states)
        replay.done(fact)
        made.append(fact)
        again += bool(fact.again) or fact.twin is not None or "retransmission" in fact.kind
        if fact.end > fact.begin and fact.top is not None and fact.begin < fact.top:
            # until this is acknowledged, what was sent twice or late is on the way
            fact.own.resent = max(fact.end, fact.top, fact.own.resent or 0)
    if doubled(made, carriers):
        # The bare ACKs are there twice as well, which only a look at all of them tells.
        return [(fact.index, fact.cause) for fact in judged(columns.rows()) if fact.cause]
    if again:
        settle(facts, made)
    final(made)
    return [(fact.index, fact.cause) for fact in made if fact.cause]
