cimport cython
from tcpinspect.engine.columns cimport widen
from tcpinspect.insight.why.plain cimport Quick, Seen

@cython.final
cdef class Table:
    cdef list chunks, starts, live, free
    cdef object address, port, codes, left, cells, head, chain
    cpdef object causes(self, object passed)
    cdef int tally(self, long long chunk) except -1
    cdef int follow(self, long long chunk) except -1
    cdef int window(self, object arrays, long long first, long long size, long long number) except -1
    cdef bytes octets(self, object arrays, long long n)
    cdef bint alone(self, long long stream) except -1
    cpdef object late(self, number, name)
    cpdef Seen seen(self, number, from_client)
