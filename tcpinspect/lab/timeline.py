"""What an end of the wire really went through, step by step: the truth that an analysis is measured by. Wing lab.

The same shape as the engine's timeline (`schema.TIMELINE`), and more: here the segment that did it is known, not deduced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from tcpinspect.protocol.rfc9293 import Event, State

Source = Literal["sock_diag", "tracepoint", "netstat", "endpoint", "rfc"]


class Ends(NamedTuple):
    """The address pair of a connection, seen from one end."""

    address: str
    port: int
    peer_address: str
    peer_port: int


class TrueStep(NamedTuple):
    """One step of one end. `time_ns` is by the clock of the wire, `from_state` and `to_state` print as in the RFC.

    `event` is the table's, or None where Linux did what no arc of the table does (`note` then says what). `arrival` is the
    number (from 0) of the packet whose receipt did it, counted over all that this end received; None for calls and timers.
    `departure` is how many packets the end had sent before the step: the packet of that number is the first one afterwards.
    `source` is who says so; "rfc": nobody, the table has this state in between, and the kernel passes it unseen. `optional`
    steps may be missing from an honest timeline. `call` is the user's call that did it, as the sockets name it.
    """

    ends: Ends
    time_ns: int
    from_state: State
    to_state: State
    event: Event | None
    arrival: int | None
    departure: int
    source: Source
    optional: bool = False
    call: str | None = None
    note: str | None = None

    def row(self, *, stream: int, side: str, frame: int | None, rfc: str = "") -> Mapping[str, object]:
        """As a row of the engine's timeline."""
        return {
            "stream": stream, "side": side, "address": self.ends.address, "port": self.ends.port, "frame": frame,
            "time_ns": self.time_ns, "from_state": str(self.from_state), "to_state": str(self.to_state),
            "event": str(self.event) if self.event is not None else "", "evidence": "observed", "rfc": rfc, "doubt": self.note,
        }  # fmt: skip
