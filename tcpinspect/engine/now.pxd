cimport cython
from tcpinspect.capture.batch cimport Batch
from tcpinspect.engine.classes cimport Classes
from tcpinspect.engine.columns cimport Rows
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.finish cimport Chunk, Finisher
from tcpinspect.engine.pairs cimport Pairs
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.track cimport Tracker

cdef class Now(Finisher):
    cdef public Tracker tracker
    cdef public Classes classes
    cdef public object lines
    cdef long long[::1] cells
    cdef public list told, news, gone
    cdef dict waits
    cdef public long long room, beyond, looks, follow
    cpdef int feed(self, Batch records) except -1
    cpdef long long feed_until(self, Batch records, long long first, long long until_ns) except -1
    cpdef Chunk chunk_of(self, long long stream)
    cpdef int finish(self, Connection c, long long before, long long capture_end_ns, long long ended) except -1
    cdef int wait(self, Connection c, long long number) except -1
    cdef int outwait(self, long long now_ns) except -1
    cdef int grow(self) except -1
    cpdef list ask(self, long long now_ns)
    cdef bint stale(self, Connection c, long long at) noexcept
    cdef bint waited(self, long long at, long long now_ns) noexcept
    cdef int look(self, long long slot, long long now_ns) except -1
    cdef bint only_asked(self, Connection c) noexcept
    cdef int tell_asked(self, Connection c, long long slot) except -1
    cdef long long before(self, Connection c) except -2
    cdef int tell(self, Connection c, long long slot) except -1
    cdef long long since(self, long long side) noexcept
    cdef tuple compare(self, Connection c, long long number, object told)
    cdef long long key(self, long long k, long long side) noexcept
    cdef int say(self, Connection c, long long number, long long k, long long role, long long gone) except -1
    cpdef tuple row(self, long long slot, long long now_ns)
    cpdef int forget(self) except -1
    cpdef list end(self)
