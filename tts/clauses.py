"""What is to be said, written out as it is spoken and cut where a speaker takes breath: after the levels of an address,
between the groups of a number. A short first clause is heard early, and each is kept for the next time."""

from __future__ import annotations

import re
import unicodedata

DIGITS = "零幺二三四五六七八九"
COUNTED = "零一二三四五六七八九"
LONGEST = 24  # characters of a clause, written out
FULL = 9  # from here on a clause ends at the next place where it may
_NUMBER = re.compile(r"\d+")
_SIGNS = str.maketrans({"#": "号", "-": "杠", "~": "到", "+": "加", "/": "斜杠", "&": "和"})
_BREATH = re.compile(r"[，。、；：！？,;:!?\s]+")
_NOT_SPOKEN = re.compile(r"[^\u4e00-\u9fffA-Za-z，、]")
# After these an address may pause; after those of the second pattern it does, for what stands before is said again and again.
_LEVEL = re.compile(
    r"自治区|特别行政区|(?<![城超门夜早])[省市县](?!场|民|政|中心)|(?<![小社园校厂景院])区(?!间|域)|街道|[镇乡]|大道|[路街巷弄](?=[零一二三四五六七八九十百千幺])"
    r"|号楼|号院|号|小区|社区|园区|花园|公寓|大厦|广场|[幢栋座]|单元|[层楼](?!梯)"
)
_DIVISION = re.compile(r"(?<![小社园校厂景院])[区县]$")


def clauses(text: str) -> list[str]:
    """The clauses of a text; an empty list where there is nothing to say."""
    found: list[str] = []
    for run in _written_out(text).split("，"):
        found += _cut(run)
    return found


def _cut(run: str) -> list[str]:
    """A run without punctuation, cut after levels; what has none and is too long is cut in the middle."""
    found: list[str] = []
    clause = ""
    start = 0
    for level in [*_LEVEL.finditer(run), None]:
        piece = run[start : level.end()] if level else run[start:]
        start += len(piece)
        if clause and len(clause) + len(piece) > FULL + 3:
            found.append(clause)
            clause = ""
        clause += piece
        if level and (len(clause) >= FULL or _DIVISION.search(clause)):
            found.append(clause)
            clause = ""
    if clause and found and len(clause) < 3:
        found[-1] += clause
    elif clause:
        found.append(clause)
    return [one[at : at + LONGEST] for one in found for at in range(0, len(one), LONGEST)]


def _written_out(text: str) -> str:
    """Digits as words, signs as they are said; only what can be spoken stays. 「，」 parts clauses, 「、」 the groups of a number,
    which is said in one go: its melody tells where it is."""
    text = _BREATH.sub("，", unicodedata.normalize("NFKC", text))
    said = _NUMBER.sub(lambda found: _number(found[0], text[: found.start()], text[found.end() :]), text)
    return _NOT_SPOKEN.sub("", said.translate(_SIGNS))


def _number(digits: str, before: str, after: str) -> str:
    """As an address or a number is said: counted where it counts (128号: 一百二十八号), else digit by digit in groups."""
    room = after[:1] in ("室", "房") or after[:2] == "号房" or not after
    joined = before[-1:] == "-" or after[:1] == "-" or (before[-1:].isascii() and before[-1:].isalpha())
    if digits[0] != "0" and len(digits) <= (2 if room or joined else 4):
        return counted(int(digits))
    groups = [by_digit(group) for group in grouped(digits)]
    return f"，{'、'.join(groups)}，" if len(groups) > 1 else groups[0]


def by_digit(digits: str) -> str:
    return "".join(DIGITS[int(digit)] for digit in digits)


def grouped(digits: str) -> list[str]:
    """A number in the groups that it is told in: mobiles 3-4-4, area codes by themselves, the rest in fours or threes."""
    head: list[str] = []
    if len(digits) == 11 and digits[0] == "1":
        head, digits = [digits[:3]], digits[3:]
    elif len(digits) in (10, 11, 12) and digits[0] == "0":
        area = 3 if digits[1] in "12" else 4
        head, digits = [digits[:area]], digits[area:]
    elif len(digits) == 10 and digits[:3] in ("400", "800"):
        head, digits = [digits[:3]], digits[3:]
    if len(digits) <= 4:
        return [*head, digits]
    size = 4 if len(digits) % 4 in (0, 3) else 3
    first = len(digits) % size
    if first == 1:  # no group of one: 7 is 3 and 4, 10 is 3, 3 and 4
        return [*head, *(digits[at : at + size] for at in range(0, len(digits) - 4, size)), digits[-4:]]
    pieces = [digits[at : at + size] for at in range(first, len(digits), size)]
    return [*head, *([digits[:first]] if first else []), *pieces]


def counted(number: int) -> str:
    """A number below 10,000 in words."""
    if number < 10:
        return COUNTED[number]
    said, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            said += ("零" if gap and said else "") + COUNTED[digit] + name
            gap = False
        else:
            gap = bool(said)
    return said.removeprefix("一") if 10 <= number < 20 else said
