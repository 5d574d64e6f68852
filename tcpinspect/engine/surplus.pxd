cimport cython

@cython.final
cdef class Surplus:
    cdef long long[64] left
    cdef long long[64] right
    cdef long long[2] held
    cdef unsigned char[232] letters
    cdef int hold(self, long long side, long long left, long long right) except -1
    cdef int drop_first(self, long long side) except -1
    cdef long long first_left(self, long long side) noexcept
    cdef long long first_right(self, long long side) noexcept
    cdef long long end(self, long long side) noexcept
