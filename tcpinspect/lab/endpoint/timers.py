"""The timers of one connection: a name and a deadline each; nothing here reads a clock. Wing lab. Reading: RFC 9293 §3.10.8."""

from __future__ import annotations

from enum import IntEnum


class Timer(IntEnum):
    """Which timer; of those due at the same moment the lower number goes first."""

    time_wait = 0  # RFC 9293 §3.6: 2×MSL
    user = 1  # §3.10.8, and the limit of an orphaned FIN-WAIT-2
    retransmission = 2  # RFC 6298
    persist = 3  # §3.8.6.1: zero-window probes; also the override of §3.8.6.2.1
    keep_alive = 4  # §3.8.4
    delayed_ack = 5  # §3.8.6.3


class Timers:
    """Deadlines in ns, by timer."""

    def __init__(self) -> None:
        self._deadlines: dict[Timer, int] = {}

    def start(self, timer: Timer, deadline_ns: int) -> None:
        """Set the timer, also when it runs already."""
        self._deadlines[timer] = deadline_ns

    def stop(self, timer: Timer) -> None:
        self._deadlines.pop(timer, None)

    def clear(self) -> None:
        self._deadlines.clear()

    def __contains__(self, timer: Timer) -> bool:
        return timer in self._deadlines

    def next(self) -> int | None:
        """The earliest deadline; None when nothing runs."""
        return min(self._deadlines.values(), default=None)

    def pop_due(self, now: int) -> Timer | None:
        """Stop and return the first timer whose deadline has come."""
        due = [(deadline, timer) for timer, deadline in self._deadlines.items() if deadline <= now]
        if not due:
            return None
        _, timer = min(due)
        del self._deadlines[timer]
        return timer
