"""How Chinese characters sound, folded as recognisers and dialects confuse them: zh=z, ch=c, sh=s, -ng=-n, n=l at the start."""

from __future__ import annotations

from functools import lru_cache

from pypinyin import Style, lazy_pinyin

_FLAT = {"zh": "z", "ch": "c", "sh": "s"}


class _Table(dict[str, str]):
    """Syllables by character, looked up once; there are no more characters than Unicode has."""

    def __missing__(self, character: str) -> str:
        chinese = "\u4e00" <= character <= "\u9fff"
        self[character] = fold(lazy_pinyin(character, style=Style.NORMAL)[0]) if chinese else character
        return self[character]


SOUND = _Table()


def sound(character: str) -> str:
    """The folded syllable of one Chinese character, without tone; any other character sounds like itself."""
    return SOUND[character]


def fold(syllable: str) -> str:
    for retroflex, flat in _FLAT.items():
        if syllable.startswith(retroflex):
            syllable = flat + syllable[len(retroflex) :]
    if syllable.endswith(("ang", "eng", "ing")):
        syllable = syllable[:-1]
    return syllable


@lru_cache(maxsize=30_000)
def sounds(text: str) -> tuple[str, ...]:
    """The folded syllables of a word, read as a word: 调 is tiao in 空调, diao alone."""
    if not text or not all("\u4e00" <= c <= "\u9fff" for c in text):
        return tuple(map(sound, text))
    syllables = lazy_pinyin(text, style=Style.NORMAL)
    return tuple(map(fold, syllables)) if len(syllables) == len(text) else tuple(map(sound, text))


def distance(one: str, other: str) -> float:
    """0 for the same sounds, 1 for nothing alike: edit distance over syllables, half cost where initial or final agrees."""
    a, b = sounds(one), sounds(other)
    if not a or not b:
        return 1.0
    row = [float(j) for j in range(len(b) + 1)]
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], float(i)
        for j, y in enumerate(b, 1):
            cost = 0.0 if x == y else 0.5 if _near(x, y) else 1.0
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + cost)
    return row[-1] / max(len(a), len(b))


def _near(x: str, y: str) -> bool:
    return len(x) > 1 and len(y) > 1 and (x[0] == y[0] or x[1:] == y[1:])
