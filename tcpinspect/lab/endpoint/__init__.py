"""A TCP endpoint of our own: RFC 9293 without input, output or clock. Wing lab.

`Endpoint` is the whole of it; a caller carries its segments and tells it the time. Every change of state is looked up in
`protocol.rfc9293.TRANSITIONS`, and what is not there is an error. Read from the ground up: `machine` (the state, how a
segment leaves), `transmission` (what to send, when, what again), `expiry` (the timers), `handshake` and `arrivals` (SEGMENT
ARRIVES), `endpoint` (the user's calls). Each is a layer on the one before; the parts with memory of their own, such as
`incoming`, `scoreboard` or `round_trip`, know nothing of each other.

Implemented: RFC 9293 whole, but for security and precedence; 1122 (silly windows, Nagle, keep-alive), 2018 and 2883 (SACK,
D-SACK), 3168 (ECN), 5681 and 6582 (congestion control, fast retransmit and recovery), 5961 (blind attacks), 6191 and 1337
(TIME-WAIT), 6298 (RTO), 6675 (loss recovery by SACK, without its rules 3 and 4 of NextSeg), 7323 (scale, timestamps, PAWS), 7413
(Fast Open). Not implemented: RACK-TLP, F-RTO, AccECN, MD5, AO, MPTCP, path MTU discovery.
"""

from tcpinspect.lab.endpoint.endpoint import Endpoint
from tcpinspect.lab.endpoint.events import (
    Acknowledged,
    Advice,
    Dropped,
    Ended,
    EndOfData,
    EndpointEvent,
    Moved,
    Readable,
    Retransmitted,
    UrgentData,
)
from tcpinspect.lab.endpoint.misbehaviour import Misbehaviour
from tcpinspect.lab.endpoint.settings import MILLISECOND, SECOND, Settings

__all__ = [
    "MILLISECOND", "SECOND", "Acknowledged", "Advice", "Dropped", "EndOfData", "Ended", "Endpoint", "EndpointEvent", "Misbehaviour",
    "Moved", "Readable", "Retransmitted", "Settings", "UrgentData",
]  # fmt: skip
