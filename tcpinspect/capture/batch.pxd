cimport cython

cdef class Batch:
    cdef public const unsigned char[::1] view
    cdef unsigned int[::1] offsets, lengths, wire_lengths
    cdef long long[::1] times
    cdef int[::1] links, interface_numbers
    cdef public long long count
    cpdef tuple record(self, long long n)
