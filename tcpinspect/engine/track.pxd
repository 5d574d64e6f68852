cimport cython
from tcpinspect.capture.batch cimport Batch
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
from tcpinspect.engine.whole cimport Whole

@cython.final
cdef class Tracker(Whole):
    cdef public Finisher finisher
    cdef public SegmentColumns columns
    cdef public object suspects
    cdef public Pairs pairs
    cdef public list alive, segments_kept
    cdef public list free
    cdef long long[::1] not_before
    cdef int[::1] last_kept
    cdef Decoder decoder
    cdef long long window, kept, met
    cdef int[256] after, places
    cdef long long bounded, hand
    cdef public signed char steadily
    cdef public long long roomy, crowd, mob, closed_ns, reset_ns, attempt_ns, idle_ns, hurry_ns
    cdef long long[32] reasons
    cdef public long long segments, late_segments, now_ns
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
    cdef Connection ghost(self, Segment s, long long stream)
    cdef int haunt(self, Half half, long long stream, long long side) noexcept
    cdef Connection begin(self, Segment s, long long previous)
    cdef Connection place(self, Segment s, long long stream)
    cdef int make_room(self) except -1
    cdef int look_around(self, long long now_ns) except -1
    cdef long long patience(self, Connection c, long long alive) noexcept
    cdef int leave(self, long long stream) except -1
    cdef int let_go(self, long long stream) except -1
    cdef int write(self, Connection c, long long ended) except -1
    cdef long long left_to(self, Connection c, long long left) noexcept
    cdef long long same_end(self, Connection c) noexcept
    cpdef int end(self) except -1
    cdef int icmp_error(self, Segment s) except -1
    cpdef long long reason(self, long long which) noexcept
