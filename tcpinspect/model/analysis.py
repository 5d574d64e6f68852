"""The front door: analyse a capture, then ask about it. Floor 3."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from tcpinspect.capture.source import Input
from tcpinspect.engine.finish import CHUNK_STREAMS
from tcpinspect.engine.run import Progress, Result, no_collector, run
from tcpinspect.engine.signs import Sign
from tcpinspect.errors import UsageError, WrongKind
from tcpinspect.insight.phrases import count
from tcpinspect.model.batches import ConnectionBatch, TimelineBatch
from tcpinspect.model.connection import Connection
from tcpinspect.model.endpoints import Endpoints
from tcpinspect.model.notebook import RowList
from tcpinspect.model.row import ROW_TYPES, Row
from tcpinspect.model.segment import Segment
from tcpinspect.model.segment_batches import SegmentBatch, SegmentChunk, pick, rows_of_stream, segment_batches
from tcpinspect.model.segment_frame import SegmentTable
from tcpinspect.model.table import RowBatch, Table
from tcpinspect.schema import SEGMENTS, TABLES

if TYPE_CHECKING:
    import pandas

    from tcpinspect.insight.doctor import Diagnosis
    from tcpinspect.insight.why import Why

# https://www.tcpdump.org/linktypes.html: those that are decoded, for people.
LINK_NAMES = {
    0: "BSD loopback", 1: "Ethernet", 6: "Token Ring", 9: "PPP", 10: "FDDI", 12: "raw IP", 14: "raw IP", 50: "PPP in HDLC framing",
    51: "PPPoE", 101: "raw IP", 104: "Cisco HDLC", 105: "802.11", 108: "OpenBSD loopback", 113: "Linux cooked",
    127: "802.11 with radiotap", 129: "ARCnet", 178: "Juniper Ethernet", 228: "raw IPv4", 229: "raw IPv6", 239: "NFLOG",
    242: "IP over InfiniBand", 276: "Linux cooked v2", 7: "ARCnet", 100: "ATM by RFC 1483", 107: "frame relay", 109: "OpenBSD enc",
    117: "OpenBSD pflog", 119: "802.11 with Prism", 122: "IP over Fibre Channel", 123: "SunATM", 138: "IP over IEEE 1394", 149: "pktap",
    163: "802.11 with AVS", 167: "Juniper PPPoE", 179: "Juniper PPP", 180: "Juniper frame relay", 181: "Juniper Cisco HDLC", 192: "PPI",
    204: "PPP with direction", 258: "pktap",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capture:
    """What a capture file is. Times in ns since 1970; `drops` is None where the capture does not say; `health`
    has what the packets themselves tell of the recording's faults, by name (`engine.signs`); `untimed` packets carry no time."""

    format: str
    link_types: tuple[str, ...]
    packets: int
    bytes: int
    first_ns: int | None
    last_ns: int | None
    segments: int
    not_tcp: dict[str, int]
    warnings: list[str]
    drops: int | None
    snaplen_cut: int
    steps_back: int
    checksums: dict[str, int]
    comments: list[tuple[int, str]]
    health: dict[str, Sign] = field(default_factory=dict)
    untimed: int = 0

    @classmethod
    def of(cls, result: Result) -> Capture:
        """What the engine found out about the file."""
        dropped = [i.dropped for i in result.interfaces if i.dropped is not None]
        links = dict.fromkeys(LINK_NAMES.get(i.link_type, f"link type {i.link_type}") for i in result.interfaces)
        return cls(
            result.format, tuple(links), result.packets, result.bytes_read, result.first_ns, result.last_ns, result.segments,
            result.not_tcp, result.warnings, sum(dropped) if dropped else None, result.snaplen_cut, result.steps_back,
            result.checksums, result.comments, result.health, sum(i.untimed for i in result.interfaces),
        )  # fmt: skip


class Connections:
    """The connections of a capture by stream number: `len`, index, slice, iteration."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    @cached_property
    def _rows(self) -> list[Row]:
        return self._analysis.connection_rows

    def __len__(self) -> int:
        return len(self._analysis.table("connections"))

    @overload
    def __getitem__(self, stream: int) -> Connection: ...
    @overload
    def __getitem__(self, stream: slice) -> list[Connection]: ...
    def __getitem__(self, stream: int | slice) -> Connection | list[Connection]:
        if isinstance(stream, slice):
            return [Connection(self._analysis, row) for row in self._rows[stream]]
        try:
            return Connection(self._analysis, self._rows[_whole(stream, "a stream")])
        except IndexError:
            raise NoSuchStream(stream, self._analysis.given, len(self)) from None

    def __iter__(self) -> Iterator[Connection]:
        return (Connection(self._analysis, row) for row in self._rows)

    def __repr__(self) -> str:
        return repr(self._list)

    def _repr_html_(self) -> str:
        return self._list._repr_html_()

    @property
    def _list(self) -> RowList:
        return RowList(self._rows, "connections", self._analysis.capture.first_ns)


def _whole(number: Any, what: str) -> int:
    """The number of a stream or a frame. Raises WrongKind for what is none."""
    try:
        return operator.index(number)
    except TypeError:
        raise WrongKind(f"{what} is a whole number, not {number!r}") from None


class NoSuchStream(UsageError, IndexError):
    """A stream number that the capture does not have."""

    def __init__(self, stream: int, name: str, count: int) -> None:
        have = f"it has 0–{count - 1}" if count > 1 else "it has only 0" if count else "it has no TCP connection"
        super().__init__(f'no stream {stream} in {name}: {have}; list them with "tcpinspect connections {name}"')


class NoSuchSegment(UsageError):
    """A frame that is not in the capture, or holds no TCP segment."""

    def __init__(self, frame: int, name: str, capture: Capture) -> None:
        if not 1 <= frame <= capture.packets:
            have = f"it has 1–{capture.packets}" if capture.packets > 1 else "it has only 1" if capture.packets else "it has no packets"
            super().__init__(f"no frame {frame} in {name}: {have}")
            return
        if capture.segments and not sum(capture.not_tcp.values()):
            what = ": the segments were not kept (segments=False)"
        else:
            kinds = ", ".join(f"{reason} {count}" for reason, count in capture.not_tcp.items() if count)
            others = [reason for reason, count in capture.not_tcp.items() if count]
            what = f" ({others[0]})" if len(others) == 1 else f" (one of: {kinds})"
        super().__init__(f'frame {frame} of {name} is no TCP segment{what}; list the segments with "tcpinspect segments {name}"')


class Analysis:
    """Everything known about one capture."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self.name = result.name  # for people
        self.given = result.given  # for commands that they may type
        self.files = result.files
        self.interrupted = result.interrupted
        self.capture = Capture.of(result)
        self._tables: dict[str, Table] = {}

    @cached_property
    def _ends(self) -> Endpoints:
        return Endpoints(self._result.chunks)

    @cached_property
    def _streams(self) -> int:
        return len(self.table("connections"))

    @cached_property
    def connections(self) -> Connections:
        """The connections, by stream number."""
        return Connections(self)

    @cached_property
    def connection_rows(self) -> list[Row]:
        """The rows of the connections table, made once: many ask for all of them."""
        return list(self.table("connections").rows())

    @cached_property
    def findings(self) -> list[Row]:
        """What is worth saying, rows of schema.FINDINGS."""
        from tcpinspect.insight.findings import findings
        from tcpinspect.insight.forged import forged
        from tcpinspect.model.first_seen import doubtful_resets, first_flagged

        chunks = self._result.segment_chunks
        forgeries = {stream: found for stream in doubtful_resets(chunks) if (found := forged(self.segments_of(stream)))}
        return findings(
            self.connection_rows, self.capture, steps_of=self.steps_of, first=first_flagged(chunks), forgeries=forgeries,
        )  # fmt: skip

    @cached_property
    def diagnoses(self) -> list[Diagnosis]:
        """What is wrong with the capture itself; empty for a healthy one."""
        from tcpinspect.insight.doctor import diagnose

        return diagnose(self.connection_rows, self.capture)

    def table(self, name: str) -> Table:
        """One of `segments connections timeline findings`. Raises UsageError for another name."""
        if not isinstance(name, str) or name not in TABLES:
            raise UsageError(f"no table {name!r}: there are {', '.join(TABLES)}")
        if name not in self._tables:
            chunks = self._result.chunks
            table: Table
            if name == "segments":
                table = SegmentTable(self._result.segment_chunks, self._ends)
            elif name == "connections":
                table = Table(name, [ConnectionBatch(chunk, self._ends, self.capture.last_ns or 0) for chunk in chunks])
            elif name == "timeline":
                table = Table(name, [TimelineBatch(chunk, self._ends) for chunk in chunks])
            else:
                table = Table(name, [RowBatch(name, self.findings)])
            self._tables[name] = table
        return self._tables[name]

    def frame(self, name: str) -> pandas.DataFrame:
        """A table as a pandas frame, with fixed columns and nullable types; their values are made when they are first looked at."""
        with no_collector():
            return self.table(name).to_pandas()

    def segments_of(self, stream: int) -> list[Row]:
        """The segments of one stream. Raises UsageError for a stream that is not there."""
        self._check(stream)
        make = ROW_TYPES["segments"]._make  # type: ignore[attr-defined]
        parts = [part for chunk in self._result.segment_chunks if (part := rows_of_stream(chunk, stream))[0]]
        return [make(row) for batch in segment_batches(parts, self._ends) for row in zip(*batch.lists(), strict=True)]

    def rows_of(self, chunks: Sequence[SegmentChunk]) -> list[dict[str, Any]]:
        """Segments picked out of `segment_chunks` as dictionaries, without their `cause`: that rests on a whole connection."""
        out: list[dict[str, Any]] = []
        for number, arrays in chunks:
            columns = SegmentBatch(number, arrays, self._ends, lambda: ()).lists()
            named = {column.name: values for column, values in zip(SEGMENTS, columns, strict=True) if column.name != "cause"}
            out += [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
        return out

    def _check(self, stream: int) -> None:
        """Let the number of a stream pass."""
        if not 0 <= _whole(stream, "a stream") < self._streams:
            raise NoSuchStream(stream, self.given, self._streams)

    @property
    def segment_chunks(self) -> Sequence[SegmentChunk]:
        """The segments as the engine keeps them, some thousand rows at a time: how many, and an array a column."""
        return self._result.segment_chunks

    def client_endpoint(self, stream: int) -> int:
        """Which of a stream's two ends, as the engine numbers them, is the client."""
        return self._ends.client_endpoint[stream]

    def segments_by_stream(self, streams: Collection[int], *, most: int) -> dict[int, list[Row]]:
        """The first `most` segments of several streams, in one pass: many calls of `segments_of` would be as many passes."""
        out: dict[int, list[Row]] = {stream: [] for stream in streams}
        taken = dict.fromkeys(streams, 0)
        parts = []
        for chunk in self._result.segment_chunks:
            chosen: list[int] = []
            for at, stream in enumerate(chunk[1]["stream"][: chunk[0]]):
                if stream in taken and taken[stream] < most:
                    taken[stream] += 1
                    chosen.append(at)
            if chosen:
                parts.append(pick(chunk, chosen))
        make = ROW_TYPES["segments"]._make  # type: ignore[attr-defined]
        for batch in segment_batches(parts, self._ends):
            for row in map(make, zip(*batch.lists(), strict=True)):
                out[row.stream].append(row)
        return out

    def steps_of(self, stream: int) -> list[Row]:
        """The timeline of one stream. Raises UsageError for a stream that is not there."""
        self._check(stream)
        batch = TimelineBatch.of_stream(self._result.chunks[stream // CHUNK_STREAMS], self._ends, stream)
        return list(map(ROW_TYPES["timeline"]._make, zip(*batch.lists(), strict=True)))  # type: ignore[attr-defined]

    def stream_of(self, frame: int) -> int:
        """The stream of the segment in a frame. Raises UsageError for a frame that is not there or holds no TCP segment."""
        from bisect import bisect_left

        _whole(frame, "a frame")
        for n, arrays in self._result.segment_chunks:
            at = bisect_left(arrays["frame"], frame, 0, n)
            if at < n and arrays["frame"][at] == frame:
                return int(arrays["stream"][at])
        raise NoSuchSegment(frame, self.given, self.capture)

    def segment(self, frame: int) -> Segment:
        """The segment in a frame, with its `why`. Raises UsageError for a frame that is not there or holds no TCP segment."""
        rows = self.segments_of(self.stream_of(frame))
        return Segment.of(self, next(row for row in rows if row.frame == frame))

    def why(self, frame: int) -> Why:
        """Why the segment in this frame was sent, which rules fired and nearly fired, and what it did to both sides' states.

        Raises UsageError for a frame that is not in the capture or holds no TCP segment.
        """
        from tcpinspect.insight.why import explain

        stream = self.stream_of(frame)
        found = explain(self.segments_of(stream), self.steps_of(stream), frame)
        assert found is not None
        return found

    def __deepcopy__(self, memo: Any) -> Analysis:
        """Nothing changes it, so a copy of what refers to it may go on doing so."""
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        """What is read of a capture stays in the process that read it."""
        raise WrongKind(
            "an analysis cannot be pickled, nor what asks it (a connection, its side, its segments): give away its frames, a connection's "
            "row and timeline, or analyse where it is needed"
        )

    def __repr__(self) -> str:
        c = self.capture
        counted = (count(c.packets, "packet"), count(c.segments, "TCP segment"), count(len(self.connections), "connection"))
        text = f"<analysis of {self.name}: {', '.join(counted)}"
        return text + (f", {len(c.warnings)} warning{'s' * (len(c.warnings) > 1)}>" if c.warnings else ">")

    def _repr_html_(self) -> str:
        from tcpinspect.model.cards import analysis_card

        return analysis_card(self)


def analyze(
    where: Input | Sequence[Input], *, segments: bool = True, progress: Progress | None = None, follow: float | None = None
) -> Analysis:
    """Analyse a capture: a path, "-" for standard input, bytes, or a binary file object; a list of them is read as one capture.

    Several are put in order of their first packets and merged by time where they overlap; connections go on from one to the
    next and frame numbers count through. `segments` False leaves the segments table empty and saves its memory. `follow` waits
    at the end of the (newest) file for more, at most so many seconds in one go. `progress(bytes, packets)` is called now and
    then with what was read so far.

    Raises CaptureError when nothing can be read; a capture that is damaged further on is analysed up to there, with a line in
    `.capture.warnings`.
    """
    if not (follow is None or isinstance(follow, (int, float))):
        raise WrongKind(f"follow is a number of seconds, or None, not {follow!r}")
    return Analysis(run(where, segments=bool(segments), progress=progress, follow=follow))
