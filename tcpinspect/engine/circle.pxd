# Arithmetic on the circle of sequence numbers, inlined wherever it is used (RFC 9293 §3.4). segment.difference is the same, uncompiled.

cdef inline long long difference(long long a, long long b) noexcept:
    return <int>(<unsigned int>(<unsigned long long>a - <unsigned long long>b))
