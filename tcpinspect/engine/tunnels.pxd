cimport cython
from tcpinspect.engine.wires cimport Wires

cdef class Tunnels(Wires):
    cdef long long gre(self) noexcept
    cdef long long udp(self) noexcept
    cdef long long gtp(self, long long at) noexcept
    cdef long long teredo(self, long long at) noexcept
    cdef long long routed(self, long long at) noexcept
    cdef long long rare_port(self, long long source, long long target) noexcept
    cdef long long gpe(self, long long following) noexcept
    cdef long long gtp_content(self, long long at, long long length) noexcept
    cdef long long l2tp(self, long long at) noexcept
    cdef long long capwap(self, long long at) noexcept
    cdef long long sniffed(self, long long at) noexcept
