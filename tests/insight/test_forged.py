"""Resets that are not their supposed sender's: a figure of our own, and a true reset to which a forger's traits are given."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.insight.forged import forged

CAPTURES = Path(__file__).parents[2] / "captures"
FIRST = {
    "lossy-transfer.pcap": ("TI-LOSS-01", "retransmission"),
    "zero-window.pcap": ("TI-WIN-01", "zero_window"),
    "lossy-transfer-at-receiver.pcap.gz": ("TI-LOSS-05", "duplicate_ack"),
}


def test_a_reset_after_which_its_sender_goes_on() -> None:
    finding = next(row for row in ti.analyze(CAPTURES / "figure-reset-injected.pcap").findings if row.id == "TI-RST-03")
    assert (finding.stream, finding.frame, finding.count, finding.severity) == (0, 7, 2, "warn")
    assert "goes on 8 ms later (frame 9) and is acknowledged" in finding.text and "3 below the next one" in finding.text


@pytest.mark.parametrize(
    "name",
    ["reset-by-linger", "reset-by-unread-data", "half-open-discovered", "refused", "keep-alive", "figure-8-seen-at-a",
     "figure-9-half-open-found-by-syn", "figure-10-half-open-found-by-data", "figure-11-old-syn-at-two-listeners"],
)  # fmt: skip
def test_true_resets_are_not_suspected(name: str) -> None:
    assert not [row for row in ti.analyze(CAPTURES / f"{name}.pcap").findings if row.id == "TI-RST-03"]


def test_another_ttl_and_identification_make_the_same_reset_suspect() -> None:
    data = bytearray((CAPTURES / "reset-by-linger.pcap").read_bytes())
    whole = ti.analyze(bytes(data)).connections[0].segments
    reset = next(row for row in whole if row.tcp_flags & 4)
    assert forged(whole) is None
    at = 24
    for _ in range(reset.frame - 1):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    ip = data.index(bytes([0x45, 0]), at + 16)
    assert data[ip + 8] == reset.ttl and struct.unpack_from("!H", data, ip + 4)[0] == reset.ip_id
    data[ip + 8] = reset.ttl - 17
    assert forged(ti.analyze(bytes(data)).connections[0].segments) is None, "a TTL alone may be a stack's way"
    struct.pack_into("!H", data, ip + 4, (reset.ip_id + 20_000) & 0xFFFF)
    analysis = ti.analyze(bytes(data))
    found = forged(analysis.connections[0].segments)
    assert found is not None and (found.frame, found.score) == (reset.frame, 4)
    assert f"its TTL is {reset.ttl - 17}" in found.sentence and "IP identification" in found.sentence
    assert [row.frame for row in analysis.findings if row.id == "TI-RST-03"] == [reset.frame]


@pytest.mark.parametrize("name", FIRST)
def test_findings_of_flags_name_the_first_frame_that_has_it(name: str) -> None:
    kind, flag = FIRST[name]
    analysis = ti.analyze(CAPTURES / name)
    finding = next(row for row in analysis.findings if row.id == kind)
    first = next(row for row in analysis.table("segments") if getattr(row, flag))
    assert (finding.frame, finding.time_ns) == (first.frame, first.time_ns)
    without = next(row for row in ti.analyze(CAPTURES / name, segments=False).findings if row.id == kind)
    assert (without.frame, without.time_ns) == (None, None)
