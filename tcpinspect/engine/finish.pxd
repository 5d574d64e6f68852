cimport cython
from tcpinspect.engine.columns cimport Rows
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.samples cimport Samples
from tcpinspect.engine.states cimport Solver

@cython.final
cdef class Chunk:
    cdef public long long first, done
    cdef public object rows
    cdef long long[::1] view
    cdef public Rows steps
    cdef public bytearray letters
    cdef public Rows waiting
    cdef public long long settled_ns, taken_ns, early, stored
    cdef long long room
    cdef Connection source
    cdef int complete(self) except -1
    cdef int clear(self) except -1
    cdef int next_row(self) except -1
    cdef int make_room(self, long long room) except -1
    cdef int put_in_order(self) except -1
    cpdef tuple unload(self)
    cpdef int load(self, object rows, object steps, object letters, object waiting) except -1

cdef class Sink:
    cpdef int take(self, Chunk chunk) except -1

cdef class Finisher:
    cdef long long keep_steps, taken, held, most
    cdef object shelf
    cdef list sinks
    cdef bint counting
    cdef int put_away(self) except -1
    cdef public dict chunks
    cdef Chunk latest
    cdef public Chunk page
    cdef Solver solver
    cpdef Chunk chunk_of(self, long long stream)
    cpdef int finish(self, Connection c, long long before, long long capture_end_ns, long long ended) except -1
    cdef int hear_errors(self, Connection c) except -1
    cdef long long last_state(self, Connection c, long long side) noexcept
    cdef long long left(self, Connection c) noexcept
    cdef int await_end(self, Connection c, Chunk chunk) except -1
    cpdef object take(self, long long capture_end_ns, long long ended)
    cdef int give(self, Chunk page) except -1
    cdef int arrange(self, Chunk chunk) except -1
    cdef int settle_chunk(self, Chunk chunk, long long capture_end_ns) except -1
    cdef int outlast(self, Chunk chunk, long long stream, long long side) except -1
    cdef int write_steps(self, Connection c, Chunk chunk) except -1

cdef int spread(long long[::1] row, long long at, Samples samples) except -1
cdef long long known(long long value) noexcept
