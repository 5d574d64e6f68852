"""Small exchanges by hand, one behaviour each, and random ones against tshark.

A line is `TIME_MS WHO FLAGS FIRST:END ack N win W <options>`; `>` is the client, numbers count from the initial ones, and
flags are tcpdump's letters. What follows `=>` is what the analysis must say of the segment: flags, or `name value`.
"""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tcpinspect.engine.analysis import Half, Pair, analyse, is_new_connection
from tcpinspect.engine.segment import Segment
from tcpinspect.schema import ANALYSIS_FLAGS

M = 0xFFFFFFFF
LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32}
OPTIONS = re.compile(r"<(\w[^>]*)>")
OPENING = """
0   > S 0:0 win 1000 <wscale 2>
10  < S. 0:0 ack 1 win 2000 <wscale 3>  => ack_rtt_ns 10000000
20  > . 1:1 ack 1 win 500               => ack_rtt_ns 10000000, initial_rtt_ns 20000000, window 2000
"""


def parse(line: str, isn: tuple[int, int]) -> tuple[int, Segment]:
    options = " ".join(OPTIONS.findall(line))
    words = OPTIONS.sub("", line).split()
    way = "><".index(words[1])
    s = Segment()
    s.time_ns = 10**18 + int(float(words[0]) * 10**6)
    s.flags = sum(LETTERS[letter] for letter in words[2] if letter in LETTERS)
    first, end = map(int, words[3].split(":"))
    s.seq, s.payload_len = (isn[way] + first) & M, end - first
    if "ack" in words:
        s.ack = (isn[1 - way] + int(words[words.index("ack") + 1])) & M
    s.window_raw = int(words[words.index("win") + 1]) if "win" in words else 1000
    if found := re.search(r"wscale (\d+)", options):
        s.window_shift = int(found[1])
    for block, (left, right) in enumerate(re.findall(r"(\d+)-(\d+)", options)):
        s.set_sack(block, (isn[1 - way] + int(left)) & M, (isn[1 - way] + int(right)) & M)
        s.sack_count = block + 1
    if found := re.search(r"mptcp (\d+)", options):
        s.mptcp = int(found[1])
    if options:
        s.header_len, s.options_len = 32, 12
    return way, s


def names(s: Segment) -> set[str]:
    return {name for bit, name in enumerate(ANALYSIS_FLAGS) if s.analysis >> bit & 1}


class Talk:
    """One 4-tuple: plays lines, opens another connection where the rules say so, checks what follows `=>`."""

    def __init__(self, isn: tuple[int, int] = (1000, 5000)) -> None:
        self.isn = isn
        self.halves = (Half(), Half())
        self.pair = Pair()
        self.connections = 0

    def hear(self, way: int, s: Segment) -> Segment:
        fwd, rev = self.halves[way], self.halves[1 - way]
        new = self.connections and is_new_connection(s, fwd, rev, self.pair)
        if new or not self.connections:
            self.halves, self.pair = (Half(), Half()), Pair()
            self.connections += 1
        analyse(s, self.halves[way], self.halves[1 - way], self.pair, int(new))
        return s

    def play(self, text: str) -> Talk:
        for line in filter(None, map(str.strip, text.splitlines())):
            said, _, expected = line.partition("=>")
            s = self.hear(*parse(said, self.isn))
            wanted = [item.strip() for item in expected.split(",") if item.strip()]
            assert names(s) == {item for item in wanted if " " not in item}, line
            for name, value in (item.split() for item in wanted if " " in item):
                assert getattr(s, name) == (-1 if value == "null" else int(value)), f"{name} in {line}"
        return self


@pytest.mark.parametrize("isn", [(1000, 5000), (M - 2, M - 150), (0x7FFFFFFE, 0x80000000)])
def test_a_clean_exchange_has_no_flags(isn: tuple[int, int]) -> None:
    talk = Talk(isn).play(
        OPENING
        + """
    30  > P. 1:101 ack 1 win 500    => bytes_in_flight 100, ack_rtt_ns null
    31  > P. 101:201 ack 1 win 500  => bytes_in_flight 200
    40  < . 1:1 ack 201 win 2000    => ack_rtt_ns 9000000, window 16000
    50  > F. 201:201 ack 1 win 500  => bytes_in_flight null
    60  < F. 1:1 ack 202 win 2000   => ack_rtt_ns 10000000
    70  > . 202:202 ack 2 win 500   => ack_rtt_ns 10000000
    """
    )
    assert talk.pair.completeness == 1 | 2 | 4 | 8 | 16
    assert talk.halves[0].base_seq == isn[0] and talk.halves[0].base_known


def test_without_the_option_in_both_syns_the_window_is_not_scaled() -> None:
    Talk().play("""
    0  > S 0:0 win 1000 <wscale 2>          => window 1000
    1  < S. 0:0 ack 1 win 2000
    2  > . 1:1 ack 1 win 500                => window 500
    """)


def test_options_cut_off_by_the_snap_length_hide_what_the_segment_shows() -> None:
    talk = Talk().play(OPENING + "30  > P. 1:101 ack 1 win 500 => bytes_in_flight 100")
    for captured in (0, 4, 12):
        way, again = parse("200  > P. 1:101 ack 1 win 500", talk.isn)
        again.header_len, again.options_len = 32, captured
        assert names(talk.hear(way, again)) == ({"retransmission"} if captured == 12 else set())


def test_sack_without_room_for_a_block_hides_what_the_segment_shows() -> None:
    talk = Talk().play(OPENING + "30  > P. 1:101 ack 1 win 500 => bytes_in_flight 100")
    way, again = parse("200  > P. 1:101 ack 1 win 500", talk.isn)
    again.header_len, again.options_len, again.options_malformed = 24, 4, 2
    assert not names(talk.hear(way, again))


def test_a_syn_with_its_options_cut_off_does_not_say_that_windows_are_not_scaled() -> None:
    talk = Talk()
    way, syn = parse("0  > S 0:0 win 1000", talk.isn)
    syn.header_len, syn.options_len = 32, 4
    talk.hear(way, syn)
    talk.play("""
    1  < S. 0:0 ack 1 win 2000 <wscale 3>
    2  > . 1:1 ack 1 win 500               => window null, ack_rtt_ns 1000000, initial_rtt_ns 2000000
    """)


def test_without_a_handshake_the_window_is_unknown() -> None:
    talk = Talk().play("0 > . 1:11 ack 1 win 500  => window null, bytes_in_flight 10")
    assert talk.halves[0].base_seq == 1000


def test_a_gap_is_a_lost_segment_and_hides_the_flight() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    31  > . 201:301 ack 1 win 500    => lost_segment, bytes_in_flight null
    32  < . 1:1 ack 301 win 2000     => ack_lost_segment, ack_rtt_ns 1000000
    33  > . 301:401 ack 1 win 500    => bytes_in_flight 100
    """
    )


def test_an_ack_beyond_what_was_seen_is_reported_once() -> None:
    Talk().play(
        OPENING
        + """
    30  < . 1:1 ack 501 win 2000     => ack_lost_segment
    31  < . 1:11 ack 501 win 2000
    """
    )


def test_late_segment_within_the_initial_rtt_is_out_of_order() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    31  > . 201:301 ack 1 win 500    => lost_segment
    35  > . 101:201 ack 1 win 500    => out_of_order
    """
    )


def test_late_segment_after_the_initial_rtt_is_a_retransmission() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    31  > . 101:201 ack 1 win 500
    60  > . 1:101 ack 1 win 500      => retransmission, rto_ns 30000000, bytes_in_flight 200
    """
    )


def test_third_ack_of_the_same_number_makes_the_repeat_fast() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    31  > . 101:201 ack 1 win 500
    40  < . 1:1 ack 101 win 2000
    41  < . 1:1 ack 101 win 2000     => duplicate_ack, duplicate_ack_num 1
    42  < . 1:1 ack 101 win 2000     => duplicate_ack, duplicate_ack_num 2
    50  > . 101:201 ack 1 win 500    => retransmission, fast_retransmission, rto_ns null
    """
    )


def test_repeat_of_what_was_acknowledged_is_spurious() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    40  < . 1:1 ack 101 win 2000
    90  > . 1:101 ack 1 win 500      => retransmission, spurious_retransmission, rto_ns null
    """
    )


def test_partial_ack_shortens_what_is_in_flight() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    40  < . 1:1 ack 51 win 2000      => ack_rtt_ns null
    41  > . 101:111 ack 1 win 500    => bytes_in_flight 60
    """
    )


def test_sack_blocks_are_not_in_flight() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    31  > . 101:201 ack 1 win 500
    32  > . 201:301 ack 1 win 500
    40  < . 1:1 ack 101 win 2000 <sack 201-301>
    41  > . 301:401 ack 1 win 500    => bytes_in_flight 200
    """
    )


def test_keep_alive_and_its_answer() -> None:
    Talk().play(
        OPENING
        + """
    30     > . 1:101 ack 1 win 500
    40     < . 1:1 ack 101 win 2000
    60000  > . 100:101 ack 1 win 500   => keep_alive
    60010  < . 1:1 ack 101 win 2000    => keep_alive_ack, ack_rtt_ns 10000000
    """
    )


def test_closed_window_probe_answer_and_update() -> None:
    Talk().play(
        OPENING
        + """
    30   > . 1:101 ack 1 win 500
    40   < . 1:1 ack 101 win 0       => zero_window
    500  > . 101:102 ack 1 win 500   => zero_window_probe
    510  < . 1:1 ack 101 win 0       => zero_window, zero_window_probe_ack
    600  < . 1:1 ack 101 win 2000    => window_update
    610  > . 101:201 ack 1 win 500
    """
    )


def test_segment_up_to_the_edge_fills_the_window() -> None:
    Talk().play(
        OPENING
        + """
    30  < . 1:1 ack 1 win 20          => window_update, window 160
    40  > . 1:161 ack 1 win 500       => window_full
    """
    )


def test_the_window_of_a_syn_ack_counts_unscaled() -> None:
    Talk().play(OPENING + "30  > . 1:2001 ack 1 win 500  => window_full")


def test_repeated_ack_with_new_mptcp_options_is_no_duplicate() -> None:
    Talk().play("""
    0   > S 0:0 win 1000 <mptcp 0>
    10  < S. 0:0 ack 1 win 2000 <mptcp 0>
    20  > . 1:1 ack 1 win 500 <mptcp 0>
    30  > . 1:1 ack 1 win 500 <mptcp 2>    => duplicate_ack
    31  < . 1:1 ack 1 win 2000
    40  > . 1:1 ack 1 win 500
    50  > . 1:1 ack 1 win 500              => duplicate_ack
    """)


def test_syn_with_another_number_opens_another_connection() -> None:
    talk = Talk().play(OPENING + "30 > R 1:1")
    assert talk.pair.completeness == 1 | 2 | 4 | 32
    talk.play("40 > S 77:77 win 1000  => reused_ports")
    assert talk.connections == 2
    assert talk.pair.completeness == 1


def test_syn_with_the_same_number_is_a_retransmission() -> None:
    talk = Talk().play("""
    0     > S 0:0
    1000  > S 0:0   => retransmission, rto_ns 1000000000
    """)
    assert talk.connections == 1


def test_syn_ack_with_another_number_stays_in_the_connection() -> None:
    talk = Talk().play("""
    0     > S 0:0
    1     < S. 0:0 ack 1
    2000  < S. 900:900 ack 1   => lost_segment, reused_ports
    """)
    assert talk.connections == 1
    assert talk.halves[1].base_seq == 5900


def test_time_that_runs_backwards_is_no_reordering() -> None:
    Talk().play(
        OPENING
        + """
    30  > . 1:101 ack 1 win 500
    31  > . 101:201 ack 1 win 500
    25  > . 1:101 ack 1 win 500      => retransmission, rto_ns -5000000
    """
    )


def test_a_segment_shorter_than_its_header_is_not_judged() -> None:
    talk = Talk().play(OPENING)
    s = parse("30 > . 901:901 ack 1 win 0", talk.isn)[1]
    s.payload_len = -1
    talk.hear(0, s)
    assert s.analysis == 0 and s.bytes_in_flight == -1
    talk.play("40 > . 1:101 ack 1 win 500 => bytes_in_flight 100")


# Random exchanges against the program whose answers the flags are meant to be.


def random_exchange(seed: int, count: int) -> list[tuple[int, bytes]]:
    """Packets (time, IPv4) of two ends that lose, repeat, reorder, probe, reset and reuse without sense."""
    rng = random.Random(seed)
    addresses, ports = (b"\x0a\0\0\1", b"\x0a\0\0\2"), (40000, 8099)
    isn = [rng.choice([rng.getrandbits(32), M - 2000, 1]) for _ in "12"]
    nxt, acked, win = [isn[0] + 1, isn[1] + 1], [isn[0] + 1, isn[1] + 1], [8192, 1000]
    now, said, out = 1_700_000_000 * 10**9, [], []

    def send(way: int, seq: int, ack: int, flags: int, length: int = 0, options: bytes = b"") -> None:
        nonlocal now
        now += rng.choice([1000, 100_000, 2_900_000, 3_100_000, 19_000_000, 21_000_000, 400_000_000])
        said.append((way, seq, ack, flags, length))
        size = 20 + len(options)
        tcp = struct.pack(">HHIIBBHHH", ports[way], ports[1 - way], seq & M, ack & M, size << 2, flags, win[way], 0, 0) + options
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size + length, 1, 0, 64, 6, 0) + addresses[way] + addresses[1 - way]
        out.append((now, ip + tcp + bytes(length)))

    send(0, isn[0], 0, 2, 0, b"\3\3\2\0")
    send(1, isn[1], nxt[0], 18, 0, b"\3\3\1\0")
    while len(out) < count:
        way = rng.randrange(2)
        seq, ack = nxt[way], acked[1 - way]
        kind = rng.random()
        if kind < 0.35:
            length = rng.choice([1, 100, 100, rng.randrange(1, 400)])
            send(way, seq, ack, 16, length)
            nxt[way] += length
        elif kind < 0.55:
            acked[1 - way] = rng.choice([nxt[1 - way], ack, (ack + nxt[1 - way]) // 2, nxt[1 - way] + rng.choice([0, 50])])
            block = struct.pack(">BBBBII", 1, 1, 5, 10, (ack + 100) & M, (ack + 200) & M) if rng.random() < 0.2 else b""
            send(way, seq, acked[1 - way], 16, 0, block)
        elif kind < 0.65:
            for _ in range(rng.randrange(1, 4)):
                send(way, seq, ack, 16)
            send(1 - way, ack, acked[way], 16, 100)
        elif kind < 0.78:
            old = rng.choice(said[-rng.choice([2, 20]) :])
            send(old[0], old[1], acked[1 - old[0]], old[3], old[4])
        elif kind < 0.84:
            win[way] = rng.choice([0, 0, 50, 1000, 65535])
            send(way, seq, ack, 16)
        elif kind < 0.90:
            send(way, seq - rng.choice([0, 1]), ack, 16, rng.choice([0, 1]))
            send(1 - way, nxt[1 - way], acked[way], 16)
        elif kind < 0.94:
            nxt[way] += rng.randrange(1, 300)
        elif kind < 0.97:
            send(way, seq, ack, rng.choice([17, 4, 20, 18, 3, 0, 41]), rng.choice([0, 0, 5]))
        else:
            isn[way] = rng.choice([isn[way], rng.getrandbits(32)])
            nxt[way] = acked[way] = isn[way] + 1
            send(way, isn[way], ack, rng.choice([2, 18]))
    return out


def read(packet: bytes, frame: int, time_ns: int) -> tuple[int, Segment]:
    """A segment from the packets above (SACK: at most one block)."""
    s = Segment()
    s.frame, s.time_ns = frame, time_ns
    port, _, s.seq, s.ack, offset, s.flags, s.window_raw = struct.unpack(">HHIIBBH", packet[20:36])
    s.header_len = offset >> 2
    s.options_len = s.header_len - 20
    s.payload_len = len(packet) - 20 - s.header_len
    options = packet[40 : 20 + s.header_len]
    if options[:2] == b"\3\3":
        s.window_shift = options[2]
    elif options[:3] == b"\1\1\5":
        s.set_sack(0, *struct.unpack(">II", options[4:12]))
        s.sack_count = 1
    return int(port != 40000), s


def nanoseconds(text: str) -> int | None:
    if not text:
        return None
    whole, _, part = text.lstrip("-").partition(".")
    value = int(whole) * 10**9 + int(part.ljust(9, "0"))
    return -value if text[0] == "-" else value


@pytest.mark.parametrize("seed", range(4))
def test_random_exchange_is_judged_as_by_tshark(seed: int, tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if not tshark:
        pytest.skip("tshark is not installed")
    version = subprocess.run([tshark, "--version"], capture_output=True, text=True, check=False).stdout
    if not re.match(r"TShark \(Wireshark\) 4\.0\.", version):
        pytest.skip("the flags are those of Wireshark 4.0; this is " + version.partition("\n")[0])
    packets = random_exchange(seed, 1200)
    file = tmp_path / "random.pcap"
    with file.open("wb") as handle:
        handle.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
        for time_ns, packet in packets:
            handle.write(struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(packet), len(packet)) + packet)
    numbers = ("duplicate_ack_num", "bytes_in_flight", "ack_rtt", "initial_rtt", "rto")
    fields = ["tcp.stream"] + ["tcp.analysis." + name for name in ANALYSIS_FLAGS + numbers]
    command = [tshark, "-r", str(file), "-n", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "occurrence=l"]
    for field in fields:
        command += ["-e", field]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    talk = Talk()
    for frame, ((time_ns, packet), line) in enumerate(zip(packets, lines, strict=False), 1):
        way, s = read(packet, frame, time_ns)
        talk.hear(way, s)
        stream, *columns = line.split("\t")
        assert talk.connections - 1 == int(stream), f"frame {frame}"
        flags, values = columns[: len(ANALYSIS_FLAGS)], columns[len(ANALYSIS_FLAGS) :]
        assert names(s) == {name for name, value in zip(ANALYSIS_FLAGS, flags, strict=True) if value}, f"frame {frame}"
        wanted = [int(v) if v else None for v in values[:2]] + [nanoseconds(v) for v in values[2:]]
        got = [s.duplicate_ack_num, s.bytes_in_flight, s.ack_rtt_ns, s.initial_rtt_ns, s.rto_ns]
        assert [None if v == -1 else v for v in got] == wanted, f"frame {frame}"
