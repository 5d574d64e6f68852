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

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define tcpinspect_fetch(at) __builtin_prefetch((const void *)(at), 1)
    #else
    #define tcpinspect_fetch(at) ((void)(at))
    #endif
    """
    # Ask for the cache line at an address; the address need not be valid.
    void fetch "tcpinspect_fetch" (const void *at) noexcept nogil

# With a constant number of lines, and an object that may begin anywhere in one, the loop unrolls.
cdef inline void fetch_lines(const void *start, int lines) noexcept nogil:
    cdef int k
    for k in range(lines):
        fetch(<const char *>start + 64 * k)
