"""The transmission control block: all that one incarnation of a connection remembers. Wing lab. Reading: RFC 9293 §3.3.1."""

from __future__ import annotations

from dataclasses import dataclass, field

from tcpinspect.lab.endpoint.congestion import Congestion
from tcpinspect.lab.endpoint.incoming import Incoming
from tcpinspect.lab.endpoint.outgoing import Outgoing
from tcpinspect.lab.endpoint.round_trip import RoundTrip
from tcpinspect.lab.endpoint.scoreboard import Scoreboard
from tcpinspect.lab.endpoint.settings import Settings
from tcpinspect.lab.endpoint.timers import Timers
from tcpinspect.protocol.header import DEFAULT_MSS_IPV4


@dataclass(slots=True)
class Tcb:
    """Variables as the RFC names them, lower case; what was agreed in the handshake; the parts with memory of their own."""

    settings: Settings
    iss: int
    passive: bool

    snd_una: int = 0
    snd_nxt: int = 0
    snd_wnd: int = 0
    snd_up: int | None = None  # behind the last urgent octet
    snd_wl1: int = 0
    snd_wl2: int = 0
    max_snd_wnd: int = 0

    # Agreed in the handshake.
    peer_mss: int = DEFAULT_MSS_IPV4  # §3.7.1: "If an MSS Option is not received ..., TCP ... MUST assume a default"
    snd_shift: int = 0
    rcv_shift: int = 0
    scaled: bool = False
    sack: bool = False
    timestamps: bool = False
    ecn: bool = False
    cookie: bytes | None = None  # of Fast Open: what goes into the SYN or the SYN-ACK
    early_data: bool = False  # Fast Open: the SYN's data was accepted, so SYN-RECEIVED may speak

    ts_recent: int = 0
    ts_recent_ns: int = 0
    last_ack_sent: int = 0
    echo_congestion: bool = False  # RFC 3168 §6.1.3: ECE until a CWR comes
    tell_reduced: bool = False  # RFC 3168 §6.1.2: CWR on the next new data
    reduced_at: int | None = None  # ... and not again before this number is acknowledged

    deaf: bool = False  # after close(): nobody will read
    ack_due: bool = False  # an acknowledgment must leave now
    unacknowledged: int = 0  # octets received since the last one that left
    repeats: int = 0  # of the oldest segment in flight
    stalled_ns: int | None = None  # since when nothing has been acknowledged that waits for it
    probes: int = 0  # keep-alives without an answer
    heard_ns: int = 0
    syn_repeated: bool = False

    outgoing: Outgoing = field(init=False)
    incoming: Incoming = field(init=False)
    scoreboard: Scoreboard = field(default_factory=Scoreboard)
    timers: Timers = field(default_factory=Timers)
    round_trip: RoundTrip = field(init=False)
    congestion: Congestion = field(init=False)

    def __post_init__(self) -> None:
        self.snd_una = self.snd_nxt = self.iss
        self.outgoing = Outgoing(self.iss)
        self.incoming = Incoming(-1 % (1 << 32), self.settings.receive_buffer)
        self.round_trip = RoundTrip(self.settings)
        self.congestion = Congestion(self.settings)
