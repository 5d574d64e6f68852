cimport cython
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.health cimport Health
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.stretch cimport Stretch

# Narrow fields, where the house has 64 bits elsewhere: a flood of SYNs makes a million of these.
@cython.final
@cython.no_gc
cdef class Watch:
    cdef signed char[2] ring_at
    cdef public long long lost_octets
    cdef public unsigned int duplicates, duplicate_frame, late, oversize, lost, lost_frame, heard
    cdef unsigned int[2] base, top, highest_ack, last_frame, limit, top_id
    cdef unsigned int[2] packets, good, bad, answered, swapped, swapped_frame, copy_seq
    cdef unsigned int[2] hole_from, hole_to, hole_left, ts0, ts
    cdef signed char[2] known, ack_known, settled, gaps, ts_known, copy_due
    cdef unsigned int[8] gap_from, gap_to
    cdef long long[2] top_ns, hole_ns, ts0_ns, ts_ns
    cdef long long[32] ring
    cdef int begin(self, Segment s) noexcept
    cdef int note(self, Segment s, long long side, Health health) noexcept
    cdef inline int remember(self, Segment s, long long side) noexcept
    cdef bint join(self, Stretch t, long long side) noexcept
    cdef int catch_up(self, Stretch t, long long side, Health health) noexcept
    cdef long long seen_before(self, Segment s, long long side) noexcept
    cdef int network_doubled(self, Segment s, long long side) noexcept
    cdef inline int sent(self, Segment s, long long side, long long end, Health health) noexcept
    cdef inline int acknowledged(self, Segment s, long long side) noexcept
    cdef int add_gap(self, long long side, long long start, long long end) noexcept
    cdef int fill(self, long long side, long long start, long long end) noexcept
    cdef int prove(self, Segment s, long long side, long long start, long long end) noexcept
    cdef long long was_late(self, Segment s, long long side, long long end) noexcept
    cdef int tick(self, Segment s, long long side, Health health) noexcept
    cpdef long long quiet(self) noexcept
    cpdef long long counter(self, long long which, long long side) noexcept
