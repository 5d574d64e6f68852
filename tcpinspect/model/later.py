"""Columns of a pandas frame that are made when somebody first looks at them. Floor 3. Reading: pandas' extension arrays.

A frame of segments has fifty columns, and who asks for it reads a few. So a column is given as an array that knows its type and its
length; at the first look it *becomes* pandas' own array, class and contents, and nobody can tell the difference from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


def later(kind: str, rows: int, make: Callable[[], Any]) -> Any:
    """A column of so many rows, of kind int, bool or str (`schema.Column.type`): `make` gives pandas' array of it, once.

    Where pandas' arrays are not such that a column could become one (texts before its third version) it is made at once.
    """
    found = _kinds()[kind]
    return make() if found is None else _promise(found, rows, make)


@cache
def _kinds() -> dict[str, Any]:
    """The array types of columns to come."""
    import pandas as pd

    samples = {"int": pd.array([1], pd.Int64Dtype()), "bool": pd.array([True], pd.BooleanDtype()), "str": pd.array([""], "string[pyarrow]")}
    return {kind: _kind(sample) for kind, sample in samples.items()}


def _kind(sample: Any) -> Any:
    """The type of what is going to be an array like the sample; None where that cannot be."""
    plain = type(sample)
    known = {"plain": plain, "dtype": sample.dtype, "_dtype": sample.dtype, "held": frozenset(vars(sample)) - {"_dtype"}}
    try:
        made = _SameAs(f"Later{plain.__name__}", (_Later, plain), known)
        tried = _promise(made, len(sample), sample.copy)
        return made if sample.equals(tried) and type(tried) is plain else None
    except (AttributeError, TypeError, ValueError):
        return None


def _promise(kind: Any, rows: int, make: Callable[[], Any]) -> Any:
    made = object.__new__(kind)
    vars(made).update(_rows=rows, _make=make)
    return made


class _SameAs(type):
    """The type of these types: pandas compares `type(a) != type(b)` before it compares two arrays."""

    plain: type

    def __eq__(cls, other: object) -> bool:
        return other is cls.plain or other is cls

    def __hash__(cls) -> int:
        return hash(cls.plain)


class _Later:
    """What all of them have in common."""

    plain: Any  # the type it is going to have
    held: frozenset[str]  # what such an array has in it
    _rows: int
    _make: Callable[[], Any]
    ndim = 1

    def __new__(cls, *values: Any, **options: Any) -> Any:
        """What pandas makes by this type is an ordinary array."""
        return cls.plain(*values, **options) if values else object.__new__(cls.plain)

    @classmethod
    def _simple_new(cls, *values: Any) -> Any:
        return cls.plain._simple_new(*values)

    def __len__(self) -> int:
        return self._rows

    @property
    def shape(self) -> tuple[int]:
        return (self._rows,)

    def __getattr__(self, name: str) -> Any:
        if name not in self.held:
            raise AttributeError(f"{self.plain.__name__!r} object has no attribute {name!r}")
        return getattr(_now(self), name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _now(self).__reduce_ex__(protocol)

    def view(self, dtype: Any = None) -> Any:
        """A frame that shares its columns with another (some of its columns, its renamed ones) asks for no values."""
        if dtype is None:
            return _promise(type(self), self._rows, lambda: _now(self).view())
        return _now(self).view(dtype)


def _now(column: Any) -> Any:
    """Make it become the array, if it has not yet."""
    mine = vars(column)
    make = mine.get("_make")
    if make is not None:
        made = make()
        mine.update(vars(made))
        column.__class__ = type(made)
        # Another thread may have looked at the same moment.
        mine.pop("_make", None)
        mine.pop("_rows", None)
    return column
