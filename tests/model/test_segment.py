"""A segment that can be asked why it was sent."""

from __future__ import annotations

from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError

CAPTURES = Path(__file__).parents[2] / "captures"
LOSSY = ti.analyze(CAPTURES / "lossy-transfer.pcap")


def test_a_segment_explains_itself_as_the_command_does() -> None:
    segment = next(s for s in LOSSY.connections[0].segments if s.cause == "fast-retransmission")
    assert segment.why == LOSSY.why(segment.frame)
    assert segment.why.cause == segment.cause and "duplicate ACK" in segment.why.text


def test_the_segment_in_a_frame_is_the_row_of_the_table() -> None:
    for row in LOSSY.table("segments"):
        if row.cause:
            assert LOSSY.segment(row.frame) == row == LOSSY.connections[0].segments[row.frame - LOSSY.connections[0].first_frame]
            break
    with pytest.raises(UsageError, match="no frame 9999"):
        LOSSY.segment(9999)


def test_a_notebook_shows_what_it_is_and_why() -> None:
    segment = LOSSY.connections[0].segments[0]
    assert repr(segment).startswith("<segment in frame 1, stream 0: ") and "len 0>" in repr(segment)
    page = segment._repr_html_()
    assert "SYN-SENT" in page and "options_malformed" in page and "<script" not in page


def test_a_changed_copy_has_no_capture_to_explain_it() -> None:
    with pytest.raises(AttributeError, match="of no capture"):
        _ = LOSSY.segment(1)._replace(seq=7).why
