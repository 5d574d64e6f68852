cimport cython
from tcpinspect.capture.batch cimport Batch
from tcpinspect.protocol.fast cimport be32, le32

@cython.final
cdef class Records(Batch):
    cdef public object source, interfaces, comments, warnings
    cdef public object format
    cdef object buffer
    cdef long long[::1] if_link, if_snaplen, if_mult, if_div, if_shift, if_offset
    cdef long long if_count, at, filled, capacity, kind, big, record_header, mult, link, ended, last_time, base, want, drops
    cdef public long long frames
    cdef const unsigned char *octets
    cdef int look(self) except -1
    cdef long long u16(self, long long at) noexcept
    cdef long long u32(self, long long at) noexcept
    cpdef int next_block(self) except -1
    cpdef long long time(self, long long n)
    cpdef long long run_end(self, long long first, long long limit)
    cdef int refill(self) except -1
    cdef int walk_pcap(self) except -1
    cdef int walk_snoop(self) except -1
    cdef int walk_pcapng(self) except -1
    cdef int packet_block(self, long long kind, long long at, long long total) except -1
    cdef int add(self, long long offset, long long captured, long long wire, long long time_ns, long long link, long long interface) except -1
    cdef long long stamp(self, long long interface, long long high, long long low) noexcept
