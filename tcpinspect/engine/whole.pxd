cimport cython
from tcpinspect.capture.batch cimport Batch
from tcpinspect.engine.health cimport Health

cdef class Whole:
    cdef public Health health
    cdef public long long frames, octets, cut, first_ns, last_ns, steps_back
    cdef long long count(self, Batch records, long long first, long long last) except -1
