"""The table of segments as a pandas frame. Floor 3. Reading: pandas' nullable types.

A column is put together of the engine's arrays, some thousand rows each, when somebody first looks at it (`later`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tcpinspect.engine.columns import MARK_OPTIONS_MALFORMED, MARK_SACK_PERMITTED
from tcpinspect.engine.decode import CHECKSUM_STATUS
from tcpinspect.model import lines
from tcpinspect.model.endpoints import Endpoints
from tcpinspect.model.later import later
from tcpinspect.model.segment_batches import SegmentChunk, all_causes, segment_batches
from tcpinspect.model.table import Table, Texts
from tcpinspect.protocol.header import options_text
from tcpinspect.schema import ANALYSIS_FLAGS, SEGMENTS, Column

if TYPE_CHECKING:
    import pandas

# Where the columns of one bit stand.
_BITS = {name: ("analysis", 1 << n) for n, name in enumerate(ANALYSIS_FLAGS)}
_BITS |= {"sack_permitted": ("marks", MARK_SACK_PERMITTED), "options_malformed": ("marks", MARK_OPTIONS_MALFORMED)}


class SegmentTable(Table):
    """The table `segments` of an analysis."""

    def __init__(self, chunks: Sequence[SegmentChunk], ends: Endpoints) -> None:
        self._chunks = chunks
        self._ends = ends
        self._causes = all_causes(chunks, ends)
        super().__init__("segments", segment_batches(chunks, ends, self._causes))

    def to_pandas(self) -> pandas.DataFrame:
        """As any table's."""
        import pandas as pd

        from tcpinspect.model import accessor  # noqa: F401 - for what it registers

        rows = len(self)
        return pd.DataFrame({c.name: later(c.type, rows, partial(self._column, c)) for c in SEGMENTS}, copy=False)

    def _column(self, column: Column) -> Any:
        import numpy as np
        import pandas as pd
        import pyarrow as pa

        if column.type == "str":
            texts = list(self._texts(column.name, pa.large_string()))
            return pd.StringDtype("pyarrow").__from_arrow__(pa.chunked_array(texts, pa.large_string()))
        values = np.empty(len(self), np.int64 if column.type == "int" else bool)
        at = 0
        for count, arrays in self._chunks:
            self._numbers(column.name, count, arrays, values[at : at + count])
            at += count
        known = np.zeros(at, bool)
        if column.type == "bool":
            return pd.arrays.BooleanArray(values, known)
        return pd.arrays.IntegerArray(values, values < 0 if column.nullable else known)

    def _numbers(self, name: str, count: int, arrays: dict[str, Any], out: Any) -> None:
        """Put the numbers or truths of a column in their place; unknown numbers are below 0."""
        import numpy as np

        if name in _BITS:
            word, bit = _BITS[name]
            np.not_equal(np.asarray(arrays[word])[:count] & bit, 0, out=out)
        elif name in arrays:
            out[:] = np.asarray(arrays[name])[:count]
        else:
            values, other = {
                "src_port": (self._ends.port, 0), "dst_port": (self._ends.port, 1), "from_client": (self._ends.is_client, 0)
            }[name]  # fmt: skip
            out[:] = np.asarray(lines.spread(arrays["stream"], arrays["side"], values, other, count))

    def _texts(self, name: str, kind: Any) -> Iterator[Any]:
        """A column of texts, a piece a chunk."""
        import numpy as np
        import pyarrow as pa

        if name == "options":
            writer = lines.Lines([])
            for count, raw in self._chunks:
                yield Texts(*writer.option_texts(raw["options_pool"], raw["options_at"], raw["options_len"], count, options_text)).arrow()
            return
        words, codes = self._codes(name)
        known = pa.array(words, kind)
        at = 0
        for count, arrays in self._chunks:
            yield known.take(pa.array(np.asarray(codes(arrays, at, count))))
            at += count

    def _codes(self, name: str) -> tuple[Sequence[str | None], Callable[[dict[str, Any], int, int], Any]]:
        """The words of a column that has few different ones, and what gives their codes in a chunk: (arrays, first row, rows)."""
        if name == "cause":
            from tcpinspect.insight.why.column import CAUSE_WORDS

            causes = self._causes()
            return CAUSE_WORDS, lambda _, at, count: causes[at : at + count]
        if name == "checksum_status":
            return list(CHECKSUM_STATUS), lambda arrays, _, count: arrays["checksum_status"][:count]
        other, numbers = int(name == "dst"), self._ends.address
        return self._ends.texts, lambda arrays, _, count: lines.spread(arrays["stream"], arrays["side"], numbers, other, count)
