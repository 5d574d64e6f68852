"""A line for every TCP segment as it passes, in tcpdump's words. Floor 5."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tcpinspect.capture.live.tap import Counts
from tcpinspect.cli.timestyle import TimeStyle
from tcpinspect.engine.decode import Decoder
from tcpinspect.engine.segment import Segment
from tcpinspect.model.address import address_text

if TYPE_CHECKING:
    from tcpinspect.capture.live.frames import Frames

# tcpdump's letters, by bit.
_LETTERS = ((1, "F"), (2, "S"), (4, "R"), (8, "P"), (16, "."), (32, "U"), (64, "E"), (128, "W"), (256, "e"))
_SYN_FIN_RST, _ACK, _URG = 7, 16, 32


class LineSink:
    """Prints the segments among the records; those that are none pass silently. `limit` segments are enough."""

    def __init__(self, style: str, limit: int | None) -> None:
        self.counts = Counts(0, 0, 0)
        self.full = False
        self._left = limit
        self._decoder, self._segment = Decoder(), Segment()
        self._times: TimeStyle | None = None
        self._style = style

    def write(self, records: Frames, first: int, last: int) -> int:
        """Print records first … last − 1; how many were segments."""
        self._decoder.use(records.view)
        lines = []
        for number in range(first, last):
            offset, captured, wire, time_ns, link = records.record(number)
            if self._decoder.decode(self._segment, offset, captured, wire, link) != 0:
                continue
            if self._times is None:
                self._times = TimeStyle(self._style, time_ns)
            lines.append(f"{self._times.text(time_ns)} {line(self._segment)}\n")
            if self._left is not None and len(lines) >= self._left:
                self.full = True
                break
        if self._left is not None:
            self._left -= len(lines)
        if lines:
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
        return len(lines)

    def finish(self) -> None:
        """Let go of the last block."""
        self._decoder.use(b"\0")


def line(segment: Any) -> str:
    """A segment as `tcpdump -nS` prints it, without the options."""
    s = segment
    parts = [f"Flags [{''.join(letter for bit, letter in _LETTERS if s.flags & bit) or 'none'}]"]
    if s.payload_len:
        parts.append(f"seq {s.seq}:{(s.seq + s.payload_len) & 0xFFFFFFFF}")
    elif s.flags & _SYN_FIN_RST:
        parts.append(f"seq {s.seq}")
    if s.flags & _ACK:
        parts.append(f"ack {s.ack}")
    parts.append(f"win {s.window_raw}")
    if s.flags & _URG:
        parts.append(f"urg {s.urgent_pointer}")
    parts.append(f"length {s.payload_len}")
    source = f"{address_text(s.family, s.src_hi, s.src_lo)}.{s.src_port}"
    destination = f"{address_text(s.family, s.dst_hi, s.dst_lo)}.{s.dst_port}"
    return f"{'IP' if s.family == 4 else 'IP6'} {source} > {destination}: {', '.join(parts)}"
