"""Deliberate faults of an endpoint: what it overlooks, and how it deforms what it says. Wing lab.

An endpoint with faults is the same machine behind two filters: `overlooked` changes what it hears, `deformed` what it
says. Its own timeline stays what it believes. Reading: RFC 9293 §3.5 (figure 8), RFC 4987 §2, RFC 5961 §4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tcpinspect.lab.draft import Draft
from tcpinspect.protocol.header import ACK, FIN, RST, SYN
from tcpinspect.protocol.seqnum import add


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """Every fault that can be switched on; by default there is none."""

    ack_offset: int = 0  # every acknowledgment number, behind the handshake, is off by so much
    never_ack: bool = False  # nothing behind the handshake is ever acknowledged
    ignore_fin: bool = False  # the peer's FIN is not seen, so not acknowledged either
    ignore_rst: bool = False  # the peer's resets are not seen
    never_reset: bool = False  # sends no RST whatever arrives, as behind a firewall
    syn_only: bool = False  # says nothing but SYN: half of a SYN flood
    syn_ack_only: bool = False  # answers every SYN and nothing else
    split_handshake: bool = False  # answers a SYN by a SYN of its own without ACK
    two_way: bool = False  # a SYN alone opens the connection: takes its own SYN-ACK for acknowledged, as in a two-way handshake
    stale_syns: int = 0  # so many received segments are answered by a repeat of the old SYN
    zero_window: bool = False  # never opens its window


def overlooked(segment: Draft, faults: Misbehaviour) -> Draft | None:
    """The segment as the endpoint hears it; None where it does not hear it at all."""
    if faults.ignore_rst and segment.flags & RST:
        return None
    if faults.ignore_fin and segment.flags & FIN:
        return replace(segment, flags=segment.flags & ~FIN)
    return segment


def deformed(segment: Draft, faults: Misbehaviour, first_ack: int) -> Draft | None:
    """The segment as it leaves; None where nothing leaves. `first_ack`: IRS + 1, what acknowledges the peer's SYN alone."""
    flags = segment.flags
    if faults.never_reset and flags & RST:
        return None
    if faults.syn_only and not flags & SYN:
        return None
    if faults.syn_ack_only and flags & (SYN | ACK) != SYN | ACK:
        return None
    if faults.zero_window and not flags & RST:
        segment = replace(segment, window=0)
    if flags & SYN:
        return replace(segment, flags=flags & ~ACK, ack=None) if faults.split_handshake else segment
    if not flags & ACK or flags & RST:
        return segment
    if faults.never_ack:
        # The third segment of the handshake is let through: without it nothing begins.
        if segment.ack != first_ack and not segment.payload and not flags & FIN:
            return None
        return replace(segment, ack=first_ack)
    if faults.ack_offset and segment.ack != first_ack:
        return replace(segment, ack=add(segment.ack or 0, faults.ack_offset))
    return segment
