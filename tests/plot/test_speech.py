"""Pictures in Chinese: everything they say has its words, a font writes them, and without a font one warning says so."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path

import pytest

import tcpinspect as ti
import tcpinspect.plot as plot
from tcpinspect.errors import UsageError
from tcpinspect.plot import chinese, layout, speech
from tcpinspect.plot.draw_capture import _WORDS
from tcpinspect.plot.draw_sequence import _KINDS
from tcpinspect.plot.timeseq import MARKS

matplotlib = pytest.importorskip("matplotlib")
CAPTURES = Path(__file__).parents[2] / "captures"
PLOT = Path(plot.__file__).parent
# What stays as it is in every language: flags and the letters of tcptrace.
_NAMES = {"SYN", "FIN", "RST", "R", "O", "3", "Z", "U", "CWR", "ECE", "S", "PSH", "SRTT", "SRTT + max(G, 4·RTTVAR)"}


def sentences() -> set[str]:
    """Every text that a drawing says: the first argument of say(…) and what is passed on to it."""
    found = {*_WORDS.values(), *(words for _, _, words in _KINDS), *MARKS}
    for path in PLOT.glob("draw_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("say", "_title", "_spread"):
                found |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return found - {"light", "en"}


def test_every_sentence_has_its_chinese_with_the_same_values() -> None:
    said = sentences()
    assert len(said) > 60
    for text in said - _NAMES:
        assert text in chinese.CHINESE, text
    for english, translated in chinese.CHINESE.items():
        assert sorted(re.findall(r"{.*?}", english)) == sorted(re.findall(r"{.*?}", translated)), english


def test_every_note_of_every_capture_is_chinese() -> None:
    left: set[str] = set()
    for path in sorted(p for p in CAPTURES.iterdir() if ".pcap" in p.name):
        for connection in ti.analyze(path).connections[:12]:
            for arrow in layout.ladder(connection).arrows:
                for text in (arrow.note, arrow.label if arrow.kind == "fold" else ""):
                    words = re.findall(r"[A-Za-z]{2,}", chinese.in_chinese(text))
                    left |= set(words) - {"SYN", "FIN", "ACK", "SACK", "RST", "ms", "min"}
    assert left == set()


@pytest.fixture
def no_chinese_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "chinese_font", lambda: None)


def test_without_a_font_the_picture_is_english_and_one_warning_says_so(no_chinese_font: None) -> None:
    connection = ti.analyze(CAPTURES / "normal-close-by-client.pcap").connections[0]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ax = plot.ladder(connection, lang="zh")
        ax.get_figure().canvas.draw()
    assert [str(one.message) for one in said] == [
        "no font with Chinese characters was found, so the picture is in English: install one, for example fonts-noto-cjk"
    ]
    assert "client" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("kind", ["ladder", "states", "machine", "sequence", "rtt"])
def test_with_a_font_no_character_is_a_box(kind: str) -> None:
    if speech.chinese_font() is None:
        pytest.skip("no font with Chinese characters is installed (Debian package fonts-noto-cjk)")
    connection = ti.analyze(CAPTURES / "lossy-transfer.pcap").connections[0]
    with warnings.catch_warnings():
        # matplotlib warns of each glyph that no font has.
        warnings.simplefilter("error")
        ax = getattr(plot, kind)(connection, lang="zh")
        ax.get_figure().canvas.draw()
    everything = "".join(text.get_text() for text in ax.get_figure().findobj(matplotlib.text.Text))
    assert any(ord(letter) > 0x4E00 for letter in everything)


def test_font_that_was_installed_since_is_found() -> None:
    from matplotlib import font_manager

    if speech.chinese_font() is None:
        pytest.skip("no font with Chinese characters is installed (Debian package fonts-noto-cjk)")
    known = list(font_manager.fontManager.ttflist)
    speech.chinese_font.cache_clear()
    try:
        font_manager.fontManager.ttflist = [entry for entry in known if entry.name not in speech.CHINESE_FONTS]
        assert speech.chinese_font() in speech.CHINESE_FONTS
    finally:
        font_manager.fontManager.ttflist = known
        speech.chinese_font.cache_clear()


def test_unknown_language_and_theme_are_usage_errors() -> None:
    connection = ti.analyze(CAPTURES / "normal-close-by-client.pcap").connections[0]
    with pytest.raises(UsageError, match="en, zh"):
        plot.states(connection, lang="fr")
    with pytest.raises(UsageError, match="light, dark"):
        plot.states(connection, theme="sepia")
