cimport cython
from tcpinspect.insight.why.spans cimport Ranges, Sent
from tcpinspect.protocol.fast cimport difference

@cython.final
cdef class Way:
    cdef public Sent sent
    cdef public Ranges sacked
    cdef public long long base, last
    cdef long long shift, syn, fin, top, una, window_raw, edge, duplicates, last_control, last_new, last_data, last_duplicate
    cdef long long last_ack, timer_ns, delivered, recovery, resent, unanswered, rtt_min, count
    cdef public bint accepted
    cdef bint opened, asked
    cdef signed char sack_offered
    cdef double srtt, rttvar
    cdef long long[4] places
    cdef int clear(self) except -1
    cdef long long place(self, long long raw) noexcept
    cdef int measured(self, long long sample) noexcept
    cdef int remember(self, long long place) noexcept
