"""Chinese: every text of the page's own is translated, numbers and names come through, and what is not is marked as English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.engine.kinds import HANDSHAKES, TEARDOWNS
from tcpinspect.insight import meanings
from tcpinspect.insight.finding_kinds import KINDS
from tcpinspect.insight.why import CAUSES
from tcpinspect.plot.chinese import CHINESE as PICTURES
from tcpinspect.report import html
from tcpinspect.report.language import LANGUAGES, language

TEMPLATES = Path(html.__file__).parent / "templates"
CAPTURES = Path(__file__).parents[2] / "captures"
HAN = re.compile("[\u4e00-\u9fff]")
SAID = re.compile(r'_\("((?:[^"\\]|\\.)+)"')


def test_every_text_of_the_templates_and_of_the_script_is_translated() -> None:
    chinese = language("zh")
    texts = {text for path in TEMPLATES.glob("*.j2") for text in SAID.findall(path.read_text())}
    script = html._script(html._environment())
    texts |= set(html._script_words(script, chinese)) | set(re.findall(r'\("([^"]+)", "[nt]"\)', (TEMPLATES / "table.html.j2").read_text()))
    assert len(texts) > 150
    assert not sorted(text for text in texts if not chinese.knows(text))
    for text in texts:
        assert sorted(re.findall(r"\{\d\}", chinese(text))) == sorted(re.findall(r"\{\d\}", text)), text


def test_every_word_of_the_tables_is_translated() -> None:
    chinese = language("zh")
    words = [text for table in (meanings.STATES, meanings.EVENTS, meanings.EVIDENCE, meanings.HANDSHAKES, meanings.TEARDOWNS, meanings.CONN_STATES,
                                meanings.SEVERITY_WORDS) for text in table.values()]  # fmt: skip
    words += [kind.title for kind in KINDS.values()] + [meaning for cause, meaning in CAUSES.items() if cause]
    assert not [text for text in words if not chinese.knows(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1,448 octets of data, sent again because the retransmission timer expired (rto-retransmission).", ("1,448", "重传定时器", "rto-retransmission")),
        ("Duplicate ACK #2, window update: room for 64 octets.", ("#2", "64 字节")),
        ("… 14 segments, 20,272 octets server → client, 3 ACKs back …", ("14 个报文段", "20,272 字节", "服务器 → 客户端", "3 个 ACK")),
        ("The client sent 45 bytes and the server sent 79 bytes, in 11 segments over 263 ms.", ("45 字节", "79 字节", "11 个报文段", "263 ms")),
        ("one of 60 connections to port 81 of 192.0.2.1 that were never answered", ("60", "192.0.2.1", "81", "从未应答")),
        ("one of 60 connections to many ports of 192.0.2.1 that were refused", ("60", "192.0.2.1", "许多端口", "被拒绝")),
        (
            "60 connections to port 81 of 192.0.2.1 were begun and never opened: that is how a flood of SYNs looks, or a server that is gone.",
            ("60", "192.0.2.1 端口 81", "从未建立", "SYN 洪水", "服务器已不在"),
        ),
        (
            "4,000 connections to 900 ports of 192.0.2.1 from many addresses were begun and never opened: that is how a flood of SYNs over "
            "all ports looks, or a scan by many hosts, or a server that is gone.",
            ("来自许多地址", "192.0.2.1 的 900 个端口", "4,000 个连接", "从未建立", "SYN 洪水", "服务器已不在"),
        ),
        (
            "4,000 connections to many ports of 192.0.2.1 from many addresses were refused or never opened: that is how a flood of SYNs "
            "over all ports looks, or a scan by many hosts.",
            ("192.0.2.1 的许多端口", "被拒绝或从未建立", "一起扫描。"),
        ),
    ],
)  # fmt: skip
def test_numbers_and_names_come_through(text: str, parts: tuple[str, ...]) -> None:
    said = language("zh").sentence(text)
    assert all(part in said for part in parts), said
    assert not re.search("[a-z]{3,} [a-z]{2,}", said), said


def test_what_is_not_translated_is_marked_as_english_and_stays_text() -> None:
    assert (
        str(language("zh").told("An <odd> sentence, never seen before."))
        == '<span lang="en">An &lt;odd&gt; sentence, never seen before.</span>'
    )
    assert language("en").told("An <odd> sentence.") == "An &lt;odd&gt; sentence."


def test_the_story_of_every_capture_of_ours_is_told_in_chinese() -> None:
    for path in sorted(CAPTURES.glob("*.pcap*")):
        page = html.html_report(ti.analyze(str(path)), lang="zh")
        assert '<html lang="zh-CN">' in page
        paragraphs = re.findall(r"<p>(.*?)</p>", page.split('id="stories"')[1].split('id="reading"')[0])
        assert paragraphs and all(HAN.search(text) and "<span" not in text for text in paragraphs), path.name
        assert all(HAN.search(text) for text in re.findall(r"<th scope=[^>]*>([^<#]+)</th>", page) if text not in ("TCP",))


def test_kinds_and_the_format_are_called_as_in_the_pictures() -> None:
    for name, opening, close in (
        ("normal-close-by-client", "three-way", "four-segment"),
        ("simultaneous-close", "three-way", "simultaneous"),
    ):
        page = html.html_report(ti.analyze(str(CAPTURES / f"{name}.pcap")), lang="zh")
        badges = re.findall(r'<span class="badge"[^>]*>([^<]*)</span>', page)
        assert f"建立：{PICTURES[opening]}" in badges and f"关闭：{PICTURES[close]}" in badges
        assert opening not in badges and re.search(r"pcap，(?:纳|微)秒，小端", page) and "-endian" not in page
    for kind in (*(f"opening: {one}" for one in HANDSHAKES), *(f"close: {one}" for one in TEARDOWNS)):
        assert language("zh").knows(kind), kind


def test_a_capture_has_one_name_in_chinese() -> None:
    from tcpinspect.report.chinese import SENTENCES, WORDS

    assert not [text for text in (*PICTURES.values(), *WORDS.values(), *SENTENCES.values()) if "捕获" in text]


def test_every_language_has_a_page() -> None:
    assert set(LANGUAGES) == {"en", "zh"}
