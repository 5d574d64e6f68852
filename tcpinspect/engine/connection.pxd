cimport cython
from tcpinspect.engine.circle cimport difference
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.analysis cimport Half, Pair
from tcpinspect.engine.health cimport Watch
from tcpinspect.engine.kinds cimport likely_client
from tcpinspect.engine.zeek cimport Outcome
from tcpinspect.engine.moments cimport Moments
from tcpinspect.engine.samples cimport Samples

@cython.final
cdef class Connection:
    cdef public long long stream, previous, superseded, ghost, used, family, alone
    cdef public long long hi0, lo0, port0, hi1, lo1, port1
    cdef public long long client, first_frame, last_frame, start_ns, last_ns
    cdef public long long syn_ns, syn_ack_ns, syn_to_syn_ack_ns, syn_ack_to_ack_ns, syn_ack_seq
    cdef public long long lost_segments, duplicate_acks, out_of_order, bad_checksums
    cdef long long[2] packets, payload, retransmissions, zero_windows, mss, shift, sack, timestamps, syn_seen
    cdef public Samples rtt0, rtt1
    cdef public list icmp_events
    cdef public Half half0, half1
    cdef public Pair pair
    cdef public Outcome outcome
    cdef public Moments moments
    cdef public Watch watch
    cdef int begin(self, Segment s, long long stream) except -1
    cdef int segment(self, Segment s, long long side) except -1
    cdef int handshake_clock(self, Segment s, long long side) except -1
