cimport cython
from tcpinspect.engine.ledger cimport Ledger
from tcpinspect.protocol.fast cimport difference

cdef class Judge(Ledger):
    cdef long long sent_fin, fin_received, either_first, acked, own
    cdef long long _first_copy_echoed(self, long long q, long long p) noexcept
    cdef long long _verdict(self, long long p, long long s) noexcept
    cdef long long _reset_acceptable(self, long long p) noexcept
    cdef long long _expected(self, long long p) noexcept
    cdef long long _outlives(self, long long p) noexcept
    cdef long long _first_of(self, long long s) noexcept
    cdef long long _turns_away(self, long long s, long long p) noexcept
    cdef long long _syn_behind(self, long long i) noexcept
    cdef long long _fin_behind(self, long long i) noexcept
    cdef long long _missed(self, long long k, long long i) noexcept
    cdef long long _closed_first(self, long long i) noexcept
    cdef bint _older_fin(self, long long i) noexcept
    cdef long long _closes_unopened(self, long long s) noexcept
    cdef long long _stale_syn(self, long long s) noexcept
    cdef long long _overtaken(self, long long s) noexcept
