cimport cython
from tcpinspect.engine.columns cimport widen

cdef class Sheet:
    cdef public long long count
    cdef long long used, room
    cdef dict columns, views
    cdef object pool
