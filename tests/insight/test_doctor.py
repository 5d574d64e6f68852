"""The doctor: each way to break a capture has its diagnosis, a healthy one has none, and findings that are imitated say so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.engine.links import REASONS
from tcpinspect.insight import doctor
from tcpinspect.insight.doctor import diagnose, doubt
from tcpinspect.insight.finding_kinds import KINDS

from .. import broken
from ..broken import MS, SECOND, Packets
from ..conftest import CAPTURES

LOSSY = "lossy-transfer.pcap"
SICK = {
    "offload-left-on.pcap.gz": {"TI-CAP-09", "TI-CAP-10"},
    "simultaneous-open-and-close.pcap": {"TI-CAP-10"},
    "begins-in-the-middle.pcap": {"TI-CAP-12"},
    "figure-midstream-close.pcap": {"TI-CAP-12"},
}
WHOLE = SimpleNamespace(drops=None, snaplen_cut=0, warnings=[], steps_back=0, checksums={}, health={})


def lossy(change: Callable[[Packets], Packets]) -> bytes:
    return broken.written(change(broken.read(CAPTURES / LOSSY)))


def ids(data: bytes) -> set[str]:
    return {one.id for one in ti.analyze(data).diagnoses}


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda p: p.name)
def test_our_captures_are_healthy_but_for_those_that_show_a_fault(path: Path) -> None:
    assert {one.id for one in ti.analyze(str(path)).diagnoses} == SICK.get(path.name, set())


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (broken.doubled, "TI-CAP-05"),
        (lambda p: broken.shuffled(p, by_ns=5 * MS), "TI-CAP-06"),
        (lambda p: broken.restamped(broken.shuffled(p, by_ns=15 * MS)), "TI-CAP-06"),
        (lambda p: [one for n, one in enumerate(p) if n % 4 != 1 or not one.payload], "TI-CAP-07"),
        (lambda p: broken.only(p, lambda one: one.source_port == 80), "TI-CAP-08"),
        (lambda p: broken.only(p, lambda one: one.source_port != 80), "TI-CAP-08"),
        (lambda p: broken.clock_moved(p, at=70, by_ns=-30 * SECOND), "TI-CAP-04"),
        (lambda p: broken.clock_moved(p, at=70, by_ns=30 * SECOND), "TI-CAP-11"),
        (broken.cut, "TI-CAP-02"),
        (lambda p: p[20:], "TI-CAP-12"),
        (broken.rewritten, "TI-CAP-13"),
        (lambda p: broken.rewritten(p, port=80), "TI-CAP-14"),
    ],
)  # fmt: skip
def test_each_way_to_break_a_capture_is_diagnosed(change: Callable[[Packets], Packets], kind: str) -> None:
    assert kind in ids(lossy(change)) and kind not in ids(lossy(list))


def test_packets_cut_inside_their_headers_are_named_apart() -> None:
    (some,) = ti.analyze(lossy(lambda p: broken.cut(p, snaplen=68))).diagnoses
    (none,) = ti.analyze(lossy(lambda p: broken.cut(p, snaplen=40))).diagnoses
    assert "inside the headers" not in some.text and "150 packets were cut inside the headers" in none.text
    assert doctor._CUT_OFF in REASONS


def test_drops_reported_by_the_capture() -> None:
    some = broken.read(CAPTURES / LOSSY)
    (found,) = ti.analyze(broken.pcapng(some, dropped=7)).diagnoses
    assert (found.id, found.count) == ("TI-CAP-01", 7)
    assert ids(broken.pcapng(some, dropped=0)) == set()


def test_a_file_that_ends_too_early() -> None:
    assert ids(lossy(list)[:-7]) == {"TI-CAP-03"}


def test_every_kind_has_advice_and_every_advice_a_kind() -> None:
    assert set(doctor._ADVICE) == {kind for kind in KINDS if kind.startswith("TI-CAP")}
    assert set(doctor._IMITATES) <= set(KINDS)
    assert {kind for kinds in doctor._IMITATES.values() for kind in kinds} == set(doctor._BECAUSE)


@pytest.mark.parametrize("number", [1, 2, 3000])
def test_sentences_are_sentences(number: int, ordinary: Any) -> None:
    names = ("duplicates", "disordered", "late", "swapped", "lost", "one_way", "oversize", "one_sided", "steps_back", "jumps", "cut", "bad")
    signs = {name: SimpleNamespace(count=number, frame=7, streams=frozenset({0}), octets=number) for name in names}
    capture = SimpleNamespace(
        drops=number, snaplen_cut=number, warnings=["reading stopped"], steps_back=number, health=signs, untimed=number,
        checksums={"good": 0, "bad": number, "unfinished": number},
    )  # fmt: skip
    found = diagnose([ordinary(handshake="none")] * number, capture)
    assert {one.id for one in found} >= {kind for kind in KINDS if kind.startswith("TI-CAP")} - {"TI-CAP-13"}
    for one in found:
        for text in (one.text, one.effect, one.remedy):
            assert re.fullmatch(r"[A-Z0-9].*\.", text) and "  " not in text
        assert not re.search(r"\b1 (packets|segments|places|connections|bytes)\b", one.text)
        assert one.title == KINDS[one.id].title and one.count >= 1


def test_nothing_wrong_nothing_said(ordinary: Any) -> None:
    assert diagnose([ordinary()], WHOLE) == []
    assert doubt("TI-LOSS-01", 0, []) == ""


def test_a_doubtful_finding_says_why() -> None:
    analysis = ti.analyze(lossy(broken.doubled))
    doubtful = {one.id: one.text for one in analysis.findings if one.stream == 0 and "Doubtful" in one.text}
    assert "(TI-CAP-05)" in doubtful["TI-LOSS-02"] and doubtful["TI-LOSS-02"].endswith(".")
    assert not any("Doubtful" in one.text for one in ti.analyze(lossy(list)).findings)


def test_only_the_connections_that_are_touched_are_doubtful() -> None:
    first, second = broken.read(CAPTURES / LOSSY), broken.read(CAPTURES / "zero-window.pcap")
    later = [p._replace(time_ns=p.time_ns - second[0].time_ns + first[-1].time_ns + SECOND) for p in broken.doubled(second)]
    analysis = ti.analyze(broken.written(first + later))
    (copies,) = (one for one in analysis.diagnoses if one.id == "TI-CAP-05")
    assert copies.streams == {1}
    assert [one.stream for one in analysis.findings if "TI-CAP-05" in one.text] and all(
        one.stream == 1 for one in analysis.findings if "(TI-CAP-05)" in one.text
    )


def test_every_fault_is_a_finding_about_the_whole_capture() -> None:
    analysis = ti.analyze(lossy(broken.cut))
    assert [(one.id, one.count, one.frame) for one in analysis.findings if one.stream is None] == [
        (one.id, one.count, one.frame) for one in analysis.diagnoses
    ]
