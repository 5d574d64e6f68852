cimport cython
from cpython.list cimport PyList_GET_ITEM
from tcpinspect.capture.batch cimport Batch
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.pairs cimport Pairs
from tcpinspect.protocol.fast cimport be16, be32, fetch_lines

@cython.final
cdef class Lookahead:
    cdef Pairs pairs
    cdef long long[16] tags
    cdef long long[16] streams
    cdef void *places[16]
    cdef int begin(self) noexcept
    cdef int look(self, Batch records, list alive, list free, long long n, long long last) noexcept
    cdef long long tag(self, long long n) noexcept
    cdef int fetch(self, list alive, long long at) noexcept
    cdef int fetch_story(self, list alive, long long at) noexcept
    cdef int fetch_state(self, list alive, long long at) noexcept
    cdef int fetch_parts(self, void *place) noexcept
    cdef int fetch_rest(self, void *place) noexcept
