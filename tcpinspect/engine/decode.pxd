cimport cython
from tcpinspect.engine.layers cimport Layers
from tcpinspect.engine.segment cimport Segment

@cython.final
cdef class Decoder(Layers):
    cpdef int decode(self, Segment s, long long at, long long captured, long long wire, long long link) except -1
    cpdef long long begin(self, long long at, long long captured, long long wire, long long link) noexcept
    cpdef long long peel(self, Segment s) noexcept
    cpdef object octets(self, long long start, long long end)
    cdef long long tcp(self, Segment s) noexcept
    cdef int options(self, Segment s) noexcept
    cdef long long checksum(self, Segment s, long long at, long long length) noexcept
