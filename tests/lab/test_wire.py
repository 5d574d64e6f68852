"""The wire: what it does to packets, what it knows afterwards, and its captures beside tshark."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import LabError
from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint import MILLISECOND, EndOfData, Endpoint, EndpointEvent, Misbehaviour, Readable, Settings
from tcpinspect.lab.ends import EndpointEnd
from tcpinspect.lab.fates import Chance, Treatment
from tcpinspect.lab.packet import unwrap
from tcpinspect.lab.rules import rule
from tcpinspect.lab.wire import TapPosition, Wire
from tcpinspect.protocol.header import RST, flag_letters
from tcpinspect.protocol.rfc9293 import Event, State

A, B = ("192.0.2.1", 4000), ("198.51.100.2", 80)
A6, B6 = ("2001:db8::1", 4000), ("2001:db8::2", 80)


def answers(end: EndpointEnd, event: EndpointEvent, now: int) -> None:
    """The server's program: 2000 octets for a request, and it closes when the client does."""
    if isinstance(event, Readable):
        end.endpoint.receive(now)
        end.endpoint.send(b"r" * 2000, now)
    elif isinstance(event, EndOfData):
        end.endpoint.shutdown(now)


def reads(end: EndpointEnd, event: EndpointEvent, now: int) -> None:
    if isinstance(event, Readable):
        end.endpoint.receive(now)


def conversation(
    *treatments: Treatment, tap: TapPosition = "middle", a: tuple[str, int] = A, b: tuple[str, int] = B, wish: Settings | None = None
) -> Wire:
    """A request of 3000 octets at 100 ms, an answer, the client closes at 2 s."""
    client = EndpointEnd(Endpoint(a, b, iss=100, settings=wish), program=reads)
    server = EndpointEnd(Endpoint(b, iss=300, settings=wish), program=answers)
    wire = Wire(client, server, treatments=treatments, tap=tap)
    wire.at(0, server.endpoint.open_passive)
    wire.at(0, client.endpoint.open_active)
    wire.at(100 * MILLISECOND, lambda now: client.endpoint.send(b"q" * 3000, now))
    wire.at(2000 * MILLISECOND, client.endpoint.shutdown)
    wire.run()
    return wire


def told(frames: Sequence[tuple[int, bytes]]) -> list[str]:
    """Flags and lengths, in the order of the capture."""
    out = []
    for _, packet in frames:
        segment = found.segment if (found := unwrap(packet)) else Draft()
        out.append(flag_letters(segment.flags) + (f" {len(segment.payload)}" if segment.payload else ""))
    return out


def test_a_packet_takes_the_delay_and_the_wire_knows_when_it_arrived() -> None:
    wire = conversation()
    syn = wire.crossings[0]
    assert (syn.sender, syn.departure, syn.copies[0].arrival) == ("A", 0, 0)
    assert syn.copies[0].arrived_ns == syn.sent_ns + 10 * MILLISECOND
    assert wire.frames[0][0] == syn.sent_ns + 5 * MILLISECOND, "the tap is in the middle"


def test_the_second_fin_is_lost_and_sent_again() -> None:
    wire = conversation(rule("lose the second FIN"))
    lost = [(c.sender, copy.why) for c in wire.crossings for copy in c.copies if copy.lost]
    assert lost == [("B", "lose the second FIN")]
    assert told(wire.frames).count("F.") == 3, "seen by the tap, lost behind it"
    assert told(conversation(rule("lose the second FIN before the tap")).frames).count("F.") == 2


def test_the_tap_sees_what_passes_at_its_place() -> None:
    lost_later = rule("lose the first data from A")
    at_a = conversation(lost_later, tap="A")
    at_b = conversation(rule("lose the first data from A"), tap="B")
    data = [told(wire.frames).count(". 1448") + told(wire.frames).count("P. 1448") for wire in (at_a, at_b)]
    assert data[0] == data[1] + 1
    assert [frame for frame, _ in at_a.frames] == sorted(frame for frame, _ in at_a.frames)


def test_a_held_packet_is_overtaken_by_the_next() -> None:
    wire = conversation(rule("hold the first data from A"))
    arrived = sorted((copy.arrival, c.departure) for c in wire.crossings if c.sender == "A" for copy in c.copies if copy.arrived_ns)
    order = [departure for _, departure in arrived]
    assert order != sorted(order) and wire.ends["B"].endpoint.state == State.CLOSED  # type: ignore[attr-defined]


def test_a_duplicate_arrives_twice_and_a_corrupted_packet_is_not_received() -> None:
    wire = conversation(rule("duplicate the first data from A by 1 ms"), rule("corrupt the second data from A"))
    first = next(c for c in wire.crossings if (found := unwrap(c.packet)) and found.segment.payload)
    assert len([copy for copy in first.copies if copy.arrival is not None]) == 2
    server = wire.ends["B"]
    assert isinstance(server, EndpointEnd) and len(server.not_received) == 1 and server.endpoint.state == State.CLOSED


@pytest.mark.parametrize("tap", ["A", "middle", "B"])
def test_true_steps_know_their_frames_and_the_analysis_finds_the_same(tap: TapPosition, tmp_path: Path) -> None:
    wire = conversation(tap=tap)
    wire.write(tmp_path / "out.pcap")
    truth = {(end, str(e.step.to_state)): e.frame for e in wire.timeline() for end in [e.end] if e.frame is not None}
    connection = ti.analyze(tmp_path / "out.pcap").connections[0]
    found = {("A" if row.side == "client" else "B", row.to_state): row.frame for row in connection.timeline if row.frame}
    assert found == truth
    assert [str(e.step.to_state) for e in wire.timeline() if e.end == "A"] == [
        "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
    ]  # fmt: skip


def test_the_same_wire_gives_the_same_capture_octet_for_octet(tmp_path: Path) -> None:
    def capture(name: str) -> bytes:
        conversation(Chance(7, loss=0.1, duplication=0.1, reorder=0.1, corruption=0.05)).write(tmp_path / name)
        return (tmp_path / name).read_bytes()

    assert capture("one.pcap") == capture("two.pcap")


@pytest.mark.parametrize(("a", "b"), [(A, B), (A6, B6)], ids=["ipv4", "ipv6"])
def test_captures_are_sound_to_tshark(a: tuple[str, int], b: tuple[str, int], tmp_path: Path, tshark: Callable[..., object]) -> None:
    """No malformed packet, no wrong checksum, no wrong length, with every option in use."""
    wish = Settings(ecn=True, fast_open=True)
    assert complaints(conversation(Chance(3, loss=0.1, reorder=0.2, marking=0.2), a=a, b=b, wish=wish), tmp_path / "sound.pcap") == 0
    spoiled = conversation(rule("corrupt the first data before the tap"), a=a, b=b, wish=wish)
    assert complaints(spoiled, tmp_path / "spoiled.pcap") == 1, "the check itself can see it"


def complaints(wire: Wire, path: Path) -> int:
    wire.write(path)
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-Y"]
    bad = "_ws.malformed || tcp.checksum.status == 0 || ip.checksum.status == 0 || tcp.option.len.invalid || ip.bogus_ip_length"
    done = subprocess.run(["tshark", "-r", str(path), "-n", *checks, bad], capture_output=True, text=True, check=True)
    assert len(wire.frames) > 15
    return len(done.stdout.splitlines())


def test_a_crash_is_discovered_by_the_other_ends_data() -> None:
    """Figure 10."""
    client, server = EndpointEnd(Endpoint(A, B, iss=100)), EndpointEnd(Endpoint(B, A, iss=300))
    wire = Wire(client, server)
    wire.at(0, server.endpoint.open_passive)
    wire.at(0, client.endpoint.open_active)
    wire.at(100 * MILLISECOND, lambda now: client.crash(Endpoint(A, B, iss=400)))
    wire.at(200 * MILLISECOND, lambda now: server.endpoint.send(b"are you there?", now))
    wire.run()
    assert told(wire.frames) == ["S", "S.", ".", "P. 14", "R"]
    assert server.endpoint.state == State.CLOSED and [str(s.to_state) for s in client.steps] == ["SYN-SENT", "ESTABLISHED"]


def test_a_segment_for_another_port_meets_no_connection() -> None:
    client, server = EndpointEnd(Endpoint(A, (B[0], 81), iss=100)), EndpointEnd(Endpoint(B, iss=300))
    wire = Wire(client, server)
    wire.at(0, server.endpoint.open_passive)
    wire.at(0, client.endpoint.open_active)
    wire.run()
    assert told(wire.frames) == ["S", "R."] and server.endpoint.state == State.LISTEN


def test_two_ends_that_never_stop_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpinspect.lab.wire._TOO_MANY", 50)
    silent = Misbehaviour(never_ack=True)
    client = EndpointEnd(Endpoint(A, B, iss=100, settings=Settings(keep_alive_ns=1)))
    server = EndpointEnd(Endpoint(B, A, iss=300, misbehaviour=silent, settings=Settings(keep_alive_ns=1)))
    wire = Wire(client, server)
    wire.at(0, server.endpoint.open_passive)
    wire.at(0, client.endpoint.open_active)
    with pytest.raises(LabError, match="do not stop"):
        wire.run(10**18)


def test_a_call_that_sends_nothing_shows_in_no_frame() -> None:
    """ABORT in SYN-SENT is silent (RFC 9293 §3.10.5); the RST that follows is the answer of CLOSED to the peer's SYN."""
    first, second = Endpoint(A, B, iss=100), Endpoint(B, A, iss=300)
    wire = Wire(EndpointEnd(first), EndpointEnd(second))
    wire.at(0, first.open_active)
    wire.at(1 * MILLISECOND, first.abort)
    wire.at(2 * MILLISECOND, second.open_active)
    wire.run(60_000 * MILLISECOND)
    assert [packet.segment.flags & RST for _, octets in wire.frames if (packet := unwrap(octets))].count(RST), "CLOSED answered"
    mine = [(entry.step.event, entry.frame) for entry in wire.timeline() if entry.end == "A"]
    assert mine == [(Event.OPEN_ACTIVE, 1), (Event.ABORT, None)]
