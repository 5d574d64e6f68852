cimport cython
from tcpinspect.engine.segment cimport Segment

@cython.final
cdef class Datagram:
    cdef public long long first_ns, total, reached, units, protocol, dead, capacity
    cdef unsigned char[::1] octets
    cdef unsigned char[::1] marks
    cdef int reserve(self, long long octets) except -1
    cdef int discard(self) except -1
    cdef int repeats(self, const unsigned char[::1] view, long long at, long long length, long long first, long long units) except -1
    cdef int put(self, const unsigned char[::1] view, long long at, long long length, long long first, long long units) except -1
    cdef int is_whole(self) noexcept

@cython.final
cdef class Fragments:
    cdef public object waiting
    cdef public long long held, length, protocol
    cdef const unsigned char[::1] whole
    cdef int add(self, Segment s, const unsigned char[::1] view, long long at, long long length, long long identification, long long protocol, long long offset, long long more, long long limit) except -1
    cdef int kill(self, Datagram d) except -1
    cdef int forget(self, object key) except -1
