cimport cython
from tcpinspect.engine.circle cimport difference
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.unacked cimport Unacked

@cython.final
@cython.no_gc
cdef class Half:
    cdef public long long base_seq, base_known
    cdef public long long next_seq, next_seq_ns, max_to_be_acked
    cdef public long long last_ack, last_ack_ns, duplicate_acks
    cdef public long long window, window_shift, first_ack
    cdef public long long last_analysis, flight_valid, sacked, mptcp_operations
    cdef public Unacked unacked
    cdef int reset(self) noexcept

@cython.final
cdef class Pair:
    cdef public long long started, syn_ns, initial_rtt_ns, completeness, completeness_so_far, first_bits, mptcp, mptcp_operations
    cdef int reset(self) noexcept

cpdef int analyse(Segment s, Half fwd, Half rev, Pair pair, long long reused) except -1
cpdef long long is_new_connection(Segment s, Half fwd, Half rev, Pair pair) noexcept
cdef long long judge_ack(Segment s, Half fwd, Half rev, Pair pair) noexcept
cdef long long judge_data(Segment s, Half fwd, Half rev, Pair pair, long long found) noexcept
cdef long long is_fast_retransmission(Segment s, Half rev) noexcept
cdef long long is_out_of_order(Segment s, Half fwd, Pair pair) noexcept
cdef int measure_rto(Segment s, Half fwd) noexcept
cdef int remember(Segment s, Half fwd, long long found) except -1
cdef long long measure_flight(Segment s, Half fwd, Half rev) noexcept
cdef int learn(Segment s, Half fwd, Half rev, Pair pair, long long reused) noexcept
cdef int learn_options(Segment s, Half fwd, Half rev, Pair pair) noexcept
cdef long long within(long long elapsed_ns, long long limit_ns) noexcept
