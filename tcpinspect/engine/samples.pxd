cimport cython
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

@cython.final
@cython.no_gc
cdef class Samples:
    cdef long long *values
    cdef public int count, room
    cdef public long long stride, skip
    cdef long long[8] near
    cdef int clear(self) noexcept
    cdef int add(self, long long value) except -1
    cdef int grow(self) except -1
    cdef long long middle(self) noexcept
    cdef long long least(self) noexcept
    cdef long long most(self) noexcept
