cimport cython

cdef class Batch:
    cdef public const unsigned char[::1] view
    cdef long long[::1] offsets, lengths, wire_lengths, times, links, interface_numbers, numbers
    cdef public long long count, numbered
    cpdef tuple record(self, long long n)
