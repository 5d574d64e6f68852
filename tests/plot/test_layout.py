"""The data of a picture: what stands where, in which order, in which state."""

from __future__ import annotations

import itertools

import pytest

from tcpinspect.errors import UsageError
from tcpinspect.plot import layout
from tcpinspect.protocol.header import ACK, FIN, PSH, RST, SYN

from .conversation import MS, Conversation, crossing_fins, refused, unanswered, usual

SIZES = (1, 10, 60, 400)
PITCH = 1.0


def states(picture: layout.Ladder, side: str) -> list[str]:
    return [span.state for span in picture.spans if span.side == side]


def test_handshake_and_close_give_both_sides_states_in_order() -> None:
    picture = layout.ladder(usual())
    assert states(picture, "client") == ["CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert states(picture, "server") == ["LISTEN", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]


def test_state_begins_where_its_segment_leaves_or_arrives() -> None:
    picture = layout.ladder(usual())
    by_frame = {arrow.frame: arrow for arrow in picture.arrows}
    for span in picture.spans:
        if span.frame is None:
            continue
        arrow = by_frame[span.frame]
        assert span.y_top == (arrow.y_start if arrow.from_client == (span.side == "client") else arrow.y_end), span


def test_labels_say_flags_numbers_and_meaning() -> None:
    first, second, third = layout.ladder(usual()).arrows[:3]
    assert (first.label, first.note, first.kind) == ("SYN  seq=0 len=0", "asks to connect", "syn")
    assert (second.label, second.note) == ("SYN, ACK  seq=0 ack=1 len=0", "accepts, acknowledges the SYN")
    assert (third.label, third.note, third.kind) == ("ACK  seq=1 ack=1 len=0", "acknowledges the SYN", "control")
    assert [arrow.from_client for arrow in (first, second, third)] == [True, False, True]


@pytest.mark.parametrize("size", SIZES)
def test_arrows_keep_their_distance_and_their_order(size: int) -> None:
    picture = layout.ladder(usual(size))
    starts = [arrow.y_start for arrow in picture.arrows]
    assert all(b - a >= PITCH - 1e-9 for a, b in itertools.pairwise(starts))
    assert [arrow.frame for arrow in picture.arrows] == sorted(arrow.frame for arrow in picture.arrows)
    assert all(arrow.y_start <= arrow.y_end < picture.height for arrow in picture.arrows)


@pytest.mark.parametrize("size", SIZES)
def test_every_segment_is_in_exactly_one_arrow_and_a_page_is_enough(size: int) -> None:
    connection = usual(size)
    picture = layout.ladder(connection)
    assert sum(arrow.segments for arrow in picture.arrows) == picture.segments == len(connection.segments)
    assert len(picture.arrows) <= layout.MOST_ARROWS


@pytest.mark.parametrize("make", [lambda: usual(400), lambda: unanswered(300), crossing_fins, refused])
def test_rails_are_covered_without_a_gap_and_every_state_has_room(make) -> None:  # type: ignore[no-untyped-def]
    picture = layout.ladder(make())
    for side in ("client", "server"):
        spans = [span for span in picture.spans if span.side == side]
        if not spans:
            continue
        assert spans[0].y_top == 0 and spans[-1].y_bottom == picture.height
        assert all(a.y_bottom == b.y_top for a, b in itertools.pairwise(spans))
        assert all(span.y_bottom - span.y_top >= 0.45 for span in spans)


def test_crossing_fins_cross() -> None:
    picture = layout.ladder(crossing_fins(), phase="teardown")
    one, other = next((a, b) for a, b in zip(picture.arrows, picture.arrows[1:], strict=False) if a.crosses)
    assert one.y_start < other.y_start < one.y_end < other.y_end and one.from_client is not other.from_client
    assert states(picture, "client")[-3:] == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def test_fin_that_acknowledges_the_other_does_not_cross() -> None:
    assert not any(arrow.crosses for arrow in layout.ladder(usual()).arrows)


def test_simultaneous_open_crosses_and_its_syn_acks_are_no_retransmissions() -> None:
    talk = Conversation().say("c", SYN, 0).say("s", SYN, 0, after_ms=0.1)
    talk.say("c", SYN | ACK, 0, 1, retransmission=True, after_ms=10).say("s", SYN | ACK, 0, 1, retransmission=True)
    arrows = layout.ladder(talk.connection()).arrows
    assert [arrow.crosses for arrow in arrows] == [True, False, False, False]
    assert {arrow.kind for arrow in arrows} == {"syn"} and not any(arrow.lost for arrow in arrows)


def test_silence_is_a_break_between_its_arrows() -> None:
    talk = Conversation().open().say("c", PSH | ACK, 1, 1, 10, after_ms=4990)
    picture = layout.ladder(talk.connection())
    (pause,) = picture.breaks
    assert pause.silence_ns == 4990 * MS
    assert picture.arrows[-2].y_end < pause.y - 0.2 and pause.y + 0.2 < picture.arrows[-1].y_start


def test_segment_sent_again_is_lost_the_first_time() -> None:
    talk = Conversation().open().say("s", PSH | ACK, 1, 1, 100).say("s", PSH | ACK, 1, 1, 100, after_ms=300, retransmission=True)
    first, again = layout.ladder(talk.connection()).arrows[-2:]
    assert first.lost and again.lost and again.kind == "retransmission" and again.note.endswith("; no answer")
    first, again, _ = layout.ladder(talk.say("c", ACK, 1, 101).connection()).arrows[-3:]
    assert first.lost and not again.lost


def test_copy_made_by_the_network_is_not_lost() -> None:
    talk = Conversation().open().say("s", PSH | ACK, 1, 1, 100).say("s", PSH | ACK, 1, 1, 100, after_ms=0.02, retransmission=True)
    assert not any(arrow.lost for arrow in layout.ladder(talk.connection()).arrows)


def test_segment_that_changed_a_state_has_arrived() -> None:
    talk = Conversation().open()
    talk.say("c", FIN | ACK, 1, 1).step("c", "FIN-WAIT-1", "CLOSE").step("s", "CLOSE-WAIT", "RCV-FIN")
    talk.say("c", FIN | ACK, 1, 1, after_ms=300, retransmission=True)
    assert not any(arrow.lost for arrow in layout.ladder(talk.connection()).arrows)


def test_syns_without_any_answer_do_not_arrive() -> None:
    picture = layout.ladder(unanswered(4))
    assert all(arrow.lost for arrow in picture.arrows) and states(picture, "server") == []


def test_long_transfer_is_folded_and_counted() -> None:
    talk = Conversation().open()
    for n in range(200):
        talk.say("s", PSH | ACK, 1 + 1448 * n, 1, 1448)
    folds = [arrow for arrow in layout.ladder(talk.connection()).arrows if arrow.kind == "fold"]
    assert [fold.label for fold in folds] == ["… 199 segments, 288,152 octets server → client …"]
    assert (folds[0].frame, folds[0].last_frame, folds[0].from_client) == (5, 203, False)


def test_fold_counts_each_direction_of_its_own() -> None:
    talk = Conversation().open().talk(20)
    folds = [arrow for arrow in layout.ladder(talk.connection()).arrows if arrow.kind == "fold"]
    assert [fold.label for fold in folds] == ["… 19 segments, 1,900 octets server → client, 20 ACKs back …"]


def test_probes_that_nobody_answers_any_more_do_not_arrive() -> None:
    talk = Conversation().open()
    talk.say("c", ACK, 0, 1, keep_alive=True).say("s", ACK, 1, 1, keep_alive_ack=True)
    for _ in range(2):
        talk.say("c", ACK, 0, 1, after_ms=1000, keep_alive=True)
    arrows = layout.ladder(talk.connection()).arrows
    assert [arrow.lost for arrow in arrows] == [False] * 5 + [True] * 2
    assert arrows[-1].note == "keep-alive: are you still there?; no answer"


def test_what_was_refused_or_met_by_an_acknowledgment_has_arrived() -> None:
    talk = Conversation().say("c", SYN, 0).say("s", SYN | ACK, 0, 1).say("c", RST, 1)
    talk.say("s", SYN | ACK, 0, 1, after_ms=1000, retransmission=True).say("c", RST, 1)
    assert not any(arrow.lost for arrow in layout.ladder(talk.connection()).arrows)
    # Figure 9: a SYN meets the other half of an old connection.
    talk = Conversation().say("c", SYN, 0).say("s", ACK, 300, 500).say("c", RST, 500).say("c", SYN, 0, after_ms=1000, retransmission=True)
    assert not layout.ladder(talk.connection()).arrows[0].lost


def test_reset_that_changed_nothing_begins_no_teardown() -> None:
    talk = Conversation().open().say("c", RST, 400).say("s", ACK, 1, 1).talk(1)
    assert [frame.phase for frame in layout.ladder(talk.connection()).frames] == ["handshake"]
    assert layout.ladder(talk.close(100).connection()).frames[1].y_top > layout.ladder(talk.connection()).arrows[5].y_end
    last = Conversation().open().say("c", RST, 1).step("c", "CLOSED", "ABORT").say("s", ACK, 1, 1).connection()
    assert [frame.phase for frame in layout.ladder(last).frames] == ["handshake", "teardown"]


def test_last_syn_ack_of_a_flood_does_not_arrive_either() -> None:
    talk = Conversation().say("c", SYN, 0).say("s", SYN | ACK, 0, 1)
    talk.say("s", SYN | ACK, 0, 1, after_ms=1000, retransmission=True).say("s", SYN | ACK, 0, 1, after_ms=2000, retransmission=True)
    assert [arrow.lost for arrow in layout.ladder(talk.connection()).arrows] == [False, True, True, True]


def test_socket_connected_to_itself_has_the_same_states_on_both_rails() -> None:
    talk = Conversation(client="192.0.2.1:5000", server="192.0.2.1:5000").say("c", SYN, 0).step("c", "SYN-SENT", "OPEN-ACTIVE")
    talk.say("c", SYN | ACK, 0, 1).step("c", "SYN-RECEIVED", "RCV-SYN")
    picture = layout.ladder(talk.connection())
    assert states(picture, "client") == states(picture, "server") == ["CLOSED", "SYN-SENT", "SYN-RECEIVED"]
    assert {bar.side for bar in layout.lanes(talk.connection()).bars} == {"client", "server"}


def test_state_that_nobody_knows_is_called_unknown() -> None:
    talk = Conversation().say("c", ACK, 1, 1).step("c", "ESTABLISHED", "CAPTURE-START")
    talk.timeline[0].to_state = None
    assert states(layout.ladder(talk.connection()), "client") == ["unknown"]


def test_handshake_and_teardown_are_framed_and_named() -> None:
    connection = usual(2)
    connection.handshake, connection.teardown = "three-way", "four-segment"
    picture = layout.ladder(connection)
    opened, closed = picture.frames
    assert (opened.phase, opened.kind, opened.duration_ns) == ("handshake", "three-way", 2 * MS)
    assert (closed.phase, closed.kind, closed.duration_ns) == ("teardown", "four-segment", 3 * MS)
    by_frame = {arrow.frame: arrow for arrow in picture.arrows}
    last = max(by_frame)
    for frame, inside, outside in ((opened, (1, 3), 4), (closed, (last - 3, last), last - 4)):
        for number in inside:
            assert frame.y_top < by_frame[number].y_start <= by_frame[number].y_end < frame.y_bottom
        edge = frame.y_bottom - by_frame[outside].y_start if frame is opened else by_frame[outside].y_end - frame.y_top
        # The label of the next arrow, or the note of the one before, is clear of the frame.
        assert edge < -0.38
    assert closed.y_bottom <= picture.height and layout.ladder(refused()).frames[0].phase == "handshake"


@pytest.mark.parametrize("size", SIZES)
def test_frames_hold_the_names_of_the_states_that_begin_in_them(size: int) -> None:
    picture = layout.ladder(usual(size))
    for frame in picture.frames:
        names = [span.y_top + 0.27 for span in picture.spans if span.frame is not None and frame.y_top < span.y_top < frame.y_bottom]
        assert names and max(names) + 0.14 < frame.y_bottom


def test_retransmission_is_tied_to_what_it_repeats() -> None:
    talk = Conversation().open().say("s", PSH | ACK, 1, 1, 100).say("s", PSH | ACK, 101, 1, 100)
    talk.say("s", PSH | ACK, 1, 1, 100, after_ms=300, retransmission=True).say("s", PSH | ACK, 151, 1, 50, retransmission=True)
    talk.say("s", PSH | ACK, 1, 1, 100, after_ms=600, retransmission=True)
    picture = layout.ladder(talk.connection())
    assert [(tie.original, tie.frame, tie.lane) for tie in picture.ties] == [(4, 6, 0), (5, 7, 1), (6, 8, 0)]
    starts = {arrow.frame: arrow.y_start for arrow in picture.arrows}
    assert all(tie.y_top == starts[tie.original] and tie.y_bottom == starts[tie.frame] and not tie.from_client for tie in picture.ties)


def test_retransmission_of_what_was_not_captured_is_tied_to_nothing() -> None:
    talk = Conversation().open().say("s", PSH | ACK, 301, 1, 100).say("s", PSH | ACK, 1, 1, 100, retransmission=True)
    assert layout.ladder(talk.connection()).ties == ()


def test_arrows_fall_by_the_measured_way_or_by_half_the_round_trip() -> None:
    half = layout.ladder(usual())
    assert (half.one_way_ns, half.measured) == (MS, False)
    slow = layout.ladder(usual(), one_way_ns=100 * MS)
    assert (slow.one_way_ns, slow.measured) == (100 * MS, True)
    assert slow.arrows[0].y_end - slow.arrows[0].y_start > half.arrows[0].y_end - half.arrows[0].y_start
    talk = Conversation().open().connection()
    talk.initial_rtt_ns = None
    assert layout.ladder(talk).one_way_ns is None


def test_options_stand_where_they_are_asked_for_and_get_their_room() -> None:
    talk = Conversation().say("c", SYN, 0, options="mss 1460,sackOK").say("s", SYN | ACK, 0, 1, options="mss 1460")
    bare, said = layout.ladder(talk.connection()), layout.ladder(talk.connection(), options=True)
    assert [arrow.options for arrow in bare.arrows] == ["", ""] and [arrow.options for arrow in said.arrows] == [
        "mss 1460,sackOK",
        "mss 1460",
    ]
    assert said.arrows[1].y_start - said.arrows[0].y_start >= bare.arrows[1].y_start - bare.arrows[0].y_start + 0.3


def test_time_wait_is_drawn_to_its_end() -> None:
    picture = layout.lanes(usual())
    waiting, closed = [bar for bar in picture.bars if bar.side == "client"][-2:]
    assert (waiting.state, closed.state, closed.evidence, closed.event) == ("TIME-WAIT", "CLOSED", "assumed", "TIMEOUT-2MSL")
    assert waiting.seen_to is not None and waiting.x_left < waiting.seen_to < waiting.x_right == closed.x_left
    end = picture.ticks[-1]
    assert (end.text, end.x) == ("2 MSL", waiting.x_right) and end.time_ns == (waiting.start_ns or 0) + 240 * 1_000 * MS


def test_trouble_is_not_folded_away() -> None:
    talk = Conversation().open().talk(100)
    talk.say("s", PSH | ACK, 1, 1, 100, after_ms=100, retransmission=True)
    kinds = [arrow.kind for arrow in layout.ladder(talk.talk(100).connection()).arrows]
    assert kinds.count("retransmission") == 1


def test_phases_of_a_usual_connection() -> None:
    connection = usual(50)
    assert [arrow.frame for arrow in layout.ladder(connection, phase="handshake").arrows] == [1, 2, 3]
    assert [arrow.frame for arrow in layout.ladder(connection, phase="teardown").arrows] == [102, 103, 104, 105, 106, 107]
    teardown = layout.ladder(connection, phase="teardown")
    assert states(teardown, "client")[0] == states(teardown, "server")[0] == "ESTABLISHED"
    assert states(layout.ladder(connection, phase="handshake"), "client") == ["CLOSED", "SYN-SENT", "ESTABLISHED"]


def test_phase_that_is_not_there_has_no_arrows() -> None:
    assert layout.ladder(refused(), phase="teardown").arrows == ()
    middle = Conversation().say("c", PSH | ACK, 1, 1, 10).connection()
    assert layout.ladder(middle, phase="handshake").arrows == ()
    assert [arrow.note for arrow in layout.ladder(refused(), phase="handshake").arrows][1].startswith("refuses")


def test_unknown_phase_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="handshake, teardown, all"):
        layout.ladder(usual(), phase="middle")


def test_connection_without_segments_is_an_empty_ladder() -> None:
    picture = layout.ladder(Conversation().connection())
    assert picture.arrows == picture.spans == picture.breaks == ()


def test_time_wait_that_ends_unseen_stands_below_the_last_arrow() -> None:
    talk = Conversation().open().close().step("c", "CLOSED", "TIMEOUT-2MSL", frame=None, evidence="assumed")
    picture = layout.ladder(talk.connection())
    last = [span for span in picture.spans if span.side == "client"][-1]
    assert (last.state, last.evidence, last.frame) == ("CLOSED", "assumed", None)
    assert last.y_top > picture.arrows[-1].y_end


def test_lanes_cover_the_width_and_name_every_state() -> None:
    picture = layout.lanes(usual())
    for side in ("client", "server"):
        bars = [bar for bar in picture.bars if bar.side == side]
        assert bars[0].x_left == 0 and bars[-1].x_right == 1
        assert all(a.x_right == b.x_left for a, b in itertools.pairwise(bars))
        assert all(bar.x_right - bar.x_left >= 0.03 for bar in bars)
    assert [bar.state for bar in picture.bars if bar.side == "server"][:2] == ["LISTEN", "SYN-RECEIVED"]
    assert list(picture.ticks) == sorted(picture.ticks, key=lambda tick: tick.time_ns)


def test_lanes_are_to_scale_when_every_state_is_wide_enough() -> None:
    talk = Conversation().say("c", SYN, 0).step("c", "SYN-SENT", "OPEN-ACTIVE")
    talk.say("s", SYN | ACK, 0, 1, after_ms=100).step("c", "ESTABLISHED", "RCV-SYN-ACK").say("c", ACK, 1, 1, after_ms=300)
    picture = layout.lanes(talk.connection())
    assert picture.to_scale
    zero, hundred, all_of_it = (tick.x for tick in picture.ticks)
    assert (hundred - zero) / (all_of_it - zero) == pytest.approx(0.25)


def test_layout_is_the_same_every_time() -> None:
    assert layout.ladder(usual(30)) == layout.ladder(usual(30)) and layout.lanes(usual()) == layout.lanes(usual())
