"""What has arrived, in order or behind a gap. Wing lab. Reading: RFC 9293 §3.8.6.2.2, §3.10.7.4; RFC 2018 §4."""

from __future__ import annotations

from tcpinspect.protocol.seqnum import add, difference

_MAX_BLOCKS = 4


class Incoming:
    """The receiving half: RCV.NXT, the octets the user has not read, and those behind a gap.

    `edge` is the right edge of the window as far as it was ever announced: it never moves left (§3.8.6, "shrinking the
    window" is discouraged), so RCV.WND, against which arrivals are judged, is its distance from RCV.NXT.
    """

    def __init__(self, irs: int, capacity: int) -> None:
        self.irs = irs
        self.nxt = add(irs, 1)
        self.edge = self.nxt
        self.capacity = capacity
        self.ready = bytearray()
        self.fin: int | None = None  # the number of the peer's FIN, once seen
        self.urgent: int | None = None  # RCV.UP: behind the last urgent octet
        self.duplicate: tuple[int, int] | None = None  # for the next SACK option: a D-SACK block (RFC 2883 §4)
        self._held: list[tuple[int, bytes]] = []  # apart from each other, in order
        self._newest: list[int] = []  # numbers of the last arrivals behind a gap, newest first

    @property
    def window(self) -> int:
        """RCV.WND."""
        return max(difference(self.edge, self.nxt), 0)

    @property
    def gap(self) -> bool:
        return bool(self._held)

    def offer(self, unit: int, mss: int) -> int:
        """The window to announce in whole `unit`s, and from now on the edge.

        §3.8.6.2.2, silly window avoidance: the edge stays until it can move by half the buffer or one segment.
        """
        room = self.capacity - len(self.ready)
        growth = difference(add(self.nxt, room), self.edge)
        if growth >= min(self.capacity // 2, mss):
            self.edge = add(self.nxt, min(room, 0xFFFF * unit) // unit * unit)
        return min(self.window // unit, 0xFFFF)

    def growth(self) -> int:
        """By how much the window could be opened now."""
        return difference(add(self.nxt, self.capacity - len(self.ready)), self.edge)

    def take(self, seq: int, data: bytes, fin: bool) -> int:
        """Add the octets of an acceptable segment, trimmed to the window; returns how many became ready.

        What is already there stays as it was (§3.10.7.4: portions that lie outside the window are trimmed off).
        """
        end = add(seq, len(data))
        late = difference(self.nxt, seq)
        if late > 0:
            if data:
                self.duplicate = (seq, end if difference(end, self.nxt) < 0 else self.nxt)
            data, seq = data[late:], self.nxt
        excess = difference(end, self.edge)
        if excess > 0:
            data, fin = data[: max(len(data) - excess, 0)], False
        if fin:
            self.fin = end
        if not data:
            return 0
        if seq != self.nxt:
            self._newest = [seq, *(s for s in self._newest if s != seq)][:8]
        self._hold(seq, data)
        return self._release()

    def _hold(self, seq: int, data: bytes) -> None:
        out: list[tuple[int, bytes]] = []
        for left, kept in self._held:
            if difference(add(left, len(kept)), seq) < 0 or difference(left, add(seq, len(data))) > 0:
                out.append((left, kept))
                continue
            # They touch or overlap: one stretch, and where both have an octet the older one stays.
            before = data[: max(difference(left, seq), 0)]
            after = data[max(difference(add(left, len(kept)), seq), 0) :]
            seq, data = (seq if before else left), before + kept + after
        self._held = sorted([*out, (seq, data)], key=lambda stretch: difference(stretch[0], self.nxt))

    def _release(self) -> int:
        if not self._held or self._held[0][0] != self.nxt:
            return 0
        _, data = self._held.pop(0)
        self.ready += data
        self.nxt = add(self.nxt, len(data))
        return len(data)

    def pass_fin(self) -> bool:
        """True, once, when all before the FIN has arrived: the FIN is now received."""
        if self.fin is None or self.fin != self.nxt:
            return False
        self.nxt = add(self.nxt, 1)
        return True

    def blocks(self) -> tuple[tuple[int, int], ...]:
        """What to say in a SACK option: a D-SACK block if there is one, then the held stretches, the newest arrival's first."""
        edges = [(left, add(left, len(data))) for left, data in self._held]

        def age(block: tuple[int, int]) -> int:
            inside = (n for n, seq in enumerate(self._newest) if difference(seq, block[0]) >= 0 and difference(block[1], seq) > 0)
            return next(inside, len(self._newest))

        held = sorted(edges, key=age)
        return tuple(([self.duplicate] if self.duplicate else []) + held)[:_MAX_BLOCKS]
