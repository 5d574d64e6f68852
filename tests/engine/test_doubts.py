"""The column `doubt`: where the capture cannot decide it names the other reading, and where it can it is silent."""

import pytest

from tcpinspect.engine.doubts import DOUBTS

from .story import OPENED, Story

ARRIVAL, THIRD, FIN, NUMBER, IGNORED, CROSSED, ABORT, LATE, ICMP = range(1, 10)
HOW_LONG, SYN_ACK, FIN_FIRST, ANSWER, EARLY, EITHER, SCAN, SYNS, AHEAD = range(10, 19)
ACK_FIRST, WAITED, MISSING, OWN, OVERTAKEN = range(19, len(DOUBTS))
CLOSED_BY_BOTH = [*OPENED, "C FA 101 301", "S FA 301 102", "C A 102 302"]


def doubts(story: Story, name: str) -> dict[str, int]:
    """State entered → doubt, of one side, only where there is one."""
    rows = story.by_name[name]
    return {story.path(name).split()[n + 1]: r["doubt"] for n, r in enumerate(rows) if r["doubt"]}


def test_words_are_short_sentences_of_one_line():
    assert DOUBTS[0] is None and len(set(DOUBTS)) == len(DOUBTS)
    assert all(20 < len(words) < 140 and "\n" not in words for words in DOUBTS[1:])


def test_the_third_segment_is_doubtful_until_the_server_speaks_or_its_timer_stays_silent():
    assert doubts(Story(*OPENED, end_ms=30), "S") == {"ESTABLISHED": THIRD}
    assert doubts(Story(*OPENED, end_ms=3000), "S") == {}
    assert doubts(Story(*OPENED, "S A 301 101", end_ms=40), "S") == {}
    assert doubts(Story(*OPENED, "C PA 101 301 len=5", "S A 301 106", end_ms=50), "S") == {}


def test_the_syn_ack_that_is_answered_is_not_doubtful():
    assert doubts(Story(*OPENED, end_ms=30), "C") == {}
    assert doubts(Story(*OPENED[:2], end_ms=11), "C") == {"ESTABLISHED": ARRIVAL}
    assert doubts(Story(*OPENED[:2], end_ms=3000), "C") == {"SYN-SENT": SYN_ACK}


def test_the_last_ack_of_a_close_is_doubtful_while_the_fin_could_come_again():
    assert doubts(Story(*CLOSED_BY_BOTH, end_ms=60), "S") == {"CLOSED": ARRIVAL}
    assert doubts(Story(*CLOSED_BY_BOTH, end_ms=6000), "S") == {}
    assert doubts(Story(*CLOSED_BY_BOTH, end_ms=6000), "C") == {}


def test_a_fin_that_nobody_acknowledges():
    begin = [*OPENED, "S A 301 101", "C FA 101 301"]
    assert doubts(Story(*begin, end_ms=50), "S") == {"CLOSE-WAIT": FIN}
    story = Story(*begin, end_ms=5000)
    assert doubts(story, "S") == {"ESTABLISHED": FIN} and story.final["S"] == "ESTABLISHED"
    assert doubts(Story(*begin, end_ms=50), "C") == {}


def test_a_reset_that_may_be_ahead_of_missing_data():
    begin = [*OPENED, "S A 301 101", "C PA 101 301 len=50"]
    assert doubts(Story(*begin, "C RA 151 301", end_ms=9000), "S") == {"CLOSED": NUMBER}
    assert doubts(Story(*begin, "S A 301 151", "C RA 151 301", end_ms=9000), "S") == {}


def test_a_reset_that_was_not_exact_and_met_silence():
    story = Story(*OPENED, "S A 301 101", "C R 150", end_ms=9000)
    assert story.final["S"] == "ESTABLISHED" and doubts(story, "S") == {"ESTABLISHED": IGNORED}
    assert doubts(Story(*OPENED, "S A 301 101", "C R 150", "S A 301 101", end_ms=9000), "S") == {}


def test_a_reset_that_crossed_data():
    story = Story(*OPENED, "C RA 101 301", "S PA 301 101 len=5 at=21")
    assert doubts(story, "S")["CLOSED"] == CROSSED


def test_a_reset_without_ack_that_crossed_a_fin():
    story = Story(*OPENED, "S A 301 101", "S FA 301 101 at=40", "C R 101 at=41")
    assert doubts(story, "C")["CLOSED"] == ABORT
    assert "CLOSED" not in doubts(Story(*OPENED, "S FA 301 101 at=40", "C RA 101 302 at=41"), "C")


def test_a_repeated_fin_does_not_prove_that_the_first_was_lost():
    """CLOSING looks the same where the ACK of the first copy was lost before the capture point."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=200", "S FA 301 101 at=205", "C A 102 302"]
    story = Story(*begin, "C FA 101 302 at=1200", "S A 302 102", end_ms=9000)
    assert doubts(story, "S") == {"FIN-WAIT-2": FIN_FIRST, "TIME-WAIT": FIN_FIRST}
    lost = Story(*begin[:-1], "S FA 301 101 at=1900", "C A 102 302", "C FA 101 302 at=2200", "S A 302 102", end_ms=9000)
    assert doubts(lost, "S") == {}, "a FIN that did not know the client's, long after it: that one was lost"


def test_a_reset_that_closed_would_send_as_well():
    """FIN-WAIT-2 that has expired answers the next keep-alive as any other host: the connection had ended before."""
    begin = [*OPENED, "C FA 101 301", "S A 301 102", "S A 300 102 at=90000"]
    assert doubts(Story(*begin, "C R 102 at=90000", end_ms=99000), "C") == {"CLOSED": ANSWER}
    assert doubts(Story(*begin, "C RA 102 301 at=90000", end_ms=99000), "C") == {}


def test_a_bare_reset_that_answers_the_syn_ack():
    """Whoever has no connection answers so: one that gave up, or the kernel of a scanner that sent the SYN past it."""
    story = Story(*OPENED[:2], "C R 101", end_ms=9000)
    assert doubts(story, "C") == {"SYN-SENT": SCAN, "CLOSED": SCAN} and story.row("C", "CLOSED") == (3, "ABORT", "inferred")
    assert doubts(story, "S") == {} and story.row("S", "CLOSED") == (3, "RCV-RST", "observed")
    greeted = Story(*OPENED[:2], "S PA 301 101 len=9 at=13", "C R 101 at=20", "C R 101 at=23", end_ms=9000)
    assert greeted.path("C") == "CLOSED SYN-SENT CLOSED", "the SYN-ACK of a server that speaks at once is turned away all the same"
    assert doubts(Story(*OPENED[:2], "C RA 101 301", end_ms=9000), "C") == {}, "CLOSED acknowledges nothing: this one had been opened"


def test_a_reset_in_syn_received_that_the_third_segment_crossed():
    assert doubts(Story(*OPENED, "S R 301"), "S") == {"CLOSED": ABORT}
    assert doubts(Story(*OPENED, "S R 301 at=500"), "S") == {"ESTABLISHED": THIRD, "CLOSED": THIRD}, "it fits SYN-RECEIVED too"
    assert doubts(Story(*OPENED, "S PA 301 101 len=5 at=400", "S R 306 at=500"), "S") == {}


def test_syns_that_crossed_where_one_syn_ack_is_missing():
    """The SYN-ACK of the one may answer the SYN-ACK of the other, which was lost, or tell that it was never sent."""
    crossed = ["C S 100", "S S 300 at=5", "C SA 100 301 at=10"]
    assert doubts(Story(*crossed, "S A 301 101", end_ms=9000), "S") == {"ESTABLISHED": SYNS}
    asking = [*crossed[:2], "S S 300 at=1005", "C SA 100 301", "S A 301 101"]
    assert doubts(Story(*asking, end_ms=9000), "S") == {}, "in SYN-RECEIVED it would have repeated a SYN-ACK"


def test_an_acknowledgment_of_the_fin_that_is_ahead_of_its_turn():
    begin = [*OPENED, "S A 301 101", "C FA 101 301"]
    assert doubts(Story(*begin, "S PA 401 102 len=9", end_ms=9000), "C") == {"FIN-WAIT-2": AHEAD}
    assert doubts(Story(*begin, "S PA 301 102 len=9", end_ms=9000), "C") == {}


def test_a_fin_of_whom_nothing_shows_that_its_syn_was_acknowledged():
    story = Story("C S 100", "S SA 300 101", "S FA 301 101", "C A 101 302")
    assert doubts(story, "S")["FIN-WAIT-1"] == EARLY
    at_once = Story(*OPENED, "S FA 301 101", "C A 101 302", end_ms=9000)
    assert doubts(at_once, "S") == {"ESTABLISHED": EARLY, "FIN-WAIT-1": EARLY}, "the third segment may be lost, CLOSE needs no ESTABLISHED"
    stamps = ["C S 100 ts=7/0", "S SA 300 101 ts=9/7", "C A 101 301 ts=8/9"]
    assert doubts(Story(*stamps, "S FA 301 101 ts=10/8", "C A 101 302 ts=9/10", end_ms=9000), "S") == {}, "it echoes the third segment"
    assert doubts(Story(*OPENED, "S A 301 101", "S FA 301 101", "C A 101 302", end_ms=9000), "S") == {}


def test_what_left_after_an_early_fin_does_not_show_that_it_was_not_early():
    """The FIN was overtaken; its own ACK is that of SYN-RECEIVED, and so are the bare ACKs before, which answer odd segments."""
    begin = [*OPENED[:2], "C A 401 301", "S A 301 101", "C PA 101 301 len=300", "S A 302 401", "S FA 301 101"]
    assert doubts(Story(*begin, "C A 401 302", end_ms=9000), "S") == {"ESTABLISHED": EARLY, "FIN-WAIT-1": EARLY}


def test_a_fin_lost_before_the_capture_point_left_before_or_after_the_peers():
    """The ACK bears the number behind a FIN that nobody saw; its repeat comes long after."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=400"]
    story = Story(*begin, "S A 302 102 at=410", "S FA 301 102 at=3000", "C A 102 302", end_ms=9000)
    assert story.row("S", "LAST-ACK") == (6, "CLOSE", "inferred")
    assert doubts(story, "S") == {"CLOSE-WAIT": EITHER, "LAST-ACK": EITHER, "CLOSED": EITHER}
    silent = Story(*OPENED, "C FA 101 301 at=400", "S A 302 102 at=410", "S FA 301 102 at=3000", "C A 102 302", end_ms=9000)
    assert doubts(silent, "S") == {"ESTABLISHED": EARLY} | doubts(story, "S"), "the same of a server that had not spoken since its SYN-ACK"


def test_a_fin_lost_before_the_capture_point_whose_place_still_shows():
    begin = [*OPENED, "S A 301 101"]
    after = Story(*begin, "C FA 101 301 at=400", "S A 301 102", "S A 302 102 at=900", "S FA 301 102 at=3000", "C A 102 302", end_ms=9000)
    assert after.row("S", "LAST-ACK") == (7, "CLOSE", "inferred") and doubts(after, "S") == {}
    before = Story(*begin, "S A 302 101 at=300", "C FA 101 301 at=400", "S FA 301 102 at=3000", "C A 102 302", end_ms=9000)
    assert before.row("S", "FIN-WAIT-1") == (7, "CLOSE", "inferred") and before.final["S"] == "TIME-WAIT" and doubts(before, "S") == {}
    first = Story(*begin, "C FA 101 302 at=400", "S A 302 102", "S FA 301 102 at=3000", "C A 102 302", end_ms=9000)
    assert first.row("S", "FIN-WAIT-1") == (6, "CLOSE", "inferred") and first.final["S"] == "TIME-WAIT" and doubts(first, "S") == {}


def test_a_simultaneous_close_whose_order_behind_the_capture_point_does_not_show():
    """The client's ACK of the server's FIN passed before the server answered: it may have overtaken the client's own FIN."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=200", "S FA 301 101 at=201", "C A 102 302 at=202"]
    assert doubts(Story(*begin, "S A 302 102 at=203", end_ms=9000), "S") == {"CLOSING": ACK_FIRST, "TIME-WAIT": ACK_FIRST}
    beside = Story(*begin[:-1], "S A 302 102 at=202", "C A 102 302 at=203", end_ms=9000)
    assert doubts(beside, "S") == {}, "its answer left before the client's could come"


def test_a_simultaneous_close_as_the_textbooks_draw_it():
    """The ways to both ends and back took 10 ms at the handshake, and no less for the answers to the FINs: the ACK came behind that."""
    begin = [*OPENED, "S A 301 101", "S FA 301 101 at=198", "C FA 101 301 at=200"]
    assert doubts(Story(*begin, "C A 102 302 at=208", "S A 302 102 at=210", end_ms=9000), "S") == {}
    held_up = Story(*begin, "C A 102 302 at=208", "S A 302 102 at=213", end_ms=9000)
    uneven = Story(*begin, "C A 102 302 at=206", "S A 302 102 at=210", end_ms=9000)
    early = Story(
        *OPENED, "S A 301 101", "S FA 301 101 at=191", "C FA 101 301 at=200", "C A 102 302 at=201", "S A 302 102 at=210", end_ms=9000
    )
    assert doubts(held_up, "S") == doubts(uneven, "S") == doubts(early, "S") == {"CLOSING": ACK_FIRST, "TIME-WAIT": ACK_FIRST}


def test_a_fin_whose_repeat_has_overtaken_it():
    """The first copy does not know of the peer's FIN: it left before that came. Which of both came first behind the capture is open."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=400", "S FA 301 102 at=1157", "S FA 301 101 at=1157", "C A 102 302 at=1160"]
    story = Story(*begin, "S A 302 102 at=1170", end_ms=9000)
    assert story.path("S") == "CLOSED LISTEN SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSING TIME-WAIT"
    assert story.row("S", "FIN-WAIT-1") == (6, "CLOSE", "inferred")
    assert doubts(story, "C") == {"TIME-WAIT": FIN_FIRST}
    plain = Story(*begin[:-2], "C A 102 302 at=1160", end_ms=9000)
    assert plain.final == {"C": "TIME-WAIT", "S": "CLOSED"} and doubts(plain, "C") == {}


def test_a_close_that_may_have_waited_behind_data():
    """RFC 9293 §3.10.4: CLOSE enters FIN-WAIT-1 at once, its FIN waits for all data before it."""
    begin = [*OPENED, "S PA 301 101 len=1000", "C FA 101 301"]
    end = ["S PA 1301 102 len=9", "S FA 1310 102", "C A 102 1311"]
    assert doubts(Story(*begin, *end, end_ms=9000), "S") == {"CLOSE-WAIT": WAITED, "LAST-ACK": WAITED, "CLOSED": WAITED}
    answered = [*OPENED, "S PA 301 101 len=1000", "C FA 101 1301"]
    assert doubts(Story(*answered, *end, end_ms=9000), "S") == {}, "nothing was under way: an answer after a half-close"


def test_a_fin_that_comes_too_late_to_be_the_first_answer():
    """A FIN is acknowledged at once: that ACK is missing from the capture, and a first copy of this side's FIN may be."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=200"]
    late = Story(*begin, "S FA 301 102 at=3000", "C A 102 302", end_ms=9000)
    assert doubts(late, "S") == {"CLOSE-WAIT": MISSING, "LAST-ACK": MISSING, "CLOSED": MISSING}
    assert doubts(Story(*begin, "S FA 301 102", "C A 102 302", end_ms=9000), "S") == {}
    assert doubts(Story(*begin, "S A 301 102", "S FA 301 102 at=3000", "C A 102 302", end_ms=9000), "S") == {}


def test_a_reset_that_met_one_of_the_sides_own():
    begin = [*OPENED, "S A 301 101", "C PA 101 301 len=5", "S A 301 106"]
    assert doubts(Story(*begin, "C R 106 at=200", "S R 301 at=201", end_ms=9000), "S") == {"CLOSED": OWN}
    assert doubts(Story(*begin, "C R 106 at=200", "S R 401 at=201", end_ms=9000), "S") == {"CLOSED": OWN}, "data before it is missing"
    answered = [*begin, "C R 106 at=200", "C PA 106 301 len=5 at=201", "S R 301 at=202"]
    assert doubts(Story(*answered, end_ms=9000), "S") == {}, "CLOSED answers what comes late"
    assert doubts(Story(*answered, "S R 301 at=205", end_ms=9000), "S") == {"CLOSED": OWN}, "of two resets it answers with one only"
    assert doubts(Story(*begin, "C R 106 at=200", end_ms=9000), "S") == {}


def test_a_bare_ack_out_of_syn_received_opens_nothing():
    """Any odd segment gets one (§3.10.7.4); the SYN-ACK that follows once more tells where it came from."""
    begin = [*OPENED, "C A 100 301 at=9000", "S A 301 101"]
    assert doubts(Story(*begin, "S SA 300 101 at=9500", "C R 101 at=9900", end_ms=19000), "S")["ESTABLISHED"] == THIRD


def test_an_ack_of_the_syn_that_is_ahead_of_its_turn():
    """The data before it is missing; SYN-RECEIVED may hold it, and answer with a bare ACK all the same (§3.10.7.4)."""
    begin = [*OPENED[:2], "C A 151 301 at=30", "S A 301 101 at=31"]
    assert doubts(Story(*begin, "S R 301 at=300", end_ms=9000), "S") == {"ESTABLISHED": AHEAD, "CLOSED": AHEAD}
    assert doubts(Story(*begin, "C PA 101 301 len=50", "S A 301 151", "C FA 151 301", "S A 301 152", end_ms=9000), "S") == {}


def test_a_bare_ack_that_answers_a_keep_alive_does_not_show_an_open_connection():
    begin = [*OPENED, "C A 100 301 at=9000", "S A 301 101"]
    assert doubts(Story(*begin, "C FA 101 301 at=200000", "S R 301", end_ms=250_000), "S")["ESTABLISHED"] == THIRD, "R2 is over"
    assert doubts(Story(*begin, "C FA 101 301 at=200000", "S A 301 102", "S R 301", end_ms=250_000), "S") == {}


def test_a_server_that_is_silent_although_asked_was_perhaps_never_opened():
    asked = [*OPENED, "C PA 101 301 len=5 at=9000", "C PA 101 301 len=5 at=19000"]
    assert doubts(Story(*asked, end_ms=90_000), "S") == {"ESTABLISHED": THIRD}
    assert doubts(Story(*OPENED, end_ms=90_000), "S") == {}, "nobody asked"


def test_a_number_behind_the_syn_that_may_be_a_fins():
    """Nothing captured was there, and the side says nothing else of an open connection: its FIN may have left SYN-RECEIVED."""
    begin = [*OPENED, "S A 302 101"]
    assert doubts(Story(*begin, "C PA 101 301 len=5", "S R 301", end_ms=9000), "S")["ESTABLISHED"] == EARLY
    assert doubts(Story(*OPENED, "S A 301 101", "S A 302 101", "S R 301", end_ms=9000), "S").get("ESTABLISHED") is None


def test_a_reset_of_the_side_stops_its_timers():
    """Where FIN-WAIT-1 ends before its timer runs out, silence does not show that the ACK of the FIN had come."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=200", "S A 301 102 at=210"]
    assert doubts(Story(*begin, "C R 102 at=400", end_ms=9000), "C")["FIN-WAIT-2"] == ARRIVAL
    assert "FIN-WAIT-2" not in doubts(Story(*begin, "C R 102 at=4000", end_ms=9000), "C")
    assert "FIN-WAIT-2" not in doubts(Story(*begin, "S PA 301 102 len=5 at=390", "C R 102 at=400", end_ms=9000), "C"), "it answers data"


def test_a_side_that_was_silent_and_then_resets_what_it_should_have_acknowledged():
    """It may have been CLOSED all the time, by a reset that was lost before the capture point."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=200", "S A 301 102 at=210", "S FA 301 102 at=90000"]
    assert doubts(Story(*begin, "S FA 301 102 at=92000", "C R 102", end_ms=99000), "C")["FIN-WAIT-2"] == ARRIVAL
    assert "FIN-WAIT-2" not in doubts(Story(*begin, "C R 102", end_ms=99000), "C"), "FIN-WAIT-2 has run out, and CLOSED answers at once"


def test_a_reset_that_can_only_be_the_answer_to_the_last_ack():
    """After both FINs ABORT sends nothing (§3.10.5): this one was held up on its way."""
    assert doubts(Story(*CLOSED_BY_BOTH, "S R 302 at=1200", end_ms=9000), "S") == {"CLOSED": ANSWER}
    assert doubts(Story(*CLOSED_BY_BOTH, "C A 102 302 at=5000", "S R 302 at=5010", end_ms=9000), "S") == {}, "it answers the copy"


def test_a_reset_after_an_odd_segment_that_had_no_other_answer():
    """Whoever lives sends an ACK at once (§3.10.7.4); CLOSED sends a reset, which may be late."""
    begin = [*OPENED, "S A 301 101", "C FA 101 301 at=200", "S A 301 102", "C A 101 301 at=9000"]
    assert doubts(Story(*begin, "S R 301 at=10200", end_ms=19000), "S") == {"CLOSED": ANSWER}
    assert doubts(Story(*begin, "S A 301 102", "S R 301 at=10200", end_ms=19000), "S") == {}


def test_a_fin_that_a_reset_of_the_same_side_has_overtaken():
    """CLOSED sends no FIN: the side had closed before it was reset."""
    begin = [*OPENED, "S A 301 101", "C PA 101 301 len=5 at=200"]
    story = Story(*begin, "S R 301 at=210", "S FA 301 101 at=215", "S R 302 at=220", end_ms=9000)
    assert story.path("S") == "CLOSED LISTEN SYN-RECEIVED ESTABLISHED FIN-WAIT-1 CLOSED"
    assert story.row("S", "FIN-WAIT-1") == (7, "CLOSE", "observed")


def test_a_syn_that_passed_later_than_what_followed_it():
    begin = ["C S 100", "S SA 300 101 at=5"]
    assert doubts(Story(*begin, "S S 300 at=8", "C PA 101 301 len=3 at=40", "S A 301 104", end_ms=9000), "C") == {"ESTABLISHED": SYNS}
    assert doubts(Story(*begin, "C A 101 301 at=6", "S S 300 at=8", "S A 301 101", end_ms=9000), "C") == {}, "answered before it could come"
    spoiled = ["C S 100", "S S 300 at=5 sum=bad", "S S 300 at=6", "S SA 300 101 at=10", "C A 101 301"]
    assert doubts(Story(*spoiled, end_ms=9000), "C") == {"ESTABLISHED": SYNS}, "of the copies one was sound"


def test_a_syn_to_which_nobody_said_anything():
    """Who receives it in SYN-SENT sends a SYN-ACK, and again when the timer runs out: silence shows no SYN-RECEIVED."""
    assert doubts(Story("C S 100", "S S 300 at=0", "S RA 0 101 at=20", end_ms=9000), "C")["SYN-RECEIVED"] == ARRIVAL


def test_a_reset_after_which_the_peer_asks_for_a_connection_itself():
    begin = ["C S 100", "S RA 0 101"]
    assert doubts(Story(*begin, end_ms=9000, anew=("S", 20)), "C") == {"CLOSED": OVERTAKEN}
    assert doubts(Story(*begin, end_ms=9000, anew=("S", 4000)), "C") == {}
    assert doubts(Story(*begin, end_ms=9000, anew=("C", 20)), "C") == {}


def test_a_reset_before_a_syn_ack_that_its_own_fin_has_overtaken():
    late = ["C S 100", "S FA 301 101 at=264", "C R 101 at=264", "S SA 300 101 at=265", "C R 101 at=266", "S R 302 at=1266"]
    assert doubts(Story(*late, end_ms=9000), "S")["CLOSED"] == CROSSED


@pytest.mark.parametrize(("end_ms", "wanted"), [(50, {"ESTABLISHED": LATE, "CLOSED": ARRIVAL}), (9000, {"ESTABLISHED": LATE})])
def test_a_capture_that_starts_late(end_ms, wanted):
    story = Story("C FA 100 300", "S FA 300 101", "C A 101 301", end_ms=end_ms)
    assert doubts(story, "S") == wanted and doubts(story, "C") == {"ESTABLISHED": LATE}


def test_the_assumed_end_of_time_wait_says_how_long_it_may_be():
    assert doubts(Story(*CLOSED_BY_BOTH, end_ms=90_000), "C") == {"CLOSED": HOW_LONG}


def test_an_icmp_error_that_the_rfc_lets_pass():
    assert "ICMP" in str(DOUBTS[ICMP])
