"""model.later: a column to come is what it will be, in whatever way somebody first looks at it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import tcpinspect as ti

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from tcpinspect.model.later import later  # noqa: E402

FROM_3 = pytest.mark.skipif(pd.__version__ < "3", reason="texts are made at once, and frames share what is written, before pandas 3")

CAPTURE = Path(__file__).parents[2] / "captures" / "lossy-transfer.pcap"
ARRAYS = {
    "int": lambda: pd.array([1, None, 3], "Int64"),
    "bool": lambda: pd.array([True, False, None], "boolean"),
    "str": lambda: pd.array(["a", None, "c"], "string[pyarrow]"),
}
LOOKS: dict[str, Callable[[Any], Any]] = {
    "repr": repr,
    "isna": lambda frame: frame.isna(),
    "copy": lambda frame: frame.copy(),
    "shallow copy": lambda frame: frame.copy(deep=False),
    "copy of a column's array": lambda frame: pd.DataFrame({name: copy.copy(frame[name].array) for name in frame}),
    "deepcopy": copy.deepcopy,
    "pickle": lambda frame: pickle.loads(pickle.dumps(frame)),
    "concat": lambda frame: pd.concat([frame, frame], ignore_index=True),
    "take": lambda frame: frame.take([2, 0]),
    "slice": lambda frame: frame.iloc[1:],
    "cell": lambda frame: pd.DataFrame([[frame.loc[0, name] for name in frame]]),
    "some columns": lambda frame: frame[["str", "int"]],
    "renamed": lambda frame: frame.rename(columns={"int": "number"}),
    "without a column": lambda frame: frame.drop(columns="bool"),
    "another column": lambda frame: frame.assign(more=frame["int"] + 1),
    "mask": lambda frame: frame[frame["bool"].fillna(False)],
    "sort": lambda frame: frame.sort_values("str", ascending=False),
    "group": lambda frame: frame.groupby("str", dropna=False)["int"].sum().reset_index(),
    "merge": lambda frame: frame.merge(frame, on="int"),
    "objects": lambda frame: frame.astype(object),
    "numpy": lambda frame: pd.DataFrame({"int": frame["int"].to_numpy(float, na_value=-1.0)}),
    "csv": lambda frame: frame.to_csv(),
    "fillna": lambda frame: frame.fillna({"int": 0, "str": "?"}),
    "empty": lambda frame: frame.iloc[:0],
    "reindex": lambda frame: frame.reindex([2, 5]),
    "describe": lambda frame: frame.describe(include="all"),
    "memory": lambda frame: frame.memory_usage(deep=True).to_frame(),
    "shift": lambda frame: frame.shift(1),
    "unique": lambda frame: pd.DataFrame({"str": frame["str"].unique(), "int": frame["int"].unique()}),
    "index": lambda frame: frame.set_index("int").loc[[3]],
}


def to_come(made: list[str] | None = None) -> Any:
    """A frame of three columns that nobody has looked at; `made`: those that were made since."""

    def make(kind: str) -> Any:
        if made is not None:
            made.append(kind)
        return ARRAYS[kind]()

    return pd.DataFrame({kind: later(kind, 3, lambda kind=kind: make(kind)) for kind in ARRAYS}, copy=False)


@pytest.mark.parametrize("look", LOOKS)
def test_whoever_looks_sees_the_column(look: str) -> None:
    """Each look is the first one at a fresh frame, and tells what it tells of pandas' own arrays."""
    expected = LOOKS[look](pd.DataFrame({kind: make() for kind, make in ARRAYS.items()}))
    found = LOOKS[look](to_come())
    if isinstance(expected, str):
        assert found == expected
    else:
        pd.testing.assert_frame_equal(found, expected)
        assert [type(found[name].array) for name in found] == [type(expected[name].array) for name in expected]


@FROM_3
def test_nothing_is_made_before_somebody_looks() -> None:
    made: list[str] = []
    frame = to_come(made)
    assert (len(frame), frame.shape, list(frame.columns), [str(kind) for kind in frame.dtypes]) == (
        3, (3, 3), ["int", "bool", "str"], ["Int64", "boolean", "string"],
    )  # fmt: skip
    part = frame[["bool", "str"]].rename(columns={"str": "text"})
    assert made == []
    assert part["text"].tolist() == frame["str"].tolist() == ["a", pd.NA, "c"]
    assert made == ["str"], "once for both frames"


@pytest.mark.parametrize("kind", ARRAYS)
def test_it_is_equal_to_what_it_will_be_from_either_side(kind: str) -> None:
    plain = ARRAYS[kind]()
    assert later(kind, 3, ARRAYS[kind]).equals(plain)
    assert plain.equals(later(kind, 3, ARRAYS[kind]))
    assert not plain.equals(later(kind, 2, lambda: ARRAYS[kind]()[:2]))
    assert isinstance(later(kind, 3, ARRAYS[kind]), type(plain))


def test_once_looked_at_it_is_pandas_own_array() -> None:
    column = later("int", 3, ARRAYS["int"])
    assert column.sum() == 4
    assert type(column) is pd.arrays.IntegerArray
    assert vars(column).keys() == vars(ARRAYS["int"]()).keys()


def test_what_fails_to_be_made_is_asked_for_again() -> None:
    outcomes: list[Any] = [MemoryError("no room"), ARRAYS["int"]()]

    def make() -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    column = later("int", 3, make)
    with pytest.raises(MemoryError, match="no room"):
        column.sum()
    assert column.sum() == 4


def test_two_threads_may_look_at_once() -> None:
    both = Barrier(2, timeout=10)

    def make() -> Any:
        both.wait()
        return ARRAYS["int"]()

    column = later("int", 3, make)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: column.sum(), range(2))) == [4, 4]


@FROM_3
def test_writing_into_one_frame_leaves_the_others(tmp_path: Path) -> None:
    """A frame that shares a column to come with another is as free of it as one that shares a column."""
    frame = to_come()
    other = frame.copy(deep=False)
    other.loc[0, "int"] = 77
    other["str"] = "new"
    assert frame["int"].tolist() == [1, pd.NA, 3] and frame["str"].tolist() == ["a", pd.NA, "c"]
    assert other["int"].tolist() == [77, pd.NA, 3]


@pytest.mark.parametrize("name", ["segments", "connections", "timeline"])
def test_a_frame_of_an_analysis_has_its_values_whoever_comes_first(name: str, tmp_path: Path) -> None:
    analysis = ti.analyze(CAPTURE)
    whole = analysis.frame(name).copy(deep=True)
    for column in whole:
        pd.testing.assert_series_equal(analysis.frame(name)[column], whole[column])
    del analysis
    assert ti.analyze(CAPTURE).frame(name).equals(whole), "although the analysis is gone"
    assert whole.equals(ti.analyze(CAPTURE).frame(name))
