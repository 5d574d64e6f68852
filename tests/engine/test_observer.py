"""What somebody who only watches may conclude, and what not: one test (or more) for each rule, a to u.

story.py says how to read the stories; where the bytes matter, packets are written by hand and read by `ti.analyze`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest

import tcpinspect as ti
from tcpinspect.protocol.seqnum import difference

from .story import ACTIVE, BITS, MS, OPENED, PASSIVE, Story

CLIENT, SERVER = bytes([192, 0, 2, 10]), bytes([198, 51, 100, 20])
RAW = 101
REQUEST = "C PA 101 301 len=5"
MSS_AND_SCALE = {"client": bytes([2, 4, 5, 180, 1, 3, 3, 15]), "server": bytes([2, 4, 5, 180, 1, 3, 3, 2])}


def ones_sum(data: bytes) -> int:
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packet(line: str, *, ip_id: int = 0, window: int = 1000, options: bytes = b"", ports: tuple[int, int] = (40000, 80)) -> bytes:
    """The IPv4 packet of a story's line, with right checksums."""
    who, flags, seq, *rest = line.split()
    extra = dict(word.split("=") for word in rest if "=" in word)
    ack = int(rest[0]) if rest and "=" not in rest[0] else 0
    ends = (CLIENT, SERVER) if who == "C" else (SERVER, CLIENT)
    src, dst = ports if who == "C" else ports[::-1]
    text = bytes(range(65, 91)) * (int(extra.get("len", 0)) // 26 + 1)
    bits = sum(BITS[letter] for letter in flags)
    tcp = struct.pack(">HHIIBBHHH", src, dst, int(seq) % 2**32, ack % 2**32, (20 + len(options)) << 2, bits, window, 0, 0)
    tcp += options + text[: int(extra.get("len", 0))]
    pseudo = ends[0] + ends[1] + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", ones_sum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), ip_id, 0x4000, 64, 6, 0) + ends[0] + ends[1]
    return ip[:10] + struct.pack(">H", ones_sum(ip)) + ip[12:] + tcp


def unreachable(quoted: bytes, code: int) -> bytes:
    """A router's ICMP "destination unreachable" of that code, to the client, about the packet."""
    icmp = struct.pack(">BBHI", 3, code, 0, 0) + quoted[:28]
    icmp = icmp[:2] + struct.pack(">H", ones_sum(icmp)) + icmp[4:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0) + bytes([203, 0, 113, 1]) + CLIENT
    return ip[:10] + struct.pack(">H", ones_sum(ip)) + ip[12:] + icmp


def capture(packets: Iterable[bytes], *, every_ms: int = 10) -> ti.Analysis:
    """Packets with 10 ms between them, analysed."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, RAW)
    for n, data in enumerate(packets):
        out += struct.pack("<IIII", 1_700_000_000, n * every_ms * MS, len(data), len(data)) + data
    return ti.analyze(out)


def path(side: ti.Side) -> str:
    return " ".join(["CLOSED", *(step.to_state for step in side.timeline)])


def test_a_what_a_side_sends_proves_its_state_and_what_is_sent_to_it_does_not():
    """The FIN says that its sender closed. That the other side had it shows only when that side acknowledges it."""
    sent = [*OPENED, "C FA 101 301", "S PA 301 101 len=5 at=400"]
    assert Story(*sent).path("C").endswith("FIN-WAIT-1")
    assert Story(*sent).path("S") == PASSIVE
    assert Story(*sent, "S A 306 102").row("S", "CLOSE-WAIT")[1] == "RCV-FIN"


def test_b_listen_and_the_end_of_time_wait_are_never_more_than_assumed():
    """No segment is sent on entering LISTEN, none on leaving TIME-WAIT."""
    story = Story(*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302", end_ms=300_000)
    assert story.row("S", "LISTEN") == (0, "OPEN-PASSIVE", "assumed")
    assert story.row("C", "TIME-WAIT")[2] == "observed"
    assert story.by_name["C"][-1]["frame"] == 0 and story.row("C", "CLOSED") == (0, "TIMEOUT-2MSL", "assumed")


def test_c_a_repeated_syn_ack_takes_the_third_segment_back():
    """The server is ESTABLISHED when it speaks, or when its SYN-ACK timer stays silent; a SYN-ACK sent again says it was not."""
    story = Story(*OPENED, "S SA 300 101 at=1020", "S SA 300 101 at=3020", end_ms=5000)
    assert story.path("S") == "CLOSED LISTEN SYN-RECEIVED"
    assert Story(*OPENED, "S SA 300 101 at=1020", "C A 101 301", "S PA 301 101 len=9").row("S", "ESTABLISHED")[0] == 5
    assert Story(*OPENED, end_ms=5000).row("S", "ESTABLISHED") == (3, "RCV-ACK-OF-SYN", "observed")


def test_d_a_reset_that_only_turns_a_segment_away_changes_nothing_at_its_sender():
    """Figure 8: SYN-SENT answers a wrong ACK with RST and goes on. Figure 11: so does LISTEN."""
    story = Story("C S 100", "S SA 300 91", "C R 91", "S SA 400 101", "C A 101 401")
    assert story.path("C") == ACTIVE
    story = Story("C S 90", "S SA 300 91", "C R 91")
    assert story.path("C") in ("CLOSED SYN-SENT", "CLOSED SYN-SENT CLOSED")
    listening = Story("C SA 300 91", "S R 91")
    assert listening.path("S") == ""


@pytest.mark.parametrize("seq", [100, 102, 400, 101 + 2**31])
def test_e_a_reset_counts_only_when_its_number_is_the_next_expected(seq):
    """RFC 5961: exactly RCV.NXT resets, another one inside the window is challenged, one outside is dropped."""
    story = Story(*OPENED, f"C R {seq}", "S A 301 101", "C PA 101 301 len=4", "S A 301 105")
    assert story.path("S") == PASSIVE
    assert Story(*OPENED, "C R 101").path("S") == PASSIVE + " CLOSED"


def test_e_later_traffic_takes_an_acceptable_reset_back():
    """A right number is no proof of arrival: whoever goes on has not been reset."""
    assert Story(*OPENED, "C R 101", "C PA 101 301 len=4 at=500", "S A 301 105 at=520").path("S") == PASSIVE


def test_e_a_reset_of_the_peers_name_does_not_end_a_peer_that_goes_on():
    """An injected reset: the one whose address it bears sends on, so it did not send it."""
    story = Story(*OPENED, "C R 500", "C PA 101 301 len=4 at=500", "S A 301 105 at=520", "C PA 105 301 len=4 at=600", "S A 301 109")
    assert story.path("C") == ACTIVE and story.path("S") == PASSIVE and story.teardown == "open"


def test_f_a_fin_is_numbered_behind_the_data_of_its_segment():
    """FIN with five octets at 101 has the number 106: only 107 acknowledges it."""
    begin = [*OPENED, "C FPA 101 301 len=5"]
    assert Story(*begin, "S A 301 106", "S A 301 106").path("C").endswith("FIN-WAIT-1")
    assert Story(*begin, "S A 301 107").path("C").endswith("FIN-WAIT-2")


@pytest.mark.parametrize("again", ["C FA 106 301", "C FPA 101 301 len=5", "C FPA 103 301 len=3"])
def test_f_a_fin_may_come_again_with_or_without_data(again):
    """It is the same FIN however it is cut; the acknowledged copy is the one that came."""
    story = Story(*OPENED, "C FPA 101 301 len=5", again + " at=300", "S FA 301 107", "C A 107 302")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 TIME-WAIT"
    assert story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"
    assert story.teardown == "three-segment"


def test_f_a_fin_before_earlier_data_counts_when_the_gap_is_filled():
    """The receiver answers the FIN with the old number until what is missing has come."""
    story = Story(*OPENED, "C FA 111 301", "S A 301 101", "C PA 101 301 len=10", "S A 301 112")
    assert story.row("S", "CLOSE-WAIT") == (6, "RCV-FIN", "observed")


def test_g_a_challenge_ack_after_a_fin_does_not_acknowledge_it():
    """RFC 5961 §4: the answer to a stray SYN bears the old number, however late it comes."""
    story = Story(*OPENED, "C FA 101 301", "C S 7777", "S A 301 101", "S A 301 101")
    assert story.path("C").endswith(" FIN-WAIT-1")


def test_g_a_challenge_ack_in_last_ack_does_not_close():
    """The side that waits in LAST-ACK is released by the number behind its FIN, nothing less."""
    begin = [*OPENED, "C FA 101 301", "S A 301 102", "S FA 301 102"]
    assert Story(*begin, "C A 102 301", "C A 102 301 at=400").path("S").endswith(" LAST-ACK")
    assert Story(*begin, "C A 102 301", "C A 102 302").row("S", "CLOSED")[0] == 8


def test_h_a_close_of_three_segments_takes_two_states_in_one():
    """The peer's FIN acknowledges ours: FIN-WAIT-1 to TIME-WAIT here, CLOSE-WAIT to LAST-ACK there, in one segment."""
    story = Story(*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302")
    assert story.row("C", "TIME-WAIT") == (5, "RCV-FIN-ACK-OF-FIN", "observed")
    assert story.row("S", "CLOSE-WAIT")[0] == 4 and story.row("S", "LAST-ACK")[0] == 5
    assert story.teardown == "three-segment"


def test_i_a_half_closed_connection_carries_data_for_any_time():
    """After the ACK of its FIN one side is silent but for ACKs; the other sends for an hour, and then closes."""
    hour = 3_600_000
    data = [line for n in range(4) for line in (f"S PA {301 + n} 102 len=1 at={50 + n * hour}", f"C A 102 {302 + n} at={60 + n * hour}")]
    story = Story(*OPENED, "C FA 101 301", "S A 301 102", *data, f"S FA 305 102 at={5 * hour}", f"C A 102 306 at={5 * hour + 5}")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT" and story.teardown == "half-close"
    assert story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"


@pytest.mark.parametrize("isn", [-1, -3, 2**31 - 2, 2**32 - 7])
def test_j_numbers_wrap(isn):
    """Behind 2³²-1 comes 0; comparing takes the shorter way round."""
    story = Story(
        f"C S {isn}", f"S SA {isn} {isn + 1}", f"C A {isn + 1} {isn + 1}", f"C FPA {isn + 1} {isn + 1} len=5", f"S A {isn + 1} {isn + 7}",
        f"S FA {isn + 1} {isn + 7}", f"C A {isn + 7} {isn + 2}",
    )  # fmt: skip
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT" and story.teardown == "four-segment"
    assert story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"


def test_j_numbers_wrap_more_than_once():
    """Ten gigabytes later the FIN is still the end of what was sent, and the first SYN far away again."""
    step = 2**29
    lines = [line for n in range(20) for line in (f"C PA {101 + n * step} 301 len={step}", f"S A 301 {101 + (n + 1) * step}")]
    story = Story(*OPENED, *lines, f"C FA {101 + 20 * step} 301", f"S FA 301 {102 + 20 * step}", f"C A {102 + 20 * step} 302")
    assert story.path("C").endswith("FIN-WAIT-1 TIME-WAIT") and story.path("S").endswith("LAST-ACK CLOSED")
    assert difference(5, 2**32 - 5) == 10


def test_k_a_window_is_scaled_once_both_syns_offered_it_never_in_a_syn_and_by_fourteen_at_most():
    """RFC 7323 §2.2, §2.3: a shift above 14 counts as 14."""
    packets = [
        packet("C S 100", window=1000, options=MSS_AND_SCALE["client"]),
        packet("S SA 300 101", window=1000, options=MSS_AND_SCALE["server"]),
        packet("C A 101 301", window=1000),
        packet("S A 301 101", window=1000),
    ]
    assert [row.window for row in capture(packets).table("segments")] == [1000, 1000, 1000 << 14, 1000 << 2]
    packets[1] = packet("S SA 300 101", window=1000)
    assert [row.window for row in capture(packets).table("segments")] == [1000] * 4
    assert [row.window for row in capture(packets[2:]).table("segments")] == [None, None]


def test_l_a_syn_with_another_number_is_another_connection_and_one_with_the_same_a_repeat():
    """The number tells a SYN that was sent again from a new attempt on the same addresses and ports."""
    again = capture([packet("C S 100"), packet("C S 100"), packet("S SA 300 101"), packet("C A 101 301")])
    assert len(again.connections) == 1 and path(again.connections[0].client) == ACTIVE
    closed = [packet(line) for line in (*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302")]
    two = capture([*closed, packet("C S 99000"), packet("S SA 88000 99001"), packet("C A 99001 88001")])
    assert [c.handshake for c in two.connections] == ["three-way", "three-way"]
    assert [path(c.client) for c in two.connections] == [ACTIVE + " FIN-WAIT-1 TIME-WAIT", ACTIVE]


def test_m_a_syn_ack_sent_again_is_no_simultaneous_open():
    """SYN-ACKs of one side only, however many, are a passive open; SYN-ACKs of both are two active ones."""
    story = Story("C S 100", "S SA 300 101", "S SA 300 101 at=1000", "C A 101 301", "S PA 301 101 len=1")
    assert (story.path("S"), story.handshake) == (PASSIVE, "three-way")
    story = Story("C S 100", "S S 300 at=1", "C SA 100 301", "S SA 300 101 at=12", "C A 101 301", "S A 301 101")
    assert (story.path("S"), story.handshake) == ("CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED", "simultaneous")


def test_n_segments_above_the_mss_are_ordinary_data():
    """Offload hands the capture what the network card cuts later; lengths and acknowledgments still agree."""
    lines = ["C PA 101 301 len=60000", "S A 301 60101", "C FPA 60101 301 len=30000", "S A 301 90102", "S FA 301 90102", "C A 90102 302"]
    story = Story(*OPENED, *lines)
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT" and story.teardown == "four-segment"


def test_o_a_retransmission_may_be_cut_differently():
    """Three small segments come again as one large one with the FIN; nothing of it is new but the FIN."""
    lines = [
        "C PA 101 301 len=10",
        "C PA 111 301 len=10",
        "C PA 121 301 len=10",
        "C FPA 101 301 len=30 at=500",
        "S FA 301 132",
        "C A 132 302",
    ]
    story = Story(*OPENED, *lines)
    assert story.row("C", "FIN-WAIT-1")[0] == 7 and story.path("S").endswith("CLOSE-WAIT LAST-ACK CLOSED")


def test_p_a_keep_alive_changes_nothing():
    """One number back, with an octet or without: the answer repeats the acknowledgment, both stay where they are."""
    for probe in ("C A 100 301 at=60000", "C A 100 301 len=1 at=60000"):
        story = Story(*OPENED, probe, "S A 301 101", probe.replace("60000", "120000"), "S A 301 101")
        assert story.path("C") == ACTIVE and story.path("S") == PASSIVE


def test_p_a_keep_alive_in_fin_wait_2_is_not_what_undoes_the_fin():
    """The probe bears the number of the FIN itself; that does not mean the FIN was sent again."""
    story = Story(*OPENED, "C FA 101 301", "S A 301 102", "C A 101 301 at=60000", "S A 301 102", "S FA 301 102", "C A 102 302")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
    assert story.row("C", "FIN-WAIT-2")[0] == 5


def test_q_a_capture_that_starts_late_guesses_and_says_so():
    """Without a SYN the client is whom the ports suggest, or who sends first; states before are assumed."""
    a = capture(
        [packet("S PA 300 100 len=4"), packet("C A 100 304"), packet("C FA 100 304"), packet("S FA 304 101"), packet("C A 101 305")]
    )
    (c,) = a.connections
    assert (c.client.port, c.client_evidence, c.handshake) == (40000, "assumed", "none")
    assert [(s.event, s.evidence) for s in c.timeline if s.from_state == "CLOSED"] == [("CAPTURE-START", "assumed")] * 2
    assert path(c.client) == "CLOSED ESTABLISHED FIN-WAIT-1 TIME-WAIT"
    (c,) = capture([packet("S SA 300 100"), packet("C A 100 301")]).connections
    assert (c.client.port, c.client_evidence) == (40000, "inferred")


def test_r_the_same_packet_twice_is_received_once():
    """Equal IP identification and numbers, less than a millisecond apart: the capture saw it twice. TCP's own repeats differ."""
    lines = ["C S 100 id=1", "S SA 300 101 id=2", "C A 101 301 id=3", "C FA 101 301 id=4", "S FA 301 102 id=5", "C A 102 302 id=6"]
    twice = [f"{line} at={n * 10}" for n, line in enumerate(lines) for _ in range(2)]
    assert [r["to_state"] for r in Story(*twice).rows] == [r["to_state"] for r in Story(*lines).rows]
    assert Story(*twice).row("S", "CLOSE-WAIT")[0] == 7
    other = Story(*lines[:4], "C FA 101 301 id=9 at=300", *lines[4:])
    assert other.row("S", "CLOSE-WAIT")[0] == 5


def test_s_a_socket_connected_to_itself_is_one_endpoint_that_opens_simultaneously():
    """Each segment is sent and received by the same socket; the SYN it hears is its own (figure 7 with one host)."""

    def own(line: str) -> bytes:
        data = bytearray(packet(line, ports=(5000, 5000)))
        data[16:20] = data[12:16]
        return bytes(data)

    lines = ["C S 100", "C SA 100 101", "C PA 101 101 len=3", "C A 104 104", "C FA 104 104", "C A 105 105"]
    (c,) = capture([own(line) for line in lines]).connections
    assert {step.side for step in c.timeline} == {"client"}
    assert path(c.client).startswith("CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1")
    assert c.handshake == "simultaneous"


@pytest.mark.parametrize(("code", "last", "handshake"), [(3, "CLOSED", "refused"), (2, "CLOSED", "refused"), (1, "SYN-SENT", "refused")])
def test_t_an_icmp_error_may_end_an_attempt(code, last, handshake):
    """RFC 9293 §3.9.2.2: port or protocol unreachable is final where nothing follows; host unreachable may pass."""
    syn = packet("C S 100")
    a = capture([syn, unreachable(syn, code)])
    assert (a.connections[0].client.state, a.connections[0].handshake) == (last, handshake)
    if last == "CLOSED":
        step = a.connections[0].client.timeline[-1]
        assert (step.frame, step.event, step.rfc) == (2, "RCV-ICMP", "3.9.2.2")


def test_t_an_attempt_that_goes_on_was_not_ended_by_icmp():
    """What the side sends afterwards is the better witness; and a synchronised connection is not ended by it at all."""
    syn = packet("C S 100")
    a = capture([syn, unreachable(syn, 3), packet("C S 100"), packet("S SA 300 101"), packet("C A 101 301")], every_ms=1000)
    assert path(a.connections[0].client) == ACTIVE
    data = packet(REQUEST)
    a = capture([*map(packet, OPENED), data, unreachable(data, 3)])
    assert path(a.connections[0].client) == ACTIVE


def test_u_a_wrong_checksum_is_sent_but_not_received():
    """The receiver throws it away: no step there; the sender's own step stands."""
    story = Story(*OPENED, "C FA 101 301 sum=bad", end_ms=40)
    assert story.path("C") == ACTIVE + " FIN-WAIT-1" and story.path("S") == PASSIVE
    assert Story(*OPENED, "S R 301 sum=bad").path("C") == ACTIVE
    again = Story(*OPENED, "C FA 101 301 sum=bad", "C FA 101 301 at=300", "S FA 301 102", "C A 102 302")
    assert again.row("S", "CLOSE-WAIT")[0] == 5


def test_u_wrong_checksums_of_a_sender_that_has_no_right_one_are_offload():
    """Where all of one side's are wrong, or what has a wrong one is acknowledged, the capture lies, not the network."""
    lines = ["C S 100 sum=bad", "S SA 300 101", "C A 101 301 sum=bad", "C FA 101 301 sum=bad", "S FA 301 102", "C A 102 302 sum=bad"]
    story = Story(*lines)
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 TIME-WAIT" and story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"
    assert Story(*OPENED, "C FA 101 301 sum=bad", "S A 301 102").path("S") == PASSIVE + " CLOSE-WAIT"


def test_rules_are_all_here():
    """a to u, none forgotten."""
    names = {name.split("_")[1] for name in globals() if name.startswith("test_") and name[6] == "_"}
    assert names == set("abcdefghijklmnopqrstu")
