"""The states of both ends, rule by rule; story.py says how to read the stories. The expected path follows from RFC 9293."""

import random

import pytest

from tcpinspect.engine.doubts import DOUBTS
from tcpinspect.engine.moments import Moments
from tcpinspect.engine.segment import Segment
from tcpinspect.engine.states import likely_client
from tcpinspect.protocol.rfc9293 import Event, Evidence, State

from .story import ACTIVE, BITS, OPENED, PASSIVE, Story

# opening


def test_three_way_handshake():
    story = Story(*OPENED)
    assert story.path("C") == ACTIVE and story.path("S") == PASSIVE
    assert story.row("C", "SYN-SENT") == (1, "OPEN-ACTIVE", "observed")
    assert story.row("S", "LISTEN") == (0, "OPEN-PASSIVE", "assumed")
    assert story.row("S", "SYN-RECEIVED") == (1, "RCV-SYN", "observed")
    assert story.row("C", "ESTABLISHED") == (2, "RCV-SYN-ACK", "observed")
    assert story.row("S", "ESTABLISHED") == (3, "RCV-ACK-OF-SYN", "observed")
    assert (story.handshake, story.teardown, story.client_evidence) == ("three-way", "open", "observed")
    assert story.sections == ["3.10.1", "3.10.1", "3.10.7.2", "3.10.7.3", "3.10.7.4"]


def test_three_way_handshake_across_the_end_of_the_number_space():
    story = Story("C S -1", "S SA -1 0", "C A 0 0", "C FA 0 0", "S A 0 1", "S FA 0 1", "C A 1 1")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
    assert story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"


def test_syn_sent_no_answer_stays():
    story = Story("C S 100", "C S 100 at=1000", "C S 100 at=3000")
    assert story.path("C") == "CLOSED SYN-SENT" and story.path("S") == ""
    assert story.handshake == "unanswered"


def test_syn_sent_rst_ack_is_refused():
    story = Story("C S 100", "S RA 0 101")
    assert story.path("C") == "CLOSED SYN-SENT CLOSED" and story.path("S") == ""
    assert story.handshake == "refused" and story.row("C", "CLOSED") == (2, "RCV-RST", "observed")


@pytest.mark.parametrize("reset", ["S RA 0 555", "S R 0"])
def test_syn_sent_rst_that_does_not_acknowledge_the_syn_is_ignored(reset):
    assert Story("C S 100", reset).path("C") == "CLOSED SYN-SENT"


def test_syn_sent_bad_ack_is_answered_with_rst_and_nothing_changes():
    story = Story("C S 100", "S A 900 777", "C R 777", "C S 100 at=1000", "S SA 300 101", "C A 101 301")
    assert story.path("C") == ACTIVE


def test_syn_retransmitted_first_copy_was_lost():
    story = Story("C S 100", "C S 100 at=1000", "S SA 300 101", "C A 101 301")
    assert story.row("S", "SYN-RECEIVED")[0] == 2


def test_syn_ack_retransmitted_third_segment_was_lost():
    story = Story(*OPENED, "S SA 300 101 at=1000", "C A 101 301", "S PA 301 101 len=3")
    assert story.path("S") == PASSIVE and story.row("S", "ESTABLISHED")[0] == 5


def test_syn_sent_syn_ack_echoed_timestamp_names_the_copy():
    story = Story("C S 100 ts=1/0", "S SA 300 101 ts=50/1", "S SA 300 101 ts=60/1", "C A 101 301 ts=40/50")
    assert story.row("C", "ESTABLISHED")[0] == 2


def test_syn_received_rst_ends_it():
    story = Story("C S 100", "S SA 300 101", "C R 101")
    assert story.path("S") == "CLOSED LISTEN SYN-RECEIVED CLOSED" and story.handshake == "incomplete"


def test_syn_sent_crossing_syns_open_simultaneously():
    story = Story("C S 100", "S S 300 at=1", "C SA 100 301", "S SA 300 101 at=12", "C A 101 301", "S A 301 101")
    assert story.path("C") == story.path("S") == "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED"
    assert story.handshake == "simultaneous" and story.first_is_client


def test_syn_sent_syn_lost_then_syn_ack_is_an_ordinary_active_open():
    story = Story("C S 100", "S S 300", "C SA 100 301", "S A 301 101")
    assert story.path("S") == "CLOSED SYN-SENT ESTABLISHED"


def test_split_handshake_server_answers_the_syn_with_a_syn_of_its_own():
    assert Story("C S 100", "S S 300", "C SA 100 301", "S A 301 101").handshake == "split"


def test_fast_open_data_leaves_syn_received():
    story = Story("C S 100 len=5", "S SA 300 106", "S PA 301 106 len=9", "C A 106 310")
    assert story.handshake == "tfo" and story.row("S", "ESTABLISHED")[0] == 4


def test_established_syn_ack_missing_from_the_capture():
    story = Story("C S 100", "C A 101 301", "S PA 301 101 len=3")
    assert story.path("C") == ACTIVE and story.path("S") == PASSIVE
    assert story.row("C", "ESTABLISHED") == (2, "RCV-SYN-ACK", "inferred") and story.handshake == "incomplete"


# starting in the middle


def test_capture_started_midstream():
    story = Story("C PA 100 300 len=4", "S A 300 104", "C FA 104 300", "S FA 300 105", "C A 105 301")
    assert story.path("C") == "CLOSED ESTABLISHED FIN-WAIT-1 TIME-WAIT"
    assert story.path("S") == "CLOSED ESTABLISHED CLOSE-WAIT LAST-ACK CLOSED"
    assert story.row("C", "ESTABLISHED")[1:] == ("CAPTURE-START", "assumed")
    assert (story.handshake, story.client_evidence) == ("none", "assumed")


def test_capture_started_with_the_syn_ack():
    story = Story("S SA 300 101", "C A 101 301")
    assert not story.first_is_client and story.client_evidence == "inferred"
    assert story.path("C") == ACTIVE and story.path("S") == PASSIVE


def test_stray_rst_leaves_no_state():
    assert Story("C A 100 300", "S R 300").path("S") == ""


def test_likely_client_turns_only_for_a_clear_server_port():
    assert [likely_client(*ports) for ports in ((80, 50000), (50000, 80), (40000, 41000), (8080, 40000), (9000, 20000))] == [1, 0, 0, 1, 0]


# closing


def test_four_segment_close():
    story = Story(*OPENED, "C FA 101 301", "S A 301 102", "S FA 301 102", "C A 102 302")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"
    assert story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"
    assert story.teardown == "four-segment"
    assert [story.row("C", s)[0] for s in ("FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT")] == [4, 5, 6]


def test_fin_wait_1_fin_with_ack_of_fin_enters_time_wait():
    story = Story(*OPENED, "S FA 301 101", "C FA 101 302", "S A 302 102")
    assert story.path("S") == PASSIVE + " FIN-WAIT-1 TIME-WAIT" and story.teardown == "three-segment"
    assert story.path("C") == ACTIVE + " CLOSE-WAIT LAST-ACK CLOSED"


def test_fin_wait_1_crossing_fins_enter_closing():
    story = Story(*OPENED, "C FA 101 301", "S FA 301 101 at=31", "C A 102 302", "S A 302 102")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 CLOSING TIME-WAIT"
    assert story.path("S") == PASSIVE + " FIN-WAIT-1 CLOSING TIME-WAIT"
    assert story.teardown == "simultaneous"


def test_close_wait_data_flows_on_after_half_close():
    story = Story(*OPENED, "C FA 101 301", "S A 301 102", "S PA 301 102 len=50", "C A 102 351", "S FA 351 102", "C A 102 352")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT" and story.teardown == "half-close"


def test_fin_wait_1_ack_that_does_not_cover_the_fin_changes_nothing():
    story = Story(*OPENED, "C FA 101 301", "S A 301 101", "S A 301 101")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1" and story.path("S") == PASSIVE and story.teardown == "open"


def test_established_fin_before_earlier_data_counts_when_the_gap_is_filled():
    story = Story(*OPENED, "C FA 111 301", "S A 301 101", "C PA 101 301 len=10", "S A 301 112")
    assert story.row("S", "CLOSE-WAIT") == (6, "RCV-FIN", "observed")


def test_fin_wait_1_ack_of_fin_while_the_peers_fin_waits_for_missing_data():
    story = Story(*OPENED, "S FA 311 101", "C FA 101 301", "S A 312 102", "C A 102 301", "S PA 301 102 len=10 at=400", "C A 102 312")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT" and story.row("C", "TIME-WAIT")[0] == 8


def test_established_fin_behind_a_gap_that_stays_open_is_not_received():
    assert Story(*OPENED, "C FA 111 301", "S A 301 101").path("S") == PASSIVE


def test_fin_retransmitted_first_copy_was_lost():
    story = Story(*OPENED, "C FA 101 301", "C FA 101 301 at=300", "S FA 301 102", "C A 102 302")
    assert story.row("S", "CLOSE-WAIT")[0] == 5 and story.path("C").endswith("FIN-WAIT-1 TIME-WAIT")


def test_last_ack_fin_retransmitted_ack_was_lost():
    story = Story(*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302", "S FA 301 102 at=400", "C A 102 302")
    assert story.row("S", "CLOSED")[0] == 8


def test_fin_never_acknowledged_is_not_received():
    story = Story(*OPENED, "C FA 101 301", "C FA 101 301 at=300", "C FA 101 301 at=900", end_ms=5000)
    assert story.path("S") == PASSIVE


# resets


@pytest.mark.parametrize("last", [["C RA 101 301"], ["S A 301 101", "C R 101"]])
def test_established_rst_aborts_both(last):
    story = Story(*OPENED, *last)
    assert story.path("C") == ACTIVE + " CLOSED" and story.path("S") == PASSIVE + " CLOSED" and story.teardown == "aborted"


@pytest.mark.parametrize("seq", [90, 102, 50000, 2**31])
def test_established_rst_that_is_not_exactly_next_is_ignored(seq):
    story = Story(*OPENED, f"C RA {seq} 301", "S A 301 101 at=900")
    assert story.path("S") == PASSIVE


def test_established_rst_outlived_was_not_received():
    story = Story(*OPENED, "C RA 101 301", "S PA 301 101 len=5 at=2000", "C R 301", end_ms=3000)
    assert story.path("S") == PASSIVE


def test_established_rst_that_crosses_data_counts():
    assert Story(*OPENED, "C RA 101 301", "S PA 301 101 len=5 at=21").path("S") == PASSIVE + " CLOSED"


def test_fin_wait_2_gone_before_the_fin_came_answers_rst():
    story = Story(*OPENED, "C FA 101 301", "S A 301 102", "S FA 301 102 at=70000", "C R 102")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 FIN-WAIT-2 CLOSED" and story.teardown == "reset"
    assert story.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"


def test_established_rst_whose_ack_does_not_cover_the_fin_crossed_it():
    story = Story(*OPENED, "C FA 101 301", "S RA 301 101")
    assert story.path("S") == PASSIVE + " CLOSED" and story.path("C") == ACTIVE + " FIN-WAIT-1 CLOSED"


def test_time_wait_rst_ends_it():
    story = Story(*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302", "S RA 302 102 at=900")
    assert story.path("C") == ACTIVE + " FIN-WAIT-1 TIME-WAIT CLOSED" and story.row("C", "CLOSED") == (7, "RCV-RST", "observed")


@pytest.mark.parametrize(("end_ms", "last"), [(1_000, "TIME-WAIT"), (61_000, "CLOSED")])
def test_time_wait_ends_by_time_only_where_the_capture_is_long_enough(end_ms, last):
    story = Story(*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302", end_ms=end_ms)
    assert story.final["C"] == last
    if last == "CLOSED":
        assert story.by_name["C"][-1] | {"side": 0, "from_state": 0, "rule": 0, "doubt": 0} == {
            "side": 0, "frame": 0, "time_ns": 0, "from_state": 0, "to_state": 0, "event": Event.TIMEOUT_2MSL,
            "evidence": Evidence.assumed, "rule": 0, "doubt": 0,
        }  # fmt: skip


def test_established_half_open_connection_is_discovered():
    """RFC 9293 figure 9: the old end answers the new SYN with an ACK, the RST ends it, then the SYN succeeds."""
    story = Story("C S 900", "S A 301 101", "C R 101", "C S 900 at=1000", "S SA 700 901", "C A 901 701", before=(-1, State.ESTABLISHED))
    assert story.path("C") == ACTIVE
    assert story.path("S") == "CLOSED ESTABLISHED CLOSED LISTEN SYN-RECEIVED ESTABLISHED"


def test_time_wait_old_syn_is_answered_from_the_state_before():
    assert Story("C S 50", "S A 302 103", before=(-1, State.TIME_WAIT)).path("S") == "CLOSED TIME-WAIT"


# what passes the capture point before something its sender had sent earlier


def test_fin_wait_1_the_own_ack_overtakes_the_fin_it_follows():
    """The ACK bears the number behind the FIN: the server had closed before it heard of the client's FIN."""
    story = Story(*OPENED, "C FA 101 301", "S A 302 102", "S FA 301 101 at=55", "C A 102 302")
    assert story.path("S") == PASSIVE + " FIN-WAIT-1 CLOSING TIME-WAIT"
    assert story.row("S", "FIN-WAIT-1") == (6, "CLOSE", "observed") and story.row("S", "CLOSING") == (4, "RCV-FIN", "observed")
    in_turn = Story(*OPENED, "C FA 101 301", "S A 301 102", "S FA 301 102 at=55", "C A 102 302")
    assert in_turn.path("S") == PASSIVE + " CLOSE-WAIT LAST-ACK CLOSED"


def test_fin_wait_1_the_own_reset_overtakes_the_fin_it_follows():
    """A RST with the number behind the FIN was sent after it, whatever came first."""
    story = Story(*OPENED, "S A 301 101", "S R 302 at=600", "S FA 301 101 at=601")
    assert story.path("S") == PASSIVE + " FIN-WAIT-1 CLOSED"
    assert story.row("S", "FIN-WAIT-1") == (6, "CLOSE", "observed")


def test_fin_wait_1_its_repeated_fin_says_which_copy_of_the_peers_came():
    """Both close at once and the ACKs are lost. Who repeats a FIN has not heard its ACK, so it was the first copy that came: CLOSING."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=400", "S FA 301 101 at=405", "C A 102 302", "C FA 101 302 at=1400"]
    story = Story(*begin, "S FA 301 102 at=1500", "C A 102 302", "S A 302 102")
    assert story.path("S") == PASSIVE + " FIN-WAIT-1 CLOSING TIME-WAIT" and story.row("S", "CLOSING")[0] == 5
    assert Story(*begin, "S A 302 102").path("S") == PASSIVE + " FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"


def test_close_wait_the_fin_passes_behind_the_answer_to_a_repeat_and_knows_as_much():
    """Its first copy and the ACK before that were lost on their way to the capture point: who closed first is not to be told."""
    begin = ["C S 100", "S SA 300 101 at=0", "C A 101 301 at=200", "S FA 301 101 at=1000", "S FA 301 101 at=1600", "C A 102 302 at=1800"]
    story = Story(*begin, "C FA 101 302 at=2050", "S A 302 102 at=2050")
    assert story.path("C") == ACTIVE + " CLOSE-WAIT LAST-ACK CLOSED" and story.row("C", "LAST-ACK") == (6, "CLOSE", "inferred")
    assert all(DOUBTS[row["doubt"]].startswith("this side's FIN was lost") for row in story.by_name["C"][2:])
    early = Story(*begin, "C FA 101 301 at=1850", "S A 302 102 at=2050")
    assert early.path("C") == ACTIVE + " FIN-WAIT-1 CLOSING TIME-WAIT", "it does not know of the other"


def test_syn_received_the_fin_overtakes_the_syn_ack():
    """It is no connection that began before the capture: its SYN-ACK, with the number before, answers the SYN that was seen."""
    story = Story("C S 100", "S FA 301 101 at=50", "S SA 300 101 at=310", "C A 101 301", "S FA 301 101 at=1330", "C A 101 302")
    assert story.path("S") == "CLOSED LISTEN SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2"
    assert story.row("S", "SYN-RECEIVED") == (1, "RCV-SYN", "observed") and story.row("S", "FIN-WAIT-1") == (2, "CLOSE", "observed")


def test_syn_sent_the_syn_ack_overtakes_the_own_syn():
    """Only an active opener sends a SYN without ACK: the SYN-ACK with its number answered a SYN that crossed."""
    story = Story("S S 300", "C SA 100 301", "S A 301 101", "C S 100")
    assert story.path("C") == "CLOSED SYN-SENT SYN-RECEIVED ESTABLISHED"
    assert story.row("C", "SYN-SENT") == (4, "OPEN-ACTIVE", "observed")


def test_syn_received_without_a_captured_segment_of_the_server():
    """The SYN-ACK was lost before the capture point; the client's ACK of it proves that it was sent."""
    story = Story("C S 100", "C A 101 301", end_ms=9000)
    assert story.path("C") == ACTIVE and story.path("S") == PASSIVE
    assert story.row("S", "SYN-RECEIVED") == (1, "RCV-SYN", "inferred")
    assert story.by_name["S"][-1]["doubt"], "silence of a side that was not captured tells nothing"
    assert Story("C S 100", "C A 101 301", "C A 101 351").path("S") == "", "one direction only: the server's end is not to be seen"


def test_a_copy_within_a_millisecond_is_none_of_tcp():
    """No timer runs out so soon: of the two SYN-ACKs the first counts, while one sent again says that the first was lost."""
    assert Story("C S 100", "S SA 300 101", "S SA 300 101 at=10", "C A 101 301").row("C", "ESTABLISHED")[0] == 2
    assert Story("C S 100", "S SA 300 101", "S SA 300 101 at=1010", "C A 101 301").row("C", "ESTABLISHED")[0] == 3


# resets of a side that was CLOSED already


def test_syn_sent_rst_ack_with_number_zero_is_the_answer_of_closed():
    """§3.10.7.1 answers a SYN with SEQ=0: the side did not receive it in SYN-SENT, its attempt was over."""
    story = Story("S S 300", "C S 100 at=1010", "S RA 0 101")
    assert story.path("S") == "CLOSED SYN-SENT CLOSED" and story.row("S", "CLOSED") == (3, "ABORT", "inferred")
    crossed = Story("C S 100", "S S 300 at=5", "S SA 300 101 at=100", "C RA 0 301 at=105", "C R 101 at=200")
    assert crossed.path("C") == "CLOSED SYN-SENT CLOSED"


def test_syn_sent_reset_to_a_syn_ack_is_inferred_for_syn_sent_ends_without_a_segment():
    story = Story("C S 100", "S SA 300 101", "C R 101 at=250")
    assert story.path("C") == "CLOSED SYN-SENT CLOSED" and story.row("C", "CLOSED") == (3, "ABORT", "inferred")


def test_established_reset_long_after_the_third_segment_does_not_answer_it():
    """An answer comes at once; in between the third segment had arrived, unless it was lost."""
    story = Story(*OPENED, "S R 301 at=210")
    assert story.path("S") == PASSIVE + " CLOSED"
    assert Story(*OPENED, "S R 301").path("S") == "CLOSED LISTEN SYN-RECEIVED CLOSED"


def test_syn_received_close_before_the_third_segment():
    """§3.10.4: who closes in SYN-RECEIVED goes to FIN-WAIT-1; the ACK of the SYN alone came later."""
    story = Story("C S 100", "S SA 300 101", "S FA 301 101", "C A 101 301", "C A 101 302")
    assert story.path("S") == "CLOSED LISTEN SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2"


# order, bounds


def test_syn_sent_of_two_syn_acks_at_once_the_first_arrives():
    """A timer and the answer to a repeated SYN: neither was sent because the other was lost, and both are acknowledged."""
    answers = ["S SA 300 101 at=1010 id=1", "S SA 300 101 at=1010 id=2"]
    story = Story("C S 100 at=0 id=1", "C S 100 at=1000 id=2", *answers, "C A 101 301 at=1020 id=3")
    assert story.row("C", "ESTABLISHED") == (3, "RCV-SYN-ACK", "observed")


def test_established_the_own_reset_counts_from_its_first_copy():
    """The network keeps a copy of the RST, and one of an ACK: what comes late is not life."""
    story = Story(*OPENED, "C R 101 at=100", "C R 101 at=300", "C A 101 301 at=330")
    assert story.path("C") == f"{ACTIVE} CLOSED"
    assert story.by_name["C"][-1]["frame"] == 4


def test_rows_of_both_sides_come_in_the_order_of_time():
    story = Story(*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302")
    frames = [r["frame"] for r in story.rows if r["frame"]]
    assert frames == sorted(frames)


def test_established_phase_is_not_logged():
    lines = [line for n in range(500) for line in (f"C PA {101 + n} 301 len=1", f"S A 301 {102 + n}")]
    moments = Moments()
    for line in [*OPENED, *lines]:
        side, flags, seq, ack, *rest = [*line.split(), "0"]
        s = Segment()
        s.flags, s.seq, s.ack, s.payload_len = sum(BITS[c] for c in flags), int(seq), int(ack), int(bool(rest[:-1]))
        moments.note(s, "CS".index(side))
    assert moments.n < 12


def test_noise_never_breaks_the_log_or_the_table():
    dice = random.Random(9293)
    flags = ["S", "SA", "A", "FA", "R", "RA", "PA", "F", "-", "SFRPA"]
    for _ in range(300):
        numbers = [dice.randrange(2**32) for _ in range(3)] + [0, 1, 2, 100, 101]
        lines = [
            f"{dice.choice('CS')} {dice.choice(flags)} {dice.choice(numbers)} {dice.choice(numbers)} len={dice.choice([0, 0, 7])}"
            for _ in range(dice.choice([1, 3, 8, 40, 600]))
        ]
        story = Story(*lines, end_ms=dice.choice([0, 10**6]))
        assert len(story.rows) <= 128


def test_a_copy_of_a_damaged_syn_ack_is_no_repeat():
    """The same IP identification: the network held one of both copies; a SYN-ACK sent again would mean that the third segment was lost."""
    begin = ["C S 100 id=1", "S SA 300 101 id=1", "C S 100 id=1", "S SA 300 101 id=2 sum=bad", "C A 101 301 id=2", "C R 101 id=3 at=98"]
    story = Story(*begin, "S SA 300 101 id=2 at=1004", "C R 101 id=4", end_ms=9000)
    assert story.path("S") == f"{PASSIVE} CLOSED"
