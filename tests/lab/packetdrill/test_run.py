"""Scripts of our own against a real kernel, which is the judge, and against our own endpoint; and what is said when they part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpinspect.errors import ScriptError
from tcpinspect.lab.packetdrill import run
from tcpinspect.lab.packetdrill.reading import read
from tcpinspect.lab.packetdrill.script import Script

from ..conftest import Run

SCRIPTS = Path(__file__).parent / "scripts"
OPENED = ["LISTEN", "SYN-RECEIVED", "ESTABLISHED"]
STATES = {
    "passive-open-and-close": [*OPENED, "CLOSE-WAIT", "LAST-ACK", "CLOSED"],
    "active-open": ["SYN-SENT", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"],
    "refused": [],
    "syn-retransmitted": ["SYN-SENT", "CLOSED"],
    "half-close": ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"],
    "ecn-agreed": OPENED,
}


def script(name: str) -> Script:
    return read((SCRIPTS / f"{name}.pkt").read_text(), f"{name}.pkt")


def changed(name: str, old: str, new: str) -> Script:
    """The script with one thing written otherwise."""
    text = (SCRIPTS / f"{name}.pkt").read_text()
    assert text.count(old) == 1
    return read(text.replace(old, new), f"{name}.pkt")


def test_every_script_is_tested() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.pkt")} == set(STATES)


@pytest.mark.parametrize("name", STATES)
def test_a_kernel_does_what_the_script_says(name: str, private_network: None) -> None:
    result = run.on_kernel(script(name))
    assert result.mismatch is None
    assert [str(step.to_state) for step in result.steps] == STATES[name]
    comparison = result.comparison()
    assert (comparison.agreed, comparison.disagreements) == (comparison.compared, [])


def test_the_mark_of_the_ip_header_is_compared(private_network: None) -> None:
    """A Linux sends ECT(0) (RFC 8311 leaves ECT(1) to experiments)."""
    wrong = run.on_kernel(changed("ecn-agreed", "> [ect01] P.", "> [ect1] P.")).mismatch
    assert wrong is not None
    assert (wrong.line, wrong.expected) == (11, "> [ect1] P. 1:501(500) ack 1")
    assert wrong.why.startswith("the ECN field of its IP header is 2, not 1")


@pytest.mark.parametrize("name", ["passive-open-and-close", "refused", "half-close"])
def test_our_endpoint_does_what_the_script_says(name: str) -> None:
    result = run.on_endpoint(script(name))
    assert result.mismatch is None
    assert [str(step.to_state) for step in result.steps] == STATES[name]
    comparison = result.comparison()
    assert (comparison.agreed, comparison.disagreements) == (comparison.compared, [])
    assert run.on_endpoint(script(name)).capture() == result.capture(), "the same script gives the same capture, octet for octet"


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("> S. 0:0(0) ack 1 <...>", "> S. 0:0(0) ack 2 <...>", 9, "acknowledgment number 1, not 2"),
        ("> S. 0:0(0) ack 1 <...>", "> S 0:0(0) ack 1 <...>", 9, "flags SYN+ACK, not SYN"),
        ("> S. 0:0(0) ack 1 <...>", "> S. 0:0(0) ack 1 <mss 9>", 9, "not <mss 9>"),
        ("> S. 0:0(0) ack 1 <...>", "> S. 0:0(0) ack 1 win 1 <...>", 9, "window"),
        ("> P. 1:501(500) ack 101", "> P. 1:401(400) ack 101", 19, "length 500, not 400"),
        ("read(4, ..., 1000) = 100", "read(4, ..., 1000) = 99", 17, "another result"),
        ("write(4, ..., 500) = 500", "write(4, ..., 500) = -1 EPIPE", 18, "another result"),
        ("+0  close(4) = 0", "+0  read(4, ..., 5) = 0", 26, "no segment came within 0.1"),
        ("accept(3, ..., ...) = 4", "listen(3, 1) = 0\n0...1 accept(3, ..., ...) = 4", 12, "it returned at once"),
    ],
)
def test_the_first_mismatch_is_named(old: str, new: str, line: int, why: str, private_network: None) -> None:
    for play in (run.on_kernel, run.on_endpoint):
        if play is run.on_endpoint and "listen" in new:
            continue  # it can listen only once
        found = play(changed("passive-open-and-close", old, new)).mismatch
        assert found is not None
        assert (found.script, found.line) == ("passive-open-and-close.pkt", line)
        assert why in found.why


def test_a_segment_too_late_or_too_early() -> None:
    early = run.on_endpoint(changed("passive-open-and-close", "+0  > P. 1:501", "+.7  > P. 1:501")).mismatch
    assert early is not None and early.why == "it came 0.700 s too early"
    text = "--tolerance_usecs=1000\n" + (SCRIPTS / "passive-open-and-close.pkt").read_text().partition("usecs=150000\n")[2]
    late = run.on_endpoint(read(text.replace("+0~+.2 > . 1:1(0)", "+.1  > . 1:1(0)"))).mismatch
    # Our endpoint holds an ACK back for 200 ms (RFC 9293 §3.8.6.3).
    assert late is not None and late.why == "no segment came within 0.101 s of the event before"


def test_a_call_that_waits_must_return_in_time() -> None:
    for until, why in ((".5", "it returned 0.300 s too early"), (".15", "")):
        found = run.on_endpoint(changed("half-close", "+.1...0.2 read", f"+.1...{until} read")).mismatch
        assert (found.why if found else "") == why
    found = run.on_endpoint(changed("half-close", "+.1 < F. 401:401(0)", "+.6 < F. 401:401(0)")).mismatch
    assert found is not None and found.why == "the call still waits"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("close(9) = 0", "no socket has the number 9"),
        ("setsockopt(3, SOL_TCP, TCP_NOSUCH, [1], 4) = 0", "no socket option 'TCP_NOSUCH'"),
        ('bind(3, {sa_family = AF_INET, sin_addr = inet_addr("127.0.0.1")}, 16) = 0', "an address is written ..."),
        ("write(3, ..., 99999999999) = 5", "at most"),
        ("send(3, ..., 5, MSG_MORE) = 5", "MSG_MORE is not translated"),
        ("fcntl(3, F_DUPFD) = 5", "F_DUPFD is not translated"),
        ("shutdown(3, 7) = 0", "there are SHUT_RD"),
        ("poll([{fd=3, events=POLLNONE, revents=0}], 1, 0) = 0", "POLLNONE is not known"),
        ("socket(..., SOCK_DGRAM, IPPROTO_UDP) = 4", "only TCP sockets"),
    ],
)
def test_arguments_that_are_not_translated_are_refused(call: str, says: str, private_network: None) -> None:
    with pytest.raises(ScriptError, match=r"x\.pkt line 2: ") as caught:
        run.on_kernel(read(f"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n0 {call}", "x.pkt"))
    assert says in str(caught.value)


def test_our_endpoint_says_which_calls_it_knows() -> None:
    with pytest.raises(ScriptError, match="play the script against a kernel"):
        run.on_endpoint(script("syn-retransmitted"))


def test_a_script_of_ipv6(private_network: None) -> None:
    assert run.on_kernel(read("--ip_version=ipv6\n--tolerance_usecs=150000\n0 < S 5:5(0) win 9\n+0 > R. 0:0(0) ack 6 win 0")).passed


def test_an_ordinary_user_plays_a_script_at_a_kernel(as_nobody: Run) -> None:
    text = "--tolerance_usecs=150000\n0 < S 5:5(0) win 9\n+0 > R. 0:0(0) ack 6 win 0"
    code = f"from tcpinspect.lab.packetdrill import reading, run; print(run.on_kernel(reading.read({text!r})).mismatch)"
    done = as_nobody(code)
    assert (done.stdout.strip(), done.stderr) == ("None", "")
