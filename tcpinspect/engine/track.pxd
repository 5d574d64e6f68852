cimport cython
from tcpinspect.capture.batch cimport Batch
from tcpinspect.engine.alive cimport Alive
from tcpinspect.engine.analysis cimport Half, is_new_connection
from tcpinspect.engine.columns cimport SegmentColumns
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.decode cimport Decoder
from tcpinspect.engine.finish cimport Finisher
from tcpinspect.engine.health cimport Health
from tcpinspect.engine.pairs cimport Pairs
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.steady cimport go_on, join, settle
from tcpinspect.engine.stretch cimport Stretch
from tcpinspect.engine.textbook cimport closes, opens

# Not final: Cython allows none that overrides.
cdef class Tracker(Alive):
    cdef public SegmentColumns columns
    cdef public list segments_kept
    cdef Decoder decoder
    cdef long long window, kept, met
    cdef int[256] after, places
    cdef public signed char steadily
    cdef long long[32] reasons
    cdef public long long segments, late_segments
    cdef public long long checksums_good, checksums_bad, checksums_unfinished
    cpdef int block(self, Batch records, long long first, long long last) except -1
    cdef int other(self, Batch records, long long n, long long before) except -1
    cdef int some(self, Batch records, int[::1] picks, long long first, long long last, long long before) except -1
    cdef int unsound(self, Batch records, long long n) except -1
    cdef int track(self, Segment s) except -1
    cdef int keep(self, long long count) except -1
    cdef int enter(self, Segment s, long long stream, long long at) except -1
    cdef int follow_all(self) except -1
    cdef int follow(self, Connection c) except -1
    cdef int settle(self, Connection c) except -1
    cdef int note_checksum(self, Segment s) noexcept
    cpdef int end(self) except -1
    cdef int icmp_error(self, Segment s) except -1
    cpdef long long reason(self, long long which) noexcept
