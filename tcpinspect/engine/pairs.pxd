cimport cython
from tcpinspect.protocol.fast cimport host_hash, pair_hash
from tcpinspect.engine.segment cimport Segment

@cython.final
cdef class Pairs:
    cdef long long[::1] slots
    cdef long long[::1] lines
    cdef object store
    cdef public long long count
    cdef long long[::1] hosts
    cdef long long mask, shift, used, room, hosts_used, seed0, seed1, seed2, seed3, slot, tag, first, second
    cdef long long near_first, near_second, near_turned, near_stream
    cdef public long long place
    cdef long long find(self, Segment s) noexcept
    cdef long long search(self, Segment s, long long first, long long second, long long turned) noexcept
    cdef long long find_six(self, Segment s) noexcept
    cdef long long missed(self, long long slot, long long tag, long long first, long long second) noexcept
    cdef long long side_of(self, Segment s, long long at, long long side) noexcept
    cdef int add_hosts(self, Segment s) except -1
    cdef int add(self, Segment s, long long previous) except -1
    cdef long long live(self, long long stream) noexcept
    cdef int settle(self, long long stream, long long at) noexcept
    cdef long long previous(self, long long stream) noexcept
    cdef long long left(self, long long stream) noexcept
    cdef int keep_left(self, long long stream, long long left) noexcept
    cdef long long base(self, long long stream, long long side) noexcept
    cdef int keep_base(self, long long stream, long long side, long long base) noexcept
    cdef long long opens(self, long long stream, long long lo, long long port) noexcept
    cdef int make_room(self) except -1
    cdef int spread(self) except -1
