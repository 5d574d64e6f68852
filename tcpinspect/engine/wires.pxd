cimport cython
from tcpinspect.engine.links cimport Links

cdef class Wires(Links):
    cdef long long link_layer(self, long long link) noexcept
    cdef long long rare_link(self, long long link) noexcept
    cdef long long le16(self, long long at) noexcept
    cdef long long announced(self, long long octets, long long place) noexcept
    cdef long long cooked(self, long long link) noexcept
    cdef long long loopback(self, long long link) noexcept
    cdef long long serial(self) noexcept
    cdef long long cisco(self) noexcept
    cdef long long frame_relay(self) noexcept
    cdef long long token_ring(self) noexcept
    cdef long long nflog(self) noexcept
    cdef long long radiotap(self) noexcept
    cdef long long monitored(self) noexcept
    cdef long long labelled(self, long long link) noexcept
    cdef long long juniper(self, long long link) noexcept
