"""Which connections are worth a look first, and why. Floor 3. Reading: RFC 9293 §3.5.2 (resets), §3.8 (loss, windows), RFC 4987.

A score adds up what a person would want to see: broken before merely slow, rare before usual. It orders a list; it is
no measure of anything. Where many connections fail the same way (a scan, a flood), one speaks for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from tcpinspect.engine.classes import CROWD_SIZE
from tcpinspect.insight import reading
from tcpinspect.insight.phrases import count, duration, times

CROWD = CROWD_SIZE
_REPEATED = 12
_SLOW_ANSWER_NS = 1_000_000_000  # RFC 6298 §2: before any measurement a sender waits one second
_FAILED = ("unanswered", "refused", "incomplete")


class Interest(NamedTuple):
    """A connection worth a look: its number, a score (higher first), and the reasons in words, most important first."""

    stream: int
    score: int
    reasons: tuple[str, ...]


def interesting(rows: Iterable[Any], *, limit: int | None = None) -> list[Interest]:
    """The connections with anything to look at, most interesting first, at most `limit`; rows of the table `connections`."""
    table = list(rows)
    failed = crowds(table)
    spoken: set[tuple[str, str, str, int]] = set()
    found: list[Interest] = []
    for row in table:
        one = judge(row)
        crowd = failed.get(row.stream)
        if crowd is not None:
            if crowd.key in spoken:
                continue
            spoken.add(crowd.key)
            # The first reason of a failed opening is that failure, which the crowd's words tell already.
            one = Interest(row.stream, one.score + 40, (crowd.words, *one.reasons[1:]))
        if one.score:
            found.append(one)
    found = _varied(found)
    return found if limit is None else found[:limit]


def _varied(found: list[Interest]) -> list[Interest]:
    """Ordered by score, where each further one of a kind counts less, so that a list of five shows five stories."""
    seen: Counter[str] = Counter()
    varied: list[Interest] = []
    for one in sorted(found, key=lambda one: (-one.score, one.stream)):
        # Numbers apart, the first reason is the kind: "3 retransmissions" is the story of "7 retransmissions".
        kind = one.reasons[0].lstrip("0123456789, ").rstrip("s")
        varied.append(one._replace(score=max(1, one.score - _REPEATED * seen[kind])))
        seen[kind] += 1
    return sorted(varied, key=lambda one: (-one.score, one.stream))


class Crowd(NamedTuple):
    """Many connections that failed alike: what they share, how many they are, and that in words."""

    key: tuple[str, str, str, int]
    size: int
    words: str


def crowds(rows: Iterable[Any]) -> dict[int, Crowd]:
    """The crowd of each stream that is one of at least CROWD failures at one port, from one host to another, or else at one host."""
    failed = [row for row in rows if reading.opening(row) in _FAILED]
    ports = Counter((row.handshake, "", row.server, row.server_port) for row in failed)
    pairs = Counter((row.handshake, row.client, row.server, -1) for row in failed)
    sizes = ports + pairs
    rest = [row for row in failed if max(sizes[key] for key in _keys(row)[:2]) < CROWD]
    sizes += Counter((row.handshake, "", row.server, -1) for row in rest)
    out: dict[int, Crowd] = {}
    for row in failed:
        key = next((key for key in _keys(row) if sizes[key] >= CROWD), None)
        if key is not None:
            out[row.stream] = Crowd(key, sizes[key], _crowd_words(*key, sizes[key]))
    return out


def _keys(row: Any) -> tuple[tuple[str, str, str, int], ...]:
    """The crowds that a failed opening may belong to, the narrowest first."""
    kind, server = row.handshake, row.server
    return (kind, "", server, row.server_port), (kind, row.client, server, -1), (kind, "", server, -1)


def _crowd_words(handshake: str, client: str, server: str, port: int, size: int) -> str:
    """As the reason of a connection that is one of them."""
    where = f"to port {port} of {server}" if port >= 0 else f"from {client} to {server}" if client else f"to many ports of {server}"
    return f"one of {size:,} connections {where} that were {_KIND_WORDS[handshake]}"


class Failures(NamedTuple):
    """Openings that failed alike: at one port (`client` empty), from one host to another (`port` -1), or at one host (both);
    `opening` as in reading.opening; `row` of one of them where they are a crowd."""

    opening: str
    handshake: str
    client: str
    server: str
    port: int
    number: int
    row: Any

    @property
    def words(self) -> str:
        """As the reason of a connection that is one of them."""
        return _crowd_words(self.handshake, self.client, self.server, self.port, self.number)


class Worth(NamedTuple):
    """Connections worth a look: the first of them, and how many there are in all; a crowd counts once."""

    first: list[Interest]
    total: int


def worth(sorts: Iterable[tuple[list[Any], int]], failures: Iterable[Failures]) -> Worth:
    """As `interesting`, from examples: (rows, number of connections like these) a class, and who failed to reach whom."""
    met = crowds_of(failures)
    at_port = {(one.handshake, one.server, one.port) for one in met}
    of_pair = {(one.handshake, one.client, one.server) for one in met}
    at_host = {(one.handshake, one.server) for one in met if one.port < 0 and not one.client}
    found: list[Interest] = []
    total = len(met)
    for rows, number in sorts:
        first = judge(rows[0])
        if not first.score:
            continue
        total += number
        failed = reading.opening(rows[0]) in _FAILED
        for row in rows:
            if failed and ((row.handshake, row.server, row.server_port) in at_port or (row.handshake, row.server) in at_host):
                continue
            if (row.handshake, row.client, row.server) in of_pair:
                continue
            found.append(first if row is rows[0] else judge(row))
    for crowd in met:
        total -= crowd.number
        one = judge(crowd.row)
        # The first reason of a failed opening is that failure, which the crowd's words tell already.
        found.append(Interest(crowd.row.stream, one.score + 40, (crowd.words, *one.reasons[1:])))
    return Worth(_varied(found), total)


def crowds_of(failures: Iterable[Failures]) -> list[Failures]:
    """Those that are crowds, each connection in one of them: at a port first, else from one host to another, else at a host."""
    merged: dict[tuple[str, str, str, int], Failures] = {}
    for one in failures:
        if one.opening not in _FAILED:
            continue
        key = (one.handshake, one.client, one.server, one.port)
        known = merged.get(key)
        merged[key] = one if known is None else known._replace(number=known.number + one.number, row=known.row or one.row)
    met = [one for one in merged.values() if one.number >= CROWD and one.row is not None]
    ports = [one for one in met if one.port >= 0]
    told: Counter[tuple[str, str]] = Counter()
    for one in ports:
        told[one.handshake, one.server] += one.number
    pairs = [one for one in met if one.client and one.number - told[one.handshake, one.server] >= CROWD]
    for one in pairs:
        told[one.handshake, one.server] += one.number
    hosts = [one._replace(number=one.number - told[one.handshake, one.server]) for one in met if one.port < 0 and not one.client]
    return sorted(ports + pairs + [one for one in hosts if one.number >= CROWD], key=lambda one: (-one.number, one.row.stream))


_KIND_WORDS = {"unanswered": "never answered", "refused": "refused", "incomplete": "never fully opened"}


def judge(row: Any) -> Interest:
    """One connection alone: its score, 0 for an ordinary one, and the reasons."""
    points: list[tuple[int, str]] = []
    points += _of_opening(row)
    points += _of_close(row)
    points += _of_transfer(row)
    points.sort(key=lambda point: -point[0])
    return Interest(row.stream, sum(score for score, _ in points), tuple(why for _, why in points))


def _of_opening(row: Any) -> list[tuple[int, str]]:
    kind = reading.opening(row)
    points: list[tuple[int, str]] = []
    if kind == "unanswered":
        asked = reading.syns(row) or 0
        points.append((50, f"no answer, asked {times(asked)}" if asked > 1 else "no answer"))
    elif kind == "contested":
        points.append((45, "the SYN was answered by a reset and by a SYN-ACK"))
    elif kind == "partly":
        points.append((10, "not all of the opening was captured"))
    elif kind == "one-way":
        points.append((15, f"only what the {reading.only_side(row)} sent was captured"))
    elif kind == "itself":
        points.append((20, "a socket connected to itself"))
    elif kind == "refused":
        points.append((50, "refused"))
    elif kind == "incomplete":
        points.append((45, "the opening was not finished"))
    elif kind == "split":
        points.append((40, "opened with a split handshake"))
    elif kind == "simultaneous":
        points.append((30, "opened by both sides at once"))
    elif kind == "tfo":
        points.append((10, "data in the SYN (Fast Open)"))
    if kind != "itself" and row.syn_to_syn_ack_ns is not None and row.syn_to_syn_ack_ns >= _SLOW_ANSWER_NS:
        points.append((15, f"slow to answer ({duration(row.syn_to_syn_ack_ns)})"))
    return points


def _of_close(row: Any) -> list[tuple[int, str]]:
    kind, opened = row.teardown, reading.opening(row)
    by = reading.reset_by(row)
    who = f" by the {by}" if by else ""
    if kind == "aborted" and opened != "refused":
        return [(45, f"broken off{who} with a reset")]
    if kind == "reset":
        return [(30, f"reset{who} while it was being closed")]
    if kind == "simultaneous" and opened != "itself":
        return [(25, "closed by both sides at once")]
    if kind == "half-close":
        return [(20, "half-closed for a while")]
    if kind == "open" and opened != "one-way" and "CLOSE-WAIT" in (row.client_state, row.server_state):
        return [(20, "one side closed, the other did not")]
    return []


def _of_transfer(row: Any) -> list[tuple[int, str]]:
    points: list[tuple[int, str]] = []
    again = reading.again(row, "client") + reading.again(row, "server")
    if again and reading.opening(row) != "unanswered":
        share = again / max(1, row.client_packets + row.server_packets)
        points.append((min(40, 8 + again + int(100 * share)), count(again, "retransmission")))
    zero = row.client_zero_windows + row.server_zero_windows
    if zero:
        points.append((min(40, 25 + zero), f"{count(zero, 'zero window')}: a receiver was full"))
    if row.bad_checksums:
        points.append((min(40, 20 + row.bad_checksums), count(row.bad_checksums, "bad checksum")))
    if row.lost_segments:
        points.append((min(20, 5 + row.lost_segments), f"{count(row.lost_segments, 'gap')} in the capture"))
    if row.out_of_order:
        points.append((min(20, 3 + row.out_of_order), f"{count(row.out_of_order, 'segment')} out of order"))
    if row.duplicate_acks >= 3:
        points.append((min(10, row.duplicate_acks), count(row.duplicate_acks, "duplicate acknowledgment")))
    return points
