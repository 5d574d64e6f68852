"""What tcpinspect records is what tcpdump records of the same traffic: the same packets, octet for octet, on every kind of interface."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tcpinspect

if TYPE_CHECKING:
    from tests.namespace import Namespace


pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="packet sockets are Linux's")


def packets(path: Path) -> list[tuple[int, bytes]]:
    """(time in µs, octets) of each packet, read by what is tested elsewhere: the engine's reader."""
    from tcpinspect.capture.records import Records
    from tcpinspect.capture.source import Source

    source = Source(path)
    records, found = Records(source), []
    while records.next_block():
        for number in range(records.count):
            offset, captured, wire, time_ns, _ = records.record(number)
            assert wire >= captured
            found.append((time_ns // 1000, bytes(records.view[offset : offset + captured])))
    source.close()
    return found


def both(namespace: Namespace, directory: Path, interface: str, *words: str, tcpdump_words: tuple[str, ...] = ()) -> tuple[Path, Path]:
    """Record the interface with tcpdump and with tcpinspect at once while a peer speaks; their files."""
    ours, theirs = directory / "ours.pcapng", directory / "theirs.pcap"
    first = namespace.tcpdump("-i", interface, "-w", str(theirs), *tcpdump_words)
    second = namespace.listener("-i", interface, "-w", str(ours))
    namespace.peer(*words)
    assert namespace.ended(second, signal.SIGINT)[0] == 0
    assert namespace.ended(first, signal.SIGINT)[0] == 0
    return ours, theirs


def assert_same(ours: Path, theirs: Path, at_least: int) -> None:
    mine, other = packets(ours), packets(theirs)
    assert [octets for _, octets in mine] == [octets for _, octets in other]
    # The kernel looks at its clock once for each of the two.
    assert max(abs(one - two) for (one, _), (two, _) in zip(mine, other, strict=True)) < 50_000
    assert len(mine) >= at_least


def test_loopback_shows_each_packet_once(namespace: Namespace, tmp_path: Path) -> None:
    ours, theirs = both(namespace, tmp_path, "lo", "connect", "3")
    assert_same(ours, theirs, 3 * 8)
    assert len({octets for _, octets in packets(ours)}) == len(packets(ours))


def test_uncompiled_it_records_the_same(namespace: Namespace, tmp_path: Path) -> None:
    shutil.copytree(Path(tcpinspect.__file__).parent, tmp_path / "tcpinspect", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    ours, theirs = tmp_path / "ours.pcapng", tmp_path / "uncompiled.pcapng"
    first = namespace.listener("-i", "any", "-w", str(theirs), env={"PYTHONPATH": str(tmp_path)})
    second = namespace.listener("-i", "any", "-w", str(ours))
    namespace.peer("connect", "1")
    namespace.peer("frames", "left", "3", "9")
    assert namespace.ended(second, signal.SIGINT)[0] == namespace.ended(first, signal.SIGINT)[0] == 0
    assert_same(ours, theirs, 8 + 2 * 3)


def test_veth_end_to_end(namespace: Namespace, tmp_path: Path) -> None:
    ours, theirs = both(namespace, tmp_path, "right", "frames", "left", "500")
    assert_same(ours, theirs, 500)


def test_a_vlan_tag_that_the_kernel_took_out_is_back(namespace: Namespace, tmp_path: Path) -> None:
    ours, theirs = both(namespace, tmp_path, "right", "frames", "left", "5", "7")
    assert_same(ours, theirs, 5)
    assert all(octets[12:16] == b"\x81\x00\x00\x07" for _, octets in packets(ours))


def test_any_interface_is_cooked_and_still_once(namespace: Namespace, tmp_path: Path) -> None:
    ours, theirs = both(namespace, tmp_path, "any", "connect", "2", tcpdump_words=("-y", "LINUX_SLL2"))
    assert_same(ours, theirs, 2 * 8)


def test_tun_gives_raw_ip(namespace: Namespace, tmp_path: Path) -> None:
    if not Path("/dev/net/tun").exists():
        pytest.skip("no /dev/net/tun here")
    device = namespace.start(sys.executable, str(namespace.PEER), "tun", "20", stdin=subprocess.PIPE)
    assert device.stdin is not None and device.stdout is not None and device.stderr is not None
    if device.stdout.readline() != "up\n":
        pytest.skip(f"no TUN device can be made: {device.stderr.read().strip().splitlines()[-1]}")
    ours, theirs = tmp_path / "ours.pcapng", tmp_path / "theirs.pcap"
    first, second = namespace.tcpdump("-i", "tun9", "-w", str(theirs)), namespace.listener("-i", "tun9", "-w", str(ours))
    print(file=device.stdin, flush=True)
    namespace.ended(second, signal.SIGINT)
    namespace.ended(first, signal.SIGINT)
    device.communicate("\n")
    assert_same(ours, theirs, 20)
    assert packets(ours)[0][1][0] == 0x45


@pytest.mark.parametrize(
    ("interface", "expression"),
    [
        ("right", "tcp[4:4] < 10"),
        ("right", "vlan 7 and tcp"),
        ("any", "tcp[4:4] < 10 and ip[8] == 64"),
        ("right", "udp"),
        ("any", "arp or tcp src port 1024"),
    ],
)
def test_a_filter_takes_what_tcpdump_takes(namespace: Namespace, tmp_path: Path, interface: str, expression: str) -> None:
    ours, theirs = tmp_path / "ours.pcapng", tmp_path / "theirs.pcap"
    cooked = ("-y", "LINUX_SLL2") if interface == "any" else ()
    first = namespace.tcpdump("-i", interface, "-w", str(theirs), *cooked, *expression.split())
    second = namespace.listener("-i", interface, "-w", str(ours), *expression.split())
    namespace.peer("frames", "left", "30")
    namespace.peer("frames", "left", "12", "7")
    namespace.ended(second, signal.SIGINT)
    namespace.ended(first, signal.SIGINT)
    mine, other = packets(ours), packets(theirs)
    assert len(mine) == len(other)
    if interface != "any":  # there tcpdump leaves VLAN tags out
        assert [octets for _, octets in mine] == [octets for _, octets in other]
    assert bool(mine) == (expression != "udp")


def test_the_snap_length_cuts_and_keeps_the_length_on_the_wire(namespace: Namespace, tmp_path: Path) -> None:
    listener = namespace.listener("-i", "right", "-w", str(tmp_path / "cut.pcapng"), "-s", "40", "-c", "4")
    namespace.peer("frames", "left", "9")
    assert namespace.ended(listener)[0] == 0
    assert [len(octets) for _, octets in packets(tmp_path / "cut.pcapng")] == [40] * 4
    import tcpinspect as ti

    assert ti.analyze(tmp_path / "cut.pcapng").capture.snaplen_cut == 4


def test_unfinished_checksums_and_directions_stand_in_the_file(namespace: Namespace, tmp_path: Path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    path = tmp_path / "lo.pcapng"
    listener = namespace.listener("-i", "lo", "-w", str(path))
    namespace.peer("connect", "1")
    namespace.ended(listener, signal.SIGINT)
    flags = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.packet_flags"], capture_output=True, text=True, check=True
    ).stdout.split()
    # Over lo nobody ever computes a checksum: bit 9; and what is kept of each packet is its arrival.
    assert {int(flag, 16) for flag in flags} == {0x201}
