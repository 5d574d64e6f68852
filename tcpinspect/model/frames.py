"""Tables as pandas frames, made of the engine's numbers without a Python object a cell. Floor 3. Reading: pandas' nullable types.

Every batch gives each of its columns as codes (`table.Coded`) when somebody first looks at it (`later`). Numbers are copied once, into
the frame; a code's word is looked up once a batch, and numpy or Arrow spreads the words over the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tcpinspect.engine.run import no_collector
from tcpinspect.model.later import later
from tcpinspect.model.table import Coded, Texts
from tcpinspect.schema import Column

if TYPE_CHECKING:
    import pandas

Numbers = Any  # numpy.ndarray: numpy is not typed where the linters run
_NEAR = 65536  # codes that lie so close together are counted instead of sorted


def frame_of(schema: Sequence[Column], batches: Sequence[Any]) -> pandas.DataFrame:
    """The rows of the batches with the columns of the schema: Int64, boolean, string."""
    import pandas as pd

    full = [batch for batch in batches if len(batch)]
    rows = sum(map(len, full))
    return pd.DataFrame({column.name: later(column.type, rows, partial(_made, column, full)) for column in schema}, copy=False)


def _made(column: Column, batches: Sequence[Any]) -> Any:
    """One column of all batches."""
    make = {"int": _integers, "bool": _booleans, "str": _texts}
    with no_collector():
        return make[column.type](column, [_part(batch, column.name) for batch in batches])


def _part(batch: Any, name: str) -> Any:
    """One column of a batch: Coded with a numpy array, or Texts."""
    import numpy as np

    given = batch.column(name)
    return given if isinstance(given, Texts) else given._replace(values=np.asarray(given.values)[: len(batch)])


def _integers(column: Column, parts: list[Coded]) -> Any:
    import numpy as np
    import pandas as pd

    values = np.concatenate([part.values for part in parts], dtype=np.int64) if parts else np.zeros(0, np.int64)
    limit = parts[0].null_limit if parts and column.nullable else None
    return pd.arrays.IntegerArray(values, np.zeros(len(values), bool) if limit is None else values <= limit)


def _booleans(column: Column, parts: list[Coded]) -> Any:
    import numpy as np
    import pandas as pd

    values, masks = [np.zeros(0, bool)], [np.zeros(0, bool)]
    for part in parts:
        words, places = _spread(part)
        values.append(np.array([bool(word) for word in words])[places])
        if column.nullable:
            masks.append(np.array([word is None for word in words])[places])
    together = np.concatenate(values)
    return pd.arrays.BooleanArray(together, np.concatenate(masks) if column.nullable else np.zeros(len(together), bool))


def _texts(column: Column, parts: list[Any]) -> Any:
    import pandas as pd
    import pyarrow as pa

    kind = pa.large_string()
    chunks = [part.arrow() if isinstance(part, Texts) else _taken(part, kind) for part in parts]
    return pd.StringDtype("pyarrow").__from_arrow__(pa.chunked_array(chunks, kind))


def _taken(part: Coded, kind: Any) -> Any:
    import pyarrow as pa

    words, places = _spread(part)
    return pa.array(words, kind).take(pa.array(places))


def _spread(part: Coded) -> tuple[list[Any], Numbers]:
    """The word of each code that occurs, None for null, and for each row which of them it has."""
    import numpy as np

    codes, null, words = part.values, None, part.words
    assert words is not None
    if part.null_limit is not None and (unknown := codes <= part.null_limit).any():
        # nulls get the code before all others
        null = int(codes[~unknown].min()) - 1 if not unknown.all() else 0
        codes = np.where(unknown, null, codes)
    least, most = int(codes.min()), int(codes.max())
    if most - least < _NEAR:
        near = codes - least if least else codes
        seen = np.zeros(most - least + 1, bool)
        seen[near] = True
        found, places = np.flatnonzero(seen) + least, (np.cumsum(seen) - 1)[near]
    else:
        found, places = np.unique(codes, return_inverse=True)
    return [None if code == null else words(code) for code in found.tolist()], places
