"""How Chinese characters sound, folded as recognisers and dialects confuse them: zh=z, ch=c, sh=s, -ng=-n, n=l at the start."""

from __future__ import annotations

from functools import lru_cache

from pypinyin import Style
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.seg.mmseg import seg as phrases
from pypinyin.style import convert

_FLAT = {"zh": "z", "ch": "c", "sh": "s"}


class _Folded(dict[str, str]):
    """Folded syllables by what the dictionary writes: zhōng -> zon."""

    def __missing__(self, pinyin: str) -> str:
        folded = self[pinyin] = fold(convert(pinyin, Style.NORMAL, True, default=pinyin))
        return folded


_FOLDED = _Folded()


def _read(word: str) -> tuple[str, ...]:
    """The folded syllables of Chinese characters, as ``lazy_pinyin`` reads them: the longest phrases from left to right."""
    heard: list[str] = []
    for phrase in phrases.cut(word) if len(word) > 1 else (word,):
        known = PHRASES_DICT.get(phrase)
        if known is not None:
            heard += [_FOLDED[syllable[0]] for syllable in known]
        else:
            heard += [_FOLDED[PINYIN_DICT.get(ord(c), c).split(",")[0]] for c in phrase]
    return tuple(heard)


class _Table(dict[str, str]):
    """Syllables by character, looked up once; there are no more characters than Unicode has."""

    def __missing__(self, character: str) -> str:
        chinese = "\u4e00" <= character <= "\u9fff"
        self[character] = _read(character)[0] if chinese else character
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
    syllables = _read(text)
    return syllables if len(syllables) == len(text) else tuple(map(sound, text))


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
