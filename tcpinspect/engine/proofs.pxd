from tcpinspect.engine.judge cimport Judge
from tcpinspect.protocol.fast cimport difference

cdef long long arrived(Judge judge, long long k, long long n, long long event) noexcept
cdef long long _speaks_open(Judge judge, long long k, long long n) noexcept
cdef bint _opened_by(Judge judge, long long s) noexcept
cdef bint _beyond_early_fin(Judge judge, long long s) noexcept
cdef bint closed_early(Judge judge, long long k, long long n) noexcept
cdef bint _odd_before(Judge judge, long long s) noexcept
cdef bint is_first(Judge judge, long long number) noexcept
cdef long long opened(Judge judge, long long f) noexcept
cdef long long _older_copy(Judge judge, long long f, long long stamp) noexcept
cdef long long _syn_ack_follows(Judge judge, long long s, long long n) noexcept
cdef long long silent(Judge judge, long long k, long long n, long long end_ns, long long event, long long state) noexcept
cdef bint _asked(Judge judge, long long k, long long n, long long end_ns) noexcept
cdef long long insists(Judge judge, long long k) noexcept
cdef long long resets(Judge judge, long long k, long long n) noexcept
cdef long long _reset_at_once(Judge judge, long long k, long long n) noexcept
cdef bint _fin_crossed(Judge judge) noexcept
cdef bint in_turn(Judge judge, long long k, long long first) noexcept
cdef long long _turnaround(Judge judge, long long side, long long k) noexcept
cdef bint turned_away(Judge judge, long long k, long long n) noexcept
