cimport cython
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.analysis cimport Half, show
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.health cimport Health
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.stretch cimport Stretch, new_stretch
from tcpinspect.engine.unacked cimport Unacked, new_unacked

cdef bint join(Connection c) except -1
cdef inline bint is_plain(Segment s, long long last_ns, bint ts_known, long long ts_ns) noexcept
cdef int settle(Connection c, Health health) except -1
cdef bint go_on(Connection c, Stretch t, Segment s, Half fwd, Half rev) except -1
cdef int first_of_kind(Connection c, Stretch t, Segment s, long long side) except -1
