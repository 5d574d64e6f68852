"""engine.track: connections leave the table, and what is said of them stays the same."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.engine.classes import Classes
from tcpinspect.engine.finish import CONNECTION_FIELD, Chunk, Finisher
from tcpinspect.engine.signs import Suspects
from tcpinspect.engine.track import Tracker
from tcpinspect.engine.zeek import CONN_STATES
from tcpinspect.model.batches import ConnectionBatch, TimelineBatch
from tcpinspect.model.endpoints import Endpoints

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.pcap*"))


def tables(path: Path, **limits: int) -> tuple[list[Any], list[Any], Tracker]:
    """Both tables of a capture; with limits, of a table from which connections leave."""
    finisher = Finisher(True)
    tracker = Tracker(finisher, None, bool(limits), Suspects())
    for name, value in limits.items():
        setattr(tracker, name, value)
    records = Records(Source(str(path)))
    chunks: list[Chunk] = []
    while records.next_block():
        tracker.block(records, 0, records.count)
        while limits and (chunk := finisher.take(tracker.last_ns, 0)):
            chunks.append(chunk)
    tracker.end()
    while chunk := finisher.take(tracker.last_ns, 1):
        chunks.append(chunk)
    ends = Endpoints(chunks)
    rows = [row for c in chunks for row in zip(*ConnectionBatch(c, ends, tracker.last_ns).lists(), strict=True)]
    steps = [row for c in chunks for row in zip(*TimelineBatch(c, ends).lists(), strict=True)]
    return rows, steps, tracker


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_leaving_after_five_seconds_changes_nothing(path: Path) -> None:
    rows, steps, _ = tables(path)
    left, left_steps, tracker = tables(path, roomy=0)
    assert tracker.late_segments == 0
    assert left == rows
    assert left_steps == steps


def test_a_table_of_none_keeps_its_numbers() -> None:
    """Where all leave at once, late segments are counted, and their streams keep their numbers."""
    path = next(path for path in CAPTURES if path.name.startswith("many-connections"))
    rows, _, whole = tables(path)
    left, _, tracker = tables(path, roomy=0, closed_ns=0, attempt_ns=0, idle_ns=0, hurry_ns=0)
    assert [row[:5] for row in left] == [row[:5] for row in rows], "stream and addresses"
    assert tracker.segments == whole.segments and tracker.late_segments > 0
    assert len(tracker.alive) == 0


CONN_STATE = CONNECTION_FIELD["conn_state"]
SERVER = bytes([192, 0, 2, 1])
FLAGS = {"F": 1, "S": 2, "R": 4, "A": 16}
Said = tuple[bool, str, int, int]  # by the client, flags, sequence number, acknowledgment
ANSWERS: dict[str, list[Said]] = {
    "unanswered": [],
    "answered": [(False, "SA", 500, 1)],
    "refused": [(False, "RA", 0, 1)],
    "reset": [(True, "R", 1, 0)],
}
HONEST: list[Said] = [
    (False, "SA", 500, 1), (True, "A", 1, 501), (True, "FA", 1, 501), (False, "FA", 501, 2), (True, "A", 2, 502),
]  # fmt: skip


def packet(client: bytes, said: Said) -> bytes:
    """An IPv4 packet without text, checksums left to the card."""
    by_client, flags, seq, ack = said
    ends = (client + SERVER, 1024, 80) if by_client else (SERVER + client, 80, 1024)
    tcp = struct.pack(">HHIIBBHHH", *ends[1:], seq, ack, 5 << 4, sum(FLAGS[flag] for flag in flags), 1024, 0, 0)
    return struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, 6, 0) + ends[0] + tcp


def flood(number: int, answers: list[Said]) -> bytes:
    """So many SYNs within a second from as many addresses, and what follows each 10 µs later. Each hundredth client is honest, 20 ms
    away, and closes."""
    packets: list[tuple[int, bytes]] = []
    for n in range(number):
        client, start_ns = bytes([10, n >> 16, n >> 8 & 255, n & 255]), n * 10**9 // number
        packets.append((start_ns, packet(client, (True, "S", 0, 0))))
        wait_ns, rest = (10_000, answers) if n % 100 else (20_000_000, HONEST)
        packets += [(start_ns + wait_ns * (k + 1), packet(client, said)) for k, said in enumerate(rest)]
    packets.sort(key=lambda one: one[0])
    head = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101)  # nanoseconds, raw IP
    return head + b"".join(struct.pack("<IIII", at // 10**9, at % 10**9, len(data), len(data)) + data for at, data in packets)


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_flood_of_any_kind_fills_no_table_and_pushes_nobody_honest_out(kind: str) -> None:
    number, mob = 20_000, 1_000
    tracker = Tracker(Finisher(False, sinks=(counted := Classes(),)), None, True, Suspects())
    tracker.roomy, tracker.crowd, tracker.mob = 200, 800, mob
    tracker.hurry_ns = 320_000_000  # of which an attempt has 40 ms for its round trip
    records = Records(Source(flood(number, ANSWERS[kind])))
    while records.next_block():
        for first in range(0, records.count, 1000):
            tracker.block(records, first, min(first + 1000, records.count))
    most = len(tracker.alive)
    tracker.end()
    assert most <= 3 * mob, "places, free ones included"
    closed = sum(one.count for one in counted.by_key.values() if CONN_STATES[one.examples[0][2][CONN_STATE]] == "SF")
    assert closed == number // 100 and tracker.late_segments == 0
