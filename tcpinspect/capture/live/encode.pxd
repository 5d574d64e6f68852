cimport cython
from tcpinspect.capture.batch cimport Batch
from tcpinspect.capture.live.frames cimport Frames

@cython.final
cdef class Encoder:
    cdef public object out
    cdef unsigned char[::1] octets
    cdef long long kind, size, most, link, interface, extent
    cdef public long long filled
    cdef public list links
    cdef Frames marked
    cpdef int encode(self, Batch records, long long first, long long last, long long room) except -1
    cdef int pcap_record(self, Batch records, long long n, long long length) except -1
    cdef int enhanced_packet(self, Batch records, long long n, long long length) except -1
    cdef int choose(self, long long link) except -1
    cdef int put32(self, long long value) except -1
    cdef int put(self, Batch records, long long at, long long length) except -1
