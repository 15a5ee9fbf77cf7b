"""Explanations in both languages: every decision of a room is told as ``{"zh": ..., "en": ...}``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo


class Words(TypedDict):
    """One sentence in Chinese and in English."""

    zh: str
    en: str


def words(zh: str, en: str) -> Words:
    return {"zh": zh, "en": en}


def in_language(sentence: Words, language: str) -> str:
    return sentence["en"] if language.startswith("en") else sentence["zh"]


def span_words(span: timedelta) -> Words:
    """A length of time in hours and minutes, e.g. 2 小时 15 分钟 / 2 h 15 min; less than a minute in seconds."""
    seconds = int(abs(span).total_seconds())
    if seconds < 60:
        return words(f"{seconds} 秒", f"{seconds} s")
    hours, minutes = divmod(seconds // 60, 60)
    zh = [f"{hours} 小时"] * bool(hours) + [f"{minutes} 分钟"] * bool(minutes)
    en = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return words(" ".join(zh), " ".join(en))


def moment_words(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as a wall time of the zone, e.g. 2026-11-20 16:30."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
