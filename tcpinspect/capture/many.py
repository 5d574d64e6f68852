"""One capture or several read as one: in order of their first packets, merged by time where they overlap. Floor 1.

Packets of one file keep its order. Where two files have a packet of the same time, that of the file that began earlier (or was
named first) comes first. Frame numbers count through. Files are opened when their time comes and closed when they end, so that
a thousand that follow each other need one or two descriptors.
"""

from __future__ import annotations

import heapq
import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import cast

from tcpinspect.capture.pcapng import MAX_COMMENTS, Interface
from tcpinspect.capture.records import BLOCK_SIZE, LATEST, Records
from tcpinspect.capture.source import Input, Source, check_kind, is_regular
from tcpinspect.errors import CaptureError, FormatError, UsageError

_PEEK_SIZE = 1 << 16
_SMALLEST_BLOCK = 1 << 16
_NAMED_AT_MOST = 3


class _File:
    """One of the captures. `order` is its place among them; `first_ns` the time of its first packet, None without one."""

    def __init__(self, where: Input, follow: float | None) -> None:
        self.where = where
        self.follow = follow
        self.order = 0
        self.first_ns: int | None = None
        self.format = ""
        self.interfaces: list[Interface] = []
        self.comments: list[tuple[int, str]] = []
        self.warnings: list[str] = []
        self.bytes_read = 0
        self.bytes_taken = 0
        self.at = 0
        self._told = 0  # comments that have got their frame's number in the whole
        self._source: Source | None = None
        self._records: Records | None = None

    @property
    def records(self) -> Records:
        assert self._records is not None
        return self._records

    @property
    def source(self) -> Source:
        assert self._source is not None
        return self._source

    def open(self, block_size: int = BLOCK_SIZE) -> bool:
        """Open the file and read its first block; whether it has a packet. Raises CaptureError."""
        self._source = Source(self.where, follow=self.follow)
        try:
            self._records = records = Records(self._source, block_size)
        except FormatError:
            if self._source.interrupted:  # before even a header came
                raise KeyboardInterrupt from None
            raise
        self.format, self.interfaces, self.comments, self.warnings = (
            records.format, records.interfaces, records.comments, records.warnings,
        )  # fmt: skip
        return self.fill()

    def fill(self) -> bool:
        """Read the next block; at the end False, and the file is closed."""
        self.at = 0
        found = self.records.next_block() > 0
        self.bytes_read, self.bytes_taken = self.source.bytes_read, self.source.bytes_taken
        return found

    def peek(self) -> None:
        """Learn the time of the first packet. What can be opened twice is closed again; a pipe stays open."""
        twice = is_regular(self.where)
        if twice and self.follow is not None and os.path.getsize(self.where) == 0:  # type: ignore[arg-type]
            return
        try:
            if self.open(_PEEK_SIZE if twice else BLOCK_SIZE):
                self.first_ns = self.records.time(0)
        finally:
            if twice:
                self.close()

    @property
    def is_open(self) -> bool:
        return self._records is not None

    def number_comments(self, first: int, last: int, frames: int) -> list[tuple[int, str]]:
        """The comments on records `first` to `last` of the block (and on the file itself) with numbers of the whole, which
        had `frames` frames before."""
        out = []
        before = self.records.frames - self.records.count  # frames of this file before the block
        while self._told < len(self.comments) and self.comments[self._told][0] <= before + last:
            frame, text = self.comments[self._told]
            out.append((frames + frame - before - first if frame else 0, text))
            self._told += 1
        return out

    def close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = self._records = None


class Files:
    """Reads captures as one. Raises CaptureError when none can be read, or one is not there; UsageError without any.

    `name` is for people, `given` what they typed; `format` and `interfaces` are those of all files, `comments` and `warnings`
    too, the warnings with the name of their file when there are several. `interrupted`: Ctrl-C ended the reading.
    `follow`: wait for more at the end of the newest file, at most so many seconds in one go.
    """

    def __init__(self, where: Sequence[Input], *, follow: float | None = None) -> None:
        if not where:
            raise UsageError("no capture was given: name at least one file")
        self.interrupted = False
        self.count = len(where)
        self.packets = 0
        self.comments: list[tuple[int, str]] = []
        self._left_out: list[str] = []
        self._files = [_File(one, follow) for one in where]
        self.given = names(where)
        self.name = label(where[0]) if len(where) == 1 else f"{label(where[0])} and {len(where) - 1} more"
        try:
            if len(where) == 1:
                self._files[0].open()
            else:
                self._put_in_order(follow)
        except BaseException:
            self.close()
            raise

    def _put_in_order(self, follow: float | None) -> None:
        """Sort the files by their first packets. Those that are no captures are left out, unless all are."""
        good: list[_File] = []
        first_error: FormatError | None = None
        for file in self._files:
            try:
                file.peek()
            except FormatError as error:
                first_error = first_error or error
                self._left_out.append(f"left out: {error}")
                file.close()
            else:
                good.append(file)
        if not good and first_error is not None:
            raise first_error
        # sorting keeps the order given where times are the same; a file without a packet is the newest: it was just begun
        good.sort(key=lambda file: math.inf if file.first_ns is None else file.first_ns)
        for order, file in enumerate(good):
            file.order = order
            file.follow = follow if file is good[-1] else None
        self._files = good

    def blocks(self) -> Iterator[tuple[Records, int, int]]:
        """(records, first, last): the next packets in time are records `first` to `last` (not included) of that block."""
        waiting = deque(self._files)
        reading: list[tuple[int, int, _File]] = []
        while waiting or reading:
            while waiting and (not reading or _starts(waiting[0]) < reading[0][0]):
                self._begin(waiting.popleft(), reading)
            if not reading:
                continue
            file = heapq.heappop(reading)[2]
            yield from self._run(file, self._limit(file, waiting, reading))
            self._come_back(file, reading)

    def _begin(self, file: _File, reading: list[tuple[int, int, _File]]) -> None:
        """Open a file whose time has come (a pipe was open already)."""
        try:
            if file.is_open:
                found = file.at < file.records.count
            elif self.interrupted:
                found = False
            else:
                room = max(_SMALLEST_BLOCK, BLOCK_SIZE // (len(reading) + 1))
                found = file.open(room)
                self.interrupted |= file.source.interrupted
        except CaptureError as error:  # it was readable when its first packet was looked at
            self._left_out.append(f"left out: {error}")
            found = False
        if found:
            heapq.heappush(reading, (file.records.time(file.at), file.order, file))
        else:
            self._end(file)

    def _limit(self, file: _File, waiting: deque[_File], reading: list[tuple[int, int, _File]]) -> int:
        """The latest time up to which all packets of `file` come before those of the others."""
        limit = LATEST
        if reading:
            limit = reading[0][0] - (reading[0][1] < file.order)
        if waiting:
            limit = min(limit, _starts(waiting[0]))
        return limit

    def _run(self, file: _File, limit: int) -> Iterator[tuple[Records, int, int]]:
        """The packets of a file as far as the limit, block by block."""
        records = file.records
        while True:
            first, last = file.at, records.run_end(file.at, limit)
            if last == first:
                return
            if file.comments:
                self._comment(file.number_comments(first, last, self.packets))
            yield records, first, last
            self.packets += last - first
            file.at = last
            if last < records.count:
                return
            more = not self.interrupted and file.fill()
            self.interrupted |= file.source.interrupted
            if not more:
                return

    def _come_back(self, file: _File, reading: list[tuple[int, int, _File]]) -> None:
        if file.at < file.records.count:
            heapq.heappush(reading, (file.records.time(file.at), file.order, file))
        else:
            self._end(file)

    def _end(self, file: _File) -> None:
        if file.is_open:
            self._comment(file.number_comments(0, file.records.count, self.packets))
        file.close()

    def _comment(self, comments: list[tuple[int, str]]) -> None:
        self.comments += comments[: MAX_COMMENTS - len(self.comments)]

    @property
    def format(self) -> str:
        kinds = " + ".join(dict.fromkeys(file.format for file in self._files if file.format))
        return kinds if len(self._files) == 1 else f"{len(self._files)} files, {kinds}"

    @property
    def interfaces(self) -> list[Interface]:
        return [interface for file in self._files for interface in file.interfaces]

    @property
    def warnings(self) -> list[str]:
        if len(self._files) == 1 and not self._left_out:
            return list(self._files[0].warnings)
        return self._left_out + [f"{label(file.where)}: {warning}" for file in self._files for warning in file.warnings]

    @property
    def bytes_read(self) -> int:
        """Octets of captures, after decompression."""
        return sum(file.bytes_read for file in self._files)

    @property
    def bytes_taken(self) -> int:
        """Octets of the files as they lie on the disk."""
        return sum(file.bytes_taken for file in self._files)

    def close(self) -> None:
        for file in self._files:
            file.close()


def _starts(file: _File) -> int:
    return LATEST if file.first_ns is None else file.first_ns


def inputs(where: Input | Sequence[Input]) -> Sequence[Input]:
    """What the caller named, one or several, as several. Raises WrongKind for what is no capture."""
    several = where if isinstance(where, (list, tuple)) else [cast(Input, where)]
    for one in several:
        check_kind(one)
    return several


def given(where: Input) -> str:
    """An input as it was typed."""
    return os.fspath(where) if isinstance(where, (str, os.PathLike)) else label(where)


def label(where: Input) -> str:
    """The last part of an input's name."""
    if isinstance(where, (bytes, bytearray, memoryview)):
        return "<bytes>"
    if not isinstance(where, (str, os.PathLike)):
        return os.path.basename(str(getattr(where, "name", "<stream>")))
    return "<stdin>" if str(where) == "-" else os.path.basename(os.fspath(where).rstrip(os.sep)) or os.fspath(where)


def names(where: Sequence[Input]) -> str:
    """The inputs as they were typed; of many the first and the last."""
    words = [given(one) for one in where]
    return " ".join(words) if len(words) <= _NAMED_AT_MOST else f"{words[0]} … {words[-1]}"
