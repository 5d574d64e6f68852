"""A connection and its two sides, as people ask about them. Floor 3."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tcpinspect.model.address import endpoint_text
from tcpinspect.model.notebook import RowList
from tcpinspect.model.row import Row
from tcpinspect.model.segment import Segment

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis
    from tcpinspect.model.arrays import SegmentArrays


class Side:
    """One half of an observed connection. `role` is "client" or "server"; numbers are None where unknown, times in ns."""

    def __init__(self, connection: Connection, role: str) -> None:
        row = connection.row
        self._connection = connection
        self.role = role
        self.address: str = getattr(row, role)
        self.port: int = getattr(row, f"{role}_port")
        self.packets: int = getattr(row, f"{role}_packets")
        self.bytes: int | None = getattr(row, f"{role}_bytes")
        self.payload_bytes: int = getattr(row, f"{role}_payload_bytes")
        self.state: str | None = getattr(row, f"{role}_state")
        self.mss: int | None = getattr(row, f"{role}_mss")
        self.window_shift: int | None = getattr(row, f"{role}_window_shift")
        self.retransmissions: int = getattr(row, f"{role}_retransmissions")
        self.zero_windows: int = getattr(row, f"{role}_zero_windows")
        self.rtt_min_ns: int | None = getattr(row, f"{role}_rtt_min_ns")
        self.rtt_median_ns: int | None = getattr(row, f"{role}_rtt_median_ns")
        self.rtt_max_ns: int | None = getattr(row, f"{role}_rtt_max_ns")

    @property
    def timeline(self) -> RowList:
        """The steps of this side alone."""
        whole = self._connection.timeline
        return RowList((step for step in whole if step.side == self.role), "timeline", whole.first_ns)

    def __str__(self) -> str:
        return endpoint_text(self.address, self.port)

    def __repr__(self) -> str:
        return f"<{self.role} {self}, {self.state or 'state unknown'}>"


class Connection:
    """One incarnation of an address pair: every column of `schema.CONNECTIONS` is an attribute, `client` and `server` are Sides."""

    def __init__(self, analysis: Analysis, row: Row) -> None:
        self._analysis = analysis
        self.row = row
        self.stream: int = row.stream
        self.client = Side(self, "client")
        self.server = Side(self, "server")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "row":
            raise AttributeError(name)
        try:
            return getattr(self.row, name)
        except AttributeError:
            raise AttributeError(f"a connection has no {name!r}; its columns: {', '.join(self.row._fields)}") from None

    def __eq__(self, other: object) -> bool:
        """The same stream of the same analysis: `analysis.connections[0]` is made anew each time."""
        return isinstance(other, Connection) and (self._analysis, self.stream) == (other._analysis, other.stream)

    def __hash__(self) -> int:
        return hash((self._analysis, self.stream))

    @cached_property
    def timeline(self) -> RowList:
        """The steps of both sides, in the order in which they happened."""
        return RowList(self._analysis.steps_of(self.stream), "timeline", self._analysis.capture.first_ns)

    @cached_property
    def segments(self) -> RowList:
        """The segments in the order of the capture, each with its `why`."""
        rows = self._analysis.segments_of(self.stream)
        return RowList((Segment.of(self._analysis, row) for row in rows), "segments", self._analysis.capture.first_ns)

    def first_segments(self, most: int) -> list[Row]:
        """The first segments, without making all the others objects."""
        return self._analysis.segments_by_stream([self.stream], most=most)[self.stream]

    @cached_property
    def arrays(self) -> SegmentArrays:
        """The segments' numbers and flags as numpy columns: for pictures and sums over very many."""
        from tcpinspect.model.arrays import SegmentArrays

        return SegmentArrays(self._analysis, self.stream)

    @property
    def findings(self) -> RowList:
        """What is worth saying about this connection."""
        found = (finding for finding in self._analysis.findings if finding.stream == self.stream)
        return RowList(found, "findings", self._analysis.capture.first_ns)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.row._fields})

    def __str__(self) -> str:
        return f"{self.client} → {self.server}"

    def __repr__(self) -> str:
        return f"<connection {self.stream}: {self}, {self.row.conn_state}, {self.row.handshake}, {self.row.teardown}>"

    def _repr_html_(self) -> str:
        from tcpinspect.model.cards import connection_card

        return connection_card(self)
