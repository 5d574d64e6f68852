cimport cython
from tcpinspect.engine.links cimport Links

cdef class Tunnels(Links):
    cdef long long gre(self) noexcept
    cdef long long udp(self) noexcept
    cdef long long gtp(self, long long at) noexcept
    cdef long long teredo(self, long long at) noexcept
