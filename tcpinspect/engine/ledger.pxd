cimport cython
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.moments cimport Moments

cdef class Ledger:
    cdef public long long n, client, client_evidence, handshake, teardown
    cdef long long[187] next_state
    cdef long long[187] rule_of
    cdef long long[1152] rows
    cdef long long[1152] rows_out
    cdef long long[264] frame, time_ns, seq, ack, word, payload, ts_val, ts_ecr, floor, top, peer_top, flags, side, octets, end
    cdef long long[2] count
    cdef long long[2] since
    cdef long long[2] broken_at
    cdef long long[2] reached
    cdef long long[2] isn
    cdef long long[2] bare_syn
    cdef long long[2] syn_ack
    cdef long long[2] fin
    cdef long long[2] fin_at
    cdef long long[2] last_alive
    cdef long long[2] sound
    cdef long long[2] finals
    cdef long long[2] before
    cdef long long[2] error_frame
    cdef long long[2] error_ns
    cdef long long[2] error_final
    cdef long long[2] error_seq
    cdef long long[2] next_syn_ns
    cdef long long x, state, ended, crossing_ns, size, anew, wanted
    cpdef long long get(self, long long k, long long field)
    cpdef str section(self, long long k)
    cpdef long long final_state(self, long long side)
    cdef int _read(self, Moments m) except -1
    cdef long long _covers_syn(self, long long k, long long side) noexcept
    cdef long long _covers_fin(self, long long k, long long side) noexcept
    cdef long long _acks_seen(self, long long k) noexcept
    cdef long long _spoiled(self, long long k) noexcept
    cdef int _survey(self, long long n) except -1
    cdef int _round_trip(self, long long n) except -1
    cdef long long _together(self, long long q, long long p) noexcept
    cdef long long _twin(self, long long q, long long p) noexcept
    cdef long long _fast_open(self, long long side) noexcept
    cdef int _row(self, long long frame, long long time_ns, long long to, long long event, long long evidence, long long rule) except -1
    cdef int _step(self, long long event, long long k, long long evidence) except -1
    cdef int _merge(self) except -1
    cdef long long _key(self, long long side, long long k, long long before) noexcept
    cdef long long _key_sent(self, long long side, long long k) noexcept
