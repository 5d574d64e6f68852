"""Reassembly beside a slow twin that keeps one octet a cell."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.lab.endpoint.incoming import Incoming
from tcpinspect.protocol.seqnum import add

STREAM = bytes(range(200))
PIECES = st.lists(st.tuples(st.integers(0, 190), st.integers(1, 60)), max_size=30)


@settings(max_examples=300, deadline=None)
@given(PIECES, st.sampled_from([0, 2**32 - 50, 2**31 - 20]), st.integers(20, 250))
def test_any_pieces_in_any_order_give_the_octets_without_a_gap(pieces: list[tuple[int, int]], irs: int, capacity: int) -> None:
    incoming = Incoming(irs, capacity)
    incoming.offer(1, 1)
    cells: dict[int, int] = {}
    for start, size in pieces:
        data = STREAM[start : start + size]
        incoming.take(add(irs, 1 + start), data, start + size >= len(STREAM))
        for n, octet in enumerate(data, start):
            if n < capacity:
                cells.setdefault(n, octet)
        whole = next(n for n in range(len(STREAM) + 1) if n not in cells)
        assert bytes(incoming.ready) == STREAM[:whole] and incoming.nxt == add(irs, 1 + whole)
        held = {add(irs, 1 + n) for n in cells if n > whole}
        covered = {add(left, n) for left, right in incoming.blocks() for n in range((right - left) % 2**32)}
        assert incoming.gap == bool(held)
        if len(incoming.blocks()) < 4 and incoming.duplicate is None:
            assert covered == held
    assert incoming.pass_fin() == (len(incoming.ready) == len(STREAM) and incoming.fin is not None)
