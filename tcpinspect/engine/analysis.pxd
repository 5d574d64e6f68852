cimport cython
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.stretch cimport Stretch
from tcpinspect.engine.unacked cimport Unacked, new_unacked

@cython.final
@cython.no_gc
cdef class Half:
    cdef public Unacked unacked
    cdef public long long next_seq_ns, last_ack_ns, sacked
    cdef public unsigned int base_seq, next_seq, max_to_be_acked, last_ack, window, last_analysis
    cdef public int duplicate_acks
    cdef public signed char base_known, window_shift, first_ack, flight_valid
    cdef public unsigned char mptcp_operations
    cdef int reset(self) noexcept
    cdef bint join(self, Stretch t, long long side) noexcept
    cdef int catch_up(self, Stretch t, long long side) noexcept

@cython.final
@cython.no_gc
cdef class Pair:
    cdef public long long syn_ns, initial_rtt_ns
    cdef public unsigned char started, completeness, completeness_so_far, first_bits, mptcp, mptcp_operations
    cdef int reset(self) noexcept
    cdef bint is_settled(self) noexcept
    cdef long long noted(self) noexcept
    cdef int note(self, long long data) noexcept

cpdef int analyse(Segment s, Half fwd, Half rev, Pair pair, long long reused) except -1
cpdef long long is_new_connection(Segment s, Half fwd, Half rev, Pair pair) noexcept
cdef int show(Segment s, Half fwd, Pair pair, long long found, long long rtt_ns) noexcept
cdef long long is_fast_retransmission(Segment s, Half rev) noexcept
cdef long long is_out_of_order(Segment s, Half fwd, Pair pair) noexcept
cdef int measure_rto(Segment s, Half fwd) noexcept
cdef long long measure_flight(Segment s, Half fwd, long long sacked) noexcept
cdef int learn_options(Segment s, Half fwd, Half rev, Pair pair) noexcept
cdef long long within(long long elapsed_ns, long long limit_ns) noexcept
