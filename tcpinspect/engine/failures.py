"""Which attempts to connect come to nothing, of the connections that `now` follows: how floods and scans show while they last.
Floor 2; compiled: in a flood there are tens of thousands of lines."""

import cython

from tcpinspect.engine.now import NOW_FIELDS
from tcpinspect.engine.states import HANDSHAKES

if not cython.compiled:
    from tcpinspect.engine.connection import Connection
    from tcpinspect.engine.now import Now  # noqa: F401

WIDTH = cython.declare(cython.longlong, len(NOW_FIELDS))
CLIENT = cython.declare(cython.longlong, NOW_FIELDS.index("client_endpoint"))
START = cython.declare(cython.longlong, NOW_FIELDS.index("start_ns"))
HANDSHAKE = cython.declare(cython.longlong, NOW_FIELDS.index("handshake"))
FAMILY = cython.declare(cython.longlong, NOW_FIELDS.index("family"))
HI = cython.declare(cython.longlong, NOW_FIELDS.index("server_hi"))
LO = cython.declare(cython.longlong, NOW_FIELDS.index("server_lo"))
PORT = cython.declare(cython.longlong, NOW_FIELDS.index("server_port"))
IS_REFUSED = cython.declare(cython.longlong, HANDSHAKES.index("refused"))
IS_UNANSWERED = cython.declare(cython.longlong, HANDSHAKES.index("unanswered"))
IS_INCOMPLETE = cython.declare(cython.longlong, HANDSHAKES.index("incomplete"))
# Kinds of failure.
NONE = cython.declare(cython.longlong, -1)
REFUSED = cython.declare(cython.longlong, 0)
UNANSWERED = cython.declare(cython.longlong, 1)
INCOMPLETE = cython.declare(cython.longlong, 2)


def half_open(now, before_ns):
    """(family, hi, lo, port) of servers, and how many attempts begun before that time are unfinished there: those never answered,
    those answered but not acknowledged."""
    found = {}
    at: cython.longlong
    kind: cython.longlong
    slot: cython.longlong
    same: cython.longlong = -1  # the line before, when it was about the same server: they come in crowds
    numbers: list = None
    for slot in range(len(now.told)):
        at = slot * WIDTH
        kind = failure(now, at, before_ns)
        if kind != UNANSWERED and kind != INCOMPLETE:
            continue
        if same < 0 or not same_port(now, same, at):
            where = (now.cells[at + FAMILY], now.cells[at + HI], now.cells[at + LO], now.cells[at + PORT])
            numbers = found.setdefault(where, [0, 0])
            same = at
        numbers[1 if kind == INCOMPLETE else 0] += 1
    return found


def spread(now, before_ns, crowd):
    """(family, hi, lo) of the servers at which at least `crowd` attempts begun before that time have come to nothing until now, to
    ([refused, unanswered, incomplete], number by client, ports, ports that a client tried first)."""
    at: cython.longlong
    kind: cython.longlong
    slot: cython.longlong
    c: Connection
    numbers = {}
    for slot in range(len(now.told)):
        at = slot * WIDTH
        if failure(now, at, before_ns) != NONE:
            server = (now.cells[at + FAMILY], now.cells[at + HI], now.cells[at + LO])
            numbers[server] = numbers.get(server, 0) + 1
    found = {server: ([0, 0, 0], {}, set(), set()) for server, number in numbers.items() if number >= crowd}
    for slot in range(len(now.told) if found else 0):
        at = slot * WIDTH
        kind = failure(now, at, before_ns)
        known = found.get((now.cells[at + FAMILY], now.cells[at + HI], now.cells[at + LO])) if kind != NONE else None
        if known is None:
            continue
        c = now.tracker.alive[slot]
        client = (c.hi1, c.lo1) if now.cells[at + CLIENT] else (c.hi0, c.lo0)
        known[0][kind] += 1
        if client not in known[1]:
            known[3].add(now.cells[at + PORT])
        known[1][client] = known[1].get(client, 0) + 1
        known[2].add(now.cells[at + PORT])
    return found


def failure(now, at, before_ns):
    """What failed about the line at this place, if it began by then."""
    if now.cells[at] < 0 or now.cells[at + START] > before_ns:
        return NONE
    if now.cells[at + HANDSHAKE] == IS_REFUSED:
        return REFUSED
    if now.cells[at + HANDSHAKE] == IS_UNANSWERED:
        return UNANSWERED
    return INCOMPLETE if now.cells[at + HANDSHAKE] == IS_INCOMPLETE else NONE


def same_port(now, at, other):
    """Whether two lines are of attempts at the same port of the same server."""
    k: cython.longlong
    for k in range(FAMILY, PORT + 1):
        if now.cells[at + k] != now.cells[other + k]:
            return 0
    return 1
