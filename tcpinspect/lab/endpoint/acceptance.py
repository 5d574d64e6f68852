"""Questions about one received segment. Wing lab. Reading: RFC 9293 §3.4 (table 6), §3.10.7; RFC 5961; RFC 7323 §5."""

from __future__ import annotations

from dataclasses import dataclass

from tcpinspect.lab.draft import Draft
from tcpinspect.lab.endpoint.options import Options, understood
from tcpinspect.protocol.header import FIN, SYN
from tcpinspect.protocol.seqnum import add, difference


@dataclass(slots=True)
class Arrival:
    """The "current segment variables" of §3.3.1: SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND, SEG.UP, and what else stands in the segment."""

    number: int
    flags: int
    seg_seq: int
    seg_ack: int
    seg_wnd: int  # as it stands in the header, not scaled
    seg_up: int
    options: Options
    payload: bytes

    @property
    def seg_len(self) -> int:
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def end(self) -> int:
        """The number behind the segment."""
        return add(self.seg_seq, self.seg_len)

    @classmethod
    def of(cls, segment: Draft, number: int) -> Arrival:
        """The segment as it counts for the receiver; what a draft does not say is 0 on the wire."""
        return cls(
            number,
            segment.flags,
            segment.seq or 0,
            segment.ack or 0,
            segment.window or 0,
            segment.urgent_pointer,
            understood(segment),
            segment.payload,
        )


def in_window(seq: int, rcv_nxt: int, rcv_wnd: int) -> bool:
    """RCV.NXT ≤ seq < RCV.NXT + RCV.WND."""
    return 0 <= difference(seq, rcv_nxt) < rcv_wnd


def acceptable(seg_seq: int, seg_len: int, rcv_nxt: int, rcv_wnd: int) -> bool:
    """Table 6 of §3.4: the segment occupies a part of the receive window."""
    if seg_len == 0:
        return seg_seq == rcv_nxt if rcv_wnd == 0 else in_window(seg_seq, rcv_nxt, rcv_wnd)
    if rcv_wnd == 0:
        return False
    return in_window(seg_seq, rcv_nxt, rcv_wnd) or in_window(add(seg_seq, seg_len - 1), rcv_nxt, rcv_wnd)


def outdated(arrival: Arrival, ts_recent: int, recent_ns: int, now: int) -> bool:
    """PAWS (RFC 7323 §5.3 R1): its timestamp is older than the last; §5.5: after 24 days a timestamp says nothing."""
    stamps = arrival.options.timestamps
    return stamps is not None and difference(stamps[0], ts_recent) < 0 and now - recent_ns < _DAYS_24_NS


_DAYS_24_NS = 24 * 86_400 * 1_000_000_000


def ack_plausible(seg_ack: int, snd_una: int, snd_nxt: int, max_snd_wnd: int) -> bool:
    """RFC 5961 §5.2: SND.UNA − MAX.SND.WND ≤ SEG.ACK ≤ SND.NXT."""
    return difference(seg_ack, add(snd_una, -max_snd_wnd)) >= 0 and difference(seg_ack, snd_nxt) <= 0


def new_incarnation(arrival: Arrival, rcv_nxt: int, ts_recent: int | None) -> bool:
    """May this SYN end TIME-WAIT? RFC 6191 §2: its timestamp is newer, or where there is none its number is (RFC 1122 §4.2.2.13)."""
    stamps = arrival.options.timestamps
    if stamps is not None and ts_recent is not None and stamps[0] != ts_recent:
        return difference(stamps[0], ts_recent) > 0
    return difference(arrival.seg_seq, rcv_nxt) > 0
