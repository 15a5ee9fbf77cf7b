"""Putting the model's spans in order by rules that need no learning: edges, numbers that the model missed, impossible values."""

from __future__ import annotations

import re

from nlu.values import phone_value, value_of

Found = tuple[int, int, str, float, str]  # start, end, field, confidence, component
_EDGES = " \t\n\u3000,，。；;、：:！!？?“”\"'《》<>【】[]|~…"
_MOBILE = re.compile(r"(?<![\d零〇一二三四五六七八九幺a-zA-Z-])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![\d-])")
_SPOKEN_MOBILE = re.compile(r"(?<![零〇一二三四五六七八九幺])[幺一][ ]?[三四五六七八九](?:[ 嗯呃]*[零〇一二三四五六七八九幺]){9}(?![零〇一二三四五六七八九幺十百])")
_NOT_MINE = re.compile(r"(?:师傅|工程师|客服|专员|原来|旧|之前|老号|作废).{0,12}$")


def tidy(text: str, spans: list[tuple[int, int, str, float]], *, expects: str = "") -> list[Found]:
    """Sorted, trimmed, without overlaps; fields whose value is impossible are dropped, clear numbers are added."""
    found: list[Found] = []
    for start, end, name, confidence in spans:
        while start < end and text[start] in _EDGES:
            start += 1
        while end > start and (text[end - 1] in _EDGES or (text[end - 1] in "(（" and name != "model")):
            end -= 1
        if start >= end:
            continue
        surface = text[start:end]
        if name == "phone" and not _possible_phone(surface):
            continue
        if name in ("model", "serial", "order") and not re.search(r"[0-9零〇一二三四五六七八九幺]", surface):
            continue
        if name == "address" and not re.search(r"[\u4e00-\u9fff0-9A-Za-z]", surface):
            continue
        if name in ("device", "fault", "brand", "contact_name") and not re.search(r"\w", surface):
            continue
        found.append((start, end, name, confidence, "entities"))
    found = _merged(text, found)
    for pattern in (_MOBILE, _SPOKEN_MOBILE):
        for match in pattern.finditer(text):
            overlapping = [f for f in found if f[0] < match.end() and match.start() < f[1]]
            if not overlapping and not _NOT_MINE.search(text[max(0, match.start() - 14) : match.start()]):
                found.append((match.start(), match.end(), "phone", 0.6, "numbers"))
    found.sort()
    return found


def _possible_phone(surface: str) -> bool:
    digits = phone_value(surface).split("-")[0]
    return 7 <= len(digits) <= 13


def _merged(text: str, found: list[Found]) -> list[Found]:
    """Joins two neighbours of one field that only a space (or, for addresses, a correction) separates."""
    out: list[Found] = []
    for item in sorted(found):
        if out and item[2] == out[-1][2] and item[2] in ("phone", "address", "order", "serial", "model"):
            start, end, name, confidence, component = out[-1]
            between = text[end : item[0]]
            if not between.strip(" ") and (name == "address" or (name == "phone" and not _possible_phone(text[start:end]))) and len(between) <= 2:
                out[-1] = (start, item[1], name, min(confidence, item[3]), component)
                continue
        out.append(item)
    return out


__all__ = ["tidy", "value_of"]
