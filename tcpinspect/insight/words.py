"""What each segment is, in a few words, given those before it. Floor 3. Reading: RFC 9293 §3.4, §3.5, §3.6, §3.8, §3.10.7.

"acknowledges the FIN", "duplicate ACK #2", "1,448 octets, sent again after duplicate ACKs": the words beside an arrow of a
ladder, in the terminal, in a picture and in the report alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tcpinspect.insight.phrases import duration, number
from tcpinspect.protocol.header import ACK, FIN, FLAG_NAMES, RST, SYN
from tcpinspect.protocol.seqnum import add, difference

# SYN first, as people say it; the rest by weight.
_ORDER = (SYN, FIN, RST, 8, 32, ACK, 64, 128, 256)


def flags_in_words(tcp_flags: int) -> str:
    """The flags by name, `SYN, ACK`; `no flags` for none at all."""
    return ", ".join(FLAG_NAMES[bit.bit_length() - 1] for bit in _ORDER if tcp_flags & bit) or "no flags"


def numbers_in_words(segment: Any) -> str:
    """Relative numbers and length, `seq=1 ack=1 len=100`; ack is left out without ACK."""
    ack = "" if segment.ack is None or not segment.tcp_flags & ACK else f" ack={segment.ack}"
    return f"seq={segment.seq if segment.seq is not None else '?'}{ack} len={segment.payload_len}"


class _Way:
    """One direction so far, in raw sequence numbers: what was sent, what of it was acknowledged."""

    def __init__(self) -> None:
        self.first: int | None = None  # the number of the first segment seen
        self.sent: int | None = None  # past the highest octet, SYN and FIN counted
        self.acked: int | None = None
        self.syn: int | None = None
        self.fin: int | None = None
        self.reset = False
        self.accepted: tuple[int, int] | None = None  # the numbers of the last SYN-ACK that went this way
        self.spoke = False  # something went this way after the SYN
        self.last_ack: int | None = None
        self.no_room = False  # its last window was zero


class Narrator:
    """Says what each segment of one connection is: call it with every row in order. It remembers both directions."""

    def __init__(self) -> None:
        self._ways = {True: _Way(), False: _Way()}

    def __call__(self, s: Any) -> str:
        """The words for the next segment, a row of the table `segments`."""
        own, other = self._ways[bool(s.from_client)], self._ways[not s.from_client]
        if s.src_port == s.dst_port and s.src == s.dst:
            other = own  # a socket connected to itself: it answers its own segments
        acked = _newly_acknowledged(s, other)
        text = self._words(s, own, other, acked)
        _remember(s, own, other)
        return text

    def _words(self, s: Any, own: _Way, other: _Way, acked: str) -> str:
        flags, data = s.tcp_flags, s.payload_len
        if flags & RST:
            return _reset(s, own, other)
        if flags & SYN:
            return _syn(s, own, other)
        if flags & FIN:
            return _fin(s, own, acked)
        flagged = _analysed(s, own, other)
        if flagged:
            return flagged
        if data:
            return f"{octets(data)} of data" + (f", {acked}" if acked in _WEIGHTY else "")
        if flags & ACK:
            return acked or "acknowledges nothing new"
        return "a segment without flags" if not flags else "carries nothing"


_WEIGHTY = ("acknowledges the FIN", "acknowledges the SYN")


def words(segments: Iterable[Any]) -> list[str]:
    """The words for each segment of one connection, in order."""
    narrate = Narrator()
    return [narrate(s) for s in segments]


def octets(value: int) -> str:
    """`1 octet`, `20,272 octets`."""
    return f"{number(value)} octet{'' if value == 1 else 's'}"


def _newly_acknowledged(s: Any, other: _Way) -> str:
    """What this segment is the first to acknowledge, in words; empty when nothing."""
    if not s.tcp_flags & ACK or s.tcp_flags & RST:
        return ""
    before = next((known for known in (other.acked, other.syn, other.first) if known is not None), None)
    if before is None or (other.acked is None and difference(s.ack_raw, before) <= 0):
        # Nothing to compare with: neither what is acknowledged nor an earlier acknowledgment was captured.
        return f"acknowledges up to {number(s.ack)}" if s.ack is not None else ""
    if difference(s.ack_raw, before) <= 0:
        return ""
    if other.sent is None:
        return f"acknowledges {octets(difference(s.ack_raw, before))}"
    if difference(s.ack_raw, other.sent) > 0:
        return "acknowledges octets that were not captured"
    if other.fin is not None and difference(s.ack_raw, other.fin) > 0:
        return "acknowledges the FIN"
    if other.acked is None and other.syn is not None:
        rest = difference(s.ack_raw, other.syn) - 1
        return "acknowledges the SYN" + (f" and {octets(rest)}" if rest > 0 else "")
    return f"acknowledges {octets(difference(s.ack_raw, before))}"


def _remember(s: Any, own: _Way, other: _Way) -> None:
    flags = s.tcp_flags
    if flags & RST:
        own.reset = True
        return
    own.no_room = s.window_raw == 0
    if flags & SYN:
        if own.syn != s.seq_raw:
            # Another beginning: what this side said before was of another connection.
            own.first = own.sent = own.acked = own.fin = None
        own.syn = s.seq_raw
        own.accepted = (s.seq_raw, s.ack_raw) if flags & ACK else own.accepted
    elif own.syn is not None:
        own.spoke = True
    own.last_ack = s.ack_raw if flags & ACK else own.last_ack
    own.first = s.seq_raw if own.first is None else own.first
    end = add(s.seq_raw, s.payload_len + (1 if flags & SYN else 0))
    if flags & FIN:
        own.fin = end
        end = add(end, 1)
    if own.sent is None or difference(end, own.sent) > 0:
        own.sent = end
    if flags & ACK and (other.acked is None or difference(s.ack_raw, other.acked) > 0):
        # An ACK beyond what was seen still counts: the capture missed something, the receiver did not.
        other.acked = s.ack_raw


def _reset(s: Any, own: _Way, other: _Way) -> str:
    if own.reset:
        return "resets again"
    if own.sent is None and other.syn is not None and other.acked is None:
        return "refuses: nobody accepts connections here"
    if own.fin is not None and other.fin is not None:
        both = _fin_acknowledged(own) and _fin_acknowledged(other)
        return "resets after both FINs were acknowledged" if both else "resets after both FINs"
    if own.fin is not None:
        return "resets after its own FIN"
    if other.fin is not None:
        return "resets instead of closing with a FIN"
    if own.syn is not None and other.sent is None:
        return "gives up before any answer"
    if own.syn is not None and own.sent is not None and other.last_ack is not None and not own.spoke and not own.accepted:
        if difference(other.last_ack, own.sent):
            return "rejects an acknowledgment of what it never sent"
        if other.accepted:
            return "resets instead of completing the handshake"
    low = own.acked if own.acked is not None else own.first
    if low is not None and own.sent is not None and (difference(s.seq_raw, low) < 0 or difference(s.seq_raw, own.sent) > 0):
        # RFC 9293 §3.5.3: whether it counts is decided by its number.
        return "resets, but its number is not the next one"
    return "resets: breaks the connection off"


def _fin_acknowledged(way: _Way) -> bool:
    return way.fin is not None and way.acked is not None and difference(way.acked, way.fin) > 0


def _how_late(s: Any) -> str:
    return f" {duration(s.rto_ns)} after the first" if s.rto_ns is not None else ""


def _syn(s: Any, own: _Way, other: _Way) -> str:
    again = own.syn == s.seq_raw
    with_data = f", with {octets(s.payload_len)} of data" if s.payload_len else ""
    if s.tcp_flags & ACK:
        if other is own or (own.syn == s.seq_raw and not own.accepted):
            return "acknowledges the SYN that crossed" if other is not own else "acknowledges its own SYN"
        if own.accepted == (s.seq_raw, s.ack_raw):
            return "accepts again, retransmission" + _how_late(s)
        early = difference(s.ack_raw, other.syn) - 1 if other.syn is not None else 0
        if early < 0:
            return "accepts another SYN than the one captured"
        return "accepts, acknowledges the SYN" + (f" and {octets(early)}" if early > 0 else "") + with_data
    if again and own.spoke:
        return "the SYN again, inside an open connection"
    if again:
        return "asks again, retransmission" + _how_late(s) + with_data
    if s.reused_ports:
        return "asks for a new connection on ports used before" + with_data
    if other.syn is not None:
        return "asks at the same time" + with_data
    return "asks to connect" + with_data


def _fin(s: Any, own: _Way, acked: str) -> str:
    data = f"{octets(s.payload_len)} of data, then " if s.payload_len else ""
    past = add(s.seq_raw, s.payload_len)
    if own.fin == past:
        return f"{data}FIN again, retransmission" + _how_late(s)
    if s.out_of_order:
        return f"{data}closes, but out of order"
    rest = f", {acked}" if acked in _WEIGHTY else ""
    rest += ", retransmission" + _how_late(s) if s.retransmission and s.payload_len else ""
    return f"{data}closes: no more to send{rest}"


def _analysed(s: Any, own: _Way, other: _Way) -> str:
    """The analysis flags in words, the weightiest first; empty when none is set."""
    told: list[str] = []
    if s.spurious_retransmission:
        told.append("retransmission of what was acknowledged already")
    elif s.fast_retransmission:
        told.append("retransmission after duplicate ACKs")
    elif s.retransmission:
        told.append("retransmission" + _how_late(s))
    if s.out_of_order:
        told.append("out of order")
    if s.keep_alive:
        told.append("keep-alive: is there room again?" if other.no_room else "keep-alive: are you still there?")
    if s.keep_alive_ack:
        told.append("answers the keep-alive")
    if s.zero_window_probe:
        told.append("probes the zero window")
    if s.zero_window_probe_ack:
        told.append("answers the probe")
    if s.duplicate_ack:
        told.append("duplicate ACK" + (f" #{s.duplicate_ack_num}" if s.duplicate_ack_num is not None else ""))
    if s.zero_window:
        told.append("zero window: still no room" if own.no_room else "zero window: no room for more")
    if s.window_update:
        told.append("window update" + (f": room for {octets(s.window)}" if s.window is not None else ""))
    if s.window_full:
        told.append("fills the window")
    if s.lost_segment:
        told.append("octets before it were not captured")
    if s.ack_lost_segment and (other.sent is None or difference(s.ack_raw, other.sent) > 0):
        told.append("acknowledges octets that were not captured")
    if s.payload_len and told and not (s.keep_alive or s.zero_window_probe):
        told.insert(0, octets(s.payload_len))
    return ", ".join(told)
