cimport cython
from tcpinspect.engine.arrivals cimport Arrivals
from tcpinspect.protocol.fast cimport difference

cdef class Walk(Arrivals):
    cdef public long long walking, walked
    cdef long long[2] latest
    cdef long long[2] arrived
    cdef long long[2] stamp
    cdef long long _walk(self, long long n) except -1
    cdef long long _begins(self, long long n) noexcept
    @cython.final
    cdef inline long long _straight(self, long long k) noexcept
    @cython.final
    cdef inline int _reach(self, long long x, long long k) except -1
    @cython.final
    cdef inline int _hear(self, long long x, long long p) except -1
    @cython.final
    cdef inline int _take(self, long long x, long long event, long long k, long long evidence) except -1
    cdef long long _resume(self, long long x) except -1
