"""Where Wireshark's flags and our verdict part, and why ours is right. Floor 3.

The flags stay as Wireshark sets them; this says what they overlook. Reading: RFC 9293 §3.5 (figure 7), §3.8.4, §3.8.6.1;
RFC 5961 §4; RFC 5681 §2; RFC 2883; RFC 8985.
"""

from __future__ import annotations

from typing import Any

from tcpinspect.insight.phrases import duration
from tcpinspect.insight.why.replay import Fact
from tcpinspect.protocol.header import RST
from tcpinspect.schema import ANALYSIS_FLAGS

_RESENT = {"fast-retransmission", "recovery-retransmission", "rack-retransmission", "tail-loss-probe", "rto-retransmission",
           "timer-retransmission", "retransmission"}  # fmt: skip
_NOT_BY_ACK = {"rto-retransmission", "timer-retransmission", "tail-loss-probe", "rack-retransmission"}
_ACKS = {
    "challenge-ack": "a challenge ACK answers a segment that does not fit and says nothing about missing octets",
    "keep-alive-ack": "it answers a keep-alive",
    "window-probe-ack": "it answers a window probe",
    "handshake-ack-again": "it answers a repeated SYN-ACK; no octets are missing",
    "duplicate-data-ack": "it answers octets that had arrived before, and asks for none",
    "d-sack": "it reports octets that arrived twice (D-SACK); RFC 2883 does not count it as a duplicate ACK",
    "capture-duplicate": "the capture doubled the packet",
    "": "no octets of the other side are outstanding, so nothing can be missing (RFC 5681)",
}


def differences(f: Fact, facts: list[Fact], moved_by: Any) -> list[str]:
    """A sentence for each disagreement. `moved_by`: the row that set the number Wireshark expected of this direction."""
    row, kind, cause = f.row, f.kind, f.cause
    flags = [name for name in ANALYSIS_FLAGS if getattr(row, name)]
    resent = row.retransmission or row.out_of_order
    out = []
    if cause == "syn-ack-of-simultaneous-open" and resent:
        out.append(
            f"{_named(flags)}: the number was used before, by this side's own SYN. But this is the first SYN-ACK, the answer to the SYN "
            "that crossed; figure 7 of RFC 9293 has it so. Nothing was repeated."
        )
    elif kind == "stray-syn" and resent:
        out.append(f"{_named(flags)}: the number was used before. But its SYN was answered long ago, and no TCP repeats a SYN then.")
    elif f.twin is not None and resent:
        out.append(f"{_named(flags)}: but TCP sent it once; the packet is there twice (frame {facts[f.twin].row.frame}).")
    elif row.out_of_order and kind in _RESENT and f.original is not None:
        which = facts[f.original].row.frame
        out.append(
            f"out of order: because it came within the handshake's round trip of the furthest octet. But its original is in the capture "
            f"(frame {which}), so it is a second copy: a retransmission."
        )
    elif row.out_of_order and kind in _RESENT:
        out.append(
            "out of order: by the time since the furthest octet alone. But it was sent after that octet: a retransmission of what was "
            "lost before."
        )
    elif resent and not row.out_of_order and kind == "reordered":
        age = duration(f.notes.get("hole_age_ns"))
        out.append(f"{_named(flags)}: but none of its octets was seen before, and {age} after the hole appeared it was merely overtaken.")
    elif resent and not f.again and f.hole is None and moved_by is not None and moved_by.tcp_flags & RST:
        out.append(
            f"{_named(flags)}: because the reset in frame {moved_by.frame} moved the number Wireshark expects. A reset carries no octets; "
            "everything here is sent for the first time."
        )
    elif row.fast_retransmission and kind in _NOT_BY_ACK:
        out.append(
            "fast retransmission: duplicate ACKs and one of them less than 20 ms before are enough for Wireshark; this one came of a timer."
        )
    elif row.retransmission and not row.fast_retransmission and kind == "fast-retransmission":
        since = duration(f.notes.get("since_duplicate_ns"))
        why = (
            f"the last ACK was {since} before, which Wireshark takes only below 20 ms"
            if f.duplicates >= 2
            else "SACK blocks told of the loss"
        )
        out.append(f"retransmission: it is a fast one; {why}.")
    elif not resent and kind in _RESENT:
        out.append("No flag: but every octet that it repeats was sent before.")
    if cause == "spurious-retransmission" and not row.spurious_retransmission:
        out.append("Not flagged spurious: Wireshark looks only at ACKs before it; a later segment proves that it was not needed.")
    if row.duplicate_ack and kind != "duplicate-ack" and kind in _ACKS:
        out.append(f"duplicate ACK: but {_ACKS[kind]}.")
    if kind == "duplicate-ack" and not row.duplicate_ack:
        why = "octets are outstanding"
        if f.new_sack:
            why = "SACK blocks say that something more arrived behind the hole; the window changed with it"
        out.append(f"{_named(flags) if flags else 'No flag'}: but it is a duplicate ACK: {why}.")
    if kind == "d-sack" and row.window_update:
        out.append("window update: the window did change, but the news is the D-SACK block: octets arrived twice.")
    if kind == "window-probe" and row.keep_alive:
        out.append("keep-alive: by its number, but the other side's window is closed: it asks for room, not for a sign of life.")
    if kind == "window-probe-ack" and not row.zero_window_probe_ack and row.zero_window:
        out.append("zero window: said before; this answers the probe.")
    return out


def _named(flags: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in flags) or "no flag"
