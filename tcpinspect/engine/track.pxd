cimport cython
from tcpinspect.capture.records cimport Records
from tcpinspect.engine.analysis cimport Half, analyse, is_new_connection
from tcpinspect.engine.columns cimport SegmentColumns
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.decode cimport Decoder
from tcpinspect.engine.health cimport Health
from tcpinspect.engine.segment cimport Segment

@cython.final
cdef class Tracker:
    cdef public list connections
    cdef public SegmentColumns columns
    cdef long long[::1] slots
    cdef long long mask, used, seed
    cdef Decoder decoder
    cdef Segment segment
    cdef public Health health
    cdef long long[32] reasons
    cdef public long long frames, segments, first_ns, last_ns, cut, octets, steps_back
    cdef public long long checksums_good, checksums_bad, checksums_unfinished
    cpdef int block(self, Records records) except -1
    cdef int track(self, Segment s) except -1
    cdef int icmp_error(self, long long time_ns) except -1
    cdef int find(self, Segment s, long long hash) except -1
    cdef long long hash_of(self, Segment s) noexcept
    cdef int grow(self) except -1
    cpdef long long reason(self, long long which) noexcept
