"""A small exchange, told in lines a person can read, and what the solver makes of it.

`C SA 300 101 len=4 at=50 ts=7/9`: the client's SYN-ACK with sequence number 300 that acknowledges 101, four octets of data,
50 ms after the start (without `at`: 10 ms after the line before), timestamps 7 and 9. Flags: S F R P A, `-` for none. `id=5` is
the IP identification, `sum=bad` a wrong checksum; `anew=("S", 20)`: S opens another stream, at 20 ms. Frames count from 1. C is whoever
the story calls so; who sent first is side 0.
"""

from tcpinspect.engine.moments import Moments
from tcpinspect.engine.segment import Segment
from tcpinspect.engine.states import CLIENT_EVIDENCE, HANDSHAKES, ROW_FIELDS, TEARDOWNS, Solver
from tcpinspect.protocol import header
from tcpinspect.protocol.rfc9293 import BY_STATE_AND_EVENT, Event, Evidence, State

BITS = {"S": header.SYN, "F": header.FIN, "R": header.RST, "P": header.PSH, "A": header.ACK, "-": 0}
MS = 1_000_000
CHECKSUMS = {"good": 1, "bad": 2, "unfinished": 3}

OPENED = ["C S 100", "S SA 300 101", "C A 101 301"]
ACTIVE = "CLOSED SYN-SENT ESTABLISHED"
PASSIVE = "CLOSED LISTEN SYN-RECEIVED ESTABLISHED"


def log_of(*lines: str) -> Moments:
    """What the tracker would log of these lines."""
    moments = Moments()
    at, first = -10, lines[0][0]
    for frame, line in enumerate(lines, 1):
        words = line.split()
        extra = dict(word.split("=") for word in words if "=" in word)
        plain = [word for word in words if "=" not in word]
        at = int(extra.get("at", at + 10))
        s = Segment()
        s.frame, s.time_ns = frame, (1_000_000 + at) * MS
        s.flags = sum(BITS[letter] for letter in plain[1])
        s.seq = int(plain[2]) % 2**32
        s.ack = int(plain[3]) % 2**32 if len(plain) > 3 else 0
        s.payload_len = int(extra.get("len", 0))
        s.ip_id = int(extra.get("id", 0))
        s.checksum_status = CHECKSUMS[extra.get("sum", "good")]
        if "ts" in extra:
            s.ts_val, s.ts_ecr = (int(n) for n in extra["ts"].split("/"))
        moments.note(s, 0 if plain[0] == first else 1)
    return moments


class Story:
    """What the solver makes of a story: the path of each side, and each row."""

    def __init__(self, *lines: str, end_ms: int = 0, before: tuple[int, int] | None = None, anew: tuple[str, int] | None = None):
        moments, solver, first = log_of(*lines), Solver(), lines[0][0]
        if before:
            solver.remember(*before)
        if anew:
            solver.hear_next_syn(0 if anew[0] == first else 1, (1_000_000 + anew[1]) * MS)
        solver.solve(moments, -1, (1_000_000 + end_ms) * MS if end_ms else 0)
        names = (first, "S" if first == "C" else "C")
        self.rows = [dict(zip(ROW_FIELDS, (solver.get(k, f) for f in range(len(ROW_FIELDS))), strict=True)) for k in range(solver.n)]
        self.sections = [solver.section(k) for k in range(solver.n)]
        self.handshake, self.teardown = HANDSHAKES[solver.handshake], TEARDOWNS[solver.teardown]
        self.first_is_client = solver.client == 0
        self.client_evidence = CLIENT_EVIDENCE[solver.client_evidence]
        self.by_name = {name: [r for r in self.rows if r["side"] == side] for side, name in enumerate(names)}
        self.final = {name: str(State(solver.final_state(side))) for side, name in enumerate(names)}
        for rows in self.by_name.values():
            follow_the_table(rows)

    def path(self, name: str) -> str:
        rows = self.by_name[name]
        return " ".join(str(State(n)) for n in [*(r["from_state"] for r in rows[:1]), *(r["to_state"] for r in rows)])

    def row(self, name: str, state: str) -> tuple[int, str, str]:
        """(frame, event, evidence) of the row by which a side enters a state for the first time."""
        r = next(r for r in self.by_name[name] if str(State(r["to_state"])) == state)
        return r["frame"], str(Event(r["event"])), str(Evidence(r["evidence"]))


def follow_the_table(rows):
    """Rows of a side begin in CLOSED, join, and each but a capture's start is an arc of TRANSITIONS."""
    state = State.CLOSED
    for r in rows:
        assert r["from_state"] == state
        state = State(r["to_state"])
        if r["event"] != Event.CAPTURE_START:
            assert BY_STATE_AND_EVENT[State(r["from_state"]), Event(r["event"])].to == state
