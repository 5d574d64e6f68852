"""model.digest: a summary from classes says what the rows say."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.engine.classes import PORTS_KEPT
from tcpinspect.insight.findings import connection_findings
from tcpinspect.insight.interest import interesting
from tcpinspect.model.survey import survey
from tcpinspect.report.overview import counted_outcomes, outcomes

CAPTURES = sorted((Path(__file__).parents[2] / "captures").glob("*.pcap*"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_the_digest_counts_what_the_table_has(path: Path) -> None:
    rows, digest = ti.analyze(str(path), segments=False).connection_rows, survey(str(path)).digest
    assert digest.connections == len(rows)
    words = ("conn_state", "handshake", "teardown", "client_state", "server_state", "completeness")
    for name in words:
        assert digest.counts(name) == Counter(getattr(row, name) for row in rows)
    assert counted_outcomes((sort.row, sort.number) for sort in digest.sorts) == outcomes(rows)
    for side in ("client", "server"):
        assert sum(getattr(sort, f"{side}_retransmissions") for sort in digest.sorts) == sum(
            getattr(row, f"{side}_retransmissions") for row in rows
        )


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_the_digest_finds_what_the_rows_show(path: Path) -> None:
    rows, found = ti.analyze(str(path), segments=False).connection_rows, survey(str(path))
    kinds: Counter[str] = Counter()
    for row in rows:
        kinds.update({one.id for one in connection_findings(row, ())})
    assert {one.id: one.connections for one in found.digest.troubles([])} == kinds
    worth = interesting(rows)
    assert found.digest.worth.total == len(worth)
    for one, other in zip(found.digest.worth.first[:1], worth, strict=False):
        # A crowd is named by its twentieth member, not by its first: of those before it no row was kept.
        assert one.score == other.score and one.reasons == other.reasons
        assert one.stream == other.stream or one.reasons[0].startswith("one of ")


def attempts(clients: int, servers: int, ports: int) -> bytes:
    """A capture of SYNs, one a microsecond, nobody answers."""
    return syns((client, server, 1 + port) for client in range(clients) for server in range(servers) for port in range(ports))


def syns(attempts: Iterable[tuple[int, int, int]], *, refused: bool = False) -> bytes:
    """A capture of SYNs from numbers of clients to numbers of servers and to ports, which resets refuse or nobody answers."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    for number, (client, server, port) in enumerate(attempts):
        ends = (0x0A000001 + client, 40000), (0xC0000201 + server, port)
        out += packet(number, *ends, number, 0, 0x02)
        if refused:
            out += packet(number, *reversed(ends), 0, number + 1, 0x14)
    return bytes(out)


def packet(at_us: int, source: tuple[int, int], destination: tuple[int, int], seq: int, ack: int, flags: int) -> bytes:
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, at_us & 0xFFFF, 0, 64, 6, 0, source[0], destination[0])
    tcp = struct.pack(">HHIIBBHHH", source[1], destination[1], seq, ack, 0x50, flags, 65535, 0, 0)
    return struct.pack("<IIII", at_us // 1_000_000, at_us % 1_000_000, 40, 40) + ip + tcp


def ids(digest: Any) -> list[str]:
    return [one.id for one in digest.crowd_findings()]


def test_a_flood_and_a_scan_are_told_apart() -> None:
    flood = survey(attempts(clients=300, servers=1, ports=1)).digest
    assert ids(flood) == ["TI-FLOOD-01"] and "300 connections to port 1 of 192.0.2.1" in flood.crowd_findings()[0].text
    assert flood.worth.total == 1, "a crowd is one story"
    scan = survey(attempts(clients=1, servers=1, ports=300)).digest
    assert ids(scan) == ["TI-SCAN-01"] and "tried 300 ports" in scan.crowd_findings()[0].text
    assert scan.worth.total == 1


# Clients, servers and ports by number; a prime times the number spreads them.
OVER_ALL = [(n, 0, n * 7919 % 65536) for n in range(4000)]
MIXTURES: dict[str, tuple[list[tuple[int, int, int]], list[str]]] = {
    "over all ports": (OVER_ALL, ["TI-FLOOD-02"]),
    # Sixteen times each port: at none of them a crowd. Twenty-five times: at each of them one, and yet one story.
    "many times over": ([(n, 0, n % 256) for n in range(4096)], ["TI-FLOOD-02"]),
    "a crowd at each port": ([(n, 0, n % 160) for n in range(4000)], ["TI-FLOOD-02"]),
    "few forged addresses": ([(n % 100, 0, n * 7919 % 65536) for n in range(4000)], ["TI-FLOOD-02"]),
    "over all, and one port most": (OVER_ALL + [(n, 0, 80) for n in range(5000, 8000)], ["TI-FLOOD-01", "TI-FLOOD-02"]),
    "over all, and a scan": (OVER_ALL + [(9999, 0, port) for port in range(300)], ["TI-FLOOD-02", "TI-SCAN-01"]),
    "a scan, and others at one port": ([(9999, 0, port) for port in range(300)] + [(n, 0, 80) for n in range(18)], ["TI-SCAN-01"]),
    "few clients at many ports": ([(n % 10, 0, n) for n in range(150)], []),
    "many clients, many servers": ([(n, n, n) for n in range(1, 3000)], []),
    "a service that is gone": ([(n % 500, 0, 80) for n in range(4000)], ["TI-FLOOD-01"]),
}


@pytest.mark.parametrize("refused", [False, True], ids=["unanswered", "refused"])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_floods_of_every_spread_are_told_apart(mixture: str, refused: bool) -> None:
    made, wanted = MIXTURES[mixture]
    capture = syns(made, refused=refused)
    if refused:  # then no connection is half open
        wanted = [kind for kind in wanted if kind != "TI-FLOOD-01"]
    digest = survey(capture).digest
    assert sorted(ids(digest)) == wanted
    table = [row for row in ti.analyze(capture).findings if row.stream is None and row.id.startswith(("TI-FLOOD", "TI-SCAN"))]
    assert sorted(row.text for row in table) == sorted(one.text for one in digest.crowd_findings())


def test_the_numbers_of_a_flood_over_all_ports_are_exact() -> None:
    (found,) = survey(syns(OVER_ALL)).digest.crowd_findings()
    assert found.count == 4000
    assert found.text == (
        "4,000 connections to 4,000 ports of 192.0.2.1 from many addresses were begun and never opened: "
        "that is how a flood of SYNs over all ports looks, or a scan by many hosts, or a server that is gone."
    )


def test_a_flood_over_all_ports_is_one_story() -> None:
    worth = survey(syns(OVER_ALL)).digest.worth
    assert worth.total == 1 and "one of 4,000 connections to many ports of 192.0.2.1" in worth.first[0].reasons[0]


def test_the_largest_scan_is_exact_however_many_scan_beside_it() -> None:
    others = [(n % 200, 0, n // 200) for n in range(200 * 700)]
    digest = survey(syns([(9999, 0, port) for port in range(60000)] + others)).digest
    kept = sorted(map(len, digest._classes.doors.values()))
    assert kept.pop() == 60000 and sum(kept) < PORTS_KEPT
