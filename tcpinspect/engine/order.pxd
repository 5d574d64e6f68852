cpdef object states(const long long[::1] cells, long long width, long long column)
cpdef long long used(const long long[::1] cells, long long width)
cpdef list best(const long long[::1] cells, long long width, long long column, bint largest, long long most, object chosen=*)
cdef bint before(const long long[::1] cells, long long width, long long column, bint largest, long long one, long long other)
cdef int rise(const long long[::1] cells, long long width, long long column, bint largest, long long[::1] heap, long long at) except -1
cdef int sink(const long long[::1] cells, long long width, long long column, bint largest, long long[::1] heap, long long count) except -1
