"""How much may be on its way at once. Wing lab. Reading: RFC 5681 §3, RFC 6582 §3.2, RFC 6675 §5, RFC 3168 §6.1.2."""

from __future__ import annotations

from tcpinspect.lab.endpoint.settings import Settings
from tcpinspect.protocol.seqnum import difference

_NO_LIMIT = 1 << 62


class Congestion:
    """cwnd and ssthresh in octets. In recovery until `recover`, the highest number sent when the loss was found, is acknowledged."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.smss = settings.mss
        self.cwnd = settings.initial_window * settings.mss
        self.ssthresh = _NO_LIMIT
        self.duplicates = 0
        self.recover: int | None = None  # set: in fast recovery
        self._counted = 0

    def begin(self, smss: int) -> None:
        """The handshake is over and the segment size known (RFC 6928 §2: ten segments, 14600 octets)."""
        self.smss = smss
        self.cwnd = min(self._settings.initial_window * smss, max(2 * smss, self._settings.initial_window * 1460))

    @property
    def limit(self) -> int:
        return self.cwnd if self._settings.congestion_control else _NO_LIMIT

    def acknowledged(self, octets: int) -> None:
        """New data was acknowledged outside recovery: slow start below ssthresh, congestion avoidance above (RFC 5681 §3.1)."""
        if self.cwnd < self.ssthresh:
            self.cwnd += min(octets, self.smss)
            return
        self._counted += octets
        if self._counted >= self.cwnd:
            self._counted -= self.cwnd
            self.cwnd += self.smss

    def reduce(self, flight: int) -> None:
        """RFC 5681 §3.1, equation 4: ssthresh = max(FlightSize / 2, 2·SMSS), and cwnd goes down to it."""
        self.ssthresh = max(flight // 2, 2 * self.smss)
        self.cwnd = self.ssthresh
        self._counted = 0

    def enter_recovery(self, flight: int, snd_nxt: int) -> None:
        self.reduce(flight)
        self.recover = snd_nxt

    def leave_recovery_at(self, una: int) -> bool:
        """True when `una` ends the recovery."""
        if self.recover is None or difference(una, self.recover) < 0:
            return False
        self.recover, self.duplicates = None, 0
        return True

    def timed_out(self, flight: int) -> None:
        """RFC 5681 §3.1: "the loss window", one segment."""
        self.ssthresh = max(flight // 2, 2 * self.smss)
        self.cwnd = self.smss
        self.recover, self.duplicates, self._counted = None, 0, 0
