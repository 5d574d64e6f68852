cimport cython
from tcpinspect.engine.segment cimport Segment, difference
from tcpinspect.engine.analysis cimport Half, Pair
from tcpinspect.engine.health cimport Watch
from tcpinspect.engine.kinds cimport likely_client
from tcpinspect.engine.zeek cimport Outcome
from tcpinspect.engine.moments cimport Moments

@cython.final
cdef class Connection:
    cdef public long long stream, previous, family, hash, alone
    cdef public long long hi0, lo0, port0, hi1, lo1, port1
    cdef public long long client, first_frame, last_frame, start_ns, last_ns
    cdef public long long syn_ns, syn_ack_ns, syn_to_syn_ack_ns, syn_ack_to_ack_ns, syn_ack_seq
    cdef public long long lost_segments, duplicate_acks, out_of_order, bad_checksums
    cdef long long[2] packets, payload, retransmissions, zero_windows, mss, shift, sack, timestamps, syn_seen
    cdef long long[2] rtt_stride, rtt_skip
    cdef public object rtt0, rtt1, icmp_events
    cdef public Half half0, half1
    cdef public Pair pair
    cdef public Outcome outcome
    cdef public Moments moments
    cdef public Watch watch
    cdef int segment(self, Segment s, long long side) except -1
    cdef int handshake_clock(self, Segment s, long long side) except -1
    cdef int rtt_sample(self, long long side, long long value) except -1
    cpdef long long counter(self, long long which, long long side) noexcept
