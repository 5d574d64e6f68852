"""Resets that are somebody else's: what tells one from those of the host in whose name it came. Floor 3.

A middlebox or an attacker that ends a connection sends a RST with the address of one side. It knows the numbers that it has
seen, but not the other side's TTL, IP identifications and clock, and cannot make that side stop. None of this is proof: hosts
answer some segments without a socket, with another TTL and no timestamp. Reading: RFC 9293 §3.5.2, §3.10.7; RFC 5961 §3;
RFC 7323 §3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tcpinspect.insight.phrases import count, duration
from tcpinspect.protocol.header import ACK, FIN, RST, SYN
from tcpinspect.protocol.seqnum import difference

# A sign of weight 3 is enough, so are two of others that are at least 1 and 2.
SUSPECT = 3
# A host's counter of identifications goes on by few from segment to segment; one apart by more is not of it.
_FAR = 1000
_STEP = 64


class Forged(NamedTuple):
    """A suspicion: the first reset that bears it, how many do, the weight of what speaks for it, and that in words."""

    frame: int
    time_ns: int
    count: int  # type: ignore[assignment]  # as the table of findings has it
    score: int
    evidence: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        which = "A reset" if self.count == 1 else f"{self.count} resets"
        return f"{which} in this connection may be forged: {'; '.join(self.evidence)}."


def forged(segments: Sequence[Any]) -> Forged | None:
    """What speaks for a forged reset in one connection, rows of `segments` in order; None where too little does."""
    found = [
        (row, signs)
        for n, row in enumerate(segments)
        if row.tcp_flags & RST and (signs := _signs(segments, n)) and _weight(signs) >= SUSPECT
    ]
    if not found:
        return None
    signs = max((signs for _, signs in found), key=_weight)
    return Forged(found[0][0].frame, found[0][0].time_ns, len(found), _weight(signs), tuple(text for _, text in signs))


def _weight(signs: Iterable[tuple[int, str]]) -> int:
    return sum(weight for weight, _ in signs)


def _signs(segments: Sequence[Any], n: int) -> list[tuple[int, str]]:
    """(weight, sign) of everything about the reset in row n that is not like its supposed sender."""
    reset = segments[n]
    mine = [row for row in segments if row.from_client == reset.from_client and not row.tcp_flags & RST]
    before = [row for row in segments[:n] if row.from_client == reset.from_client and not row.tcp_flags & RST]
    peer = [row for row in segments[:n] if row.from_client != reset.from_client and not row.tcp_flags & RST]
    if not any(not row.tcp_flags & SYN for row in before):
        # Before its side has opened, resets without a connection are ordinary (figures 8 and 11).
        return []
    found = [_goes_on(segments, n), _hop_count(reset, mine), _identification(reset, before), _timestamp(reset, before)]
    return [sign for sign in [*found, _number(reset, before, peer)] if sign is not None]


def _goes_on(segments: Sequence[Any], n: int) -> tuple[int, str] | None:
    """Whoever has reset keeps nothing of the connection: only segments that crossed, no later ones, may follow."""
    reset = segments[n]
    later = [row for row in segments[n + 1 :] if row.from_client == reset.from_client]
    again = [row for row in later if not row.tcp_flags & (RST | SYN) and row.tcp_flags & ACK]
    news = next((row for row in again if row.payload_len or row.tcp_flags & FIN), None)
    answered = {row.ack_raw for row in segments[n + 1 :] if row.from_client != reset.from_client and row.tcp_flags & ACK}
    if news is None or not answered or difference(max(answered, key=lambda ack: difference(ack, news.seq_raw)), news.seq_raw) <= 0:
        return None
    after = duration(news.time_ns - reset.time_ns)
    return 3, f"its supposed sender goes on {after} later (frame {news.frame}) and is acknowledged"


def _hop_count(reset: Any, mine: Sequence[Any]) -> tuple[int, str] | None:
    known = sorted({row.ttl for row in mine})
    if len(mine) < 2 or reset.ttl in known or len(known) > 2:
        return None
    return 2, f"its TTL is {reset.ttl}, that of its supposed sender's {count(len(mine), 'segment')} {' or '.join(map(str, known))}"


def _identification(reset: Any, before: Sequence[Any]) -> tuple[int, str] | None:
    """Only where the sender counts its packets can one be out of the count; 0 is what hosts put where it has no meaning."""
    known = [row.ip_id for row in before[-8:] if row.ip_id]
    if not reset.ip_id or len(known) < 3 or any(not 0 < (b - a) & 0xFFFF <= _STEP for a, b in pairwise(known)):
        return None
    apart = min((reset.ip_id - known[-1]) & 0xFFFF, (known[-1] - reset.ip_id) & 0xFFFF)
    if apart <= _FAR:
        return None
    # what a host sends without a socket it may count elsewhere
    weight = 2 if reset.tcp_flags & ACK else 1
    return weight, f"its IP identification is {reset.ip_id}, where {known[-1]} was the last and they are counted"


def _timestamp(reset: Any, before: Sequence[Any]) -> tuple[int, str] | None:
    """RFC 7323 §3.2: once agreed, a RST SHOULD carry timestamps as well; one without a socket cannot."""
    if not before or any(row.ts_val is None for row in before):
        return None
    if reset.ts_val is None:
        return (1, "it has no timestamp, as all of its supposed sender's segments have") if reset.tcp_flags & ACK else None
    if difference(reset.ts_val, before[-1].ts_val) < 0:
        return 2, f"its timestamp {reset.ts_val} is older than the last one, {before[-1].ts_val}"
    return None


def _number(reset: Any, before: Sequence[Any], peer: Sequence[Any]) -> tuple[int, str] | None:
    """A reset of one's own accord has the next number; an answer has the number that was acknowledged (RFC 9293 §3.5.2)."""
    ends = [(row.seq_raw + row.payload_len + bool(row.tcp_flags & SYN) + bool(row.tcp_flags & FIN)) % 2**32 for row in before]
    top = max(ends, key=lambda end: difference(end, ends[0]))
    if reset.seq_raw == top or any(row.ack_raw == reset.seq_raw for row in peer[-16:] if row.tcp_flags & ACK):
        return None
    off = difference(reset.seq_raw, top)
    return 1, f"its number is {abs(off):,} {'beyond' if off > 0 else 'below'} the next one of its supposed sender"
