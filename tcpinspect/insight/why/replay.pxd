cimport cython
from libc.math cimport rint
from tcpinspect.insight.why.spans cimport Sent
from tcpinspect.insight.why.way cimport Way

@cython.final
cdef class Fact:
    cdef public object row, ack, top, una, edge, acked_before, peer_top, window_before, peer_window_raw, last_duplicate, last_ack
    cdef public object last_data, prompt, since_timer_ns, srtt_ns, rto_ns, rtt_min_ns, initial_rtt_ns, delivered, sack, syn_before
    cdef public object fin_before, peer_syn, peer_fin, dsack, original, previous, hole, twin
    cdef public Way own, other
    cdef public str kind, cause
    cdef public dict notes
    cdef public long long index, flags, payload, begin, end, duplicates, unanswered, home_ns, sacked_above, newly, duplicate_number
    cdef public long long copies, again
    cdef public bint recovery, opened, peer_opened, accepted_before, already_sacked, new_sack, same_cut, probe

cdef class Replay:
    cdef public object facts
    cdef public Way server, client
    cdef long long count, initial_rtt_ns, syn_ns
    cpdef long long time(self, long long index) except *
    cpdef long long flags(self, long long index) except *
    cdef long long seq(self, long long index) except *
    cdef object row(self, long long index)
    cdef bint from_client(self, long long index) except *
    cpdef object prompt(self, Fact fact)
    cdef int note(self, Fact fact) except -1
    cpdef Fact step(self, object row)
    cdef int before(self, Fact fact, Way own, Way other, long long now) except -1
    cdef object twin(self, Fact fact, Way own, long long now)
    cdef int acknowledge(self, Fact fact, Way own, Way other, long long ack, long long now) except -1
    cdef int selective(self, Fact fact, Way other, long long ack, long long now) except -1
    cdef int arrived(self, Way way, long long begin, long long end, long long now, bint sample) except -1
    cdef int carry(self, Fact fact, Way own) except -1
    cpdef object done(self, Fact fact)
    cdef int handshake(self, Fact fact, Way own, Way other, long long now) except -1

cdef object known(long long value)
cdef list _blocks_in(bytes options)
cdef long long _number(bytes octets, long long at) except -1
cpdef bint same_packet(object a, object b) except -1
