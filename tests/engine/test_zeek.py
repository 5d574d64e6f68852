"""What Zeek makes of small exchanges. Expected values follow from its documentation of conn_state and history."""

import re

import pytest

from tcpinspect.engine.segment import Segment
from tcpinspect.engine.zeek import Outcome
from tcpinspect.protocol import header

FLAGS = {"S": header.SYN, "F": header.FIN, "R": header.RST, "P": header.PSH, ".": header.ACK}
LINE = re.compile(r"(?P<way>[<>]) (?P<flags>[SFRP.]+|-) (?P<seq>-?\d+)(?::(?P<end>-?\d+))?(?: ack (?P<ack>-?\d+))?(?P<rest>.*)")
OPEN = ["> S 0", "< S. 0 ack 1", "> . 1 ack 1"]
REQUEST = ["> P. 1:101 ack 1", "< . 1 ack 101", "< P. 1:201 ack 101", "> . 101 ack 201"]
CLOSE = ["> F. 101 ack 201", "< . 201 ack 102", "< F. 201 ack 102", "> . 102 ack 202"]


def exchange(*lines, ports=(40000, 4321), isn=(1000, 5000), step_ns=1_000_000):
    """The Outcome of segments written as `> FLAGS seq[:end] [ack n] [win 0] [bad] [cut]`.

    `>` is the side with the first of the ports; sequence numbers count from the ISN of their sender. Side 0 is whoever comes
    first. `bad`: wrong checksum; `offload`: not yet computed; `cut`: the capture holds the header only.
    """
    outcome = Outcome()
    for n, line in enumerate(lines):
        parts = LINE.fullmatch(line)
        assert parts, line
        there = parts["way"] == "<"
        s = Segment()
        s.time_ns = 1_700_000_000_000_000_000 + n * step_ns
        s.src_port, s.dst_port = reversed(ports) if there else ports
        s.flags = sum(FLAGS[letter] for letter in parts["flags"] if letter != "-")
        s.seq = (isn[there] + int(parts["seq"])) & 0xFFFFFFFF
        s.ack = (isn[not there] + int(parts["ack"])) & 0xFFFFFFFF if parts["ack"] else 0
        s.payload_len = int(parts["end"] or parts["seq"]) - int(parts["seq"])
        s.payload_captured = 0 if "cut" in parts["rest"] else s.payload_len
        s.window_raw = 0 if "win 0" in parts["rest"] else 8192
        s.checksum_status = 2 if "bad" in parts["rest"] else 3 if "offload" in parts["rest"] else 1
        outcome.segment(s, 0 if line[0] == lines[0][0] else 1)
    return outcome


def told(outcome):
    return outcome.conn_state(), outcome.history()


def sizes(outcome):
    return outcome.octets(outcome.originator()), outcome.octets(1 - outcome.originator())


@pytest.mark.parametrize(
    ("lines", "state", "history"),
    [
        (["> S 0"], "S0", "S"),
        (["> S 0", "> S 0"], "S0", "S"),
        (OPEN, "S1", "ShA"),
        ([*OPEN, *REQUEST], "S1", "ShADad"),
        ([*OPEN, *REQUEST, *CLOSE], "SF", "ShADadFf"),
        ([*OPEN, "> F. 1 ack 1", "< . 1 ack 2"], "S2", "ShAFa"),
        ([*OPEN, "< F. 1 ack 1", "> . 1 ack 2"], "S3", "ShAf"),
        (["> S 0", "< R. 0 ack 1"], "REJ", "Sr"),
        ([*OPEN, "> R. 1 ack 1"], "RSTO", "ShAR"),
        ([*OPEN, "< R. 1 ack 1"], "RSTR", "ShAr"),
        (["> S 0", "< S. 0 ack 1", "> R 1"], "RSTO", "ShR"),
        (["> S 0", "> R 1"], "RSTOS0", "SR"),
        (["> S 0", "> F. 1"], "SH", "SF"),
        (["> P. 1:11 ack 1", "< . 1 ack 11"], "OTH", "Da"),
        (["> . 1 ack 1"], "OTH", "A"),
        (["> R 1"], "OTH", "R"),
    ],
)
def test_conn_state_and_history(lines, state, history):
    assert told(exchange(*lines)) == (state, history)


def test_syn_ack_then_rst_without_syn_from_a_server_port_is_rstrh():
    assert told(exchange("< S. 0 ack 1", "< R 1", ports=(40000, 80))) == ("RSTRH", "^hr")


def test_syn_ack_then_fin_without_syn_from_a_server_port_is_shr():
    assert told(exchange("< S. 0 ack 1", "< F. 1 ack 1", ports=(40000, 80))) == ("SHR", "^hf")


def test_syn_sent_fin_of_responder_after_reset_of_both_sides_without_data_is_rej():
    assert told(exchange(*OPEN, "> R. 1 ack 1", "< R 1")) == ("REJ", "ShARr")


def test_reset_after_both_fins_leaves_sf():
    assert told(exchange(*OPEN, "> F. 1 ack 1", "< F. 1 ack 2", "> R 2")) == ("SF", "ShAFfR")


def test_reset_after_own_fin_before_the_peers_is_rsto():
    assert told(exchange(*OPEN, "> F. 1 ack 1", "> R 2")) == ("RSTO", "ShAFR")


def test_fin_then_rst_of_one_side_and_fin_of_the_other_is_sf():
    assert told(exchange(*OPEN, "> F. 1 ack 1", "> R 2", "< F. 1 ack 2"))[0] == "SF"


def test_simultaneous_open_is_established():
    assert told(exchange("> S 0", "< S 0", "> S. 0 ack 1", "< S. 0 ack 1")) == ("S1", "Ss")


def test_ack_before_the_syn_ack_does_not_make_the_connection_partial():
    assert told(exchange("> S 0", "< . 0 ack 1", "< S. 0 ack 1", "> . 1 ack 1")) == ("S1", "SahA")


def test_syn_ack_before_its_syn_flips_the_roles():
    outcome = exchange("< S. 0 ack 1", "> S 0", "> . 1 ack 1")
    assert (*told(outcome), outcome.originator()) == ("S1", "Hs^A", 1)


def test_syn_ack_followed_by_ack_flips_the_roles_from_the_start():
    outcome = exchange("< S. 0 ack 1", "> . 1 ack 1", "> P. 1:6 ack 1", "< . 1 ack 6")
    assert (*told(outcome), outcome.originator(), *sizes(outcome)) == ("S1", "^hADa", 1, 5, 0)


def test_syn_ack_followed_by_the_servers_own_data_flips_the_roles():
    assert told(exchange("< S. 0 ack 1", "< P. 1:6 ack 1", "< F. 6 ack 9")) == ("SHR", "^hdf")


def test_syn_ack_alone_may_be_a_scan_and_keeps_its_sender_as_originator():
    outcome = exchange("< S. 0 ack 1", "> R 1")
    assert (*told(outcome), outcome.originator()) == ("REJ", "Hr", 0)


@pytest.mark.parametrize(
    ("ports", "history", "originator"),
    [((40000, 443), "^d", 1), ((443, 40000), "D", 0), ((40000, 41000), "D", 0), ((443, 80), "^d", 1), ((80, 443), "D", 0)],
)
def test_midstream_the_ports_may_tell_who_the_server_is(ports, history, originator):
    outcome = exchange("< P. 1:11 ack 1", ports=ports)
    assert (outcome.history(), outcome.originator()) == (history, originator)


def test_syn_from_a_server_port_is_still_the_originators():
    assert exchange("< S 0", ports=(40000, 80)).history() == "S"


def test_syn_with_another_number_is_noted_again():
    assert exchange("> S 0", "> S 7").history() == "S"  # the numbering starts anew with it
    assert exchange(*OPEN, "> F. 1 ack 1", "> S 90 ack 1").history() == "ShAFS"


def test_fin_repeated_is_noted_once_and_again_at_another_number():
    assert exchange(*OPEN, "> F. 1 ack 1", "> F. 1 ack 1").history() == "ShAF"
    assert exchange(*OPEN, "> F. 1 ack 1", "> F. 1:4 ack 1").history() == "ShAFF"


def test_rst_is_noted_again_only_at_another_number():
    assert exchange(*OPEN, "> R 1", "> R 1", "> R 5").history() == "ShARR"


def test_contradictory_flags_are_i_or_q_and_nothing_else():
    assert exchange("> FR 0", "> FR 9").history() == "I"
    assert exchange("> SF 0", "> SR 0").history() == "Q"


def test_retransmissions_are_noted_at_1_10_and_100():
    again = "> P. 1:11 ack 1"
    for repeats, letters in ((0, ""), (1, "T"), (9, "T"), (10, "TT"), (99, "TT"), (100, "TTT")):
        assert exchange(*OPEN, again, *[again] * repeats).history() == "ShAD" + letters


def test_keep_alive_with_an_octet_is_a_retransmission():
    assert exchange(*OPEN, "> P. 1:11 ack 1", "> . 10:11 ack 1").history() == "ShADT"


def test_zero_window_is_noted_but_not_in_a_rst_nor_after_the_peers_fin():
    assert exchange(*OPEN, "< . 1 ack 1 win 0").history() == "ShAaw"
    assert exchange(*OPEN, "< R 1 win 0").history() == "ShAr"
    assert exchange(*OPEN, "> F. 1 ack 1", "< . 1 ack 2 win 0").history() == "ShAFa"


def test_bad_checksum_is_noted_and_the_segment_ignored():
    assert told(exchange(*OPEN, "< R. 1 ack 1 bad")) == ("S1", "ShAc")
    assert exchange(*OPEN, *["> P. 1:11 ack 1 bad"] * 10).history() == "ShACC"


def test_side_whose_checksums_are_never_right_is_believed_all_the_same():
    assert told(exchange("> S 0 bad", "< S. 0 ack 1", "> . 1 ack 1 bad", "< R 1 bad")) == ("S1", "ShAc")


def test_unfinished_checksum_of_an_offloading_sender_is_no_error():
    assert exchange("> S 0 offload", "< S. 0 ack 1", "> . 1 ack 1 offload").history() == "ShA"


def test_acknowledged_octets_never_seen_are_a_gap_and_count_as_sent():
    outcome = exchange(*OPEN, "> P. 101:201 ack 1", "< . 1 ack 201")
    assert (outcome.history(), *sizes(outcome)) == ("ShADaG", 200, 0)


def test_octets_that_come_late_leave_no_gap():
    assert exchange(*OPEN, "> P. 101:201 ack 1", "> P. 1:101 ack 1", "< . 1 ack 201").history() == "ShADTa"


def test_two_holes_are_two_gaps_of_which_the_tenth_would_show():
    lines = [f"> . {n * 20 + 11}:{n * 20 + 21} ack 1" for n in range(10)]
    assert exchange(*OPEN, *lines, "< . 1 ack 201").history() == "ShADaGG"
    assert exchange(*OPEN, *lines[:9], "< . 1 ack 181").history() == "ShADaG"


def test_payload_that_the_capture_cut_off_is_a_gap():
    assert exchange(*OPEN, "> P. 1:101 ack 1 cut", "< . 1 ack 101").history() == "ShADaG"


def test_gap_midstream_is_not_noted():
    assert exchange("> P. 1:11 ack 1", "< . 1 ack 11", "> P. 111:121 ack 1", "< . 1 ack 121").history() == "Da"


def test_acknowledgement_of_a_fin_is_no_gap():
    assert exchange(*OPEN, "> F. 1 ack 1", "< . 1 ack 2").history() == "ShAFa"


def test_octets_count_retransmissions_once_and_leave_out_syn_and_fin():
    assert sizes(exchange(*OPEN, *REQUEST, *REQUEST, *CLOSE)) == (100, 200)


def test_octets_of_a_syn_with_data():
    assert sizes(exchange("> S 0:50", "< S. 0 ack 51", "> . 51 ack 1")) == (50, 0)


def test_octets_of_a_long_transfer_that_wraps_the_sequence_space():
    chunk = 1 << 30
    lines = [line for n in range(6) for line in (f"> . {1 + n * chunk}:{1 + (n + 1) * chunk} ack 1", f"< . 1 ack {1 + (n + 1) * chunk}")]
    assert sizes(exchange(*OPEN, *lines, isn=(0xFFFFFFF0, 0xFFFFFFFF))) == (6 * chunk, 0)


def test_octets_are_unknown_when_no_time_passed():
    assert sizes(exchange("> S 0")) == (-1, -1)
    assert sizes(exchange(*OPEN, "> P. 1:11 ack 1", step_ns=100)) == (-1, -1)


def test_octets_ignore_a_rst_with_an_absurd_number():
    assert sizes(exchange(*OPEN, *REQUEST, "< R 900000000")) == (100, 200)


def test_history_ends_after_256_letters():
    resets = [f"> R {n}" for n in range(2, 400)]
    history = exchange(*OPEN, *resets).history()
    assert history == "ShA" + "R" * 253


def test_store_of_ranges_gives_up_holes_instead_of_growing():
    lines = [f"> . {n * 20 + 11}:{n * 20 + 21} ack 1" for n in range(60)]
    outcome = exchange(*OPEN, "> P. 1:6 ack 1", "< . 1 ack 6", *lines, "< . 1 ack 1211")
    assert (outcome.history(), *sizes(outcome)) == ("ShADaGG", 1210, 0)


def test_nothing_is_known_of_a_connection_without_segments():
    assert told(Outcome()) == ("OTH", "")
