cimport cython

# What a segment that goes on touches, close together.
@cython.final
@cython.no_gc
cdef class Stretch:
    cdef public signed char running, logged
    cdef signed char[2] shift, ts_known, noted
    cdef unsigned int[2] due, ack, edge, whole, limit
    cdef unsigned int[2] packets, good, window, last_frame, data_id, ts
    cdef long long time_ns
    cdef long long[2] last_ns, data_ns, ts_ns, octets
    cdef unsigned int[2] oversize, oversize_frame
    cdef int begin(self, long long time_ns) noexcept

cdef Stretch new_stretch()
