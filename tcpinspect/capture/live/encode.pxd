cimport cython
from tcpinspect.capture.live.frames cimport Frames

@cython.final
cdef class Encoder:
    cdef public object out
    cdef unsigned char[::1] octets
    cdef long long kind, size
    cdef public long long filled
    cpdef int encode(self, Frames frames, long long first, long long last, long long room) except -1
    cdef int pcap_record(self, Frames frames, long long n) except -1
    cdef int enhanced_packet(self, Frames frames, long long n) except -1
    cdef int put32(self, long long value) except -1
    cdef int put(self, Frames frames, long long at, long long length) except -1
