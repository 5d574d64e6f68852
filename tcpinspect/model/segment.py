"""A segment as people ask about it: its row, and why it was sent. Floor 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tcpinspect.model.address import endpoint_text
from tcpinspect.model.row import ROW_TYPES, Row
from tcpinspect.protocol.header import flag_letters

if TYPE_CHECKING:
    from tcpinspect.insight.why import Why
    from tcpinspect.model.analysis import Analysis

_ROW: Any = ROW_TYPES["segments"]


class Segment(_ROW):
    """A row of `segments`, every column an attribute, that knows its capture: `why` explains it, `cause` is that in a word."""

    _analysis: Analysis | None = None

    @classmethod
    def of(cls, analysis: Analysis, row: Row) -> Segment:
        """The segment of a row of this analysis."""
        made: Segment = cls._make(row)
        made._analysis = analysis
        return made

    @property
    def why(self) -> Why:
        """Why it was sent, which rules fired and nearly fired, and what it did to both sides' states."""
        if self._analysis is None:
            raise AttributeError("a copy of a segment with other values (_replace) is of no capture: nothing can explain it")
        return self._analysis.why(self.frame)

    def __str__(self) -> str:
        ends = f"{endpoint_text(self.src, self.src_port)} → {endpoint_text(self.dst, self.dst_port)}"
        numbers = f"seq {self.seq_raw if self.seq is None else self.seq}" + (f" ack {self.ack}" if self.ack is not None else "")
        return f"{ends} {flag_letters(self.tcp_flags)} {numbers} len {self.payload_len}"

    def __repr__(self) -> str:
        return f"<segment in frame {self.frame}, stream {self.stream}: {self}{f', {self.cause}' if self.cause else ''}>"

    def _repr_html_(self) -> str:
        from tcpinspect.model.cards import segment_card

        return segment_card(self)
