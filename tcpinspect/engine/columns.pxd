cimport cython
from libc.string cimport memcpy
from tcpinspect.engine.segment cimport Segment

cdef int copy_octets(const unsigned char[::1] source, long long start, long long count, unsigned char[::1] target, long long at) noexcept
cdef int widen(object values, long long first, long long count, long long[::1] out, long long at) except -1

@cython.final
cdef class Rows:
    cdef public object data
    cdef long long[::1] view
    cdef public long long width, count
    cdef long long capacity
    cdef int begin(self) except -1
    cdef int reserve(self, long long rows) except -1
    cdef int put(self, long long column, long long value) except -1

@cython.final
cdef class SegmentColumns:
    cdef public object chunks, arrays
    cdef public long long count
    cdef long long capacity, pool_used
    cdef long long[::1] frame, time_ns, ack_rtt_ns, initial_rtt_ns, rto_ns, seq, ack, ts_val, ts_ecr
    cdef int[::1] stream, payload_len, window, duplicate_ack_num, bytes_in_flight, mss, options_at, ip_id
    cdef unsigned int[::1] seq_raw, ack_raw
    cdef unsigned short[::1] tcp_flags, window_raw, analysis, checksum, urgent_pointer
    cdef short[::1] window_shift
    cdef unsigned char[::1] side, data_offset, reserved, checksum_status, sack_blocks, marks, options_len, ttl, pool
    cdef int start(self) except -1
    cpdef int flush(self) except -1
    cdef int ready(self, long long rows) except -1
    cdef int enter(self, Segment s, long long stream, const unsigned char[::1] view) except -1
    cdef int complete(self, Segment s, long long seq, long long ack) except -1
