cimport cython
from tcpinspect.insight.why.replay cimport Fact, Replay
from tcpinspect.insight.why.spans cimport Sent
from tcpinspect.insight.why.way cimport Way

@cython.final
cdef class Seen:
    cdef public object octets
    cdef object table
    cdef public long long number, time_ns, tcp_flags, payload_len, seq_raw, ack_raw, window_raw, sack_blocks, src, dst, src_port, dst_port
    cdef public bint from_client, sack_permitted, options_malformed
    cdef public object window
    cdef int place(self, bint alone) noexcept

@cython.final
cdef class Facts:
    cdef Quick quick

@cython.final
cdef class Quick(Replay):
    cdef object table, cells
    cdef long long[::1] view
    cdef dict odd
    cdef long long room, carriers, again
    cdef bint alone
    cdef int clear(self, bint alone) except -1
    cdef long long number(self, long long index) noexcept
    cdef Fact fact(self, long long place)
    cdef int take(self, long long number, bint mine, long long now, long long flags, long long payload, long long seq_raw, long long ack_raw,
                  long long window_raw, long long window, long long sack_blocks, long long marks, object options) except -1
    cdef int opening(self, bint mine, long long now, long long flags, long long seq_raw, long long ack_raw, long long window_raw,
                     long long window, bint sack_permitted) except -1
    cdef int ordinary(self, bint mine, long long now, long long flags, long long payload, long long seq_raw, long long ack_raw,
                      long long window_raw, long long window) except -1
    cdef int in_order(self, Way way, long long una, long long ack, long long now) except -1
    cdef list causes(self)
