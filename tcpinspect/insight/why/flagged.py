"""Wireshark's rules replayed with the numbers they compare: which fired for a segment, and which nearly did. Floor 3.

The flags themselves come from the engine; here stands why. A rule fired "nearly" when all but one of its conditions held and
those that make it this rule at all were among them. Reading: what engine.analysis reads; RFC 9293 §3.4, §3.8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tcpinspect.insight.phrases import duration
from tcpinspect.protocol.header import ACK, FIN, MAX_WINDOW_SHIFT, RST, SYN
from tcpinspect.protocol.seqnum import MODULUS, add, difference

CONTROL = SYN | FIN | RST
FAST_NS = 20_000_000
REORDERED_NS = 3_000_000
Fired = Literal["nearly"] | bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that fired (True), nearly fired ("nearly") or was tried and did not (False), with the numbers it compared.

    `numbers` are octets, counts and ns (names ending in `_ns`); `source` is a section of an RFC, or "Wireshark".
    """

    rule: str
    fired: Fired
    compared: str
    source: str
    numbers: dict[str, int | None] = field(default_factory=dict)


class _Half:
    """What Wireshark remembers of one direction; raw numbers, 0 for none."""

    def __init__(self) -> None:
        self.base: int | None = None
        self.shift: int | None = None
        self.next_seq = 0
        self.next_ns = 0
        self.moved_by: Any = None  # the row that moved next_seq
        self.to_be_acked = 0
        self.last_ack = 0
        self.last_ack_ns = 0
        self.duplicates = 0
        self.window = MODULUS - 1
        self.scale: int | None = None  # -2: not used
        self.acked = False
        self.last: Any = None


class View:
    """Call `rules(row)` with every row of a connection in order."""

    def __init__(self) -> None:
        self._halves = {True: _Half(), False: _Half()}
        self._limit: int | None = None

    def moved_by(self, from_client: bool) -> Any:
        """The row that set the next number Wireshark expects of this direction; None before the first."""
        return self._halves[from_client].moved_by

    def rules(self, row: Any, *, wanted: bool = True) -> list[Rule]:
        """The rules for the next row; with `wanted` false it is only remembered."""
        fwd = self._halves[bool(row.from_client)]
        rev = self._halves[not row.from_client]
        if row.src_port == row.dst_port and row.src == row.dst:
            rev = fwd
        out = []
        if fwd.base is not None and row.tcp_flags & (SYN | ACK) == SYN:
            fwd.next_seq = fwd.to_be_acked
        if row.payload_len >= 0:
            if wanted:
                out = _judge(row, fwd, rev, row.initial_rtt_ns if row.initial_rtt_ns is not None else self._limit)
            self._remember(row, fwd, rev)
        if row.initial_rtt_ns is not None:
            self._limit = row.initial_rtt_ns
        return out

    def _remember(self, row: Any, fwd: _Half, rev: _Half) -> None:
        f, n = row.tcp_flags, row.payload_len
        if fwd.base is None:
            fwd.base = row.seq_raw
        if f & SYN and row.window_shift is not None:
            fwd.scale = min(row.window_shift, MAX_WINDOW_SHIFT)
        elif f & SYN:
            fwd.scale = -2
        if row.duplicate_ack:
            fwd.duplicates = row.duplicate_ack_num or 0
        elif row.ack_raw != fwd.last_ack:
            fwd.duplicates = 0
        if f & ACK and rev.to_be_acked and difference(rev.to_be_acked, row.ack_raw) < 0:
            if difference(rev.to_be_acked, rev.next_seq) < 0:
                rev.to_be_acked = rev.next_seq
            else:
                rev.duplicates = -1
        end = add(row.seq_raw, n + bool(f & (SYN | FIN)))
        if not row.zero_window_probe:
            if fwd.next_seq == 0 or difference(fwd.next_seq, end) < 0:
                fwd.next_seq, fwd.next_ns, fwd.moved_by = end, row.time_ns, row
            if fwd.to_be_acked == 0 or row.seq_raw == fwd.to_be_acked:
                fwd.to_be_acked = fwd.next_seq
        fwd.window, fwd.last_ack, fwd.last_ack_ns, fwd.last = row.window_raw, row.ack_raw, row.time_ns, row
        fwd.acked = fwd.acked or bool(f & ACK and not f & SYN)


def _rule(name: str, row: Any, compared: str, near: bool, **numbers: int | None) -> Rule:
    fired: Fired = True if getattr(row, name) else "nearly" if near else False
    return Rule(name.replace("_", " "), fired, compared, "Wireshark", numbers)


def _judge(row: Any, fwd: _Half, rev: _Half, limit: int | None) -> list[Rule]:
    """Every rule that has something to do with this segment."""
    f, n, now = row.tcp_flags, row.payload_len, row.time_ns
    plain = not f & CONTROL
    show = row.seq - row.seq_raw if row.seq is not None else 0

    def rel(raw: int) -> int:
        return row.seq + difference(raw, row.seq_raw) if row.seq is not None else raw + show

    expected = rel(fwd.next_seq) if fwd.next_seq else None
    seq = row.seq if row.seq is not None else row.seq_raw
    same_ack, same_window = row.ack_raw == fwd.last_ack, row.window_raw == fwd.window
    in_turn = row.seq_raw == fwd.next_seq
    out = []
    if row.reused_ports:
        out.append(_rule("reused_ports", row, "a SYN with another initial number on ports seen before", False, seq_raw=row.seq_raw))
    if row.zero_window_probe:
        compared = f"1 octet at the expected {expected} into a window of 0"
        out.append(_rule("zero_window_probe", row, compared, False, expected=expected, seq=seq))
    if row.zero_window:
        out.append(_rule("zero_window", row, "window field 0, no SYN, FIN or RST", False, window_raw=0))
    if row.lost_segment:
        gap = None if expected is None else seq - expected
        compared = f"expected {expected}, came {seq}: {gap} octets are missing"
        out.append(_rule("lost_segment", row, compared, False, expected=expected, seq=seq, missing=gap))
    if row.keep_alive or (fwd.next_seq and row.seq_raw == add(fwd.next_seq, -1) and n <= 1 and not f & SYN):
        compared = f"seq {seq}, one before the expected {expected}; {n} octets" + ("" if plain else "; but SYN, FIN or RST is set")
        out.append(_rule("keep_alive", row, compared, not plain, expected=expected, seq=seq, payload_len=n))
    out += _about_window(row, fwd, rev, plain, in_turn, same_ack, same_window)
    if row.ack_lost_segment:
        out.append(_rule("ack_lost_segment", row, f"acknowledges {row.ack}, which was not captured", False, ack=row.ack))
    if (n > 0 or f & (SYN | FIN)) and not row.keep_alive:
        out += _about_repeats(row, fwd, rev, expected, seq, limit, now)
    return out


def _about_window(row: Any, fwd: _Half, rev: _Half, plain: bool, in_turn: bool, same_ack: bool, same_window: bool) -> list[Rule]:
    out = []
    n = row.payload_len
    window = f"window field {row.window_raw}, before {fwd.window if fwd.window != MODULUS - 1 else 'none'}"
    ack = f"ack {row.ack if row.ack is not None else row.ack_raw} {'again' if same_ack else 'is new'}"
    numbers = {"window_raw": row.window_raw, "window_raw_before": fwd.window, "ack_raw": row.ack_raw, "ack_raw_before": fwd.last_ack}
    if plain and n == 0 and fwd.last is not None:
        held = (in_turn, same_ack, row.window_raw != 0, not same_window)
        if row.window_update or (held[3] and held[1]):
            out.append(_rule("window_update", row, f"{window}; {ack}", sum(held) == 3, **numbers))
        if rev.last is not None and rev.last.keep_alive:
            held = (in_turn, same_ack, row.window_raw != 0, same_window)
            out.append(_rule("keep_alive_ack", row, f"answers a keep-alive; {window}; {ack}", sum(held) == 3, **numbers))
        elif rev.last is not None and rev.last.zero_window_probe:
            held = (in_turn, same_ack, row.window_raw == 0, same_window)
            out.append(_rule("zero_window_probe_ack", row, f"answers a probe; {window}; {ack}", sum(held) == 3, **numbers))
        if row.duplicate_ack or same_ack:
            held = (in_turn, same_ack, row.window_raw != 0, same_window)
            number = row.duplicate_ack_num
            compared = f"{ack}; {window}; no data" + (f"; number {number}" if number is not None else "")
            answers = row.keep_alive_ack or row.zero_window_probe_ack
            compared += "; but it answers a keep-alive or a probe" if answers else ""
            out.append(_rule("duplicate_ack", row, compared, sum(held) == 3 or (all(held) and answers), number=number, **numbers))
    if n > 0 and plain and rev.scale is not None and rev.last is not None:
        edge = rev.window if rev.last.window is None else rev.last.window
        if not rev.acked and rev.scale > 0:
            edge = rev.window << rev.scale
        room = difference(add(rev.last_ack, edge), add(row.seq_raw, n)) if edge < MODULUS // 2 else None
        if row.window_full or (room is not None and 0 < room < n):
            left = "ends at the edge of the window" if row.window_full else f"{room} octets of the window are left"
            out.append(_rule("window_full", row, left, bool(room), room=room, window=edge))
    return out


def _about_repeats(row: Any, fwd: _Half, rev: _Half, expected: int | None, seq: int, limit: int | None, now: int) -> list[Rule]:
    out = []
    n = row.payload_len
    end = add(row.seq_raw, n + bool(row.tcp_flags & (SYN | FIN)))
    past_ack = difference(rev.last_ack, add(row.seq_raw, n)) if rev.last_ack else None
    if n > 0 and past_ack is not None and (row.spurious_retransmission or (past_ack < 0 < difference(rev.last_ack, row.seq_raw))):
        where = f"{past_ack} octets below" if past_ack > 0 else "at" if past_ack == 0 else f"{-past_ack} octets beyond"
        out.append(_rule("spurious_retransmission", row, f"ends {where} the last acknowledgment", past_ack < 0, beyond=-past_ack))
    old = fwd.next_seq != 0 and difference(row.seq_raw, fwd.next_seq) < 0
    if row.spurious_retransmission:
        out.append(_rule("retransmission", row, "as a spurious one", False, expected=expected, seq=seq, rto_ns=row.rto_ns))
    if row.spurious_retransmission or not old:
        return out
    behind = None if expected is None else expected - seq
    base = f"seq {seq}, expected {expected}: {behind} octets back"
    since_ack, since_next = now - rev.last_ack_ns, now - fwd.next_ns
    enough = rev.duplicates >= 2 or rev.duplicates < 0
    held = (enough, rev.last_ack == row.seq_raw, 0 <= since_ack < FAST_NS)
    numbers: dict[str, int | None] = {"expected": expected, "seq": seq, "duplicate_acks": max(0, rev.duplicates)}
    compared = f"{base}; {max(0, rev.duplicates)} duplicate ACKs (at least 2), {'of this octet' if held[1] else 'not of this octet'}, "
    compared += f"the last ACK {duration(since_ack)} ago (under {duration(FAST_NS)})"
    out.append(_rule("fast_retransmission", row, compared, sum(held) == 2, since_ack_ns=since_ack, limit_ns=FAST_NS, **numbers))
    bound = limit if limit is not None else REORDERED_NS
    apart, soon = end != fwd.next_seq, 0 <= since_next < bound
    compared = f"{base}; {duration(since_next)} after the furthest octet (under {duration(bound)}"
    compared += ", the handshake's round trip)" if limit is not None else ", for want of a round trip)"
    compared += "" if apart else "; but it ends where the furthest ends"
    near = not row.fast_retransmission and apart != soon
    out.append(_rule("out_of_order", row, compared, near, since_furthest_ns=since_next, limit_ns=bound, expected=expected, seq=seq))
    plain = not (row.fast_retransmission or row.out_of_order)
    if plain or row.retransmission:
        compared = base + ("; neither fast nor out of order" if plain else "; as a fast one")
        if row.rto_ns is not None:
            compared += f"; {duration(row.rto_ns)} after the first"
        out.append(_rule("retransmission", row, compared, False, expected=expected, seq=seq, rto_ns=row.rto_ns))
    return out
