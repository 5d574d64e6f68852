"""One endpoint and a hand-written peer: segments go in and come out in packetdrill's notation.

The endpoint is at 192.0.2.1:4000 and begins at 100, the peer at 198.51.100.2:80 begins at 300; no options unless a test asks,
every segment acknowledged at once. `hears("F. 301:301(0) ack 101 win 1000")` returns what the endpoint answers, without the
window and the options: `[". 101:101(0) ack 302"]`. `to(State.…)` leads there the shortest way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint import SECOND, Ended, Endpoint, Misbehaviour, Settings
from tcpinspect.lab.notation import notation, parse
from tcpinspect.protocol.rfc9293 import State

LOCAL, REMOTE = ("192.0.2.1", 4000), ("198.51.100.2", 80)
PLAIN: dict[str, Any] = {"window_shift": None, "sack": False, "timestamps": False, "delayed_ack_ns": 0, "mss": 1000}


class Bench:
    """`now` is in ns and only moves when told; `endpoint` is there for all the rest."""

    def __init__(self, *, misbehaviour: Misbehaviour | None = None, iss: int = 100, **settings: Any) -> None:
        wish = Settings(**{**PLAIN, **settings})
        self.endpoint = Endpoint(LOCAL, REMOTE, iss=iss, settings=wish, misbehaviour=misbehaviour)
        self.now = 0
        self.segments: list[Draft] = []
        self.events: list[Any] = []

    @property
    def state(self) -> State:
        return self.endpoint.state

    def says(self) -> list[str]:
        """What the endpoint has sent since it was last asked."""
        self.segments = self.endpoint.take_segments()
        self.events += self.endpoint.take_events()
        return [notation(replace(segment, window=None, options=(), urgent_pointer=0), extras=False) for segment in self.segments]

    def calls(self, call: str, *arguments: Any, **named: Any) -> list[str]:
        """Make one of the user's calls, now."""
        getattr(self.endpoint, call)(*arguments, now=self.now, **named)
        return self.says()

    def hears(self, *texts: str) -> list[str]:
        """Let segments arrive."""
        for text in texts:
            segment = replace(parse(text), src_port=REMOTE[1], dst_port=LOCAL[1])
            self.endpoint.segment_arrives(segment, self.now, source=REMOTE[0])
        return self.says()

    def waits(self, seconds: float) -> list[str]:
        """Let time pass, timer by timer."""
        end = self.now + round(seconds * SECOND)
        while (timer := self.endpoint.next_timer()) is not None and timer <= end:
            self.now = max(timer, self.now)
            self.endpoint.poll(self.now)
        self.now = end
        return self.says()

    def told(self) -> str | None:
        """Why the connection ended, if it did not close in order."""
        self.says()
        return next((event.reason for event in self.events if isinstance(event, Ended)), None)

    def to(self, state: State) -> Bench:
        """Lead the endpoint into the state; a closing end that speaks closes first."""
        for step in _WAYS[state]:
            kind, _, rest = step.partition(" ")
            self.calls(rest) if kind == "call" else self.hears(rest)
        assert self.state == state
        return self


_OPEN = ["call open_active", "hear S. 300:300(0) ack 101 win 5000"]
_CLOSED_BY_US = [*_OPEN, "call shutdown"]
_WAYS: dict[State, list[str]] = {
    State.CLOSED: [],
    State.LISTEN: ["call open_passive"],
    State.SYN_SENT: ["call open_active"],
    State.SYN_RECEIVED: ["call open_passive", "hear S 300:300(0) win 5000"],
    State.ESTABLISHED: _OPEN,
    State.FIN_WAIT_1: _CLOSED_BY_US,
    State.FIN_WAIT_2: [*_CLOSED_BY_US, "hear . 301:301(0) ack 102 win 5000"],
    State.CLOSE_WAIT: [*_OPEN, "hear F. 301:301(0) ack 101 win 5000"],
    State.CLOSING: [*_CLOSED_BY_US, "hear F. 301:301(0) ack 101 win 5000"],
    State.LAST_ACK: [*_OPEN, "hear F. 301:301(0) ack 101 win 5000", "call shutdown"],
    State.TIME_WAIT: [*_CLOSED_BY_US, "hear F. 301:301(0) ack 102 win 5000"],
}
