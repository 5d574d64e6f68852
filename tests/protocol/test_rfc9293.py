"""The table of transitions: complete in itself, and the same in each of its shapes."""

from __future__ import annotations

from collections import deque

import pytest

from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, NO_TRANSITION, TRANSITIONS, Event, State, Transition, next_states


def test_each_arc_stands_once() -> None:
    assert len(BY_STATE_AND_EVENT) == len(TRANSITIONS)


@pytest.mark.parametrize("arc", TRANSITIONS, ids=lambda t: f"{t.state}-{t.event}")
def test_dense_array_has_the_arc(arc: Transition) -> None:
    assert next_states()[arc.state * len(Event) + arc.event] == arc.to
    assert arc.section[0] == "3" or arc.section.startswith("RFC ")


def test_what_is_not_in_the_table_is_no_transition() -> None:
    dense = next_states()
    missing = [(s, e) for s in State for e in Event if (s, e) not in BY_STATE_AND_EVENT]
    assert missing and all(dense[s * len(Event) + e] == NO_TRANSITION for s, e in missing)


def test_every_state_is_reached_from_closed_and_leads_back() -> None:
    def reachable(start: State, arcs: list[tuple[State, State]]) -> set[State]:
        seen, waiting = {start}, deque([start])
        while waiting:
            here = waiting.popleft()
            for a, b in arcs:
                if a == here and b not in seen:
                    seen.add(b)
                    waiting.append(b)
        return seen

    forward = [(t.state, t.to) for t in TRANSITIONS]
    assert reachable(State.CLOSED, forward) == set(State)
    assert reachable(State.CLOSED, [(b, a) for a, b in forward]) == set(State)


def test_states_print_as_in_the_rfc() -> None:
    assert [str(s) for s in State] == [
        "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",
        "LAST-ACK", "TIME-WAIT",
    ]  # fmt: skip
