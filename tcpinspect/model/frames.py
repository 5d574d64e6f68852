"""Tables as pandas frames, made of the engine's numbers without a Python object a cell. Floor 3. Reading: pandas' nullable types.

Every batch gives its columns as codes (`table.Coded`). Numbers are copied once, into the frame; a code's word is looked up once,
and Arrow or numpy spreads the words over the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tcpinspect.model import lines
from tcpinspect.model.table import Coded
from tcpinspect.schema import Column

if TYPE_CHECKING:
    import pandas

Numbers = Any  # numpy.ndarray: numpy is not typed where the linters run
_STAMPS = [b"nop,nop,TS val ", b" ecr ", b""]


def frame_of(schema: Sequence[Column], batches: Sequence[Any]) -> pandas.DataFrame:
    """The rows of the batches with the columns of the schema: Int64, boolean, string."""
    import pandas as pd

    groups = [_columns(schema, batch) for batch in batches if len(batch)]
    made = {"int": _integers, "bool": _booleans, "str": _texts}
    columns = {column.name: made[column.type](column, [next(group) for group in groups]) for column in schema}
    return pd.DataFrame(columns, copy=False)


def _columns(schema: Sequence[Column], batch: Any) -> Iterator[Coded]:
    """A Coded for every column, its values a numpy array: those that stand together are taken apart."""
    import numpy as np

    left, rows = len(schema), len(batch)
    for whole in batch.coded():
        coded = whole._replace(values=np.asarray(whole.values)[:rows])
        several = 0
        if coded.words is not None and isinstance(word := coded.words(int(coded.values[0])), tuple):
            several = len(word)
            for n in range(several):
                yield Coded(coded.values, coded.null_limit, lambda code, n=n, words=coded.words: words(code)[n])  # type: ignore[misc]
        else:
            yield coded
        left -= several or 1
    assert not left


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


def _texts(column: Column, parts: list[Coded]) -> Any:
    import pandas as pd
    import pyarrow as pa

    kind = pa.large_string()
    chunks = [stamped_texts(part) if part.stamps else _taken(part, kind) for part in parts]
    return pd.StringDtype("pyarrow").__from_arrow__(pa.chunked_array(chunks, kind))


def _taken(part: Coded, kind: Any) -> Any:
    import pyarrow as pa

    words, places = _spread(part)
    return pa.array(words, kind).take(pa.array(places))


def _spread(part: Coded) -> tuple[list[Any], Numbers]:
    """The word of each code that occurs, None for null, and for each row which of them it has."""
    import numpy as np

    codes = part.values
    least = int(codes.min())
    if part.null_limit is not None and least <= part.null_limit:
        codes = np.where(codes <= part.null_limit, part.null_limit, codes)
        least = max(least, part.null_limit)
    if int(codes.max()) - least > 4 * len(codes) + 65536:  # a few codes far apart
        found, places = np.unique(codes, return_inverse=True)
    else:
        near = codes - least if least else codes
        seen = np.zeros(int(near.max()) + 1, bool)
        seen[near] = True
        found = np.flatnonzero(seen) + least
        places = (np.cumsum(seen) - 1)[near]
    assert part.words is not None
    limit = part.null_limit
    return [None if limit is not None and code <= limit else part.words(code) for code in found.tolist()], places


def stamped_texts(part: Coded) -> Any:
    """The texts of a column of which most are made of two numbers each, as Arrow's large strings."""
    import pyarrow as pa

    words, stamps = part.words, part.stamps
    assert words is not None and stamps is not None
    field = lines.Field(b"", words=lambda code: words(code).encode(), stamps=_STAMPS)
    field.forget()
    offsets, octets = lines.Lines([field]).stamped(field, part.values, *stamps, len(part.values))
    return pa.LargeStringArray.from_buffers(len(part.values), pa.py_buffer(offsets), pa.py_buffer(octets))
