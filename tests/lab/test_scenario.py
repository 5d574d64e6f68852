"""Every exchange of the catalogue goes as its text says, and the analysis of its capture tells the truth or why not."""

from __future__ import annotations

from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.lab import catalogue
from tcpinspect.lab.scenario import play
from tcpinspect.lab.script_reader import read

from .conftest import Run

CAPTURES = Path(__file__).parents[2] / "captures" / "lab"
OURS = [name for name in catalogue.names() if "ours" in catalogue.load(name).pairs]
# A few, for the time they take: the rest is `tcpinspect lab verify`.
ON_KERNELS = [
    ("simultaneous-close", "kernels"),
    ("simultaneous-open", "kernel-ours"),
    ("half-close", "ours-kernel"),
    ("abort", "kernels"),
    ("three-segment-close", "kernels"),
    ("syn-flood", "ours-kernel"),
    ("udp-beside-tcp", "kernels"),
]


@pytest.mark.parametrize("name", OURS)
def test_it_goes_as_the_text_says(name: str) -> None:
    played = play(catalogue.load(name))
    assert [str(failure) for failure in played.failures] == []
    comparison = played.comparison()
    assert [str(check) for check in comparison.unexplained] == []


def test_the_catalogue_as_a_whole_agrees() -> None:
    """Three of four disagreements are segments that somebody else sent: see `lab verify`."""
    comparisons = [play(catalogue.load(name)).comparison() for name in OURS]
    agreed, compared = sum(one.agreed for one in comparisons), sum(one.compared for one in comparisons)
    assert compared > 340
    assert agreed / compared > 0.94


@pytest.mark.parametrize(("name", "ends"), ON_KERNELS)
def test_it_goes_so_with_kernels_too(private_network: None, name: str, ends: str) -> None:
    for _ in range(4):
        played = play(catalogue.load(name), ends)  # type: ignore[arg-type]
        # Real time on a busy machine: what came late by more than the text leaves room for proves nothing.
        if not played.spoilt:
            break
    else:
        pytest.skip("this machine is too busy to keep the times of an exchange")
    assert [str(failure) for failure in played.failures] == []
    assert [str(check) for check in played.comparison().unexplained] == []


UNSPOILT = """
from tcpinspect.lab import run
for _ in range(4):
    played = run("simultaneous-close", "kernels")
    if not played.spoilt:
        break
print(*played.states("B"))
"""


def test_an_ordinary_user_needs_no_root(as_nobody: Run) -> None:
    done = as_nobody(UNSPOILT)
    assert done.stdout.split()[-3:] == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"], done.stderr


def test_a_veth_does_where_no_tun_opens(private_network: None) -> None:
    played = play(catalogue.load("three-way-handshake"), "kernels", device="veth")
    assert played.states("A") == ["SYN-SENT", "ESTABLISHED"]


def test_the_same_octets_each_time() -> None:
    assert ti.lab.run("half-close").capture == ti.lab.run("half-close").capture


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap")), ids=lambda path: path.stem)
def test_the_recorded_capture_is_what_the_scenario_gives(path: Path) -> None:
    assert play(catalogue.load(path.stem)).capture == path.read_bytes()


def test_most_exchanges_have_their_capture() -> None:
    assert len(list(CAPTURES.glob("*.pcap"))) >= 50


WRONG = """Everything here is wrong.

 0 ms  B listen
 5 ms  A open
50 ms  A is TIME-WAIT
60 ms  A send "hello" -> 4 octets
90 ms  B receive -> "goodbye"
99 ms  end
A goes SYN-SENT
seen from A: F. seq=a
analysis: handshake refused, 3 retransmission
"""


def test_what_does_not_go_so_is_found_out() -> None:
    found = [(failure.number, failure.result) for failure in play(read(WRONG)).failures]
    assert found == [
        (5, "ESTABLISHED"),
        (6, "5 octets"),
        (7, '"hello"'),
        (9, "SYN-SENT ESTABLISHED"),
        (10, "nowhere in its place"),
        (11, "three-way"),
        (11, "0"),
    ]


def test_only_on_the_ends_it_is_for() -> None:
    with pytest.raises(UsageError, match="two-way-handshake cannot be played on kernels: it can on ours"):
        play(catalogue.load("two-way-handshake"), "kernels")


def test_an_unknown_name_is_helped() -> None:
    with pytest.raises(UsageError, match='did you mean "half-close"'):
        catalogue.load("halfclose")
