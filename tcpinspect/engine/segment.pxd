cimport cython

@cython.final
cdef class Segment:
    cdef public long long frame, time_ns
    cdef public long long family, src_hi, src_lo, dst_hi, dst_lo, ttl, ip_id
    cdef public long long src_port, dst_port, seq, ack, header_len, reserved, flags, window_raw, checksum, urgent_pointer
    cdef public long long payload_len, payload_captured, payload_at, options_at, options_len
    cdef public long long mss, window_shift, sack_permitted, ts_val, ts_ecr, sack_count, fast_open, mptcp, options_malformed
    cdef long long[4] sack_left
    cdef long long[4] sack_right
    cdef public long long checksum_status, shown
    cdef public long long analysis, window, duplicate_ack_num, bytes_in_flight, ack_rtt_ns, initial_rtt_ns, rto_ns
    cpdef long long sack_edge(self, long long block, long long right)
    cpdef int set_sack(self, long long block, long long left, long long right) except -1
