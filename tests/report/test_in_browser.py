"""The page in a reader's hands: a real Chromium points, clicks, types, follows links and prints. Skips where there is none."""

from __future__ import annotations

import importlib.util
import json
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import tcpinspect as ti
from tcpinspect.report.html import LIMIT, html_report

HERE = Path(__file__).parent
CAPTURES = HERE.parents[1] / "captures"
MANY = CAPTURES / "many-connections.pcapng"
LOSSY = CAPTURES / "lossy-transfer.pcap"
ROWS = "#connection-rows tr:not([hidden])"


def _load(path: Path) -> ModuleType:
    """A module of a directory that is no package."""
    spec = importlib.util.spec_from_file_location(f"beside_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


chromium = _load(HERE.parent / "browser.py")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if chromium.Browser.find() is None:
        pytest.skip("no chromium (Debian package chromium): the page is not tried in a browser")
    try:
        started = chromium.Browser(tmp_path_factory.mktemp("browser"))
        started.ask("Browser.getVersion")
    except (chromium.BrowserFailed, OSError) as error:
        pytest.skip(f"chromium does not run here: {error}")
    with started:
        yield started


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[ti.Analysis, Path]:
    return _written(ti.analyze(str(MANY)), tmp_path_factory)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> tuple[ti.Analysis, Path]:
    return _written(ti.analyze(str(LOSSY)), tmp_path_factory)


def _written(analysis: ti.Analysis, factory: pytest.TempPathFactory) -> tuple[ti.Analysis, Path]:
    path: Path = factory.mktemp("page") / "page.html"
    path.write_text(html_report(analysis), encoding="utf-8")
    return analysis, path


def _streams(page: Any) -> list[int]:
    found: list[int] = page.value(f"Array.from(document.querySelectorAll('{ROWS}'), (row) => Number(row.cells[0].dataset.v))")
    return found


def _card(page: Any) -> str:
    page.wait("!document.getElementById('card').hidden")
    return str(page.value("document.getElementById('card').innerText"))


def test_pointing_at_an_arrow_shows_its_header_and_why(browser: Any, lossy: tuple[ti.Analysis, Path]) -> None:
    analysis, path = lossy
    page = browser.open(path, fragment="stream-0")
    segment = analysis.connections[0].segments[1]
    page.move(f'svg.ladder .arrow[data-frame="{segment.frame}"]')
    text = _card(page)
    assert f"frame {segment.frame}" in text and "Accepts, acknowledges the SYN." in text
    assert f"{segment.seq_raw}" in text and f"{segment.ack_raw}" in text and f"0x{segment.checksum:04x}" in text
    assert segment.options.replace(",", ", ") in text
    lit = page.value("Array.from(document.querySelectorAll('#card .flags .on'), (one) => one.textContent)")
    assert sorted(lit) == ["ACK", "SYN"]
    page.press("Escape")
    assert page.value("document.getElementById('card').hidden")
    assert page.complaints() == []


def test_the_card_of_a_retransmission_tells_what_why_tells(browser: Any, lossy: tuple[ti.Analysis, Path]) -> None:
    analysis, path = lossy
    frame = next(s.frame for s in analysis.connections[0].segments if s.retransmission)
    page = browser.open(path, fragment=f"frame={frame}")
    page.wait(f"document.querySelector('.time-ladder .arrow[data-frame=\"{frame}\"]')")
    page.move(f'.time-ladder .arrow[data-frame="{frame}"]')
    text, why = _card(page), analysis.why(frame)
    assert why.sentence in text and all(line in text for line in why.details)


def test_clicking_an_arrow_selects_its_row_and_a_row_its_arrow(browser: Any, lossy: tuple[ti.Analysis, Path]) -> None:
    analysis, path = lossy
    page = browser.open(path, fragment="stream-0")
    frame = analysis.connections[0].segments[2].frame
    page.click(f'svg.ladder .arrow[data-frame="{frame}"]')
    page.wait(f"document.querySelector('tr[data-row=\"{frame}\"][aria-current=true]')")
    assert page.value("location.hash") == f"#frame={frame}"
    box = page.value(
        "(() => { const r = document.querySelector('tr[aria-current]').getBoundingClientRect(); return [r.top, r.bottom, innerHeight]; })()"
    )
    assert 0 <= box[0] < box[1] <= box[2], "the row can be seen"
    other = analysis.connections[0].segments[-1].frame
    page.click(f'tr[data-row="{other}"]')
    marked = page.value(
        "Array.from(document.querySelectorAll('.arrow[aria-current]'), "
        "(one) => [one.dataset.frame, one.dataset.last || '', !!one.closest('.time-ladder')])"
    )
    assert [str(other), "", True] in marked and any(not in_time for *_, in_time in marked)
    assert page.value("document.querySelectorAll('tr[aria-current]').length") == 1


def test_every_segment_has_a_row_with_the_numbers_of_the_table(browser: Any, lossy: tuple[ti.Analysis, Path]) -> None:
    analysis, path = lossy
    page = browser.open(path, fragment="stream=0")
    page.value("document.getElementById('explore-0').open = true")
    page.wait("document.querySelector('.segments tbody tr')")
    cells = page.value(
        "Array.from(document.querySelectorAll('.segments tr[data-row]'), (row) => Array.from(row.cells, (cell) => cell.textContent))"
    )
    shown = [[int(c[0]), c[2], *(int(v.replace(",", "")) if v != "–" else None for v in c[4:8])] for c in cells]
    assert shown == [
        [s.frame, "client" if s.from_client else "server", s.seq, s.ack, s.payload_len, s.window] for s in analysis.connections[0].segments
    ]


def test_the_keyboard_goes_from_arrow_to_arrow_zooms_and_selects(browser: Any, lossy: tuple[ti.Analysis, Path]) -> None:
    analysis, path = lossy
    segments = analysis.connections[0].segments
    page = browser.open(path, fragment=f"frame={segments[0].frame}")
    page.value(f"document.querySelector('.time-ladder .arrow[data-frame=\"{segments[0].frame}\"]').focus()")
    focused = "document.activeElement.getAttribute('data-frame')"
    for expected in segments[1:4]:
        page.press("ArrowDown")
        assert page.value(focused) == str(expected.frame)
        assert f"frame {expected.frame}" in _card(page)
    page.press("End")
    assert page.value(focused) == str(segments[-1].frame)
    assert page.value("document.activeElement.getAttribute('role')") == "button"
    seen = "Number(document.querySelector('.range').textContent.split(' ')[0])"
    assert page.value(seen) == len(segments)
    page.press("+")
    page.press("+")
    assert 0 < page.value(seen) < len(segments)
    page.press("0")
    assert page.value(seen) == len(segments)
    page.press("Enter")
    page.wait(f"document.querySelector('tr[data-row=\"{segments[-1].frame}\"][aria-current=true]')")


def test_wheel_and_buttons_zoom_only_when_they_are_meant(browser: Any, lossy: tuple[ti.Analysis, Path]) -> None:
    analysis, path = lossy
    page = browser.open(path, fragment=f"frame={analysis.connections[0].segments[0].frame}")
    seen, total = "Number(document.querySelector('.range').textContent.split(' ')[0])", len(analysis.connections[0].segments)
    page.wheel(".time-ladder", -300)
    page.value("new Promise((done) => setTimeout(done, 100))")
    assert page.value(seen) == total, "the page scrolls, the picture stays"
    page.value("document.querySelector('.time-ladder .arrow').focus()")
    page.wheel(".time-ladder", -300)
    page.wait(f"{seen} < {total}")
    page.click(".zoom button[aria-label='Show the whole connection']")
    assert page.value(seen) == total
    page.click(".zoom button[aria-label='Zoom in']")
    assert page.value(seen) < total


def test_the_table_is_filtered_by_outcome_finding_and_address(browser: Any, many: tuple[ti.Analysis, Path]) -> None:
    analysis, path = many
    rows = analysis.connection_rows
    page = browser.open(path)
    page.value(
        "(() => { const o = document.getElementById('filter-outcome'); o.value = 'refused'; o.dispatchEvent(new Event('change')); })()"
    )
    refused = [row.stream for row in rows if row.handshake == "refused"]
    assert _streams(page) == refused and page.value("document.getElementById('shown').textContent") == f"{len(refused)} of {len(rows)}"
    page.click("#filter-reset")
    assert len(_streams(page)) == len(rows)
    kind = next(one.id for one in analysis.findings if one.stream is not None)
    page.value(
        f"(() => {{ const o = document.getElementById('filter-finding'); o.value = '{kind}'; o.dispatchEvent(new Event('change')); }})()"
    )
    assert _streams(page) == sorted({one.stream for one in analysis.findings if one.id == kind})
    page.click("#filter-reset")
    page.click("#filter")
    page.write(rows[0].client)
    assert _streams(page) == [row.stream for row in rows if rows[0].client in (row.client, row.server)]
    assert page.value("location.hash") == f"#find={rows[0].client}"


def test_the_heads_of_the_table_sort_it_both_ways(browser: Any, many: tuple[ti.Analysis, Path]) -> None:
    analysis, path = many
    page = browser.open(path)
    lasted = {row.stream: row.duration_ns for row in analysis.connection_rows}
    for turn, expected in ((True, "descending"), (False, "ascending")):
        page.click("#connection-table th:nth-child(6) button")
        assert page.value("document.querySelector('#connection-table th:nth-child(6)').getAttribute('aria-sort')") == expected
        assert [lasted[stream] for stream in _streams(page)] == sorted(lasted.values(), reverse=turn)


def test_deep_links_lead_to_a_connection_a_frame_and_a_filter(browser: Any, many: tuple[ti.Analysis, Path]) -> None:
    analysis, path = many
    page = browser.open(path, fragment="stream=7")
    assert page.value("document.activeElement.id") == "stream-7"
    without = next(stream for stream in range(len(analysis.connections)) if f'id="stream-{stream}"' not in path.read_text())
    last = analysis.connections[without].segments[-1].frame
    page = browser.open(path, fragment=f"frame={last}")
    assert page.value(f"!!document.querySelector('#stream-{without} tr[data-row=\"{last}\"][aria-current=true]')"), "a section made for it"
    kind = next(one.id for one in analysis.findings if one.stream is not None)
    page.value(f"location.hash = 'finding={kind}'")
    page.wait(f"document.getElementById('filter-finding').value === '{kind}'")
    assert 0 < len(_streams(page)) < len(analysis.connections)
    page.value("location.hash = 'frame=99999999'")
    page.wait("document.getElementById('told').textContent.includes('99999999')")
    page.value("location.hash = 'frame=%E0%A4%A&stream=<b>'")
    assert page.complaints() == []


def test_what_is_counted_leads_to_the_rows_that_were_counted(browser: Any, many: tuple[ti.Analysis, Path]) -> None:
    _, path = many
    page = browser.open(path)
    counts = page.value("Array.from(document.querySelectorAll('.outcomes a'), (a) => [a.hash, Number(a.querySelector('b').textContent)])")
    assert len(counts) > 2
    for hash_, number in counts:
        page.value(f"location.hash = {json.dumps(hash_)}")
        page.wait(f"document.querySelectorAll('{ROWS}').length === {number}")


def test_without_the_script_and_on_paper_all_but_the_segments_is_there(
    browser: Any, many: tuple[ti.Analysis, Path], lossy: tuple[ti.Analysis, Path], tmp_path: Path
) -> None:
    _, path = many
    still = tmp_path / "still.html"
    still.write_text(re.sub(r"<script>.*</script>", "", path.read_text(), flags=re.S))
    page = browser.open(still)
    assert page.value("document.querySelectorAll('#connection-rows tr').length") == 61
    assert page.value("Array.from(document.querySelectorAll('.tools, .explore, .script-only')).every((one) => !one.offsetParent)")
    assert "octets" in page.value("Array.from(document.querySelectorAll('svg.ladder title'), (one) => one.textContent).join()")
    printed = browser.open(lossy[1]).printed()
    assert printed.startswith(b"%PDF") and printed.count(b"/Type /Page\n") > 2


def test_hostile_comments_stay_text_in_the_browser(browser: Any, tmp_path: Path) -> None:
    evil = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202e\x1b[2J"
    path = tmp_path / "hostile.pcapng"
    path.write_bytes(_commented(CAPTURES / "normal-close-by-client.pcap", evil))
    analysis = ti.analyze(str(path))
    assert [frame for frame, _ in analysis.capture.comments] == [1]
    page_path = tmp_path / "page.html"
    page_path.write_text(html_report(analysis), encoding="utf-8")
    page = browser.open(page_path, fragment="frame=1")
    page.move('.time-ladder .arrow[data-frame="1"]')
    text = _card(page)
    assert "<script>document.title='owned'</script>" in text and r"\u202e\x1b[2J" in text
    assert page.value("document.title") == "TCP connections in hostile.pcapng"
    assert page.value("document.querySelectorAll('img, script:not([id])').length") == 1 and page.complaints() == []


def _commented(capture: Path, comment: str) -> bytes:
    """A pcap as pcapng, its first packet with a comment (option 1 of an enhanced packet block)."""
    data = capture.read_bytes()
    order, fraction = ("<", 1) if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else (">", 1)
    nano = data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    fraction = 1_000_000_000 if nano else 1_000_000
    link = struct.unpack(order + "I", data[20:24])[0]

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    text = comment.encode()
    option = struct.pack("<HH", 1, len(text)) + text + bytes(-len(text) % 4) + bytes(4)
    resolution = struct.pack("<HHB3xHH", 9, 1, 9 if nano else 6, 0, 0)
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", link, 0, 0) + resolution)
    at, first = 24, True
    while at < len(data):
        seconds, rest, kept, length = struct.unpack(order + "IIII", data[at : at + 16])
        when = seconds * fraction + rest
        packet = data[at + 16 : at + 16 + kept]
        body = struct.pack("<IIIII", 0, when >> 32, when & 0xFFFFFFFF, kept, length) + packet + bytes(-kept % 4)
        out += block(6, body + (option if first else b""))
        at, first = at + 16 + kept, False
    return out


def test_two_thousand_connections_stay_small_and_answer(browser: Any, tmp_path: Path) -> None:
    traffic = _load(HERE.parent / "benchmarks" / "traffic.py")
    traffic.write(tmp_path / "big.pcap", 23_000)
    analysis = ti.analyze(str(tmp_path / "big.pcap"))
    assert len(analysis.connections) >= 2000
    text = html_report(analysis)
    assert len(text.encode()) <= LIMIT < 5_000_000
    path = tmp_path / "big.html"
    path.write_text(text, encoding="utf-8")
    page = browser.open(path, fragment="stream=1999")
    assert page.value("document.querySelectorAll('#connection-rows tr').length") == len(analysis.connections)
    assert page.value("document.activeElement.id") == "stream-1999"
    page.value("location.hash = 'outcome=bad'")
    page.wait(f"document.querySelectorAll('{ROWS}').length < {len(analysis.connections)}")
    assert page.complaints() == []
