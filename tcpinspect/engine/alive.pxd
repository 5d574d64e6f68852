cimport cython
from tcpinspect.engine.analysis cimport Half
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.finish cimport Finisher
from tcpinspect.engine.pairs cimport Pairs
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.whole cimport Whole
from tcpinspect.protocol.fast cimport fetch

cdef class Alive(Whole):
    cdef public Finisher finisher
    cdef public object suspects
    cdef public Pairs pairs
    cdef public list alive
    cdef list free
    cdef long long[::1] not_before
    cdef int[::1] last_kept
    cdef long long bounded, hand
    cdef public long long now_ns
    cdef public long long roomy, crowd, mob, closed_ns, reset_ns, attempt_ns, idle_ns, hurry_ns
    cdef int settle(self, Connection c) except -1
    cdef Connection ghost(self, Segment s, long long stream)
    cdef int haunt(self, Half half, long long stream, long long side) noexcept
    cdef Connection begin(self, Segment s, long long previous)
    cdef int make_way(self, long long now_ns) except -1
    cdef Connection place(self, Segment s, long long stream)
    cdef int make_room(self) except -1
    cdef int look_around(self, long long now_ns) except -1
    cdef int fetch_ahead(self, long long now_ns, long long at, long long alone) noexcept
    cdef long long patience(self, Connection c, long long alive) noexcept
    cdef int leave(self, long long stream) except -1
    cdef int let_go(self, long long stream) except -1
    cdef int write(self, Connection c, long long ended) except -1
    cdef long long left_to(self, Connection c, long long left) noexcept
    cdef long long same_end(self, Connection c) noexcept
    cpdef int end(self) except -1
