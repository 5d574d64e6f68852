cimport cython
from tcpinspect.engine.moments cimport Moments
from tcpinspect.protocol.fast cimport difference

@cython.final
cdef class Orderly:
    cdef long long[2] isn, reach, begins, ends, word, closed, stamp
    cdef long long[127] patterns, found
    cpdef long long find(self, long long pattern) noexcept
    cpdef int remember(self, long long pattern, long long number) noexcept
    cpdef long long pattern_of(self, Moments m) noexcept
    cdef bint opens(self, unsigned int *log) noexcept
    cdef inline long long carries_on(self, unsigned int *log, long long at, long long side, long long peer) noexcept
