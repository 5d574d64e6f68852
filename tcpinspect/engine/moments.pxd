cimport cython
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.stretch cimport Stretch

@cython.final
@cython.no_gc
cdef class Moments:
    cdef unsigned int *log
    cdef public long long merged
    cdef long long[2] top, acked, syn, fin
    cdef public int n
    cdef int room, epoch, run
    cdef int[2] signature, count, count_epoch, last_at
    cdef unsigned int[2] last_seq, last_ack
    cdef signed char phase
    cdef signed char[2] settled
    cdef unsigned int[48] near
    cdef int reset(self) noexcept
    cdef int grow(self) except -1
    cpdef int note(self, Segment s, long long side) except -1
    cdef int news(self, Segment s, long long side, long long kind) except -1
    cdef bint go_on(self, Segment s, long long side) except -1
    cdef inline bint logs_all(self) noexcept
    cdef bint join(self, Stretch t, long long side) noexcept
    cdef int catch_up(self, Stretch t, long long side) noexcept
    cdef inline int _place(self, Segment s, long long side) except -2
    cdef inline int _write(self, Segment s, long long side, long long at) noexcept
    cdef inline long long time_of(self, long long k) noexcept
