cimport cython
from tcpinspect.capture.batch cimport Batch

@cython.final
cdef class Frames(Batch):
    cdef unsigned char[::1] ring
    cdef unsigned int[::1] words
    cdef unsigned short[::1] halves
    cdef long long[::1] marks
    cdef public long long link
    cdef long long extent
    cpdef int walk(self, long long block) except -1
    cdef int frame(self, long long at) except -1
    cdef int mark(self, long long at, long long status) except -1
    cdef int tag(self, long long at, long long start, long long status) except -1
    cdef int tag_type(self, long long at, long long status) except -1
    cdef int cook(self, long long at, long long start, long long status) except -1
    cdef int put16(self, long long at, long long value) except -1
