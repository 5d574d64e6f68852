"""The queue of unacknowledged segments answers as a plain walk over a list does."""

from __future__ import annotations

import random

import pytest

from tcpinspect.engine.unacked import Unacked

M = 0xFFFFFFFF


def ahead(a: int, b: int) -> int:
    return ((a - b + 0x80000000) & M) - 0x80000000


class Walk:
    """The slow, obvious twin: a list, oldest first, and every question a walk."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, int]] = []
        self.matched_ns = 0

    def append(self, seq: int, end: int, time_ns: int) -> int:
        if len(self.entries) >= 10_000:
            return 0
        self.entries.append((seq, end, time_ns))
        return 1

    def acknowledge(self, ack: int) -> int:
        kept, matches = [], []
        for seq, end, time_ns in self.entries:
            if end == ack:
                matches.append(time_ns)
                continue
            if ahead(seq, ack) < 0 and ahead(ack, end) <= 0:
                seq = ack
            if ahead(ack, end) < 0:
                kept.append((seq, end, time_ns))
        self.entries = kept
        if matches:
            self.matched_ns = matches[0]
        return bool(matches)

    def span(self, base: int) -> int:
        return (max((end - base) & M for _, end, _ in self.entries) - min((seq - base) & M for seq, _, _ in self.entries)) & M


def agree(queue: Unacked, walk: Walk, base: int) -> None:
    assert len(queue) == len(walk.entries)
    if walk.entries:
        assert queue.oldest_ns() == walk.entries[0][2]
        assert queue.span(base) == walk.span(base)


@pytest.mark.parametrize("seed", range(60))
def test_random_traffic_is_remembered_as_by_a_walk(seed: int) -> None:
    rng = random.Random(seed)
    queue, walk = Unacked(), Walk()
    start = seq = rng.choice([1, M - 500, 0x7FFFFF00, rng.getrandbits(32)])
    base = (start - rng.choice([0, 1, 1000, 0x80000000])) & M
    disorder = rng.choice([0, 0, 0.05, 0.5])
    for now in range(600):
        if rng.random() < 0.6:
            at = (seq - rng.randrange(400)) & M if rng.random() < disorder else seq
            length = rng.choice([1, 10, rng.randrange(1, 100)])
            assert queue.append(at, (at + length) & M, now) == walk.append(at, (at + length) & M, now)
            if at == seq:
                seq = (seq + length) & M
        else:
            ack = rng.choice([seq, (seq - rng.randrange(300)) & M, (seq + rng.randrange(-2, 3)) & M])
            if rng.random() < 0.05:
                ack = rng.choice([0, rng.getrandbits(32), (seq + 0x80000000 + rng.randrange(-60, 60)) & M])
            found = queue.acknowledge(ack)
            assert found == walk.acknowledge(ack)
            if found:
                assert queue.matched_ns == walk.matched_ns
        if rng.random() < 0.5:
            agree(queue, walk, base)
        if rng.random() < 0.01:
            base = rng.getrandbits(32)
    agree(queue, walk, base)


def test_scattered_numbers_are_remembered_as_by_a_walk() -> None:
    rng = random.Random(7)
    queue, walk = Unacked(), Walk()
    for now in range(4000):
        at = rng.getrandbits(32)
        end = (at + rng.randrange(1, 70_000)) & M
        queue.append(at, end, now)
        walk.append(at, end, now)
        ack = rng.choice([at, end, rng.getrandbits(32)])
        if rng.random() < 0.1:
            assert queue.acknowledge(ack) == walk.acknowledge(ack)
        agree(queue, walk, 12345)


def test_a_full_list_takes_nothing_more() -> None:
    queue = Unacked()
    for n in range(10_000):
        assert queue.append(n, n + 1, n) == 1
    assert queue.append(10_000, 10_001, 0) == 0
    assert len(queue) == 10_000
    queue.acknowledge(5)
    assert len(queue) == 9_995
    assert queue.append(10_000, 10_001, 0) == 1
