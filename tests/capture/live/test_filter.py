"""libpcap's programs, made fit for where they run; and complaints that point at the word."""

from __future__ import annotations

import ctypes

import pytest

from tcpinspect.capture.live import filter as filters
from tcpinspect.capture.live.filter import compile_filter, everything, without_copies
from tcpinspect.errors import FilterError, MissingDependency

ETHERNET, COOKED = 1, 276


@pytest.fixture(autouse=True)
def _needs_libpcap(request: pytest.FixtureRequest) -> None:
    if "without_libpcap" in request.node.name:
        return
    try:
        filters._libpcap()
    except MissingDependency as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tcp prot 80", 'syntax error at "prot", character 5: tcp  >>> prot 80'),
        ("tcp port foo", "unknown port 'foo' at \"foo\", character 10"),
        ("tcp port 80 and", "syntax error at its end, character 16"),
        ("(tcp", "syntax error at its end, character 5"),
        ("tcp port 80)", 'syntax error at ")", character 12'),
        ("port 99999", 'illegal port number 99999 > 65535 at "99999", character 6'),
        ("not (tcp port 80 and (udp foo 1))", 'syntax error at "foo", character 27'),
        ("tcp[tcpflags] & (tcp-syn) != 0 and src net 10.0.0.0/33", 'mask length must be <= 32 at "10.0.0.0/33"'),
    ],
)
def test_a_mistake_is_shown_where_it_stands(text: str, place: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(text, ETHERNET, 100)
    assert place in str(error.value)
    assert str(error.value).startswith("capture filter: ") and str(error.value).isprintable()


def test_the_snap_length_is_what_the_program_returns() -> None:
    assert {one.value for one in compile_filter("tcp", ETHERNET, 77) if one.code == 6} == {77, 0}


def test_without_libpcap_all_packets_can_still_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert compile_filter("  ", ETHERNET, 100) == everything(100)
    with pytest.raises(MissingDependency, match=r"there is no libpcap\.so: install it"):
        compile_filter("tcp", ETHERNET, 100)


def test_what_the_kernel_cannot_test_on_a_cooked_socket_is_refused() -> None:
    with pytest.raises(FilterError, match='on "any" no filter sees VLAN tags'):
        compile_filter("vlan 3", COOKED, 100)
    assert all(one.value >= 0xFFFFF000 or one.value < 1000 or one.code == 21 for one in compile_filter("arp", COOKED, 100))


def test_copies_on_the_loopback_are_left_out_in_front_of_the_filter() -> None:
    program = without_copies(everything(100), 1)
    assert program[-1] == everything(100)[0] and program[4].value == 0
