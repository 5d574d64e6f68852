"""What we write, tshark and our own reader read back: times, lengths, interfaces, comments."""

from __future__ import annotations

import io
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.capture import pcapng
from tcpinspect.capture.live import blocks
from tcpinspect.capture.live.encode import PCAPNG, Encoder
from tcpinspect.capture.live.tap import Counts
from tcpinspect.capture.pcapng import CHECKSUM_NOT_READY, INBOUND, OUTBOUND
from tcpinspect.capture.records import Records
from tcpinspect.capture.source import Source
from tcpinspect.capture.writing import ETHERNET, RAW_IP, InterfaceToWrite, PcapngWriter, Statistics, create, packet_block
from tcpinspect.errors import CaptureError, UsageError

# A SYN by hand, so that nothing here rests on another writer of ours: IPv4 header (20), TCP header (20), checksums right.
SYN = bytes.fromhex("4500002800010000400638cd7f0000017f000001" + "c00000500000000000000000" + "5002ffff2faf0000")
TIME = 1_700_000_000_123_456_789


def tshark_fields(path: Path, *names: str) -> list[list[str]]:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    command = ["tshark", "-r", str(path), "-n", "-T", "fields", "-E", "separator=|"]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr.replace('Running as user "root" and group "root". This could be dangerous.', "").strip()
    return [line.split("|") for line in done.stdout.splitlines()]


def test_pcapng_keeps_names_comments_times_and_directions(tmp_path: Path) -> None:
    path = tmp_path / "two.pcapng"
    first = InterfaceToWrite(RAW_IP, name="lab0", description="from the client", capture_filter="tcp")
    with create(path, [first, InterfaceToWrite(ETHERNET, name="实验1")], comment="two ends — 两端") as out:
        out.write(SYN, TIME, comment="the SYN", flags=OUTBOUND)
        out.write(bytes(12) + b"\x08\x00" + SYN[:30], TIME + 1, interface=1, wire_length=54, flags=INBOUND | CHECKSUM_NOT_READY)
        out.statistics(TIME + 2, Statistics(received=7, dropped_system=3), interface=1)
    fields = tshark_fields(path, "frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_name", "frame.comment",
                           "frame.packet_flags_direction", "tcp.flags.syn")  # fmt: skip
    assert [row[0] for row in fields] == ["1700000000.123456789", "1700000000.123456790"]
    assert [row[1:3] for row in fields] == [["40", "40"], ["44", "54"]]
    assert [row[3] for row in fields] == ["lab0", "实验1"]
    assert fields[0][4] == "the SYN"
    assert [int(row[5], 16) for row in fields] == [2, 1]
    assert fields[0][6] == "1"
    analysis = ti.analyze(path)
    assert [row.time_ns for row in analysis.table("segments")] == [TIME]
    assert analysis.capture.packets == 2
    assert "two ends — 两端" in str(analysis.capture.comments)


def test_every_option_is_what_tsharks_reading_of_the_format_calls_it(tmp_path: Path) -> None:
    """tshark can take a capture apart as a document (its dissector of pcapng), and names every block, option and bit."""
    path = tmp_path / "all.pcapng"
    described = pcapng.Interface(RAW_IP, 65535, "lab0", "", 9, 0, "tcp port 80")
    counts = Counts(received=1001, dropped_kernel=1002, dropped_interface=1003)
    with open(path, "wb") as out:
        out.write(blocks.beginning(PCAPNG, described))
        with PcapngWriter(out, []) as writer:
            writer.add_interface(InterfaceToWrite(RAW_IP, description="by hand"))
            writer.write(SYN, TIME, comment="the SYN", flags=OUTBOUND | CHECKSUM_NOT_READY)
            writer.statistics(TIME, Statistics(received=1004))
        out.write(blocks.ending(PCAPNG, described, counts, 1005, TIME, TIME + 1))
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    command = ["tshark", "-r", str(path), "-X", "read_format:MIME Files Format", "-V"]
    said = [line.strip() for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]
    options = [line.removeprefix("Option: ") for line in said if line.startswith("Option: ")]
    assert [one.partition(" = ")[0] for one in options] == [
        "OS Description", "User Application", "End of Options",
        "Interface Name", "Timestamp Resolution", "Filter", "End of Options",
        "User Application", "End of Options",
        "Interface Description", "Timestamp Resolution", "End of Options",
        "Comment", "Flags", "End of Options",
        "Number of Received Packets", "End of Options",
        "Start Time", "End Time", "Number of Dropped Packets", "Number of Accepted Packets",
        "Number of Packets Dropped by OS", "Number of Packets Delivered to the User", "End of Options",
    ]  # fmt: skip
    assert [int(one) for one in re.findall(r"Number of [^=]*= (\d+)", "\n".join(options))] == [1004, 1003, 1001, 1002, 1005]
    assert "Flags: 0x0202, Reception Type: Not Specified, Direction: Outbound" in said
    assert not [line for line in said if "Expert" in line or "Malformed" in line]


def test_the_recorders_blocks_are_the_writers(captures: list[Path]) -> None:
    """Two ways to the same octets: compiled for the wire, by packet for the lab."""
    for path in captures:
        records, encoder = Records(Source(str(path))), Encoder(PCAPNG, 1 << 20)
        while records.next_block():
            assert encoder.encode(records, 0, min(100, records.count), 1 << 19) <= 100
            at = bytes(encoder.out[: encoder.filled])
            for number in range(min(100, records.count)):
                offset, length, wire, time_ns, link = records.record(number)
                packet = bytes(records.view[offset : offset + length])
                # The recorder always has something to say about a packet, and so always writes the flags: here none.
                block = packet_block(packet, time_ns, interface=encoder.links.index(link), wire_length=wire, flags=OUTBOUND)
                flagless = block[:-16] + struct.pack("<HHI", pcapng.EPB_FLAGS, 4, 0) + block[-8:]
                assert at.startswith(flagless), (path.name, number)
                at = at[len(flagless) :]


def test_pcap_has_nanoseconds_and_one_link_type(tmp_path: Path) -> None:
    path = tmp_path / "one.pcap"
    with create(path, [InterfaceToWrite(RAW_IP)]) as out:
        out.write(SYN, TIME)
    assert tshark_fields(path, "frame.time_epoch", "frame.protocols") == [["1700000000.123456789", "raw:ip:tcp"]]
    with pytest.raises(UsageError, match="one link type"):
        create(tmp_path / "no.pcap", [InterfaceToWrite(RAW_IP), InterfaceToWrite(ETHERNET)])


def test_the_same_packets_give_the_same_bytes() -> None:
    made = []
    for _ in range(2):
        stream = io.BytesIO()
        with PcapngWriter(stream, [InterfaceToWrite(RAW_IP, name="x")]) as out:
            out.write(SYN, TIME)
        made.append(stream.getvalue())
    assert made[0] == made[1]


@pytest.mark.parametrize(("call", "what"), [
    ({"packet": bytes(262145)}, "262144 at most"), ({"time_ns": -1}, "ns since 1970"), ({"interface": 1}, "no interface 1"),
])  # fmt: skip
def test_what_no_file_can_hold_is_refused(call: dict[str, object], what: str) -> None:
    out = PcapngWriter(io.BytesIO(), [InterfaceToWrite(RAW_IP)])
    with pytest.raises(UsageError, match=what):
        out.write(**{"packet": SYN, "time_ns": TIME, **call})  # type: ignore[arg-type]


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot write"):
        create(tmp_path / "nowhere" / "x.pcap", [InterfaceToWrite(RAW_IP)])
