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
    cdef unsigned long long two
    cdef unsigned int word
    cdef unsigned short last
    while at + 8 <= end:
        memcpy(&two, octets + at, 8)
        total += (two >> 32) + <unsigned int>two
        at += 8
    if at + 4 <= end:
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
    last = <unsigned short>fold16(total)
    return be16(<const unsigned char *>&last, 0)

# A sum of up to 48 bits in 16, carries added: three times leave none.
cdef inline long long fold16(unsigned long long total) noexcept nogil:
    total = <unsigned int>total + (total >> 32)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)

# The same for both directions of a pair: each end is spread over 64 bits by itself, and the two are added.
cdef inline long long pair_hash(long long src_hi, long long src_lo, long long src_port,
                                long long dst_hi, long long dst_lo, long long dst_port, long long seed) noexcept nogil:
    cdef unsigned long long total = spread64(src_hi, src_lo, src_port, seed) + spread64(dst_hi, dst_lo, dst_port, seed)
    total *= 0x9E3779B97F4A7C15ULL
    return <long long>(total >> 33)

cdef inline unsigned long long spread64(long long hi, long long lo, long long port, unsigned long long seed) noexcept nogil:
    cdef unsigned long long mixed = <unsigned long long>lo ^ seed
    mixed = (mixed ^ (<unsigned long long>port << 40)) * 0xD6E8FEB86659FD93ULL
    mixed ^= mixed >> 32
    mixed = (mixed ^ <unsigned long long>hi) * 0xD6E8FEB86659FD93ULL
    return mixed ^ mixed >> 29
