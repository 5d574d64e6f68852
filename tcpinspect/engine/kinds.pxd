from tcpinspect.engine.ledger cimport Ledger
from tcpinspect.engine.moments cimport Moments
from tcpinspect.protocol.fast cimport difference

cpdef long long likely_client(long long port_0, long long port_1) noexcept
cdef int name_client(Ledger ledger, long long client) except -1
cdef long long handshake_of(Ledger ledger, long long n) noexcept
cdef long long teardown_of(Ledger ledger, long long n, Moments m) noexcept
cdef long long _broken_at(Ledger ledger) noexcept
cdef long long _fin_before(Ledger ledger, long long frame) noexcept
