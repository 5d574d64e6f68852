# cython: boundscheck=False
"""Sort finished connections into classes, so that ten million of them can be told about without a row each. Floor 2; compiled.

Connections of one class agree in everything but amounts, times and addresses: how they opened and closed, in which states they
were left, what went wrong. A class counts its members, adds up their retransmissions and keeps a few rows as examples, those with
the most trouble and the first. Of openings that failed it is also counted who asked whom: that is how floods and scans show.
"""

import cython

from tcpinspect.engine.columns import UNKNOWN
from tcpinspect.engine.finish import CONNECTION_FIELD, CONNECTION_FIELDS
from tcpinspect.engine.states import HANDSHAKES

if not cython.compiled:
    from tcpinspect.engine.finish import Chunk, Sink

NOTHING = cython.declare(cython.longlong, UNKNOWN)
WIDTH = cython.declare(cython.longlong, len(CONNECTION_FIELDS))
# RFC 6298 §2: before any measurement a sender waits one second.
SLOW_ANSWER_NS = cython.declare(cython.longlong, 1_000_000_000)
REFUSED = cython.declare(cython.longlong, HANDSHAKES.index("refused"))
UNANSWERED = cython.declare(cython.longlong, HANDSHAKES.index("unanswered"))
INCOMPLETE = cython.declare(cython.longlong, HANDSHAKES.index("incomplete"))
CROWD_SIZE = 20  # so many failures to reach the same port are one story, not many
CROWD = cython.declare(cython.longlong, CROWD_SIZE)
EXAMPLES_KEPT = 8
EXAMPLES = cython.declare(cython.longlong, EXAMPLES_KEPT)
# Who failed to reach whom is counted for so many; beyond, those seen once are forgotten.
TALLIES = cython.declare(cython.longlong, 65536)
# So many ports of all hosts together are remembered, and as many of those who ask: all that there are of two at least.
PORTS_KEPT = 131072
PORTS = cython.declare(cython.longlong, PORTS_KEPT)
# So many classes are found without looking them up: the last one of each remainder. A prime.
RECENT = cython.declare(cython.longlong, 251)
MASK63 = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
# The letters of a history that tell who ended it and who went on, each with its bits in the key of a class.
TELLING = {"r": 1, "R": 2, "f": 4, "F": 8 | 32, "h": 16, "A": 32}

F_SERVER = cython.declare(cython.longlong, CONNECTION_FIELD["server_hi"])
F_CLIENT = cython.declare(cython.longlong, CONNECTION_FIELD["client_hi"])
F_PACKETS = cython.declare(cython.longlong, CONNECTION_FIELD["client_packets"])
F_COMPLETENESS = cython.declare(cython.longlong, CONNECTION_FIELD["completeness"])
F_STATES = cython.declare(cython.longlong, CONNECTION_FIELD["client_state"])
F_ANSWER = cython.declare(cython.longlong, CONNECTION_FIELD["syn_to_syn_ack_ns"])
F_PAYLOAD = cython.declare(cython.longlong, CONNECTION_FIELD["client_payload_bytes"])
F_AGAIN = cython.declare(cython.longlong, CONNECTION_FIELD["client_retransmissions"])
F_MSS = cython.declare(cython.longlong, CONNECTION_FIELD["client_mss"])
F_ZERO = cython.declare(cython.longlong, CONNECTION_FIELD["client_zero_windows"])
F_LOST = cython.declare(cython.longlong, CONNECTION_FIELD["lost_segments"])
F_CONN_STATE = cython.declare(cython.longlong, CONNECTION_FIELD["conn_state"])
F_HISTORY = cython.declare(cython.longlong, CONNECTION_FIELD["history_at"])


class Class:
    """Connections alike. `examples` is a list of (trouble, stream, row, history), the first member among them."""

    def __init__(self, key, handshake):
        self.key = key
        self.handshake = handshake
        self.count = 0
        self.client_retransmissions = 0
        self.server_retransmissions = 0
        self.least = -1
        self.examples = []


class Classes(Sink):
    """`by_key`: the classes. `ports`: (class key, server, port) to how many tried, `pairs`: (class key, client, server) to how many,
    each of openings that failed, as [number, row, history] with a row once they are a CROWD; `doors`: the ports that a client
    tried at a server. `hosts`: (class key, server) to [number, clients, ports, ports that a client tried first (a CROWD of them), row,
    history], whatever the port: a flood may be spread over all. `aim_…`: the server asked last, and `at_…` what was counted of it. `parts`:
    these are those of one of so many parts of a capture (engine.parts), which will be put together."""

    def __init__(self, parts=1):
        self.tallies = TALLIES // parts
        self.crowd = (CROWD + parts - 1) // parts
        self.count = 0
        self.by_key = {}
        self.recent = [None] * RECENT
        if not cython.compiled:
            self.recent_keys, self.telling = [0] * RECENT, [0] * 128
        for letter, bits in TELLING.items():
            self.telling[ord(letter)] = bits
        self.ports = {}
        self.pairs = {}
        self.doors = {}
        self.door_ports = 0
        self.door_room = PORTS // parts
        self.hosts = {}
        self.host_ports = 0
        self.aim_key = -1
        self.server = self.at_port = self.at_host = None

    def add(self, chunk):
        """Sort in the connections of a chunk."""
        n: cython.longlong
        for n in range(chunk.done):
            self.sort_in(chunk, n * WIDTH)
        return 0

    def take(self, chunk):
        return self.sort_in(chunk, 0)

    def sort_in(self, chunk, at):
        """Sort in one connection."""
        one: Class
        key: cython.longlong = self.key_of(chunk, at)
        slot: cython.longlong = key % RECENT
        trouble: cython.longlong = self.trouble_of(chunk, at)
        if self.recent_keys[slot] != key or self.recent[slot] is None:
            self.recent_keys[slot] = key
            self.recent[slot] = self.class_of(key, chunk.view[at + F_COMPLETENESS + 1])
        one = cython.cast(Class, self.recent[slot])
        one.count += 1
        one.client_retransmissions += chunk.view[at + F_AGAIN]
        one.server_retransmissions += chunk.view[at + F_AGAIN + 1]
        if trouble > one.least:
            self.keep(one, chunk, at, trouble)
        if one.handshake == REFUSED or one.handshake == UNANSWERED or one.handshake == INCOMPLETE:
            self.tally(key, chunk, at)
        self.count += 1
        return 0

    def class_of(self, key, handshake):
        """The class of a key, a new one if need be."""
        known = self.by_key.get(key)
        if known is None:
            known = self.by_key[key] = Class(key, handshake)
        return known

    def key_of(self, chunk, at):
        """All that is the same in a class, in one number."""
        row: cython.longlong[::1] = chunk.view
        key: cython.longlong
        k: cython.longlong
        told: cython.longlong
        letters: cython.longlong = 0
        again: cython.longlong = row[at + F_AGAIN] + row[at + F_AGAIN + 1]
        packets: cython.longlong = row[at + F_PACKETS] + row[at + F_PACKETS + 1]
        # completeness 6 bits, handshake 3, teardown 3, conn_state 4
        key = row[at + F_COMPLETENESS] | row[at + F_COMPLETENESS + 1] << 6 | row[at + F_COMPLETENESS + 2] << 9
        key = key | row[at + F_CONN_STATE] << 12
        for k in range(2):
            key = key << 4 | (row[at + F_STATES + k] + 1 if row[at + F_STATES + k] >= 0 else 0)
            key = key << 1 | (row[at + F_PACKETS + k] > 0)
            key = key << 1 | (row[at + F_PAYLOAD + k] > 0)
            key = key << 2 | (row[at + F_AGAIN + k] if row[at + F_AGAIN + k] < 2 else 2)
            key = key << 1 | (row[at + F_MSS + k] == NOTHING)
            key = key << 1 | (row[at + F_MSS + 2 + k] == NOTHING)
            key = key << 1 | (row[at + F_ZERO + k] > 0)
            key = key << 1 | (row[at + F_LOST + k * 2] > 0)  # lost segments; out of order
        key = key << 2 | (0 if row[at + F_LOST + 1] == 0 else 1 if row[at + F_LOST + 1] < 3 else 2)  # duplicate ACKs
        key = key << 1 | (row[at + F_LOST + 3] > 0)  # bad checksums
        key = key << 1 | (row[at + F_ANSWER] != NOTHING and row[at + F_ANSWER] >= SLOW_ANSWER_NS)
        # A twentieth of the segments and more were sent again, as in insight.findings.
        key = key << 1 | (again >= 3 and again * 20 >= packets)
        # Of r/R and of f/F the first counts.
        for k in range(row[at + F_HISTORY], row[at + F_HISTORY] + row[at + F_HISTORY + 1]):
            told = self.telling[chunk.letters[k]]
            if told:
                letters |= told & ~(3 if letters & 3 else 0) & ~(12 if letters & 12 else 0)
        return (key * 64 + letters) & MASK63

    def trouble_of(self, chunk, at):
        """How much went wrong: this orders the examples, no more."""
        row: cython.longlong[::1] = chunk.view
        again: cython.longlong = row[at + F_AGAIN] + row[at + F_AGAIN + 1]
        packets: cython.longlong = row[at + F_PACKETS] + row[at + F_PACKETS + 1] + 1
        out: cython.longlong = again + 100 * again // packets + row[at + F_ZERO] + row[at + F_ZERO + 1]
        return out + row[at + F_LOST] + row[at + F_LOST + 1] + row[at + F_LOST + 2] + row[at + F_LOST + 3]

    def keep(self, one, chunk, at, trouble):
        """Take a row as an example in the place of the one with the least trouble; the first stays."""
        example = (trouble, chunk.view[at], self.row(chunk, at), self.history(chunk, at))
        if len(one.examples) < EXAMPLES:
            one.examples.append(example)
        else:
            weakest = min(one.examples[1:])
            one.examples[one.examples.index(weakest)] = example
        if len(one.examples) == EXAMPLES:
            one.least = min(one.examples[1:])[0]
        return 0

    def tally(self, key, chunk, at):
        """Count who failed to reach whom."""
        chunk.complete()
        row: cython.longlong[::1] = chunk.view
        family: cython.longlong = row[at + 1]
        port: cython.longlong = row[at + F_SERVER + 2]
        if not (
            key == self.aim_key
            and port == self.aim_port
            and family == self.aim_family
            and row[at + F_SERVER] == self.aim_hi
            and row[at + F_SERVER + 1] == self.aim_lo
        ):
            self.aim(key, row, at)
        server = self.server
        client = (family, row[at + F_CLIENT], row[at + F_CLIENT + 1])
        self.count_one(self.at_port, chunk, at)
        self.count_one(self.counted(self.pairs, (key, client, server)), chunk, at)
        tried = self.doors.get((client, server))
        if tried is None:
            if len(self.doors) >= self.tallies:
                self.forget_doors()
            self.doors[client, server] = {port}
            self.door_ports += 1
        elif port not in tried:
            tried.add(port)
            self.door_ports += 1
        if self.door_ports > self.door_room and len(self.doors) > 1:
            self.forget_doors()
        self.count_host(self.at_host, port, 1 if tried is None else 0, chunk, at)
        return 0

    def aim(self, key, row, at):
        """Find what was counted of a server and its port: a flood is one attempt like the other."""
        self.aim_family = row[at + 1]
        self.aim_hi = row[at + F_SERVER]
        self.aim_lo = row[at + F_SERVER + 1]
        self.aim_port = row[at + F_SERVER + 2]
        self.server = (self.aim_family, self.aim_hi, self.aim_lo)
        self.at_port = self.counted(self.ports, (key, self.server, self.aim_port))
        self.at_host = self.hosts.get((key, self.server))
        if self.at_host is None:
            if len(self.hosts) >= self.tallies:
                self.forget_hosts()
            self.at_host = self.hosts[key, self.server] = [0, 0, set(), set(), None, None]
        self.aim_key = key  # now, for what was forgotten on the way is nobody's aim
        return 0

    def count_host(self, found, port, new_client, chunk, at):
        """Count an attempt at a host, whatever the port."""
        found[0] += 1
        if new_client:
            found[1] += 1
            if len(found[3]) < CROWD:
                found[3].add(port)
        if port not in found[2]:
            found[2].add(port)
            self.host_ports += 1
            if self.host_ports > PORTS and len(self.hosts) > 1:
                self.forget_hosts()
        if found[0] == self.crowd:
            found[4] = self.row(chunk, at)
            found[5] = self.history(chunk, at)
        return 0

    def forget_hosts(self):
        """Make room: the half with fewer attempts goes."""
        self.aim_key = -1
        for name in sorted(self.hosts, key=lambda name: self.hosts[name][0])[: len(self.hosts) // 2]:
            self.host_ports -= len(self.hosts.pop(name)[2])
        return 0

    def counted(self, table, name):
        """What was counted for a name."""
        known = table.get(name)
        if known is None:
            if len(table) >= self.tallies:
                self.forget(table)
            known = table[name] = [0, None, None]
        return known

    def count_one(self, found, chunk, at):
        found[0] += 1
        if found[0] == self.crowd:
            found[1] = self.row(chunk, at)
            found[2] = self.history(chunk, at)
        return 0

    def row(self, chunk, at):
        chunk.complete()
        return chunk.rows[at : at + WIDTH]

    def history(self, chunk, at):
        start: cython.longlong = chunk.view[at + F_HISTORY]
        return chunk.letters[start : start + chunk.view[at + F_HISTORY + 1]]

    def forget(self, table):
        """Make room: what was counted once goes, and if that is little, all but the larger half."""
        self.aim_key = -1
        for name in [name for name, found in table.items() if found[0] == 1]:
            del table[name]
        if len(table) * 2 > self.tallies:
            for name in sorted(table, key=lambda name: table[name][0])[: len(table) // 2]:
                del table[name]
        return 0

    def forget_doors(self):
        """Make room: who tried one port goes, and if that is little, the half with fewer ports; two stay with all of theirs."""
        for ends in [ends for ends, ports in self.doors.items() if len(ports) == 1]:
            del self.doors[ends]
        if len(self.doors) > 2 and (len(self.doors) * 2 > self.tallies or sum(map(len, self.doors.values())) * 2 > self.door_room):
            for ends in sorted(self.doors, key=lambda ends: len(self.doors[ends]))[: len(self.doors) // 2]:
                del self.doors[ends]
        self.door_ports = sum(map(len, self.doors.values()))
        return 0
