from tcpinspect.engine.judge cimport Judge
from tcpinspect.engine.proofs cimport arrived, closed_early, in_turn, insists, is_first, opened, resets, silent, turned_away
from tcpinspect.protocol.fast cimport difference

cdef int doubt_rows(Judge judge, long long n, long long end_ns) except -1
cdef long long _speaks(Judge judge, long long side, long long n) noexcept
cdef long long _doubt_of(Judge judge, long long base, long long n, long long end_ns) noexcept
cdef bint _ahead(Judge judge, long long k) noexcept
cdef long long _syns_crossed(Judge judge, long long k) noexcept
cdef long long _still_unopened(Judge judge, long long base) noexcept
cdef long long _doubt_of_reset(Judge judge, long long k, long long n, long long end_ns, long long state) noexcept
cdef bint _followed(Judge judge, long long s, long long k) noexcept
cdef long long _own_reset(Judge judge, long long s) noexcept
cdef long long _answers(Judge judge, long long s, long long k) noexcept
cdef long long _fin_came_first(Judge judge, long long base, long long k) noexcept
cdef bint _older_fin_follows(Judge judge, long long k) noexcept
cdef long long _doubt_of_order(Judge judge, long long k, long long n, long long state) noexcept
cdef long long _all_acknowledged(Judge judge, long long k, long long n) noexcept
cdef long long _fin_known(Judge judge, long long end) noexcept
cdef long long _doubt_of_close(Judge judge, long long base, long long k) noexcept
cdef long long _doubt_of_abort(Judge judge, long long k, long long state, long long evidence) noexcept
cdef bint _reset_before(Judge judge, long long k) noexcept
cdef long long _doubt_of_the_end(Judge judge, long long n) noexcept
