"""The engine's segments as batches of logical columns. Floor 3.

Here -1 becomes null, bits become flags, codes become words, and a connection's number its addresses. The ends are those of all
connections, from stream 0.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED
from tcpinspect.engine.decode import CHECKSUM_STATUS
from tcpinspect.model import lines
from tcpinspect.model.endpoints import Endpoints, GrowingEndpoints
from tcpinspect.model.table import Coded, Texts
from tcpinspect.protocol.header import options_text
from tcpinspect.schema import ANALYSIS_FLAGS, SEGMENTS

SegmentChunk = tuple[int, dict[str, Any]]  # rows, arrays by name (`engine.columns.SegmentColumns`)
_FLAGS_OF = {name: 1 << n for n, name in enumerate(ANALYSIS_FLAGS)}
_BITS = tuple(_FLAGS_OF.values())
_OTHER_OPTIONS = -4  # lines.option_codes: neither none nor the usual ones


def _nullable(values: Sequence[int]) -> list[int | None]:
    return [None if value < 0 else value for value in values]


class SegmentBatch:
    """One chunk of segments; `causes` gives the code of each row's cause (`insight.why.column`) when somebody asks for the rows."""

    def __init__(self, count: int, arrays: dict[str, Any], ends: Endpoints | GrowingEndpoints, causes: Callable[[], Sequence[int]]) -> None:
        self.count = count
        self.arrays = arrays
        self._ends = ends
        self._causes = causes

    def __len__(self) -> int:
        return self.count

    def _options(self) -> list[str]:
        pool = self.arrays["options_pool"]
        known: dict[bytes, str] = {b"": ""}
        out = []
        for at, length in zip(self.arrays["options_at"][: self.count], self.arrays["options_len"], strict=False):
            raw = bytes(pool[at : at + length])
            text = known.get(raw)
            if text is None:
                if len(known) > 4096:
                    known = {b"": ""}
                text = known[raw] = options_text(raw)
            out.append(text)
        return out

    def lists(self) -> list[Sequence[Any]]:
        from tcpinspect.insight.why.column import CAUSE_WORDS

        n = self.count
        raw = {name: values[:n].tolist() for name, values in self.arrays.items() if name != "options_pool"}
        ends = self._ends
        sender = [2 * stream + side for stream, side in zip(raw["stream"], raw["side"], strict=True)]
        texts, address, port, is_client = ends.texts, ends.address, ends.port, ends.is_client
        ready: dict[str, Sequence[Any]] = {
            "src": [texts[address[end]] for end in sender],
            "dst": [texts[address[end ^ 1]] for end in sender],
            "src_port": [port[end] for end in sender],
            "dst_port": [port[end ^ 1] for end in sender],
            "from_client": [is_client[end] == 1 for end in sender],
        }
        ready["checksum_status"] = [CHECKSUM_STATUS[code] for code in raw["checksum_status"]]
        ready["sack_permitted"] = [bool(mark & MARK_SACK_PERMITTED) for mark in raw["marks"]]
        ready["options_malformed"] = [bool(mark & MARK_OPTIONS_MALFORMED) for mark in raw["marks"]]
        ready["options"] = self._options()
        ready["cause"] = [CAUSE_WORDS[code] for code in self._causes()]
        for name, bit in _FLAGS_OF.items():
            ready[name] = [bool(word & bit) for word in raw["analysis"]]
        out: list[Sequence[Any]] = []
        for column in SEGMENTS:
            if column.name in ready:
                out.append(ready[column.name])
            elif column.nullable:
                out.append(_nullable(raw[column.name]))
            else:
                out.append(raw.get(column.name, []))
        return out

    def coded(self) -> list[Coded]:
        """The columns for `export`, the analysis flags as one."""
        codes, others = self._option_codes()
        return self._coded(Coded(codes, None, others.__getitem__, (self.arrays["ts_val"], self.arrays["ts_ecr"])))

    def _option_texts(self) -> Texts:
        raw = self.arrays
        made = lines.Lines([]).option_texts(raw["options_pool"], raw["options_at"], raw["options_len"], self.count, options_text)
        return Texts(*made)

    def _coded(self, options: Any) -> list[Any]:
        from tcpinspect.insight.why.column import CAUSE_WORDS

        raw, ends, n = self.arrays, self._ends, self.count
        stream, side, marks = raw["stream"], raw["side"], raw["marks"]
        ready = {
            "src": Coded(lines.spread(stream, side, ends.address, 0, n), None, ends.texts.__getitem__),
            "dst": Coded(lines.spread(stream, side, ends.address, 1, n), None, ends.texts.__getitem__),
            "src_port": Coded(lines.spread(stream, side, ends.port, 0, n)),
            "dst_port": Coded(lines.spread(stream, side, ends.port, 1, n)),
            "from_client": Coded(lines.spread(stream, side, ends.is_client, 0, n), None, bool),
            "checksum_status": Coded(raw["checksum_status"], None, CHECKSUM_STATUS.__getitem__),
            "sack_permitted": Coded(marks, None, lambda mark: bool(mark & MARK_SACK_PERMITTED)),
            "options_malformed": Coded(marks, None, lambda mark: bool(mark & MARK_OPTIONS_MALFORMED)),
            "cause": Coded(self._causes(), None, CAUSE_WORDS.__getitem__),
            "options": options,
            ANALYSIS_FLAGS[0]: Coded(raw["analysis"], None, lambda word: tuple(bool(word & bit) for bit in _BITS)),
        }
        return [
            ready[c.name] if c.name in ready else Coded(raw[c.name], -1 if c.nullable else None)
            for c in SEGMENTS if c.name not in ANALYSIS_FLAGS[1:]
        ]  # fmt: skip

    def _option_codes(self) -> tuple[array[int], list[str]]:
        """A code for the options of each row (lines.STAMPED for the usual ones), and the texts of the others."""
        raw, pool = self.arrays, self.arrays["options_pool"]
        codes = lines.option_codes(pool, raw["options_at"], raw["options_len"], self.count)
        texts, known = [""], {b"": 0}
        writer = lines.Lines([])
        at = -1
        try:
            while True:
                at = codes.index(_OTHER_OPTIONS, at + 1)
                octets = bytes(pool[raw["options_at"][at] : raw["options_at"][at] + raw["options_len"][at]])
                code = known.get(octets)
                if code is None:
                    code = known[octets] = len(texts)
                    text = writer.options(octets)
                    texts.append(options_text(octets) if text is None else text)
                codes[at] = code
        except ValueError:
            return codes, texts

    def arrow(self) -> list[Any]:
        import numpy as np
        import pyarrow as pa

        from tcpinspect.insight.why.column import CAUSE_WORDS

        n, ends = self.count, self._ends
        raw = {name: np.asarray(values)[:n] for name, values in self.arrays.items() if name != "options_pool"}
        sender = raw["stream"].astype(np.int64) * 2 + raw["side"]
        receiver = sender ^ 1
        address, port, texts = np.asarray(ends.address), np.asarray(ends.port), pa.array(ends.texts, pa.string())
        ready = {
            "src": texts.take(pa.array(address[sender])),
            "dst": texts.take(pa.array(address[receiver])),
            "src_port": port[sender],
            "dst_port": port[receiver],
            "from_client": np.asarray(ends.is_client)[sender] != 0,
            "checksum_status": pa.array(list(CHECKSUM_STATUS)).take(pa.array(raw["checksum_status"])),
            "sack_permitted": (raw["marks"] & MARK_SACK_PERMITTED) != 0,
            "options_malformed": (raw["marks"] & MARK_OPTIONS_MALFORMED) != 0,
            "options": self._option_texts().arrow().cast(pa.string()),
            "cause": pa.array(CAUSE_WORDS, pa.string()).take(pa.array(self._causes())),
        }
        out = []
        for column in SEGMENTS:
            if column.name in ready:
                values = ready[column.name]
            elif column.name in _FLAGS_OF:
                values = (raw["analysis"] & _FLAGS_OF[column.name]) != 0
            else:
                values = raw[column.name]
            if isinstance(values, np.ndarray):
                if column.type == "int":
                    wide = values.astype(np.int64, copy=False)
                    values = pa.array(wide, mask=wide < 0) if column.nullable else pa.array(wide)
                else:
                    values = pa.array(values)
            out.append(values)
        return out


def all_causes(chunks: Sequence[SegmentChunk], ends: Endpoints) -> Callable[[], array[int]]:
    """Gives the codes of the causes of all rows, which are found together when first asked for."""

    @cache
    def codes() -> array[int]:
        from tcpinspect.insight.why.column import cause_codes

        return cause_codes(chunks, ends)

    return codes


def segment_batches(chunks: Sequence[SegmentChunk], ends: Endpoints, codes: Callable[[], array[int]] | None = None) -> list[SegmentBatch]:
    """The batches of the segments table, or of all segments of some connections. `codes`: what `all_causes` gave of them."""
    known = codes or all_causes(chunks, ends)

    def part(start: int, count: int) -> Callable[[], Sequence[int]]:
        return lambda: known()[start : start + count]

    starts = accumulate((count for count, _ in chunks), initial=0)
    return [SegmentBatch(count, arrays, ends, part(start, count)) for (count, arrays), start in zip(chunks, starts, strict=False)]


def rows_of_stream(chunk: SegmentChunk, stream: int) -> SegmentChunk:
    """The part of a chunk that belongs to a stream."""
    count, arrays = chunk
    return pick(chunk, lines.places(arrays["stream"], stream, count))


def pick(chunk: SegmentChunk, rows: list[int]) -> SegmentChunk:
    """Some rows of a chunk."""
    _, arrays = chunk
    picked = {name: _picked(values, rows) for name, values in arrays.items() if name != "options_pool"}
    return len(rows), picked | {"options_pool": arrays["options_pool"]}


def _picked(values: Any, rows: list[int]) -> array[int]:
    return array(values.format if isinstance(values, memoryview) else values.typecode, [values[n] for n in rows])
