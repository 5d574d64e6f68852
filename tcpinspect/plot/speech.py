"""The language of a picture: English, or Chinese where a font has its characters. Floor 4. Reading: none.

A picture with empty boxes for letters says nothing: where no font on this machine has Chinese, a picture is drawn in English
and one warning says so.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from tcpinspect.errors import UsageError

LANGUAGES = ("en", "zh")
Speech = Callable[..., str]

BASE_FONT = "DejaVu Sans"
# Families that hold simplified Chinese: free ones first, then those that come with other systems.
CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    # The regional faces of one collection hold the same characters.
    "Noto Sans CJK JP", "Noto Sans CJK TC", "Noto Sans CJK HK", "Noto Sans CJK KR", "Droid Sans Fallback", "AR PL UMing CN",
    "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Microsoft YaHei", "SimHei", "SimSun", "Noto Serif CJK SC", "Arial Unicode MS",
)  # fmt: skip
_FILE_HINTS = ("cjk", "wqy", "sourcehan", "notosanssc", "uming", "droidsansfallback", "pingfang", "msyh", "simhei")


class FontWarning(UserWarning):
    """Chinese was asked for and no font here has it."""


def speech(lang: str) -> tuple[Speech, list[str]]:
    """How to say things, `say("{n} segments", n=3)`, and the font families to write them with.

    Raises UsageError for a language there is not. Warns (FontWarning) and speaks English where no font has Chinese.
    """
    if lang not in LANGUAGES:
        raise UsageError(f'no language "{lang}" for pictures: there is {", ".join(LANGUAGES)}')
    if lang == "zh":
        font = chinese_font()
        if font is not None:
            from tcpinspect.plot.chinese import in_chinese

            return in_chinese, [BASE_FONT, font]
        warnings.warn(
            "no font with Chinese characters was found, so the picture is in English: install one, for example fonts-noto-cjk",
            FontWarning,
            stacklevel=4,
        )
    return in_english, [BASE_FONT]


def in_english(text: str, **values: Any) -> str:
    """The text with its values put in."""
    return text.format(**values) if values else text


@cache
def chinese_font() -> str | None:
    """The family of an installed font with Chinese characters, None without one."""
    from matplotlib import font_manager

    for again in (False, True):
        known = {entry.name for entry in font_manager.fontManager.ttflist}
        for name in CHINESE_FONTS:
            if name in known:
                return name
        if not again:
            # matplotlib remembers the fonts it once found: one that was installed since is added here.
            for path in font_manager.findSystemFonts():
                if any(hint in os.path.basename(path).lower().replace("-", "").replace("_", "") for hint in _FILE_HINTS):
                    try:
                        font_manager.fontManager.addfont(path)
                    except (OSError, RuntimeError):
                        continue
    return None
