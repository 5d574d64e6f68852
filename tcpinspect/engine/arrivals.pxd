cimport cython
from tcpinspect.engine.judge cimport Judge
from tcpinspect.protocol.fast cimport difference

cdef class Arrivals(Judge):
    cdef long long heard, waiting, refused, end_ns
    cdef long long[40] queue
    cdef long long[40] late
    cdef long long[40] verdict
    cdef long long[40] earlier
    cdef int _arrive(self, long long p) except -1
    cdef int _flush(self, long long s) except -1
    cdef long long _unanswered_syn_ack(self, long long p) noexcept
    cdef int _receive(self, long long p, long long s, long long late) except -1
    cdef int _receive_fin(self, long long p, long long s, long long covers) except -1
    cdef int _receive_rst(self, long long p) except -1
