"""Ranges of sequence numbers: what was sent when and how often, what was selectively acknowledged. Floor 3; compiled.

Positions are unwrapped sequence numbers (plain integers that do not turn at 2³²). Both stores are bounded, for a capture can hold any
disorder: what has to be moved for a piece in between is bounded, too, so that a whole connection stays linear. At either end it is nothing.
Reading: RFC 9293 §3.4; RFC 2018 §3.
"""

import cython
from collections import namedtuple

if not cython.compiled:
    free = realloc = memmove = None  # cimported where compiled

MOST_PIECES = 20_000
MOST_RANGES = 128

# Octets start … end−1: sent `copies` times, first in segment number `first`, latest in `last` (places in the list).
Piece = namedtuple("Piece", ("start", "end", "first", "last", "copies"))  # noqa: PYI024
WIDTH = cython.declare(cython.longlong, 5)  # cells of a piece, in this order
MOST = cython.declare(cython.longlong, MOST_PIECES)
FIRST_ROOM = cython.declare(cython.longlong, 4)
KEPT_ROOM = cython.declare(cython.longlong, 64)


class Sent:
    """What one side sent, as pieces apart from one another and in order: `count` of them in `cells`.

    Compiled, `cells` is a place in `store`, where `room` pieces fit and `front` before the first: what comes in reverse finds room, too.
    """

    def __init__(self):
        self.count = 0
        self.room = 0
        self.front = 0
        if not cython.compiled:
            self.cells = []

    def __dealloc__(self):
        if cython.compiled:
            free(self.store)

    def clear(self):
        """Forget all pieces, and the room that only many needed."""
        self.count = 0
        self.front = 0
        if cython.compiled:
            if self.room > KEPT_ROOM:
                free(self.store)
                self.store = cython.NULL
                self.room = 0
            self.cells = self.store
        else:
            self.cells = []
        return 0

    def make_room(self, pieces, ahead):
        """Have room for so many more, before the first if `ahead`, else behind the last."""
        room: cython.longlong = self.room if self.room else FIRST_ROOM
        front: cython.longlong = self.front
        behind: cython.longlong = self.room - front - self.count
        here: cython.longlong = front if ahead else behind
        there: cython.longlong = behind if ahead else front
        if not cython.compiled or here >= pieces:
            return 0
        if there >= pieces and 2 * there >= self.room:  # half of it stands empty, on the other side
            front = front + behind if ahead else 0
        else:
            while room < self.room + pieces:
                room *= 2
            store: cython.p_longlong = cython.cast(cython.p_longlong, realloc(self.store, room * WIDTH * 8))
            if store is cython.NULL:
                raise MemoryError()
            self.store = store
            if ahead:
                front += room - self.room
            self.room = room
        memmove(self.store + front * WIDTH, self.store + self.front * WIDTH, self.count * WIDTH * 8)
        self.front = front
        self.cells = self.store + front * WIDTH
        return 0

    def move(self, source, target):
        """Move all pieces from `source` on so that they begin at `target`, or those before so that they end there: the fewer."""
        more: cython.longlong = target - source
        before: cython.longlong = min(source, target)
        if not cython.compiled:
            self.cells[before * WIDTH : source * WIDTH] = [0] * (more * WIDTH)
        elif before < self.count - source:
            self.make_room(more, 1)
            memmove(self.cells - more * WIDTH, self.cells, before * WIDTH * 8)
            self.front -= more
            self.cells = self.store + self.front * WIDTH
        else:
            self.make_room(more, 0)
            memmove(self.cells + target * WIDTH, self.cells + source * WIDTH, (self.count - source) * WIDTH * 8)
        self.count += more
        return 0

    def put(self, at, start, end, first, last, copies):
        """Write one piece into its cells."""
        k: cython.longlong = at * WIDTH
        self.cells[k] = start
        self.cells[k + 1] = end
        self.cells[k + 2] = first
        self.cells[k + 3] = last
        self.cells[k + 4] = copies
        return 0

    def append(self, begin, end, index):
        """Note that segment `index` carried begin … end−1 beyond all pieces; 0, and nothing noted, where it does not lie there."""
        n: cython.longlong = self.count
        if n and begin < self.cells[n * WIDTH - 4]:
            return 0
        if self.front + n >= self.room:
            self.make_room(1, 0)
        if not cython.compiled:
            self.cells[n * WIDTH :] = [0] * WIDTH
        self.put(n, begin, end, index, index, 1)
        self.count = n + 1
        if self.count > MOST:
            self.move(MOST // 2, 0)
        return 1

    def add(self, begin, end, index):
        """The same wherever it lies; returns the older pieces that it overlaps, in order."""
        at: cython.longlong
        past: cython.longlong
        if begin >= end or self.append(begin, end, index):
            return []
        at = self.first_over(begin)
        past = max(at, self.first_from(end))
        old = self.some(at, past)
        made = [(begin, end, index, index, 1)]
        if old:
            left, right = old[0], old[len(old) - 1]
            low, high = max(begin, left.start), min(end, right.end)
            again = (low, high, min([p.first for p in old]), index, max([p.copies for p in old]) + 1)
            made = [(left.start, begin, *left[2:]), (begin, low, index, index, 1), again, (high, end, index, index, 1), (end, *right[1:])]
            made = [p for p in made if p[0] < p[1]]
        self.move(past, at + len(made))
        for piece in made:
            self.put(at, piece[0], piece[1], piece[2], piece[3], piece[4])
            at += 1
        if self.count > MOST:
            # Farthest from what comes now.
            if 2 * at < self.count:
                self.count = MOST // 2
            else:
                self.move(MOST // 2, 0)
        return old

    def first_from(self, position):
        """Number of the first piece that starts at this position or beyond."""
        low: cython.longlong = 0
        high: cython.longlong = self.count
        middle: cython.longlong
        while low < high:
            middle = (low + high) // 2
            if self.cells[middle * WIDTH] < position:
                low = middle + 1
            else:
                high = middle
        return low

    def first_over(self, position):
        """Number of the first piece that ends beyond this position."""
        at: cython.longlong = self.first_from(position + 1) - 1
        return at + 1 if at < 0 or self.cells[at * WIDTH + 1] <= position else at

    def some(self, at, past):
        """Pieces by number."""
        k: cython.longlong
        out = []
        for k in range(at * WIDTH, past * WIDTH, WIDTH):
            out.append(Piece(self.cells[k], self.cells[k + 1], self.cells[k + 2], self.cells[k + 3], self.cells[k + 4]))
        return out

    def within(self, begin, end):
        """The pieces that overlap begin … end−1, in order."""
        at: cython.longlong
        if begin >= end:
            return []
        at = self.first_over(begin)
        return self.some(at, max(at, self.first_from(end)))

    def ending(self, position):
        """Number of the piece that ends here, -1 where none does."""
        at: cython.longlong = self.count - 1
        if at < 0 or self.cells[at * WIDTH + 1] != position:  # as a rule it is the last one
            at = self.first_from(position) - 1
        return at if at >= 0 and self.cells[at * WIDTH + 1] == position else -1

    def after(self, position):
        """The first piece that starts at this position or beyond, or None."""
        at: cython.longlong = self.first_from(position)
        return self.some(at, at + 1)[0] if at < self.count else None


class Ranges:
    """A set of octets as ranges apart from one another and in order: `count` of them, few, in `cells`."""

    def __init__(self):
        self.count = 0
        self.room = 0
        if not cython.compiled:
            self.cells = []

    def __dealloc__(self):
        if cython.compiled:
            free(self.cells)

    def __len__(self):
        return self.count

    def clear(self):
        """Make it empty."""
        self.count = 0
        return 0

    def move(self, source, target):
        """Move all ranges from `source` on so that they begin at `target`; there is room for one more than there are."""
        if self.count + 1 >= self.room:
            room: cython.longlong = max(2 * self.room, 4)
            if cython.compiled:
                cells: cython.p_longlong = cython.cast(cython.p_longlong, realloc(self.cells, room * 16))
                if cells is cython.NULL:
                    raise MemoryError()
                self.cells = cells
            else:
                self.cells.extend([0] * (2 * (room - self.room)))
            self.room = room
        if cython.compiled:
            memmove(self.cells + 2 * target, self.cells + 2 * source, (self.count - source) * 16)
        else:
            self.cells[2 * target : 2 * (target + self.count - source)] = self.cells[2 * source : 2 * self.count]
        self.count += target - source
        return 0

    def add(self, begin, end):
        """Add begin … end−1; returns the parts that were not in the set."""
        at: cython.longlong = 0
        past: cython.longlong
        edge: cython.longlong = begin
        new = []
        if begin >= end:
            return new
        while at < self.count and self.cells[2 * at + 1] < begin:
            at += 1
        past = at
        while past < self.count and self.cells[2 * past] <= end:
            if edge < self.cells[2 * past]:
                new.append((edge, min(self.cells[2 * past], end)))
            edge = max(edge, self.cells[2 * past + 1])
            past += 1
        if edge < end:
            new.append((edge, end))
        if at < past:
            begin = min(begin, self.cells[2 * at])
            end = max(end, self.cells[2 * past - 1])
        self.move(past, at + 1)
        self.cells[2 * at] = begin
        self.cells[2 * at + 1] = end
        if self.count > MOST_RANGES:
            self.move(1, 0)
        return new

    def drop_below(self, position):
        """Forget what lies wholly below."""
        n: cython.longlong = 0
        while n < self.count and self.cells[2 * n + 1] <= position:
            n += 1
        if n:
            self.move(n, 0)
        return 0

    def covers(self, begin, end):
        """Whether all of begin … end−1 is in the set."""
        n: cython.longlong = self.count - 1
        while n >= 0 and self.cells[2 * n] > begin:
            n -= 1
        return n >= 0 and self.cells[2 * n + 1] >= end

    def above(self, position):
        """How many octets of the set lie at this position or beyond."""
        n: cython.longlong
        octets: cython.longlong = 0
        for n in range(self.count):
            octets += max(0, self.cells[2 * n + 1] - max(self.cells[2 * n], position))
        return octets
