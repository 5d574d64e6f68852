"""The page: whole, alone, and deaf to what strangers wrote into file names and captures."""

from __future__ import annotations

import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.errors import UsageError
from tcpinspect.model.state_colors import STATE_COLORS
from tcpinspect.model.survey import survey
from tcpinspect.report.html import html_report
from tcpinspect.report.picture import ladder_picture
from tcpinspect.report.sections import MOST_SECTIONS, sections
from tcpinspect.report.summary import summary_text

CAPTURES = Path(__file__).parents[2] / "captures"
NORMAL = CAPTURES / "normal-close-by-client.pcap"
MANY = CAPTURES / "many-connections.pcapng"
FLOOD = CAPTURES / "syn-flood-small.pcap"


class Page(HTMLParser):
    """All tags with their attributes, the ids, and which tags were left open."""

    VOID = frozenset({"meta", "link", "br", "input", "hr", "img", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.ids = [value for _, attributes in self.tags if (value := attributes.get("id"))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"{tag} at {self.getpos()}")


class Renamed:
    """An analysis under another name, with other warnings and reasons: what a stranger may choose."""

    def __init__(self, analysis: ti.Analysis, **changes: Any) -> None:
        self._analysis = analysis
        capture = analysis.capture
        known = {name: getattr(capture, name) for name in type(capture).__dataclass_fields__}
        self.name = changes.pop("name", analysis.name)
        self.capture = SimpleNamespace(**{**known, **changes})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._analysis, name)


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[2J\u202e{{7*7}}.pcap"


@pytest.fixture(scope="module")
def page_text() -> str:
    return html_report(ti.analyze(str(MANY)))


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.pcap*")), ids=lambda path: path.name)
def test_every_capture_of_ours_gives_well_formed_html(path: Path) -> None:
    page = Page(html_report(ti.analyze(str(path))))
    assert not page.wrong and not page.open
    assert len(page.ids) == len(set(page.ids)), "an id is used twice"
    assert {"overview", "connections", "stories", "reading"} <= set(page.ids)


def test_every_link_inside_the_page_leads_somewhere(page_text: str) -> None:
    page = Page(page_text)
    targets = {href[1:] for _, attributes in page.tags if (href := attributes.get("href")) and href.startswith("#")}
    assert targets and targets <= set(page.ids)
    filters = {attributes["data-filter"] for _, attributes in page.tags if "data-filter" in attributes}
    options = {attributes.get("value") for tag, attributes in page.tags if tag == "option"}
    assert filters and {(one or "").partition("=")[2] for one in filters} <= options


def test_the_page_loads_nothing(page_text: str) -> None:
    loading = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "xlink:href"}
    for tag, attributes in Page(page_text).tags:
        assert not loading & set(attributes), (tag, attributes)
        if "href" in attributes:
            assert (attributes["href"] or "").startswith(("#", "data:,")), (tag, attributes)
        assert tag not in ("iframe", "object", "embed", "base", "form"), tag
    assert "@import" not in page_text
    assert not re.search(r"url\(\s*['\"]?(?!#|data:)", page_text)


def test_the_policy_allows_exactly_the_one_script_and_the_one_style(page_text: str) -> None:
    import base64
    import hashlib

    policy = next(a["content"] for tag, a in Page(page_text).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "default-src 'none'" in policy and "unsafe" not in policy
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page_text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert not [tag for tag, attributes in Page(page_text).tags if "style" in attributes], "the policy would refuse it"


def test_no_event_handler_is_written_into_a_tag(page_text: str) -> None:
    assert not [(tag, name) for tag, attributes in Page(page_text).tags for name in attributes if name.startswith("on")]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_hostile_names_warnings_and_comments_are_only_text(lang: str) -> None:
    analysis = Renamed(
        ti.analyze(str(NORMAL)),
        name=HOSTILE,
        format=HOSTILE,
        link_types=(HOSTILE,),
        warnings=[HOSTILE],
        not_tcp={HOSTILE: 3},
        comments=[(0, HOSTILE), (1, HOSTILE + "</script><script>alert(3)</script>"), (2, "x" * 100_000)],
    )
    text = html_report(analysis, lang=lang)
    page = Page(text)
    assert not page.wrong and not page.open
    assert [tag for tag, _ in page.tags].count("script") == 2, "the data and the script"
    assert text.count("</script") == 2 and len(text) < 200_000
    assert "img" not in {tag for tag, _ in page.tags}
    assert "\x1b" not in text and "\u202e" not in text
    assert "{{7*7}}" in text, "a template inside a name stays text"


def test_every_interesting_connection_has_a_section(page_text: str) -> None:
    rows = list(ti.analyze(str(MANY)).table("connections").rows())
    ids = set(Page(page_text).ids)
    chosen = sections(rows)
    assert {f"stream-{stream}" for stream in chosen} <= ids
    assert len(chosen) == min(MOST_SECTIONS, len(rows))


def test_the_table_has_every_connection(page_text: str) -> None:
    rows = re.search(r'<tbody id="connection-rows">(.*?)</tbody>', page_text, re.S)
    assert rows and rows.group(1).count("<tr ") == len(ti.analyze(str(MANY)).connections)


def test_a_capture_without_tcp_says_so() -> None:
    analysis = ti.analyze(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
    page = html_report(analysis)
    assert "There is no TCP in this capture" in page
    assert not Page(page).wrong


def test_an_unknown_language_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="xx"):
        html_report(ti.analyze(str(NORMAL)), lang="xx")


def test_the_page_says_one_of_many_in_the_words_of_the_summary() -> None:
    analysis = ti.analyze(MANY)
    said = set(re.findall(r"\(one of [^)]+\)", " ".join(summary_text(survey(MANY)).split())))
    assert said and said <= set(re.findall(r"\(one of [^)]+\)", html_report(analysis)))
    assert "(9 个连接之一)" in html_report(analysis, lang="zh") and "(one of 9 connections)" in said


def test_the_same_capture_gives_the_same_bytes() -> None:
    assert html_report(ti.analyze(str(FLOOD))) == html_report(ti.analyze(str(FLOOD)))


def test_pictures_of_the_handshake_and_the_teardown_are_drawn() -> None:
    text = html_report(ti.analyze(str(NORMAL)))
    page = Page(text)
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    pictures = [attributes for attributes in pictures if attributes.get("role") == "img"]
    assert len(pictures) == 4, "opening, closing, everything, and the lanes"
    assert all(attributes.get("aria-label") for attributes in pictures)


def test_no_label_is_wider_than_its_room() -> None:
    from tcpinspect.report.picture import LEFT, RIGHT, ladder_picture

    for path in sorted(CAPTURES.glob("*.pcap*")):
        for connection in ti.analyze(str(path)).connections[:5]:
            picture = ladder_picture(connection, "all")
            assert picture
            for arrow in picture.arrows:
                assert 8 <= arrow.size <= 11 and (len(arrow.flags) + len(arrow.numbers)) * 0.6 * arrow.size < (RIGHT - LEFT) * 1.05
                assert 0 < arrow.y1 <= arrow.y2 <= picture.bottom


def test_what_was_negotiated_follows_from_both_syns() -> None:
    from tcpinspect.report.options import negotiated

    rows = {row.name.split(",")[0]: row for row in negotiated(ti.analyze(str(NORMAL)).connections[0])}
    assert rows["Maximum segment size"].client == "1,460"
    assert rows["Window scale"].in_force.startswith("yes")
    assert rows["Timestamps"].in_force == "yes"
    assert negotiated(ti.analyze(str(CAPTURES / "begins-in-the-middle.pcap")).connections[0]) == []
    refused = negotiated(ti.analyze(str(CAPTURES / "unanswered.pcap")).connections[0])
    assert {row.server for row in refused} == {"not seen"} and {row.in_force for row in refused[1:]} == {"–"}


def test_every_state_has_a_colour_of_its_own_and_it_is_that_of_the_pictures() -> None:
    page = html_report(ti.analyze(NORMAL))
    found = dict(re.findall(r"\.st-([a-z0-9-]+) \{ --st: (#[0-9a-f]{6});", page))
    assert found == {name.lower(): color for name, color in STATE_COLORS.items()}
    assert len(set(found.values())) == 11


def test_lost_segment_has_its_words_before_the_cross() -> None:
    picture = ladder_picture(ti.analyze(CAPTURES / "lossy-transfer.pcap").connections[0], "all")
    assert picture is not None
    (lost,) = [arrow for arrow in picture.arrows if arrow.lost]
    wide = len(f"{lost.flags} {lost.numbers}") * 0.61 * lost.size
    assert lost.x2 + 5 < lost.text_x - wide
