cimport cython
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from tcpinspect.protocol.fast cimport difference

@cython.final
cdef class Unacked:
    cdef long long *cells
    cdef public int head, tail, room
    cdef public signed char ordered, measured, crossing
    cdef public long long base, low, high
    cdef public long long matched_ns
    cdef long long[12] near
    cdef int _begin(self) noexcept
    cdef int grow(self) except -1
    cdef bint is_past(self, long long ack) noexcept
    cdef int clear(self) noexcept
    cpdef int append(self, long long seq, long long end, long long time_ns) except -1
    cpdef int push(self, long long seq, long long end, long long time_ns) except -1
    cdef long long straight(self, long long at) noexcept
    cpdef long long acknowledge(self, long long ack) noexcept
    cdef long long advance(self, long long ack) noexcept
    cdef long long sweep(self, long long ack) noexcept
    cpdef long long span(self, long long base) noexcept
    cpdef long long oldest_ns(self) noexcept

cdef Unacked new_unacked()
