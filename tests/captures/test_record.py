"""The captures of our own: each shows what captures/README.md says, and record.py makes them anew. Judge: tshark."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parents[2] / "captures"

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

# What must be in each file: display filters, with how many frames they match at least.
SHOWN: dict[str, dict[str, int]] = {
    "normal-close-by-client.pcap": {"frame.number == 8 && tcp.flags.fin == 1 && tcp.dstport == 80": 1, "tcp.flags.fin == 1": 2},
    "normal-close-by-server.pcap": {"frame.number == 8 && tcp.flags.fin == 1 && tcp.srcport == 80": 1, "tcp.flags.fin == 1": 2},
    "three-segment-close.pcap": {"frame.number == 9 && tcp.flags.fin == 1 && tcp.ack == 47": 1, "tcp.flags.fin == 1": 2},
    "half-close-with-data.pcap": {"tcp.len > 0 && tcp.srcport == 80 && tcp.ack == 19": 5},
    "ipv6-normal-close.pcap": {"icmpv6": 2, "ipv6 && tcp.flags.fin == 1": 2},
    "simultaneous-close.pcap": {"tcp.flags.fin == 1 && tcp.srcport == 80 && tcp.ack == 46": 1, "tcp.flags.fin == 1": 2},
    "simultaneous-open.pcap": {"tcp.flags == 0x002": 2, "tcp.flags == 0x012": 2},
    "simultaneous-open-and-close.pcap": {"tcp.srcport == 5000 && tcp.dstport == 5000": 7, "tcp.flags.fin == 1": 1},
    "many-connections.pcapng": {"tcp.flags == 0x002": 61, "tcp.flags.reset == 1": 14, "arp": 2, "tcp.dstport == 135": 6},
    "syn-flood-small.pcap": {"tcp.flags == 0x002": 41, "tcp.flags == 0x012": 121, "tcp.flags.fin == 1": 2},
    "refused.pcap": {"frame.number == 2 && tcp.flags == 0x014": 1},
    "unanswered.pcap": {"tcp.flags == 0x002": 8, "tcp.analysis.retransmission": 7},
    "reset-by-linger.pcap": {"tcp.flags.reset == 1 && tcp.dstport == 80": 1},
    "reset-by-unread-data.pcap": {"tcp.flags.reset == 1 && tcp.srcport == 80": 1},
    "half-open-discovered.pcap": {"tcp.flags == 0x004 && tcp.srcport == 80": 1},
    "keep-alive.pcap": {"tcp.analysis.keep_alive": 6, "tcp.analysis.keep_alive_ack": 3, "tcp.flags.reset == 1": 1},
    "zero-window.pcap": {
        "tcp.analysis.zero_window": 2,
        "tcp.analysis.window_full": 1,
        "tcp.analysis.keep_alive": 2,
        "tcp.analysis.window_update": 1,
    },
    "lossy-transfer.pcap": {
        "tcp.analysis.retransmission": 3,
        "tcp.analysis.fast_retransmission": 1,
        "tcp.analysis.duplicate_ack": 3,
        "tcp.analysis.rto": 1,
        "tcp.options.sack_le": 3,
    },
    "lossy-transfer-at-receiver.pcap.gz": {"tcp.analysis.lost_segment": 1, "tcp.analysis.retransmission": 1},
    "offload-left-on.pcap.gz": {"tcp.len > 1460": 5, "tcp.checksum.status == 0": 10},
    "begins-in-the-middle.pcap": {"sll": 7, "frame.number == 1 && tcp.len > 0": 1},
    "fast-open.pcap": {"tcp.options.tfo": 3, "tcp.flags == 0x002 && tcp.len > 0": 1},
    "reused-port.pcap": {"tcp.analysis.reused_ports": 1, "tcp.flags == 0x002": 2},
}
WITH_UNFINISHED_CHECKSUMS = {"simultaneous-open-and-close.pcap", "offload-left-on.pcap.gz"}
WITHOUT = {"normal-close-by-client.pcap": "tcp.flags.reset == 1", "reset-by-linger.pcap": "tcp.flags.fin == 1"}


def counts(path: Path, *display_filters: str) -> list[int]:
    """How many frames of a capture match each filter, says one run of tshark."""
    statistics = "io,stat,0," + ",".join(display_filters)
    command = ["tshark", "-n", "-q", "-o", "tcp.check_checksum:TRUE", "-r", str(path), "-z", statistics]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    # One line, for the whole time: | from <> to | frames | bytes | frames | bytes | ... and at times an empty cell.
    (line,) = [line for line in result.stdout.splitlines() if "<>" in line]
    return [int(cell) for cell in line.strip().strip("|").split("|")[1 : 2 * len(display_filters) : 2]]


def assert_shows(path: Path, name: str) -> None:
    """The capture at `path` shows what the one of that name is to show, and is sound."""
    absent = ["_ws.malformed"]
    if name not in WITH_UNFINISHED_CHECKSUMS:
        absent.append("tcp.checksum.status == 0")
    if name in WITHOUT:
        absent.append(WITHOUT[name])
    found = counts(path, *SHOWN[name], *absent)
    shown = dict(zip(SHOWN[name], found, strict=False))
    assert {wanted: number for wanted, number in shown.items() if number < SHOWN[name][wanted]} == {}
    assert dict(zip(absent, found[len(shown) :], strict=True)) == dict.fromkeys(absent, 0)


def record(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run captures/record.py; skip the test where it says that this machine cannot do it."""
    result = subprocess.run(
        [sys.executable, str(CAPTURES / "record.py"), *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    if result.returncode == 2 and "record.py: " in result.stderr and "usage:" not in result.stderr:
        pytest.skip(result.stderr.strip())
    return result


@needs_tshark
@pytest.mark.parametrize("name", SHOWN)
def test_capture_shows_what_its_name_says(name: str) -> None:
    assert_shows(CAPTURES / name, name)


def test_every_capture_is_in_the_readme_and_has_a_scene() -> None:
    files = {path.name for path in CAPTURES.iterdir() if ".pcap" in path.name}
    readme = (CAPTURES / "README.md").read_text(encoding="utf-8")
    assert {name for name in files if not name.startswith("figure-")} == set(SHOWN)
    assert [name for name in sorted(files) if f"| `{name}` |" not in readme] == []


@pytest.mark.skipif(sys.platform != "linux", reason="the scenes are Linux's")
def test_list_names_every_capture() -> None:
    listed = record("--list").stdout
    assert [name for name in SHOWN if name not in listed] == []


@pytest.mark.skipif(sys.platform != "linux", reason="the scenes are Linux's")
def test_unknown_scene_is_a_wrong_call() -> None:
    result = record("no-such-scene")
    assert result.returncode == 2
    assert "no scene 'no-such-scene'" in result.stderr
    assert "Traceback" not in result.stderr


@needs_tshark
@pytest.mark.skipif(sys.platform != "linux", reason="the scenes are Linux's")
def test_record_makes_captures_anew(tmp_path: Path) -> None:
    result = record("-o", str(tmp_path), "refused", "three-segment-close", "simultaneous-open-and-close")
    assert result.returncode == 0, result.stderr
    names = ["refused.pcap", "simultaneous-open-and-close.pcap", "three-segment-close.pcap"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        assert_shows(tmp_path / name, name)


@needs_tshark
@pytest.mark.skipif(sys.platform != "linux", reason="the scenes are Linux's")
def test_lossy_transfer_is_recorded_at_both_ends(tmp_path: Path) -> None:
    result = record("-o", str(tmp_path), "lossy-transfer")
    assert result.returncode == 0, result.stderr
    sender, receiver = tmp_path / "lossy-transfer.pcap", tmp_path / "lossy-transfer-at-receiver.pcap.gz"
    # How Wireshark names each repair depends on milliseconds, and so on how busy this machine is; what was lost does not.
    data, resent, with_sack = counts(sender, "tcp.srcport == 80 && tcp.len > 0", "tcp.analysis.retransmission", "tcp.options.sack_le")
    assert resent >= 1
    assert with_sack >= 3
    # What was lost on the way left the sender and did not come to the receiver.
    assert data > counts(receiver, "tcp.srcport == 80 && tcp.len > 0")[0]
