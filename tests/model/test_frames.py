"""model.frames: what goes into a pandas frame without an object a cell is what the rows say."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tcpinspect as ti
from tcpinspect.model.lines import Field, Lines
from tcpinspect.model.table import Coded, Texts
from tcpinspect.protocol.header import options_text, parse_options

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from tcpinspect.model import frames  # noqa: E402


@pytest.mark.parametrize("name", ["segments", "connections", "timeline", "findings"])
def test_a_frame_holds_the_rows(name: str, captures: list[Path]) -> None:
    for path in captures:
        table = ti.analyze(path).table(name)
        frame = table.to_pandas()
        assert len(frame) == len(table)
        objects = frame.astype(object).where(frame.notna(), None)
        assert list(objects.itertuples(index=False, name=None)) == [tuple(row) for row in table], path


def test_the_columns_of_a_frame_do_not_share_their_cells() -> None:
    frame = ti.analyze(Path(__file__).parents[2] / "captures" / "lossy-transfer.pcap").frame("segments")
    before = frame.copy(deep=True)
    frame.loc[0, "seq_raw"] = pd.NA
    frame.loc[0, "retransmission"] = True
    changed = (frame.isna() != before.isna()) | (frame != before).fillna(False)
    assert list(changed.columns[changed.any()]) == ["seq_raw", "retransmission"]


def test_what_is_written_into_a_frame_stays_there() -> None:
    analysis = ti.analyze(Path(__file__).parents[2] / "captures" / "lossy-transfer.pcap")
    rows = list(analysis.table("segments"))
    frame, other = analysis.frame("segments"), analysis.frame("segments")
    frame.loc[3, "seq_raw"] = 7
    frame["time_ns"] += 1
    frame.loc[frame.payload_len > 0, "payload_len"] = pd.NA
    column = other["ack_raw"]
    column.iloc[0] = 9
    assert (frame.seq_raw[3], column[0]) == (7, 9)
    assert list(analysis.table("segments")) == rows
    pd.testing.assert_frame_equal(other, ti.analyze(Path(__file__).parents[2] / "captures" / "lossy-transfer.pcap").frame("segments"))


def test_no_segments_make_an_empty_frame_of_the_same_types() -> None:
    path = Path(__file__).parents[2] / "captures" / "lossy-transfer.pcap"
    whole, empty = ti.analyze(path).frame("segments"), ti.analyze(path, segments=False).frame("segments")
    assert len(empty) == 0
    assert list(empty.dtypes.items()) == list(whole.dtypes.items())


@given(st.integers(-(1 << 62), (1 << 63) - 1) | st.integers(0, 62).map(lambda n: 1 << n))
@example(10**18)
@example(10**18 - 1)
@example(10**9)
def test_a_number_is_written_as_python_writes_it(value: int) -> None:
    lines = Lines([Field(b"")])
    lines.begin()
    assert bytes(lines.write([array("q", [value])], 0, 1)) == b"%d\n" % value


@given(st.lists(st.integers(-1, 5) | st.integers(10**6, 10**12), min_size=1), st.none() | st.just(-1))
def test_a_code_becomes_its_word_near_and_far(codes: list[int], limit: int | None) -> None:
    words, places = frames._spread(Coded(np.array(codes), limit, str))
    assert [words[at] for at in places] == [None if limit is not None and code <= limit else str(code) for code in codes]


USUAL = st.sampled_from([b"\x01", b"\x02\x04\x05\xb4", b"\x03\x03\x07", b"\x04\x02", b"\x08\x0a" + bytes(range(250, 256)) + b"\0\1",
                         b"\x05\x0a\xff\xff\xff\xff\0\0\0\1", b"\x05\x12" + bytes(range(16))])  # fmt: skip


@given(st.lists(USUAL | st.binary(max_size=6), max_size=6).map(lambda parts: b"".join(parts)[:40]))
@example(b"\x05\x02")
@example(b"\x08")
@example(b"\x08\x00")
def test_options_are_written_as_the_header_says(raw: bytes) -> None:
    expected = ",".join(option.text for option in parse_options(raw))
    assert options_text(raw) == expected
    assert Lines([]).options(raw) in (expected, None)
    ats, lengths = array("i", [0, 0, 0]), array("B", [len(raw), 0, len(raw)])
    made = Texts(*Lines([]).option_texts(bytearray(raw), ats, lengths, 3, options_text))
    assert made.arrow().to_pylist() == [expected, "", expected]
