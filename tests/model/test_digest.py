"""model.digest: a summary from classes says what the rows say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import tcpinspect as ti
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
    import struct

    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    number = 0
    for client in range(clients):
        for server in range(servers):
            for port in range(ports):
                ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40, number & 0xFFFF, 0, 64, 6, 0, 0x0A000001 + client, 0xC0000201 + server)
                tcp = struct.pack(">HHIIBBHHH", 40000, 1 + port, number, 0, 0x50, 2, 65535, 0, 0)
                out += struct.pack("<IIII", number // 1_000_000, number % 1_000_000, 40, 40) + ip + tcp
                number += 1
    return bytes(out)


def ids(digest: Any) -> list[str]:
    return [one.id for one in digest.crowd_findings()]


def test_a_flood_and_a_scan_are_told_apart() -> None:
    flood = survey(attempts(clients=300, servers=1, ports=1)).digest
    assert ids(flood) == ["TI-FLOOD-01"] and "300 connections to port 1 of 192.0.2.1" in flood.crowd_findings()[0].text
    assert flood.worth.total == 1, "a crowd is one story"
    scan = survey(attempts(clients=1, servers=1, ports=300)).digest
    assert ids(scan) == ["TI-SCAN-01"] and "tried 300 ports" in scan.crowd_findings()[0].text
    assert scan.worth.total == 1
