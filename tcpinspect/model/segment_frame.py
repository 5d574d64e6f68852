"""The table of segments as a pandas frame. Floor 3. Reading: pandas' nullable types, its copy-on-write.

Numbers are taken as they lie in the engine's sheet (`engine.sheet`), without a copy; texts are made some thousand rows at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tcpinspect.engine.decode import CHECKSUM_STATUS
from tcpinspect.model import fill, lines
from tcpinspect.model.endpoints import Endpoints
from tcpinspect.model.segment_batches import all_causes, segment_batches
from tcpinspect.model.table import Table, Texts
from tcpinspect.protocol.header import options_text
from tcpinspect.schema import ANALYSIS_FLAGS, SEGMENTS, Column

if TYPE_CHECKING:
    import pandas

MARKS = ("sack_permitted", "options_malformed")  # the bits of `marks` (engine.columns), from the lowest


class SegmentTable(Table):
    """The table `segments` of an analysis."""

    def __init__(self, sheet: Any, ends: Endpoints) -> None:  # engine.sheet.Sheet, which is compiled
        self._sheet = sheet
        self._ends = ends
        self._causes = all_causes(sheet, ends)
        self._numbers: pandas.DataFrame | None = None
        super().__init__("segments", segment_batches(sheet, ends, self._causes))

    def to_pandas(self) -> pandas.DataFrame:
        """As any table's; numbers are copied when somebody writes into them."""
        import numpy as np
        import pandas as pd

        from tcpinspect.model import accessor  # noqa: F401 - for what it registers

        rows, arrays = self._sheet.whole()
        if self._numbers is None:
            self._numbers = pd.DataFrame({c.name: _integers(c, arrays[c.name]) for c in SEGMENTS if c.name in arrays}, copy=False)
        columns: dict[str, Any] = dict(self._numbers.items())
        flags = _bits(arrays["analysis"], ANALYSIS_FLAGS) | _bits(arrays["marks"], MARKS)
        src, dst, flags["from_client"] = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.uint8)
        fill.ends(arrays["stream"], arrays["side"], self._ends.port, self._ends.is_client, src, dst, flags["from_client"])
        for name, octets in flags.items():
            columns[name] = pd.arrays.BooleanArray(octets.view(bool), np.zeros(rows, bool))
        for name, ports in (("src_port", src), ("dst_port", dst)):
            columns[name] = pd.arrays.IntegerArray(ports, np.zeros(rows, bool))
        for name, texts in _texts(self._sheet, self._ends, self._causes()).items():
            columns[name] = pd.StringDtype("pyarrow").__from_arrow__(texts)
        # pandas copies before it writes what two frames have. Before its version 3 it did not.
        return pd.DataFrame({c.name: columns[c.name] for c in SEGMENTS}, copy=pd.__version__ < "3")


def _integers(column: Column, values: Any) -> Any:
    """The engine's numbers as they lie; below 0 is null."""
    import numpy as np
    import pandas as pd

    numbers = np.asarray(values)
    return pd.arrays.IntegerArray(numbers, numbers < 0 if column.nullable else np.zeros(len(numbers), bool))


def _bits(words: Any, names: Sequence[str]) -> dict[str, Any]:
    """A column of octets for each of the lowest bits."""
    import numpy as np

    rows = np.zeros((len(names), len(words)), np.uint8)
    fill.bits(words, rows)
    return dict(zip(names, rows, strict=True))


def _texts(sheet: Any, ends: Endpoints, codes: Sequence[int]) -> dict[str, Any]:
    """The columns of text."""
    import numpy as np
    import pyarrow as pa

    from tcpinspect.insight.why.column import CAUSE_WORDS

    kind = pa.large_string()
    addresses, statuses, causes = (pa.array(words, kind) for words in (ends.texts, list(CHECKSUM_STATUS), CAUSE_WORDS))
    writer = lines.Lines([])
    made: dict[str, list[Any]] = {"src": [], "dst": [], "checksum_status": [], "options": [], "cause": []}
    at = 0
    for count, arrays in sheet:
        stream, side, pool = arrays["stream"], arrays["side"], arrays["options_pool"]
        made["src"].append(addresses.take(pa.array(np.asarray(lines.spread(stream, side, ends.address, 0, count)))))
        made["dst"].append(addresses.take(pa.array(np.asarray(lines.spread(stream, side, ends.address, 1, count)))))
        made["checksum_status"].append(statuses.take(pa.array(np.asarray(arrays["checksum_status"]))))
        made["cause"].append(causes.take(pa.array(np.asarray(codes[at : at + count]))))
        made["options"].append(Texts(*writer.option_texts(pool, arrays["options_at"], arrays["options_len"], count, options_text)).arrow())
        at += count
    return {name: pa.chunked_array(parts, kind) for name, parts in made.items()}
