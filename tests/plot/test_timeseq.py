"""The data of a time–sequence graph, beside what tcptrace draws of the same capture."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.plot.flow import first_of_each_cell, line_once_a_dot, unwrapped
from tcpinspect.plot.timeseq import EVERY_SEGMENT, sequence
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN, URG

from .conversation import MS, Conversation, usual

np = pytest.importorskip("numpy")
CAPTURES = Path(__file__).parents[2] / "captures"
LOSSY = CAPTURES / "lossy-transfer.pcap"


def xpl(path: Path, tmp_path: Path) -> dict[str, list[tuple[float, ...]]]:
    """What tcptrace draws for the direction with more in it: by command, the numbers; texts by their letters."""
    if shutil.which("tcptrace") is None:
        pytest.skip("tcptrace is not installed (Debian package tcptrace)")
    subprocess.run(["tcptrace", "-n", "-S", str(path.resolve())], cwd=tmp_path, check=True, capture_output=True)
    lines = max(tmp_path.glob("*_tsg.xpl"), key=lambda found: found.stat().st_size).read_text().splitlines()
    found: dict[str, list[tuple[float, ...]]] = {}
    color = ""
    for line, text in zip(lines, [*lines[1:], ""], strict=True):
        name, *rest = line.split()
        values = tuple(float(part) for part in rest if re.fullmatch(r"[\d.]+", part))
        if not rest:
            color = name if name.islower() else color
        elif name in ("atext", "btext", "ltext", "rtext"):
            found.setdefault(f"text {text}", []).append(values)
        else:
            found.setdefault(f"{name} {color}" if name == "line" else name, []).append(values)
    return found


def test_segments_sack_blocks_and_marks_are_where_tcptrace_draws_them(tmp_path: Path) -> None:
    theirs = xpl(LOSSY, tmp_path)
    connection = ti.analyze(LOSSY).connections[0]
    ours = sequence(connection)
    isn = next(s.seq_raw for s in connection.segments if not s.from_client)

    # tcptrace writes µs, and draws no line for what has no length.
    segments = Counter(
        ((t + connection.start_ns) // 1000, low + isn, high + isn)
        for t, low, high in zip(ours.time_ns.tolist(), ours.low.tolist(), ours.high.tolist(), strict=True)
        if low != high
    )
    lines = [line for color in ("white", "red", "orange") for line in theirs.get(f"line {color}", ())]
    assert segments == Counter((round(line[0] * 1e6), line[1], line[3]) for line in lines)
    blocks = Counter((left + isn, right + isn) for _, left, right in ours.sack.tolist())
    assert blocks == Counter((line[1], line[3]) for line in theirs["line purple"])
    assert [number + isn for _, number in ours.marks["3"].tolist()] == [number for _, number in theirs["text 3"]]
    # Behind a later segment: tcptrace calls all of these R, Wireshark (and so the tables) tells some of them apart as out of order.
    assert len(ours.marks["R"]) + len(ours.marks["O"]) == len(theirs["text R"])
    assert len(ours.marks["S"]) == len(theirs["text S"]) and len(ours.pushes) == len(theirs["dot"]) - 1


def test_ack_line_never_falls_and_the_window_edge_is_above_it() -> None:
    picture = sequence(ti.analyze(LOSSY).connections[0])
    assert (np.diff(picture.ack) >= 0).all() and (picture.edge >= picture.ack).all()
    assert picture.ack[-1] == picture.high.max() == 120_002


def test_every_mark_is_drawn_where_it_belongs() -> None:
    talk = Conversation().open()
    talk.say("s", PSH | ACK, 1, 1, 100).say("s", URG | ACK, 101, 1, 50).say("s", ACK, 301, 1, 10, lost_segment=True)
    talk.say("s", ACK, 151, 1, 10, out_of_order=True).say("s", ACK, 1, 1, 100, retransmission=True)
    talk.say("c", ACK, 1, 101, duplicate_ack=True, duplicate_ack_num=3, sack_blocks=1, options="nop,nop,sack 5301:5311")
    talk.say("c", ACK, 1, 161, zero_window=True, window=0).say("s", ACK, 311, 1, 1, zero_window_probe=True)
    talk.say("s", ACK, 310, 1, 0, keep_alive=True).say("s", FIN | ACK, 311, 1).say("s", RST, 312).say("c", RST, 1)
    picture = sequence(talk.connection(), side="server")
    at = {name: [number for _, number in points.tolist()] for name, points in picture.marks.items()}
    assert at == {
        "SYN": [1], "FIN": [312], "RST": [312], "RST in": [161], "R": [101], "O": [161], "3": [101], "Z": [161], "probe": [312],
        "U": [151], "gap": [301], "keep-alive": [310], "S": [101],
    }  # fmt: skip
    assert picture.sack.tolist() == [[8 * MS, 301, 311]]
    assert picture.kind.tolist() == [0, 0, 0, 0, 2, 1, 0, 3, 0, 3]


def test_side_is_the_one_that_sends_more_unless_asked() -> None:
    assert sequence(usual(5)).side == "server"
    assert sequence(usual(5), side="client").segments == 3 + 5 + 1
    with pytest.raises(UsageError, match="client, server"):
        sequence(usual(5), side="both")


def test_numbers_go_on_over_the_wrap() -> None:
    assert unwrapped(np.array([2**32 - 10, 5, 2**32 - 2, 20]), 1).tolist() == [1, 16, 9, 31]


def test_window_without_a_known_scale_has_no_edge() -> None:
    talk = Conversation().say("s", PSH | ACK, 1, 1, 100).say("c", ACK, 1, 101, window=None)
    assert sequence(talk.connection()).edge.tolist() == [-1]


def test_of_many_segments_one_a_dot_is_drawn_and_all_are_counted() -> None:
    talk = Conversation().open()
    columns = talk.arrays
    count = 3 * EVERY_SEGMENT
    grown = {name: np.repeat(columns[name][2:3], count) for name in
             ("time_ns", "seq_raw", "ack_raw", "seq", "ack", "window", "tcp_flags", "sack_blocks", "duplicate_ack_num")}  # fmt: skip
    flags = dict.fromkeys(
        ("out_of_order", "retransmission", "duplicate_ack", "zero_window", "zero_window_probe", "lost_segment", "keep_alive"),
        np.zeros(count, dtype=bool),
    )
    n = np.arange(count)
    grown |= {"time_ns": grown["time_ns"] + n * 1000, "seq_raw": 1001 + 10 * n, "payload_len": np.full(count, 10),
              "from_client": n % 2 == 0} | flags  # fmt: skip

    class Many(dict):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return count

    connection = talk.connection()
    connection.arrays = Many(grown)
    picture = sequence(connection, side="client")
    assert picture.segments == count // 2 > EVERY_SEGMENT > picture.drawn == len(picture.low) > 500
    assert picture.low[0] == 1 and picture.high.max() > 0.99 * 10 * count


def test_one_point_a_cell_and_four_a_column() -> None:
    x = np.arange(100_000)
    assert first_of_each_cell(x, x, 10, 10).tolist() == sorted(first_of_each_cell(x, x, 10, 10).tolist())
    assert len(first_of_each_cell(x, x, 10, 10)) == 10
    wave = np.where(x % 1000 == 500, 9, 1)
    kept = line_once_a_dot(x, wave)
    assert (wave[kept] == 9).sum() == 100 and len(kept) < 6000


def test_refused_connection_has_only_its_syn() -> None:
    talk = Conversation().say("c", SYN, 0).say("s", RST | ACK, 0, 1)
    assert set(sequence(talk.connection(), side="client").marks) == {"SYN", "RST in"}
