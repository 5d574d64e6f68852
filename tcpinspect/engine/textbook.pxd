cimport cython
from tcpinspect.protocol.fast cimport difference
from tcpinspect.engine.analysis cimport Half, Pair, learn_options, show
from tcpinspect.engine.connection cimport Connection
from tcpinspect.engine.health cimport Health
from tcpinspect.engine.moments cimport Moments
from tcpinspect.engine.segment cimport Segment
from tcpinspect.engine.steady cimport is_plain, settle
from tcpinspect.engine.stretch cimport Stretch, new_stretch
from tcpinspect.engine.unacked cimport Unacked, new_unacked
from tcpinspect.engine.watch cimport Watch
from tcpinspect.engine.zeek cimport CLOSED, ESTABLISHED, SYN_SENT, Outcome

cdef bint opens(Connection c, Segment s) except -1
cdef bint closes(Connection c, Segment s, bint running, Health health) except -1
