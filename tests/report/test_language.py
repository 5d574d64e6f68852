"""Chinese: every text of the page's own is translated, numbers and names come through, and what is not is marked as English."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.engine.kinds import HANDSHAKES, TEARDOWNS
from tcpinspect.engine.links import REASONS
from tcpinspect.insight import doctor, meanings
from tcpinspect.insight.finding_kinds import KINDS
from tcpinspect.insight.outcome_words import outcome_sentences
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
        ("The client sent 5 bytes, in 1 segment.", ("客户端发送 5 字节，1 个报文段。",)),
        ("16 segments were sent again, 41 % of all segments (the client 8 times, the server never).", ("被重发，占全部的 41 %（客户端 8 次，服务器从未）",)),
        (
            "192.0.2.1:5 (the client) tried to open a connection to 192.0.2.2:80 (the server), asked 3 times within 3.07 s, and got no answer.",
            ("请求 3 次（3.07 s 内），没有得到应答",),
        ),
        ("1,264 octets, retransmission 32 ms after the first; lost", ("1,264 字节", "32 ms", "丢失")),
        ("asks again, retransmission 1.02 s after the first; no answer", ("再次请求", "1.02 s", "无应答")),
        ("The client closed (6.01 s after the start, frame 24); what the server did then was not captured.", ("6.01 s", "帧 24", "没有抓到")),
        (
            "Data is missing from the capture in 4 places. Doubtful: the capture lacks segments that did arrive (TI-CAP-07), the capture lost "
            "packets (TI-CAP-01) and the capture shuffled its packets (TI-CAP-06).",
            ("4 处", "存疑", "TI-CAP-07", "TI-CAP-01", "打乱了数据包的顺序（TI-CAP-06）"),
        ),
        (
            "The file could not be read as it should be: a packet of 538976288 octets, more than any capture holds, at byte 24, after packet 0: "
            "analysed up to there.",
            ("538976288 字节", "字节 24 处", "数据包 0 之后"),
        ),
        (
            "The file is not in the order in which the packets passed: 3 packets older than the one before in the file, 1 packet captured behind "
            "its own acknowledgment and 2 packets captured behind a later one, and the receiver missed nothing.",
            ("3 个早于", "1 个在对它的确认之后", "2 个在后发的之后"),
        ),
        (
            "2 resets in this connection may be forged: its supposed sender goes on 20 ms later (frame 9) and is acknowledged; its TTL is 33, that "
            "of its supposed sender's 4 segments 63 or 64; its number is 100 below the next one of its supposed sender.",
            ("2 个复位", "帧 9", "33", "63 或 64", "小 100"),
        ),
    ],
)  # fmt: skip
def test_numbers_and_names_come_through(text: str, parts: tuple[str, ...]) -> None:
    said = language("zh").sentence(text)
    assert all(part in said for part in parts), said
    assert not re.search("[a-z]{3,} [a-z]{2,}", said), said


def test_no_number_is_lost_on_the_way_into_chinese() -> None:
    number = re.compile(r"\d+(?:[.,]\d+)*")
    for path in sorted(CAPTURES.glob("*.pcap*")):
        analysis = ti.analyze(str(path))
        texts = [text for connection in analysis.connections for text in outcome_sentences(connection)]
        for text in texts + [finding.text for finding in analysis.findings] + [one.text for one in analysis.diagnoses]:
            said = language("zh").sentence(text)
            assert not Counter(number.findall(text)) - Counter(number.findall(said)), (path.name, text, said)
            assert not re.search(r"（）|[，：；]。| [，。]", said), (path.name, said)


def test_what_is_not_translated_is_marked_as_english_and_stays_text() -> None:
    assert (
        str(language("zh").told("An <odd> sentence, never seen before."))
        == '<span lang="en">An &lt;odd&gt; sentence, never seen before.</span>'
    )
    assert language("en").told("An <odd> sentence.") == "An &lt;odd&gt; sentence."


def test_all_that_may_be_wrong_with_a_capture_is_said_in_chinese() -> None:
    chinese = language("zh")
    texts = [text for advice in doctor._ADVICE.values() for text in advice] + [*doctor._BECAUSE.values(), *REASONS]
    assert not [text for text in texts if not chinese.knows(text)]
    for packed in ("gzip", "bzip2", "xz", "zstd"):
        assert chinese.knows(f"pcap, nanoseconds, little-endian, {packed}") and chinese.knows(f"pcapng, big-endian, {packed}")


def test_the_story_of_every_capture_of_ours_is_told_in_chinese() -> None:
    for path in sorted(CAPTURES.glob("*.pcap*")):
        page = html.html_report(ti.analyze(str(path)), lang="zh")
        shown = page.split("<script")[0]  # what the script says is translated in it
        assert '<span lang="en">' not in shown and not re.search(r"\boctets|; lost|no answer|\basks\b|-endian", shown), path.name
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
