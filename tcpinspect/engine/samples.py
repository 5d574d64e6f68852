"""Round-trip times kept for a median: all of them up to a limit, beyond it a systematic sample. Floor 2; compiled."""

import cython

if not cython.compiled:
    free = realloc = memcpy = None  # cimported where compiled

# Beyond so many every second one goes and only every second new one is kept.
LIMIT = cython.declare(cython.longlong, 4096)
# Room within the object itself: few conversations need more.
NEAR = cython.declare(cython.longlong, 8)
KEPT_ROOM = cython.declare(cython.longlong, 32)


class Samples:
    """`count` values in ns, in the order of coming until somebody asks for the `middle`."""

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
        self.values[self.count] = value
        self.count += 1
        if self.count == LIMIT:
            for k in range(LIMIT // 2):
                self.values[k] = self.values[2 * k + 1]
            self.count = LIMIT // 2
            self.stride *= 2
        elif self.count == self.room:
            self.grow()
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

    def middle(self):
        """The median, of an even number the lower of the two in the middle; there must be one.

        Found without sorting, with Hoare's FIND (Algorithm 65, Communications of the ACM 4, 1961): what is less comes before it.
        """
        k: cython.longlong = (self.count - 1) // 2
        first: cython.longlong = 0
        last: cython.longlong = self.count - 1
        i: cython.longlong
        j: cython.longlong
        pivot: cython.longlong
        while first < last:
            pivot = self.values[k]
            i = first
            j = last
            while i <= j:
                while self.values[i] < pivot:
                    i += 1
                while pivot < self.values[j]:
                    j -= 1
                if i <= j:
                    self.values[i], self.values[j] = self.values[j], self.values[i]
                    i += 1
                    j -= 1
            if j < k:
                first = i
            if k < i:
                last = j
        return self.values[k]

    def least(self):
        k: cython.longlong
        out: cython.longlong = self.values[0]
        for k in range(1, self.count):
            out = min(out, self.values[k])
        return out

    def most(self):
        k: cython.longlong
        out: cython.longlong = self.values[0]
        for k in range(1, self.count):
            out = max(out, self.values[k])
        return out
