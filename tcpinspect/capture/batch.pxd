cimport cython

cdef class Batch:
    cdef public const unsigned char[::1] view
    cdef long long[::1] offsets, lengths, wire_lengths, times, links, interface_numbers
    cdef public long long count
    cpdef tuple record(self, long long n)
