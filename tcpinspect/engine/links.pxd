cimport cython

cdef class Links:
    cdef const unsigned char[::1] view
    cdef object block
    cdef const unsigned char *octets
    cdef public long long at, end, wire_end, claimed_end, layer, value, depth, away
    cpdef int use(self, object buffer) except -1
    cdef int look(self, object buffer) except -1
    cdef long long u16(self, long long at) noexcept
    cdef long long u32(self, long long at) noexcept
    cdef long long skip(self, long long octets, long long layer, long long value) noexcept
    cdef long long six(self) noexcept
    cdef long long narrow(self, long long wire_end) noexcept
    cdef long long wireless(self, long long swapped, long long padded) noexcept
    cdef long long aggregate(self, long long length) noexcept
    cdef long long ethernet(self) noexcept
    cdef long long ppp(self) noexcept
    cdef long long ethertype(self) noexcept
    cdef long long llc(self) noexcept
    cdef long long mpls(self) noexcept
    cdef long long rare_tag(self, long long value) noexcept
    cdef long long service(self) noexcept
    cdef long long network_layer(self) noexcept
