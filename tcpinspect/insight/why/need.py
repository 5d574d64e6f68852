"""Whether a retransmission was needed, and which copy of a packet arrived, by what came after it. Floor 3.

Three proofs that an earlier copy had arrived: the octets were acknowledged before, the receiver reports them as duplicates
(D-SACK), or its acknowledgment echoes a timestamp older than the retransmission's (Eifel). Reading: RFC 2883 §4; RFC 3522
§3.2 (Eifel); RFC 7323 §4.3 (which timestamp is echoed).
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any

from tcpinspect.insight.why.replay import Fact, same_packet
from tcpinspect.insight.why.spans import Sent
from tcpinspect.insight.why.way import Way
from tcpinspect.protocol.header import RST, SYN
from tcpinspect.protocol.seqnum import difference

# The retransmission timer doubles (RFC 6298 §5.5), a probe is followed by an ordinary timeout.
_DOUBLED = 1.5
_MEASURABLE_NS = 1_000_000


class _Pending:
    """The retransmissions of one direction that are not acknowledged yet."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, int]] = []
        self.map = Sent()


def settle(facts: Any, some: list[Fact] | None = None) -> None:
    """Set `notes["needed"]` (True, False, None), `notes["proof"]` and `notes["proof_index"]` of every retransmission.

    `facts` gives them by place. `some` are those that can matter; all of them when it is not given.
    """
    pending: dict[int, _Pending] = {}
    for f in facts if some is None else some:
        other = pending.get(id(f.other))
        if other is not None and f.ack is not None and not f.flags & RST:
            _acknowledged(f, other, facts)
        again = "retransmission" in f.kind or f.kind == "tail-loss-probe"
        if again or f.kind == "duplicated-packet":
            _timer_or_probe(f, facts)
            _of(pending, f.own).map.add(f.begin, f.end, f.index)
        if again:
            f.notes.setdefault("needed", None)
            if f.una is not None and f.una >= f.end and f.end > f.begin:
                _set(f, False, "acknowledged", f.last_ack)
            elif f.already_sacked:
                _set(f, False, "sacked", f.last_ack)
            elif not f.flags & SYN:
                heappush(_of(pending, f.own).heap, (f.end, f.index))


def _of(pending: dict[int, _Pending], way: Way) -> _Pending:
    found = pending.get(id(way))
    if found is None:
        found = pending[id(way)] = _Pending()
    return found


def _set(f: Fact, needed: bool | None, proof: str, index: int | None) -> None:
    f.notes.update(needed=needed, proof=proof, proof_index=index)


def _acknowledged(a: Fact, way: _Pending, facts: Any) -> None:
    """What the ACK `a` says about the other side's retransmissions."""
    assert a.ack is not None
    if a.dsack is not None:
        for piece in way.map.within(*a.dsack):
            doubled = facts[piece.last]
            if doubled.kind == "duplicated-packet":
                doubled.kind = "network-duplicate"
                doubled.notes.update(proof="d-sack", proof_index=a.index)
            else:
                _set(doubled, False, "d-sack", a.index)
    while way.heap and way.heap[0][0] <= a.ack:
        f = facts[heappop(way.heap)[1]]
        if f.notes.get("needed") is None:
            _by_time(f, a, way, facts)


def _by_time(f: Fact, a: Fact, way: _Pending, facts: Any) -> None:
    """The first ACK `a` that covers the retransmission `f`: is it the answer to `f` or to an earlier copy?"""
    echo, mine = a.row.ts_ecr, f.row.ts_val
    first = facts[f.original].row.ts_val if f.original is not None else None
    latest = max((piece.last for piece in way.map.within(f.begin, f.end)), default=f.index)
    # RFC 7323 §4.3: the echo is of the segment that arrived at the octet acknowledged last; others leave it as it was.
    in_place = a.acked_before is not None and f.begin <= a.acked_before
    if in_place and echo is not None and mine is not None and difference(echo, mine) < 0:
        return _set(f, False, "timestamp", a.index)
    took = a.row.time_ns - f.row.time_ns
    if f.rtt_min_ns is not None and f.rtt_min_ns > _MEASURABLE_NS and 0 <= took < f.rtt_min_ns // 2:
        return _set(f, False, "too-soon", a.index)
    if latest > f.index:
        again = facts[latest].row.ts_val
        if in_place and echo is not None and again is not None and mine is not None and difference(again, mine) > 0:
            if difference(echo, again) >= 0:
                return _set(f, True, "lost-too", latest)
        return _set(f, None, "sent-again", latest)
    # Where the original was not seen, this copy is known to be younger than a segment that was sent after the original.
    younger = (f.notes.get("ticks") or 0) > 0
    if f.original is not None:
        younger = first is not None and mine is not None and difference(mine, first) > 0
    if in_place and echo is not None and younger:
        return _set(f, True, "timestamp", a.index)
    return _set(f, None, "acknowledged-later", a.index)


def _timer_or_probe(f: Fact, facts: Any) -> None:
    """The second expiry of a timer tells what the first was: after a timeout the timer is doubled, after a probe it is not."""
    before = facts[f.previous] if f.previous is not None else None
    if before is None or before.kind != "timer-retransmission" or f.una != before.una:
        return
    first, second = before.notes.get("quiet_ns"), f.row.time_ns - before.row.time_ns
    if first and second > 0:
        before.kind = "rto-retransmission" if second >= _DOUBLED * first else "tail-loss-probe"
        before.notes["next_expiry_ns"] = second


def doubled(facts: Iterable[Fact], others: int = 0) -> bool:
    """Whether a good part of all packets is there twice: then the capture doubled them. `others` are more that are not."""
    carriers = [f.twin is not None for f in facts if f.end > f.begin and not f.flags & RST]
    return len(carriers) + others >= 4 and sum(carriers) * 3 >= len(carriers) + others


def name_copies(facts: list[Fact]) -> None:
    """Of a capture that doubled its packets: the second copies, and those of the bare ACKs and resets as well."""
    last: dict[bool, Fact] = {}
    for f in facts:
        if f.kind == "duplicated-packet":
            f.kind = "capture-duplicate"
        elif f.end == f.begin or f.flags & RST:
            before = last.get(bool(f.row.from_client))
            if before is not None and same_packet(before.row, f.row):
                f.kind, f.twin = "capture-duplicate", before.index
        last[bool(f.row.from_client)] = f
