cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.stretch cimport Stretch
from tcpinspect.engine.surplus cimport Surplus

# What Zeek calls the state of an endpoint.
cdef enum:
    INACTIVE, SYN_SENT, SYN_ACK_SENT, PARTIAL, ESTABLISHED, CLOSED, RESET

# In the order of zeek.CONN_STATES.
cdef enum:
    S0, S1, SF, REJ, S2, S3, RSTO, RSTR, RSTOS0, RSTRH, SH, SHR, OTH

@cython.final
@cython.no_gc
cdef class Outcome:
    cdef long long first_us
    cdef long long[2] sent
    cdef long long[2] acked
    cdef long long[2] delivered
    cdef long long[2] fin_end
    cdef unsigned int[2] start
    cdef unsigned int[2] last_syn
    cdef unsigned int[2] last_fin
    cdef unsigned int[2] last_rst
    cdef unsigned int[2] gaps
    cdef unsigned int[2] repeats
    cdef unsigned int[2] zero_windows
    cdef unsigned int[2] bad_checksums
    cdef unsigned int seen
    cdef unsigned short length
    cdef unsigned char[2] state
    cdef unsigned char[2] previous
    cdef unsigned char[2] closing
    cdef unsigned char[2] blind
    cdef unsigned char[2] proven
    cdef unsigned char opener
    cdef unsigned char begun
    cdef unsigned char elapsed
    cdef unsigned char[24] letters
    cdef Surplus surplus
    cdef int reset(self) except -1
    cpdef int segment(self, Segment s, long long side) except -1
    cpdef long long originator(self)
    cpdef str conn_state(self)
    cpdef long long conn_state_code(self)
    cdef int write_history(self, bytearray letters) except -1
    cdef long long over(self) noexcept
    cdef bint is_established(self) noexcept
    cdef long long orderly(self) noexcept
    cpdef str history(self)
    cpdef long long octets(self, long long side)
    cdef bint join(self, Stretch t, long long side) noexcept
    cdef int catch_up(self, Stretch t, long long side) noexcept
    cdef int _begin(self, Segment s, long long side) except -1
    cdef inline int _place(self, long long side, long long seq, long long flags, long long length) noexcept
    cdef inline int _note_flags(self, long long side, long long flags, long long rel, long long payload) except -1
    cdef inline int _advance(self, long long side, long long flags, long long end, long long payload) except -1
    cdef inline long long _acknowledge(self, long long side, long long ack, long long flags) noexcept
    cdef inline int _transition(self, long long side, long long flags, long long payload) except -1
    cdef int _leave_inactive(self, long long side, long long flags, long long payload) except -1
    cdef inline int _enter(self, long long side, long long state) noexcept
    cdef inline int _data(self, long long side, long long left, long long right) except -1
    cdef inline int _covered(self, long long side, long long ack) except -1
    cdef int gap(self, long long side) except -1
    cdef int _absorb(self, long long side) except -1
    cdef inline bint _clean(self, long long side) noexcept
    cdef long long _size(self, long long side) noexcept
    cdef inline bint once(self, long long side, long long bit, long long letter) except -1
    cdef inline int _at_powers_of_ten(self, long long side, long long count, long long letter) except -1
    cdef inline int _add(self, long long side, long long letter) except -1
    cdef inline int _append(self, long long letter) except -1
    cdef int _swap_story(self) except -1
