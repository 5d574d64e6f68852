cimport cython
from libc.stdlib cimport free, realloc
from tcpinspect.engine.circle cimport difference
from tcpinspect.engine.segment cimport Segment

@cython.final
cdef class Moments:
    cdef long long *log
    cdef public long long n, merged
    cdef long long room, phase, epoch, run
    cdef long long[2] syn
    cdef long long[2] fin
    cdef long long[2] top
    cdef long long[2] acked
    cdef long long[2] settled
    cdef long long[2] signature
    cdef long long[2] count
    cdef long long[2] count_epoch
    cdef long long[2] last_seq
    cdef long long[2] last_ack
    cdef long long[2] last_at
    cdef int reset(self) noexcept
    cdef int grow(self) except -1
    cpdef int note(self, Segment s, long long side) except -1
    cdef int _keep(self, Segment s, long long side, long long end) except -1
    cdef int _write(self, Segment s, long long side, long long at) except -1
    cpdef long long get(self, long long k, long long field)
