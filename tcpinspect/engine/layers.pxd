cimport cython
from tcpinspect.engine.fragments cimport Fragments
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.tunnels cimport Tunnels

cdef class Layers(Tunnels):
    cdef public Fragments fragments
    cdef public Segment quote
    cdef public long long quoted, icmp_type, icmp_code, icmp_mtu
    cdef long long i64(self, long long at) noexcept
    cdef long long next_layer(self, Segment s) noexcept
    cdef long long ipv4(self, Segment s) noexcept
    cdef long long ipv6(self, Segment s) noexcept
    cdef long long extensions(self, Segment s) noexcept
    cdef long long join(self, Segment s, long long identification, long long offset, long long more, long long limit) noexcept
    cdef long long transport(self) noexcept
    cdef long long wrapped(self) noexcept
    cdef long long icmp(self, long long family) noexcept
    cdef long long quote_ipv4(self, long long at) noexcept
    cdef long long quote_ipv6(self, long long at) noexcept
    cdef long long quote_tcp(self, long long at) noexcept
