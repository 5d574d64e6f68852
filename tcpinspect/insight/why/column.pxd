cimport cython
from tcpinspect.insight.why.plain cimport Quick, Seen

@cython.final
cdef class Table:
    cdef list chunks, starts, live, free
    cdef object address, port, codes, left
    cpdef object causes(self, object passed)
    cdef int tally(self, long long chunk) except -1
    cdef int follow(self, long long chunk) except -1
    cdef bint alone(self, long long stream) except -1
    cpdef object late(self, number, name)
    cpdef Seen seen(self, number, from_client)
