# The smallest steps, inlined wherever they are used; `seqnum` and `slow` have the same for the uncompiled engine, and say what they do.

cdef inline long long difference(long long a, long long b) noexcept nogil:
    return <int>(<unsigned int>(<unsigned long long>a - <unsigned long long>b))

cdef inline long long be16(const unsigned char *octets, long long at) noexcept nogil:
    return (<unsigned int>octets[at] << 8) | octets[at + 1]

cdef inline long long be32(const unsigned char *octets, long long at) noexcept nogil:
    return (
        (<unsigned int>octets[at] << 24) | (<unsigned int>octets[at + 1] << 16) | (<unsigned int>octets[at + 2] << 8) | octets[at + 3]
    )

cdef inline long long le32(const unsigned char *octets, long long at) noexcept nogil:
    return (
        (<unsigned int>octets[at + 3] << 24) | (<unsigned int>octets[at + 2] << 16) | (<unsigned int>octets[at + 1] << 8) | octets[at]
    )
