cimport cython
from tcpinspect.capture.batch cimport Batch
from tcpinspect.engine.decode cimport Decoder
from tcpinspect.engine.finish cimport Chunk, Sink
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.track cimport Tracker
from tcpinspect.engine.whole cimport Whole
from tcpinspect.protocol.fast cimport hosts_hash

@cython.final
cdef class Parts(Whole):
    cdef public list trackers
    cdef int[::1] dealt, waiting
    cdef long long before
    cdef Decoder decoder
    cdef Segment segment
    cdef long long[8] mine
    cdef long long[32] reasons
    cpdef int block(self, Batch records, long long first, long long last) except -1
    cdef bint plain(self, Batch records, long long n) noexcept
    cdef int look_inside(self, Batch records, long long n) except -1
    cdef int flush(self, Batch records, long long part) except -1
    cpdef long long reason(self, long long which) noexcept

cdef class Starts(Sink):
    cdef long long room
    cdef public long long count
    cdef public object frames
    cdef unsigned int[::1] cells
    cpdef int take(self, Chunk chunk) except -1

cdef long long part_of_hosts(Segment s) noexcept
cdef long long fold(long long value) noexcept
