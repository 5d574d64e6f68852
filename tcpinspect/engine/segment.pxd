cimport cython

# What every packet's reading, its lookup and its analysis touch stands first and close together, nothing wider than it must be: many
# wait to be followed (engine.track). Octets of a length that are added, and what is shifted up, keep 64 bits: C counts in the wider.
@cython.final
cdef class Segment:
    cdef public long long frame, time_ns
    cdef public unsigned int seq, ack
    cdef public long long ts_val, ts_ecr, payload_len
    cdef public unsigned short flags, window_raw
    cdef public signed char side, reused, checksum_status, shown
    # What options() sets for all: one after the other, so that it is written at once.
    cdef public signed char options_malformed, sack_count, sack_permitted, fast_open
    cdef public short mptcp, window_shift
    cdef public int mss
    cdef public unsigned char header_len, options_len, family, ttl
    cdef public int payload_captured
    cdef public unsigned int ip_id
    cdef public int analysis, window
    cdef public long long src_lo, dst_lo
    cdef public unsigned short src_port, dst_port
    cdef public unsigned int options_at
    cdef public int row, duplicate_ack_num
    # Seldom touched.
    cdef public long long bytes_in_flight, ack_rtt_ns, initial_rtt_ns, rto_ns, src_hi, dst_hi, payload_at
    cdef public int reserved, checksum, urgent_pointer
    cdef unsigned int[4] sack_left
    cdef unsigned int[4] sack_right
    cpdef long long sack_edge(self, long long block, long long right)
    cpdef int set_sack(self, long long block, long long left, long long right) except -1
