from libc.string cimport memcpy

# The smallest steps, inlined wherever they are used; `seqnum` and `slow` have the same for the uncompiled engine, and say what they do.

cdef inline long long difference(long long a, long long b) noexcept nogil:
    return <int>(<unsigned int>(<unsigned long long>a - <unsigned long long>b))

# One load, and a swap where the machine counts from the other end. Compilers do not see that in shifts and ors of octets, because
# Python is built with -fwrapv.
cdef extern from *:
    """
    #include <string.h>
    #include <stdint.h>
    #if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    static inline int64_t tcpinspect_be16(const unsigned char *p) { uint16_t w; memcpy(&w, p, 2); return __builtin_bswap16(w); }
    static inline int64_t tcpinspect_be32(const unsigned char *p) { uint32_t w; memcpy(&w, p, 4); return __builtin_bswap32(w); }
    static inline int64_t tcpinspect_le32(const unsigned char *p) { uint32_t w; memcpy(&w, p, 4); return w; }
    #else
    static inline int64_t tcpinspect_be16(const unsigned char *p) { return (uint32_t)p[0] << 8 | p[1]; }
    static inline int64_t tcpinspect_be32(const unsigned char *p)
        { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
    static inline int64_t tcpinspect_le32(const unsigned char *p)
        { return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]; }
    #endif
    """
    long long load_be16 "tcpinspect_be16" (const unsigned char *p) noexcept nogil
    long long load_be32 "tcpinspect_be32" (const unsigned char *p) noexcept nogil
    long long load_le32 "tcpinspect_le32" (const unsigned char *p) noexcept nogil

cdef inline long long be16(const unsigned char *octets, long long at) noexcept nogil:
    return load_be16(octets + at)

cdef inline long long be32(const unsigned char *octets, long long at) noexcept nogil:
    return load_be32(octets + at)

cdef inline long long le32(const unsigned char *octets, long long at) noexcept nogil:
    return load_le32(octets + at)

# The sum does not depend on the order of the octets in a word (RFC 1071 §2 B): words of 32 bits as they lie, turned at the end.
cdef inline long long ones_sum(const unsigned char *octets, long long at, long long end) noexcept nogil:
    cdef unsigned long long total = 0
    cdef unsigned int word
    cdef unsigned short last
    while at + 4 <= end:
        memcpy(&word, octets + at, 4)
        total += word
        at += 4
    if at + 2 <= end:
        memcpy(&last, octets + at, 2)
        total += last
        at += 2
    if at < end:
        last = 0
        memcpy(&last, octets + at, 1)
        total += last
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    last = <unsigned short>total
    return be16(<const unsigned char *>&last, 0)
