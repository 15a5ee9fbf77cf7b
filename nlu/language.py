"""A guess at the language: enough to say that a text is not Chinese."""

from __future__ import annotations

import re
import unicodedata

_SCRIPTS = {
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "THAI": "th",
    "DEVANAGARI": "hi",
    "HEBREW": "he",
    "GREEK": "el",
    "LATIN": "en",
}


_CHINESE = re.compile("[\u4e00-\u9fff]+")
_KANA = re.compile("[\u3040-\u30ff]")


def language_of(text: str) -> str:
    """A BCP 47 tag from the scripts of the first 400 letters; "zh" when there are none."""
    head = text[:400]
    chinese = sum("\u4e00" <= c <= "\u9fff" for c in head)
    if chinese * 6 > len(head) and not any("\u3040" <= c <= "\u30ff" for c in head):
        return "zh"  # by far the most, and names of scripts are slow to look up
    counts: dict[str, int] = {}
    seen = 0
    for c in text:
        if not c.isalpha():
            continue
        script = unicodedata.name(c, "").split(" ")[0].split("-")[0]
        tag = _SCRIPTS.get(script, "und")
        counts[tag] = counts.get(tag, 0) + (
            3 if tag in ("zh", "ja", "ko") else 1
        )  # a character is a word, a letter is not
        seen += 1
        if seen >= 400:
            break
    if not counts:
        return "zh"
    best = max(counts, key=lambda tag: counts[tag])
    return "ja" if best == "zh" and counts.get("ja", 0) * 3 > counts["zh"] else best


def mostly_chinese(text: str) -> bool:
    """Whether enough of the letters are Chinese characters (one in twelve) for a model of Chinese to be asked."""
    rest = _CHINESE.sub("", text)
    chinese = len(text) - len(rest)
    foreign = sum(map(str.isalpha, rest))
    kana = len(_KANA.findall(rest))
    return chinese > 0 and chinese * 12 >= foreign and chinese >= kana
