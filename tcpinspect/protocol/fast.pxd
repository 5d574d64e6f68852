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
    static inline uint64_t tcpinspect_rest(const unsigned char *end, int64_t n) { uint64_t w; memcpy(&w, end - 8, 8); return w >> (64 - 8 * n); }
    static inline void tcpinspect_fetch(const void *p, int64_t n) { int64_t k; for (k = 0; k < n; k += 64) __builtin_prefetch((const char *)p + k); }
    #else
    static inline void tcpinspect_fetch(const void *p, int64_t n) { (void)p; (void)n; }
    static inline int64_t tcpinspect_be16(const unsigned char *p) { return (uint32_t)p[0] << 8 | p[1]; }
    static inline int64_t tcpinspect_be32(const unsigned char *p)
        { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
    static inline int64_t tcpinspect_le32(const unsigned char *p)
        { return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]; }
    static inline uint64_t tcpinspect_rest(const unsigned char *end, int64_t n) { uint64_t w = 0; memcpy(&w, end - n, n); return w; }
    #endif
    """
    long long load_be16 "tcpinspect_be16" (const unsigned char *p) noexcept nogil
    long long load_be32 "tcpinspect_be32" (const unsigned char *p) noexcept nogil
    long long load_le32 "tcpinspect_le32" (const unsigned char *p) noexcept nogil
    # Have octets brought into the cache that will be read soon.
    void fetch "tcpinspect_fetch" (const void *p, long long n) noexcept nogil
    # The n octets (1 to 7) before `end` as they would begin a word of zeros; there are eight at least.
    unsigned long long load_rest "tcpinspect_rest" (const unsigned char *end, long long n) noexcept nogil

cdef inline long long be16(const unsigned char *octets, long long at) noexcept nogil:
    return load_be16(octets + at)

cdef inline long long be32(const unsigned char *octets, long long at) noexcept nogil:
    return load_be32(octets + at)

cdef inline long long le32(const unsigned char *octets, long long at) noexcept nogil:
    return load_le32(octets + at)

# The sum does not depend on the order of the octets in a word (RFC 1071 §2 B): words of 64 bits as they lie, turned at the end.
# At least eight octets: a rest that fills no word is read together with octets before it. `more`: 16 bits that belong to the sum.
cdef inline long long ones_sum(const unsigned char *octets, long long at, long long end, long long more) noexcept nogil:
    cdef const unsigned char *here = octets + at
    cdef const unsigned char *rest = octets + end - ((end - at) & 7)
    cdef unsigned short turned = <unsigned short>more
    cdef unsigned long long total = <unsigned long long>be16(<const unsigned char *>&turned, 0)
    cdef unsigned long long carries = 0
    cdef unsigned long long word
    while rest - here >= 32:
        add_word(&total, &carries, here)
        add_word(&total, &carries, here + 8)
        add_word(&total, &carries, here + 16)
        add_word(&total, &carries, here + 24)
        here += 32
    while here != rest:
        add_word(&total, &carries, here)
        here += 8
    if rest != octets + end:
        word = load_rest(octets + end, (end - at) & 7)
        total += word
        carries += total < word
    total += carries
    total += total < carries
    turned = fold32(<unsigned int>((total + (total >> 32 | total << 32)) >> 32))
    return be16(<const unsigned char *>&turned, 0)

cdef inline void add_word(unsigned long long *total, unsigned long long *carries, const unsigned char *octets) noexcept nogil:
    cdef unsigned long long word
    memcpy(&word, octets, 8)
    total[0] += word
    carries[0] += total[0] < word

# Half of a word and the other half added, with the carry: what is above is the sum.
cdef inline unsigned short fold32(unsigned int total) noexcept nogil:
    return <unsigned short>((total + (total >> 16 | total << 16)) >> 16)

# A sum of up to 48 bits in 16, carries added: three times leave none.
cdef inline long long fold16(unsigned long long total) noexcept nogil:
    total = <unsigned int>total + (total >> 32)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)

# The ends of a pair, in order, in 31 bits. Sums of products with random odd numbers, of which the upper bits are taken: whatever two
# pairs somebody chose, they collide as rarely as any (Dietzfelbinger et al., J. Algorithms 25, 1997).
cdef inline long long pair_hash(long long first, long long second, long long seed0, long long seed1) noexcept nogil:
    return <long long>((<unsigned long long>first * <unsigned long long>seed0
                        + <unsigned long long>second * <unsigned long long>seed1) >> 33)

# An IPv6 address in 46 bits, the highest set: not that of an IPv4 address.
cdef inline long long host_hash(long long hi, long long lo, long long seed0, long long seed1) noexcept nogil:
    return 1LL << 45 | <long long>((<unsigned long long>hi * <unsigned long long>seed0
                                    + <unsigned long long>lo * <unsigned long long>seed1) >> 19)

# The same for both directions of two hosts. No secret seed: results must be the same every time.
cdef inline int hosts_hash(long long a, long long b) noexcept nogil:
    cdef long long mixed = ((a ^ b) & 0x7FFFFFFF) * 0x2545F491 + ((a + b) & 0x7FFFFFFF) * 3
    return <int>(((mixed >> 20) ^ (mixed >> 9)) & 0x7FFFFFFF)
