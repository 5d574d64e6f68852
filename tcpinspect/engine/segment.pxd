cimport cython

# What analyses touch stands first, and nothing is wider than it must be: many wait to be followed (engine.track).
@cython.final
cdef class Segment:
    cdef public long long frame, time_ns, seq, ack, payload_len, ts_val, ts_ecr, ip_id
    cdef public long long ack_rtt_ns, initial_rtt_ns, rto_ns, bytes_in_flight
    cdef public int flags, window_raw, window, analysis, side, reused, checksum_status, shown, row
    cdef public int header_len, payload_captured, options_len, options_malformed, sack_count, mss, window_shift, sack_permitted
    cdef public int fast_open, mptcp, duplicate_ack_num, reserved, checksum, urgent_pointer, ttl
    cdef public long long family, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, payload_at, options_at
    cdef unsigned int[4] sack_left
    cdef unsigned int[4] sack_right
    cpdef long long sack_edge(self, long long block, long long right)
    cpdef int set_sack(self, long long block, long long left, long long right) except -1
