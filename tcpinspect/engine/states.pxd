cimport cython
from tcpinspect.engine.kinds cimport handshake_of, name_client, teardown_of
from tcpinspect.engine.doubts cimport doubt_rows
from tcpinspect.engine.moments cimport Moments
from tcpinspect.engine.orderly cimport Orderly
from tcpinspect.engine.walk cimport Walk
from tcpinspect.protocol.fast cimport difference

@cython.final
cdef class Solver(Walk):
    cdef Orderly orderly
    cdef long long told, fin_missed
    cpdef int solve(self, Moments m, long long client, long long capture_end_ns, long long rows=*) except -1
    cpdef int remember(self, long long before_0, long long before_1) except -1
    cpdef int hear_error(self, long long side, long long frame, long long time_ns, long long seq, long long final) except -1
    cpdef int hear_next_syn(self, long long side, long long time_ns) except -1
    cdef int _tell_overtaken(self, long long i) except -1
    cdef int _send_early(self, long long k) except -1
    cdef bint _knew_alike(self, long long k, long long i) noexcept
    cdef int _tell_missed(self, long long i) except -1
    cdef int _unseen(self, long long n) except -1
    cdef int _error(self) except -1
    cdef int _work_out(self, Moments m, long long pattern, long long client, long long capture_end_ns) except -1
    cdef int _remember(self, Moments m, long long pattern) except -1
    cdef int _recall(self, Moments m, long long pattern, long long capture_end_ns) except -1
    cdef int _solve_side(self, long long x, long long n, long long capture_end_ns) except -1
    cdef int _solve_alone(self, long long x, long long n) except -1
    cdef int _again(self, long long s) except -1
    cdef int _send(self, long long s) except -1
    cdef int _hear_syn(self, long long s) except -1
    cdef int _send_rst(self, long long s) except -1
    cdef int _begin(self, long long s) except -1
