cimport cython
from tcpinspect.engine.ledger cimport Ledger
from tcpinspect.engine.circle cimport difference

cdef class Judge(Ledger):
    cdef long long sent_fin, fin_received, acked, own
    cdef long long _first_copy_echoed(self, long long q, long long p) noexcept
    cdef long long _verdict(self, long long p, long long s) noexcept
    cdef long long _reset_acceptable(self, long long p) noexcept
    cdef long long _expected(self, long long p) noexcept
    cdef long long _outlives(self, long long p) noexcept
    cdef long long _stale_syn(self, long long s) noexcept
    cdef long long _overtaken(self, long long s) noexcept
