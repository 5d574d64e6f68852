cimport cython
from libc.string cimport memcpy
from tcpinspect.engine.columns cimport widen

cdef bint is_stamped(const unsigned char[::1] octets, long long at, long long end) noexcept
cdef long long big_endian(const unsigned char[::1] octets, long long at, long long end) noexcept

@cython.final
cdef class Field:
    cdef public bytes key, null
    cdef public long long null_limit, first_column
    cdef public object words
    cdef public list stamps
    cdef list small
    cdef dict large

@cython.final
cdef class Lines:
    cdef public long long used
    cdef object buffer
    cdef list fields
    cdef bytes before, after
    cdef unsigned char[::1] view
    cdef const unsigned char[::1] pairs
    cdef long long[::1] scratch
    cdef long long capacity, count
    cdef long long[64] kinds, nulls
    cdef int room(self, long long size) except -1
    cdef int put(self, bytes text) except -1
    cdef int number(self, long long value) except -1
    cdef int row(self, long long n) except -1
    cdef int put_options(self, const unsigned char[::1] octets, long long at, long long end) except -1
    cdef int text(self, Field field, long long code) except -1
