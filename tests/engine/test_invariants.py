"""What must not change the reading of an exchange: where its numbers begin, which address is which, how late the capture starts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.engine.moments import Moments
from tcpinspect.engine.segment import Segment
from tcpinspect.engine.states import ROW_FIELDS, Solver
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN
from tcpinspect.schema import ANALYSIS_FLAGS

from . import edit

CAPTURES = Path(__file__).parents[2] / "captures"
# The engine may be uncompiled here: no capture of more than a few hundred packets.
NAMES = sorted(p.name for p in CAPTURES.iterdir() if ".pcap" in p.name and p.stat().st_size < 20_000)
Tshark = Callable[..., list[dict[str, str]]]
TABLES = ("segments", "connections", "timeline")
# Columns that hold a number of the wire as it stands, or depend on it by definition.
OWN = ("stream", "client", "server_port", "conn_state", "history", "handshake", "teardown", "client_state", "server_state")
RAW = {"seq_raw", "ack_raw", "checksum", "options"}
# What Wireshark computes, for whom the number 0 also means "not known yet": in odd exchanges it depends on the numbers.
WIRESHARKS = {*ANALYSIS_FLAGS, "duplicate_ack_num", "bytes_in_flight", "ack_rtt_ns", "initial_rtt_ns", "rto_ns"}
ORDINARY = {
    "begins-in-the-middle.pcap",
    "fast-open.pcap",
    "half-close-with-data.pcap",
    "ipv6-normal-close.pcap",
    "normal-close-by-client.pcap",
    "simultaneous-close.pcap",
    "three-segment-close.pcap",
    "zero-window.pcap",
}
NUMBER = st.one_of(
    st.integers(0, 2**32 - 1), st.integers(0, 2000), st.integers(2**32 - 200_000, 2**32 - 1), st.integers(2**31 - 9, 2**31 + 9)
)
MIXES = (SYN, SYN | ACK, ACK, ACK, ACK | PSH, FIN | ACK, FIN | ACK, RST, RST | ACK, 0)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def taken(name: str) -> edit.Capture:
    return edit.read(CAPTURES / name)


def tables(data: bytes, *, without: Iterable[str] = ()) -> dict[str, list[dict[str, Any]]]:
    analysis = ti.analyze(data)
    return {t: [{k: v for k, v in row._asdict().items() if k not in without} for row in analysis.table(t)] for t in TABLES}


@functools.cache
def reading(name: str) -> dict[str, list[dict[str, Any]]]:
    capture = taken(name)
    return tables(edit.write(capture.link, capture.frames), without=RAW)


def assert_shift_changes_nothing(name: str, low: int, high: int) -> None:
    capture = taken(name)
    frames = [edit.shifted(f, low, high) for f in capture.frames]
    moved = tables(edit.write(capture.link, frames), without=RAW)
    exact = name in ORDINARY and not edit.has_zero(capture.frames) and not edit.has_zero(frames)
    for table, rows in reading(name).items():
        for row, other in zip(rows, moved[table], strict=True):
            kept = set(row)
            if not exact:
                kept = set(OWN) if table == "connections" else kept - WIRESHARKS
            assert {k: row[k] for k in kept} == {k: other[k] for k in kept}, f"{name}: {table}"


@SOME
@given(st.sampled_from(NAMES), NUMBER, NUMBER)
@example("normal-close-by-client.pcap", 2**32 - 1, 1)
def test_where_the_numbers_begin_changes_nothing(name: str, low: int, high: int) -> None:
    """RFC 9293 §3.4: arithmetic modulo 2³², so an initial number is only a name; wrapping included."""
    assert_shift_changes_nothing(name, low, high)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", ["low", "high"])
def test_wrapping_inside_the_exchange_changes_nothing(name: str, side: str) -> None:
    """Each number of the exchange in turn is put at the end of the number space."""
    capture = taken(name)
    numbers = {int.from_bytes(f.data[f.tcp + 4 : f.tcp + 8]) for f in capture.frames if f.tcp >= 0 and f.low == (side == "low")}
    for number in sorted(numbers)[:: max(1, len(numbers) // 4)]:
        by = (2**32 - 1 - number) % 2**32
        assert_shift_changes_nothing(name, *((by, 0) if side == "low" else (0, by)))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("figure-7-simultaneous-open.pcap", 2**31 - 100, 0),
        ("figure-9-half-open-found-by-syn.pcap", 0, 2**32 - 300),
        ("figure-challenge-ack-in-last-ack.pcap", 0, 2**32 - 303),
    ],
)
def test_flags_that_depend_on_the_numbers_do_so_in_wireshark(name: str, low: int, high: int, tmp_path: Path, tshark: Tshark) -> None:
    """The flags are Wireshark's also where Wireshark breaks the invariant."""
    capture = taken(name)
    moved = tmp_path / name
    moved.write_bytes(edit.write(capture.link, [edit.shifted(f, low, high) for f in capture.frames]))
    wanted = tshark(moved, *(f"tcp.analysis.{flag}" for flag in ANALYSIS_FLAGS))
    found = ti.analyze(moved).table("segments")
    for row, want in zip(found, wanted, strict=True):
        assert {f for f in ANALYSIS_FLAGS if getattr(row, f)} == {f for f in ANALYSIS_FLAGS if want[f"tcp.analysis.{f}"]}


# Swapping


def swapped(frame: edit.Frame) -> edit.Frame:
    """The same packet between exchanged addresses; each end keeps its port. One's complement sums do not notice."""
    if frame.tcp < 0:
        return frame
    data = bytearray(frame.data)
    ip = next(
        at
        for at in range(frame.tcp - 20, -1, -1)
        if (data[at] >> 4 == 4 and at + (data[at] & 15) * 4 == frame.tcp) or (frame.tcp - at == 40 and data[at] >> 4 == 6)
    )
    first, size = (ip + 12, 4) if data[ip] >> 4 == 4 else (ip + 8, 16)
    data[first : first + 2 * size] = data[first + size : first + 2 * size] + data[first : first + size]
    return frame._replace(data=bytes(data))


@pytest.mark.parametrize("name", NAMES)
def test_swapping_the_addresses_swaps_the_addresses(name: str) -> None:
    """Which of two addresses is the lower one plays no part: the same tables, with the addresses exchanged."""
    capture = taken(name)
    mirror = tables(edit.write(capture.link, [swapped(f) for f in capture.frames]), without=RAW)
    pairs = {"src": "dst", "dst": "src", "client": "server", "server": "client", "address": "address"}
    ends = {row["stream"]: {row["client"]: row["server"], row["server"]: row["client"]} for row in reading(name)["connections"]}
    for table, rows in reading(name).items():
        for row, other in zip(rows, mirror[table], strict=True):
            wanted = row | {column: row[pairs[column]] for column in pairs if column in row and table != "timeline"}
            if table == "timeline":
                wanted["address"] = ends[row["stream"]][row["address"]]
            if table == "connections" and "community_id" in row:
                wanted["community_id"] = other["community_id"]
            assert other == wanted


# The same of exchanges that no TCP would make


@st.composite
def exchanges(draw: st.DrawFn) -> list[tuple[int, int, int, int, int, int, int, int]]:
    """Segments (side, flags, seq, ack, length, ms, ts_val, ts_ecr) with numbers near each other, so that they often fit."""
    near = st.integers(0, 12)
    out, clock = [], 0
    for _ in range(draw(st.integers(1, 14))):
        clock += draw(st.sampled_from([0, 1, 10, 400, 3000, 70_000]))
        side, flags = draw(st.integers(0, 1)), draw(st.sampled_from(MIXES))
        stamps = draw(st.tuples(near, near)) if draw(st.booleans()) else (-1, -1)
        out.append((side, flags, draw(near), draw(near), draw(st.sampled_from([0, 0, 0, 1, 3])), clock, *stamps))
    return out


def solved(exchange: list[tuple[int, ...]], *, low: int = 0, high: int = 0, flip: int = 0) -> tuple[Any, ...]:
    """Rows of side 0, rows of side 1, kinds and final states."""
    moments, solver, s = Moments(), Solver(), Segment()
    shift = (low, high)
    for frame, (side, flags, seq, ack, length, ms, ts_val, ts_ecr) in enumerate(exchange, 1):
        s.frame, s.time_ns, s.flags, s.payload_len, s.ts_val, s.ts_ecr = frame, (1 + ms) * 10**6, flags, length, ts_val, ts_ecr
        s.seq, s.ack = (seq + shift[side]) % 2**32, (ack + shift[1 - side]) % 2**32
        s.ip_id, s.checksum_status = frame % 3, 1 + (frame + seq) % 7 // 6
        moments.note(s, side ^ flip)
    solver.solve(moments, flip, (exchange[-1][5] + 1) * 10**6)
    rows = [[solver.get(k, f) for f in range(len(ROW_FIELDS))] for k in range(solver.n)]
    sides = [[row[1:] for row in rows if row[0] == side ^ flip] for side in (0, 1)]
    return *sides, solver.handshake, solver.teardown, solver.client ^ flip, *(solver.final_state(side ^ flip) for side in (0, 1))


OPENED_AGAIN = [(1, 18, 1, 0, 0, 0, -1, -1), (1, 17, 0, 0, 0, 0, -1, -1), (0, 18, 0, 1, 0, 0, -1, -1)] + [(0, 2, 0, 0, 0, 0, -1, -1)] * 6
OPENED_AGAIN += [(0, 17, 0, 0, 0, 0, -1, -1), (0, 4, 0, 0, 0, 0, -1, -1), (1, 2, 0, 0, 0, 0, -1, -1)]


SENT_AGAIN = [(1, 16, 0, 0, 0, 0, -1, -1)] + [(0, 2, 0, 0, 0, 0, -1, -1)] * 6
SENT_AGAIN += [(0, 17, 0, 0, 0, 0, -1, -1), (0, 4, 0, 0, 0, 0, -1, -1), (0, 2, 1, 0, 0, 0, -1, -1)]


@example(OPENED_AGAIN, 1, 0)  # a FIN that the new incarnation has not sent is no number
@example(SENT_AGAIN, 2**31 - 1, 0)  # nor does the peer know of one
@settings(max_examples=400, deadline=None)
@given(exchanges(), NUMBER, NUMBER)
def test_any_exchange_reads_the_same_wherever_its_numbers_begin(exchange: list[tuple[int, ...]], low: int, high: int) -> None:
    """Also what no TCP would send. Only the zero of a RST that acknowledges has a meaning of its own (RFC 9293 §3.10.7.1)."""
    for side, flags, seq, *_ in exchange:
        assume(flags & 20 != 20 or (seq and (seq + (low, high)[side]) % 2**32))
    assert solved(exchange, low=low, high=high) == solved(exchange)


@settings(max_examples=400, deadline=None)
@given(exchanges())
def test_any_exchange_has_its_mirror(exchange: list[tuple[int, ...]]) -> None:
    """Which endpoint has which number plays no part."""
    assert solved(exchange, flip=1) == solved(exchange)


# Cutting the head


def last_steps(analysis: ti.Analysis) -> dict[tuple[Any, ...], tuple[str, str, str | None, int]]:
    """Endpoint with its peer → its last state, the evidence and the doubt of the step into it, its stream's first time."""
    out = {}
    for c in analysis.connections:
        for side, peer in ((c.client, c.server), (c.server, c.client)):
            if side.timeline:
                step = side.timeline[-1]
                out[side.address, side.port, peer.address, peer.port] = (step.to_state, step.evidence, step.doubt, c.start_ns)
    return out


def assert_only_weaker(name: str, cut: int) -> None:
    capture = taken(name)
    whole = last_steps(ti.analyze(edit.write(capture.link, capture.frames)))
    late = last_steps(ti.analyze(edit.write(capture.link, capture.frames[cut:])))
    for endpoint, (state, evidence, doubt, _) in late.items():
        if endpoint not in whole:
            # A turned-away segment shows no state by itself; without what came before it may look like one.
            assert evidence == "assumed" or doubt, f"{name} from packet {cut + 1}: {endpoint} {state}"
            continue
        known, _, open_doubt, _ = whole[endpoint]
        assert state == known or evidence == "assumed" or doubt or open_doubt, (
            f"{name} from packet {cut + 1}: {endpoint} ends in {state} ({evidence}), in the whole capture in {known}"
        )


@pytest.mark.parametrize("name", [n for n in NAMES if len(taken(n).frames) <= 60])
def test_cutting_the_head_only_weakens(name: str) -> None:
    """A side may be unknown, assumed or doubtful in the shorter capture; what it is sure of there holds in the longer one."""
    for cut in range(1, len(taken(name).frames)):
        assert_only_weaker(name, cut)


@SOME
@given(st.sampled_from(NAMES), st.floats(0, 0.99))
def test_cutting_the_head_anywhere_only_weakens(name: str, part: float) -> None:
    """The same for the longer ones."""
    assert_only_weaker(name, int(len(taken(name).frames) * part))
