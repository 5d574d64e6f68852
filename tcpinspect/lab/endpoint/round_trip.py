"""How long to wait for an acknowledgment. Wing lab. Reading: RFC 6298 §2, §5; RFC 9293 §3.8.1."""

from __future__ import annotations

from tcpinspect.lab.endpoint.settings import Settings

# §2.3: alpha = 1/8 and beta = 1/4; K = 4 (§2.2).
_ALPHA, _BETA, _K = 8, 4, 4
# G, the granularity of the clock that is assumed: the timestamps tick once a millisecond too.
GRANULARITY_NS = 1_000_000
# §5.7: "the RTO MUST be re-initialized to 3 seconds when data transmission begins" after a SYN had to be repeated.
AFTER_REPEATED_SYN_NS = 3_000_000_000


class RoundTrip:
    """SRTT, RTTVAR and RTO in ns. Samples of repeated segments must not be given (Karn's algorithm, §3)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.srtt_ns: int | None = None
        self.rttvar_ns = 0
        self.rto_ns = settings.rto_initial_ns

    def sample(self, rtt_ns: int) -> None:
        """Learn from one measured round trip (§2.2, §2.3); it also ends the back-off."""
        if self.srtt_ns is None:
            self.srtt_ns, self.rttvar_ns = rtt_ns, rtt_ns // 2
        else:
            self.rttvar_ns += (abs(self.srtt_ns - rtt_ns) - self.rttvar_ns) // _BETA
            self.srtt_ns += (rtt_ns - self.srtt_ns) // _ALPHA
        self._set(self.srtt_ns + max(GRANULARITY_NS, _K * self.rttvar_ns))

    def back_off(self) -> None:
        """§5.5: "The host MUST set RTO <- RTO * 2"."""
        self._set(self.rto_ns * 2)

    def after_repeated_syn(self) -> None:
        """§5.7, for a connection whose SYN timed out."""
        if self.srtt_ns is None:
            self._set(max(AFTER_REPEATED_SYN_NS, self._settings.rto_initial_ns))

    def _set(self, rto_ns: int) -> None:
        self.rto_ns = min(max(rto_ns, self._settings.rto_min_ns), self._settings.rto_max_ns)
