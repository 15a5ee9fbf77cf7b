"""The written form of spoken text, with a map back: 幺三八 becomes 138, 三点五公斤 becomes 3.5公斤; every offset can be traced."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nlu.text.digits import DIGIT, number

_NUMERAL = "零〇一二两三四五六七八九幺十百千"
_UNIT = "号楼|号院|号线|号|栋|幢|座|单元|层|楼|室|弄|组|队|排|门|户|年|月|日|点|分|元|块|度|米|平|公斤|斤|升|寸|匹|台|次|个|天|小时|分钟|瓦|伏|转"
_RUN = re.compile(r"[零〇一二三四五六七八九幺](?:[ ]?[零〇一二三四五六七八九幺]){2,}")
_COUNTED = re.compile(rf"([{_NUMERAL}]+)(?=(?:{_UNIT}))")
_LETTER_CODE = re.compile(r"(?<=[A-Za-z])[ ]?([零〇一二三四五六七八九幺]+)")
# Fixed words that hold a numeral but count nothing.
_WORDS = re.compile(
    r"一点(?![零〇一二三四五六七八九十半钟])|一下|一直|一样|一块儿|一个劲|一会|十分(?!钟)|万一|一天到晚|三天两头|一层(?=[水灰油霜冰])"
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """``text`` is the written form; ``starts[i]``/``ends[i]`` give the spoken text's offsets of written character i."""

    text: str
    spoken: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the spoken text that the written stretch ``[start, end)`` came from."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else len(self.spoken)
            return at, at
        return self.starts[start], self.ends[end - 1]


def written_form(spoken: str) -> Written:
    """Digits read one by one (three or more) and counted numbers before a unit become Arabic; all else stays."""
    kept = [m.span() for m in _WORDS.finditer(spoken)]
    changes: list[tuple[int, int, str]] = []
    for pattern in (_RUN, _LETTER_CODE, _COUNTED):
        for match in pattern.finditer(spoken):
            group = 1 if pattern.groups else 0
            start, end = match.span(group)
            if any(start < b and a < end for a, b in kept) or any(start < b and a < end for a, b, _ in changes):
                continue
            value = number(re.sub(r"\s", "", match.group(group)))
            if value is not None:
                changes.append((start, end, value))
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for start, end, value in [*sorted(changes), (len(spoken), len(spoken), "")]:
        for i in range(at, start):
            pieces.append(spoken[i])
            starts.append(i)
            ends.append(i + 1)
        one_by_one = len(value) == end - start and all(c in DIGIT for c in spoken[start:end])
        for i, c in enumerate(value):
            pieces.append(c)
            starts.append(start + i if one_by_one else start)
            ends.append(start + i + 1 if one_by_one else end)
        at = end
    return Written(text="".join(pieces), spoken=spoken, starts=tuple(starts), ends=tuple(ends))
