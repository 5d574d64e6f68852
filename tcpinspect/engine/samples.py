"""Round-trip times kept for a median: all of them up to a limit, beyond it a systematic sample. Floor 2; compiled."""

import cython

if not cython.compiled:
    free = realloc = memcpy = qsort = None  # cimported where compiled

# Beyond so many every second one goes and only every second new one is kept.
LIMIT = cython.declare(cython.longlong, 4096)
# Room within the object itself: few conversations need more.
NEAR = cython.declare(cython.longlong, 8)
KEPT_ROOM = cython.declare(cython.longlong, 32)


class Samples:
    """`count` values in ns, in the order of coming until `sort`."""

    def __init__(self):
        self.count = 0
        self.room = NEAR
        self.stride = 1
        self.skip = 0
        if cython.compiled:
            self.values = self.near
        else:
            self.values = [0] * NEAR

    def __dealloc__(self):
        if cython.compiled and self.room > NEAR:
            free(self.values)

    def clear(self):
        """Forget all samples, and the room that only a long list needed."""
        self.count = 0
        self.stride = 1
        self.skip = 0
        if self.room > KEPT_ROOM:
            if cython.compiled:
                free(self.values)
                self.values = self.near
            else:
                self.values = [0] * NEAR
            self.room = NEAR
        return 0

    def add(self, value):
        k: cython.longlong
        self.skip += 1
        if self.skip < self.stride:
            return 0
        self.skip = 0
        if self.count == self.room:
            self.grow()
        self.values[self.count] = value
        self.count += 1
        if self.count == LIMIT:
            for k in range(LIMIT // 2):
                self.values[k] = self.values[2 * k + 1]
            self.count = LIMIT // 2
            self.stride *= 2
        return 0

    def grow(self):
        room: cython.longlong = self.room * 2
        if cython.compiled:
            outside: cython.bint = self.room > NEAR
            values: cython.p_longlong = cython.cast(cython.p_longlong, realloc(self.values if outside else cython.NULL, room * 8))
            if values is cython.NULL:
                raise MemoryError()
            if not outside:
                memcpy(values, self.near, NEAR * 8)
            self.values = values
        else:
            self.values.extend([0] * (room - self.room))
        self.room = room
        return 0

    def sort(self):
        """Put them in order, the least first: by insertion where they are few."""
        i: cython.longlong
        j: cython.longlong
        value: cython.longlong
        if self.count > KEPT_ROOM:
            if cython.compiled:
                qsort(self.values, self.count, 8, compare)
            else:
                self.values[: self.count] = sorted(self.values[: self.count])
            return 0
        for i in range(1, self.count):
            value = self.values[i]
            j = i
            while j > 0 and self.values[j - 1] > value:
                self.values[j] = self.values[j - 1]
                j -= 1
            self.values[j] = value
        return 0

    def value(self, k):
        return self.values[k]


def compare(a, b):
    x: cython.longlong = cython.cast(cython.p_longlong, a)[0]
    y: cython.longlong = cython.cast(cython.p_longlong, b)[0]
    return -1 if x < y else 1 if x > y else 0
