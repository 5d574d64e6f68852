cimport cython
from libc.stdlib cimport free, realloc
from libc.string cimport memmove

@cython.final
@cython.no_gc
cdef class Sent:
    cdef long long *cells
    cdef long long *store
    cdef long long count, room, front
    cdef int clear(self) noexcept
    cdef int make_room(self, long long pieces, bint ahead) except -1
    cdef int move(self, long long source, long long target) except -1
    cdef int put(self, long long at, long long start, long long end, long long first, long long last, long long copies) noexcept
    cdef int append(self, long long begin, long long end, long long index) except -1
    cpdef list add(self, long long begin, long long end, long long index)
    cdef long long first_from(self, long long position) noexcept
    cdef long long first_over(self, long long position) noexcept
    cdef list some(self, long long at, long long past)
    cpdef list within(self, long long begin, long long end)
    cdef long long ending(self, long long position) noexcept
    cpdef object after(self, long long position)

@cython.final
@cython.no_gc
cdef class Ranges:
    cdef long long *cells
    cdef long long count, room
    cdef int clear(self) noexcept
    cdef int move(self, long long source, long long target) except -1
    cpdef list add(self, long long begin, long long end)
    cpdef int drop_below(self, long long position) except -1
    cpdef bint covers(self, long long begin, long long end) noexcept
    cpdef long long above(self, long long position) noexcept
