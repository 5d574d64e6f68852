"""The segments of one direction that are not acknowledged yet, as Wireshark remembers them. Floor 2.

At most 10,000 are kept, in the order of the capture. As a rule that is also the order of their sequence numbers, and
then an acknowledgment costs a step for each segment it covers and the octets in flight cost none. The list is walked
only where retransmissions disturb the order and an acknowledgment reaches into it, or where one lies half the number
space away. The answers are those of the walk either way.
Reading: RFC 9293 §3.4.
"""

import cython

if not cython.compiled:
    from tcpinspect.protocol.seqnum import difference

    free = realloc = memcpy = None  # cimported where compiled

MASK = cython.declare(cython.longlong, 0xFFFFFFFF)
HALF = cython.declare(cython.longlong, 0x80000000)
LIMIT = cython.declare(cython.longlong, 10000)
# Room within the object itself: few conversations need more.
NEAR = cython.declare(cython.longlong, 4)
KEPT_ROOM = cython.declare(cython.longlong, 16)

# One entry is three cells: first sequence number, the number behind the last octet, capture time.
WIDTH = cython.declare(cython.longlong, 3)


@cython.freelist(256)
@cython.cclass
class Unacked:
    """A queue of (seq, end, time_ns), with room for one more. `matched_ns` holds the time that the last successful question found."""

    def __init__(self):
        self._begin()

    def _begin(self):
        """Empty, with the least room."""
        self.head = 0
        self.tail = 0
        self.room = NEAR
        self.ordered = 1
        self.measured = 1
        self.crossing = 0
        self.base = 0
        self.low = 0
        self.high = 0
        self.matched_ns = 0
        if cython.compiled:
            self.cells = self.near
        else:
            self.cells = [0] * (NEAR * WIDTH)
        return 0

    def __dealloc__(self):
        if cython.compiled and self.room > NEAR:
            free(self.cells)

    def clear(self):
        """Forget all entries, and the room that only a long list needed."""
        self.head = 0
        self.tail = 0
        if self.room > KEPT_ROOM:
            if cython.compiled:
                free(self.cells)
                self.cells = self.near
            else:
                self.cells = [0] * (NEAR * WIDTH)
            self.room = NEAR
        return 0

    def is_past(self, ack):
        """1 when this acknowledgment has done its work, and all that is left lies in order behind it."""
        return self.head == self.tail or (self.ordered and difference(self.cells[self.head * WIDTH], ack) >= 0)

    def __len__(self):
        return self.tail - self.head

    def grow(self):
        """Make room for one entry: close the gap in front when it is half of the room, else double the room."""
        i: cython.longlong
        room: cython.longlong
        shift: cython.longlong
        if self.head * 2 >= self.room:
            shift = self.head * WIDTH
            for i in range((self.tail - self.head) * WIDTH):
                self.cells[i] = self.cells[i + shift]
            self.tail -= self.head
            self.head = 0
            return 0
        room = self.room * 2
        if cython.compiled:
            outside: cython.bint = self.room > NEAR
            cells: cython.p_longlong = cython.cast(cython.p_longlong, realloc(self.cells if outside else cython.NULL, room * WIDTH * 8))
            if cells is cython.NULL:
                raise MemoryError()
            if not outside:
                memcpy(cells, self.near, NEAR * WIDTH * 8)
            self.cells = cells
        else:
            self.cells.extend([0] * ((room - self.room) * WIDTH))
        self.room = room
        return 0

    def append(self, seq, end, time_ns):
        """Remember a segment and return 1; once the list is full nothing happens, and it returns 0."""
        at: cython.longlong = self.tail * WIDTH
        first: cython.longlong = self.head * WIDTH
        if (
            self.ordered
            and 0 < self.tail - self.head < LIMIT
            and (
                difference(seq, self.cells[at - 3]) < 0 or difference(end, self.cells[at - 2]) < 0 or difference(end, self.cells[first]) < 0
            )
        ):
            self.ordered = 0
        return self.push(seq, end, time_ns)

    def push(self, seq, end, time_ns):
        """`append` for what is known to keep the order."""
        at: cython.longlong
        low: cython.longlong
        high: cython.longlong
        if self.head == self.tail:
            self.head = 0
            self.tail = 0
            self.ordered = 1
            self.measured = 0
        elif self.tail - self.head >= LIMIT:
            return 0
        at = self.tail * WIDTH
        if self.measured:
            low = (seq - self.base) & MASK
            high = (end - self.base) & MASK
            if high < low:
                self.crossing = 1
            if low < self.low:
                self.low = low
            if high > self.high:
                self.high = high
        self.cells[at] = seq
        self.cells[at + 1] = end
        self.cells[at + 2] = time_ns
        self.tail += 1
        if self.tail == self.room:
            self.grow()
        return 1

    def straight(self, at):
        """Whether the whole of an ordered list lies in order as seen from `at` (not across the far side of the circle)."""
        first: cython.longlong = self.cells[self.head * WIDTH]
        last: cython.longlong = self.cells[self.tail * WIDTH - 2]
        below: cython.longlong = difference(first, at)
        return self.ordered and below != -HALF and difference(last, at) - below == difference(last, first)

    def acknowledge(self, ack):
        """Drop what `ack` covers and cut what it covers in part.

        Returns 1 when an entry ended exactly at `ack`; `matched_ns` is then the time of the oldest such entry.
        """
        at: cython.longlong
        if self.head == self.tail:
            return 0
        at = self.tail * WIDTH - 3
        if self.ordered and self.cells[at + 1] == ack and difference(self.cells[self.head * WIDTH], ack) != -HALF:
            # All of it, as a rule: the oldest that ends there is one of the last.
            while at > self.head * WIDTH and self.cells[at - 2] == ack:
                at -= 3
            self.matched_ns = self.cells[at + 2]
            self.head = self.tail
            self.measured = 0
            return 1
        return self.advance(ack) if self.straight(ack) else self.sweep(ack)

    def advance(self, ack):
        """`acknowledge` for a list in order, of which something is left or lies behind."""
        at: cython.longlong
        end: cython.longlong
        found: cython.longlong = 0
        while self.head < self.tail:
            at = self.head * WIDTH
            end = self.cells[at + 1]
            if difference(end, ack) > 0:
                break
            if end == ack and not found:
                found = 1
                self.matched_ns = self.cells[at + 2]
            self.head += 1
            self.measured = 0
        at = self.head
        while at < self.tail and difference(self.cells[at * WIDTH], ack) < 0:
            self.cells[at * WIDTH] = ack
            self.measured = 0
            at += 1
        return found

    def sweep(self, ack):
        """`acknowledge` for a list without order: one walk, unless the known bounds show that nothing can change."""
        at: cython.longlong
        keep: cython.longlong
        seq: cython.longlong
        end: cython.longlong
        first: cython.longlong
        found: cython.longlong = 0
        ordered: cython.longlong = 1
        if self.measured and not self.crossing and self.high - self.low < HALF:
            at = difference((self.base + self.low) & MASK, ack)
            if at >= 0 and at + self.high - self.low < HALF:
                return 0
        first = self.head * WIDTH
        keep = first
        for at in range(first, self.tail * WIDTH, 3):
            seq = self.cells[at]
            end = self.cells[at + 1]
            if difference(ack, end) >= 0:
                if end == ack and not found:
                    found = 1
                    self.matched_ns = self.cells[at + 2]
                continue
            if difference(seq, ack) < 0:
                seq = ack
                self.cells[at] = ack
            if (
                ordered
                and keep > first
                and (
                    difference(seq, self.cells[keep - 3]) < 0
                    or difference(end, self.cells[keep - 2]) < 0
                    or difference(end, self.cells[first]) < 0
                )
            ):
                ordered = 0
            if keep != at:
                self.cells[keep] = seq
                self.cells[keep + 1] = end
                self.cells[keep + 2] = self.cells[at + 2]
            keep += 3
        self.tail = keep // 3
        self.ordered = ordered
        self.measured = 0
        return found

    def span(self, base):
        """Octets from the lowest to the highest number in the list, both counted from `base`; modulo 2³²."""
        at: cython.longlong
        low: cython.longlong
        high: cython.longlong
        if self.measured and self.base == base:
            return (self.high - self.low) & MASK
        at = self.head * WIDTH
        self.low = (self.cells[at] - base) & MASK
        self.high = (self.cells[at + 1] - base) & MASK
        self.crossing = self.high < self.low
        self.base = base
        self.measured = 1
        if self.ordered and not self.crossing:
            low = (self.cells[self.tail * WIDTH - 3] - base) & MASK
            high = (self.cells[self.tail * WIDTH - 2] - base) & MASK
            # In order and without passing zero on the way: the ends of the list are the extremes.
            if low >= self.low and high >= self.high and high >= low:
                self.high = high
                return self.high - self.low
        while at < self.tail * WIDTH:
            low = (self.cells[at] - base) & MASK
            high = (self.cells[at + 1] - base) & MASK
            if high < low:
                self.crossing = 1
            if low < self.low:
                self.low = low
            if high > self.high:
                self.high = high
            at += 3
        return (self.high - self.low) & MASK

    def oldest_ns(self):
        """Capture time of the oldest entry; there must be one."""
        return self.cells[self.head * WIDTH + 2]


def new_unacked():
    """An empty queue. Every connection wants two: the class is not called for them, which takes longer than making one."""
    queue: Unacked = Unacked.__new__(Unacked)
    queue._begin()
    return queue
