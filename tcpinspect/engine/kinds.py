"""Name the kinds of handshake and teardown, by the words of the table `connections`. Floor 2. Reading: RFC 9293 §3.5, §3.6."""

import cython

from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import Evidence, State

if not cython.compiled:
    from tcpinspect.engine.ledger import Ledger  # noqa: F401
    from tcpinspect.engine.moments import Moments  # noqa: F401
    from tcpinspect.protocol.seqnum import difference

FIN = cython.declare(cython.longlong, header.FIN)
SYN = cython.declare(cython.longlong, header.SYN)
RST = cython.declare(cython.longlong, header.RST)
ACK = cython.declare(cython.longlong, header.ACK)

CLOSED = cython.declare(cython.longlong, State.CLOSED)
TIME_WAIT = cython.declare(cython.longlong, State.TIME_WAIT)
ASSUMED = cython.declare(cython.longlong, Evidence.assumed)
INFERRED = cython.declare(cython.longlong, Evidence.inferred)
OBSERVED = cython.declare(cython.longlong, Evidence.observed)

HANDSHAKES = ("none", "three-way", "simultaneous", "split", "tfo", "refused", "unanswered", "incomplete")
TEARDOWNS = ("open", "four-segment", "three-segment", "simultaneous", "half-close", "reset", "aborted", "unknown")
CLIENT_EVIDENCE = ("assumed", "inferred", "observed")


def likely_client(port_0, port_1):
    """The side (0 sent first) that is the client where no SYN was seen: the first sender, unless its port is clearly a server's."""
    if port_0 < 1024 <= port_1 or port_0 < 10000 and port_1 >= 32768:
        return 1
    return 0


def name_client(ledger, client):
    """The client by its SYN, else by the SYN-ACK sent to it, else whom the caller says, else the first sender."""
    ledger.client_evidence = ASSUMED
    ledger.client = client if client >= 0 else 0
    if ledger.bare_syn[0] >= 0 or ledger.bare_syn[1] >= 0:
        ledger.client_evidence = OBSERVED
        ledger.client = 0 if ledger.bare_syn[1] < 0 or 0 <= ledger.bare_syn[0] < ledger.bare_syn[1] else 1
    elif ledger.syn_ack[0] >= 0 or ledger.syn_ack[1] >= 0:
        ledger.client_evidence = INFERRED
        ledger.client = 0 if ledger.syn_ack[0] < 0 or 0 <= ledger.syn_ack[1] < ledger.syn_ack[0] else 1
    return 0


def handshake_of(ledger, n):
    """Index into HANDSHAKES, by the words of the table `connections`."""
    c: cython.longlong = ledger.client
    s: cython.longlong = 1 - c
    k: cython.longlong
    flags: cython.longlong
    answer: cython.longlong = -1
    if ledger.bare_syn[0] < 0 and ledger.bare_syn[1] < 0 and ledger.syn_ack[0] < 0 and ledger.syn_ack[1] < 0:
        return 0
    if ledger.bare_syn[0] >= 0 and ledger.bare_syn[1] >= 0:
        # Where SYNs cross, both ends answer with SYN-ACK; a split handshake has at most one.
        if ledger.syn_ack[0] < 0 or ledger.syn_ack[1] < 0:
            return 3
        for k in range(ledger.bare_syn[s]):
            if ledger.side[k] == s and ledger.flags[k] & ACK and not ledger.flags[k] & RST:
                return 3
        return 2
    for k in range(n):
        flags = ledger.flags[k]
        if ledger.side[k] == s and answer < 0:
            answer = k
            if flags & RST:
                return 5
    if answer < 0 and ledger.error_frame[c] and ledger.error_seq[c] == ledger.isn[c]:
        return 5
    if answer < 0:
        return 6 if ledger.bare_syn[c] >= 0 else 7
    if ledger.bare_syn[c] < 0 or ledger.syn_ack[s] < 0:
        return 7
    for k in range(ledger.syn_ack[s], n):
        flags = ledger.flags[k]
        if ledger.side[k] == c and flags & ACK and not flags & (SYN | RST) and ledger._covers_syn(k, s):
            return 4 if ledger._fast_open(s) else 1
    return 7


def teardown_of(ledger, n, m):
    """Index into TEARDOWNS, by the words of the table `connections`."""
    k: cython.longlong
    first: cython.longlong
    second: cython.longlong
    if ledger.broken_at[0] or ledger.broken_at[1]:
        return 5 if _fin_before(ledger, _broken_at(ledger)) else 6
    if ledger.fin_at[0] < 0 and ledger.fin_at[1] < 0:
        return 0
    if ledger.fin_at[0] < 0 or ledger.fin_at[1] < 0:
        first = 0 if ledger.fin_at[1] < 0 else 1
        if m.acked[first] >= 0 and m.top[1 - first] >= 0 and difference(m.acked[first], m.top[1 - first]) == 1:
            return 7
        return 0
    for k in range(2):
        if ledger.finals[k] != CLOSED and ledger.finals[k] != TIME_WAIT:
            return 0
    first = 0 if ledger.fin_at[0] < ledger.fin_at[1] else 1
    second = 1 - first
    if not ledger._covers_fin(ledger.fin_at[second], first):
        return 3
    for k in range(ledger.fin_at[first], n):
        if ledger.side[k] == second and ledger._covers_fin(k, first):
            if ledger.flags[k] & FIN:
                return 2
            return 4 if difference(ledger.fin[second], ledger.end[k]) > 0 else 1
    return 1


def _broken_at(ledger):
    """The frame of the reset that ended it, where a side's last step is one; of two the one that comes first in the timeline. What a
    side ended and opened again was not this connection, or only an attempt at it."""
    if not ledger.broken_at[0] or ledger.broken_at[1] and ledger.reached[1] < ledger.reached[0]:
        return ledger.broken_at[1]
    return ledger.broken_at[0]


def _fin_before(ledger, frame):
    """A FIN was captured before that frame."""
    k: cython.longlong
    for k in range(2):
        if ledger.fin_at[k] >= 0 and ledger.frame[ledger.fin_at[k]] < frame:
            return 1
    return 0
