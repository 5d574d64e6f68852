"""The segments of one connection as numpy columns, without a Python object a cell. Floor 3. Reading: none.

A picture of a million segments needs a few columns of them: here they are, taken straight from the engine's arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tcpinspect.errors import UsageError
from tcpinspect.protocol.header import options_text
from tcpinspect.schema import ANALYSIS_FLAGS

if TYPE_CHECKING:
    from tcpinspect.model.analysis import Analysis

Numbers = Any  # numpy.ndarray: numpy is not typed where the linters run
_BIT = {name: 1 << n for n, name in enumerate(ANALYSIS_FLAGS)}


class SegmentArrays:
    """Columns of the table `segments` for one stream: `arrays["time_ns"]`, each as long as `len(arrays)`.

    Numbers are int64 with -1 for unknown (no such column can be negative), flags are bool. Text columns are not here.
    Raises UsageError for another name.
    """

    def __init__(self, analysis: Analysis, stream: int) -> None:
        import numpy as np

        self._analysis = analysis
        self._client_endpoint = analysis.client_endpoint(stream)
        self._parts: list[tuple[dict[str, Any], Numbers]] = []
        for count, arrays in analysis.segment_chunks:
            rows = np.flatnonzero(np.asarray(arrays["stream"])[:count] == stream)
            if len(rows):
                self._parts.append((arrays, rows))
        self._known: dict[str, Numbers] = {}

    def __len__(self) -> int:
        return sum(len(rows) for _, rows in self._parts)

    def __getitem__(self, name: str) -> Numbers:
        if name not in self._known:
            self._known[name] = self._column(name)
        return self._known[name]

    def _column(self, name: str) -> Numbers:
        import numpy as np

        if name in _BIT:
            return (self["analysis"] & _BIT[name]) != 0
        if name == "from_client":
            return self["side"] == self._client_endpoint
        if not self._parts:
            return np.zeros(0, dtype=np.int64)
        if name not in self._parts[0][0] or name == "options_pool":
            raise UsageError(f"no numeric column {name!r} in the table segments")
        return np.concatenate([np.asarray(arrays[name])[rows].astype(np.int64) for arrays, rows in self._parts])

    def options(self, row: int) -> str:
        """The options of the n-th segment, as the table `segments` writes them."""
        for arrays, rows in self._parts:
            if row < len(rows):
                n = int(rows[row])
                at = arrays["options_at"][n]
                return options_text(bytes(arrays["options_pool"][at : at + arrays["options_len"][n]]))
            row -= len(rows)
        raise IndexError(row)

    def rows(self, places: Sequence[int]) -> list[SimpleNamespace]:
        """Some segments as objects, in the order of their `places`, which ascend. Every column of the table `segments` is an
        attribute but `cause`: that rests on all segments before."""
        from tcpinspect.model.segment_batches import pick

        chunks, left = [], list(places)
        for arrays, rows in self._parts:
            mine = [int(rows[place]) for place in left if place < len(rows)]
            left = [place - len(rows) for place in left if place >= len(rows)]
            chunks.append(pick((len(rows), arrays), mine))
        return [SimpleNamespace(**row) for row in self._analysis.rows_of(chunks)]
