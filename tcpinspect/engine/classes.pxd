cimport cython
from tcpinspect.engine.finish cimport Chunk, Sink

@cython.final
cdef class Class:
    cdef public long long key, handshake, count, client_retransmissions, server_retransmissions, least
    cdef public list examples

cdef class Classes(Sink):
    cdef public long long count, tallies, crowd, host_ports, door_ports, door_room
    cdef long long aim_key, aim_family, aim_hi, aim_lo, aim_port
    cdef tuple server
    cdef list at_port, at_host
    cdef list recent
    cdef long long[251] recent_keys
    cdef short[128] telling
    cdef public dict by_key, ports, pairs, doors, hosts
    cpdef int add(self, Chunk chunk) except -1
    cpdef int take(self, Chunk chunk) except -1
    cdef int sort_in(self, Chunk chunk, long long at) except -1
    cdef Class class_of(self, long long key, long long handshake)
    cdef object row(self, Chunk chunk, long long at)
    cdef long long key_of(self, Chunk chunk, long long at) noexcept
    cdef long long trouble_of(self, Chunk chunk, long long at) noexcept
    cdef int keep(self, Class one, Chunk chunk, long long at, long long trouble) except -1
    cdef int tally(self, long long key, Chunk chunk, long long at) except -1
    cdef int aim(self, long long key, long long[::1] row, long long at) except -1
    cdef int count_host(self, list found, long long port, long long new_client, Chunk chunk, long long at) except -1
    cdef int forget_hosts(self) except -1
    cdef list counted(self, dict table, tuple name)
    cdef int count_one(self, list found, Chunk chunk, long long at) except -1
    cdef object history(self, Chunk chunk, long long at)
    cdef int forget(self, dict table) except -1
    cdef int forget_doors(self) except -1
