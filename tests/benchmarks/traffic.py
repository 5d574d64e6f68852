"""A realistic capture made of numbers: many short TCP connections, some bulk ones, with loss, resets and every kind of close.

    python tests/benchmarks/traffic.py OUT.pcap PACKETS

`write(path, packets)` is deterministic. A hundred thousand packets are told conversation by conversation (`Talk`); larger
captures repeat them from other client networks, with other sequence numbers, 0.7 s apart and merged by time. Classic pcap,
microseconds, Ethernet, IPv4, snap length 96, checksums right. Reading: RFC 9293 §3.1, RFC 1071, RFC 2018, RFC 7323.
"""

from __future__ import annotations

import random
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SEED = 9293
BASE_PACKETS = 100_000
SNAPLEN = 96
MSS = 1448
START_US = 1_700_000_000_000_000
SHIFT_US = 700_000  # from one copy of the conversations to the next
CHUNK = 50_000
HEADERS = 14 + 20 + 20
RTO_US = 210_000
FIELDS = (
    "time", "client", "port", "server", "service", "up", "seq", "ack", "flags", "window", "length",
    "options", "ts", "ts_echo", "left", "right",
)  # fmt: skip
NO_OPTIONS, TIMESTAMPS, SYN_OPTIONS, SACK = range(4)
OPTION_LENGTHS = (0, 12, 20, 24)
Numbers = Any  # numpy.ndarray of int64: numpy is not typed where the linters run


class Talk:
    """One connection being told: both sides' next numbers, the clock, and the segments so far as rows of FIELDS."""

    def __init__(self, dice: random.Random, at_us: int, ends: tuple[int, int, int, int], rows: list[tuple[int, ...]]) -> None:
        self.dice, self.now, self.rows = dice, at_us, rows
        self.ends = ends  # client host, its port, server host, its port
        self.next = [dice.getrandbits(32), dice.getrandbits(32)]  # client, server
        self.got = [0, 0]  # what each side acknowledges
        self.rtt = dice.choice((300, 900, 12_000, 45_000))

    def send(
        self,
        side: int,
        flags: int,
        length: int = 0,
        *,
        seq: int | None = None,
        gap: tuple[int, int] | None = None,
        options: int = TIMESTAMPS,
    ) -> None:
        """A segment of `side` (0 client) passes the capture; `gap` is the block a SACK option names."""
        if gap is not None:
            options = SACK
        left, right = gap or (0, 0)
        at = self.next[side] if seq is None else seq
        ack = self.got[side] if flags & ACK else 0
        window = 64_240 if flags & SYN else 0 if flags & RST else 501
        stamp = self.now // 1000 & 0xFFFFFFFF
        echo = max(0, stamp - self.rtt // 1000)
        self.rows.append((self.now, *self.ends, 1 - side, at, ack, flags, window, length, options, stamp, echo, left, right))

    def pause(self, least: int, most: int) -> None:
        self.now += self.dice.randint(least, most)

    def open(self) -> None:
        self.send(0, SYN, options=SYN_OPTIONS)
        if self.dice.random() < 0.01:
            self.now += 1_000_000
            self.send(0, SYN, options=SYN_OPTIONS)
        self.now += self.rtt
        self.next[0] += 1
        self.got[1] = self.next[0]
        self.send(1, SYN | ACK, options=SYN_OPTIONS)
        self.next[1] += 1
        self.got[0] = self.next[1]
        self.pause(20, 90)
        self.send(0, ACK)

    def transfer(self, side: int, octets: int, loss: float = 0.012) -> None:
        """`octets` of data from `side`, one acknowledgment for two segments; what is lost is asked for and sent again."""
        other = 1 - side
        missing: int | None = None
        length = 0
        unanswered = 0
        repeats = 0
        while octets > 0:
            size = min(octets, MSS)
            octets -= size
            at = self.next[side]
            self.next[side] += size
            lost = missing is None and self.dice.random() < loss
            # Half of what is lost is lost before it reaches the capture: there it is a gap.
            if not lost or self.dice.random() < 0.5:
                self.send(side, ACK | (PSH if octets == 0 else 0), size, seq=at)
            self.pause(5, 40)
            if lost:
                missing, length, repeats = at, size, 0
                continue
            unanswered += 1
            if missing is not None:
                repeats += 1
                self.send(other, ACK, gap=(missing + length, self.next[side]))
                if repeats == 3:
                    self._again(side, missing, length, self.rtt)
                    missing, unanswered = None, 0
            elif unanswered == 2 or octets == 0:
                self.got[other] = self.next[side]
                self.send(other, ACK)
                unanswered = 0
            if self.dice.random() < 0.05:
                self.now += self.rtt
        if missing is not None:
            self._again(side, missing, length, RTO_US)
        elif unanswered:
            self.got[other] = self.next[side]
            self.send(other, ACK)

    def _again(self, side: int, at: int, length: int, after_us: int) -> None:
        self.now += after_us
        self.send(side, ACK, length, seq=at)
        self.now += 60
        self.got[1 - side] = self.next[side]
        self.send(1 - side, ACK)

    def finish(self, side: int) -> None:
        self.send(side, FIN | ACK)
        self.next[side] += 1
        self.got[1 - side] = self.next[side]

    def close(self, first: int) -> None:
        """Four segments, three, or crossing FINs."""
        other = 1 - first
        kind = self.dice.random()
        self.finish(first)
        if kind < 0.05:
            late = self.got[other]
            self.got[other] = late - 1
            self.finish(other)
            self.now += self.rtt
            self.got[other] = late
            self.send(first, ACK)
            self.send(other, ACK)
            return
        self.now += self.rtt
        if kind < 0.5:
            self.send(other, ACK)
            self.pause(100, 4000)
        self.finish(other)
        self.now += 50
        self.send(first, ACK)

    def reset(self, side: int, acknowledges: bool = True) -> None:
        self.send(side, RST | ACK if acknowledges else RST, options=NO_OPTIONS)


def tell(talk: Talk) -> None:
    """One conversation of a kind drawn by lot."""
    dice = talk.dice
    kind = dice.random()
    if kind < 0.06:  # nobody listens
        talk.send(0, SYN, options=SYN_OPTIONS)
        talk.now += talk.rtt
        talk.next[1], talk.got[1] = 0, talk.next[0] + 1
        talk.reset(1)
        return
    if kind < 0.08:  # nobody answers
        for wait in (1, 2, 4, 8):
            talk.send(0, SYN, options=SYN_OPTIONS)
            talk.now += wait * 1_000_000
        return
    talk.open()
    talk.pause(30, 2000)
    talk.transfer(0, dice.randint(60, 900), 0.004)
    if kind < 0.11:  # the client goes away without reading
        talk.pause(100, 3000)
        talk.reset(0)
        return
    talk.pause(100, 20_000)
    if kind < 0.15:  # the client has said all it will say, and still listens
        talk.finish(0)
        talk.now += talk.rtt
        talk.send(1, ACK)
        talk.transfer(1, dice.randint(200, 30_000))
        talk.finish(1)
        talk.send(0, ACK)
        return
    bulk = kind > 0.9985
    talk.transfer(1, dice.randint(400_000, 3_000_000) if bulk else int(dice.paretovariate(1.2) * 350) % 60_000)
    if 0.15 < kind < 0.2:  # broken off by the server
        talk.reset(1)
    elif 0.2 < kind < 0.21:  # quiet, and kept alive
        talk.now += 15_000_000
        talk.send(0, ACK, seq=talk.next[0] - 1)
        talk.now += talk.rtt
        talk.send(1, ACK)
    elif kind < 0.98 or bulk:
        talk.close(dice.randint(0, 1))


def base(packets: int) -> Numbers:
    """Rows of FIELDS for `packets` segments, ordered by time."""
    dice = random.Random(SEED)
    rows: list[tuple[int, ...]] = []
    ports = [32_768 + 3000 * k for k in range(8)]
    at_us = 0
    while len(rows) < packets:
        host = dice.randrange(8)
        # A short range of ports, so that they are used again.
        ports[host] = 32_768 + 3000 * host + (ports[host] + 1) % 200
        server = dice.randrange(3)
        tell(Talk(dice, at_us, (host, ports[host], server, (8080, 8443, 5432)[server]), rows))
        at_us += int(dice.expovariate(1 / 3000)) + 1
    table = np.array(rows, np.int64)
    return table[np.argsort(table[:, 0], kind="stable")][:packets]


def write(path: Path, packets: int) -> int:
    """Write the capture and return how many packets it has, which is `packets`."""
    table = base(min(packets, BASE_PACKETS))
    copies = -(-packets // len(table))
    when = (table[:, 0][None, :] + np.arange(copies)[:, None] * SHIFT_US).ravel()
    order = np.argsort(when, kind="stable")[:packets]
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, 1))
        for at in range(0, packets, CHUNK):
            chosen = order[at : at + CHUNK]
            out.write(encode(table[chosen % len(table)], chosen // len(table)))
    return packets


def encode(rows: Numbers, copy: Numbers) -> bytes:
    """The records of some rows, each in the copy of that number."""
    f = {name: rows[:, n] for n, name in enumerate(FIELDS)}
    options = np.array(OPTION_LENGTHS)[f["options"]]
    total = HEADERS + options + f["length"]
    captured = np.minimum(total, SNAPLEN)
    out = np.zeros((len(rows), 16 + SNAPLEN), np.uint8)
    time_us = START_US + f["time"] + copy * SHIFT_US
    for at, value in ((0, time_us // 1_000_000), (4, time_us % 1_000_000), (8, captured), (12, total)):
        _put(out, at, value, 4, little=True)
    p = out[:, 16:]
    up = f["up"] == 1
    client = (10 << 24) + (64 + copy // 200 << 16) + (copy % 200 << 8) + 2 + f["client"]
    server = (10 << 24) + (2 << 16) + 2 + f["server"]
    _put(p, 0, np.where(up, 0x020000000002, 0x020000000001), 6)
    _put(p, 6, np.where(up, 0x020000000001, 0x020000000002), 6)
    _put(p, 12, 0x0800, 2)
    _put(p, 14, 0x4500, 2)
    _put(p, 16, total - 14, 2)
    _put(p, 18, f["time"] * 7 % 65_535, 2)
    _put(p, 20, 0x4000, 2)
    _put(p, 22, 64 << 8 | 6, 2)
    _put(p, 26, np.where(up, client, server), 4)
    _put(p, 30, np.where(up, server, client), 4)
    _put(p, 24, _checksum(p[:, 14:34]), 2)
    _put(p, 34, np.where(up, f["port"], f["service"]), 2)
    _put(p, 36, np.where(up, f["service"], f["port"]), 2)
    # Every copy counts from numbers of its own; a field that is not meant stays 0.
    other = copy * 2_654_435_761
    counted = (f["seq"] != 0) | (f["flags"] & RST == 0)
    _put(p, 38, np.where(counted, f["seq"] + other, 0), 4)
    _put(p, 42, np.where(f["flags"] & ACK != 0, f["ack"] + other, 0), 4)
    _put(p, 46, (20 + options) // 4 << 12 | f["flags"], 2)
    _put(p, 48, f["window"], 2)
    _options(p, f, other)
    # Data is letters as far as it is captured, and zeros beyond, which leave the checksum as it is.
    column = np.arange(SNAPLEN)[None, :]
    data = (column >= HEADERS + options[:, None]) & (column < captured[:, None])
    p[data] = np.broadcast_to(97 + column % 26, p.shape)[data]
    p[column >= np.broadcast_to(captured[:, None], p.shape)] = 0
    pseudo = np.zeros((len(rows), 12), np.uint8)
    pseudo[:, :8] = p[:, 26:34]
    _put(pseudo, 8, 6, 2)
    _put(pseudo, 10, total - 34, 2)
    _put(p, 50, _checksum(np.concatenate([pseudo, p[:, 34:]], axis=1)), 2)
    return out[np.arange(16 + SNAPLEN)[None, :] < 16 + captured[:, None]].tobytes()


def _options(p: Numbers, f: dict[str, Numbers], other: Numbers) -> None:
    kind, at = f["options"], HEADERS
    for which, spot in ((SYN_OPTIONS, at + 4), (TIMESTAMPS, at), (SACK, at)):
        chosen = kind == which
        some = p[chosen]
        if which == SYN_OPTIONS:
            _put(some, at, 0x020405B4, 4)  # maximum segment size 1460
            _put(some, at + 16, 0x01030307, 4)  # window scale 7
        # Before the timestamps: SACK permitted in a SYN, two octets of padding elsewhere.
        _put(some, spot, 0x0402080A if which == SYN_OPTIONS else 0x0101080A, 4)
        _put(some, spot + 4, f["ts"][chosen], 4)
        # A SYN without ACK has nothing to echo.
        _put(some, spot + 8, np.where(f["flags"] & (SYN | ACK) == SYN, 0, f["ts_echo"])[chosen], 4)
        p[chosen] = some
    chosen = kind == SACK
    some = p[chosen]
    _put(some, at + 12, 0x0101050A, 4)
    _put(some, at + 16, (f["left"] + other)[chosen], 4)
    _put(some, at + 20, (f["right"] + other)[chosen], 4)
    p[chosen] = some


def _put(out: Numbers, at: int, value: Numbers, width: int, *, little: bool = False) -> None:
    """The low `width` octets of each value, network byte order unless `little`."""
    for k in range(width):
        out[:, at + k] = np.asarray(value) >> 8 * (k if little else width - 1 - k) & 0xFF


def _checksum(octets: Numbers) -> Numbers:
    """RFC 1071 over each row; an even number of octets."""
    total = (octets[:, 0::2].astype(np.int64) << 8 | octets[:, 1::2]).sum(axis=1)
    for _ in range(2):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit() or not int(sys.argv[2]):
        sys.exit(__doc__)
    write(Path(sys.argv[1]), int(sys.argv[2]))
