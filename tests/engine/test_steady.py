"""Where a connection only goes on, or opens and closes by the book, it is followed once for all analyses: that must change nothing of
what any of them tells."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.engine.columns import SegmentColumns
from tcpinspect.engine.finish import CONNECTION_FIELDS, STEP_FIELDS, Chunk, Finisher
from tcpinspect.engine.signs import Suspects, signs
from tcpinspect.engine.textbook import OPENED
from tcpinspect.engine.track import Tracker
from tcpinspect.protocol.checksum import checksum
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN

from .. import broken
from ..broken import MS, SECOND, Packet
from ..conftest import CAPTURES

OCTETS = 8
M = 0xFFFFFFFF
MSS, LARGE, SNAPLEN = 1000, 9000, 80
CUT_OPTIONS = 58  # of Ethernet, IPv4 and 20 octets of TCP 54 are left
TIMESTAMPS = 1 << 12


def found(source: Source, *, steadily: bool, shown: bool) -> list[Any]:
    """All that the engine tells of a capture; `steadily`: stretches are followed once for all, as they always are."""
    finisher, columns, chunks = Finisher(True), SegmentColumns() if shown else None, list[Chunk]()
    tracker = Tracker(finisher, columns, False, Suspects())
    tracker.steadily = steadily
    records = Records(source)
    while records.next_block():
        tracker.block(records, 0, records.count)
    tracker.end()
    while chunk := finisher.take(tracker.last_ns, 1):
        chunks.append(chunk)
    if columns is not None:
        columns.flush()
    return [
        [chunk.rows.tobytes()[: chunk.done * len(CONNECTION_FIELDS) * OCTETS] for chunk in chunks],
        [chunk.steps.data.tobytes()[: chunk.steps.count * len(STEP_FIELDS) * OCTETS] for chunk in chunks],
        [bytes(chunk.letters) for chunk in chunks],
        [] if columns is None else [{name: bytes(of) for name, of in arrays.items()} for _, arrays in columns.chunks],
        signs(tracker),
    ]


def assert_alike(*source: Any) -> None:
    for shown in (False, True):
        plainly = found(Source(*source), steadily=False, shown=shown)
        assert found(Source(*source), steadily=True, shown=shown) == plainly


@pytest.mark.parametrize("path", sorted(CAPTURES.rglob("*.pcap*")), ids=lambda path: path.name)
def test_steadily_is_plainly(path: Path) -> None:
    assert_alike(str(path))


class Talk:
    """A conversation whose speakers know where they are, so that most of what they say goes on."""

    def __init__(self, isn: tuple[int, int], *, timestamps: bool, snaplen: int, handshake: bool, odd: tuple[str, ...] = ()) -> None:
        self.due, self.heard, self.window = list(isn), [isn[1], isn[0]], [500, 500]
        self.at_ns, self.timestamps, self.snaplen = 10 * SECOND, timestamps, snaplen
        self.packets: list[Packet] = []
        self.last = b""
        if handshake:
            for (side, flags), change in zip(((0, SYN), (1, SYN | ACK), (0, ACK)), (*odd, "", "", ""), strict=False):
                self.begin(side, flags, change)

    def begin(self, side: int, flags: int, change: str) -> None:
        """A segment of the handshake, with something odd about it or nothing."""
        if flags & ACK:
            self.heard[side] = self.due[1 - side]
        before, self.at_ns = (self.window[side], self.timestamps), self.at_ns + {"an earlier time": -2 * MS, "at once": 0}.get(change, MS)
        self.window[side] = 0 if change == "no window" else before[0]
        self.timestamps ^= change == "other timestamps"
        if change == "nothing new":
            self.heard[side] = (self.heard[side] - 1) & M
        if change != "left out":
            self.say(
                side, flags | (0xC0 if change == "ECN" else 0) | (PSH if change == "PSH" else 0), 9 if change == "data" else 0,
                wrong=change == "wrong sum", syn=bool(flags & SYN) and change != "no options", ahead=change == "a hole",
            )  # fmt: skip
        if change in ("again", "the same"):
            self.say(side, flags, back=bool(flags & SYN), syn=bool(flags & SYN)) if change == "again" else self.hear(self.last)
        self.window[side], self.timestamps = before

    def say(self, side: int, flags: int, octets: int = 0, *, back: int = 0, wrong: bool = False, syn: bool = False, ahead: int = 0) -> None:
        """A segment of `side`, `back` octets before (or `ahead` of) where it stands."""
        seq = (self.due[side] - back + ahead) & M
        options = struct.pack("!BBHBBBB", 2, 4, MSS, 3, 3, 2, 1) if syn else b""
        if self.timestamps:
            options += struct.pack("!BBBBII", 1, 1, 8, 10, self.at_ns // MS & M, 0)
        ack = self.heard[side] if flags & ACK else 0
        head = struct.pack("!HHIIBBHHH", 4000 + side, 4001 - side, seq, ack, (20 + len(options)) // 4 << 4, flags, self.window[side], 0, 0)
        tcp = bytearray(head + options + bytes(octets))
        ends = bytes((10, 0, 0, 1 + side, 10, 0, 0, 2 - side))
        sum_ = checksum(ends + struct.pack("!HH", 6, len(tcp)) + tcp)
        tcp[16:18] = ((sum_ + wrong) & 0xFFFF).to_bytes(2, "big")
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), len(self.packets) + 1, 0, 64, 6, 0) + ends + tcp
        self.hear(bytes(12) + b"\x08\x00" + packet)
        if not back:
            self.due[side] = (seq + octets + bool(flags & SYN) + bool(flags & FIN)) & M

    def hear(self, frame: bytes) -> None:
        self.last = frame
        self.packets.append(Packet(self.at_ns, frame[: self.snaplen], len(frame)))

    def go(self, what: str, side: int, octets: int) -> None:
        self.at_ns += octets * 1000
        if what == "answer":
            self.heard[side] = self.due[1 - side]
            self.say(side, ACK)
        elif what == "half an answer":
            self.heard[side] = (self.heard[side] + (self.due[1 - side] - self.heard[side] & M) // 2) & M
            self.say(side, ACK)
        elif what == "data":
            self.say(side, ACK | PSH, octets)
        elif what == "data and answer":
            self.heard[side] = self.due[1 - side]
            self.say(side, ACK, octets)
        elif what == "again":
            self.say(side, ACK, octets, back=octets)
        elif what == "the same":
            self.hear(self.last)
        elif what == "a hole":
            self.say(side, ACK, octets, ahead=octets)
        elif what == "nothing new":
            self.say(side, ACK)
        elif what == "keep-alive":
            self.say(side, ACK, octets % 2, back=1)
        elif what == "another window":
            self.window[side] = octets % 3 * 250
        elif what == "all that fits":
            room = (self.heard[1 - side] + (self.window[1 - side] << 2) - self.due[side]) & M
            self.say(side, ACK, room if 0 < room <= LARGE else octets)
        elif what == "ahead of itself":
            self.heard[side] = (self.due[1 - side] + octets) & M
            self.say(side, ACK)
        elif what == "a long time":
            self.at_ns += 4 * SECOND
        elif what == "an earlier time":
            self.at_ns -= 2 * MS
        elif what == "wrong sum":
            self.say(side, ACK, octets, wrong=True)
        elif what == "large":
            self.say(side, ACK, MSS + octets)
        elif what == "close":
            self.heard[side] = self.due[1 - side]
            self.say(side, FIN | ACK)
        elif what in ("close behind", "close ahead"):
            self.heard[side] = (self.due[1 - side] + (octets if what == "close ahead" else -octets)) & M
            self.say(side, FIN | ACK)
        elif what == "close with options":
            self.heard[side] = self.due[1 - side]
            self.say(side, FIN | ACK, syn=True)
        elif what == "data and close":
            self.heard[side] = self.due[1 - side]
            self.say(side, FIN | ACK, octets)
        else:
            self.say(side, {"SYN": SYN, "FIN": FIN | ACK, "RST": RST}[what])


STEADY = ("answer", "half an answer", "data", "data and answer")
ODD = (
    "again", "the same", "a hole", "nothing new", "keep-alive", "another window", "all that fits", "ahead of itself", "a long time",
    "an earlier time", "wrong sum", "large", "SYN", "FIN", "RST", "close", "data and close",
    "close behind", "close ahead", "close with options",
)  # fmt: skip
ODD_BEGINNINGS = (
    "no window", "other timestamps", "nothing new", "left out", "ECN", "PSH", "data", "wrong sum", "no options", "a hole", "again",
    "the same", "an earlier time", "at once",
)  # fmt: skip
ISN = st.one_of(st.integers(0, M), st.integers(M - 3000, M), st.integers(2**31 - 3000, 2**31))
WORDS = st.tuples(st.sampled_from(STEADY * 3 + ODD), st.integers(0, 1), st.sampled_from((1, 2, 30, 700, MSS)))


GOING = (("data", 0, 30), ("data and answer", 1, 700), ("answer", 0, 1), ("data", 1, 30), ("data", 1, MSS), ("answer", 0, 1))


@pytest.mark.parametrize("snaplen", [SNAPLEN, 1 << 16])
@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("odd", ODD)
def test_each_oddity_amid_a_stretch(odd: str, timestamps: bool, snaplen: int) -> None:
    for side in (0, 1):
        for octets in (2, 30, 700):
            talk = Talk((M - 2000, 7000), timestamps=timestamps, snaplen=snaplen, handshake=True)
            for word in (*GOING, (odd, side, octets), *GOING, (odd, 1 - side, octets), (odd, side, octets), *GOING):
                talk.go(*word)
            assert_alike(broken.written(talk.packets))


@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("odd", ODD_BEGINNINGS)
def test_each_oddity_of_a_handshake(odd: str, timestamps: bool) -> None:
    for isn in ((M - 2000, 7000), (0, 7), (M, M - 1), (5, 0)):
        for where in ((odd,), ("", odd), ("", "", odd), (odd, odd, odd)):
            for snaplen in (1 << 16, CUT_OPTIONS):
                talk = Talk(isn, timestamps=timestamps, snaplen=snaplen, handshake=True, odd=where)
                assert_alike(broken.written(talk.packets))
                for word in (*GOING, ("close", 0, 1), ("close", 1, 1), ("answer", 0, 1)):
                    talk.go(*word)
                assert_alike(broken.written(talk.packets))
                assert_alike(broken.written(talk.packets[:2]))


@pytest.mark.parametrize("snaplen", [SNAPLEN, 1 << 16])
@pytest.mark.parametrize("timestamps", [False, True])
@pytest.mark.parametrize("odd", (*STEADY, *ODD))
def test_each_oddity_of_a_close(odd: str, timestamps: bool, snaplen: int) -> None:
    ends = (
        (("close", 1, 1), ("answer", 0, 1)),
        (("answer", 1, 1), ("close", 1, 1), ("answer", 0, 1)),
        (("FIN", 1, 1), ("answer", 0, 1), ("answer", 1, 1)),
    )
    for end in ends:
        close = (("close", 0, 1), *end)
        for at in range(len(close) + 1):
            for side in (0, 1):
                talk = Talk((M - 2000, 7000), timestamps=timestamps, snaplen=snaplen, handshake=True)
                for word in (*GOING, *close[:at], (odd, side, 30), *close[at:]):
                    talk.go(*word)
                assert_alike(broken.written(talk.packets))


def test_octets_the_snap_length_cut_off_amid_whole_ones() -> None:
    """Each is a gap to Zeek, once, when it is acknowledged; its letter comes at one and at ten."""
    for cut_before, between in ((1, 1), (9, 1), (1, 0), (9, 0)):
        talk = Talk((M - 2000, 7000), timestamps=False, snaplen=SNAPLEN, handshake=True)
        for word in (("data", 0, 3), ("data and answer", 1, 3), ("answer", 0, 1)):
            talk.go(*word)
        for _ in range(cut_before):
            for word in (("data", 0, 700), *(("data", 0, 3),) * between, ("answer", 1, 1)):
                talk.go(*word)
        for word in (("data", 0, 3), ("answer", 1, 1)) * 12:
            talk.go(*word)
        assert_alike(broken.written(talk.packets))


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(ISN, ISN), st.booleans(), st.sampled_from((SNAPLEN, 1 << 16)), st.booleans(),
    st.tuples(*[st.sampled_from(("",) * 20 + ODD_BEGINNINGS)] * 3), st.lists(WORDS, min_size=5, max_size=40),
)  # fmt: skip
def test_whatever_is_said(
    isn: tuple[int, int], timestamps: bool, snaplen: int, handshake: bool, odd: tuple[str, ...], words: list[tuple[str, int, int]]
) -> None:
    talk = Talk(isn, timestamps=timestamps, snaplen=snaplen, handshake=handshake, odd=odd)
    for word in words:
        talk.go(*word)
    assert_alike(broken.written(talk.packets))


def test_what_is_by_the_book_is_followed_that_way() -> None:
    """Else the tests above compare nothing."""
    talk = Talk((M - 1500, 7), timestamps=True, snaplen=SNAPLEN, handshake=True)
    for _ in range(20):
        talk.go("data", 0, MSS)
        talk.go("answer", 1, 1)
    (connection,) = (tracker := followed(talk)).alive
    assert connection.opening == OPENED and connection.stretch.running
    assert connection.last_ns < talk.at_ns, "nobody has asked yet"
    tracker.end()
    for word in (("close", 1, 1), ("answer", 0, 1), ("close", 0, 1), ("answer", 1, 1)):
        talk.go(*word)
        if word == ("close", 0, 1):
            (connection,) = followed(talk).alive
            assert connection.closing == 2 and not connection.stretch.running, "the answer is still to come"
    (connection,) = followed(talk).alive
    assert connection.closing == 2 and connection.stretch is connection.half0.unacked is connection.half1.unacked is None


def followed(talk: Talk) -> Tracker:
    tracker = Tracker()
    records = Records(Source(broken.written(talk.packets)))
    while records.next_block():
        tracker.block(records, 0, records.count)
    return tracker
