"""Table 6 beside its meaning: does the segment occupy a number of the window?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tcpinspect.lab.endpoint.acceptance import acceptable, ack_plausible
from tcpinspect.protocol.seqnum import add

NEAR = st.integers(-40, 40)


@given(st.sampled_from([0, 1000, 2**32 - 5, 2**31]), NEAR, st.integers(0, 30), st.integers(0, 30))
def test_acceptable_means_that_segment_and_window_share_a_number(rcv_nxt: int, ahead: int, length: int, window: int) -> None:
    inside = set(range(window))
    seg = set(range(ahead, ahead + length))
    if length == 0:
        wanted = ahead == 0 if window == 0 else ahead in inside
    else:
        # Table 6 looks at the first and the last octet: a segment that covers the whole window from before is the one exception.
        wanted = bool(seg & inside) and (ahead in inside or ahead + length - 1 in inside)
    assert acceptable(add(rcv_nxt, ahead), length, rcv_nxt, window) == wanted


@given(st.sampled_from([0, 1000, 2**32 - 5]), NEAR, st.integers(0, 20), st.integers(0, 20))
def test_ack_is_plausible_from_one_window_back_to_all_that_was_sent(una: int, ahead: int, flight: int, window: int) -> None:
    assert ack_plausible(add(una, ahead), una, add(una, flight), window) == (-window <= ahead <= flight)
