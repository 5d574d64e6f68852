cimport cython
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.now cimport Now

cpdef dict half_open(Now now, long long before_ns)
cpdef dict spread(Now now, long long before_ns, long long crowd)
cdef long long failure(Now now, long long at, long long before_ns) noexcept
cdef bint same_port(Now now, long long at, long long other) noexcept
