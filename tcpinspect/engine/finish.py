"""Live connections to rows: the outcome of each and the steps of both its sides. Floor 2.

A row a connection in `connections` (columns CONNECTION_FIELDS, numbers only; texts beside it in lists), a row a step in
`steps` (columns STEP_FIELDS), steps of a connection together and connections in the order of their numbers.
"""

from __future__ import annotations

from array import array
from typing import Any

from tcpinspect.engine import connection as live
from tcpinspect.engine.columns import UNKNOWN, Rows
from tcpinspect.engine.states import HANDSHAKES, TEARDOWNS, Solver
from tcpinspect.protocol.rfc9293 import State

CONNECTION_FIELDS: tuple[str, ...] = (
    "stream", "client_family", "client_hi", "client_lo", "client_port", "server_hi", "server_lo", "server_port", "client_endpoint",
    "start_ns", "duration_ns", "client_packets", "server_packets", "client_bytes", "server_bytes", "completeness", "handshake", "teardown",
    "client_evidence", "client_state", "server_state", "first_frame", "last_frame", "syn_to_syn_ack_ns", "syn_ack_to_ack_ns",
    "initial_rtt_ns", "client_payload_bytes", "server_payload_bytes", "client_retransmissions", "server_retransmissions",
    "client_rtt_min_ns", "client_rtt_median_ns", "client_rtt_max_ns", "server_rtt_min_ns", "server_rtt_median_ns", "server_rtt_max_ns",
    "client_mss", "server_mss", "client_window_shift", "server_window_shift", "sack", "timestamps", "client_zero_windows",
    "server_zero_windows", "lost_segments", "duplicate_acks", "out_of_order", "bad_checksums", "first_step", "steps",
)  # fmt: skip
CONNECTION_FIELD = {name: n for n, name in enumerate(CONNECTION_FIELDS)}
STEP_FIELDS: tuple[str, ...] = ("stream", "side", "frame", "time_ns", "from_state", "to_state", "event", "evidence", "section", "doubt")
ICMP_UNREACHABLE, ICMPV6_UNREACHABLE = 3, 1
# Codes that RFC 9293 §3.9.2.2 (with RFC 5461 §2 for IPv6) lets end an attempt to connect: by ICMP type.
FINAL_CODES: dict[int, tuple[int, ...]] = {ICMP_UNREACHABLE: (2, 3), ICMPV6_UNREACHABLE: (1, 4)}
HANDSHAKE_WORDS = HANDSHAKES
TEARDOWN_WORDS = TEARDOWNS


class Finisher:
    """Turns connections into rows, in the order in which `finish` is called."""

    def __init__(self, capture_end_ns: int) -> None:
        self.connections = Rows(len(CONNECTION_FIELDS))
        self.conn_states: list[str] = []
        self.histories: list[str] = []
        self.steps = Rows(len(STEP_FIELDS))
        self.sections: list[str] = []
        self._section_code: dict[str, int] = {}
        self._solver = Solver()
        self._capture_end_ns = capture_end_ns

    def finish(self, c: Any) -> None:
        """Append the rows of one engine connection."""
        solver = self._solver
        solver.remember(*self._left_by_previous(c))
        for frame, time_ns, kind, icmp_code, side, seq, _mtu in c.icmp_events or ():
            if kind in FINAL_CODES:
                solver.hear_error(side, frame, time_ns, seq, icmp_code in FINAL_CODES[kind])
        solver.solve(c.moments, c.client, self._capture_end_ns)
        first_step = self.steps.count
        self._append_steps(c)
        k, s = solver.client, 1 - solver.client
        ends = ((c.hi0, c.lo0, c.port0), (c.hi1, c.lo1, c.port1))
        counter = c.counter
        sack = timestamps = UNKNOWN
        if counter(live.SYN_SEEN, 0) and counter(live.SYN_SEEN, 1):
            sack = counter(live.SACK_OK, 0) & counter(live.SACK_OK, 1)
            timestamps = counter(live.TIMESTAMPS, 0) & counter(live.TIMESTAMPS, 1)
        values = (
            c.stream, c.family, *ends[k], *ends[s], k,
            c.start_ns, c.last_ns - c.start_ns, counter(live.PACKETS, k), counter(live.PACKETS, s),
            _known(c.outcome.octets(k)), _known(c.outcome.octets(s)), c.pair.completeness, solver.handshake, solver.teardown,
            solver.client_evidence, self._last_state(c, k), self._last_state(c, s), c.first_frame, c.last_frame,
            _known(c.syn_to_syn_ack_ns), _known(c.syn_ack_to_ack_ns), c.pair.initial_rtt_ns or UNKNOWN,
            counter(live.PAYLOAD, k), counter(live.PAYLOAD, s), counter(live.RETRANSMISSIONS, k), counter(live.RETRANSMISSIONS, s),
            *_spread(c.rtt1 if k else c.rtt0), *_spread(c.rtt0 if k else c.rtt1),
            _known(counter(live.MSS, k)), _known(counter(live.MSS, s)), _known(counter(live.SHIFT, k)), _known(counter(live.SHIFT, s)),
            sack, timestamps, counter(live.ZERO_WINDOWS, k), counter(live.ZERO_WINDOWS, s),
            c.lost_segments, c.duplicate_acks, c.out_of_order, c.bad_checksums, first_step, self.steps.count - first_step,
        )  # fmt: skip
        self.connections.append(values)
        self.conn_states.append(c.outcome.conn_state())
        self.histories.append(c.outcome.history())

    def _last_state(self, c: Any, side: int) -> int:
        """The state in which the capture leaves a side; unknown where it never said a word."""
        silent = c.counter(live.PACKETS, side) == 0 and not c.alone
        return UNKNOWN if silent and self._solver.final_state(side) == State.CLOSED else self._solver.final_state(side)

    def _left_by_previous(self, c: Any) -> tuple[int, int]:
        """The states in which the connection before it on the same address pair left c's endpoints 0 and 1; -1: none."""
        if c.previous < 0:
            return -1, -1
        row = self.connections.row(c.previous)
        client, server = max(row[CONNECTION_FIELD["client_state"]], -1), max(row[CONNECTION_FIELD["server_state"]], -1)
        first = (row[CONNECTION_FIELD["client_hi"]], row[CONNECTION_FIELD["client_lo"]], row[CONNECTION_FIELD["client_port"]])
        return (client, server) if first == (c.hi0, c.lo0, c.port0) else (server, client)

    def _append_steps(self, c: Any) -> None:
        solver, get, code = self._solver, self._solver.get, self._section_code
        for k in range(solver.n):
            if c.alone and get(k, 0) != solver.client:
                continue
            section = solver.section(k)
            number = code.get(section)
            if number is None:
                number = code[section] = len(self.sections)
                self.sections.append(section)
            frame = get(k, 1)
            self.steps.append(
                (
                    c.stream, get(k, 0), frame or UNKNOWN, get(k, 2) if frame else UNKNOWN, get(k, 3), get(k, 4), get(k, 5), get(k, 6),
                    number, get(k, 8),
                )  # fmt: skip
            )


def _known(value: int) -> int:
    return UNKNOWN if value < 0 else value


def _spread(samples: array[int] | None) -> tuple[int, int, int]:
    """Least, median (the lower of two middle ones) and most."""
    if not samples:
        return UNKNOWN, UNKNOWN, UNKNOWN
    ordered = sorted(samples)
    return ordered[0], ordered[(len(ordered) - 1) // 2], ordered[-1]
