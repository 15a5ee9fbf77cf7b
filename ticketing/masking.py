"""How personal data looks to those who need not see it. Texts keep their length, so that spans and word times still fit.

A telephone number keeps its first three and last four digits, an address its administrative divisions, a mail address its
domain. In running text everything that looks like a number to call is covered, and every place a field points to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STAR = "*"
DIGIT = r"[0-9０-９〇零一二三四五六七八九两幺]"  # written and spoken digits
_DIGIT = re.compile(DIGIT)
_NUMBER = re.compile(rf"HT\d{{6}}-\d{{4,}}|(?:\+[ -]?)?{DIGIT}(?:[ \-—()（）]{{0,2}}{DIGIT}){{6,}}")
_DATE = re.compile(r"(?:19|20)\d\d-\d{1,2}-\d{1,2}(?:[ -]+\d{1,2})?$")
_MAIL = re.compile(r"[\w.+%-]+@(?=[\w-]+(?:\.[\w-]+)+)")
_DIVISIONS = re.compile(
    r"^(?:中国)?(?:[^\d\s]{2,8}?(?:特别行政区|自治区|省|市))?(?:[^\d\s]{2,11}?(?:自治州|地区|盟|市))?"
    r"(?:[^\d\s]{1,8}?(?:自治县|(?<![小社园校厂景])区|县|旗|市))?"
)
PERSONAL_FIELDS = frozenset({"phone", "address"})
_DIVISION_DETAILS = ("province", "city", "district", "code", "precision")


def phone(value: str) -> str:
    """``13812345678`` → ``138****5678``; a country code stays; a short number keeps its last two digits."""
    places = [match.start() for match in _DIGIT.finditer(value)]
    if value.startswith("+86"):
        places = places[2:]
    head, tail = (3, 4) if len(places) >= 8 else (0, min(2, len(places) // 2))
    hidden = set(places[head : len(places) - tail])
    return "".join(STAR if i in hidden else character for i, character in enumerate(value))


def address(value: str) -> str:
    """``北京市朝阳区望京街9号`` → ``北京市朝阳区*****``."""
    matched = _DIVISIONS.match(value)
    kept = matched.end() if matched else 0
    if not kept:
        kept = min(2, len(value) // 3)
    return value[:kept] + re.sub(r"\S", STAR, value[kept:])


def mail(value: str) -> str:
    return _MAIL.sub(lambda m: m[0][0] + STAR * (len(m[0]) - 2) + "@", value)


def identity(kind: str, value: str) -> str:
    """An identity of a customer on some channel."""
    if kind == "phone":
        return phone(value)
    if "@" in value:
        return mail(value)
    return value[:3] + STAR * max(0, len(value) - 5) + value[-2:] if len(value) > 5 else STAR * len(value)


def field(name: str, value: str) -> str:
    """A field's value; only telephone and address are personal enough to cover, others may still contain a number."""
    if name == "phone":
        return phone(value)
    return address(value) if name == "address" else value


def text(value: str, secrets: Iterable[tuple[str, str]] = (), spans: Iterable[tuple[str, int, int]] = ()) -> str:
    """Running text of the same length. ``secrets``: (field name, value) to cover wherever it stands; ``spans``: (field name,
    start, end) that a field points to."""
    covered = _NUMBER.sub(_number, mail(value))
    for name, start, end in spans:
        if name in PERSONAL_FIELDS and 0 <= start < end <= len(value):
            covered = covered[:start] + _merged(covered[start:end], field(name, value[start:end])) + covered[end:]
    for name, secret in secrets:
        if name in PERSONAL_FIELDS and len(secret) >= 4:
            covered = covered.replace(secret, field(name, secret))
    return covered


def _number(match: re.Match[str]) -> str:
    """Ticket numbers and dates are no telephone numbers."""
    return match[0] if match[0].startswith("HT") or _DATE.match(match[0]) else phone(match[0])


def _merged(one: str, other: str) -> str:
    """What either covers."""
    return "".join(STAR if STAR in (a, b) else a for a, b in zip(one, other, strict=True))


def words(heard: Sequence[Sequence[Any]], covered: str) -> list[list[Any]]:
    """A call's words as the covered text shows them: [text, start, end, confidence, offset, leg]."""
    shown: list[list[Any]] = []
    for word in heard:
        row = list(word)
        if len(row) > 4 and isinstance(row[4], int):
            row[0] = covered[row[4] : row[4] + len(str(row[0]))]
        shown.append(row)
    return shown


def meaning(name: str, resolved: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A resolved value or candidate {value, score, details}; of an address only its divisions stay."""
    if resolved is None or name not in PERSONAL_FIELDS:
        return dict(resolved) if resolved is not None else None
    details = resolved.get("details") or {}
    kept = {key: details[key] for key in _DIVISION_DETAILS if key in details} if name == "address" else {}
    return {
        "value": field(name, str(resolved.get("value", ""))),
        "score": resolved.get("score", 0.0),
        "details": kept,
    }


def details(values: Mapping[str, Any]) -> dict[str, Any]:
    """An event's details: what was made of which field, and free words in it."""
    name = str(values.get("name", ""))
    shown: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(value, str):
            shown[key] = value
        elif key in ("before", "after") and name in PERSONAL_FIELDS:
            shown[key] = field(name, value)
        else:
            shown[key] = text(value)
    return shown
