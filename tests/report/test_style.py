"""The page's colours: every text stands out from what is behind it. Reading: WCAG 2.2, 1.4.3 (4.5 : 1) and 1.4.11 (3 : 1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tcpinspect as ti
from tcpinspect.report.html import html_report

CAPTURE = Path(__file__).parents[2] / "captures" / "normal-close-by-client.pcap"
SCHEMES = ("light", "dark", "print")
TEXTS = ("ink", "quiet", "link", "client", "server", "fine", "open", "bad", "info")
GROUNDS = ("paper", "card", "soft")
# Text on a ground of its own: badges, grades, the chosen row.
PAIRS = [("fine", "fine-soft"), ("open", "open-soft"), ("bad", "bad-soft"), ("info", "info-soft"), ("card", "bad"),
         *((text, "info-soft") for text in ("ink", "quiet", "link", "client", "server", "bad"))]  # fmt: skip


def schemes() -> dict[str, dict[str, str]]:
    """The variables of each scheme; a scheme has those of the light one where it says nothing."""
    page = html_report(ti.analyze(str(CAPTURE)))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    roots = re.findall(r"(@media [^{]+\{\s*)?:root \{(.*?)\}", style, re.S)
    found: dict[str, dict[str, str]] = {}
    for media, body in roots:
        name = "dark" if "dark" in media else "print" if "print" in media else "light"
        found[name] = {**found.get("light", {}), **dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", body))}
    return found


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01), "the best-known grey that just fails"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_can_be_read(scheme: str) -> None:
    colors = schemes()[scheme]
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS] + PAIRS
    weak = {f"{a} on {b}": round(ratio, 2) for a, b in pairs if (ratio := contrast(colors[a], colors[b])) < 4.5}
    assert not weak, scheme


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_focus_can_be_seen(scheme: str) -> None:
    colors = schemes()[scheme]
    assert all(contrast(colors["focus"], colors[ground]) >= 3 for ground in GROUNDS)


def test_the_name_of_a_state_can_be_read_in_its_bar() -> None:
    page = html_report(ti.analyze(str(CAPTURE)))
    states = re.findall(r"\.st-([a-z0-9-]+) \{ --st: (#[0-9a-f]{6}); --on: (#[0-9a-f]{6});", page)
    assert len(states) == 11
    assert not {name: round(ratio, 2) for name, ground, text in states if (ratio := contrast(ground, text)) < 4.5}
