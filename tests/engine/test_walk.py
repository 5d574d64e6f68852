"""Walking through a log with both sides at once says what solving each side alone says, to the last row and doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.capture.many import Files, inputs
from tcpinspect.engine.finish import FINAL_CODES, Finisher
from tcpinspect.engine.moments import Moments
from tcpinspect.engine.segment import Segment
from tcpinspect.engine.states import ROW_FIELDS, Solver
from tcpinspect.engine.track import Tracker
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN

CAPTURES = Path(__file__).parents[2] / "captures"
MS = 10**6
MISHAPS = ("again", "late", "hole", "old", "echo", "reset", "syn", "bad")


def solver(walking: int) -> Solver:
    one = Solver()
    one.walking = walking
    return one


BOTH = solver(1), solver(0)


def told(one: Solver, moments: Moments, client: int, end_ns: int, rows: int) -> tuple[Any, ...]:
    one.solve(moments, client, end_ns, rows)
    return (
        [[one.get(k, f) for f in range(len(ROW_FIELDS))] for k in range(one.n)],
        *(one.final_state(side) for side in (0, 1)),
        (one.client, one.client_evidence, one.handshake, one.teardown),
    )


def assert_alike(moments: Moments, client: int, end_ns: int, prepare: Any = None) -> None:
    for rows in (1, 0):
        for one in BOTH if prepare else ():
            prepare(one)
        walked, alone = (told(one, moments, client, end_ns, rows) for one in BOTH)
        assert walked == alone


class Talk:
    """An exchange that is being made: what each side has sent and how much of the other's it knows."""

    def __init__(self, isns: tuple[int, int], stamps: bool, clock: int) -> None:
        self.moments, self.segments = Moments(), []
        self.isn, self.next, self.stamps, self.clock, self.echo = isns, list(isns), stamps, clock, [0, 0]
        self.frame = 0

    def send(self, side: int, flags: int, length: int = 0, *, ago: int = 0, ahead: int = 0, echo_ago: int = 0, id_step: int = 1) -> None:
        """As TCP would, but for `ago`: octets not acknowledged yet; `ahead`: from where its numbers should be; `echo_ago`: an old echo."""
        seq, ack = (self.next[side] + ahead) % 2**32, (self.next[1 - side] - ago) % 2**32 if flags & ACK else 0
        stamps = (self.clock, max(0, self.echo[side] - echo_ago)) if self.stamps else (-1, -1)
        self.put(side, flags, seq, ack, length, stamps, self.frame * id_step)
        end = (seq + length + bool(flags & SYN) + bool(flags & FIN)) % 2**32
        if not flags & RST and 0 < (end - self.next[side]) % 2**32 < 2**31:
            self.next[side] = end
        self.echo[1 - side] = self.clock

    def put(self, side: int, flags: int, seq: int, ack: int, length: int, stamps: tuple[int, int], ip_id: int, checksum: int = 1) -> None:
        s = Segment()
        self.frame += 1
        s.frame, s.time_ns, s.flags, s.seq, s.ack, s.payload_len = self.frame, (10**6 + self.clock) * MS, flags, seq, ack, length
        (s.ts_val, s.ts_ecr), s.ip_id, s.checksum_status = stamps, ip_id, checksum
        self.segments.append((side, flags, seq, ack, length, stamps, ip_id))
        self.moments.note(s, side)


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """A handshake, words and ends, most of them in turn; what networks do to them now and then."""
    number = st.sampled_from([0, 1, 100, 2**31 - 3, 2**32 - 3])
    talk = Talk((draw(number), draw(number)), draw(st.booleans()), draw(st.sampled_from([0, 5])))
    id_step = draw(st.sampled_from([0, 1]))
    for side, flags in ((0, SYN), (1, SYN | ACK), (0, ACK)):
        talk.send(side, flags, id_step=id_step)
        talk.clock += draw(st.sampled_from([0, 10, 10, 400]))
    odd = draw(st.sampled_from([0, 0, 1, 2]))  # how many things go wrong
    for _ in range(draw(st.integers(0, 9))):
        side = draw(st.integers(0, 1))
        kind = draw(st.sampled_from([ACK, ACK, ACK | PSH, ACK | FIN, ACK | FIN]))
        length = draw(st.sampled_from([0, 0, 1, 3]))
        mishap = draw(st.sampled_from(MISHAPS)) if odd and draw(st.booleans()) else None
        odd -= mishap is not None
        if mishap == "again":
            talk.put(*draw(st.sampled_from(talk.segments)))
        elif mishap == "reset":
            talk.send(side, draw(st.sampled_from([RST, RST | ACK])), ahead=draw(st.sampled_from([0, 0, 1, -1])))
        elif mishap == "syn":
            talk.send(side, draw(st.sampled_from([SYN, SYN | ACK])), ahead=draw(st.sampled_from([0, 9000])))
        elif mishap == "bad":
            talk.put(side, kind, talk.next[side], talk.next[1 - side], length, (-1, -1), 0, checksum=2)
        else:
            talk.send(
                side, kind, length, ago=draw(st.integers(1, 3)) if mishap == "late" else 0, id_step=id_step,
                ahead={"hole": 2, "old": -1}.get(mishap or "", 0), echo_ago=10 if mishap == "echo" else 0,
            )  # fmt: skip
        talk.clock += draw(st.sampled_from([0, 0, 1, 10, 10, 400, 3000]))
    return talk


@settings(max_examples=1000, deadline=None)
@given(talks(), st.sampled_from([0, 1, 2000, 70_000]))
def test_both_at_once_as_each_alone(talk: Talk, later: int) -> None:
    assert_alike(talk.moments, -1, (10**6 + talk.clock + later) * MS if later else 0)


CLOSE = {
    "client": [(0, FIN), (1, FIN), (0, 0)],
    "server": [(1, FIN), (0, 0), (1, 0), (0, FIN), (1, 0)],
    "one end": [(0, FIN), (1, 0)],
    "open": [],
}


@pytest.mark.parametrize("close", CLOSE)
def test_what_comes_in_turn_is_walked_to_its_end(close: str) -> None:
    talk = Talk((100, 2**32 - 2), stamps=True, clock=5)
    for side, flags in [(0, SYN), (1, SYN | ACK), (0, ACK), (0, ACK | PSH), (1, ACK), *((side, ACK | fin) for side, fin in CLOSE[close])]:
        talk.send(side, flags, 4 if flags & PSH else 0)
        talk.clock += 10
    assert_alike(talk.moments, -1, (10**6 + talk.clock) * MS)
    assert BOTH[0].walked == talk.moments.n and BOTH[1].walked == 0


def test_the_walk_ends_where_something_crosses() -> None:
    talk = Talk((100, 300), stamps=False, clock=5)
    for side, flags in [(0, SYN), (1, SYN | ACK), (0, ACK)]:
        talk.send(side, flags)
    talk.send(0, FIN | ACK)
    talk.send(1, FIN | ACK, ago=1)
    talk.send(0, ACK)
    talk.send(1, ACK)
    assert_alike(talk.moments, -1, 0)
    assert BOTH[0].walked == 4


class Twice(Finisher):
    """Solves every connection in both ways before it is written."""

    connections = steps = 0

    def finish(self, c: Any, before: int, end_ns: int, ended: int) -> Any:
        def prepare(one: Solver) -> None:
            if before >= 0:
                one.remember(before & 15, before >> 4)
            for frame, time_ns, kind, code, side, seq, _mtu in c.icmp_events or ():
                if kind in FINAL_CODES:
                    one.hear_error(side, frame, time_ns, seq, code in FINAL_CODES[kind])

        assert_alike(c.moments, c.client, end_ns, prepare)
        Twice.connections += 1
        Twice.steps += BOTH[0].walked
        return Finisher.finish(self, c, before, end_ns, ended)


def test_captures_read_alike() -> None:
    Twice.connections = Twice.steps = 0
    for path in sorted(CAPTURES.glob("*.pcap*")):
        if path.stat().st_size > 100_000:
            continue
        tracker = Tracker(Twice(True))
        files = Files(inputs(path))
        for records, first, last in files.blocks():
            tracker.block(records, first, last)
        files.close()
        tracker.end()
    assert Twice.connections > 100 and Twice.steps > 200
