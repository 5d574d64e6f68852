"""`frame.tcp`: questions to a pandas frame of one of the four tables, in the field's words. Floor 3. Reading: pandas' accessors.

    segments.tcp.connection(3)         the rows of one connection
    segments.tcp.retransmissions()     what was sent again
    connections.tcp.failed()           what never came to be a connection
    timeline.tcp.dwell()               how long each side stayed in each state
    connections.tcp.plot_overview()    the pictures of all connections

A frame that `analysis.frame(...)` made brings the accessor with it; of frames read from Parquet or CSV `import` of this module
does. Every answer is computed from the frame itself, so it also works on a part of one.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd

from tcpinspect.insight import reading
from tcpinspect.insight.meanings import CONN_STATES
from tcpinspect.model.row import ROW_TYPES, Row
from tcpinspect.protocol.header import FLAG_NAMES, flag_letters
from tcpinspect.schema import TABLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A column of each table that no other one has.
_MARKS = {"segments": "seq_raw", "connections": "conn_state", "timeline": "to_state", "findings": "severity"}
_NEVER = ("refused", "unanswered", "incomplete", "contested")
_NANO = 10**9


class TcpFrame:
    """What `frame.tcp` gives. `table` is which of the four tables the frame is of. Raises AttributeError for any other frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        found = [name for name, mark in _MARKS.items() if mark in frame.columns]
        if not found:
            raise AttributeError(f"no table of tcpinspect: its columns are none of {', '.join(_MARKS.values())}")
        self.table = found[0]
        self._frame = frame

    def connection(self, stream: int) -> pd.DataFrame:
        """The rows of one connection, by its stream number."""
        return self._frame[self._frame["stream"] == stream]

    # segments

    def retransmissions(self) -> pd.DataFrame:
        """The segments that carry octets sent before."""
        return self._of("segments")[self._frame["retransmission"]]

    def with_data(self) -> pd.DataFrame:
        """The segments with at least an octet of data."""
        return self._of("segments")[self._frame["payload_len"] > 0]

    def flagged(self, *flags: str) -> pd.DataFrame:
        """The segments with all of these flags set: `flagged("SYN", "ACK")`."""
        bits = {name: 1 << at for at, name in enumerate(FLAG_NAMES)}
        unknown = [flag for flag in flags if flag.upper() not in bits]
        if unknown:
            raise AttributeError(f"no flag {', '.join(unknown)}: there are {', '.join(bits)}")
        wanted = sum(bits[flag.upper()] for flag in flags)
        return self._of("segments")[(self._frame["tcp_flags"] & wanted) == wanted]

    def letters(self) -> pd.Series:
        """The flags of each segment in tcpdump's letters: S, S., P., F. …"""
        return self._of("segments")["tcp_flags"].map(flag_letters)

    # connections

    def failed(self) -> pd.DataFrame:
        """The connections that never came to be: refused, unanswered, not finished."""
        return self._where(lambda row: reading.opening(row) in _NEVER)

    def closed_first(self) -> pd.Series:
        """Which side's FIN was captured first, `client` or `server`; empty where none was."""
        return pd.Series([reading.closed_first(row) for row in self._rows("connections")], index=self._frame.index, dtype="string")

    def outcomes(self) -> pd.DataFrame:
        """How many connections ended how: Zeek's word, the number, what it means."""
        counts = self._of("connections")["conn_state"].value_counts()
        meanings = [CONN_STATES.get(name, "") for name in counts.index]
        return pd.DataFrame({"connections": counts.to_numpy(), "meaning": meanings}, index=counts.index)

    # timeline

    def dwell(self) -> pd.DataFrame:
        """Each stay in a state whose begin and end are known: stream, side, state, seconds."""
        steps = self._of("timeline").dropna(subset=["time_ns"])
        until = steps.groupby(["stream", "side"], sort=False)["time_ns"].shift(-1)
        # Where segments cross, a step may be proven by a frame that was captured before the last one's: no time, then.
        seconds = ((until - steps["time_ns"]) / _NANO).clip(lower=0)
        return steps[["stream", "side"]].assign(state=steps["to_state"], seconds=seconds).dropna(subset=["seconds"])

    # pictures: of all connections of the frame; those of a single one are tcpinspect.plot's, of `analysis.connections[n]`

    def plot_overview(self, ax: Axes | None = None, **look: Any) -> Axes:
        """Every connection as a bar over time (`tcpinspect.plot.overview`)."""
        return self._plot("overview", ax, look)

    def plot_handshakes(self, ax: Axes | None = None, **look: Any) -> Axes:
        """How long the handshakes took (`tcpinspect.plot.handshakes`)."""
        return self._plot("handshakes", ax, look)

    def _plot(self, kind: str, ax: Axes | None, look: dict[str, Any]) -> Axes:
        # The pictures live a floor above: they are asked for at the package's door, as anybody would.
        import tcpinspect

        drawn: Axes = getattr(tcpinspect.plot, kind)(SimpleNamespace(connection_rows=list(self._rows("connections"))), ax=ax, **look)
        return drawn

    def _of(self, table: str) -> pd.DataFrame:
        if self.table != table:
            raise AttributeError(f"a question to the {table}; this is a frame of the {self.table}: use analysis.frame({table!r}).tcp")
        return self._frame

    def _rows(self, table: str) -> list[Row]:
        """The frame's rows as the table's named tuples; unknown is None."""
        names = [column.name for column in TABLES[table]]
        frame = self._of(table)[names].astype(object)
        return [ROW_TYPES[table](*row) for row in frame.where(frame.notna(), None).itertuples(index=False)]

    def _where(self, keep: Any) -> pd.DataFrame:
        return self._frame[[bool(keep(row)) for row in self._rows("connections")]]


if not hasattr(pd.DataFrame, "tcp"):
    pd.api.extensions.register_dataframe_accessor("tcp")(TcpFrame)
