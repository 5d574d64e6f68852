"""What an endpoint's user may choose. Wing lab. Reading: RFC 9293 §3.7, §3.8; times are integer nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All switches of an endpoint; the defaults are those of the RFCs."""

    # What is offered in the SYN.
    mss: int = 1460  # the largest segment we take; also a limit for what we send
    receive_buffer: int = 65535  # octets kept for a user who does not read: the most that the window can be
    window_shift: int | None = 7  # RFC 7323 §2.2; None: the option is not sent
    sack: bool = True  # RFC 2018 §2
    timestamps: bool = True  # RFC 7323 §3
    ecn: bool = False  # RFC 3168 §6.1.1
    fast_open: bool = False  # RFC 7413: ask for a cookie, or give and honour cookies
    fast_open_key: bytes = b"a secret of the server"  # RFC 7413 §4.1.2: cookies are made with it

    # When to send.
    nagle: bool = True  # §3.7.4
    delayed_ack_ns: int = 200 * MILLISECOND  # §3.8.6.3: less than 0.5 s; 0: every segment is acknowledged at once
    delay_fin_ack: bool = False  # a FIN's acknowledgment waits as that of data does: our own FIN may carry it
    congestion_control: bool = True  # RFC 5681; off: the peer's window is the only limit
    initial_window: int = 10  # segments, RFC 6928 §2
    timestamp_offset: int = 0  # RFC 7323 §5.4: where the clock of the timestamps begins

    # How long to wait.
    rto_initial_ns: int = SECOND  # RFC 6298 §2.1
    rto_min_ns: int = SECOND  # RFC 6298 §2.4; Linux has 200 ms
    rto_max_ns: int = 60 * SECOND  # RFC 6298 §2.5
    r1: int = 3  # §3.8.3: that many repeats, then the user is told
    r2_ns: int = 100 * SECOND  # §3.8.3: "at least 100 seconds", then the connection ends
    r2_syn_ns: int = 180 * SECOND  # §3.8.3: "at least 3 minutes" for a SYN
    user_timeout_ns: int | None = None  # §3.9.1.1: data not acknowledged for so long ends the connection
    fin_wait_2_ns: int | None = None  # an end after close(), forgotten by its peer: Linux waits 60 s, the RFC for ever
    keep_alive_ns: int | None = None  # §3.8.4: off; "no less than two hours" when on, but that is for the user to choose
    keep_alive_interval_ns: int = 75 * SECOND
    keep_alive_probes: int = 9
    msl_ns: int = 120 * SECOND  # §3.4.2: two minutes; TIME-WAIT lasts twice as long

    # Where the RFCs leave a choice.
    keep_listening: bool = True  # a passive open whose handshake fails waits for the next SYN
    reuse_time_wait: bool = True  # RFC 6191: a new SYN may end TIME-WAIT
    ignore_reset_in_time_wait: bool = False  # RFC 1337 §3: against TIME-WAIT assassination
    challenge_acks: int = 10  # RFC 5961 §7: at most so many ...
    challenge_period_ns: int = 5 * SECOND  # ... in such a time
