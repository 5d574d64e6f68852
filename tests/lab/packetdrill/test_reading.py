"""Scripts as text: what is understood, what is refused and in which words, and that nothing in them is ever executed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.errors import ScriptError
from tcpinspect.lab.packetdrill import run
from tcpinspect.lab.packetdrill.reading import read
from tcpinspect.lab.packetdrill.script import CallEvent, SegmentEvent, When

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.pkt"))
MS = 1_000_000


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0.25", When(250 * MS, 250 * MS)),
        ("+.1", When(100 * MS, 100 * MS, relative=True)),
        ("1~1.5", When(1000 * MS, 1500 * MS)),
        ("+0~+.2", When(0, 200 * MS, relative=True)),
        ("*", When(0, 0, anytime=True)),
    ],
)
def test_times(text: str, when: When) -> None:
    assert read(f"{text} > . 1:1(0) ack 1").events[0].when == when


def test_a_call_that_waits() -> None:
    event = read("0.1...0.25 accept(3, ...,\n   ...) = 4").events[0]
    assert event == CallEvent(1, When(100 * MS, 100 * MS, returns_ns=250 * MS), event.text, "accept", ("3", "...", "..."), 4)


def test_arguments_with_brackets_and_commas_stay_whole() -> None:
    event = read('0 poll([{fd=4, events=POLLIN, revents=0}], 1, 0) = 0\n0 write(4, "a,)b", 4) = -1 EPIPE (Broken pipe)').events
    assert isinstance(event[0], CallEvent) and event[0].arguments == ("[{fd=4, events=POLLIN, revents=0}]", "1", "0")
    assert isinstance(event[1], CallEvent) and (event[1].arguments[1], event[1].result, event[1].error) == ('"a,)b"', -1, "EPIPE")


def test_comments_keep_the_lines_of_what_follows() -> None:
    script = read("// one\n/* two\n   three */ # more\n--ip_version=ipv6\n+0 < [ect0] S 0:0(0) win 9 // last\n* > S. 0:0(0) ack 1 <...>")
    first, second = script.events
    assert (first.line, second.line) == (5, 6)
    assert script.surroundings.ip_version == 6
    assert isinstance(first, SegmentEvent) and first.injected and first.ecn == (2,)
    assert isinstance(second, SegmentEvent) and not second.injected and second.draft.options is None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("\n`sysctl -w net.ipv4.tcp_sack=0`", 2, "a shell command is never executed"),
        ("0 `echo`", 1, "a shell command is never executed"),
        ("0 %{\nassert tcpi_unacked == 1\n}%", 1, "Python code is never executed"),
        ("0 > icmp unreachable", 1, "icmp packets are not played"),
        ("0 < udp (10)", 1, "udp packets are not played"),
        ("0 epoll_create(1) = 4", 1, "epoll_create is not translated"),
        ("0 listen(3, 1)", 1, "what listen returns"),
        ("0 listen(3, 1 = 0\n\n0 close(3) = 0", 1, "not closed"),
        ("0 listen(3, 1) = 099", 1, "no number"),
        ("0 < S 0:0(0)", 1, "needs its window"),
        ("0 > [tos 0x10] S 0:0(0)", 1, "[tos 0x10] is not understood: of the IP header only noecn, ect0"),
        ("0 < [ect01] S 0:0(0) win 9", 1, "[ect01] can only be expected"),
        ("0 < . 1:1(0) win 5", 1, "needs its acknowledgment number"),
        ("0 < S 0:0(0) win 5 <...>", 1, "can only be expected"),
        ("* < S 0:0(0) win 5", 1, "needs one time"),
        ("2~1 > S 0:0(0)", 1, "ends before it begins"),
        ("0 > S 0:7(3)", 1, "7 octets, not 3"),
        ("0 > S 0:65500(65500)", 1, "do not fit a packet"),
        ("0 > S <kind9 0x" + "00" * 60 + ">", 1, "a header has room for 40"),
        ("S 0:0(0)", 1, "does not begin with a time"),
        ("0 hello", 1, "neither a segment"),
        ("--mtu=none\n0 close(3) = 0", 1, "no value"),
        ("--sysctl=x\n0 close(3) = 0", 1, "means nothing here"),
        ("--local_ip=127.0.0.1\n0 close(3) = 0", 2, "between two hosts"),
        ("--ip_version=ipv6\n--local_ip=192.0.2.9\n0 close(3) = 0", 3, "no IPv6 address"),
        ("0 close(3) = 0\n/* never", 2, "does not end"),
        ("// nothing", 1, "no event in it"),
    ],
)
def test_what_is_refused_says_line_and_reason(text: str, line: int, says: str) -> None:
    with pytest.raises(ScriptError) as caught:
        read(text, "x.pkt")
    assert caught.value.line == line
    assert says in caught.value.reason
    assert "\n" not in str(caught.value)


def test_commands_are_left_out_on_request_and_never_executed(tmp_path: Path) -> None:
    here = tmp_path / "executed"
    text = f'`touch {here}`\n0 < S 5:5(0) win 9\n+0 %{{ open("{here}", "w") }}%\n+0 > R. 0:0(0) ack 6'
    script = read(text, "x.pkt", skip_commands=True)
    assert run.on_endpoint(script).passed
    assert [event.line for event in script.events] == [2, 4]
    assert script.left_out == ("x.pkt line 1: a shell command was left out", "x.pkt line 3: Python code was left out")
    assert not here.exists()


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet='0123456789+~.*<> SFRP()[]{}=,-"`%/#\nackwinmsTO_', max_size=120) | st.text(max_size=60))
def test_any_text_is_a_script_or_one_kind_of_error(text: str) -> None:
    try:
        assert read(text).events
    except ScriptError as error:
        assert 1 <= error.line <= text.count("\n") + 1


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(SCRIPTS), st.integers(0, 2000), st.integers(0, 6), st.text(max_size=4))
def test_a_damaged_script_is_refused_or_played_to_an_end(path: Path, at: int, cut: int, put: str) -> None:
    text = path.read_text()
    at %= len(text)
    try:
        result = run.on_endpoint(read(text[:at] + put + text[at + cut :]))
    except ScriptError:
        return
    assert result.passed or result.mismatch is not None
