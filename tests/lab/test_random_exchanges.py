"""Two endpoints over a wire that loses, delays, doubles, reorders and spoils: RFC 9293 must hold, and the analysis be right.

`TCPINSPECT_EXCHANGES` is the number of exchanges; by default a few hundred, the same ones each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings

from .chance import Comparison, Plan, Played, compare, legal, plans, whole_or_told

EXCHANGES = int(os.environ.get("TCPINSPECT_EXCHANGES", "300"))
SOME = settings(
    max_examples=EXCHANGES // 2,
    deadline=None,
    derandomize="TCPINSPECT_EXCHANGES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


def test_orderly_exchanges_arrive_whole_and_are_read_right() -> None:
    """What the analysis calls observed, without a doubt, has happened. (By which copy of a segment is not always to be told.)"""
    total = Comparison()

    @SOME
    @given(plans(orderly=True))
    def exchange(plan: Plan) -> None:
        played = Played(plan)
        legal(played)
        whole_or_told(played)
        found = compare(played)
        assert not found.never_happened
        total.add(found)

    exchange()
    assert total.steps > EXCHANGES
    assert len(total.other_frame) < 0.05 * total.steps, total.other_frame


def test_any_exchange_arrives_whole_or_says_why_not() -> None:
    """Simultaneous opens and closes, aborts, packets in any order: what the tap cannot tell is doubted, or not called observed.

    No capture tells a CLOSE whose FIN waited, or was lost before the tap with all that would show it: that is counted. The known
    exchanges hold nothing else; among thousands of fresh ones it takes a rare coincidence, of which one in 2000 steps is let pass.
    """
    total = Comparison()

    @SOME
    @given(plans())
    def exchange(plan: Plan) -> None:
        played = Played(plan)
        legal(played)
        whole_or_told(played)
        total.add(compare(played))

    exchange()
    assert total.steps > EXCHANGES
    assert len(total.never_happened) <= (total.steps // 2000 if SOME.derandomize is False else 0), total.never_happened
    assert len(total.unseen_calls) < 0.01 * total.steps, total.unseen_calls
