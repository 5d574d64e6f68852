cimport cython
from tcpinspect.protocol.fast cimport be16, be32, fold16, hosts_hash, ones_sum
from tcpinspect.capture.batch cimport Batch
from tcpinspect.engine.layers cimport Layers
from tcpinspect.engine.segment cimport Segment

@cython.final
cdef class Decoder(Layers):
    cpdef int decode(self, Segment s, long long at, long long captured, long long wire, long long link) except -1
    cdef int come_home(self) except -1
    cdef int deal(self, Batch records, long long first, long long last, int[::1] dealt, int[::1] counts) except -1
    cdef inline bint is_plain(self, long long at, long long captured, long long wire, long long link) noexcept
    cdef int several(self, list kept, long long into, Batch records, int[::1] picks, long long first, long long last, long long before) except -1
    cdef int as_they_come(self, list kept, long long into, Batch records, long long first, long long last, long long before) except -1
    cdef inline bint plain(self, Segment s, long long at, long long captured) noexcept
    cpdef int begin(self, long long at, long long captured, long long wire, long long link) except -1
    cpdef long long peel(self, Segment s) noexcept
    cpdef object cut(self, long long start, long long end)
    cdef long long tcp(self, Segment s) noexcept
    cdef inline bint header(self, Segment s, long long at, long long length, long long captured) noexcept
    cdef int rest_of_header(self, Segment s, long long at) noexcept
    cdef inline int options(self, Segment s, long long at) noexcept
    cdef int other_options(self, Segment s, long long at) noexcept
    cdef long long checksum(self, Segment s, long long at, long long length) noexcept
