cimport cython

@cython.final
cdef class Health:
    cdef public long long previous_ns, high_ns, step_ns, step_frame, behind, waited
    cdef public long long disordered, disorder_frame, steps_back, step_back_frame
    cdef public long long jumps, jump_frame, jump_ns
    cdef public long long cut_frame, late_frame, oversize_frame, unfinished_frame, bad_frame
    cdef public list leaps, leaps_seen
    cdef int settle_leaps(self) except -1
    cpdef int clock(self, long long time_ns, long long frame) noexcept
    cpdef int settle(self) noexcept
    cdef int judge(self, long long stepped) noexcept
    cpdef int jumped(self, long long from_ns, long long to_ns, long long frame) noexcept
