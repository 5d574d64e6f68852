cimport cython
from tcpinspect.protocol.fast cimport difference, fetch
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.analysis cimport Half, Pair, analyse
from tcpinspect.engine.health cimport Health
from tcpinspect.engine.stretch cimport Stretch
from tcpinspect.engine.watch cimport Watch
from tcpinspect.engine.kinds cimport likely_client
from tcpinspect.engine.zeek cimport Outcome
from tcpinspect.engine.moments cimport Moments
from tcpinspect.engine.samples cimport Samples

# What a segment that goes on touches stands first.
@cython.final
@cython.no_gc
cdef class Connection:
    cdef public Stretch stretch
    cdef public Half half0, half1
    cdef public Watch watch
    cdef int place
    cdef public signed char ghost, alone, client, used, superseded, family, opening, closing
    cdef public Samples rtt0, rtt1
    cdef public Outcome outcome
    cdef public Moments moments
    cdef public Pair pair
    cdef public list icmp_events
    cdef public long long start_ns, last_ns, syn_ack_ns, syn_ack_to_ack_ns
    cdef long long[2] packets, payload
    cdef public long long last_frame, stream
    cdef unsigned int[2] retransmissions, zero_windows
    cdef public unsigned int lost_segments, duplicate_acks, out_of_order, bad_checksums
    cdef public unsigned int port0, port1, syn_ack_seq
    cdef int[2] mss
    cdef short[2] shift
    cdef signed char[2] sack, timestamps, syn_seen
    cdef public long long previous, first_frame, hi0, lo0, hi1, lo1, syn_ns, syn_to_syn_ack_ns, superseded_ns
    cdef int begin(self, Segment s, long long stream) except -1
    cdef long long relative(self, long long side, long long number) noexcept
    cdef int look_at(self, Segment s, long long side, Health health) except -1
    cdef int segment(self, Segment s, long long side) except -1
    cdef int handshake_clock(self, Segment s, long long side) except -1
    cdef int fetch_ahead(self) noexcept
